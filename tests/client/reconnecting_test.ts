import { assert, assertEquals } from "@std/assert";
import { ReasonCode } from "../../mod.ts";
import { MqttError } from "../../src/codec/mod.ts";
import { isFinal, pause, reconnectDelayMs } from "../../src/client/reconnecting.ts";
import { StatusChanges } from "../../src/client/status.ts";

Deno.test("reconnectDelayMs() doubles up to the longest, and is random between half and all of it", () => {
  const options = { minimumDelayMs: 100, maximumDelayMs: 1_000 };
  const attempts = [1, 2, 3, 4, 5, 6, 1_000];
  assertEquals(attempts.map((attempt) => reconnectDelayMs(options, attempt, () => 0)), [
    50,
    100,
    200,
    400,
    500,
    500,
    500,
  ]);
  assertEquals(attempts.map((attempt) => reconnectDelayMs(options, attempt, () => 1)), [
    100,
    200,
    400,
    800,
    1_000,
    1_000,
    1_000,
  ]);
  const first = reconnectDelayMs({}, 1);
  assert(first >= 250 && first <= 500, "the default");
});

Deno.test("isFinal() knows what another attempt would not change", () => {
  const codes = [
    ReasonCode.NotAuthorized,
    ReasonCode.SessionTakenOver,
    ReasonCode.ServerMoved,
    ReasonCode.PacketTooLarge,
  ];
  for (const code of codes) assertEquals(isFinal(new MqttError("", code, "")), true);
  const others = [ReasonCode.ServerBusy, ReasonCode.ServerShuttingDown, ReasonCode.KeepAliveTimeout];
  for (const code of others) assertEquals(isFinal(new MqttError("", code, "")), false);
  assertEquals(isFinal(new Error("refused")), false);
});

Deno.test("pause() ends with its signal, and leaves no timer", async () => {
  const controller = new AbortController();
  const pausing = pause(1_000_000, controller.signal);
  controller.abort();
  await pausing;
  await pause(1_000_000, controller.signal);
});

Deno.test("a status that nobody reads is kept, of too many the last ones, up to closed", async () => {
  const changes = new StatusChanges({ kind: "closed", error: undefined });
  const error = new Error("lost");
  for (let attempt = 1; attempt <= 3; attempt++) changes.set({ kind: "reconnecting", attempt, delayMs: 0, error });
  const stream = changes.watch();
  for (let attempt = 4; attempt <= 200; attempt++) changes.set({ kind: "reconnecting", attempt, delayMs: 0, error });
  changes.set({ kind: "closed", error: undefined });
  const attempts: (number | "closed")[] = [];
  for await (const status of stream) attempts.push(status.kind === "reconnecting" ? status.attempt : "closed");
  assertEquals([attempts.length, attempts[0], attempts.at(-2), attempts.at(-1)], [100, 102, 200, "closed"]);
  assertEquals(changes.current.kind, "closed");
});
