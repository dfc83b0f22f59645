import { assertEquals } from "@std/assert";
import { configurationOf } from "../../src/cli/config/configuration.ts";
import type { ConfigurationInput } from "../../src/cli/config/schema.ts";
import { ConnectionGate } from "../../src/cli/connection_gate.ts";

const LISTENER = "mqtt://127.0.0.1:1883";

Deno.test("ConnectionGate lets in as many connections of a listener as it may have, and more when some have left", () => {
  const gate = new ConnectionGate();
  const configuration = configurationFor({
    listeners: [{ url: LISTENER, maximumConnections: 2 }, { url: "mqtt://127.0.0.1:0" }],
  });
  const come = (host: string, index = 0) => gate.refusalOf(peer(`${host}:1`), index, configuration);
  assertEquals([come("10.0.0.1"), come("10.0.0.2")], [undefined, undefined]);
  assertEquals(come("10.0.0.3"), `${LISTENER} has 2 connections already`);
  assertEquals(come("10.0.0.3", 1), undefined);
  assertEquals([gate.isFull(0, configuration), gate.isFull(1, configuration)], [true, false]);
  gate.left(peer("10.0.0.1:1"), 0);
  assertEquals(gate.isFull(0, configuration), false);
  assertEquals(come("10.0.0.3"), undefined);
});

Deno.test("ConnectionGate bounds the connections of an address, of IPv6 those of its network, and not those of a socket", () => {
  const gate = new ConnectionGate();
  const configuration = configurationFor({ connections: { maximumPerAddress: 1 } });
  const come = (address: string, transport = "tcp") => gate.refusalOf(peer(address, transport), 0, configuration);
  const refused = "its address has 1 connections already";
  assertEquals([come("10.0.0.1:1"), come("10.0.0.1:2"), come("10.0.0.2:1")], [undefined, refused, undefined]);
  assertEquals([come("[2001:db8::1]:1"), come("[2001:db8::2]:1"), come("[2001:db8:0:1::1]:1")], [
    undefined,
    refused,
    undefined,
  ]);
  assertEquals([come("unix:/run/a", "unix"), come("unix:/run/a", "unix")], [undefined, undefined]);
  gate.left(peer("10.0.0.1:1"), 0);
  assertEquals(come("10.0.0.1:3"), undefined);
});

Deno.test("ConnectionGate bounds how often an address begins a connection, with another number as soon as it is set", () => {
  const gate = new ConnectionGate();
  const come = (perMinutePerAddress: number, address = "10.0.0.1:1") => {
    const refusal = gate.refusalOf(peer(address), 0, configurationFor({ connections: { perMinutePerAddress } }));
    if (refusal === undefined) gate.left(peer(address), 0);
    return refusal;
  };
  const refused = "its address begins too many connections";
  assertEquals([come(2), come(2), come(2), come(2, "10.0.0.2:1")], [undefined, undefined, refused, undefined]);
  assertEquals(come(3), undefined);
});

function configurationFor(value: ConfigurationInput) {
  return configurationOf({ value, place: () => undefined, warnings: [] });
}

function peer(address: string, transport = "tcp") {
  return { transport, address, listener: LISTENER };
}
