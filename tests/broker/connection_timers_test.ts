import { assertEquals, assertThrows } from "@std/assert";
import { Deadlines } from "../../src/broker/deadlines.ts";
import { ConnectionTimers, Due } from "../../src/broker/connection/timers.ts";

Deno.test("ConnectionTimers tells of each time once, and is one deadline until none is left", () => {
  const { deadlines, due, told } = connectionTimers();
  due.set(Due.Connect, 10);
  due.set(Due.Write, 30);
  due.set(Due.KeepAlive, 20);
  assertEquals(deadlines.size, 1);
  for (const nowMs of [9, 10, 15, 25]) deadlines.tick(nowMs);
  assertEquals(told, [[Due.Connect, 10], [Due.KeepAlive, 25]]);
  assertEquals(due.of(Due.KeepAlive), Infinity);
  assertEquals(due.of(Due.Write), 30);
  assertEquals(deadlines.size, 1);
  deadlines.tick(30);
  assertEquals(told.at(-1), [Due.Write, 30]);
  assertEquals(deadlines.size, 0);
});

Deno.test("ConnectionTimers.set() puts off, brings forward and takes back", () => {
  const { deadlines, due, told } = connectionTimers();
  due.set(Due.KeepAlive, 10);
  due.set(Due.KeepAlive, 20);
  deadlines.tick(19);
  assertEquals(told, []);
  due.set(Due.KeepAlive, 19.5);
  deadlines.tick(19.5);
  assertEquals(told, [[Due.KeepAlive, 19.5]]);
  due.set(Due.Close, 30);
  due.set(Due.Close, Infinity);
  deadlines.tick(100);
  assertEquals(told.length, 1);
  assertEquals(deadlines.size, 0);
});

Deno.test("ConnectionTimers.clear() takes all of it back, and what is set behind it is told again", () => {
  const { deadlines, due, told } = connectionTimers();
  due.set(Due.KeepAlive, 10);
  due.set(Due.Write, 20);
  due.clear();
  assertEquals(deadlines.size, 0);
  deadlines.tick(100);
  assertEquals(told, []);
  due.set(Due.Write, 110);
  deadlines.tick(110);
  assertEquals(told, [[Due.Write, 110]]);
});

Deno.test("ConnectionTimers: one that is set anew while it is told waits for its new time", () => {
  const { deadlines, due, told } = connectionTimers((what, nowMs) => {
    if (nowMs < 30) due.set(what, nowMs + 10);
  });
  due.set(Due.KeepAlive, 10);
  for (const nowMs of [10, 15, 20, 25, 30, 100]) deadlines.tick(nowMs);
  assertEquals(told, [[Due.KeepAlive, 10], [Due.KeepAlive, 20], [Due.KeepAlive, 30]]);
});

Deno.test("ConnectionTimers: an owner that throws is told of the others all the same", () => {
  const { deadlines, due, told } = connectionTimers((what) => {
    if (what === Due.Connect) throw new Error("no");
  });
  for (const what of [Due.Connect, Due.Write, Due.Close]) due.set(what, 10);
  const error = assertThrows(() => deadlines.tick(10), AggregateError);
  assertEquals(error.errors.map(({ message }) => message), ["no"]);
  assertEquals(told, [[Due.Connect, 10], [Due.Write, 10], [Due.Close, 10]]);
  assertEquals(deadlines.size, 0);
});

function connectionTimers(onDue: (what: Due, nowMs: number) => void = () => {}) {
  const deadlines = new Deadlines();
  const told: [Due, number][] = [];
  const timers = new ConnectionTimers(deadlines, (what, nowMs) => {
    told.push([what, nowMs]);
    onDue(what, nowMs);
  });
  return { deadlines, due: timers, told };
}
