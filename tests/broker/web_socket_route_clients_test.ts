/** Clients of `broker.upgrade` in a web app of `Deno.serve`, with bytes as the peer. */

import { assertEquals, assertGreater, assertLess, assertMatch, assertThrows } from "@std/assert";
import type { Authenticator } from "../../mod.ts";
import { within } from "../deadline.ts";
import { CONNACK, connect, DISCONNECT, PINGREQ, PINGRESP, publish, subscribe } from "../interop/raw_client.ts";
import { RawWebSocket } from "../transport/raw_web_socket.ts";
import { BINARY, clientFrame, closeFrame, fromHex, TEXT } from "../transport/web_socket_client_frames.ts";
import { isClosed, nextTopic, plain, RouteApp } from "./route_app.ts";

const WILL = { topic: "will/tab", payload: "closed" };

/** The session cookie is the name. */
const BY_COOKIE: Authenticator = {
  authenticate({ request }) {
    return { isAccepted: true, principal: request?.headers.get("cookie")?.slice("session=".length) ?? "" };
  },
};

for (const version of [4, 5] as const) {
  Deno.test(`broker.disconnect() ends a client by its Client Identifier, with its Will v${version}`, async () => {
    await using app = await RouteApp.start();
    const wills = app.broker.subscribe("will/#");
    using socket = await app.connect({ clientId: "a", version, will: WILL });
    using other = await app.connect({ clientId: "b", version });
    assertEquals(app.broker.disconnect({ clientId: "nobody" }), 0);
    assertEquals(app.broker.disconnect({ clientId: "a" }, { reason: "bye" }), 1);
    if (version === 5) await socket.expect(plain("e0 08 98 06 1f 0003 627965"));
    await isClosed(socket, 1000);
    assertEquals(await nextTopic(wills), WILL.topic);
    await other.sendBinary(PINGREQ);
    await other.expect(plain(PINGRESP));
  });
}

Deno.test("broker.disconnect() ends all clients of a principal, and no others, with 0x98", async () => {
  await using app = await RouteApp.start({ broker: { authenticator: BY_COOKIE } });
  const wills = app.broker.subscribe("will/#", { qos: 0 });
  const connectAs = (principal: string, clientId: string) =>
    app.connect({ clientId, version: 5, will: { topic: `will/${clientId}`, payload: "" } }, [
      `Cookie: session=${principal}`,
    ]);
  using first = await connectAs("ann", "ann-1");
  using second = await connectAs("ann", "ann-2");
  using other = await connectAs("bob", "bob-1");
  assertEquals(app.broker.disconnect({ principal: "ann" }), 2);
  for (const socket of [first, second]) {
    const disconnect = await socket.frame();
    assertMatch(disconnect?.payload ?? "", /^e0..98/);
    await isClosed(socket, 1000);
  }
  assertEquals([await nextTopic(wills), await nextTopic(wills)].sort(), ["will/ann-1", "will/ann-2"]);
  await other.sendBinary(PINGREQ);
  await other.expect(plain(PINGRESP));
});

Deno.test("broker.disconnect() takes no Reason Code that ends nothing", async () => {
  await using app = await RouteApp.start();
  assertThrows(() => app.broker.disconnect({ clientId: "a" }, { reasonCode: 0 }), RangeError, "Cannot disconnect");
});

Deno.test("A text frame ends with 1003, and the Will is published [MQTT-6.0.0-1]", async () => {
  await using app = await RouteApp.start();
  const wills = app.broker.subscribe("will/#");
  using socket = await app.connect({ clientId: "a", will: WILL });
  await socket.send(clientFrame({ opcode: TEXT, payload: plain(PINGREQ).replace("c0", "40") }));
  await isClosed(socket, 1003);
  assertEquals(await nextTopic(wills), WILL.topic);
  const violations = app.events.flatMap((event) => event.kind === "transportViolation" ? [event.reason] : []);
  assertEquals(violations.length, 1);
  assertMatch(violations[0] ?? "", /text frames/);
});

Deno.test("A connection that is lost publishes the Will; one that says DISCONNECT does not", async () => {
  await using app = await RouteApp.start();
  const wills = app.broker.subscribe("will/#");
  using polite = await app.connect({ clientId: "polite", will: { topic: "will/polite", payload: "" } });
  await polite.sendBinary(DISCONNECT);
  await isClosed(polite, 1000);
  const lost = await app.connect({ clientId: "lost", will: { topic: "will/lost", payload: "" } });
  lost[Symbol.dispose]();
  assertEquals(await nextTopic(wills), "will/lost");
  using closing = await app.connect({ clientId: "closing", will: { topic: "will/closing", payload: "" } });
  await closing.send(closeFrame(1001)); // What a browser says when a tab is closed.
  assertEquals(await nextTopic(wills), "will/closing");
});

Deno.test("Many packets in one message are answered in order, in one message [MQTT-6.0.0-2]", async () => {
  await using app = await RouteApp.start();
  using socket = await RawWebSocket.open(app.port);
  await socket.sendBinary(connect({ clientId: "a" }) + plain(subscribe(1, "t") + publish({ topic: "t" }) + PINGREQ));
  await socket.expectBytes(plain(CONNACK + "90 03 0001 00" + publish({ topic: "t" }) + PINGRESP));
  await socket.sendBinary(plain(PINGREQ + PINGREQ + PINGREQ));
  await socket.expect(plain(PINGRESP + PINGRESP + PINGRESP));
});

Deno.test("One packet over many messages is one packet [MQTT-6.0.0-2]", async () => {
  await using app = await RouteApp.start();
  const reader = app.broker.subscribe("large");
  using socket = await RawWebSocket.open(app.port);
  for (const byte of plain(connect({ clientId: "a" })).match(/../g) ?? []) await socket.sendBinary(byte);
  await socket.expect(plain(CONNACK));
  const payload = "x".repeat(100_000);
  const bytes = fromHex(publish({ topic: "large", payload }));
  for (let at = 0; at < bytes.length; at += 1_024) await socket.sendBinary(bytes.subarray(at, at + 1_024));
  const { value } = await within(reader.next(), "the message");
  assertEquals(new TextDecoder().decode(value?.payload), payload);
});

Deno.test("500 clients, half of them killed at once: their Wills are published, and the others do not notice", async () => {
  await using app = await RouteApp.start();
  const wills = app.broker.subscribe("will/+");
  const connectOne = (index: number) =>
    app.connect({ clientId: `client-${index}`, will: { topic: `will/${index}`, payload: "" } });
  const sockets = await Promise.all(Array.from({ length: 500 }, (_, index) => connectOne(index)));
  using stack = new DisposableStack();
  sockets.forEach((socket) => stack.use(socket));
  const [killed, left] = [sockets.slice(0, 250), sockets.slice(250)];
  for (const socket of killed) socket[Symbol.dispose]();
  const topics = new Set<string | undefined>();
  for (const _ of killed) topics.add(await nextTopic(wills));
  assertEquals(topics, new Set(killed.map((_, index) => `will/${index}`)));
  await Promise.all(left.map(async (socket) => {
    await socket.sendBinary(PINGREQ);
    await socket.expect(plain(PINGRESP));
  }));
  assertEquals(app.broker.metrics.connections, 250);
});

for (const version of [4, 5] as const) {
  Deno.test(`broker.close() says 1001, and who comes later gets it too v${version}`, async () => {
    await using app = await RouteApp.start();
    using socket = await app.connect({ clientId: "a", version, will: WILL });
    const closing = app.broker.close();
    if (version === 5) assertMatch((await socket.frame())?.payload ?? "", /^e0..8b/);
    await isClosed(socket, 1001);
    await within(closing, "the broker to close");
    using late = await RawWebSocket.open(app.port);
    await isClosed(late, 1001);
  });
}

Deno.test("A client that does not read is bounded, and holds up nobody", async () => {
  const count = 1_000;
  const payload = new Uint8Array(65_536);
  await using app = await RouteApp.start({ broker: { limits: { maximumBacklogBytes: 0 } } });
  const { broker } = app;
  using slow = await app.connect({ clientId: "slow" });
  using quick = await app.connect({ clientId: "quick" });
  for (const socket of [slow, quick]) {
    await socket.sendBinary(subscribe(1, "flood"));
    await socket.expect(plain("90 03 0001 00"));
  }
  for (let index = 0; index < count; index++) {
    await broker.publish("flood", payload);
    assertEquals((await quick.frame())?.opcode, BINARY); // As soon as it is there, the next one is published.
  }
  const { qos0 } = broker.metrics.dropped;
  await slow.sendBinary(PINGREQ);
  let bytes = 0;
  for (let frame = await slow.frame(); frame?.payload.endsWith(plain(PINGRESP)) === false; frame = await slow.frame()) {
    bytes += frame.payload.length / 2;
  }
  assertGreater(qos0, 0);

  assertLess(bytes, 16_000_000, `of ${count * payload.length}`); // The system's buffers hold most of it.
});
