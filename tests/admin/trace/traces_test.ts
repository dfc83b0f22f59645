/** Whose packets a trace has. */

import { assertEquals, assertThrows } from "@std/assert";
import { Broker, type BrokerOptions } from "../../../mod.ts";
import { Traces } from "../../../src/admin/trace/traces.ts";
import { isAddress } from "../../../src/admin/trace/trace_target.ts";
import type { TraceOptions } from "../../../src/admin/trace/trace_records.ts";
import { BINARY, clientFrame, closeFrame, joined, PING } from "../../transport/web_socket_client_frames.ts";
import { webSocketPair } from "../../transport/web_socket_servers.ts";
import { settled, started, traced } from "./traced.ts";

Deno.test("a trace of a client has its connection from CONNECT to its end, and nothing of others", async () => {
  const { lines } = await traced(4, {
    target: { clientId: "a" },
    steps: [
      "b connects",
      "a connects",
      "a > 82 [ 0001 'x' 00 ]",
      "a < 90 [ 0001 00 ]",
      "b > 30 [ 'x' \"hi\" ]",
      "a < 30 [ 'x' \"hi\" ]",
      "a disconnects",
      "a2 connects",
    ],
  });
  assertEquals(lines, [
    "1 ▸ connection opened",
    '1 ▸ CONNECT v3.1.1 "a" keep alive 0 s',
    "1 ◂ CONNACK Connection Accepted",
    "1 ▸ SUBSCRIBE x (QoS 0) · id 1",
    "1 ◂ SUBACK QoS 0 · id 1",
    "1 ◂ PUBLISH x · 2 B · QoS 0",
    "1 ▸ DISCONNECT",
    "1 ▸ connection closed by the client: the client disconnected",
    "2 ▸ connection opened",
    '2 ▸ CONNECT v3.1.1 "a" keep alive 0 s',
    "2 ◂ CONNACK Connection Accepted",
  ]);
});

Deno.test("a connection that exists is traced from now on, the packet that is under way in whole", async () => {
  const { lines, trace } = await traced(5, {
    target: { clientId: "a" },
    before: ["a connects", "a > 30 0a 0001 78 00 68"],
    steps: ["a > 656c6c6f", "a > 21 c0 00", "a < d0 00"],
  });
  assertEquals(lines, ["1 ▸ PUBLISH x · 6 B · QoS 0", "1 ▸ PINGREQ", "1 ◂ PINGRESP"]);
  const { connections: [connection] } = await trace.records();
  assertEquals([connection?.clientId, connection?.protocolVersion, connection?.isFromStart], ["a", 5, false]);
});

Deno.test("a trace that begins within a frame and a packet has the following frames at their place", async () => {
  const { server, client } = webSocketPair();
  await using broker = await Broker.open();
  const served = broker.serve(server);
  const writer = client.writable.getWriter();
  const publish = clientFrame({ opcode: BINARY, payload: `30070001${"78"}${"68656c6c"}c000` });
  await writer.write(joined([
    clientFrame({ opcode: BINARY, payload: "100d00044d51545404020000000161" }),
    publish.subarray(0, 11), // Up to the first byte of the payload.
  ]));
  await settled();
  const traces = new Traces(broker);
  const trace = started(traces, { clientId: "a" });
  await writer.write(
    joined([publish.subarray(11), clientFrame({ opcode: BINARY, payload: "c000" }), closeFrame(1000)]),
  );
  for await (const _ of client.readable);
  await served;
  traces.close();
  const pieces = (await trace.records()).records.map((record) =>
    record.kind === "packet" && !record.isSent
      ? record.pieces.map(({ source, start, end, frame }) => `${source} ${start}-${end} of ${frame?.length}`)
      : []
  ).filter(({ length }) => length > 0);
  assertEquals(pieces, [["0 0-5 of 5", "1 5-9 of 6"], ["1 0-2 of 6"], ["2 0-2 of 2"]]);
});

Deno.test("a trace has no frames of others, not even those that come with a CONNECT", async () => {
  const { server, client } = webSocketPair();
  await using broker = await Broker.open();
  const traces = new Traces(broker);
  const trace = started(traces, { clientId: "b" });
  const served = broker.serve(server);
  await client.writable.getWriter().write(joined([
    clientFrame({ opcode: BINARY, payload: "100d00044d51545404020000000161" }),
    clientFrame({ opcode: PING, payload: "2a" }),
    closeFrame(1000),
  ]));
  for await (const _ of client.readable);
  await served;
  traces.close();
  assertEquals([trace.facts.records, trace.facts.connections], [0, 0]);
});

Deno.test("a connection that is taken over ends in the trace with the reason, and the new one is a connection of its own", async () => {
  const { lines } = await traced(5, {
    target: { clientId: "a" },
    steps: ["a connects", "a2 connects", "a told e0 8e"],
  });
  assertEquals(lines.filter((line) => line.startsWith("1")).slice(-2), [
    "1 ◂ DISCONNECT Session taken over",
    "1 ◂ connection closed by the broker: another connection has the same Client Identifier",
  ]);
  assertEquals(lines.filter((line) => line.startsWith("2")).length, 3);
});

Deno.test("a trace of an address has all connections of it, with and without a port", async () => {
  const { lines } = await traced(4, { target: { address: "memory" }, steps: ["a connects", "a disconnects"] });
  assertEquals(lines.length, 5);
  const { lines: others } = await traced(4, { target: { address: "10.0.0.7" }, steps: ["a connects"] });
  assertEquals(others, []);
  for (
    const address of [
      "10.0.0.7",
      "10.0.0.7:4431",
      "2001:db8::7",
      "2001:DB8:0::7",
      "[2001:DB8::7]",
      "[2001:db8::7]:4431",
    ]
  ) {
    assertEquals(isAddress(address, address.includes(".") ? "10.0.0.7:4431" : "[2001:db8::7]:4431"), true);
  }
  assertEquals(isAddress("10.0.0.7", "10.0.0.70:4431"), false);
});

Deno.test("a trace of a user has who gives the name, and who the authenticator calls so", async () => {
  const options: BrokerOptions = {
    authenticator: {
      authenticate: ({ connect: { userName } }) =>
        userName === "token" ? { isAccepted: true, principal: "eve" } : { isAccepted: true },
    },
  };
  const { lines } = await traced(4, {
    target: { user: "eve" },
    before: ["d > 10 [ 'MQTT' 04 82 0000 'd' 'token' ]", "d < 20 02 00 00"],
    options,
    steps: [
      "a > 10 [ 'MQTT' 04 82 0000 'a' 'eve' ]",
      "a < 20 02 00 00",
      "b > 10 [ 'MQTT' 04 82 0000 'b' 'token' ]",
      "b < 20 02 00 00",
      "c > 10 [ 'MQTT' 04 82 0000 'c' 'bob' ]",
      "c < 20 02 00 00",
    ],
  });
  assertEquals(lines.filter((line) => line.includes("CONNECT")), [
    '1 ▸ CONNECT v3.1.1 "a" keep alive 0 s',
    '2 ▸ CONNECT v3.1.1 "b" keep alive 0 s',
  ]);
});

Deno.test("a trace of the next connection has that one alone, whosever it is", async () => {
  const { lines } = await traced(4, {
    target: { next: true },
    before: ["a connects"],
    steps: ["b connects", "c connects", "a > c0 00", "a < d0 00"],
  });
  assertEquals(lines, [
    "1 ▸ connection opened",
    '1 ▸ CONNECT v3.1.1 "b" keep alive 0 s',
    "1 ◂ CONNACK Connection Accepted",
  ]);
});

Deno.test("a trace of a topic has PUBLISH that its filter matches, also behind an alias, and filters that overlap it", async () => {
  const { lines, trace } = await traced(5, {
    target: { topic: "plant/+/temp" },
    steps: [
      "a connects",
      "a > 82 [ 0001 00 'plant/#' 00 ]",
      "a < 90 [ 0001 00 00 ]",
      "a > 82 [ 0002 00 'other/#' 00 ]",
      "a < 90 [ 0002 00 00 ]",
      "b connects",
      "b > 30 [ 'plant/7/temp' { 23 0003 } \"21\" ]",
      "a < 30 [ 'plant/7/temp' 00 \"21\" ]",
      "b > 30 [ '' { 23 0003 } \"22\" ]",
      "a < 30 [ 'plant/7/temp' 00 \"22\" ]",
      "b > 30 [ 'plant/7/speed' { 23 0003 } \"1\" ]",
      "a < 30 [ 'plant/7/speed' 00 \"1\" ]",
      "b > 30 [ '' { 23 0003 } \"2\" ]",
      "a < 30 [ 'plant/7/speed' 00 \"2\" ]",
      "a > a2 [ 0003 00 'plant/7/temp' ]",
      "a < b0 [ 0003 00 11 ]",
    ],
  });
  assertEquals(lines, [
    "1 ▸ SUBSCRIBE plant/# (QoS 0) · id 1",
    "2 ▸ PUBLISH plant/7/temp (alias 3) · 2 B · QoS 0",
    "1 ◂ PUBLISH plant/7/temp · 2 B · QoS 0",
    "2 ▸ PUBLISH plant/7/temp (alias 3) · 2 B · QoS 0",
    "1 ◂ PUBLISH plant/7/temp · 2 B · QoS 0",
    "1 ▸ UNSUBSCRIBE plant/7/temp · id 3",
  ]);
  const { connections } = await trace.records();
  assertEquals(connections.map(({ clientId }) => clientId), ["a", "b"]);
});

Deno.test("a target that is none is refused with a reason, and a ninth trace has no place", async () => {
  await using broker = await Broker.open();
  const traces = new Traces(broker);
  const wrong: [TraceOptions, string][] = [
    [{}, "Cannot trace: the target has 0 of clientId, address, user, topic, next, and needs one"],
    [
      { clientId: "a", next: true },
      "Cannot trace: the target has 2 of clientId, address, user, topic, next, and needs one",
    ],
    [{ topic: "a/#/b" }, 'Cannot trace: "a/#/b" is not a Topic Filter'],
    [{ clientId: "" }, 'Cannot trace: "clientId" is empty'],
  ];
  for (const [target, message] of wrong) assertThrows(() => traces.start(target), RangeError, message);
  for (let count = 0; count < 8; count++) started(traces, { clientId: `${count}` });
  assertEquals(traces.start({ clientId: "9" }), undefined);
  traces.stop("3");
  assertEquals(started(traces, { clientId: "9" }).facts.name, 'client "9"');
  assertEquals(traces.list().map(({ id }) => id), ["1", "2", "4", "5", "6", "7", "8", "9"]);
  assertEquals([traces.delete("1"), traces.delete("1"), traces.stop("1"), traces.get("1")], [
    true,
    false,
    false,
    undefined,
  ]);
  traces.close();
});
