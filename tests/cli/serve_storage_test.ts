import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import denoJson from "../../deno.json" with { type: "json" };
import { connect, publish, RawClient, subscribe } from "../interop/raw_client.ts";
import { Stopwatch } from "../stopwatch.ts";
import { LOOPBACK, Program } from "./program.ts";
import { ProgramInProcess } from "./program_in_process.ts";
import type { TestIoOptions } from "./test_io.ts";

const REFUSED_WITHIN_MS = 3_000; // It has to start, too.

async function inFolder(check: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await check(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Starts it, has a session with a message that waits and a retained message, and ends it; then both are still there. */
async function checkKept(
  args: readonly string[],
  signal: "SIGTERM" | "SIGKILL",
  options?: TestIoOptions,
): Promise<void> {
  const listening = () => {
    const all = [...LOOPBACK, ...args];
    return signal === "SIGKILL" ? Program.listening(all, options) : ProgramInProcess.listening(all, options);
  };
  {
    await using program = await listening();
    const port = await program.port();
    using subscriber = await RawClient.connect({ port }, { clientId: "subscriber", cleanStart: false });
    await subscriber.send(subscribe(1, "door/+", 1), "e0 00");
    await subscriber.expect("90 03 0001 01");
    assertEquals(await subscriber.closed(), "");
    using publisher = await RawClient.connect({ port }, { clientId: "publisher" });
    await publisher.send(publish({ topic: "door/1", payload: "open", qos: 1, retain: true }));
    await publisher.expect("40 02 0001");
    program.kill(signal);
    if (signal === "SIGTERM") await publisher.closeInTurn();
    await program.ended();
  }
  await using program = await listening();
  const port = await program.port();
  using subscriber = await RawClient.open({ port });
  await subscriber.send(connect({ clientId: "subscriber", cleanStart: false }));
  await subscriber.expect("20 02 01 00", publish({ topic: "door/1", payload: "open", qos: 1 }));
  using other = await RawClient.connect({ port }, { clientId: "other" });
  await other.send(subscribe(1, "door/1"));
  await other.expect("90 03 0001 00", publish({ topic: "door/1", payload: "open", retain: true }));
}

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  Deno.test(`brooklet --storage kv:PATH has its sessions and retained messages again after ${signal}`, async () => {
    await inFolder((folder) => checkKept(["--storage", `kv:${folder}/mqtt.kv`], signal));
  });
}

Deno.test("brooklet --storage kv keeps things in the platform's state directory, which it makes for its owner alone", async () => {
  await inFolder(async (folder) => {
    const options = { env: { XDG_STATE_HOME: `${folder}/state`, HOME: folder, LOCALAPPDATA: folder } };
    await checkKept(["--storage", "kv"], "SIGTERM", options);
    if (Deno.build.os !== "linux") return;
    const { mode } = await Deno.stat(`${folder}/state/brooklet`);
    assertEquals(Number(mode) & 0o777, 0o700);
    for await (const { name } of Deno.readDir(`${folder}/state/brooklet`)) {
      const { mode } = await Deno.stat(`${folder}/state/brooklet/${name}`);
      assertEquals(Number(mode) & 0o077, 0, name);
    }
  });
});

Deno.test("brooklet says where sessions are kept, and whether the file is new", async () => {
  await inFolder(async (folder) => {
    const args = [...LOOPBACK, "--storage", `kv:${folder}/mqtt.kv`];
    for (const isNew of [true, false]) {
      await using program = await ProgramInProcess.listening(args);
      const [line = ""] = await program.stderr.matching(/(?=Sessions and retained messages are kept in)/);
      assert(line.endsWith(`kept in ${folder}/mqtt.kv${isNew ? ", which is new" : ""}`), line);
      program.kill("SIGTERM");
      assertEquals((await program.ended()).code, 0);
    }
  });
});

Deno.test("brooklet does not start on a file that another one uses, and says who", async () => {
  await inFolder(async (folder) => {
    const args = [...LOOPBACK, "--storage", `kv:${folder}/mqtt.kv`];
    await using first = await Program.listening(args);
    await using second = new Program(args);
    const ending = second.ended();
    assertLess(await new Stopwatch(second.pid).msUntil(ending), REFUSED_WITHIN_MS);
    const { code, stderr, stdout } = await ending;
    assertEquals({ code, stdout, lines: stderr.length }, { code: 1, stdout: [], lines: 1 }, stderr.join("\n"));
    assertMatch(stderr[0] ?? "", new RegExp(`^brooklet: Cannot open \\S+mqtt\\.kv: .*\\b${first.pid}\\b`));
    await first.port();
  });
});

Deno.test("brooklet does not start on a file that is no storage, and leaves it as it is", async () => {
  await inFolder(async (folder) => {
    for (const contents of ["", "this is no storage\n".repeat(1_000)]) {
      const path = `${folder}/${contents.length}.kv`;
      await Deno.writeTextFile(path, contents);
      await using program = new ProgramInProcess([...LOOPBACK, "--storage", `kv:${path}`]);
      const { code, stderr, stdout } = await program.ended();
      assertEquals({ code, stdout, lines: stderr.length }, { code: 1, stdout: [], lines: 1 }, stderr.join("\n"));
      assertMatch(stderr[0] ?? "", /^brooklet: Cannot open \S+\.kv: /);
      assertEquals(await Deno.readTextFile(path), contents);
    }
  });
});

Deno.test("deno task start keeps sessions in the platform's state directory", () => {
  assertEquals(denoJson.tasks.start, "deno run -A mod.ts serve --storage kv");
});
