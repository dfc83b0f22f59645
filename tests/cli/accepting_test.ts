import { assert, assertEquals } from "@std/assert";
import { configurationOf } from "../../src/cli/config/configuration.ts";
import type { ConfigurationInput } from "../../src/cli/config/settings.ts";
import { ConnectionGate } from "../../src/cli/serve/accepting.ts";

const LISTENER = "mqtt://127.0.0.1:1883";

Deno.test("ConnectionGate lets in as many connections of a listener as it may have, and more when some have left", () => {
  const gate = new ConnectionGate();
  const configuration = configurationFor({
    listeners: [{ url: LISTENER, maximumConnections: 2 }, { url: "mqtt://127.0.0.1:0" }],
  });
  for (const index of [0, 0, 1]) gate.entered(index);
  assertEquals([gate.ofListener(0), gate.ofListener(1)], [2, 1]);
  assertEquals([gate.isFull(0, configuration), gate.isFull(1, configuration)], [true, false]);
  gate.left(0);
  assertEquals(gate.isFull(0, configuration), false);
});

Deno.test("ConnectionGate bounds the connections of an address, and of IPv6 those of its network", () => {
  const gate = new ConnectionGate();
  const come = (address: string) => gate.refusalOf(address, { maximumPerAddress: 1 });
  const refused = "its address has 1 connections already";
  assertEquals([come("10.0.0.1:1"), come("10.0.0.1:2"), come("10.0.0.2:1")], [undefined, refused, undefined]);
  assertEquals([come("[2001:db8::1]:1"), come("[2001:db8::2]:1"), come("[2001:db8:0:1::1]:1")], [
    undefined,
    refused,
    undefined,
  ]);
  gate.ended("10.0.0.1:1");
  assertEquals(come("10.0.0.1:3"), undefined);
});

Deno.test("ConnectionGate counts a connection that it admits until it is over, and with those that it is told of later", () => {
  const gate = new ConnectionGate();
  const bounds = { maximumPerAddress: 2 };
  const refused = "its address has 2 connections already";
  const ended = gate.admit("10.0.0.1:1", bounds);
  assertEquals([gate.isAdmitted("10.0.0.1:1"), gate.isAdmitted("10.0.0.1:2")], [true, false]);
  assertEquals(gate.refusalOf("10.0.0.1", bounds), undefined);
  assertEquals([gate.admit("10.0.0.1:2", bounds), gate.refusalOf("10.0.0.1", bounds)], [refused, refused]);
  assert(typeof ended === "function");
  ended();
  assertEquals(gate.isAdmitted("10.0.0.1:1"), false);
  assertEquals([gate.refusalOf("10.0.0.1", bounds), gate.refusalOf("10.0.0.1", bounds)], [undefined, refused]);
});

Deno.test("ConnectionGate bounds how often an address begins a connection, with another number as soon as it is set", () => {
  const gate = new ConnectionGate();
  const come = (perMinutePerAddress: number, address = "10.0.0.1:1") => {
    const refusal = gate.refusalOf(address, { perMinutePerAddress });
    if (refusal === undefined) gate.ended(address);
    return refusal;
  };
  const refused = "its address begins too many connections";
  assertEquals([come(2), come(2), come(2), come(2, "10.0.0.2:1")], [undefined, undefined, refused, undefined]);
  assertEquals(come(3), undefined);
});

function configurationFor(value: ConfigurationInput) {
  return configurationOf({ value, place: () => undefined, warnings: [] });
}
