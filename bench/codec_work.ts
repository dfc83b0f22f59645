/** The work that the codec benches compare: ours and that of npm's `mqtt-packet`, each in its own best way. */

import { Buffer } from "node:buffer";
import mqttPacket from "mqtt-packet";
import { PacketDecoder } from "../src/codec/decoder.ts";
import type { Packet, ProtocolVersion, PublishPacket } from "../src/codec/packet.ts";
import { PacketDecoderStream } from "../src/codec/packet_decoder_stream.ts";
import { PacketEncoder } from "../src/codec/packet_encoder.ts";
import { PacketEncoderStream } from "../src/codec/packet_encoder_stream.ts";
import { TopicInterner } from "../src/codec/topic_interner.ts";
import { CHUNK_BYTES, chunksOf, packetCount, publishPackets, type Traffic } from "./corpus.ts";

/** One kind of traffic, ready for everything that is measured. Each function returns the number of packets it did. */
export interface CodecWork {
  readonly packets: number;
  decode(): number;
  decodeStream(): Promise<number>;
  decodeMqttPacket(): number;
  encode(): number;
  /** Batches of about 64 KiB, as the decoder gives them. */
  encodeBatch(): number;
  encodeStream(): Promise<number>;
  encodeMqttPacketGenerate(): number;
  encodeMqttPacketStream(): number;
}

/** Makes the work for about so many bytes of traffic. */
export function codecWork(traffic: Traffic, bytes: number): CodecWork {
  const { protocolVersion } = traffic;
  const packets = publishPackets(traffic, packetCount(traffic, bytes));
  const chunks = chunksOf(packets, protocolVersion);
  const batches: Packet[][] = [];
  const batchPackets = packetCount(traffic, CHUNK_BYTES);
  for (let start = 0; start < packets.length; start += batchPackets) {
    batches.push(packets.slice(start, start + batchPackets));
  }
  const topics = new TopicInterner(); // As a broker has it: one for all connections.
  const encoder = new PacketEncoder({ protocolVersion, topics });
  return {
    packets: packets.length,
    decode() {
      const decoder = new PacketDecoder({ protocolVersion, topics });
      let count = 0;
      for (const chunk of chunks) count += decoder.decode(chunk).length;
      return count;
    },
    async decodeStream() {
      const stream = pulled(chunks).pipeThrough(new PacketDecoderStream({ protocolVersion, topics }));
      let count = 0;
      for await (const batch of stream) count += batch.length;
      return count;
    },
    encode() {
      let count = 0;
      for (const packet of packets) if (encoder.encode(packet).length > 0) count++;
      return count;
    },
    encodeBatch() {
      let count = 0;
      for (const batch of batches) if (encoder.encodeBatch(batch).length > 0) count += batch.length;
      return count;
    },
    async encodeStream() {
      let bytes = 0;
      const stream = pulled(batches).pipeThrough(new PacketEncoderStream({ protocolVersion, topics }));
      for await (const chunk of stream) bytes += chunk.length;
      return bytes > 0 ? packets.length : 0;
    },
    ...mqttPacketWork(packets, chunks, protocolVersion),
  };
}

function mqttPacketWork(packets: readonly PublishPacket[], chunks: readonly Uint8Array[], version: ProtocolVersion) {
  // It wants Buffers, and its own names: given ready-made, so that making them is not measured.
  const buffers = chunks.map((chunk) => Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
  const theirs = packets.map((packet) => ({
    cmd: "publish" as const,
    dup: packet.dup,
    qos: packet.qos,
    retain: packet.retain,
    topic: packet.topic,
    payload: Buffer.from(packet.payload),
    messageId: packet.packetIdentifier,
  }));
  const options = { protocolVersion: version };
  let count = 0;
  const parser = mqttPacket.parser(options);
  parser.on("packet", () => count++);
  let written = 0;
  // All that writeToStream uses of a stream; a real one would only be slower.
  // deno-lint-ignore no-explicit-any -- the declared type is NodeJS.WritableStream, which has thirty more members.
  const sink: any = {
    write(bytes: Uint8Array) {
      written += bytes.length;
      return true;
    },
    cork() {},
    uncork() {},
  };
  return {
    decodeMqttPacket() {
      count = 0;
      for (const buffer of buffers) parser.parse(buffer);
      return count;
    },
    encodeMqttPacketGenerate() {
      let done = 0;
      for (const packet of theirs) if (mqttPacket.generate(packet, options).length > 0) done++;
      return done;
    },
    encodeMqttPacketStream() {
      written = 0;
      for (const packet of theirs) mqttPacket.writeToStream(packet, sink, options);
      return written > 0 ? theirs.length : 0;
    },
  };
}

/** A source that gives the next item only when it is asked, as a socket does. */
function pulled<T>(items: readonly T[]): ReadableStream<T> {
  let next = 0;
  return new ReadableStream<T>({
    pull(controller) {
      const item = items[next++];
      if (item === undefined) controller.close();
      else controller.enqueue(item);
    },
  }, { highWaterMark: 0 });
}
