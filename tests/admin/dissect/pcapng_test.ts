import { assert, assertEquals } from "@std/assert";
import { Capture, type CapturedConnection } from "../../../src/admin/dissect/pcapng.ts";
import { type Endpoint, type IpPacket, TcpPackets } from "../../../src/admin/dissect/tcp_packets.ts";
import { concatenated } from "../../../src/transport/concatenated.ts";

const V4: Endpoint = { address: "10.0.0.7", port: 4431 };
const V6: Endpoint = { address: "2001:db8::7", port: 4431 };

for (
  const [name, client, broker] of [
    ["IPv4", V4, { address: "127.0.0.1", port: 1883 }],
    ["IPv6", V6, { address: "::1", port: 1883 }],
    ["IPv4 and IPv6", V4, { address: "::", port: 1883 }],
    ["a Unix socket", { address: "/run/broker.sock", port: 0 }, { address: "/run/broker.sock", port: 1883 }],
  ] as const
) {
  Deno.test(`TCP over ${name}: right checksums, sequence numbers that follow each other, 60,000 bytes in a packet`, () => {
    const tcp = new TcpPackets(client, broker);
    const bytes = Uint8Array.from({ length: 200_001 }, (_, index) => index % 251);
    const packets = [
      ...tcp.open(),
      ...tcp.data(false, bytes),
      ...tcp.data(true, bytes.subarray(0, 5)),
      ...tcp.close(true),
    ];
    const read = packets.map(readPacket);
    assertEquals(read.map(({ flags }) => flags), [0x02, 0x12, 0x10, 0x18, 0x18, 0x18, 0x18, 0x18, 0x11, 0x11, 0x10]);
    assertEquals(read.map(({ length }) => length), [0, 0, 0, 60_000, 60_000, 60_000, 20_001, 5, 0, 0, 0]);
    let [fromClient, fromBroker] = [0, 0];
    for (const { isSent, sequence, acknowledged, length, flags } of read) {
      assertEquals(sequence, isSent ? fromBroker : fromClient);
      if ((flags & 0x10) !== 0) assertEquals(acknowledged, isSent ? fromClient : fromBroker);
      const taken = length + ((flags & 0x03) === 0 ? 0 : 1); // SYN and FIN take a number.
      if (isSent) fromBroker += taken;
      else fromClient += taken;
    }
    assertEquals(read.filter(({ isGood }) => !isGood), []);
    assertEquals(packets.filter(({ bytes, wireBytes }) => bytes.length !== wireBytes), []);
  });
}

Deno.test("TCP of bytes of which only the first were kept counts them all", () => {
  const tcp = new TcpPackets(V4, { address: "127.0.0.1", port: 1883 });
  tcp.open();
  const packets = tcp.data(false, new Uint8Array(100), 70_000);
  assertEquals(packets.map(({ bytes, wireBytes }) => [bytes.length, wireBytes]), [[140, 60_040], [40, 10_040]]);
  assertEquals(tcp.data(false, new Uint8Array(1)).map((packet) => readPacket(packet).sequence), [70_001]);
});

Deno.test("a capture has an interface for each listener, and a packet for each of TCP", () => {
  const capture = new Capture();
  const first: CapturedConnection = {
    listener: "mqtt://127.0.0.1:1883",
    client: V4,
    broker: { address: "127.0.0.1", port: 1883 },
    clientId: "a",
  };
  const second: CapturedConnection = { ...first, listener: "wss://[::]:8084/mqtt", client: V6 };
  const bytes = concatenated([
    capture.begin(),
    capture.add({ timeMs: 1_796_000_000_000.5, connection: first, isSent: false, bytes: new Uint8Array(3) }),
    capture.add({ timeMs: 1_796_000_000_001, connection: second, isSent: true, bytes: new Uint8Array(3) }),
    capture.end(first, 1_796_000_000_002, false),
    capture.end(first, 1_796_000_000_002, false),
  ]);
  const blocks = readBlocks(bytes);
  assertEquals(blocks.map(({ type }) => type), [0x0a0d0d0a, 1, 6, 6, 6, 6, 1, 6, 6, 6, 6, 6, 6, 6]);
  assertEquals(blocks.map(({ text }) => /client "a"|mqtt:..127.0.0.1:1883|wss:..\[::\]:8084.mqtt/.exec(text)?.[0]), [
    ...[undefined, "mqtt://127.0.0.1:1883", undefined, undefined, undefined, 'client "a"', "wss://[::]:8084/mqtt"],
    ...[undefined, undefined, undefined, 'client "a"', undefined, undefined, undefined],
  ]);
  assertEquals(blocks.filter(({ type }) => type === 6).map(({ interfaceNumber }) => interfaceNumber), [
    ...[0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0],
  ]);
  assertEquals(blocks[2]?.microseconds, 1_796_000_000_000_500);
});

Deno.test("connections of the same address and port are different ones in a capture", () => {
  const capture = new Capture();
  const connections = ["mqtt://a", "mqtts://a", "mqtt://a"].map((listener): CapturedConnection => ({
    listener,
    client: V4,
    broker: V4,
  }));
  const ports = connections.map((connection) => {
    const blocks = readBlocks(capture.add({ timeMs: 0, connection, isSent: false, bytes: new Uint8Array(1) }));
    capture.end(connection, 0, false);
    return blocks.at(-1)?.clientPort;
  });
  assertEquals(ports, [4431, 4432, 4433]);
});

interface ReadPacket {
  readonly isSent: boolean;
  readonly sequence: number;
  readonly acknowledged: number;
  readonly flags: number;
  readonly length: number;
  readonly isGood: boolean;
}

/** Reads the headers of a packet again, and sums the words that a checksum is about. */
function readPacket({ bytes, isSent }: IpPacket): ReadPacket {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const is4 = view.getUint8(0) === 0x45;
  const ip = is4 ? 20 : 40;
  const addresses = is4 ? bytes.subarray(12, 20) : bytes.subarray(8, 40);
  const tcpBytes = bytes.length - ip;
  assertEquals(is4 ? view.getUint16(2) : view.getUint16(4) + ip, bytes.length);
  const pseudoHeader = Uint8Array.from([...addresses, 0, 6, tcpBytes >> 16, tcpBytes >> 8 & 0xff, tcpBytes & 0xff, 0]);
  pseudoHeader.set([0, 6, tcpBytes >> 8, tcpBytes & 0xff], addresses.length);
  const tcpSum = words(pseudoHeader.subarray(0, addresses.length + 4)) + words(bytes.subarray(ip));
  return {
    isSent,
    sequence: view.getUint32(ip + 4),
    acknowledged: view.getUint32(ip + 8),
    flags: view.getUint16(ip + 12) & 0x1ff,
    length: tcpBytes - 20,
    isGood: tcpSum % 0xffff === 0 && (!is4 || words(bytes.subarray(0, 20)) % 0xffff === 0),
  };
}

function words(bytes: Uint8Array): number {
  return bytes.reduce((total, byte, index) => total + (index % 2 === 0 ? byte * 256 : byte), 0);
}

function readBlocks(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const blocks = [];
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at + 4, true);
    assertEquals(length % 4, 0);
    assertEquals(view.getUint32(at + length - 4, true), length);
    const isPacket = view.getUint32(at, true) === 6;
    blocks.push({
      type: view.getUint32(at, true),
      text: new TextDecoder().decode(bytes.subarray(at, at + length)),
      interfaceNumber: isPacket ? view.getUint32(at + 8, true) : undefined,
      microseconds: isPacket
        ? view.getUint32(at + 12, true) * 0x1_0000_0000 + view.getUint32(at + 16, true)
        : undefined,
      clientPort: isPacket ? view.getUint16(at + 28 + 20) : undefined,
    });
    at += length;
  }
  assert(blocks.length > 0);
  return blocks;
}
