/** What an app can watch of its broker while it runs. */

import { assertEquals } from "@std/assert";
import {
  Broker,
  type BrokerEvent,
  listenTcp,
  listenTls,
  listenWebSocket,
  memoryTransport,
  type WatchedConnection,
  type WebSocketFrame,
} from "../../mod.ts";
import { identity } from "../certificates/certificates.ts";
import { within } from "../deadline.ts";
import { BINARY, clientFrame, closeFrame, joined, PING } from "../transport/web_socket_client_frames.ts";
import { webSocketPair } from "../transport/web_socket_servers.ts";
import { converse } from "../wire/conversation.ts";

Deno.test("broker.watchEvents() adds watchers beside onEvent, each until it is stopped, whatever they throw", async () => {
  const told: string[] = [];
  await using broker = await Broker.open({ onEvent: ({ kind }) => told.push(`app ${kind}`) });
  const stopFirst = broker.watchEvents(({ kind }) => {
    told.push(`first ${kind}`);
    throw new Error("a watcher with a defect");
  });
  const stopSecond = broker.watchEvents(({ kind }) => {
    told.push(`second ${kind}`);
    stopFirst(); // Within an event.
  });
  const opened = async () => {
    const { server, client } = memoryTransport();
    const served = broker.serve(server);
    client.close();
    await served;
  };
  await opened();
  stopSecond();
  stopSecond();
  await opened();
  assertEquals(told, [
    "app connectionOpened",
    "first connectionOpened",
    "second connectionOpened",
    "app connectionClosed",
    "second connectionClosed",
    "app connectionOpened",
    "app connectionClosed",
  ]);
});

type Refusal = Extract<BrokerEvent, { kind: "connectionRefused" }>;

/** A broker that tells its first refusal. */
async function refusing() {
  const { promise: refusal, resolve } = Promise.withResolvers<Refusal>();
  const broker = await Broker.open({ onEvent: (event) => event.kind === "connectionRefused" && resolve(event) });
  return { broker, refusal };
}

Deno.test("broker.noteRefusal makes an event of a WebSocket request that a listener refuses", async () => {
  const { broker, refusal } = await refusing();
  await using _ = broker;
  const listener = listenWebSocket(listenTcp({ port: 0 }), { onRefused: broker.noteRefusal });
  const accepting = (async () => {
    for await (const transport of listener) transport.close();
  })();
  const { port } = new URL(listener.url.replace("ws:", "http:"));
  const response = await fetch(`http://127.0.0.1:${port}/other`);
  await response.body?.cancel();
  const { peer, ...rest } = await within(refusal, "the event");
  assertEquals(rest, {
    kind: "connectionRefused",
    reason: `the path "/other" is not one that is served here (/mqtt, /), answered with 404`,
    help: "path",
    status: 404,
  });
  assertEquals({ ...peer, address: "" }, { transport: "ws", address: "", listener: listener.url });
  listener.close();
  await accepting;
});

Deno.test("broker.noteRefusal makes an event of a TLS handshake that fails", async () => {
  const { broker, refusal } = await refusing();
  await using _ = broker;
  const listener = listenTls({ ...identity("server"), port: 0, onHandshakeFailed: broker.noteRefusal });
  const accepting = (async () => {
    for await (const transport of listener) transport.close();
  })();
  const conn = await Deno.connect({ port: listener.port });
  await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  const { peer, kind } = await within(refusal, "the event");
  assertEquals(kind, "connectionRefused");
  assertEquals({ ...peer, address: "" }, { transport: "tls", address: "", listener: listener.url });
  conn.close();
  listener.close();
  await accepting;
});

Deno.test("broker.watchConnections() gives connections that are served, and new ones before their first byte", () =>
  converse(4, {}, async (conversation) => {
    const { broker } = conversation;
    await conversation.run("a connects");
    const lines: string[] = [];
    const names: string[] = [];
    const stop = broker.watchConnections((connection) => {
      names.push(connection.clientId);
      connection.tap((bytes, isSent) => lines.push(`${connection.clientId} ${isSent ? ">" : "<"} ${bytes.toHex()}`));
      throw new Error("a watcher with a defect");
    });
    await conversation.run("b connects");
    stop();
    await conversation.run(
      "c connects",
      "a > 82 [ 0001 'x' 00 ]",
      "a < 90 [ 0001 00 ]",
      "b > 30 [ 'x' 01 ]",
      "a < 30 [ 'x' 01 ]",
    );
    assertEquals(names, ["a", ""]);
    const ofA = ["a < 82060001000178".concat("00"), "a > 9003000100", "a > 3004000178".concat("01")];
    const ofB = ["b > 20020000", "b < 3004000178".concat("01")];
    assertEquals(lines.filter((line) => line.startsWith("a")), ofA);
    assertEquals(lines.filter((line) => line.startsWith("b")), ofB);
    assertEquals(lines[0], " < 100d00044d5154540402000000".concat("0162")); // Before its Client Identifier is known.
  }));

Deno.test("A connection has several taps, each until it is stopped, and a tap with a defect ends nothing", () =>
  converse(5, {}, async (conversation) => {
    const counts = { first: 0, second: 0 };
    const stops: (() => void)[] = [];
    const seen: WatchedConnection[] = [];
    const stop = conversation.broker.watchConnections((connection) => {
      seen.push(connection);
      stops.push(connection.tap(() => {
        counts.first += 1;
        throw new Error("a tap with a defect");
      }));
      stops.push(connection.tap(() => counts.second += 1));
    });
    await conversation.run("a connects");
    assertEquals(counts, { first: 2, second: 2 });
    stops[0]?.();
    stops[0]?.();
    await conversation.run("a > c0 00", "a < d0 00");
    assertEquals(counts, { first: 2, second: 4 });
    stops[1]?.();
    stop();
    await conversation.run("a > c0 00", "a < d0 00");
    assertEquals(counts, { first: 2, second: 4 });
    const [connection] = seen;
    assertEquals([connection?.clientId, connection?.protocolVersion, connection?.peer.transport], ["a", 5, "memory"]);
  }));

Deno.test("A tap begins with a packet in both directions, whatever is under way", async () => {
  await using broker = await Broker.open();
  const { server, client } = memoryTransport();
  const served = broker.serve(server);
  const writer = client.writable.getWriter();
  const reader = client.readable.getReader();
  await writer.write(Uint8Array.fromHex("100d00044d5154540402000000" + "0173" + "8206000100017800"));
  for (let received = 0; received < 9;) received += (await reader.read()).value?.length ?? 9;
  await broker.publish("x", new Uint8Array(300_000)); // More than one write, and nobody reads it.
  await writer.write(Uint8Array.fromHex("300600"));
  await passed();
  const tapped = { sent: "", received: "" };
  broker.watchConnections((connection) => {
    if (connection.clientId !== "s") return;
    connection.tap((bytes, isSent) => tapped[isSent ? "sent" : "received"] += bytes.toHex());
  })();
  for (let received = 0; received < 300_007;) received += (await reader.read()).value?.length ?? 300_007;
  await writer.write(Uint8Array.fromHex("017a686921"));
  await broker.publish("x", "y");
  await reader.read();
  assertEquals(tapped, { sent: "3004000178".concat("79"), received: "30060001".concat("7a686921") });
  client.close();
  await served;
});

Deno.test("A watched connection has ended after its last bytes, and after its event", () =>
  converse(5, {}, async (conversation) => {
    const told: string[] = [];
    conversation.broker.watchEvents(({ kind }) => told.push(kind));
    conversation.broker.watchConnections((connection) => {
      connection.tap((bytes, isSent) => told.push(`${isSent ? ">" : "<"} ${bytes.subarray(0, 1).toHex()}`));
      connection.ended.then(() => told.push("ended"));
    });
    await conversation.run("a connects", "a > f000", "a told e0 82");
    await passed();
    assertEquals(told.slice(-4), ["< f0", "connectionClosed", "> e0", "ended"]);
  }));

function passed(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("A watched WebSocket connection tells its frames, those of a CONNECT in 13 frames and control frames too", async () => {
  const { server, client } = webSocketPair();
  await using broker = await Broker.open();
  const frames: WebSocketFrame[] = [];
  const told: string[] = [];
  const stop = broker.watchConnections((connection) => {
    connection.watchFrames((frame) => {
      frames.push(frame);
      told.push(`${frame.isSent ? ">" : "<"} ${frame.opcode} ${frame.headerBytes}+${frame.length}`);
    });
    connection.tap((bytes, isSent) => told.push(`${isSent ? ">" : "<"} ${bytes.length}`));
  });
  const served = broker.serve(server);
  stop();
  // CONNECT of MQTT 3.1.1, a piece for each field.
  const pieces = ["10", "13", "0004", "4d515454", "04", "02", "003c", "0007", "61", "62", "63", "64", "656667"];
  const writer = client.writable.getWriter();
  await writer.write(joined(pieces.map((payload) => clientFrame({ opcode: BINARY, payload }))));
  await writer.write(joined([clientFrame({ opcode: PING, payload: "2a" }), closeFrame(1000)]));
  let received = "";
  for await (const chunk of client.readable) received += chunk.toHex();
  await within(served, "the end of the connection");
  const read = pieces.map((piece) => `< 2 6+${piece.length / 2}`);
  const upToConnack = told.slice(0, 16);
  assertEquals(upToConnack, [...read, "< 21", "> 4", "> 2 2+4"]);
  assertEquals(told.slice(16).toSorted(), ["< 8 6+2", "< 9 6+1", "> 10 2+1", "> 8 2+2"]);
  const controls = frames.filter(({ opcode }) => opcode >= 8);
  assertEquals(controls.map(({ payload }) => payload?.toHex()).toSorted(), ["03e8", "03e8", "2a", "2a"]);
  assertEquals(received.startsWith("8204".concat("20020000")), true);
  assertEquals(frames[0]?.mask !== undefined && frames[0].isFinal, true);
});
