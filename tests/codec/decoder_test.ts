import { assertEquals, assertLess, assertNotEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { LARGEST_PACKET_BYTES, type PacketBatch, PacketDecoder } from "../../src/codec/decoder.ts";
import { encodePacket } from "../../src/codec/encoder.ts";
import type { ProtocolVersion, PublishPacket } from "../../src/codec/packet.ts";
import { UnsupportedProtocolVersionError } from "../../src/codec/connect_body.ts";
import { NO_PROPERTIES } from "../../src/codec/property.ts";
import { joined } from "./fuzzing.ts";
import { fromHex } from "./hex.ts";

const PUBLISH: PublishPacket = {
  type: "publish",
  dup: false,
  qos: 0,
  retain: false,
  topic: "a",
  packetIdentifier: 0,
  properties: NO_PROPERTIES,
  payload: new Uint8Array(100).fill(7),
};

for (const maximumPacketBytes of [0, 1, -5, 1.5, NaN, Infinity, LARGEST_PACKET_BYTES + 1]) {
  Deno.test(`PacketDecoder refuses maximumPacketBytes ${maximumPacketBytes}`, () => {
    assertThrows(() => new PacketDecoder({ maximumPacketBytes }), RangeError, "Cannot set maximumPacketBytes");
  });
}

Deno.test("PacketDecoder takes a packet of exactly maximumPacketBytes, fixed header included [MQTT-3.2.2-15]", () => {
  const frame = encodePacket(PUBLISH, 4);
  const decode = (maximumPacketBytes: number) =>
    new PacketDecoder({ protocolVersion: 4, maximumPacketBytes }).decode(frame);
  assertEquals(decode(frame.length).map((item) => item.type), ["publish"]);
  assertEquals(reasonOf(decode(frame.length - 1)), 0x95);
});

Deno.test("PacketDecoder refuses a larger packet as soon as its length is known [MQTT-3.2.2-15]", () => {
  for (const header of ["30 81 08", "30 ff ff ff 7f", "10 81 08"]) {
    const decoder = new PacketDecoder({
      maximumPacketBytes: 1024,
      ...header.startsWith("10") ? {} : { protocolVersion: 5 },
    });
    const bytes = fromHex(header);
    for (const byte of bytes.subarray(0, -1)) assertEquals(decoder.decode(Uint8Array.of(byte)), []);
    assertEquals(reasonOf(decoder.decode(bytes.slice(-1))), 0x95);
  }
});

Deno.test("PacketDecoder gives the packets before one that is too large, and nothing behind it", () => {
  const decoder = new PacketDecoder({ protocolVersion: 4, maximumPacketBytes: 16 });
  const batch = decoder.decode(fromHex("c0 00 d0 00 30 7f 00 00 c0 00"));
  assertEquals(batch.map((item) => item.type), ["pingreq", "pingresp", "malformed"]);
  assertEquals(decoder.decode(fromHex("c0 00")), []);
  assertEquals(decoder.isWithinPacket, false);
});

for (
  const { name, first, second } of [
    { name: "behind a gap in the same buffer", first: 0, second: 64 },
    { name: "before the first part in the same buffer", first: 46, second: 0 },
    { name: "right behind it in the same buffer", first: 0, second: 60 },
    { name: "at the same place of another buffer", first: 0, second: undefined },
  ]
) {
  Deno.test(`PacketDecoder takes the second part of a packet that lies ${name}`, () => {
    const frame = encodePacket(PUBLISH, 4);
    const buffer = new Uint8Array(110).fill(0xee);
    const other = second === undefined ? new Uint8Array(110).fill(0xee) : buffer;
    buffer.set(frame.subarray(0, 60), first);
    other.set(frame.subarray(60), second ?? 60);
    const decoder = new PacketDecoder({ protocolVersion: 4 });
    assertEquals(decoder.decode(buffer.subarray(first, first + 60)), []);
    const [packet] = decoder.decode(other.subarray(second ?? 60, (second ?? 60) + frame.length - 60));
    assertEquals(packet, new PacketDecoder({ protocolVersion: 4 }).decode(frame)[0]);
  });
}

Deno.test("PacketDecoder reserves nothing for a length that is only claimed [MQTT 2.1.4]", () => {
  const reserved = countReserved(() => {
    for (let connection = 0; connection < 1000; connection++) {
      const decoder = new PacketDecoder({ protocolVersion: 5 });
      decoder.decode(fromHex("30 ff ff ff 7f 00"));
      for (let piece = 0; piece < 10; piece++) decoder.decode(Uint8Array.of(1));
    }
  });
  assertLess(reserved, 1000 * 256);
});

Deno.test("PacketDecoder reserves a few times what has arrived of a large packet", () => {
  const piece = new Uint8Array(1000);
  const reserved = countReserved(() => {
    const decoder = new PacketDecoder({ protocolVersion: 4 });
    decoder.decode(fromHex("30 ff ff ff 7f"));
    for (let pieces = 0; pieces < 1000; pieces++) assertEquals(decoder.decode(piece), []);
  });
  assertLess(reserved, 5_000_000);
});

Deno.test("PacketDecoder reserves the bytes of a packet once when the rest of it comes at once", () => {
  const frame = encodePacket({ ...PUBLISH, payload: new Uint8Array(60_000) }, 4);
  const [first, second] = [frame.slice(0, 40_000), frame.slice(40_000)];
  const decoder = new PacketDecoder({ protocolVersion: 4 });
  const reserved = countReserved(() => {
    decoder.decode(first);
    assertEquals(decoder.decode(second).length, 1);
  });
  assertEquals(reserved, frame.length);
});

Deno.test("PacketDecoder copies the beginning of a packet from a chunk that is mostly something else", () => {
  const frame = encodePacket(PUBLISH, 4);
  const chunk = joined([frame, frame, frame, frame.subarray(0, 20)]);
  const decoder = new PacketDecoder({ protocolVersion: 4 });
  assertEquals(decoder.decode(chunk).length, 3);
  chunk.fill(0xff); // Nobody may do that to a chunk; here it shows that what is kept is another buffer.
  assertEquals<unknown>(decoder.decode(frame.slice(20)), [{ ...PUBLISH, wireBytes: frame.length }]);
});

const FLOOD_CHUNK_BYTES = 65_536;
const LARGE_PAYLOADS = [[65_536], [200_000], [65_536, 65_536, 65_536, 65_536, 65_536], [
  100_000,
  1,
  2,
  20_000,
  0,
  900_000,
]];
for (const sizes of LARGE_PAYLOADS) {
  Deno.test(`PacketDecoder gives packets of ${sizes} bytes from reads of any size into its room, or beside it`, () => {
    const stream = joined([new Uint8Array(70_000), ...sizes.map((size) => new Uint8Array(size))].map(publishOf));
    const whole = new PacketDecoder({ protocolVersion: 4 }).decode(stream);
    for (const readBytes of [65_536, 65_535, 65_556, 40_000, 1_447, 200_000]) {
      for (const isTaken of [() => true, () => false, (read: number) => read % 3 !== 0]) {
        const decoder = new PacketDecoder({ protocolVersion: 4 });
        const items = readInto(decoder, stream, readBytes, isTaken);
        assertEquals(items.length, whole.length);
        for (const [index, item] of items.entries()) assertEquals<unknown>(item, whole[index]);
        assertEquals(decoder.isWithinPacket, false);
        assertEquals(decoder.room, undefined);
      }
    }
  });
}

Deno.test("PacketDecoder does not copy packets that are read into its room", () => {
  const decoder = new PacketDecoder({ protocolVersion: 4 });
  for (let times = 0; times < 2; times++) decoder.decode(publishOf(new Uint8Array())); // The topic is remembered then.
  const stream = joined([1, 2, 3].map(() => publishOf(new Uint8Array(65_536))));
  decoder.decode(stream.slice(0, FLOOD_CHUNK_BYTES));
  let roomBytes = 0;
  const reserved = countReserved(() => {
    const { room = new Uint8Array() } = decoder;
    roomBytes = room.buffer.byteLength;
    const items = fill(decoder, room, stream.subarray(FLOOD_CHUNK_BYTES, 3 * 65_536));
    assertEquals(items.length, 2);
    for (const item of items) assertStrictEquals(item.type === "publish" && item.payload.buffer, room.buffer);
    assertStrictEquals(decoder.room?.buffer, room.buffer);
  });
  assertEquals(reserved, roomBytes);
});

Deno.test("PacketDecoder offers no room for what is small, or was not read as a flood, or has failed", () => {
  const large = publishOf(new Uint8Array(200_000));
  const decoder = new PacketDecoder({ protocolVersion: 4 });
  assertEquals(decoder.room, undefined);
  decoder.decode(large.slice(0, 30_000));
  assertEquals(decoder.room, undefined);
  const small = new PacketDecoder({ protocolVersion: 4 });
  small.decode(joined([FLOOD_CHUNK_BYTES, 100].map((size) => publishOf(new Uint8Array(size)))).slice(0, -1));
  assertEquals(small.isWithinPacket, true);
  assertEquals(small.room, undefined);
  const failed = new PacketDecoder({ protocolVersion: 4 });
  failed.decode(large.slice(0, FLOOD_CHUNK_BYTES));
  assertEquals(failed.room !== undefined, true);
  failed.decode(new Uint8Array(200_000).fill(0xff));
  assertEquals(failed.room, undefined);
});

Deno.test("PacketDecoder gives payloads as views on the chunk", () => {
  const frame = encodePacket(PUBLISH, 4);
  const [packet] = new PacketDecoder({ protocolVersion: 4 }).decode(frame);
  if (packet?.type !== "publish") throw new TypeError("Cannot look at the payload: it is no PUBLISH");
  assertStrictEquals(packet.payload.buffer, frame.buffer);
  assertEquals(packet.wireBytes, frame.length);
});

Deno.test("PacketDecoder decodes a part of a larger buffer", () => {
  const frame = encodePacket(PUBLISH, 5);
  const buffer = joined([new Uint8Array(13).fill(0xff), frame, new Uint8Array(9).fill(0xff)]);
  const decoder = new PacketDecoder({ protocolVersion: 5 });
  const batch = decoder.decode(buffer.subarray(13, 13 + frame.length));
  assertEquals<unknown>(batch, [{ ...PUBLISH, wireBytes: frame.length }]);
  assertEquals(decoder.isWithinPacket, false);
});

Deno.test("PacketDecoder takes an empty chunk for nothing", () => {
  const decoder = new PacketDecoder({ protocolVersion: 4 });
  assertEquals(decoder.decode(new Uint8Array()), []);
  decoder.decode(Uint8Array.of(0xc0));
  assertEquals(decoder.isWithinPacket, true);
  assertEquals(decoder.decode(new Uint8Array()), []);
  assertEquals(decoder.decode(Uint8Array.of(0x00)), [{ type: "pingreq" }]);
  assertEquals(decoder.isWithinPacket, false);
});

const CONNECTS: readonly [ProtocolVersion, string][] = [
  [3, "10 [ 'MQIsdp' 03 02 003c 'a' ]"],
  [4, "10 [ 'MQTT' 04 02 003c 'a' ]"],
  [5, "10 [ 'MQTT' 05 02 003c [] 'a' ]"],
];
for (const [version, hex] of CONNECTS) {
  Deno.test(`PacketDecoder takes its version from CONNECT v${version} [MQTT 3.1.2.2]`, () => {
    const decoder = new PacketDecoder();
    assertEquals(decoder.protocolVersion, undefined);
    const publish = encodePacket(PUBLISH, version);
    const batch = decoder.decode(joined([fromHex(hex), publish]));
    assertEquals(decoder.protocolVersion, version);
    assertEquals<unknown>(batch[1], { ...PUBLISH, wireBytes: publish.length });
  });
}

Deno.test("PacketDecoder keeps its version when a second CONNECT says another one [MQTT-3.1.0-2]", () => {
  const decoder = new PacketDecoder({ protocolVersion: 5 });
  assertEquals(decoder.decode(fromHex("10 [ 'MQTT' 04 02 003c 'a' ]")).map((item) => item.type), ["connect"]);
  assertEquals(decoder.protocolVersion, 5);
});

Deno.test("PacketDecoder tells which Protocol Level it does not know [MQTT-3.1.2-2]", () => {
  const [item] = new PacketDecoder().decode(fromHex("10 [ 'MQTT' 87 02 003c 'a' ]"));
  if (item?.type !== "malformed" || !(item.error instanceof UnsupportedProtocolVersionError)) {
    throw new TypeError("Cannot look at the level: it is another error");
  }
  assertEquals(item.error.level, 7);
});

Deno.test("MqttError says reason and clause in its message", () => {
  const [item] = new PacketDecoder({ protocolVersion: 4 }).decode(fromHex("36 00"));
  if (item?.type !== "malformed") throw new TypeError("Cannot look at the error: there is none");
  assertEquals(item.error.message, "PUBLISH has QoS 3 (MalformedPacket) [MQTT-3.3.1-4]");
  assertEquals(item.error.name, "MqttError");
});

function reasonOf(batch: PacketBatch): number | undefined {
  const item = batch[batch.length - 1];
  return item?.type === "malformed" ? item.error.reasonCode : undefined;
}

/** Bytes that are reserved with `new Uint8Array(length)` while `act` runs. */
function countReserved(act: () => void): number {
  let reserved = 0;
  const original = globalThis.Uint8Array;
  globalThis.Uint8Array = new Proxy(original, {
    construct(target, parameters, newTarget) {
      if (typeof parameters[0] === "number") reserved += parameters[0];
      // Construction of a Uint8Array gives one.
      return Reflect.construct(
        target,
        parameters,
        newTarget === globalThis.Uint8Array ? target : newTarget,
      ) as Uint8Array;
    },
  });
  try {
    act();
  } finally {
    globalThis.Uint8Array = original;
  }
  assertNotEquals(reserved, 0, "what is counted is not what the decoder calls");
  return reserved;
}

/** PUBLISH whose payload tells where it was cut. */
function publishOf(payload: Uint8Array): Uint8Array {
  const numbered = Uint8Array.from(payload, (_, index) => index % 251);
  return encodePacket({ ...PUBLISH, payload: numbered }, 4);
}

/** What a channel does: the bytes come in reads of some size, into the room where it is taken. */
function readInto(
  decoder: PacketDecoder,
  stream: Uint8Array,
  readBytes: number,
  isTaken: (read: number) => boolean,
): PacketBatch {
  const items: PacketBatch[number][] = [];
  let read = 0;
  for (let position = 0; position < stream.length; read++) {
    const room = isTaken(read) ? decoder.room : undefined;
    const bytes = stream.subarray(position, position + Math.min(readBytes, room?.length ?? Infinity));
    // Also in a buffer as large as that of a flood.
    const target = room ?? new Uint8Array(Math.max(bytes.length, FLOOD_CHUNK_BYTES));
    items.push(...fill(decoder, target, bytes));
    position += bytes.length;
  }
  return items;
}

function fill(decoder: PacketDecoder, room: Uint8Array, bytes: Uint8Array): PacketBatch {
  room.set(bytes);
  return decoder.decode(room.subarray(0, bytes.length));
}
