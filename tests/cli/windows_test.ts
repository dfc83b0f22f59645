/** Decisions of the program on Windows, which tests on other systems can ask for too. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { whyNotPermitted } from "../../src/cli/serve/listen_error.ts";
import { endingSignals } from "../../src/cli/serve/signals.ts";
import { defaultLocation, StorageError } from "../../src/cli/storage_option.ts";

Deno.test("On Windows SIGTERM and SIGHUP end the broker too", () => {
  assertEquals(endingSignals("windows"), ["SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP"]);
  assertEquals(endingSignals("darwin"), ["SIGINT", "SIGTERM"]);
});

Deno.test("On Windows a port that is refused is reserved, and needs no privilege", () => {
  assertMatch(whyNotPermitted("windows"), /reserved.*excludedportrange/);
  assertMatch(whyNotPermitted("linux"), /privilege/);
});

Deno.test("The variable that the default storage lacks is named: HOME, on Windows LOCALAPPDATA", async () => {
  const environment = { get: () => undefined };
  await assertRejects(() => defaultLocation(environment, "windows"), StorageError, "LOCALAPPDATA is not set");
  await assertRejects(() => defaultLocation(environment, "linux"), StorageError, "HOME is not set");
});
