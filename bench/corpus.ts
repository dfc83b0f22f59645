/** Packets that the benches work on, the same for all that are measured. */

import { encodePacket } from "../src/codec/encoder.ts";
import type { ProtocolVersion, PublishPacket } from "../src/codec/packet.ts";
import { NO_PROPERTIES } from "../src/codec/property.ts";

/** Bytes that a transport reads at once from a busy connection. */
export const CHUNK_BYTES = 65_536;
const TOPICS = Array.from({ length: 100 }, (_, device) => `site/7/device/${device}/temperature`);

/** One kind of PUBLISH traffic. */
export interface Traffic {
  readonly protocolVersion: ProtocolVersion;
  readonly qos: 0 | 1;
  readonly payloadBytes: number;
}

/** The traffic that the targets of the codec are about. */
export const TRAFFIC: readonly Traffic[] = [64, 1024, 65_536].flatMap((payloadBytes) =>
  ([4, 5] as const).flatMap((protocolVersion) =>
    ([0, 1] as const).map((qos) => ({ protocolVersion, qos, payloadBytes }))
  )
);

/** How many packets of some traffic fill about as many bytes as are given. */
export function packetCount({ payloadBytes }: Traffic, bytes: number): number {
  return Math.max(1, Math.floor(bytes / (payloadBytes + 32)));
}

/** PUBLISH packets to a hundred topics in turn. */
export function publishPackets({ qos, payloadBytes }: Traffic, count: number): PublishPacket[] {
  const payload = new Uint8Array(payloadBytes).fill(0x61);
  return Array.from({ length: count }, (_, index) => ({
    type: "publish",
    dup: false,
    qos,
    retain: false,
    topic: TOPICS[index % TOPICS.length] as string, // The index is below the length.
    packetIdentifier: qos === 0 ? 0 : index % 65_535 + 1,
    properties: NO_PROPERTIES,
    payload,
  }));
}

/** The packets as they come from a transport: in chunks of 64 KiB, whatever packet is cut by that. */
export function chunksOf(packets: readonly PublishPacket[], version: ProtocolVersion): Uint8Array[] {
  const frames = packets.map((packet) => encodePacket(packet, version));
  const bytes = new Uint8Array(frames.reduce((sum, frame) => sum + frame.length, 0));
  let position = 0;
  for (const frame of frames) {
    bytes.set(frame, position);
    position += frame.length;
  }
  const chunks: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    // Each a buffer of its own, as a transport gives them.
    chunks.push(bytes.slice(start, start + CHUNK_BYTES));
  }
  return chunks;
}

/** The traffic in words: `PUBLISH QoS 1 of 1 KiB, v5`. */
export function trafficName({ protocolVersion, qos, payloadBytes }: Traffic): string {
  return `PUBLISH QoS ${qos} of ${sizeName(payloadBytes)}, v${protocolVersion}`;
}

/** A number of bytes in words: `64 B`, `64 KiB`, `4 MiB`. */
export function sizeName(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1_048_576 ? `${bytes / 1024} KiB` : `${bytes / 1_048_576} MiB`;
}
