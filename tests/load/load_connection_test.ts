import { assertEquals } from "@std/assert";
import { LoadConnection } from "../../src/load/load_connection.ts";
import { PacketDecoder } from "../../src/codec/decoder.ts";
import { encodePacket } from "../../src/codec/encoder.ts";
import type { Packet } from "../../src/codec/packet.ts";
import { NO_PROPERTIES } from "../../src/codec/property.ts";
import { ChannelTransport } from "../../src/transport/channel_transport.ts";
import type { ByteChannel } from "../../src/transport/transport.ts";

const PEER = { transport: "tcp", address: "", listener: "" };

/** Gives what it was told to, one chunk for each read, in the same buffer as a socket with room does. */
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
  const connection = new LoadConnection(new ChannelTransport(channel, PEER), {
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

Deno.test("LoadConnection gives each packet once, whole in one chunk", () => {
  const [decoded] = [new PacketDecoder({ protocolVersion: 4 }).decode(BYTES)];
  assertEquals(EXPECTED.length, decoded.length);
  assertEquals(EXPECTED.map((seen) => Array.isArray(seen) ? seen[0] >> 4 : 0), [13, 3, 3, 4, 3, 3]);
});

Deno.test("LoadConnection gives the same packets when the bytes are cut anywhere", async () => {
  for (let cut = 1; cut < BYTES.length; cut++) {
    const chunks = [BYTES.slice(0, cut), BYTES.slice(cut)];
    assertEquals(await packetsOf(new ScriptedChannel(chunks)), EXPECTED, `cut at ${cut}`);
  }
  for (const size of [1, 2, 3, 7, 1_024]) {
    assertEquals(await packetsOf(new ScriptedChannel(inChunks(BYTES, size))), EXPECTED, `chunks of ${size}`);
  }
});

function inChunks(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, index) => bytes.slice(index * size, (index + 1) * size),
  );
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
