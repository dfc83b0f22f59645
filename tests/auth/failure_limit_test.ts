import { assertEquals } from "@std/assert";
import { FailureLimit, networkOf } from "../../src/auth/failure_limit.ts";

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
