import { assertEquals } from "@std/assert";
import { FailureLimit, GuessLimit, networkOf } from "../../src/auth/throttle.ts";

const NETWORKS: readonly (readonly [address: string, network: string])[] = [
  ["192.0.2.1:4711", "192.0.2.1"],
  ["192.0.2.1", "192.0.2.1"],
  ["[::1]:1883", "0:0:0:0::/64"],
  ["[2001:db8:1:2:3:4:5:6]:1", "2001:db8:1:2::/64"],
  ["[2001:DB8:1:2::9]:1", "2001:db8:1:2::/64"],
  ["[2001:db8::9]:1", "2001:db8:0:0::/64"],
  ["[fe80::1%eth0]:1", "fe80:0:0:0::/64"],
  ["2001:db8::9", "2001:db8:0:0::/64"], // As a proxy writes it in X-Forwarded-For.
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["[::ffff:192.0.2.1]:1", "192.0.2.1"],
  ["[::ffff:c000:2ff]:1", "192.0.2.255"],
  ["::ffff:192.0.2.2", "192.0.2.2"],
  ["memory", "memory"],
  ["unix:/run/mqtt", "unix:/run/mqtt"],
];
for (const [address, network] of NETWORKS) {
  Deno.test(`networkOf() of ${address} is ${network}`, () => assertEquals(networkOf(address), network));
}

Deno.test("FailureLimit lets an address try as often as it may, and again with time", () => {
  let nowMs = 0;
  const limit = new FailureLimit({ burst: 2, perMinute: 60 }, () => nowMs);
  const take = (times: number, address = "a:1") => Array.from({ length: times }, () => limit.take(address));
  assertEquals(take(3), [true, true, false]);
  assertEquals(take(1, "b:1"), [true]);
  nowMs = 999;
  assertEquals(take(1), [false]);
  nowMs = 1_000;
  assertEquals(take(2), [true, false]);
  limit.giveBack("a:9");
  assertEquals(take(2), [true, false]);
  nowMs = 1e9;
  assertEquals(take(3), [true, true, false]); // Never more than the burst.
  limit.giveBack("unknown");
});

Deno.test("FailureLimit without a bound lets everybody try", () => {
  const limit = new FailureLimit({ burst: Infinity });
  for (let number = 0; number < 1_000; number++) assertEquals(limit.take("a:1"), true);
});

Deno.test("FailureLimit remembers a bounded number of addresses, those that were used last", () => {
  const limit = new FailureLimit({ burst: 1, perMinute: 0.001 }, () => 0);
  limit.take("first");
  for (let number = 0; number < 9_999; number++) limit.take(`${number}.x`);
  assertEquals(limit.take("first"), false);
  for (let number = 0; number < 9_999; number++) limit.take(`${number}.y`);
  assertEquals(limit.take("first"), false);
  for (let number = 0; number < 10_000; number++) limit.take(`${number}.z`);
  assertEquals(limit.take("first"), true); // It was forgotten.
});

Deno.test("GuessLimit trusts a user where it was right, until ten times as many guesses came in its name, and again with time", () => {
  let nowMs = 0;
  const limit = new GuessLimit({ burst: 2, perMinute: 60 }, () => nowMs);
  const fail = (first: number, count: number, network = "a", userName = "ann") => {
    for (let guess = first; guess < first + count; guess++) limit.failed(network, userName, `${network} ${guess}`);
  };
  assertEquals(limit.trusts("a", "ann"), false); // It was not right yet.
  fail(0, 100);
  limit.succeeded("a", "ann");
  assertEquals([limit.trusts("a", "ann"), limit.trusts("b", "ann"), limit.trusts("a", "bob")], [true, false, false]);
  fail(0, 100, "a", "bob");
  fail(0, 100, "b");
  fail(100, 19);
  assertEquals(limit.trusts("a", "ann"), true);
  limit.succeeded("a", "ann"); // Does not begin anew.
  fail(119, 1);
  assertEquals(limit.trusts("a", "ann"), false);
  nowMs = 1_000;
  assertEquals(limit.trusts("a", "ann"), true);
});

Deno.test("GuessLimit counts the same words once: a client that is set up wrongly does not guess", () => {
  const limit = new GuessLimit({ burst: 1, perMinute: 0.001 }, () => 0);
  limit.succeeded("a", "ann");
  for (let attempt = 0; attempt < 1_000; attempt++) limit.failed("a", "ann", `a wrong ${attempt % 2}`);
  assertEquals(limit.trusts("a", "ann"), true);
});

Deno.test("GuessLimit remembers a bounded number of users that were right, and guesses make none", () => {
  const limit = new GuessLimit({ burst: 1, perMinute: 0.001 }, () => 0);
  limit.succeeded("a", "ann");
  for (let guess = 0; guess < 20_000; guess++) limit.failed("a", `user ${guess}`, `${guess}`);
  assertEquals(limit.trusts("a", "ann"), true);
  for (let user = 0; user < 10_000; user++) limit.succeeded("a", `user ${user}`);
  assertEquals([limit.trusts("a", "ann"), limit.trusts("a", "user 9999")], [false, true]);
});
