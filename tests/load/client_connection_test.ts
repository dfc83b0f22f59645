import { assertEquals } from "@std/assert";
import { ClientConnection } from "../../src/load/client_connection.ts";
import { WebSocketChannel } from "../../src/load/web_socket_channel.ts";
import { PacketDecoder } from "../../src/codec/decoder.ts";
import { encodePacket } from "../../src/codec/encoder.ts";
import type { Packet } from "../../src/codec/packet.ts";
import { NO_PROPERTIES } from "../../src/codec/property.ts";
import type { ByteChannel } from "../../src/transport/transport.ts";

/** Gives what it was told to, one chunk for each read, in the same buffer as sockets of loads do. */
class ScriptedChannel implements ByteChannel {
  readonly isWriting = false;
  readonly written: number[] = [];
  readonly #chunks: Uint8Array[];
  readonly #buffer = new Uint8Array(10_000);

  constructor(chunks: readonly Uint8Array[]) {
    this.#chunks = [...chunks];
  }

  read(): Promise<Uint8Array | undefined> {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return Promise.resolve(undefined);
    this.#buffer.fill(0xff).set(chunk);
    return Promise.resolve(this.#buffer.subarray(0, chunk.length));
  }

  write(bytes: Uint8Array): Promise<void> {
    this.written.push(...bytes);
    return Promise.resolve();
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

const publish = (payloadBytes: number): Packet => ({
  type: "publish",
  dup: false,
  qos: 1,
  retain: false,
  topic: "a/b",
  packetIdentifier: 7,
  properties: NO_PROPERTIES,
  payload: new Uint8Array(payloadBytes).fill(0x62),
});
const PACKETS: readonly Packet[] = [
  { type: "pingresp" },
  publish(3),
  publish(200), // Its Remaining Length has two bytes.
  { type: "puback", packetIdentifier: 9, reasonCode: 0, properties: NO_PROPERTIES },
  publish(2_500), // More than what is kept of a packet in several chunks.
  publish(0),
];
const BYTES = joined(PACKETS.map((packet) => encodePacket(packet, 4)));

/** Type, Remaining Length, and the first bytes of the body, of all packets that come out. */
async function packetsOf(channel: ByteChannel): Promise<unknown[]> {
  const seen: unknown[] = [];
  const connection = new ClientConnection(channel, {
    packet(bytes, start, body, remainingLength) {
      seen.push([bytes[start], remainingLength, ...bytes.subarray(body, body + Math.min(remainingLength, 12))]);
    },
    turnEnded() {},
    written() {},
    lost() {},
  });
  await connection.read();
  return seen;
}

const EXPECTED = await packetsOf(new ScriptedChannel([BYTES]));

Deno.test("ClientConnection gives each packet once, whole in one chunk", () => {
  const [decoded] = [new PacketDecoder({ protocolVersion: 4 }).decode(BYTES)];
  assertEquals(EXPECTED.length, decoded.length);
  assertEquals(EXPECTED.map((seen) => Array.isArray(seen) ? seen[0] >> 4 : 0), [13, 3, 3, 4, 3, 3]);
});

Deno.test("ClientConnection gives the same packets when the bytes are cut anywhere", async () => {
  for (let cut = 1; cut < BYTES.length; cut++) {
    const chunks = [BYTES.slice(0, cut), BYTES.slice(cut)];
    assertEquals(await packetsOf(new ScriptedChannel(chunks)), EXPECTED, `cut at ${cut}`);
  }
  for (const size of [1, 2, 3, 7, 1_024]) {
    assertEquals(await packetsOf(new ScriptedChannel(inChunks(BYTES, size))), EXPECTED, `chunks of ${size}`);
  }
});

Deno.test("WebSocketChannel gives the same bytes however frames and chunks are cut, and answers Ping", async () => {
  const frames = joined([
    serverFrame(0x82, BYTES.slice(0, 60)),
    serverFrame(0x89, new Uint8Array([1, 2, 3])), // Ping.
    serverFrame(0x02, BYTES.slice(60, 300)), // A message of two frames, with an empty Ping between them.
    serverFrame(0x89, new Uint8Array(0)),
    serverFrame(0x80, BYTES.slice(300)),
  ]);
  const response = new TextEncoder().encode("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
  for (const size of [1, 2, 3, 5, 64, 100, 300, 10_000]) {
    const channel = new ScriptedChannel(inChunks(joined([response, frames]), size));
    const socket = await WebSocketChannel.open(channel, new URL("ws://localhost/mqtt"));
    channel.written.length = 0;
    assertEquals(await packetsOf(socket), EXPECTED, `chunks of ${size}`);
    assertEquals(channel.written, [0x8a, 0x83, 0, 0, 0, 0, 1, 2, 3, 0x8a, 0x80, 0, 0, 0, 0]);
  }
});

/** A frame as servers send it: not masked (RFC 6455, section 5.1). */
function serverFrame(first: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const header = length < 126 ? [first, length] : [first, 126, length >> 8, length & 0xff];
  return joined([Uint8Array.from(header), payload]);
}

function inChunks(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, index) => bytes.slice(index * size, (index + 1) * size),
  );
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
