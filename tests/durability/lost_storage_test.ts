/** A broker of which the file is taken away while it runs, or while it is stopped. */

import { assertEquals, assertLess, assertMatch } from "@std/assert";
import type { Program } from "../cli/program.ts";
import { printFigure } from "../hostile/broker_child.ts";
import { publish, RawClient } from "../interop/raw_client.ts";
import { Stopwatch } from "../stopwatch.ts";
import { DurableClient } from "./durable_client.ts";
import { KvFile } from "./kv_file.ts";

const ENDED_WITHIN_MS = 5_000;
const EXIT_STORAGE_LOST = 3;

Deno.test("A broker that was stopped while another one took its storage ends with 3 as soon as it goes on", async () => {
  await using file = await KvFile.create();
  await using first = await file.listening();
  const port = await first.port();
  const session = new DurableClient("session", 5);
  await session.connect(port);
  await session.subscribe("a", 1);
  using idle = await RawClient.connect({ port }, { clientId: "idle", version: 5 });
  using older = await RawClient.connect({ port }, { clientId: "older" });
  using publisher = await RawClient.connect({ port }, { clientId: "publisher" });

  first.kill("SIGSTOP");
  await Deno.remove(`${file.path}.lock`); // By somebody who takes it for one that a crash has left.
  await using second = await file.listening();
  await publisher.send(publish({ topic: "a", payload: "to the first", qos: 1 }));
  const own = new DurableClient("own", 5);
  await own.connect(await second.port());
  own.publish("a", "to the second", 1);
  await own.ping();

  first.kill("SIGCONT");
  const ms = await endsWithThree(
    first,
    /another broker has taken it over\. See docs\/troubleshooting\.md#storage-lost$/,
  );
  assertMatch(await idle.closed(), /^e0[0-9a-f]{2}8b/); // With 0x8B Server shutting down.
  assertEquals(await older.closed(), "");
  assertEquals((await publisher.closed()).includes("4002"), false); // No PUBACK.
  await session.ended();

  const got: string[] = [];
  const message = ({ payload }: { readonly payload: Uint8Array }) => got.push(new TextDecoder().decode(payload));
  const resumed = new DurableClient("session", 5, { message });
  assertEquals((await resumed.connect(await second.port())).sessionPresent, true);
  await resumed.ping();
  assertEquals(got, ["to the second"]);
  await Promise.all([resumed.drop(), own.drop()]);
  second.kill("SIGTERM");
  assertEquals((await second.ended()).code, 0);
  printFigure(`a broker whose storage was taken over ended with 3 after ${Math.round(ms)} ms`);
});

Deno.test("A broker whose file is deleted ends with 3, without a client that asks for anything, as docs/deploy.md says", async () => {
  const guide = await Deno.readTextFile(new URL("../../docs/deploy.md", import.meta.url));
  assertMatch(guide, /^\| 3 +\| the storage is lost .*deleted or replaced/m);
  await using file = await KvFile.create();
  await using broker = await file.listening();
  using idle = await RawClient.connect({ port: await broker.port() }, { clientId: "idle", version: 5 });
  await Deno.remove(file.path);
  await endsWithThree(
    broker,
    /the file was deleted or replaced; restore it\. See docs\/troubleshooting\.md#storage-lost$/,
  );
  assertMatch(await idle.closed(), /^e0[0-9a-f]{2}8b/);
});

/** Gives how long that took. */
async function endsWithThree(broker: Program, why: RegExp): Promise<number> {
  const ending = broker.ended();
  const ms = await new Stopwatch(broker.pid).msUntil(ending);
  const { code, stderr } = await ending;
  assertEquals(code, EXIT_STORAGE_LOST, stderr.join("\n"));
  const lines = stderr.filter((line) => line.includes("the storage is lost"));
  assertEquals(lines.length, 1, stderr.join("\n"));
  assertMatch(lines.join(), why);
  assertLess(ms, ENDED_WITHIN_MS);
  return ms;
}
