import { assert, assertEquals } from "@std/assert";
import { WebSocket as NodeWebSocket } from "ws";
import vectors from "../vectors.json" with { type: "json" };
import { within } from "../deadline.ts";
import { CONNACK, connect, DISCONNECT, PINGREQ, PINGRESP, publish, subscribe } from "../interop/raw_client.ts";
import { RawWebSocket } from "./raw_web_socket.ts";
import { BINARY, clientFrame, CLOSE, closeFrame, fromHex, PING, PONG, TEXT } from "./web_socket_client_frames.ts";
import { startBroker, WAYS_IN } from "./web_socket_servers.ts";

const VECTORS = vectors.vectors;
const plain = (hex: string) => hex.replaceAll(" ", "");

for (const way of WAYS_IN) {
  const test = (name: string, run: (broker: Awaited<ReturnType<typeof startBroker>>) => Promise<void>) =>
    Deno.test(`${way.name}: ${name}`, async () => {
      await using broker = await startBroker(way);
      await run(broker);
      assertEquals(broker.errors, []);
    });

  for (const name of ["001-connect", "002-connect"] as const) {
    test(`${name} is answered by one frame, in its 13 frames, byte by byte and whole, seeds 1-6, 1-8`, async ({ port }) => {
      const whole = VECTORS[name].frames.join("");
      for (const pieces of [VECTORS[name].frames, whole.match(/../g) ?? [], [whole]]) {
        using socket = await RawWebSocket.open(port);
        for (const piece of pieces) await socket.sendBinary(piece);
        await socket.expect(VECTORS["001-connack"].hex);
        await closes(socket);
      }
    });
  }

  test("what article 001 shows on the wire, seeds 1-6 to 1-12", async ({ port, ends }) => {
    using socket = await RawWebSocket.open(port);
    await socket.sendBinary(...VECTORS["001-connect"].frames);
    await socket.expect(VECTORS["001-connack"].hex);
    for (const frame of VECTORS["001-subscribe"].frames) await socket.sendBinary(frame);
    await socket.expect(VECTORS["001-suback"].hex);
    for (const frame of VECTORS["001-publish"].frames) await socket.sendBinary(frame);
    await socket.expect(VECTORS["001-publish"].hex);
    await socket.sendBinary(VECTORS["001-disconnect"].hex);
    await isClosed(socket, "03e8");
    assertEquals(ends.map(({ code }) => code), [1000]);
  });

  test("seed 0-3, 0-5: CONNECT without a client identifier, on the path /, and PINGREQ", async ({ port }) => {
    using socket = await RawWebSocket.open(port, "/");
    await socket.sendBinary(VECTORS["000-connect"].hex);
    await socket.expect(plain(CONNACK));
    for (let ping = 0; ping < 3; ping++) {
      await socket.sendBinary(VECTORS["000-pingreq"].hex);
      await socket.expect(VECTORS["000-pingresp"].hex);
    }
    await closes(socket);
  });

  test("frames begin and end with packets, however much waits for a client that does not read", async (broker) => {
    using socket = await RawWebSocket.open(broker.port);
    await socket.sendBinary(plain(connect({ clientId: "slow" }) + subscribe(1, "#")));
    await socket.expectBytes(plain(CONNACK) + "9003000100");
    const sizes = Array.from({ length: 400 }, (_, index) => index === 200 ? 400_000 : index % 7 === 0 ? 30_000 : index);
    for (const size of sizes) broker.broker.publish("t", new Uint8Array(size));
    const received: number[] = [];
    let frames = 0;
    while (received.length < sizes.length) {
      const { payload = "" } = await socket.frame() ?? {};
      received.push(...payloadSizes(fromHex(payload)));
      frames += 1;
    }
    assertEquals(received, sizes);
    assert(frames > 5);
    assert(frames < sizes.length / 2, `${frames} frames`); // Small packets share frames.
  });

  test("several packets in one frame are answered in order, seed 1-13 [MQTT-6.0.0-2]", async ({ port }) => {
    using socket = await RawWebSocket.open(port);
    await socket.sendBinary(
      VECTORS["002-connect"].hex + VECTORS["001-subscribe"].hex + VECTORS["001-publish"].hex + plain(PINGREQ),
    );
    const expected = [
      VECTORS["002-connack"].hex,
      VECTORS["001-suback"].hex,
      VECTORS["001-publish"].hex,
      plain(PINGRESP),
    ];
    let received = "";
    while (received.length < expected.join("").length) received += (await socket.frame())?.payload ?? "00";
    assertEquals(received, expected.join(""));
    await closes(socket);
  });

  test("fragments, and a Ping between them, seed 0-7 [RFC 6455, 5.4]", async ({ port }) => {
    using socket = await RawWebSocket.open(port);
    await socket.sendBinary(VECTORS["000-connect"].hex);
    await socket.expect(plain(CONNACK));
    await socket.send(
      clientFrame({ opcode: BINARY, payload: "c0", isFinal: false }),
      clientFrame({ opcode: PING, payload: "0102" }),
      clientFrame({ opcode: 0, payload: "00" }),
    );
    assertEquals(await socket.frame(), { opcode: PONG, payload: "0102" });
    await socket.expect(plain(PINGRESP));
    await closes(socket);
  });

  test("a publish of 100 kB in frames of 1,024 bytes arrives whole, seed 4-2", async ({ port }) => {
    using socket = await RawWebSocket.open(port);
    const packet = fromHex(publish({ topic: "large", payload: "x".repeat(100_000) }));
    await socket.sendBinary(connect({ clientId: "large" }), subscribe(1, "large"));
    await socket.expectBytes(plain(CONNACK) + "9003000100");
    for (let at = 0; at < packet.length; at += 1_024) await socket.sendBinary(packet.subarray(at, at + 1_024));
    await socket.expectBytes(packet.toHex());
    await closes(socket);
  });

  test("a text frame closes with 1003, and the Will is published, seed 1-14 [MQTT-6.0.0-1]", async ({ port, broker }) => {
    const wills = broker.subscribe("will");
    using socket = await RawWebSocket.open(port);
    await socket.sendBinary(connect({ clientId: "texter", will: { topic: "will", payload: "gone" } }));
    await socket.expect(plain(CONNACK));
    await socket.send(clientFrame({ opcode: TEXT, payload: "4d515454" }));
    await isClosed(socket, "03eb");
    const { value } = await within(wills.next(), "the Will");
    assertEquals(new TextDecoder().decode(value?.payload), "gone");
    await wills.unsubscribe();
  });

  test("a Close frame without DISCONNECT is answered, and the Will is published", async ({ port, broker }) => {
    const wills = broker.subscribe("will");
    using socket = await RawWebSocket.open(port);
    await socket.sendBinary(connect({ clientId: "closer", will: { topic: "will", payload: "gone" } }));
    await socket.expect(plain(CONNACK));
    await socket.send(closeFrame(1001));
    assertEquals(await socket.closed(), [{ opcode: CLOSE, payload: "03e9" }]);
    assertEquals((await within(wills.next(), "the Will")).value?.topic, "will");
    await wills.unsubscribe();
  });

  test("DISCONNECT and Close at once publish no Will [MQTT-3.14.4-3]", async ({ port, broker }) => {
    const messages = broker.subscribe("#");
    using socket = await RawWebSocket.open(port);
    await socket.sendBinary(connect({ clientId: "leaver", will: { topic: "will", payload: "gone" } }));
    await socket.expect(plain(CONNACK));
    await socket.send(clientFrame({ opcode: BINARY, payload: plain(DISCONNECT) }), closeFrame(1000));
    assertEquals((await socket.closed()).at(-1)?.opcode, CLOSE);
    await broker.publish("after", "");
    assertEquals((await within(messages.next(), "a message")).value?.topic, "after");
    await messages.unsubscribe();
  });

  test("a malformed packet closes the WebSocket connection [MQTT-4.13.1-1]", async ({ port }) => {
    using socket = await RawWebSocket.open(port);
    await socket.sendBinary(connect({ clientId: "malformed" }), "c100");
    await socket.expect(plain(CONNACK));
    await isClosed(socket, "03e8");
  });

  test("of 500 clients half are killed at once: their Wills are published, the others live", async ({ port, broker }) => {
    const wills = broker.subscribe("will/+", { maximumMessages: 500 });
    const sockets = await Promise.all(Array.from({ length: 500 }, async (_, index) => {
      const socket = await RawWebSocket.open(port);
      const will = { topic: `will/${index}`, payload: "gone" };
      await socket.sendBinary(connect({ clientId: `client-${index}`, will }));
      await socket.expect(plain(CONNACK));
      return socket;
    }));
    const killed = new Set(sockets.keys().filter((index) => index % 2 === 0).map((index) => `will/${index}`));
    for (const [index, socket] of sockets.entries()) if (index % 2 === 0) socket[Symbol.dispose]();
    const published = new Set<string>();
    while (published.size < killed.size) published.add((await within(wills.next(), "the Wills")).value?.topic ?? "");
    assertEquals(published, killed);
    await wills.unsubscribe();
    for (const [index, socket] of sockets.entries()) {
      if (index % 2 === 0) continue;
      await socket.sendBinary(plain(PINGREQ));
      await socket.expect(plain(PINGRESP));
    }
    await Promise.all(
      sockets.filter((_, index) => index % 2 === 1).map(async (socket) => {
        await closes(socket);
        socket[Symbol.dispose]();
      }),
    );
    assertEquals(broker.metrics.connections, 0);
  });

  test("the client library ws: offers compression, sends fragments, pings and closes", async ({ port, ends }) => {
    const client = new NodeWebSocket(`ws://127.0.0.1:${port}/mqtt`, ["chat", "mqtt"], { perMessageDeflate: true });
    const messages: string[] = [];
    const pong = Promise.withResolvers<string>();
    const answered = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<number>();
    client.on("message", (data, isBinary) => {
      assert(isBinary && data instanceof Uint8Array);
      messages.push(Uint8Array.from(data).toHex());
      if (messages.length === 2) answered.resolve();
    });
    client.on("pong", (data) => pong.resolve(data.toString()));
    client.on("close", (code) => closed.resolve(code));
    await within(new Promise<void>((resolve) => client.on("open", () => resolve())), "the upgrade");
    assertEquals([client.protocol, client.extensions], ["mqtt", ""]);
    const bytes = fromHex(connect({ clientId: "ws" }));
    client.send(bytes.subarray(0, 5), { fin: false });
    client.ping("hello");
    client.send(bytes.subarray(5));
    assertEquals(await within(pong.promise, "a Pong"), "hello");
    client.send(fromHex(PINGREQ));
    await within(answered.promise, "CONNACK and PINGRESP");
    assertEquals(messages, [plain(CONNACK), plain(PINGRESP)]);
    client.close(1000, "bye");
    assertEquals(await within(closed.promise, "the end"), 1000);
    assertEquals(ends.map(({ code, reason }) => [code, reason]), [[1000, "bye"]]);
  });
}

/** Closes as a client does, and expects the answer. */
async function closes(socket: RawWebSocket, code = 1000): Promise<void> {
  await socket.send(closeFrame(code));
  assertEquals((await socket.closed()).at(-1)?.opcode, CLOSE);
}

/** The server closes, and is answered. */
async function isClosed(socket: RawWebSocket, code: string): Promise<void> {
  const close = await socket.frame();
  assertEquals([close?.opcode, close?.payload.slice(0, 4)], [CLOSE, code]);
  await socket.send(clientFrame({ opcode: CLOSE, payload: code }));
  await socket.finish();
  assertEquals(await socket.closed(), []);
}

/** Sizes of the payloads of PUBLISH packets with the topic "t"; the bytes have to be whole packets. */
function payloadSizes(bytes: Uint8Array): number[] {
  const sizes: number[] = [];
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at] ?? 0;
    assertEquals(first >> 4, 3, "a PUBLISH begins");
    let length = 0;
    for (let shift = 1, more = true; more; shift *= 128) {
      const byte = bytes[++at] ?? 0;
      length += (byte & 0x7f) * shift;
      more = byte >= 0x80;
    }
    at += 1 + length;
    sizes.push(length - 3 - ((first & 0x06) === 0 ? 0 : 2));
  }
  assertEquals(at, bytes.length, "the last packet is whole");
  return sizes;
}
