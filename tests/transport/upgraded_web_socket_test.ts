import { assertEquals, assertLess, assertRejects } from "@std/assert";
import type { WebSocketTransport } from "../../src/transport/web_socket/web_socket_transport.ts";
import type { WebSocketEnd } from "../../src/transport/web_socket/frames.ts";
import { type UpgradedWebSocketOptions, upgradeWebSocket } from "../../src/transport/web_socket/upgraded.ts";
import { within } from "../deadline.ts";
import { RawWebSocket } from "./raw_web_socket.ts";
import { CLOSE, closeFrame } from "./web_socket_client_frames.ts";

interface Upgraded extends AsyncDisposable {
  readonly socket: RawWebSocket;
  readonly transport: WebSocketTransport;
  readonly ended: Promise<WebSocketEnd>;
}

/** A web app with one connection. */
async function upgraded(options: UpgradedWebSocketOptions = {}): Promise<Upgraded> {
  const transports = Promise.withResolvers<WebSocketTransport>();
  const ended = Promise.withResolvers<WebSocketEnd>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const peer = { transport: "ws", address: "127.0.0.1:1", listener: "ws://app/mqtt" };
    const { response, transport } = upgradeWebSocket(request, { ...options, peer, onWebSocketEnd: ended.resolve });
    if (transport !== undefined) transports.resolve(transport);
    return response;
  });
  const socket = await RawWebSocket.open(server.addr.port);
  return {
    socket,
    transport: await transports.promise,
    ended: ended.promise,
    async [Symbol.asyncDispose]() {
      socket[Symbol.dispose]();
      await server.shutdown();
    },
  };
}

Deno.test("Messages that wait are read as one chunk", async () => {
  await using connection = await upgraded();
  const { socket, transport, ended } = connection;
  await socket.sendBinary(...Array.from({ length: 20 }, () => "c000"));
  await socket.send(closeFrame(1000)); // Behind it, everything has come.
  assertEquals((await ended).code, 1000);
  const chunks: string[] = [];
  for await (const chunk of transport.readable) chunks.push(chunk.toHex());
  assertEquals(chunks, ["c000".repeat(20)]);
});

Deno.test("A peer that sends more than is read is closed with 1013", async () => {
  await using connection = await upgraded({ maximumQueuedBytes: 1_400 }); // Each message holds 280 more.
  const { socket, transport, ended } = connection;
  await socket.sendBinary(...Array.from({ length: 3 }, () => new Uint8Array(400)));
  const close = await socket.frame();
  assertEquals([close?.opcode, close?.payload.slice(0, 4)], [CLOSE, "03f5"]);
  await socket.send(closeFrame(1013));
  assertEquals((await ended).code, 1013);
  let bytes = 0;
  for await (const chunk of transport.readable) bytes += chunk.length;
  assertEquals(bytes, 800); // What came before it counts.
});

Deno.test("One message alone may be larger than the queue", async () => {
  await using connection = await upgraded({ maximumQueuedBytes: 1_000 });
  const { socket, transport } = connection;
  await socket.sendBinary(new Uint8Array(2_000));
  const reader = transport.readable.getReader();
  assertEquals((await reader.read()).value?.length, 2_000);
  await socket.send(closeFrame(1000));
  assertEquals((await reader.read()).done, true);
});

Deno.test("Writes wait while the socket holds more than the limit, and go on when the peer reads", async () => {
  await using connection = await upgraded({ maximumBufferedBytes: 65_536 });
  const { socket, transport, ended } = connection;
  const writer = transport.writable.getWriter();
  const chunk = new Uint8Array(65_536).fill(7);
  let written = 0;
  const writing = (async () => {
    for (; written < 512; written++) await writer.write(chunk);
  })();
  await within(
    new Promise<void>((resolve) => {
      let before = -1;
      const timer = setInterval(() => { // Nothing tells that a write waits, but that it makes no progress.
        if (before === written && written > 0) {
          clearInterval(timer);
          resolve();
        }
        before = written;
      }, 50);
    }),
    "a write that waits",
  );
  assertLess(written, 512);
  for (let frame = 0; frame < 512; frame++) assertEquals((await socket.frame())?.payload.length, chunk.length * 2);
  await within(writing, "the writes");
  await socket.send(closeFrame(1000));
  await ended;
});

Deno.test("A write that waits ends with the connection", async () => {
  await using connection = await upgraded({ maximumBufferedBytes: 1 });
  const { socket, transport } = connection;
  const writer = transport.writable.getWriter();
  writer.closed.catch(() => {}); // Each write is looked at.
  const chunk = new Uint8Array(65_536);
  const writes = (async () => {
    for (;;) await writer.write(chunk);
  })();
  const reading = transport.readable.getReader().read();
  transport.close();
  await within(assertRejects(() => writes), "the writes");
  assertEquals((await reading).done, true);
  await socket.send(closeFrame(1000));
  await socket.closed();
});

Deno.test("A peer that is gone without a Close frame ends the readable", async () => {
  await using connection = await upgraded();
  const { socket, transport, ended } = connection;
  const reading = transport.readable.getReader().read();
  socket[Symbol.dispose]();
  assertEquals((await within(reading, "the end")).done, true);
  assertEquals((await ended).code === 1000, false);
  await assertRejects(() => transport.writable.getWriter().write(Uint8Array.of(0xd0, 0)));
});
