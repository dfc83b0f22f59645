/** Clients that wait for the storage: their packets are held until changes are durable, or it has to have room first. */

import { assertEquals } from "@std/assert";
import type { BrokerEvent } from "../../mod.ts";
import { StorageWait } from "../../src/broker/commits.ts";
import type { ConnectionHandle } from "../../src/broker/connection/connections.ts";
import { Deadlines } from "../../src/broker/deadlines.ts";

Deno.test("StorageWait.durable() wakes connections that hold packets, once, and not those that have ended", () => {
  const { wait, connection, told } = storageWait();
  const [a, b, c] = ["a", "b", "c"].map(connection) as [ConnectionHandle, ConnectionHandle, ConnectionHandle];
  for (const served of [a, b, c]) wait.wakeWhenDurable(served);
  wait.wakeWhenDurable(a);
  wait.ended(b);
  wait.durable();
  wait.durable();
  assertEquals(told, ["a wakes", "c wakes"]);
});

Deno.test("StorageWait.durable() leaves a connection for the next time that holds packets again when it is woken", () => {
  const { wait, connection, told } = storageWait();
  const served = connection("a");
  const again: ConnectionHandle = { ...served, wake: () => (told.push("a wakes"), wait.wakeWhenDurable(again)) };
  wait.wakeWhenDurable(again);
  wait.durable();
  assertEquals(told, ["a wakes"]);
  wait.durable();
  assertEquals(told, ["a wakes", "a wakes"]);
});

Deno.test("StorageWait.failed() ends connections that wait for what was not kept, and no others", () => {
  const { wait, connection, connections, told } = storageWait();
  for (const heldUntil of [3, 4, 7, 8, 0]) connections.push(connection(`${heldUntil}`, heldUntil));
  wait.failed(new Error("full"), 3, 7);
  assertEquals(told.filter((what) => what.endsWith("refused")), ["4 refused", "7 refused"]);
});

Deno.test("StorageWait tells a failure once in a minute, and when the storage keeps again", () => {
  const { wait, told, clock } = storageWait();
  const fail = () => wait.failed(new Error("full"), 0, 1);
  for (const nowMs of [0, 1_000, 59_999, 60_000, 61_000]) {
    clock.nowMs = nowMs;
    fail();
  }
  assertEquals(told, ["commitFailed", "commitFailed"]);
  wait.durable();
  wait.durable();
  assertEquals(told, ["commitFailed", "commitFailed", "commitRecovered"]);
  fail();
  assertEquals(told.at(-1), "commitFailed");
});

Deno.test("StorageWait.kept() resolves when something is kept, or after 30 s, or at the end", async () => {
  const { wait, deadlines } = storageWait();
  const kept = [wait.kept(0), wait.kept(10)];
  wait.durable();
  assertEquals(await Promise.all(kept), [true, true]);
  assertEquals(deadlines.size, 0);
  const late = [wait.kept(0), wait.kept(1)];
  deadlines.tick(29_999);
  assertEquals(deadlines.size, 2);
  deadlines.tick(30_000);
  assertEquals(deadlines.size, 1);
  wait.close();
  assertEquals(await Promise.all(late), [false, false]);
  assertEquals(deadlines.size, 0);
});

Deno.test("StorageWait.keeping() answers whether the storage keeps again", async () => {
  const { wait } = storageWait();
  const answers = [wait.keeping(0)];
  wait.durable();
  answers.push(wait.keeping(0));
  wait.close();
  assertEquals(await Promise.all(answers), [{ kind: "storage", isKeeping: true }, {
    kind: "storage",
    isKeeping: false,
  }]);
});

/** One over connections that tell what is done to them. */
function storageWait() {
  const deadlines = new Deadlines();
  const connections: ConnectionHandle[] = [];
  const told: string[] = [];
  const clock = { nowMs: 0 };
  const onEvent = ({ kind }: BrokerEvent) => told.push(kind);
  const wait = new StorageWait(deadlines, connections, () => clock.nowMs, onEvent);
  const connection = (name: string, heldUntil = 0) => ({
    connection: {
      outbox: { isHeldBetween: (after: number, until: number) => heldUntil > after && heldUntil <= until },
    },
    wake: () => told.push(`${name} wakes`),
    refuseHeld: () => told.push(`${name} refused`),
    // Nothing else of it is called.
  } as Partial<Record<keyof ConnectionHandle, unknown>> as ConnectionHandle);
  return { deadlines, connections, told, clock, wait, connection };
}
