import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { channelOf, ChannelTransport } from "../../src/transport/channel_transport.ts";
import { memoryTransport } from "../../src/transport/memory.ts";
import { listenTcp } from "../../src/transport/tcp.ts";
import { within } from "../deadline.ts";
import { readExactly } from "./slow_bytes.ts";
import { PEER, ToldChannel } from "./told_channel.ts";

Deno.test("The readable of a channel takes one read for each that is asked, and ends with it", async () => {
  const channel = new ToldChannel(Uint8Array.of(1), Uint8Array.of(2), undefined);
  const transport = new ChannelTransport(channel, PEER);
  assertStrictEquals(transport.readable, transport.readable);
  const reader = transport.readable.getReader();
  await new Promise((resolve) => setTimeout(resolve, 0)); // Whatever would be read ahead is.
  assertEquals(channel.calls, []);
  assertEquals((await reader.read()).value, Uint8Array.of(1));
  assertEquals(channel.calls, ["read"]);
  assertEquals((await reader.read()).value, Uint8Array.of(2));
  assertEquals((await reader.read()).done, true);
  assertEquals(channel.calls, ["read", "read", "read"]);
});

Deno.test("The readable of a channel that breaks is errored, and one that is cancelled closes it", async () => {
  const broken = new ChannelTransport(new ToldChannel(new Error("reset")), PEER);
  await assertRejects(() => broken.readable.getReader().read(), Error, "reset");
  const channel = new ToldChannel();
  await new ChannelTransport(channel, PEER).readable.cancel();
  assertEquals(channel.calls, ["close"]);
});

Deno.test("The writable of a channel writes and closes it, and one that is aborted closes both ways", async () => {
  const channel = new ToldChannel();
  const writer = new ChannelTransport(channel, PEER).writable.getWriter();
  await writer.write(Uint8Array.of(0xc0, 0));
  await writer.close();
  assertEquals(channel.calls, ["write c000", "closeWrite"]);
  const aborted = new ToldChannel();
  await new ChannelTransport(aborted, PEER).writable.abort();
  assertEquals(aborted.calls, ["close"]);
});

Deno.test("channelOf() gives the channel that a transport was made of", () => {
  const channel = new ToldChannel();
  assertStrictEquals(channelOf(new ChannelTransport(channel, PEER)), channel);
});

Deno.test("channelOf() reads and writes the streams of any other transport, with their backpressure", async () => {
  const { server, client } = memoryTransport(2);
  const channel = channelOf(server);
  const reader = client.readable.getReader();
  assertEquals(channel.isWriting, false);
  await channel.write(Uint8Array.of(1));
  assertEquals(channel.isWriting, false);
  const second = channel.write(Uint8Array.of(2));
  assertEquals(channel.isWriting, true); // There was room for one.
  assertEquals((await reader.read()).value, Uint8Array.of(1));
  await within(second, "the second write");
  assertEquals((await reader.read()).value, Uint8Array.of(2));
  await channel.closeWrite();
  assertEquals((await reader.read()).done, true);

  await client.writable.getWriter().write(Uint8Array.of(3));
  assertEquals(await channel.read(), Uint8Array.of(3));
  const last = channel.read();
  channel.close();
  assertEquals(await within(last, "the end"), undefined);
});

Deno.test("TCP writes that are under way at once leave in their order, however large they are", async () => {
  const listener = listenTcp({ port: 0 });
  try {
    const accepting = listener[Symbol.asyncIterator]().next();
    using client = await Deno.connect({ port: listener.port });
    const { value: transport } = await within(accepting, "the connection");
    assert(transport !== undefined);
    const channel = channelOf(transport);
    const sent = [1, 2, 3].map((value) => new Uint8Array(value === 2 ? 10 : 12_000_000).fill(value));
    const writes = sent.map((bytes) => channel.write(bytes)); // More than the system takes at once.
    assertEquals(channel.isWriting, true);
    const received = await within(readExactly(client, 24_000_010), "all bytes", 20_000);
    await within(Promise.all(writes), "the writes");
    assertEquals(channel.isWriting, false);
    assert(received.every((byte, at) => byte === (at < 12_000_000 ? 1 : at < 12_000_010 ? 2 : 3)));
    channel.close();
  } finally {
    listener.close();
  }
});
