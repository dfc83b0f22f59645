/** The client side of WebSocket against a server in bytes: nothing of the server comes from the code under test. */

import { assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import type { Transport } from "../../src/transport/transport.ts";
import { connectTcp } from "../../src/transport/tcp.ts";
import { connectWebSocketOver } from "../../src/transport/web_socket/connect_over.ts";
import { within } from "../deadline.ts";
import { BINARY, clientFrame, CLOSE, fromHex, joined, PING, TEXT } from "./web_socket_client_frames.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, section 1.3

/** The server's end of a connection. */
class ServerEnd {
  #received = new Uint8Array(0);

  constructor(readonly conn: Deno.TcpConn) {}

  async send(bytes: Uint8Array | string): Promise<void> {
    const all = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    for (let sent = 0; sent < all.length;) sent += await this.conn.write(all.subarray(sent));
  }

  /** Bytes until the end of a request's head. */
  async head(): Promise<string> {
    for (;;) {
      const text = new TextDecoder("latin1").decode(this.#received);
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#received = this.#received.slice(end + 4);
        return text.slice(0, end);
      }
      await this.#more();
    }
  }

  /** The next frame, with its mask taken off. */
  async frame(): Promise<{ first: number; mask: string; payload: string }> {
    const [first = 0, second = 0] = await this.#take(2);
    assertEquals(second & 0x80, 0x80, "a frame of a client is masked");
    const length = (second & 0x7f) < 126 ? second & 0x7f : Number.parseInt(
      (await this.#take((second & 0x7f) === 126 ? 2 : 8)).toHex(),
      16,
    );
    const mask = await this.#take(4);
    const payload = (await this.#take(length)).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
    return { first, mask: mask.toHex(), payload: payload.toHex() };
  }

  async isEnded(): Promise<boolean> {
    return await this.conn.read(new Uint8Array(1)) === null;
  }

  async #take(count: number): Promise<Uint8Array> {
    while (this.#received.length < count) await this.#more();
    const taken = this.#received.slice(0, count);
    this.#received = this.#received.slice(count);
    return taken;
  }

  async #more(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    const read = await within(this.conn.read(buffer), "bytes of the client");
    if (read === null) throw new Error("the client has closed the connection");
    this.#received = joined([this.#received, buffer.subarray(0, read)]);
  }
}

/** A frame of a server, which is not masked. */
function serverFrame(opcode: number, payload: string | Uint8Array): Uint8Array {
  return clientFrame({ opcode, payload, mask: undefined });
}

async function acceptance(head: string): Promise<string> {
  const key = /^sec-websocket-key: (.*)$/im.exec(head)?.[1] ?? "";
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + GUID));
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${new Uint8Array(digest).toBase64()}`,
    "Sec-WebSocket-Protocol: mqtt",
  ].join("\r\n");
}

/** A client that connects to a server that answers its request so. */
async function connecting(
  answer: (head: string) => string | Promise<string | Uint8Array>,
  then: (opened: Promise<Transport>, server: ServerEnd, url: URL) => Promise<void>,
  path = "/mqtt",
  signal?: AbortSignal,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = new URL(`ws://127.0.0.1:${listener.addr.port}${path}`);
  const { hostname, port } = listener.addr;
  const opened = connectWebSocketOver(connectTcp({ hostname, port }), url.href, signal);
  opened.catch(() => {}); // The test looks at it.
  using conn = await listener.accept();
  const server = new ServerEnd(conn);
  await server.send(await answer(await server.head()));
  await then(opened, server, url);
}

/** A connection that the server has accepted, with these bytes right after its answer. */
async function connected(
  talk: (transport: Transport, server: ServerEnd) => Promise<void>,
  early: Uint8Array = new Uint8Array(0),
): Promise<void> {
  await connecting(
    async (head) => joined([new TextEncoder().encode(`${await acceptance(head)}\r\n\r\n`), early]),
    async (opened, server) => {
      const transport = await opened;
      try {
        await talk(transport, server);
      } finally {
        transport.close();
        transport.close(); // At once.
      }
    },
  );
}

Deno.test("A client asks for the subprotocol mqtt at the path of its URL [MQTT-6.0.0-3]", async () => {
  let request = "";
  await connecting(
    async (head) => `${await acceptance(request = head)}\r\n\r\n`,
    async (opened, _, { host }) => {
      const lines = request.split("\r\n");
      assertMatch(lines.find((line) => line.startsWith("Sec-WebSocket-Key: ")) ?? "", /: [A-Za-z0-9+/]{22}==$/);
      assertEquals(lines.filter((line) => !line.startsWith("Sec-WebSocket-Key: ")), [
        "GET /a%20b?c=d HTTP/1.1",
        `Host: ${host}`,
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: mqtt",
      ]);
      const transport = await opened;
      assertEquals([transport.peer.transport, transport.peer.listener], ["ws", `ws://${host}/a%20b?c=d`]);
      transport.close();
      transport.close();
    },
    "/a b?c=d",
  );
});

const REFUSALS: readonly { name: string; complaint: string; answer: (accepted: string) => string }[] = [
  { name: "404", complaint: `"404 Not Found"`, answer: () => "HTTP/1.1 404 Not Found" },
  { name: "a status without a text", complaint: `"426"`, answer: () => "HTTP/1.1 426" },
  { name: "HTTP/1.0", complaint: "does not speak HTTP/1.1", answer: (ok) => ok.replace("1.1", "1.0") },
  { name: "no HTTP", complaint: "does not speak HTTP/1.1", answer: () => "SSH-2.0-server" },
  { name: "no Upgrade", complaint: "did not switch", answer: (ok) => ok.replace("Upgrade: websocket\r\n", "") },
  { name: "another Upgrade", complaint: "did not switch", answer: (ok) => ok.replace(": websocket", ": h2c") },
  { name: "no Connection", complaint: "did not switch", answer: (ok) => ok.replace("Connection: Upgrade\r\n", "") },
  { name: "a foreign key", complaint: "Sec-WebSocket-Accept", answer: (ok) => ok.replace("Accept: ", "Accept: A") },
  { name: "an extension", complaint: "extension", answer: (ok) => `${ok}\r\nSec-WebSocket-Extensions: x` },
  { name: "a foreign subprotocol [MQTT-6.0.0-4]", complaint: `"wamp"`, answer: (ok) => ok.replace(/mqtt$/, "wamp") },
  { name: "a malformed header", complaint: "header line", answer: (ok) => `${ok}\r\nno colon` },
  { name: "a control character", complaint: "control character", answer: (ok) => `${ok}\r\nx: \x07` },
  { name: "much more than a head", complaint: "something else", answer: (ok) => `${ok}\r\nx: ${"x".repeat(20_000)}` },
];

for (const { name, complaint, answer } of REFUSALS) {
  Deno.test(`A client does not take ${name} for an accepted WebSocket [RFC 6455, 4.1]`, () =>
    connecting(
      async (head) => `${answer(await acceptance(head))}\r\n\r\n`,
      async (opened, server, url) => {
        const error = await assertRejects(() => within(opened, "the refusal"), Error, complaint);
        assertEquals(error.message.startsWith(`Cannot connect to ${url.href}: `), true, error.message);
        assertEquals(await within(server.isEnded(), "the end"), true);
      },
    ));
}

Deno.test("A client takes names in any case, and several tokens of Connection [RFC 6455, 4.1]", () =>
  connecting(
    async (head) =>
      `${
        (await acceptance(head)).replace("Upgrade: websocket", "UPGRADE: WebSocket").replace(
          ": Upgrade",
          ": a, upgrade",
        )
      }\r\n\r\n`,
    async (opened) => {
      const transport = await opened;
      transport.close();
      transport.close();
    },
  ));

Deno.test("A client whose server closes within the handshake says so", () =>
  connecting(() => "HTTP/1.1 101 ", async (opened, { conn }) => {
    await conn.closeWrite();
    await assertRejects(() => within(opened, "the refusal"), Error, "closed the connection within");
  }));

Deno.test("A client that is aborted within the handshake closes its connection", async () => {
  const controller = new AbortController();
  await connecting(
    () => "",
    async (opened, server) => {
      controller.abort(new RangeError("enough"));
      await assertRejects(() => within(opened, "the end"), RangeError, "enough");
      assertEquals(await within(server.isEnded(), "the end"), true);
    },
    "/",
    controller.signal,
  );
});

Deno.test("A client masks each frame with a mask of its own [RFC 6455, 5.3]", () =>
  connected(async (transport, server) => {
    const writer = transport.writable.getWriter();
    const masks = new Set<string>();
    for (const length of [1, 2, 3, 4, 5, 125, 126, 127, 4_000, 65_535, 65_536, 200_000]) {
      const payload = Uint8Array.from({ length }, (_, index) => index * 7);
      await writer.write(payload);
      const frame = await server.frame();
      assertEquals([frame.first, frame.payload], [0x82, payload.toHex()], `${length} bytes`);
      masks.add(frame.mask);
    }
    for (let count = 0; count < 200; count++) {
      await writer.write(new Uint8Array(1));
      masks.add((await server.frame()).mask);
    }
    assertEquals(masks.size, 212);
  }));

Deno.test("A client reads frames however they are cut, from those that come with the answer on", async () => {
  const early = serverFrame(BINARY, "0102");
  await connected(async (transport, server) => {
    const reader = transport.readable.getReader();
    assertEquals((await within(reader.read(), "the first")).value?.toHex(), "0102");
    const large = Uint8Array.from({ length: 70_000 }, (_, index) => index * 3);
    const bytes = joined([serverFrame(BINARY, large), serverFrame(BINARY, "ff")]);
    const sending = (async () => {
      for (const cut of [[0, 1], [1, 3], [3, 9], [9, 11], [11, 50_000], [50_000, bytes.length]]) {
        await server.send(bytes.subarray(...cut));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    let received = new Uint8Array(0);
    while (received.length < 70_001) {
      const { value } = await within(reader.read(), "the rest");
      received = joined([received, value ?? new Uint8Array(0)]);
    }
    await sending;
    assertEquals(received.toHex(), `${large.toHex()}ff`);
  }, early);
});

Deno.test("A client answers a Ping with a Pong that is masked [RFC 6455, 5.5.2]", () =>
  connected(async (transport, server) => {
    const reading = transport.readable.getReader().read();
    await server.send(serverFrame(PING, "cafe"));
    const { first, payload, mask } = await server.frame();
    assertEquals([first, payload], [0x8a, "cafe"]);
    assertNotEquals(mask, "");
    await server.send(serverFrame(BINARY, "01"));
    assertEquals((await within(reading, "the bytes")).value?.toHex(), "01");
  }));

for (
  const { name, frame, code } of [
    { name: "that is masked [RFC 6455, 5.1]", frame: clientFrame({ opcode: BINARY, payload: "01" }), code: "03ea" },
    { name: "of text [MQTT-6.0.0-1]", frame: serverFrame(TEXT, "68"), code: "03eb" },
    { name: "with reserved bits [RFC 6455, 5.2]", frame: fromHex("c20101"), code: "03ea" },
  ]
) {
  Deno.test(`A client closes on a frame ${name}`, () =>
    connected(async (transport, server) => {
      const reading = transport.readable.getReader().read();
      await server.send(frame);
      const { first, payload } = await server.frame();
      assertEquals([first, payload.slice(0, 4)], [0x88, code]);
      assertEquals(await within(server.isEnded(), "the end"), true);
      server.conn.close();
      assertEquals((await within(reading, "the end")).done, true);
    }));
}

Deno.test("A client says Close, and its writer has ended when the server has answered [RFC 6455, 7.1.1]", () =>
  connected(async (transport, server) => {
    const writer = transport.writable.getWriter();
    await writer.write(Uint8Array.of(0xe0, 0));
    let isClosed = false;
    const closing = writer.close().then(() => isClosed = true);
    assertEquals((await server.frame()).payload, "e000");
    const close = await server.frame();
    assertEquals([close.first, close.payload], [0x88, "03e8"]);
    assertEquals(isClosed, false);
    await server.send(serverFrame(CLOSE, "03e8"));
    await within(closing, "the end of the writer");
    assertEquals(await within(server.isEnded(), "the end"), true);
  }));

Deno.test("A client answers a Close, and ends", () =>
  connected(async (transport, server) => {
    await server.send(serverFrame(CLOSE, "03e9"));
    assertEquals((await within(transport.readable.getReader().read(), "the end")).done, true);
    assertEquals((await server.frame()).payload, "03e9");
    await assertRejects(() => transport.writable.getWriter().write(Uint8Array.of(1)), Error, "closed");
  }));

Deno.test("A client that does not read makes its server wait", () =>
  connected(async (transport, server) => {
    const frame = serverFrame(BINARY, new Uint8Array(60_000));
    let sent = 0;
    const flood = (async () => {
      for (; sent < 2_000; sent++) await server.send(frame); // 120 MB.
    })().catch(() => {}); // The test ends before.
    let before = -1;
    while (sent > before) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assertEquals(sent < 1_000, true, `${sent} of 2,000 frames`);
    transport.close();
    transport.close();
    server.conn.close();
    await flood;
  }));
