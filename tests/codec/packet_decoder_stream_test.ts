import { assertEquals, assertLess, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import type { PacketBatch } from "../../src/codec/decoder.ts";
import { PacketDecoderStream } from "../../src/codec/packet_decoder_stream.ts";
import { fromHex } from "./hex.ts";

async function batchesOf(...chunks: readonly string[]): Promise<PacketBatch[]> {
  const source = ReadableStream.from(chunks.map(fromHex));
  return await Array.fromAsync(source.pipeThrough(new PacketDecoderStream({ protocolVersion: 4 })));
}

Deno.test("PacketDecoderStream gives one batch for each chunk", async () => {
  const batches = await batchesOf("c0 00 d0", "00", "c0", "00 c0 00 c0 00");
  assertEquals(batches.map((batch) => batch.map((item) => item.type)), [
    ["pingreq"],
    ["pingresp"],
    [],
    ["pingreq", "pingreq", "pingreq"],
  ]);
});

Deno.test("PacketDecoderStream gives empty batches for chunks without a whole packet", async () => {
  assertEquals(await batchesOf("30 10", "00 01", "61"), [[], [], []]);
});

Deno.test("PacketDecoderStream gives what is malformed as the last item and reads on without giving more", async () => {
  const batches = await batchesOf("c0 00 c1 00 c0 00", "c0 00", "ff ff");
  assertEquals(batches.map((batch) => batch.map((item) => item.type)), [["pingreq", "malformed"]]);
});

Deno.test("PacketDecoderStream takes the options of PacketDecoder, and refuses the same", async () => {
  assertThrows(() => new PacketDecoderStream({ maximumPacketBytes: 1 }), RangeError);
  const source = ReadableStream.from([fromHex("30 7f")]);
  const stream = source.pipeThrough(new PacketDecoderStream({ protocolVersion: 5, maximumPacketBytes: 100 }));
  const [[item] = []] = await Array.fromAsync(stream);
  assertEquals(item?.type === "malformed" ? item.error.reasonCode : undefined, 0x95);
});

Deno.test("PacketDecoderStream without a version learns it from CONNECT", async () => {
  const source = ReadableStream.from([fromHex("10 [ 'MQTT' 05 02 003c [] 'a' ] 30 [ 't' [] ]")]);
  const [batch] = await Array.fromAsync(source.pipeThrough(new PacketDecoderStream()));
  assertEquals(batch?.map((item) => item.type), ["connect", "publish"]);
});

Deno.test("PacketDecoderStream reads no more than a few chunks ahead of its reader", async () => {
  let pulls = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulls += 1;
      controller.enqueue(fromHex("c0 00"));
    },
  }, { highWaterMark: 0 });
  const reader = source.pipeThrough(new PacketDecoderStream({ protocolVersion: 4 })).getReader();
  await reader.read();
  await settled();
  const before = pulls;
  assertLess(before, 20);
  await settled();
  assertEquals(pulls, before);
  for (let reads = 0; reads < 100; reads++) await reader.read();
  assertLess(pulls, 120);
  await reader.cancel();
});

Deno.test("PacketDecoderStream cancels its source with the reader's reason", async () => {
  const reason = new Error("enough");
  const cancelled = Promise.withResolvers<unknown>();
  const source = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(fromHex("c0 00")),
    cancel: cancelled.resolve,
  });
  const reader = source.pipeThrough(new PacketDecoderStream({ protocolVersion: 4 })).getReader();
  await reader.read();
  await reader.cancel(reason);
  assertStrictEquals(await cancelled.promise, reason);
});

Deno.test("PacketDecoderStream passes an error of its source on", async () => {
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.error(new TypeError("reset"));
    },
  });
  const reader = source.pipeThrough(new PacketDecoderStream({ protocolVersion: 4 })).getReader();
  await assertRejects(() => reader.read(), TypeError, "reset");
});

Deno.test("PacketDecoderStream that is aborted rejects its reader with the reason", async () => {
  const stream = new PacketDecoderStream({ protocolVersion: 4 });
  const reader = stream.readable.getReader();
  const read = assertRejects(() => reader.read(), RangeError, "gone");
  await stream.writable.abort(new RangeError("gone"));
  await read;
});

Deno.test("PacketDecoderStream refuses chunks that are no Uint8Array, and cancels their source", async () => {
  for (const chunk of [fromHex("c0 00").buffer, "text", null, undefined]) {
    const cancelled = Promise.withResolvers<unknown>();
    const source = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(chunk as unknown as Uint8Array), // As a caller without types might.
      cancel: cancelled.resolve,
    });
    const stream = new PacketDecoderStream({ protocolVersion: 4 });
    const reader = source.pipeThrough(stream).getReader();
    for (let time = 0; time < 2; time++) await assertRejects(() => reader.read(), TypeError, "not a Uint8Array");
    assertEquals(await cancelled.promise instanceof TypeError, true);
    assertEquals(stream.receivedBytes, 0);
    reader.releaseLock();
  }
});

/** Everything that was to happen by itself has happened: a macrotask comes after all microtasks. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setTimeout(resolve, 0));
}
