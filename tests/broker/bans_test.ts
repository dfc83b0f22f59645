import { assertEquals, assertThrows } from "@std/assert";
import { ReasonCode } from "../../mod.ts";
import { Bans, type BanTarget, Evictions, type EvictionTarget } from "../../src/broker/access/bans.ts";
import type { ConnectionHandle } from "../../src/broker/connection/connections.ts";

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

/** A connection that notes how it was ended. The evictions read no more of it than there is. */
function served(clientId: string, { principal, isAdmitted = true, isConnected = true, address = "192.0.2.7:1" }: {
  readonly principal?: string;
  readonly isAdmitted?: boolean;
  readonly isConnected?: boolean;
  readonly address?: string;
} = {}) {
  const ends: string[] = [];
  const connection = {
    clientId,
    principal,
    isConnected,
    closing: undefined as unknown,
    disconnect(reasonCode: ReasonCode, reason: string) {
      ends.push(`${reasonCode} ${reason}`);
      this.closing = reason;
    },
  };
  const handle = { connection, transport: { peer: { transport: "tcp", address, listener: "" } }, isAdmitted, ends };
  return handle as unknown as ConnectionHandle & { readonly ends: readonly string[] };
}

const TARGETS: readonly { readonly name: string; readonly who: EvictionTarget; readonly ended: readonly string[] }[] = [
  { name: "a Client Identifier", who: { clientId: "a" }, ended: ["a"] },
  { name: "a principal", who: { principal: "ann" }, ended: ["b", "c"] },
  { name: "a function", who: ({ clientId, principal }) => clientId > "a" && principal === "ann", ended: ["b", "c"] },
  { name: "a function of the peer", who: ({ peer }) => peer.address === "192.0.2.8:1", ended: ["c"] },
];
for (const { name, who, ended } of TARGETS) {
  Deno.test(`Evictions.disconnect() ends the connections of ${name} that have a place, once`, () => {
    const connections = [
      served("a"),
      served("b", { principal: "ann" }),
      served("c", { principal: "ann", address: "192.0.2.8:1" }),
      served("d", { principal: "ann", isAdmitted: false }),
    ];
    const evictions = new Evictions(connections, () => 0);
    assertEquals(evictions.disconnect(who, ReasonCode.AdministrativeAction, "out"), ended.length);
    const told = connections.filter(({ ends }) => ends.length > 0).map(({ connection }) => connection.clientId);
    assertEquals(told, [...ended]);
    assertEquals(connections.flatMap(({ ends }) => ends), ended.map(() => "152 out"));
    assertEquals(evictions.disconnect(who, ReasonCode.AdministrativeAction, "out"), 0); // They are closing.
    evictions.close();
  });
}

Deno.test("Evictions.disconnect() refuses what ends no connection, and ends none where a function fails", () => {
  const connections = [served("a"), served("b")];
  const evictions = new Evictions(connections, () => 0);
  const reasonCodes = [ReasonCode.Success, ReasonCode.DisconnectWithWillMessage, ReasonCode.Banned];
  for (const reasonCode of reasonCodes) {
    assertThrows(() => evictions.disconnect({ clientId: "a" }, reasonCode, ""), RangeError, `"${reasonCode}"`);
  }
  const fails = ({ clientId }: { readonly clientId: string }) => {
    if (clientId === "b") throw new Error("no idea");
    return true;
  };
  assertThrows(() => evictions.disconnect(fails, ReasonCode.AdministrativeAction, ""), Error, "no idea");
  assertEquals(connections.flatMap(({ ends }) => ends), []);
});

Deno.test("Evictions.ban() ends connections of its target, whether they have a place or not [MQTT-3.14.2-1]", () => {
  const [a, b, c] = [
    served("a"),
    served("b", { isAdmitted: false, isConnected: false }),
    served("c", { address: "unix" }),
  ];
  let nowMs = 0;
  const evictions = new Evictions([a, b, c], () => nowMs);
  const ban = { who: { address: "192.0.2.7" }, untilMs: 10, reason: "no" };
  assertEquals(evictions.ban(ban), 2);
  assertEquals([a.ends, b.ends, c.ends], [["152 no"], ["138 no"], []]); // DISCONNECT cannot say Banned.
  assertEquals([evictions.banOf(a), evictions.banOf(c)], [ban, undefined]);
  assertEquals(evictions.ban(ban), 0); // They are closing.
  assertEquals(evictions.bans(), [ban]);
  nowMs = 10;
  assertEquals([evictions.banOf(a), evictions.bans()], [undefined, []]);
  nowMs = 0;
  assertEquals(evictions.ban(ban), 0);
  assertEquals([evictions.unban(ban.who), evictions.unban(ban.who), evictions.banOf(a)], [true, false, undefined]);
  evictions.close();
});

Deno.test("Evictions end 200 connections in a turn, count each once, and drop the rest when the broker ends", async () => {
  const connections = Array.from({ length: 650 }, (_, index) => served(`c${index}`));
  const evictions = new Evictions(connections, () => 0);
  const ended = () => connections.filter(({ ends }) => ends.length > 0).length;
  assertEquals(evictions.disconnect(() => true, ReasonCode.AdministrativeAction, "out"), 650);
  assertEquals(evictions.disconnect(() => true, ReasonCode.AdministrativeAction, "out"), 0);
  assertEquals(ended(), 200);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(ended(), 400);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(ended(), 600);
  evictions.close();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(ended(), 600);
  assertEquals(evictions.disconnect({ clientId: "c649" }, ReasonCode.AdministrativeAction, "out"), 1); // It was dropped.
  evictions.close();
});
