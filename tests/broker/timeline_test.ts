import { assertEquals } from "@std/assert";
import type { MachineClock } from "../../mod.ts";
import { Timeline } from "../../src/broker/timeline.ts";

const NOW_MS = 1_800_000_000_000;
const KEPT_MS = 1_000_000; // Of the broker's own time, which is behind the wall clock by much.
const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;

interface Row {
  readonly name: string;
  /** What the storage has kept of the machine. */
  readonly kept?: { readonly uptimeMs: number; readonly bootId?: string };
  readonly machine?: MachineClock;
  /** By how much the wall clock has gone on since then. */
  readonly wallMs: number;
  readonly passedMs: number;
}

function machine(uptimeMs: number, bootId?: string): MachineClock {
  return { uptimeMs: () => uptimeMs, bootId };
}

const ROWS: readonly Row[] = [
  { name: "the wall clock alone says", wallMs: 5 * HOUR, passedMs: 5 * HOUR },
  { name: "a wall clock that went back says: none", wallMs: -5 * HOUR, passedMs: 0 },
  {
    name: "the wall clock says that agrees with the uptime, which is in whole seconds",
    kept: { uptimeMs: 100 * SECOND, bootId: "a" },
    machine: machine(160 * SECOND, "a"),
    wallMs: 61_999,
    passedMs: 61_999,
  },
  {
    name: "the uptime says where the wall clock was set forward",
    kept: { uptimeMs: 100 * SECOND, bootId: "a" },
    machine: machine(160 * SECOND, "a"),
    wallMs: 6 * 365 * DAY,
    passedMs: 60 * SECOND,
  },
  {
    name: "the uptime says where the wall clock was set back",
    kept: { uptimeMs: 100 * SECOND, bootId: "a" },
    machine: machine(160 * SECOND, "a"),
    wallMs: -2 * HOUR,
    passedMs: 60 * SECOND,
  },
  {
    name: "the wall clock says where the machine has booted, however long it runs",
    kept: { uptimeMs: 20 * SECOND, bootId: "a" },
    machine: machine(300 * SECOND, "b"),
    wallMs: 8 * HOUR,
    passedMs: 8 * HOUR,
  },
  {
    name: "the wall clock says on another machine",
    kept: { uptimeMs: 50 * DAY, bootId: "a" },
    machine: machine(100 * DAY, "b"),
    wallMs: 5 * SECOND,
    passedMs: 5 * SECOND,
  },
  {
    name: "the wall clock says where the uptime has begun again",
    kept: { uptimeMs: 50 * DAY },
    machine: machine(30 * SECOND),
    wallMs: 5 * HOUR,
    passedMs: 5 * HOUR,
  },
  {
    name: "the lesser one says where it is not known whether the machine has booted: a clock that was set",
    kept: { uptimeMs: 50 * DAY },
    machine: machine(50 * DAY + 10 * SECOND),
    wallMs: 2 * HOUR,
    passedMs: 10 * SECOND,
  },
  {
    name: "the lesser one says where it is not known whether the machine has booted: another machine",
    kept: { uptimeMs: 50 * DAY, bootId: "a" },
    machine: machine(100 * DAY),
    wallMs: 5 * SECOND,
    passedMs: 5 * SECOND,
  },
  {
    name: "the wall clock says where the uptime was not kept",
    machine: machine(100 * DAY, "a"),
    wallMs: 5 * HOUR,
    passedMs: 5 * HOUR,
  },
  {
    name: "the wall clock says where the uptime is no number",
    kept: { uptimeMs: 50 * DAY, bootId: "a" },
    machine: machine(NaN, "a"),
    wallMs: 5 * HOUR,
    passedMs: 5 * HOUR,
  },
  {
    name: "the wall clock says where the uptime cannot be asked",
    kept: { uptimeMs: 50 * DAY, bootId: "a" },
    machine: {
      uptimeMs: () => {
        throw new Error("not permitted");
      },
      bootId: "a",
    },
    wallMs: 5 * HOUR,
    passedMs: 5 * HOUR,
  },
];

for (const { name, kept, machine, wallMs, passedMs } of ROWS) {
  Deno.test(`Timeline.resume(), for how long no broker ran: ${name}`, () => {
    const timeline = new Timeline({ monotonicMs: () => 70, wallMs: () => NOW_MS + wallMs }, machine);
    timeline.resume({ kind: "clock", nowMs: KEPT_MS, wallMs: NOW_MS, ...kept });
    assertEquals([timeline.now(), timeline.at(71)], [KEPT_MS + passedMs, KEPT_MS + passedMs + 1]);
  });
}

Deno.test("A timeline is kept when it was not, when the wall clock was set by more than a second, and once a minute", () => {
  const clock = { monotonic: 0, wall: NOW_MS };
  const timeline = new Timeline(
    { monotonicMs: () => clock.monotonic, wallMs: () => clock.wall },
    machine(5 * SECOND, "a"),
  );
  const pass = (ms: number, setMs = 0) => {
    clock.monotonic += ms;
    clock.wall += ms + setMs;
  };
  pass(10);
  assertEquals([timeline.momentToKeepAgain(), timeline.lastMoment()], [undefined, undefined]);
  const boot = { uptimeMs: 5 * SECOND, bootId: "a" };
  assertEquals(timeline.momentToKeep(), { kind: "clock", nowMs: NOW_MS + 10, wallMs: NOW_MS + 10, ...boot });
  pass(59_990, 1_000);
  assertEquals(timeline.momentToKeep(), undefined);
  pass(0.4, 1);
  const set = { kind: "clock", nowMs: NOW_MS + 60_000, wallMs: NOW_MS + 61_001, ...boot } as const;
  assertEquals([timeline.look(), timeline.momentToKeepAgain(), timeline.momentToKeep()], [1_001, set, undefined]);
  assertEquals(timeline.look(), 0);
  pass(60_000);
  assertEquals(timeline.momentToKeepAgain()?.nowMs, NOW_MS + 120_000);
  assertEquals(timeline.lastMoment()?.nowMs, NOW_MS + 120_000);
});
