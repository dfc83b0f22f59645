/** Captures of live traces in tshark, from clients over TCP, TLS and WebSocket: nothing is malformed, and nothing is missing. */

import { assert, assertEquals } from "@std/assert";
import { Broker, memoryTransport } from "../../mod.ts";
import { Traces } from "../../src/admin/trace/traces.ts";
import { bytesOf, PACKETS, tracedWay, wayOf, WAYS } from "../admin/trace/traced_ways.ts";
import { started, traced } from "../admin/trace/traced.ts";
import { fromHex } from "../codec/hex.ts";
import { within } from "../deadline.ts";
import { programTests } from "./interop_tests.ts";
import { tshark } from "./tshark.ts";

const test = programTests(["tshark"]);

for (const way of WAYS) {
  test(`a trace over ${way.name} is plain MQTT in tshark, all of it`, async () => {
    const trace = await tracedWay(way);
    const lines = await fields(await bytesOf(trace.pcapng()), ["mqtt.msgtype", "mqtt.clientid", "_ws.malformed"]);
    const [types = [], clientIds = [], malformed] = lines;
    assertEquals(types.flatMap((type) => type.split(",")).filter((type) => type !== "").length, PACKETS.length);
    assertEquals(clientIds.filter((clientId) => clientId !== ""), ["861694030142473"]);
    assertEquals(new Set(malformed), new Set([""]));
  });
}

test("a trace over WebSocket as on the wire has the upgrade and the frames in tshark", async () => {
  const trace = await tracedWay(wayOf("ws"));
  const lines = await fields(await bytesOf(trace.pcapng({ isWire: true })), [
    ...["http.request.uri", "http.response.code", "websocket.opcode", "_ws.malformed"],
  ]);
  const [uris = [], codes = [], opcodes = [], malformed] = lines;
  assertEquals(uris.filter((uri) => uri !== ""), ["/mqtt?token=******"]);
  assertEquals(codes.filter((code) => code !== ""), ["101"]);
  const count = (opcode: string) => opcodes.flatMap((some) => some.split(",")).filter((one) => one === opcode).length;
  // CONNECT, PINGREQ, and two packets in one frame; CONNACK and PINGRESP in one or two.
  assertEquals(count("2") === 16 || count("2") === 17, true, opcodes.join(" "));
  assertEquals([count("9"), count("10"), count("8")], [1, 1, 2]); // A Ping, its Pong, and a Close of each side.
  assertEquals(new Set(malformed), new Set([""]));
});

test("a trace that begins within a connection of MQTT 5 tells tshark its version, and cut packets are not malformed", async () => {
  const { trace } = await traced(5, {
    target: { clientId: "a" },
    before: ["a connects", "a > 82 [ 0001 00 'x' 00 ]", "a < 90 [ 0001 00 00 ]"],
    steps: [
      "a > 32 [ 'x' 0002 { 26 'k' 'v' } \"hi\" ]",
      "a < 30 [ 'x' { 26 'k' 'v' } \"hi\" ]",
      "a < 40 [ 0002 ]",
      ({ broker }) => broker.publish("x", new Uint8Array(100_000)),
      `a < 30 a48d06 'x' 00 ${"00".repeat(100_000)}`,
      "a > c0 00",
      "a < d0 00",
    ],
  });
  const lines = await fields(await bytesOf(trace.pcapng()), ["mqtt.msgtype", "mqtt.prop_key", "_ws.malformed"]);
  const [types = [], keys = [], malformed] = lines;
  assertEquals(types.filter((type) => type !== ""), ["1", "3", "3", "4", "3", "12", "13"]);
  assertEquals(keys.filter((key) => key !== ""), ["k", "k"]);
  assertEquals(new Set(malformed), new Set([""]));
});

test("a trace of a topic, which has no CONNECT, tells tshark the version of each connection", async () => {
  const { trace } = await traced(5, {
    target: { topic: "x" },
    steps: [
      "a connects",
      "a > 82 [ 0001 00 'x' 00 ]",
      "a < 90 [ 0001 00 00 ]",
      "b connects",
      "b > 30 [ 'x' { 26 'k' 'v' } \"hi\" ]",
      "a < 30 [ 'x' { 26 'k' 'v' } \"hi\" ]",
    ],
  });
  const lines = await fields(await bytesOf(trace.pcapng()), ["mqtt.msgtype", "mqtt.prop_key", "_ws.malformed"]);
  const [types = [], keys = [], malformed] = lines;
  assertEquals(types.filter((type) => type !== ""), ["1", "8", "1", "3", "3"]);
  assertEquals(keys.filter((key) => key !== ""), ["k", "k"]);
  assertEquals(new Set(malformed), new Set([""]));
});

test("a live capture is shown by tshark while it is written, as by brooklet trace --pcapng - | wireshark -k -i -", async () => {
  await using broker = await Broker.open();
  const traces = new Traces(broker);
  const trace = started(traces, { next: true });
  await using program = new Deno.Command("tshark", {
    args: ["-i", "-", "-l", "-Y", "mqtt", "-T", "fields", "-e", "mqtt.msgtype"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writing = ReadableStream.from(trace.pcapng({ isLive: true })).pipeTo(program.stdin);
  const types = program.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { server, client } = memoryTransport();
  const served = broker.serve(server);
  const writer = client.writable.getWriter();
  const shown = async (count: number) => {
    let text = "";
    while (text.split("\n").length <= count) {
      text += (await within(types.read(), "a line of tshark")).value ?? assert(false, text);
    }
    return text.trim().split("\n");
  };
  await writer.write(fromHex("10 [ 'MQTT' 04 02 0000 'a' ]"));
  assertEquals(await shown(2), ["1", "2"]);
  await writer.write(fromHex("c000"));
  assertEquals(await shown(2), ["12", "13"]);
  client.close();
  await served;
  traces.close();
  await writing;
  await types.cancel();
});

/** Columns of the fields of a capture. */
async function fields(capture: Uint8Array, names: readonly string[]): Promise<string[][]> {
  const shown = await tshark([capture], ["-T", "fields", ...names.flatMap((name) => ["-e", name])]);
  const rows = shown.replace(/\n$/, "").split("\n").map((line) => line.split("\t"));
  return names.map((_, column) => rows.map((row) => row[column] ?? ""));
}
