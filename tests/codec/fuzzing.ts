/** What must hold for any bytes and any packets: checked for a second in the test run, and without end by `fuzz.ts`. */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { type PacketBatch, PacketDecoder, type PacketDecoderOptions } from "../../src/codec/decoder.ts";
import { encodePacket } from "../../src/codec/encoder.ts";
import { MqttError } from "../../src/codec/mqtt_error.ts";
import type { Packet, ProtocolVersion } from "../../src/codec/packet.ts";
import { PacketEncoder } from "../../src/codec/packet_encoder.ts";
import { TopicInterner } from "../../src/codec/topic_interner.ts";
import type { Seeded } from "../seeded.ts";
import { randomPacket } from "./random_packet.ts";

export const VERSIONS: readonly ProtocolVersion[] = [3, 4, 5];

/** decode(encode(p)) is p, alone and in a stream that is cut anywhere. */
export function checkRoundTrip(random: Seeded): void {
  const protocolVersion = random.pick(VERSIONS);
  const packets = Array.from({ length: random.integer(1, 8) }, () => randomPacket(random, protocolVersion));
  const frames = packets.map((packet) => encodePacket(packet, protocolVersion));
  const expected = packets.map((packet, index) =>
    packet.type === "publish" ? { ...packet, wireBytes: frames[index]?.length } : packet
  );
  const stream = joined(frames);
  const options: PacketDecoderOptions = { protocolVersion, topics: new TopicInterner(random.pick([1, 2, 64])) };
  assertEquals<unknown>(new PacketDecoder(options).decode(stream), expected);
  assertEquals<unknown>(decodeAll(options, random.cut(stream, random.pick([1, 3, 40, 5000]))), expected);
}

/** The three encoders give the same bytes, and what they gave before stays as it is. */
export function checkEncoders(random: Seeded): void {
  const protocolVersion = random.pick(VERSIONS);
  const encoder = new PacketEncoder({ protocolVersion, topics: new TopicInterner(random.pick([1, 4, 64])) });
  const given: { readonly view: Uint8Array; readonly bytes: Uint8Array }[] = [];
  for (let turn = 0; turn < 30; turn++) {
    const packet = randomPacket(random, protocolVersion);
    const bytes = encodePacket(packet, protocolVersion);
    const batch = [packet, bytes, packet];
    given.push({ view: encoder.encode(packet), bytes });
    given.push({ view: encoder.encodeBatch(batch), bytes: joined([bytes, bytes, bytes]) });
    given.push({ view: encoder.encodeBatch([packet]), bytes });
  }
  for (const { view, bytes } of given) assertEquals(view, bytes);
}

/** Any bytes in any chunks give packets and at most one malformed, the last item; and the same for every cut. */
export function checkAnyBytes(random: Seeded): void {
  const protocolVersion = random.pick([...VERSIONS, undefined]);
  const bytes = random.oneIn(2) ? randomBytes(random) : mutatedPackets(random, protocolVersion ?? 4);
  const options: PacketDecoderOptions = {
    ...(protocolVersion === undefined ? {} : { protocolVersion }),
    maximumPacketBytes: random.pick([64, 1024, 268_435_460]),
  };
  const whole = new PacketDecoder(options).decode(bytes);
  const cut = decodeAll(options, random.cut(bytes, random.pick([1, 7, 100])));
  assertEquals(cut.map(withoutStack), whole.map(withoutStack));
  for (const [index, item] of whole.entries()) {
    if (item.type !== "malformed") {
      checkSaysItself(item, options.protocolVersion ?? versionOf(whole));
      continue;
    }
    assertEquals(index, whole.length - 1, "something behind a malformed packet");
    assertInstanceOf(item.error, MqttError);
    assert(item.error.reasonCode >= 0x80, "a reason that is no error");
  }
}

/** A packet that was decoded can be encoded, and means the same when it is decoded again. */
function checkSaysItself(packet: Packet, version: ProtocolVersion): void {
  if (packet.type === "connect" && packet.protocolVersion !== version) return; // A second CONNECT of another version.
  const [again, ...others] = new PacketDecoder({ protocolVersion: version }).decode(encodePacket(packet, version));
  assertEquals(others.length, 0);
  assertEquals<unknown>({ ...again, wireBytes: 0 }, { ...packet, wireBytes: 0 });
}

function versionOf(batch: PacketBatch): ProtocolVersion {
  const [first] = batch;
  return first?.type === "connect" ? first.protocolVersion : 4;
}

/** Bytes that look like packets more often than bytes at random do. */
function randomBytes(random: Seeded): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let packets = random.integer(1, 5); packets > 0; packets--) {
    const first = random.oneIn(2) ? random.integer(0, 255) : random.pick([0x10, 0x30, 0x32, 0x40, 0x62, 0x82, 0xa2]);
    const body = random.bytes(random.integer(0, 40)).map((byte) => random.oneIn(2) ? byte & 0x07 : byte);
    const length = random.oneIn(5) ? random.integer(0, 255) : body.length;
    parts.push(Uint8Array.of(first, length), body);
  }
  return joined(parts);
}

/** Good packets with some bytes changed, put in or taken away. */
function mutatedPackets(random: Seeded, version: ProtocolVersion): Uint8Array {
  const count = random.integer(1, 4);
  const bytes = [...joined(Array.from({ length: count }, () => encodePacket(randomPacket(random, version), version)))];
  for (let changes = random.integer(0, 3); changes > 0; changes--) {
    const place = random.integer(0, random.oneIn(2) ? Math.min(12, bytes.length) : bytes.length);
    const byte = random.pick([0x00, 0x01, 0x7f, 0x80, 0xff, random.integer(0, 255)]);
    bytes.splice(place, random.integer(0, 1), ...(random.oneIn(3) ? [] : [byte]));
  }
  return Uint8Array.from(bytes);
}

function decodeAll(options: PacketDecoderOptions, chunks: readonly Uint8Array[]): PacketBatch {
  const decoder = new PacketDecoder(options);
  return chunks.flatMap((chunk) => decoder.decode(chunk));
}

function withoutStack(item: PacketBatch[number]): unknown {
  // How much of a CONNECT had come says what is known of it beside the error.
  return item.type === "malformed" ? { type: item.type, error: item.error.message } : item;
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  return bytes;
}
