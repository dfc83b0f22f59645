/** Secrets that a trace must not keep, and packets that are not as they should be. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { Broker, type EnhancedAuthenticator, memoryTransport } from "../../../mod.ts";
import type { Trace } from "../../../src/admin/trace/trace.ts";
import type { TraceOptions } from "../../../src/admin/trace/trace_records.ts";
import { Traces } from "../../../src/admin/trace/traces.ts";
import { fromHex, toHex } from "../../codec/hex.ts";
import { within } from "../../deadline.ts";
import { exchanged, itemsOf, linesOf, settled, started, traced } from "./traced.ts";

const NEXT: TraceOptions = { next: true };
const PASSWORD = "hunter2!";

/** Trace of one connection that sends these bytes. */
async function tracedBytes(target: TraceOptions, ...chunks: string[]): Promise<Trace> {
  await using broker = await Broker.open();
  const traces = new Traces(broker);
  const trace = started(traces, target);
  await exchanged(broker, ...chunks);
  traces.close();
  return trace;
}

/** All that a trace says, its bytes as text too. */
async function saidBy(trace: Trace): Promise<string> {
  const page = await trace.records({ limit: 5_000 });
  const bytes: string[] = [];
  for await (const part of trace.pcapng()) bytes.push(String.fromCharCode(...part));
  const records = page.records.map((record) =>
    "bytes" in record ? String.fromCharCode(...Uint8Array.fromBase64(record.bytes)) : ""
  );
  return [JSON.stringify(page), ...records, ...bytes].join("\n");
}

Deno.test("a password is overwritten before a byte is kept, its length stays, in one piece or in many", async () => {
  const connect = `10 [ 'MQTT' 04 c2 0000 'a' 'eve' '${PASSWORD}' ]`;
  for (const chunks of [[connect], Array.from(hexOf(connect), (byte) => byte)]) {
    const trace = await tracedBytes({ clientId: "a" }, ...chunks);
    const said = await saidBy(trace);
    assertEquals(said.includes(PASSWORD), false);
    const [, connected] = await itemsOf(trace);
    assertEquals(new TextDecoder().decode(connected?.entry?.bytes.slice(-15)), "\0\x03eve\0\x08********");
    assertEquals(connected?.entry?.pieces?.length, chunks.length);
  }
});

Deno.test("Authentication Data of CONNECT, AUTH and CONNACK are overwritten", async () => {
  const count: EnhancedAuthenticator = {
    method: "COUNT",
    begin: () => ({
      next: (data) =>
        new TextDecoder().decode(data) === "secret-one"
          ? { kind: "continue", data: new TextEncoder().encode("secret-two") }
          : { kind: "accepted", data: new TextEncoder().encode("secret-four") },
    }),
  };
  const { lines, trace } = await traced(5, {
    target: { clientId: "a" },
    options: { enhancedAuthenticators: [count] },
    steps: [
      "a > 10 [ 'MQTT' 05 02 0000 { 15 'COUNT' 16 'secret-one' } 'a' ]",
      "a < f0 [ 18 { 15 'COUNT' 16 'secret-two' } ]",
      "a > f0 [ 18 { 15 'COUNT' 16 'secret-three' } ]",
      "a < 20 [ 00 00 { 15 'COUNT' 16 'secret-four' LIMITS } ]",
    ],
  });
  assertEquals(lines.map((line) => line.split(" ").slice(1, 3).join(" ")), [
    "▸ connection",
    "▸ CONNECT",
    "◂ AUTH",
    "▸ AUTH",
    "◂ CONNACK",
  ]);
  const said = await saidBy(trace);
  assertEquals(said.includes("secret-"), false);
  assertStringIncludes(said, "COUNT");
});

Deno.test("a CONNECT that the broker refuses is in the trace with its fault, and nothing that follows it", async () => {
  // The Remaining Length leaves the password out, which then follows as if it were a packet.
  const trace = await tracedBytes(NEXT, `10 15 'MQTT' 04 c2 0000 'a' 'eve' 0000 3006${toHex(bytesOf(PASSWORD))}`);
  const lines = await linesOf(trace);
  assertEquals(lines.length, 3, lines.join("\n"));
  assertStringIncludes(lines[1] ?? "", "CONNECT malformed");
  assertEquals((await saidBy(trace)).includes(PASSWORD.slice(2)), false);
});

Deno.test("a first packet that is of another protocol shows its first bytes only", async () => {
  const request = `GET / HTTP/1.1\r\nAuthorization: Basic ${PASSWORD}\r\n\r\n`;
  const trace = await tracedBytes(NEXT, toHex(bytesOf(request)));
  const [, first, ...others] = await itemsOf(trace);
  assertEquals(first?.entry?.bytes.length, request.length);
  assertStringIncludes(first?.entry?.summary.details ?? "", "malformed");
  assertEquals((await saidBy(trace)).includes(PASSWORD), false);
  assertEquals(others.map(({ note }) => note?.startsWith("connection closed by the broker")), [true]);
});

Deno.test("a first packet of another protocol is hidden also where its connection was there before the trace", async () => {
  await using broker = await Broker.open();
  const traces = new Traces(broker);
  const { server, client } = memoryTransport();
  const served = broker.serve(server);
  await settled();
  const trace = started(traces, { address: client.peer.address });
  const writer = client.writable.getWriter();
  await writer.write(bytesOf(`GET / HTTP/1.1\r\nAuthorization: Basic ${PASSWORD}\r\n\r\n`));
  writer.close().catch(() => {}); // The broker may have closed it.
  await within(served, "the end of the connection");
  client.close();
  traces.close();
  assertEquals((await itemsOf(trace)).some(({ entry }) => entry !== undefined), true);
  assertEquals((await saidBy(trace)).includes(PASSWORD), false);
});

Deno.test("a packet that is refused before it is whole stands before the answer", async () => {
  const { lines } = await traced(5, {
    target: { clientId: "a" },
    steps: ["a connects", "a > 30 ff ff ff 7f 00", "a told e0 95"],
  });
  assertEquals(lines.slice(3).map((line) => line.replace(/ \(.*/, "")), [
    "1 ▸ PUBLISH  · QoS 0",
    "1 ◂ DISCONNECT Packet too large",
    "1 ◂ connection closed by the broker: A packet has 268435460 bytes, at most 16777216 are accepted",
  ]);
});

Deno.test("a refused client is in its trace, with the answer and the reason", async () => {
  const { lines } = await traced(5, {
    target: { clientId: "a" },
    options: {
      authenticator: { authenticate: () => ({ isAccepted: false, reasonCode: 0x86, reason: "wrong password" }) },
    },
    steps: ["a > 10 [ 'MQTT' 05 02 0000 00 'a' ]", "a told 20 00 86"],
  });
  assertEquals(lines, [
    "1 ▸ connection opened",
    '1 ▸ CONNECT v5 "a" keep alive 0 s',
    "1 ◂ CONNACK Bad User Name or Password",
    "1 ◂ connection closed by the broker: wrong password",
  ]);
});

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function hexOf(hex: string): string[] {
  return toHex(fromHex(hex)).match(/../g) ?? [];
}
