/** What an app can watch of its broker while it runs. */

import { assertEquals } from "@std/assert";
import { Broker, type BrokerEvent, listenTcp, listenTls, listenWebSocket, memoryTransport } from "../../mod.ts";
import { within } from "../deadline.ts";
import { identity } from "../certificates/certificates.ts";

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
    reason: `the path "/other" is not one of the endpoint (/mqtt, /), answered with 404`,
    help: "path",
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
