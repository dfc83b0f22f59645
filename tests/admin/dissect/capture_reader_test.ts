import { assertEquals } from "@std/assert";
import { readCapture, type Segment } from "../../../src/admin/dissect/capture_reader.ts";
import { capturedItems } from "../../../src/admin/dissect/captured_connections.ts";
import { Opcode } from "../../../src/admin/dissect/frames.ts";
import { Capture, type CapturedConnection, type CapturedFrame } from "../../../src/admin/dissect/pcapng.ts";
import { TcpPackets } from "../../../src/admin/dissect/tcp_packets.ts";
import { concatenated } from "../../../src/transport/concatenated.ts";
import { fromHex } from "../../codec/hex.ts";
import { seededTest } from "../../seeded.ts";
import vectors from "../../vectors.json" with { type: "json" };

const CONNECT = "10 [ 'MQTT' 04 c2 003c 'a' 'user' 'secret' ]";
const CLIENT = { address: "10.0.0.7", port: 4431 };
const BROKER = { address: "127.0.0.1", port: 1883 };
const CONNECTION: CapturedConnection = { listener: "mqtt://127.0.0.1:1883", client: CLIENT, broker: BROKER };

/** Lines of what a capture has: client, direction, packet or note, and the frames or reads of a packet. */
function shown(segments: readonly Segment[]): string[] {
  return capturedItems(segments).map(({ connection, isSent, entry, note }) =>
    `${connection.client} ${isSent ? "◂" : "▸"} ` +
    (entry === undefined
      ? note
      : `${`${entry.summary.packet} ${entry.summary.details}`.trimEnd()} ${entry.pieces?.length}`)
  );
}

function segmentsOf(bytes: Uint8Array): Segment[] {
  const segments = readCapture(bytes);
  if (segments === undefined) throw new Error("This is no capture");
  return segments;
}

Deno.test("a capture of ours is read again: times, both sides, IPv6", () => {
  const capture = new Capture();
  const connection = {
    ...CONNECTION,
    client: { address: "2001:db8::7", port: 4431 },
    broker: { address: "::1", port: 1883 },
  };
  const segments = segmentsOf(concatenated([
    capture.begin(),
    capture.add({ timeMs: 1_796_000_000_000.5, connection, isSent: false, bytes: fromHex(CONNECT) }),
    capture.add({ timeMs: 1_796_000_000_001.5, connection, isSent: true, bytes: fromHex("20020000") }),
    capture.end(connection, 1_796_000_000_002, true),
  ]));
  assertEquals(segments[3]?.timeMs, 1_796_000_000_000.5);
  assertEquals(shown(segments), [
    '[2001:db8::7]:4431 ▸ CONNECT v3.1.1 "a" keep alive 60 s 1',
    "[2001:db8::7]:4431 ◂ CONNACK Connection Accepted 1",
  ]);
});

Deno.test("addresses of IPv6 are written in their short form (RFC 5952)", () => {
  for (
    const address of [
      "::",
      "::1",
      "2001:db8::7",
      "fe80::1:0:0:1",
      "1:0:0:2::3",
      "1:2:3:4:5:6:7:8",
      "1::",
      "1:0:3:4:5:6:7:8",
    ]
  ) {
    const packets = new TcpPackets({ address, port: 4431 }, { address: "::1", port: 1883 }).open();
    assertEquals(segmentsOf(captureOf(packets.map(({ bytes }) => bytes)))[0]?.from, `[${address}]:4431`);
  }
});

/** Link types, and what stands before the IP packet. */
const LINKS: readonly [name: string, linkType: number, header: string][] = [
  ["Ethernet", 1, "000000000000 000000000000 0800"],
  ["Ethernet with a VLAN", 1, "000000000000 000000000000 8100 0007 0800"],
  ["Linux cooked", 113, "0000 0304 0006 000000000000 0000 0800"],
  ["Linux cooked, version 2", 276, "0800 0000 00000001 0304 00 06 0000000000000000"],
  ["loopback of BSD", 0, "02000000"],
  ["raw IP", 101, ""],
];

for (const [name, linkType, header] of LINKS) {
  for (const isLittle of [true, false]) {
    for (const [magic, unitsInSecond] of [[0xa1b2c3d4, 1e6], [0xa1b23c4d, 1e9]] as const) {
      Deno.test(`pcap of ${name} is read, ${isLittle ? "little" : "big"} endian, ${unitsInSecond} units a second`, () => {
        const tcp = new TcpPackets(CLIENT, BROKER);
        const packets = [...tcp.open(), ...tcp.data(false, fromHex(CONNECT)), ...tcp.close(false)];
        const head = new DataView(new ArrayBuffer(24));
        head.setUint32(0, magic, isLittle);
        head.setUint32(20, linkType, isLittle);
        const file = concatenated([
          new Uint8Array(head.buffer),
          ...packets.flatMap(({ bytes }) => {
            const frame = concatenated([fromHex(header), bytes]);
            const record = new DataView(new ArrayBuffer(16));
            record.setUint32(0, 7, isLittle);
            record.setUint32(4, unitsInSecond / 2, isLittle);
            record.setUint32(8, frame.length, isLittle);
            record.setUint32(12, frame.length, isLittle);
            return [new Uint8Array(record.buffer), frame];
          }),
        ]);
        const segments = segmentsOf(file);
        assertEquals(new Set(segments.map(({ timeMs }) => timeMs)), new Set([7_500]));
        assertEquals(shown(segments), ['10.0.0.7:4431 ▸ CONNECT v3.1.1 "a" keep alive 60 s 1']);
        assertEquals(segmentsOf(file.subarray(0, file.length - 3)).length, packets.length - 1); // Cut in its last record.
      });
    }
  }
}

Deno.test("WebSocket of a capture: the upgrade, a CONNECT in 13 frames, two packets in one, control frames", () => {
  const { frames, hex } = vectors.vectors["002-connect"];
  const connection = {
    ...CONNECTION,
    upgrade: {
      request: "GET /mqtt HTTP/1.1\r\nHost: a\r\n\r\n",
      response: "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    },
  };
  const write = (capture: Capture) => {
    const added = (isSent: boolean, bytes: Uint8Array, of?: readonly CapturedFrame[]) =>
      capture.add({ timeMs: 0, connection, isSent, bytes, frames: of });
    const one = (opcode: number, payloadBytes: number): CapturedFrame => ({ opcode, isFinal: true, payloadBytes });
    return segmentsOf(concatenated([
      capture.begin(),
      added(false, fromHex(hex), frames.map((frame) => one(Opcode.Binary, frame.length / 2))),
      added(true, fromHex("20020000")),
      added(false, fromHex("c000 30 [ 'a' ]")),
      added(false, new Uint8Array(), [one(Opcode.Ping, 0)]),
      added(true, fromHex("03e9"), [one(Opcode.Close, 2)]),
    ]));
  };
  const segments = write(new Capture({ isWire: true }));
  assertEquals(shown(write(new Capture())).length, 4); // Plain MQTT has no frames.
  assertEquals(shown(segments).map((line) => line.slice("10.0.0.7:4431 ".length)), [
    "▸ GET /mqtt HTTP/1.1",
    "◂ HTTP/1.1 101 Switching Protocols",
    '▸ CONNECT v3.1.1 "861694030142473" keep alive 60 s 13',
    "◂ CONNACK Connection Accepted 1",
    "▸ PINGREQ 1",
    "▸ PUBLISH a · 0 B · QoS 0 1",
    "▸ Ping, 0 B",
    "◂ Connection Close 1001 Going Away",
  ]);
});

Deno.test("segments in another order and sent again are bytes once; what never came is said", () => {
  const tcp = new TcpPackets(CLIENT, BROKER);
  const bytes = fromHex(`${CONNECT} c000 30 [ 'a' 61 ] c000 e000`);
  const opening = tcp.open();
  const data = Array.from(bytes, (byte) => tcp.data(false, Uint8Array.of(byte))).flat();
  const read = (packets: typeof data) => segmentsOf(captureOf(packets.map(({ bytes }) => bytes)));
  const expected = shown(read([...opening, ...data])).map((line) => line.replace(/ \d+$/, ""));
  assertEquals(expected.length, 5);
  const mixed = [...opening, ...data.toReversed(), ...data, ...data.slice(3, 9)];
  assertEquals(shown(read(mixed)).map((line) => line.replace(/ \d+$/, "")), expected);
  assertEquals(shown(read([...opening, ...data.toSpliced(12, 1)])), [
    "10.0.0.7:4431 ▸ bytes are missing in the capture; the rest is not read",
  ]);
});

Deno.test("passwords of a capture are asterisks; TLS and other protocols are no MQTT", () => {
  const tcp = (hex: string) => {
    const packets = new TcpPackets(CLIENT, BROKER);
    return segmentsOf(captureOf([...packets.open(), ...packets.data(false, fromHex(hex))].map(({ bytes }) => bytes)));
  };
  const [item] = capturedItems(tcp(CONNECT));
  assertEquals(new TextDecoder().decode(item?.entry?.bytes.slice(-8)), "\0\x06******");
  assertEquals(shown(tcp("16 03 01 00 05")), ["10.0.0.7:4431 ▸ TLS, which cannot be read without its keys"]);
  assertEquals(shown(tcp('"SSH-2.0-"')), []);
});

Deno.test("what is no capture is none", () => {
  assertEquals(readCapture(new Uint8Array(100)), undefined);
  assertEquals(readCapture(fromHex("0a0d0d0a")), undefined);
});

seededTest("a damaged capture throws nothing", (random) => {
  const packets = new TcpPackets(CLIENT, BROKER);
  const file = captureOf(
    [...packets.open(), ...packets.data(false, fromHex(`${CONNECT} 30 [ 'a' ]`))].map(({ bytes }) => bytes),
  );
  for (let count = random.integer(1, 5); count > 0; count--) {
    file[random.integer(0, file.length - 1)] = random.integer(0, 255);
  }
  capturedItems(readCapture(file.subarray(0, random.integer(0, file.length))) ?? []);
});

/** A pcap of raw IP packets. */
function captureOf(packets: readonly Uint8Array[]): Uint8Array {
  const word = (value: number) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
  return concatenated([
    ...[0xa1b2c3d4, 0, 0, 0, 0xffff, 101].map(word),
    ...packets.flatMap((packet) => [...[0, 0, packet.length, packet.length].map(word), packet]),
  ]);
}
