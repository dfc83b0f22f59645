import { assertEquals, assertThrows } from "@std/assert";
import { Bans, type BanTarget } from "../../src/broker/access/bans.ts";

interface Row {
  readonly who: BanTarget;
  readonly against: Partial<Parameters<Bans["find"]>[0]>;
  readonly isBanned: boolean;
}

const ROWS: readonly Row[] = [
  { who: { clientId: "a" }, against: { clientId: "a" }, isBanned: true },
  { who: { clientId: "a" }, against: { principal: "a" }, isBanned: false },
  { who: { clientId: "a" }, against: { clientId: "A" }, isBanned: false },
  { who: { principal: "ann" }, against: { principal: "ann", clientId: "a" }, isBanned: true },
  { who: { principal: "undefined" }, against: { clientId: "ann" }, isBanned: false },
  { who: { address: "192.0.2.7" }, against: { address: "192.0.2.7:40312" }, isBanned: true },
  { who: { address: "192.0.2.7" }, against: { address: "192.0.2.70:40312" }, isBanned: false },
  { who: { address: "192.0.2.7" }, against: { address: "[::ffff:192.0.2.7]:40312" }, isBanned: true },
  { who: { address: "::ffff:192.0.2.7" }, against: { address: "192.0.2.7:40312" }, isBanned: true },
  { who: { address: "2001:db8::1" }, against: { address: "[2001:db8::ffff]:40312" }, isBanned: true },
  { who: { address: "2001:DB8:0:0::1" }, against: { address: "[2001:db8::1]:40312" }, isBanned: true },
  { who: { address: "2001:db8::1" }, against: { address: "[2001:db8:0:1::1]:40312" }, isBanned: false },
  { who: { address: "2001:db8::1" }, against: { address: "2001:db8::ffff" }, isBanned: true }, // Of X-Forwarded-For.
  { who: { address: "192.0.2.7" }, against: { address: "::ffff:192.0.2.7" }, isBanned: true },
  { who: { address: "192.0.2.7" }, against: { address: "unix" }, isBanned: false },
];
for (const { who, against, isBanned } of ROWS) {
  const verdict = isBanned ? "finds" : "does not find";
  Deno.test(`Bans.find() ${verdict} a ban of ${JSON.stringify(who)} against ${JSON.stringify(against)}`, () => {
    const bans = new Bans();
    const ban = { who, untilMs: 10, reason: "no" };
    bans.add(ban, 0);
    const candidate = { clientId: "", principal: undefined, address: "memory", ...against };
    assertEquals(bans.find(candidate, 9), isBanned ? ban : undefined);
    assertEquals(bans.find(candidate, 10), undefined);
    assertEquals(bans.delete(who), true);
    assertEquals(bans.find(candidate, 9), undefined);
  });
}

for (
  const address of [
    "",
    "192.0.2",
    "192.0.2.256",
    "192.0.2.07",
    "192.0.2.7.",
    "192.0.2.7:1883",
    "example.com",
    "[::1]",
    "::1%eth0",
  ]
) {
  Deno.test(`Bans.add() refuses the address "${address}"`, () => {
    assertThrows(() => new Bans().add({ who: { address }, untilMs: 1, reason: "" }, 0), RangeError, `"${address}"`);
  });
}

Deno.test("Bans.add() refuses what is not a time, and forgets bans that have ended", () => {
  const bans = new Bans();
  const a = { who: { clientId: "a" }, untilMs: 10, reason: "" };
  const b = { who: { clientId: "b" }, untilMs: Infinity, reason: "" };
  bans.add(a, 0);
  assertThrows(() => bans.add({ ...b, untilMs: NaN }, 5), RangeError, "NaN");
  assertEquals(bans.list(9), [a]);
  bans.add(b, 10);
  assertEquals(bans.delete(a.who), false);
  assertEquals(bans.list(10), [b]);
});
