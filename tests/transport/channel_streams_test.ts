import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { type ByteSource, PacketDecoderStream } from "../../src/codec/mod.ts";
import { ChannelTransport, type FusibleTransform } from "../../src/transport/channel_transport.ts";
import { within } from "../deadline.ts";
import { PEER, ToldChannel } from "./told_channel.ts";

/** Gives the lengths of chunks, fused or not. */
class Lengths implements FusibleTransform<number> {
  isFused = false;
  readonly #pair = new TransformStream<Uint8Array, number>({
    transform: (chunk, controller) => controller.enqueue(chunk.length),
  });
  readonly readable = this.#pair.readable;
  readonly writable = this.#pair.writable;
  canFuse = true;

  fuse(source: ByteSource): ReadableStream<number> | undefined {
    this.isFused = this.canFuse;
    if (!this.canFuse) return undefined;
    return new ReadableStream({
      async pull(controller) {
        const chunk = await source.read();
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk.length);
      },
    });
  }
}

function transportOf(...reads: readonly (Uint8Array | undefined | Error)[]): ChannelTransport {
  return new ChannelTransport(new ToldChannel(...reads), PEER);
}

const CHUNKS = [Uint8Array.of(1), Uint8Array.of(1, 2), undefined] as const;

Deno.test("The readable of a channel is fused with a transform that can be, and locked from then on", async () => {
  const transport = transportOf(...CHUNKS);
  const { readable } = transport;
  const lengths = new Lengths();
  assertEquals(await Array.fromAsync(readable.pipeThrough(lengths)), [1, 2]);
  assertEquals(lengths.isFused, true);
  assertEquals([readable.locked, transport.readable.locked], [true, true]);
  assertThrows(() => readable.pipeThrough(new Lengths()), TypeError);
  assertThrows(() => transport.readable.getReader(), TypeError);
});

for (
  const { name, pipe } of [
    {
      name: "with a transform that refuses",
      pipe(readable: ReadableStream<Uint8Array>, lengths: Lengths) {
        lengths.canFuse = false;
        return readable.pipeThrough(lengths);
      },
    },
    {
      name: "with options",
      pipe: (readable: ReadableStream<Uint8Array>, lengths: Lengths) =>
        readable.pipeThrough(lengths, { preventCancel: true }),
    },
    {
      name: "with a transform that is a pair and no more",
      pipe: (readable: ReadableStream<Uint8Array>, { readable: lengths, writable }: Lengths) =>
        readable.pipeThrough({ readable: lengths, writable }),
    },
    {
      name: "behind a stream of the platform",
      pipe: (readable: ReadableStream<Uint8Array>, lengths: Lengths) =>
        readable.pipeThrough(new TransformStream<Uint8Array, Uint8Array>()).pipeThrough(lengths),
    },
  ]
) {
  Deno.test(`The readable of a channel goes through an ordinary pipe ${name}`, async () => {
    const lengths = new Lengths();
    assertEquals(await Array.fromAsync(pipe(transportOf(...CHUNKS).readable, lengths)), [1, 2]);
    assertEquals(lengths.isFused, false);
  });
}

Deno.test("The readable of a channel that was read before goes through an ordinary pipe, and loses nothing", async () => {
  const { readable } = transportOf(...CHUNKS);
  const reader = readable.getReader();
  const first = reader.read();
  await Promise.resolve(); // The channel is read.
  reader.releaseLock(); // Its chunk stays in the stream.
  await assertRejects(() => first, TypeError);
  const lengths = new Lengths();
  assertEquals(await Array.fromAsync(readable.pipeThrough(lengths)), [1, 2]);
  assertEquals(lengths.isFused, false);
});

Deno.test("Pipes of channels and decoders are fused", async () => {
  const channel = new ToldChannel(Uint8Array.of(0xc0, 0), undefined);
  const decoder = new PacketDecoderStream({ protocolVersion: 4 });
  const batches = new ChannelTransport(channel, PEER).readable.pipeThrough(decoder);
  await new Promise((resolve) => setTimeout(resolve, 0)); // An ordinary pipe would have read by now.
  assertEquals(channel.calls, []);
  assertEquals((await Array.fromAsync(batches)).flat(), [{ type: "pingreq" }]);
});

Deno.test("The writer of a channel hands each write to it at once", async () => {
  const channel = new ToldChannel();
  const { writable } = new ChannelTransport(channel, PEER);
  const writer = writable.getWriter();
  assertEquals([writable.locked, writer.desiredSize], [true, 1]);
  const writes = [writer.write(Uint8Array.of(1)), writer.write(Uint8Array.of(2))];
  assertEquals(channel.calls, ["write 01", "write 02"]);
  channel.isWriting = true;
  assertEquals(writer.desiredSize, 0);
  await Promise.all([...writes, writer.ready]);
  const { closed } = writer;
  await writer.close();
  await within(closed, "the end");
  assertEquals(channel.calls.at(-1), "closeWrite");
});

Deno.test("A writable that has a writer is locked, until that is released", async () => {
  const channel = new ToldChannel();
  const transport = new ChannelTransport(channel, PEER);
  const { writable } = transport;
  assertStrictEquals(transport.writable, writable);
  const writer = writable.getWriter();
  assertThrows(() => writable.getWriter(), TypeError);
  assertThrows(() => transport.writable.getWriter(), TypeError);
  await assertRejects(() => writable.close(), TypeError);
  await assertRejects(() => writable.abort(), TypeError);
  const { closed } = writer;
  writer.releaseLock();
  writer.releaseLock(); // Once more changes nothing.
  await assertRejects(() => closed, TypeError);
  await assertRejects(() => writer.write(Uint8Array.of(1)), TypeError);
  await assertRejects(() => writer.ready, TypeError);
  await assertRejects(() => writer.close(), TypeError);
  await assertRejects(() => writer.abort(), TypeError);
  assertThrows(() => writer.desiredSize, TypeError);
  assertEquals([writable.locked, transport.writable.locked], [false, false]);
  await ReadableStream.from([Uint8Array.of(7)]).pipeTo(transport.writable);
  assertEquals(channel.calls, ["write 07", "closeWrite"]);
});

Deno.test("closed of a writer rejects with the error of a write, whenever it is asked for", async () => {
  for (const isAskedBefore of [true, false]) {
    const channel = new ToldChannel();
    channel.broken = new Error("reset");
    const writer = new ChannelTransport(channel, PEER).writable.getWriter();
    if (isAskedBefore) writer.closed;
    channel.isWriting = true;
    const write = writer.write(Uint8Array.of(1));
    writer.ready; // Nobody looks at it.
    await assertRejects(() => write, Error, "reset");
    await assertRejects(() => within(writer.closed, "the error"), Error, "reset");
  }
});

Deno.test("abort() of a writer closes the channel, and closed rejects with its reason", async () => {
  const channel = new ToldChannel();
  const writer = new ChannelTransport(channel, PEER).writable.getWriter();
  await writer.abort(new RangeError("enough"));
  assertEquals(channel.calls, ["close"]);
  await assertRejects(() => within(writer.closed, "the reason"), RangeError, "enough");
  await assertRejects(() => writer.write(Uint8Array.of(1)), TypeError);
});

Deno.test("A writable that was closed by a writer stays closed, for that writer and the next", async () => {
  const channel = new ToldChannel();
  const transport = new ChannelTransport(channel, PEER);
  const first = transport.writable.getWriter();
  await first.close();
  for (const isNext of [false, true]) {
    if (isNext) first.releaseLock();
    const writer = isNext ? transport.writable.getWriter() : first;
    await within(writer.closed, "the end");
    await assertRejects(() => writer.write(Uint8Array.of(1)), TypeError);
    await assertRejects(() => writer.close(), TypeError);
    assertEquals(writer.desiredSize, 0);
  }
  assertEquals(channel.calls, ["closeWrite"]);
});

Deno.test("A writable that is closing gives no writer that could write", async () => {
  for (const end of ["close", "abort"] as const) {
    const channel = new ToldChannel();
    const { writable } = new ChannelTransport(channel, PEER);
    const ended = writable[end]();
    await assertRejects(() => writable.getWriter().write(Uint8Array.of(1)));
    await ended;
    assertEquals(channel.calls, [end === "close" ? "closeWrite" : "close"]);
  }
});

for (const chunks of [[], [Uint8Array.of(7)]]) {
  Deno.test(`A pipe of ${chunks.length} chunks to a writable that has a writer fails, and writes nothing`, async () => {
    const channel = new ToldChannel();
    const transport = new ChannelTransport(channel, PEER);
    const { writable } = transport;
    const writer = writable.getWriter();
    await assertRejects(() => ReadableStream.from(chunks).pipeTo(writable), TypeError);
    await assertRejects(() => ReadableStream.from(chunks).pipeTo(transport.writable), TypeError);
    await writer.write(Uint8Array.of(1));
    assertEquals(channel.calls, ["write 01"]);
  });
}
