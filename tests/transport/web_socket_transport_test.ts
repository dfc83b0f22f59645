import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { channelOf } from "../../src/transport/channel_transport.ts";
import { memoryTransport } from "../../src/transport/memory.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { Slab, type WebSocketEnd } from "../../src/transport/web_socket/frames.ts";
import {
  type WebSocketOptions,
  type WebSocketTransport,
  webSocketTransport,
} from "../../src/transport/web_socket/web_socket_transport.ts";
import { within } from "../deadline.ts";
import { BINARY, clientFrame, CLOSE, closeFrame, joined, PING, PONG, TEXT } from "./web_socket_client_frames.ts";

interface Opened {
  readonly server: WebSocketTransport;
  readonly client: Transport;
  readonly ends: readonly WebSocketEnd[];
  /** Bytes that the server has sent until it closed. */
  received(): Promise<string>;
  send(...parts: readonly Uint8Array[]): Promise<void>;
}

function open(options: WebSocketOptions = {}, rest: Uint8Array = new Uint8Array(0), queuedChunks?: number): Opened {
  const { server: inner, client } = memoryTransport(queuedChunks);
  const ends: WebSocketEnd[] = [];
  const server = webSocketTransport({
    below: channelOf(inner),
    rest,
    peer: { ...inner.peer, transport: "ws" },
    request: { method: "GET", url: "http://localhost/mqtt", headers: new Headers() },
    subprotocol: "mqtt",
    slab: new Slab(),
    closeCode: () => 1000,
  }, { onWebSocketEnd: (end) => ends.push(end), ...options });
  const writer = client.writable.getWriter();
  writer.closed.catch(() => {}); // The test looks at each write.
  return {
    server,
    client,
    ends,
    async received() {
      let hex = "";
      for await (const chunk of client.readable) hex += chunk.toHex();
      return hex;
    },
    send: (...parts) => writer.write(joined(parts)),
  };
}

async function readAll(transport: Transport): Promise<string> {
  let hex = "";
  for await (const chunk of transport.readable) hex += chunk.toHex();
  return hex;
}

Deno.test("A WebSocket connection begins with the bytes behind the head of the request", async () => {
  const { server, ends, received, send } = open({}, clientFrame({ opcode: BINARY, payload: "c000" }));
  await send(clientFrame({ opcode: BINARY, payload: "e000" }), closeFrame(1000));
  assertEquals(await readAll(server), "c000e000");
  assertEquals(await received(), "880203e8");
  assertEquals(ends, [{ code: 1000, reason: "", isByPeer: true }]);
});

Deno.test("Frames of one chunk come as one chunk", async () => {
  const { server, client, send } = open();
  await send(...Array.from({ length: 50 }, () => clientFrame({ opcode: BINARY, payload: "c000" })));
  const reader = server.readable.getReader();
  assertEquals((await reader.read()).value?.toHex(), "c000".repeat(50));
  client.close();
  assertEquals((await reader.read()).done, true);
});

Deno.test("A write is one binary frame, and one write below [RFC 6455, 5.2]", async () => {
  const { server, client } = open();
  const writer = server.writable.getWriter();
  await writer.write(Uint8Array.of(0xd0, 0));
  await writer.write(new Uint8Array(70_000));
  await writer.write(new Uint8Array(0)); // Says nothing.
  await writer.write(Uint8Array.of(0xd0, 0));
  const reader = client.readable.getReader();
  assertEquals((await reader.read()).value?.toHex(), "8202d000");
  assertEquals((await reader.read()).value?.subarray(0, 10).toHex(), "827f0000000000011170");
  assertEquals((await reader.read()).value?.toHex(), "8202d000");
  client.close();
  await readAll(server);
});

Deno.test("A Ping is answered with its payload, between fragments too [RFC 6455, 5.5.3]", async () => {
  const { server, received, send } = open();
  await send(
    clientFrame({ opcode: BINARY, payload: "c0", isFinal: false }),
    clientFrame({ opcode: PING, payload: "0102" }),
    clientFrame({ opcode: PONG, payload: "ff" }),
    clientFrame({ opcode: 0, payload: "00" }),
    clientFrame({ opcode: CLOSE }),
  );
  assertEquals(await readAll(server), "c000");
  assertEquals(await received(), "8a020102" + "8800");
});

Deno.test("Of many Pings only the first and the last are answered while a Pong waits [RFC 6455, 5.5.3]", async () => {
  const { server, client, send } = open({}, undefined, 1);
  const reading = readAll(server);
  const pings = Array.from({ length: 1_000 }, (_, index) => Uint8Array.of(index >> 8, index));
  for (const payload of pings) await send(clientFrame({ opcode: PING, payload }));
  const reader = client.readable.getReader();
  const pongs: string[] = [];
  for (let last = ""; last !== "8a0203e7"; pongs.push(last)) last = (await reader.read()).value?.toHex() ?? "";
  assertEquals(pongs[0], "8a020000");
  assertLess(pongs.length, 5);
  client.close();
  await reading;
});

const VIOLATION = "MQTT is carried in binary frames, not in text frames";

Deno.test("A text frame closes with 1003, and what came before it counts, seed 1-14 [MQTT-6.0.0-1]", async () => {
  const { server, client, ends, received, send } = open();
  await send(clientFrame({ opcode: BINARY, payload: "c000" }), clientFrame({ opcode: TEXT, payload: "c000" }));
  const closing = received().then((hex) => {
    client.close(); // As a client does that gets a Close frame.
    return hex;
  });
  assertEquals(await readAll(server), "c000");
  assertEquals(
    await closing,
    `88${(VIOLATION.length + 2).toString(16)}03eb` + new TextEncoder().encode(VIOLATION).toHex(),
  );
  assertEquals(ends, [{ code: 1003, reason: VIOLATION, isByPeer: false }]);
});

Deno.test("What a peer sends behind a violation is dropped until it closes, but not for long", async () => {
  const { server, received, send } = open({ closeTimeoutMs: 20 });
  const sending = (async () => {
    for (;;) {
      await send(clientFrame({ opcode: BINARY, payload: "c000", mask: undefined }));
      await new Promise((resolve) => setTimeout(resolve)); // Lets timers run, as a network does.
    }
  })();
  assertEquals(await within(readAll(server), "the connection to be closed"), "");
  assert((await received()).startsWith("88"));
  await assertRejects(() => sending);
});

Deno.test("close() says Close and waits for the answer [RFC 6455, 7.1.2]", async () => {
  const { server, client, ends, send } = open();
  const reader = client.readable.getReader();
  server.close();
  assertEquals((await reader.read()).value?.toHex(), "880203e8");
  const reading = readAll(server);
  await send(clientFrame({ opcode: BINARY, payload: "c000" }), closeFrame(1000)); // The packet comes too late.
  assertEquals(await reading, "");
  assertEquals((await reader.read()).done, true);
  assertEquals(ends, [{ code: 1000, reason: "", isByPeer: false }]);
});

Deno.test("close() ends a connection whose peer does not answer, in time", async () => {
  const { server, received } = open({ closeTimeoutMs: 20 });
  server.close();
  assertEquals(await within(received(), "the connection to be closed"), "880203e8"); // Nobody reads at the server.
});

Deno.test("close() called again ends it at once", async () => {
  const { server, received } = open({ closeTimeoutMs: 60_000 });
  server.close();
  server.close();
  assertEquals(await within(readAll(server), "the end"), "");
  await within(received(), "the end"); // With or without the Close frame.
});

Deno.test("close() while a write is stuck ends it at once", async () => {
  const { server, client } = open({ closeTimeoutMs: 60_000 }, undefined, 1);
  const writer = server.writable.getWriter();
  writer.closed.catch(() => {}); // Each write is looked at.
  const writes = [1, 2, 3].map((value) => writer.write(Uint8Array.of(value)).then(() => true, () => false));
  const reading = readAll(server).catch(() => "broken");
  await new Promise((resolve) => setTimeout(resolve)); // The first one has reached the transport below.
  server.close();
  await within(reading, "the end");
  assertEquals((await within(Promise.all(writes), "the writes")).at(-1), false);
  client.close();
});

Deno.test("Closing the writable says Close, and reading ends with the peer's answer", async () => {
  const { server, client, send } = open();
  const reader = client.readable.getReader();
  await server.writable.close();
  assertEquals((await reader.read()).value?.toHex(), "880203e8");
  await send(closeFrame(1000));
  assertEquals(await readAll(server), "");
});

Deno.test("Nothing is written behind a Close frame [RFC 6455, 5.5.1]", async () => {
  const { server, client, received, send } = open();
  const writer = server.writable.getWriter();
  writer.closed.catch(() => {}); // The write is looked at.
  await send(closeFrame(1001));
  assertEquals(await readAll(server), "");
  await assertRejects(() => writer.write(Uint8Array.of(0xd0, 0)));
  assertEquals(await received(), "880203e9");
  client.close();
});

Deno.test("A peer that is gone without a Close frame has ended with 1006 [RFC 6455, 7.1.5]", async () => {
  const { server, client, ends } = open();
  client.close();
  assertEquals(await readAll(server), "");
  assertEquals(ends, [{ code: 1006, reason: "the connection was lost", isByPeer: true }]);
});

Deno.test("A peer that is not read from is not read from below either", async () => {
  const { server, client, send } = open({}, undefined, 1);
  let sent = 0;
  const sending = (async () => {
    for (;;) {
      await send(clientFrame({ opcode: BINARY, payload: "c000" }));
      sent++;
    }
  })().catch(() => {}); // It ends with the connection.
  for (let turn = 0; turn < 100; turn++) await Promise.resolve();
  assertLess(sent, 5);
  const reader = server.readable.getReader();
  for (let read = 0; read < 20; read++) assertEquals((await reader.read()).value?.toHex(), "c000");
  assertLess(sent, 25);
  client.close();
  await sending;
  while (!(await reader.read()).done) { /* Until the end. */ }
});

Deno.test("A write waits until the transport below has taken it", async () => {
  const { server, client } = open({}, undefined, 1);
  const writer = server.writable.getWriter();
  await writer.ready;
  let written = 0;
  const writes = Array.from({ length: 20 }, () => writer.write(Uint8Array.of(0xd0, 0)).then(() => written++));
  for (let turn = 0; turn < 200; turn++) await Promise.resolve();
  assertLess(written, 3);
  const reader = client.readable.getReader();
  for (let read = 0; read < 20; read++) assertEquals((await reader.read()).value?.toHex(), "8202d000");
  await Promise.all(writes);
  client.close();
  await readAll(server);
});

Deno.test("A silent peer is pinged, and lives if it answers [RFC 6455, 5.5.2]", async () => {
  const { server, client, ends, send } = open({ pingIntervalMs: 10 });
  const reader = client.readable.getReader();
  const reading = readAll(server);
  for (let ping = 0; ping < 3; ping++) {
    assertEquals((await within(reader.read(), "a Ping")).value?.toHex(), "8900");
    await send(clientFrame({ opcode: PONG }));
  }
  await send(closeFrame(1000));
  assertEquals(await reading, "");
  assertEquals(ends[0]?.code, 1000);
});

Deno.test("A silent peer that answers no Ping is lost", async () => {
  const { server, ends, received } = open({ pingIntervalMs: 10 });
  assertEquals(await within(received(), "the end"), "8900");
  assertEquals(await readAll(server), "");
  assertEquals(ends[0]?.code, 1006);
});

Deno.test("Cancelling the readable closes the connection as close() does", async () => {
  const { server, ends, received } = open({ closeTimeoutMs: 10 });
  await server.readable.cancel();
  assertEquals(await within(received(), "the end"), "880203e8");
  assertEquals(ends, [{ code: 1000, reason: "", isByPeer: false }]);
});

Deno.test("A peer is not lost for its silence while nobody reads what it has sent", async () => {
  const { server, client, ends, send } = open({ pingIntervalMs: 5 });
  const pings = client.readable.getReader();
  assertEquals((await within(pings.read(), "a Ping")).value?.toHex(), "8900");
  await send(clientFrame({ opcode: BINARY, payload: "c000" })); // Instead of a Pong.
  await new Promise((resolve) => setTimeout(resolve, 50)); // Many intervals.
  assertEquals(ends, []);
  const reader = server.readable.getReader();
  assertEquals((await reader.read()).value?.toHex(), "c000");
  client.close();
  assertEquals((await reader.read()).done, true);
});

Deno.test("What was read for a Pong and not taken yet comes before the end", async () => {
  const { server, client, send } = open({ pingIntervalMs: 5 });
  const reader = client.readable.getReader();
  assertEquals((await within(reader.read(), "a Ping")).value?.toHex(), "8900");
  await send(clientFrame({ opcode: BINARY, payload: "c000" }));
  await new Promise((resolve) => setTimeout(resolve, 0)); // It has been read.
  server.close();
  assertEquals((await within(reader.read(), "a Close frame")).value?.toHex(), "880203e8");
  await send(closeFrame(1000));
  assertEquals(await readAll(server), "c000");
});

Deno.test("A peer that falls silent after it was heard is pinged within the interval", async () => {
  const { server, client, send } = open({ pingIntervalMs: 400 });
  const reader = client.readable.getReader();
  const reading = readAll(server);
  const timer = setInterval(() => send(clientFrame({ opcode: BINARY, payload: "c000" })), 50);
  await new Promise((resolve) => setTimeout(resolve, 450)); // It is heard in the first half and the second.
  clearInterval(timer);
  const fellSilentMs = performance.now();
  assertEquals((await within(reader.read(), "a Ping")).value?.toHex(), "8900");
  assertLess(performance.now() - fellSilentMs, 500);
  client.close();
  await reading.catch(() => {});
});
