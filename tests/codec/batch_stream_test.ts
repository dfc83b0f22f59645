import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import type { PacketBatch, PacketDecoder } from "../../src/codec/decoder.ts";
import { PacketDecoderStream, type PacketDecoderStreamOptions } from "../../src/codec/packet_decoder_stream.ts";
import { ChunkSource } from "./batches.ts";
import { fromHex } from "./hex.ts";

const PINGREQ = "c0 00";
const PINGRESP = "d0 00";

interface Fused {
  readonly source: ChunkSource;
  readonly decoder: PacketDecoderStream;
  readonly batches: ReadableStream<PacketBatch>;
}

function fused(chunks: readonly (string | Error)[], options: PacketDecoderStreamOptions = {}): Fused {
  const source = new ChunkSource(chunks.map((chunk) => chunk instanceof Error ? chunk : fromHex(chunk)));
  const decoder = new PacketDecoderStream({ protocolVersion: 4, ...options });
  const batches = decoder.fuse(source);
  if (batches === undefined) throw new Error("It could not be fused");
  return { source, decoder, batches };
}

function types(batch: PacketBatch | undefined): string[] | undefined {
  return batch?.map((item) => item.type);
}

/** Everything that was to happen by itself has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setTimeout(resolve, 0));
}

Deno.test("A fused stream reads its source once for each batch that is asked for", async () => {
  const { source, decoder, batches } = fused([PINGREQ, PINGRESP, "c0"]);
  const reader = batches.getReader();
  await settled();
  assertEquals(source.reads, 0);
  assertEquals(types((await reader.read()).value), ["pingreq"]);
  await settled();
  assertEquals(source.reads, 1);
  assertEquals(types((await reader.read()).value), ["pingresp"]);
  assertEquals((await reader.read()).value, []); // Bytes have come.
  for (let time = 0; time < 2; time++) assertEquals<unknown>(await reader.read(), { value: undefined, done: true });
  assertEquals(decoder.receivedBytes, 5);
  await reader.closed;
});

Deno.test("What is malformed is the last item of a fused stream, and what follows it is read and counted", async () => {
  const { decoder, batches } = fused([`${PINGREQ} c1 00 ${PINGREQ}`, PINGREQ, "ff ff"]);
  assertEquals((await Array.fromAsync(batches)).map(types), [["pingreq", "malformed"]]);
  assertEquals(decoder.receivedBytes, 10);
});

for (
  const { name, read } of [
    { name: "for await", read: (batches: ReadableStream<PacketBatch>) => Array.fromAsync(batches) },
    { name: "values()", read: (batches: ReadableStream<PacketBatch>) => Array.fromAsync(batches.values()) },
    {
      name: "tee()",
      async read(batches: ReadableStream<PacketBatch>) {
        const [one, two] = batches.tee();
        const [first, second] = await Promise.all([Array.fromAsync(one), Array.fromAsync(two)]);
        assertEquals(first, second);
        return first;
      },
    },
    {
      name: "pipeTo()",
      async read(batches: ReadableStream<PacketBatch>) {
        const all: PacketBatch[] = [];
        await batches.pipeTo(new WritableStream({ write: (batch) => void all.push(batch) }));
        return all;
      },
    },
    {
      name: "pipeThrough()",
      read: (batches: ReadableStream<PacketBatch>) =>
        Array.fromAsync(batches.pipeThrough(new TransformStream<PacketBatch, PacketBatch>())),
    },
    {
      name: "a reader of the platform",
      async read(batches: ReadableStream<PacketBatch>) {
        const reader = new ReadableStreamDefaultReader(batches);
        const all: PacketBatch[] = [];
        for (let read = await reader.read(); !read.done; read = await reader.read()) all.push(read.value);
        return all;
      },
    },
  ]
) {
  Deno.test(`A fused stream gives its batches to ${name}`, async () => {
    const { batches } = fused([PINGREQ, "d0", "00"]);
    assertEquals((await read(batches)).map(types), [["pingreq"], [], ["pingresp"]]);
  });

  Deno.test(`A fused stream gives to ${name} what a reader left`, async () => {
    const { batches } = fused([PINGREQ, PINGRESP, PINGREQ]);
    const reader = batches.getReader();
    assertEquals(types((await reader.read()).value), ["pingreq"]);
    reader.releaseLock();
    assertEquals((await read(batches)).map(types), [["pingresp"], ["pingreq"]]);
  });
}

Deno.test("A fused stream that has a reader is locked, for everything that a stream can be asked for", async () => {
  const { batches } = fused([PINGREQ]);
  assertEquals(batches.locked, false);
  const reader = batches.getReader();
  assertEquals(batches.locked, true);
  assertThrows(() => batches.getReader(), TypeError);
  assertThrows(() => batches.tee(), TypeError);
  assertThrows(() => batches.values(), TypeError);
  assertThrows(() => batches[Symbol.asyncIterator](), TypeError);
  assertThrows(() => batches.pipeThrough(new TransformStream()), TypeError);
  await assertRejects(() => batches.pipeTo(new WritableStream()), TypeError);
  await assertRejects(() => batches.cancel(), TypeError);
  const second = new ReadableStreamDefaultReader(batches); // The platform does not see the lock, and gets nothing.
  await assertRejects(() => second.read(), TypeError);
  second.releaseLock();
  assertEquals(types((await reader.read()).value), ["pingreq"]);
  reader.releaseLock();
  assertEquals(batches.locked, false);
  await assertRejects(() => reader.read(), TypeError);
  await assertRejects(() => reader.cancel(), TypeError);
  await assertRejects(() => reader.closed, TypeError);
  reader.releaseLock(); // Once more changes nothing.
  assertThrows(() => batches.getReader({ mode: "byob" }), TypeError);
});

Deno.test("Reads of a fused stream that wait together are answered in their order", async () => {
  const { source, batches } = fused([PINGREQ, PINGRESP, new Error("reset")]);
  const reader = batches.getReader();
  const reads = [reader.read(), reader.read(), reader.read(), reader.read()];
  assertEquals(source.reads, 1); // One read at a time.
  assertThrows(() => reader.releaseLock(), TypeError, "a read is under way");
  const answers = await Promise.allSettled(reads);
  assertEquals(answers.map((answer) => answer.status === "fulfilled" ? types(answer.value.value) : "broken"), [
    ["pingreq"],
    ["pingresp"],
    "broken",
    "broken",
  ]);
  reader.releaseLock();
});

Deno.test("A fused stream rejects with the error of its source, then and later", async () => {
  const { batches } = fused([new TypeError("reset"), PINGREQ]);
  const reader = batches.getReader();
  const { closed } = reader;
  await assertRejects(() => reader.read(), TypeError, "reset");
  await assertRejects(() => reader.read(), TypeError, "reset");
  await assertRejects(() => closed, TypeError, "reset");
  reader.releaseLock();
  await assertRejects(() => Array.fromAsync(batches), TypeError, "reset");
});

Deno.test("cancel() of a fused stream, or of its reader, closes the source", async () => {
  const one = fused([PINGREQ]);
  await one.batches.cancel();
  assertEquals(one.source.isClosed, true);
  const two = fused([PINGREQ]);
  const reader = two.batches.getReader();
  const { closed } = reader;
  await reader.cancel();
  assertEquals(two.source.isClosed, true);
  assertEquals((await reader.read()).done, true);
  await closed;
});

for (const error of [undefined, new Error("reset")]) {
  Deno.test(`A reader of a fused stream that ${error ? "broke" : "ended"} says so in closed, and can be released`, async () => {
    const { batches } = fused(error === undefined ? [] : [error]);
    const reader = batches.getReader();
    await reader.read().catch(() => {});
    const { closed } = reader;
    reader.releaseLock();
    assertEquals((await Promise.allSettled([closed]))[0]?.status, error === undefined ? "fulfilled" : "rejected");
  });
}

Deno.test("A read that waits when a fused stream is cancelled ends", async () => {
  const ended = Promise.withResolvers<undefined>();
  const source = { read: () => ended.promise, close: () => ended.reject(new Error("closed")) };
  const reader = new PacketDecoderStream().fuse(source)?.getReader();
  const read = reader?.read();
  await reader?.cancel();
  assertEquals((await read)?.done, true);
});

for (const usesRoom of [true, false]) {
  Deno.test(`A fused stream offers room to a source that ${usesRoom ? "uses it" : "does not use it: none"}`, async () => {
    const rooms: (number | undefined)[] = [];
    const chunks = [new Uint8Array(65_536), new Uint8Array(65_536)];
    chunks[0]?.set(fromHex("30 80 80 08")); // A PUBLISH of 131,072 bytes and its header.
    const source = {
      usesRoom,
      read(room?: Uint8Array) {
        rooms.push(room === undefined ? undefined : Math.min(room.length, 65_536));
        return Promise.resolve(chunks.shift());
      },
      close() {},
    };
    const reader = new PacketDecoderStream({ protocolVersion: 4 }).fuse(source)?.getReader();
    await reader?.read();
    await reader?.read();
    assertEquals(rooms, [undefined, usesRoom ? 65_536 : undefined]);
  });
}

for (const isFused of [true, false]) {
  Deno.test(`decodeLarge decodes large chunks and what continues a packet, ${isFused ? "fused" : "in a pipe"}`, async () => {
    const large = new Uint8Array(16_384);
    for (let at = 0; at < large.length; at += 2) large[at] = 0xc0;
    const chunks = [fromHex(PINGREQ), large, fromHex("c0"), fromHex("00"), fromHex(PINGREQ)];
    const decoded: number[] = [];
    const options = {
      protocolVersion: 4 as const,
      decodeLarge(decoder: PacketDecoder, chunk: Uint8Array) {
        decoded.push(chunk.length);
        return decoded.length === 1 ? settled().then(() => decoder.decode(chunk)) : decoder.decode(chunk);
      },
    };
    const stream = new PacketDecoderStream(options);
    const batches = isFused
      ? stream.fuse(new ChunkSource(chunks)) ?? []
      : ReadableStream.from(chunks).pipeThrough(stream);
    assertEquals((await Array.fromAsync(batches)).map((batch) => batch.length), [1, 8_192, 0, 1, 1]);
    assertEquals(decoded, [16_384, 1]);
    assertEquals(stream.receivedBytes, 16_390);
  });
}

for (const isFused of [true, false]) {
  for (const isLater of [true, false]) {
    const name = `decodeLarge that ${isLater ? "rejects" : "throws"} ends the stream, ${
      isFused ? "fused" : "in a pipe"
    }`;
    Deno.test(name, async () => {
      const source = new ChunkSource([new Uint8Array(16_384), fromHex(PINGREQ)]);
      const stream = new PacketDecoderStream({
        decodeLarge() {
          const error = new RangeError("too large");
          if (isLater) return Promise.reject(error);
          throw error;
        },
      });
      const bytes = new ReadableStream<Uint8Array>({
        pull: async (controller) => controller.enqueue(await source.read()),
        cancel: () => source.close(),
      }, { highWaterMark: 0 });
      const reader = (isFused ? stream.fuse(source) : bytes.pipeThrough(stream))?.getReader();
      if (reader === undefined) throw new Error("It could not be fused");
      for (let time = 0; time < 2; time++) await assertRejects(() => reader.read(), RangeError, "too large");
      await settled();
      assertEquals(source.isClosed, true);
      reader.releaseLock();
    });
  }
}

Deno.test("A decoder stream is fused once, and only before its streams were taken", async () => {
  const { decoder, batches } = fused([PINGREQ]);
  assertStrictEquals(decoder.readable, batches);
  assertEquals(decoder.fuse(new ChunkSource([])), undefined);
  assertEquals(decoder.writable.locked, true);
  assertEquals((await Array.fromAsync(decoder.readable)).map(types), [["pingreq"]]);
  const piped = new PacketDecoderStream({ protocolVersion: 4 });
  assertStrictEquals(piped.writable, piped.writable);
  assertStrictEquals(piped.readable, piped.readable);
  assertEquals(piped.writable.locked, false);
  assertEquals(piped.fuse(new ChunkSource([])), undefined);
});
