import { assertEquals } from "@std/assert";
import { SummarizedLog, type SummaryClock } from "../../src/cli/log/summarized_log.ts";
import { connect, RawClient } from "../interop/raw_client.ts";
import { ConfigurationFolder } from "./config/written_file.ts";
import { ProgramInProcess } from "./program_in_process.ts";

Deno.test("SummarizedLog writes the first 50 lines of 10 s, and counts the others when the next one comes", () => {
  const { clock, lines, log } = logged();
  for (let index = 0; index < 60; index++) log.line(`line ${index}`);
  assertEquals(lines.length, 50);
  assertEquals(lines.at(-1), "line 49");
  clock.nowMs = 9_999;
  log.line("too early");
  clock.nowMs = 10_000; // The timer is late.
  log.line("later");
  assertEquals(lines.slice(50), ["11 more lines like the last ones were left out", "later"]);
  clock.passTo(30_000);
  assertEquals(lines.length, 52);
});

Deno.test("SummarizedLog says by itself what it left out when the 10 s are over, as a line of the same kind", () => {
  const { clock, lines, kinds, log } = logged();
  clock.nowMs = 5_000;
  for (let index = 0; index < 53; index++) log.line("denied", "warning", { area: "access", clientId: "a" });
  clock.passTo(14_999);
  assertEquals(lines.length, 50);
  clock.passTo(15_000);
  assertEquals(lines.slice(50), ["3 more lines like the last ones were left out"]);
  assertEquals(kinds.at(-1), ["warning", { area: "access" }]);
  for (let index = 0; index < 51; index++) log.line("denied");
  clock.passTo(25_000);
  assertEquals(lines.slice(101), ["1 more lines like the last ones were left out"]);
});

Deno.test("SummarizedLog.close() says what was left out, and leaves no timer", () => {
  const { clock, lines, log } = logged();
  for (let index = 0; index < 52; index++) log.line("line");
  log.close();
  assertEquals(lines.slice(50), ["2 more lines like the last ones were left out"]);
  assertEquals(clock.waiting.size, 0);
  log.close();
  assertEquals(lines.length, 51);
});

Deno.test("brooklet says at its end how many refusals it left out", async () => {
  using folder = new ConfigurationFolder();
  const yaml = "listeners: [{ url: mqtt://127.0.0.1:0, maximumConnections: 1 }]\n";
  await using program = await ProgramInProcess.listening(["--config", folder.write("a.yaml", yaml)]);
  const port = await program.port();
  using only = await RawClient.connect({ port }, { clientId: "only" });
  for (let count = 0; count < 55; count++) {
    using client = await RawClient.open({ port });
    await client.closed();
  }
  program.kill("SIGTERM");
  await only.closeInTurn();
  const { stderr } = await program.ended();
  assertEquals(stderr.filter((line) => line.includes(" refused: ")).length, 50);
  assertEquals(stderr.slice(-2).map((line) => line.replace(/^\S+: /, "")), [
    "5 more lines like the last ones were left out",
    "Brooklet has ended",
  ]);
});

Deno.test("Many logins do not flood the log when the webhook is not there: the first ones are told, the others counted", async () => {
  using folder = new ConfigurationFolder();
  const yaml = `listeners: [{ url: mqtt://127.0.0.1:0 }]
authentication: { webhook: { url: "http://127.0.0.1:1/" } }
`;
  await using program = await ProgramInProcess.listening(["--config", folder.write("a.yaml", yaml)]);
  const port = await program.port();
  for (let count = 0; count < 20; count++) {
    using client = await RawClient.open({ port });
    await client.send(connect({ clientId: `client ${count}` }));
    assertEquals(await client.closed(), "20020005");
    if (count === 0) {
      await program.stderr.matching(
        /: Error: WebhookError: Cannot ask the webhook: it could not be reached\. See docs\/troubleshooting\.md#errors-of-hooks$/,
      );
    }
  }
  program.kill("SIGTERM");
  const { stderr } = await program.ended();
  assertEquals(stderr.filter((line) => line.includes("Cannot ask the webhook")).length, 5);
  assertEquals(stderr.at(-2)?.replace(/^\S+: /, ""), "15 more lines like the last ones were left out");
});

/** A clock that goes on when it is told. */
class TestClock implements SummaryClock {
  nowMs = 0;
  readonly waiting = new Set<{ readonly dueMs: number; run(): void }>();

  now(): number {
    return this.nowMs;
  }

  later(run: () => void, inMs: number): () => void {
    const timer = { dueMs: this.nowMs + inMs, run };
    this.waiting.add(timer);
    return () => this.waiting.delete(timer);
  }

  passTo(nowMs: number): void {
    this.nowMs = nowMs;
    for (const timer of this.waiting) {
      if (timer.dueMs > nowMs) continue;
      this.waiting.delete(timer);
      timer.run();
    }
  }
}

function logged() {
  const lines: string[] = [];
  const kinds: unknown[] = [];
  const clock = new TestClock();
  const log = new SummarizedLog(
    (line, ...kind) => {
      lines.push(line);
      kinds.push(kind);
    },
    undefined,
    clock,
  );
  return { clock, lines, kinds, log };
}
