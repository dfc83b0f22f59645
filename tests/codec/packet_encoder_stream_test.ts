import { assertEquals, assertLess, assertRejects, assertStrictEquals } from "@std/assert";
import type { Frame } from "../../src/codec/encoder.ts";
import type { Packet } from "../../src/codec/packet.ts";
import { PacketDecoderStream } from "../../src/codec/packet_decoder_stream.ts";
import { PacketEncoderStream } from "../../src/codec/packet_encoder_stream.ts";
import { NO_PROPERTIES } from "../../src/codec/property.ts";
import { Seeded } from "../seeded.ts";
import { fromHex, toHex } from "./hex.ts";
import { randomPacket } from "./random_packet.ts";

type Batch = readonly (Packet | Frame)[];
const PINGREQ: Packet = { type: "pingreq" };

function encoded(batches: readonly Batch[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(batches).pipeThrough(new PacketEncoderStream({ protocolVersion: 4 }));
}

Deno.test("PacketEncoderStream gives one Uint8Array for each batch that has something", async () => {
  const frame = fromHex("d0 00");
  const chunks = await Array.fromAsync(encoded([[PINGREQ, frame, PINGREQ], [], [PINGREQ]]));
  assertEquals(chunks.map(toHex), ["c000d000c000", "c000"]);
});

Deno.test("PacketEncoderStream passes a frame that is alone on as it is", async () => {
  const frame = fromHex("d0 00");
  const [chunk] = await Array.fromAsync(encoded([[frame]]));
  assertStrictEquals(chunk, frame);
});

Deno.test("PacketEncoderStream is errored by a packet that cannot be encoded, behind what was good", async () => {
  const auth: Packet = { type: "auth", reasonCode: 0x00, properties: NO_PROPERTIES };
  const reader = encoded([[PINGREQ], [auth]]).getReader();
  assertEquals((await reader.read()).value, fromHex("c0 00"));
  await assertRejects(() => reader.read(), RangeError, "Cannot encode auth");
});

Deno.test("PacketEncoderStream reads no more than a few batches ahead of its reader", async () => {
  let pulls = 0;
  const source = new ReadableStream<Batch>({
    pull(controller) {
      pulls += 1;
      controller.enqueue([PINGREQ]);
    },
  }, { highWaterMark: 0 });
  const reader = source.pipeThrough(new PacketEncoderStream({ protocolVersion: 4 })).getReader();
  for (let reads = 0; reads < 50; reads++) await reader.read();
  assertLess(pulls, 60);
  await reader.cancel();
});

Deno.test("PacketEncoderStream that is cancelled rejects its writer", async () => {
  const stream = new PacketEncoderStream({ protocolVersion: 4 });
  const writer = stream.writable.getWriter();
  const closed = assertRejects(() => writer.closed, RangeError, "gone");
  await stream.readable.cancel(new RangeError("gone"));
  await closed;
});

Deno.test("what PacketEncoderStream gives is what PacketDecoderStream takes", async () => {
  const random = new Seeded(1);
  const batches = Array.from({ length: 20 }, () => Array.from({ length: 10 }, () => randomPacket(random, 5)));
  const decoded = await Array.fromAsync(
    ReadableStream.from(batches)
      .pipeThrough(new PacketEncoderStream({ protocolVersion: 5 }))
      .pipeThrough(new PacketDecoderStream({ protocolVersion: 5 })),
  );
  const packets = decoded.flat().map((item) => {
    if (item.type !== "publish") return item;
    const { wireBytes: _, ...packet } = item;
    return packet;
  });
  assertEquals<unknown>(packets, batches.flat());
});
