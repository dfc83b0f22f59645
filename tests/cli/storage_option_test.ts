import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../src/cli/config_error.ts";
import { parseStorageOption, stateDirectory } from "../../src/cli/storage_option.ts";

Deno.test("parseStorageOption() reads memory, kv, a path and a URL", () => {
  assertEquals(parseStorageOption("memory"), { kind: "memory" });
  assertEquals(parseStorageOption("kv"), { kind: "defaultKv" });
  assertEquals(parseStorageOption("kv:./a b/mqtt.kv"), { kind: "kv", location: "./a b/mqtt.kv" });
  assertEquals(parseStorageOption("kv:https://kv.example.com/1"), { kind: "kv", location: "https://kv.example.com/1" });
  assertEquals(parseStorageOption("kv::memory:"), { kind: "kv", location: ":memory:" });
});

for (const text of ["", "kv:", "Memory", "KV", "file:/a", "./a.kv"]) {
  Deno.test(`parseStorageOption() refuses "${text}" and says what there is`, () => {
    assertThrows(() => parseStorageOption(text), ConfigError, 'write "memory", "kv", or a path as in "kv:/');
  });
}

const DIRECTORIES: readonly [
  os: typeof Deno.build.os,
  environment: Record<string, string>,
  directory: string | undefined,
][] = [
  ["linux", { HOME: "/home/a", XDG_STATE_HOME: "/state" }, "/state/brooklet"],
  ["linux", { HOME: "/home/a" }, "/home/a/.local/state/brooklet"],
  ["linux", { HOME: "/home/a", XDG_STATE_HOME: "" }, "/home/a/.local/state/brooklet"],
  ["linux", { HOME: "/home/a", XDG_STATE_HOME: "state" }, "/home/a/.local/state/brooklet"],
  ["linux", { HOME: "" }, undefined],
  ["freebsd", { XDG_STATE_HOME: "/state" }, "/state/brooklet"],
  ["darwin", { HOME: "/Users/a", XDG_STATE_HOME: "/state" }, "/Users/a/Library/Application Support/brooklet"],
  ["darwin", {}, undefined],
  ["windows", { LOCALAPPDATA: "C:\\Users\\a\\AppData\\Local" }, "C:\\Users\\a\\AppData\\Local\\brooklet"],
  ["windows", { HOME: "C:\\Users\\a" }, undefined],
];

for (const [os, environment, directory] of DIRECTORIES) {
  Deno.test(`stateDirectory() of ${os} with ${JSON.stringify(environment)} is ${directory}`, () => {
    assertEquals(stateDirectory(os, (name) => environment[name]), directory);
  });
}
