import { assertEquals, assertRejects } from "@std/assert";
import { connectWebSocket } from "../../src/transport/web_socket/connect_in_page.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { within } from "../deadline.ts";

/** A server that does with each WebSocket what the test says, and the transport of a client that is connected to it. */
async function withConnection(
  serve: (socket: WebSocket) => void,
  talk: (transport: Transport) => Promise<void>,
): Promise<void> {
  const closed: Promise<void>[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "mqtt" });
    const { promise, resolve } = Promise.withResolvers<void>();
    closed.push(promise);
    socket.binaryType = "arraybuffer";
    socket.onclose = () => resolve();
    socket.onopen = () => serve(socket);
    return response;
  });
  const transport = await connectWebSocket(`ws://127.0.0.1:${server.addr.port}/mqtt`);
  try {
    await talk(transport);
  } finally {
    transport.close();
    await within(Promise.all(closed), "the WebSocket to close");
  }
}

Deno.test("connectWebSocket() carries bytes both ways, and names both ends", async () => {
  await withConnection((socket) => socket.onmessage = ({ data }) => socket.send(data), async (transport) => {
    assertEquals([transport.peer.transport, new URL(transport.peer.listener).pathname], ["ws", "/mqtt"]);
    const writer = transport.writable.getWriter();
    const reader = transport.readable.getReader();
    await writer.write(Uint8Array.of(1, 2, 3));
    assertEquals((await within(reader.read(), "the echo")).value, Uint8Array.of(1, 2, 3));
    await writer.close();
    assertEquals((await within(reader.read(), "the end")).done, true);
  });
});

Deno.test("connectWebSocket() ends the connection on which text comes [MQTT-6.0.0-1]", async () => {
  await withConnection((socket) => socket.send("hello"), async (transport) => {
    assertEquals((await within(transport.readable.getReader().read(), "the end")).done, true);
    await assertRejects(() => transport.writable.getWriter().write(new Uint8Array(1)), Error, "closed");
  });
});

Deno.test("connectWebSocket() fails what is written behind the end", async () => {
  await withConnection((socket) => socket.close(), async (transport) => {
    assertEquals((await within(transport.readable.getReader().read(), "the end")).done, true);
    await assertRejects(() => transport.writable.getWriter().write(new Uint8Array(1)), Error, "closed");
  });
});

Deno.test("connectWebSocket() rejects with the reason of its signal, and where no WebSocket is", async () => {
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("hello"));
  const url = `ws://127.0.0.1:${server.addr.port}/`;
  await assertRejects(() => connectWebSocket(url), Error, `Cannot connect to ${url}`);
  const controller = new AbortController();
  const connecting = connectWebSocket(url, controller.signal);
  controller.abort(new RangeError("enough"));
  await assertRejects(() => connecting, RangeError, "enough");
});

Deno.test("a write waits while the WebSocket holds much, and ends with it", async () => {
  let bufferedAmount = 1_000_000;
  const socket = {
    readyState: 1,
    get bufferedAmount() {
      return bufferedAmount;
    },
    onopen: () => {},
    send() {},
    close() {},
  };
  // As much of a WebSocket as the transport uses.
  const connecting = connectWebSocket("ws://127.0.0.1/mqtt", undefined, () => socket as unknown as WebSocket);
  socket.onopen();
  const transport = await connecting;
  const writer = transport.writable.getWriter();
  writer.closed.catch(() => {}); // It ends broken.
  let isWritten = false;
  const writing = writer.write(new Uint8Array(1)).then(() => isWritten = true);
  await Promise.resolve();
  assertEquals(isWritten, false);
  bufferedAmount = 0;
  await within(writing, "the write");
  bufferedAmount = 1_000_000;
  const waiting = writer.write(new Uint8Array(1)).catch(() => {}); // Either end will do.
  transport.close();
  await within(waiting, "the write to end");
});

Deno.test("the end of the writer is there when the server has all that was written", async () => {
  let received = 0;
  await withConnection((socket) => socket.onmessage = ({ data }) => received += data.byteLength, async (transport) => {
    const writer = transport.writable.getWriter();
    for (let count = 0; count < 20; count++) writer.write(new Uint8Array(100_000)).catch(() => {}); // See `received`.
    await within(writer.close(), "the end");
    assertEquals(received, 2_000_000);
  });
});

Deno.test("the end of the writer does not wait for a server that says nothing, once the transport is closed", async () => {
  const socket = { readyState: 1, bufferedAmount: 0, onopen: () => {}, send() {}, close() {} };
  queueMicrotask(() => socket.onopen());
  // As much of a WebSocket as the transport asks for.
  const transport = await connectWebSocket("ws://a/", undefined, () => socket as unknown as WebSocket);
  const closing = transport.writable.getWriter().close();
  transport.close();
  await within(closing, "the end");
});
