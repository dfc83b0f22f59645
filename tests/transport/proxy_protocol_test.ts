import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { Broker } from "../../src/broker/broker.ts";
import { memoryTransport } from "../../src/transport/memory.ts";
import { listenBehindProxy, ProxyProtocolError, withProxyProtocol } from "../../src/transport/proxy/protocol.ts";
import { listenTcp } from "../../src/transport/tcp.ts";
import { within } from "../deadline.ts";

const HEADER = "PROXY TCP4 192.0.2.1 192.0.2.2 56324 1883\r\n";
const CONNECT = "\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a";

Deno.test("withProxyProtocol() gives what follows the header, however it is cut, and the address of the client", async () => {
  const sent = bytesOf(HEADER + CONNECT);
  for (let cut = 1; cut < sent.length; cut++) {
    const { server, client } = memoryTransport();
    const writer = client.writable.getWriter();
    await writer.write(sent.subarray(0, cut));
    await writer.write(sent.subarray(cut));
    await writer.close();
    const transport = await withProxyProtocol(server);
    assertEquals(transport.peer, { transport: "memory", address: "192.0.2.1:56324", listener: "memory" });
    assertEquals(await text(transport.readable), CONNECT, `cut at ${cut}`);
    transport.close();
  }
});

Deno.test("withProxyProtocol() takes it byte by byte", async () => {
  const { server, client } = memoryTransport(1_000);
  const writer = client.writable.getWriter();
  for (const byte of bytesOf(HEADER + CONNECT)) await writer.write(Uint8Array.of(byte));
  await writer.close();
  assertEquals(await text((await withProxyProtocol(server)).readable), CONNECT);
});

Deno.test("withProxyProtocol() keeps the address of a proxy that speaks for itself", async () => {
  const { server, client } = memoryTransport();
  await client.writable.getWriter().write(bytesOf("PROXY UNKNOWN\r\n"));
  const transport = await withProxyProtocol(server);
  assertEquals(transport.peer, server.peer);
  transport.close();
});

Deno.test("withProxyProtocol() writes through, and close() ends both ways", async () => {
  const { server, client } = memoryTransport();
  await client.writable.getWriter().write(bytesOf(HEADER));
  const transport = await withProxyProtocol(server);
  await transport.writable.getWriter().write(bytesOf("answer"));
  const reader = client.readable.getReader();
  assertEquals((await reader.read()).value, bytesOf("answer"));
  transport.close();
  assertEquals((await within(reader.read(), "the end")).done, true);
});

Deno.test("withProxyProtocol() asks for nothing before it is read", async () => {
  const { server, client } = memoryTransport(1);
  const writer = client.writable.getWriter();
  const [transport] = await Promise.all([withProxyProtocol(server), writer.write(bytesOf(HEADER))]);
  const writing = [1, 2, 3].map((byte) => writer.write(Uint8Array.of(byte)));
  let written = 0;
  for (const write of writing) write.then(() => written++);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertLess(written, writing.length);
  const reader = transport.readable.getReader();
  for (const byte of [1, 2, 3]) assertEquals((await reader.read()).value, Uint8Array.of(byte));
  await Promise.all(writing);
  transport.close();
});

for (
  const { name, sent, message } of [
    { name: "MQTT", sent: CONNECT, message: "Malformed header of the PROXY protocol: it does not begin with a header" },
    { name: "a wrong header", sent: "PROXY TCP4 x\r\n", message: "an address is not one of TCP4" },
  ]
) {
  Deno.test(`withProxyProtocol() rejects and closes when ${name} comes`, async () => {
    const { server, client } = memoryTransport();
    await client.writable.getWriter().write(bytesOf(sent));
    await assertRejects(() => withProxyProtocol(server), ProxyProtocolError, message);
    assertEquals((await within(client.readable.getReader().read(), "the end")).done, true);
  });
}

Deno.test("withProxyProtocol() rejects when the connection ends before the header does", async () => {
  const { server, client } = memoryTransport();
  const writer = client.writable.getWriter();
  await writer.write(bytesOf("PROXY TCP4"));
  await writer.close();
  await assertRejects(() => withProxyProtocol(server), ProxyProtocolError, "the connection ended");
});

Deno.test("withProxyProtocol() gives a header its time and no more, however its bytes come", async () => {
  const { server, client } = memoryTransport();
  const writer = client.writable.getWriter();
  const dripping = (async () => {
    for (const byte of bytesOf(HEADER)) {
      await writer.write(Uint8Array.of(byte));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })().catch(() => {}); // It was closed: that is what is tested.
  writer.closed.catch(() => {});
  await assertRejects(
    () => withProxyProtocol(server, { headerTimeoutMs: 50 }),
    ProxyProtocolError,
    "it did not come in time",
  );
  await dripping;
});

Deno.test("listenBehindProxy() serves a client while others are silent or wrong, and tells of those", async () => {
  const broker = await Broker.open();
  const refused: string[] = [];
  const below = listenTcp({ port: 0 });
  const listener = listenBehindProxy(below, { onRefused: (_, reason) => refused.push(reason) });
  const addresses: string[] = [];
  const serving = (async () => {
    for await (const transport of listener) {
      addresses.push(transport.peer.address);
      broker.serve(transport);
    }
  })();
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port: below.port });
  const silent = await Promise.all(Array.from({ length: 20 }, connect));
  using wrong = await connect();
  await wrong.write(bytesOf(CONNECT));
  assertEquals(await within(wrong.read(new Uint8Array(1)), "the end of the wrong one").catch(() => null), null);
  using good = await connect();
  await good.write(bytesOf(HEADER + CONNECT));
  const connack = new Uint8Array(4);
  await within(good.read(connack), "CONNACK");
  assertEquals(connack, Uint8Array.of(0x20, 2, 0, 0));
  assertEquals(addresses, ["192.0.2.1:56324"]);
  listener.close();
  await broker.close();
  await within(serving, "the listener to end");
  for (const conn of silent) {
    assertEquals(await within(conn.read(new Uint8Array(1)), "the end of a silent one").catch(() => null), null);
    conn.close();
  }
  assertEquals(refused, ["Malformed header of the PROXY protocol: it does not begin with a header"]);
});

async function text(readable: ReadableStream<Uint8Array>): Promise<string> {
  const chunks = await Array.fromAsync(readable);
  return chunks.map((chunk) => String.fromCharCode(...chunk)).join("");
}

function bytesOf(latin1: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(latin1, (character) => character.charCodeAt(0));
}
