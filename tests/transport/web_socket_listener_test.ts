import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Transport } from "../../src/transport/transport.ts";
import { listenTcp } from "../../src/transport/tcp.ts";
import { listenWebSocket, type WebSocketListenOptions } from "../../src/transport/web_socket/listener.ts";
import { within } from "../deadline.ts";
import { HANDSHAKE, RawWebSocket } from "./raw_web_socket.ts";
import { BINARY, clientFrame, CLOSE, closeFrame } from "./web_socket_client_frames.ts";
import { WAYS_IN } from "./web_socket_servers.ts";

const LISTENER = WAYS_IN[0] as typeof WAYS_IN[number]; // It has two.
const HEAD = ["GET /mqtt HTTP/1.1", "Host: localhost", ...HANDSHAKE, "", ""].join("\r\n");

interface Refused {
  readonly address: string;
  readonly reason: string;
}

/** Starts a listener that accepts nobody, and gives what it refuses. */
function refusing(options: WebSocketListenOptions = {}) {
  const refused = Promise.withResolvers<Refused>();
  const onRefused = (address: string, reason: string) => refused.resolve({ address, reason });
  const server = LISTENER.start({ ...options, onRefused }, (transport) => {
    transport.close();
    return Promise.reject(new Error("It was accepted"));
  });
  return { server, refused: refused.promise, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Echoes what comes, until the end. */
async function echo(transport: Transport): Promise<void> {
  const writer = transport.writable.getWriter();
  writer.closed.catch(() => {}); // Each write is awaited.
  for await (const chunk of transport.readable) await writer.write(chunk);
}

async function echoes(socket: RawWebSocket): Promise<void> {
  await socket.sendBinary("c000");
  await socket.expect("c000");
  await socket.send(closeFrame(1000));
  assertEquals(await socket.closed(), [{ opcode: 8, payload: "03e8" }]);
}

Deno.test("A request head may come byte by byte, with frames behind it in the same segment", async () => {
  await using server = LISTENER.start({}, echo);
  using slow = await RawWebSocket.connect(server.port);
  for (const byte of HEAD) await slow.sendText(byte);
  assertEquals((await slow.response()).status, 101);
  await echoes(slow);
  using fast = await RawWebSocket.connect(server.port);
  await fast.send(new TextEncoder().encode(HEAD), clientFrame({ opcode: BINARY, payload: "0102" }));
  assertEquals((await fast.response()).status, 101);
  await fast.expect("0102");
  await echoes(fast);
});

for (const maximumRequestHeadBytes of [undefined, 4_096, 100_000]) {
  const most = maximumRequestHeadBytes ?? 32_768;
  Deno.test(`A request head of ${most} bytes is taken, one of more is refused with 431`, async () => {
    await using server = LISTENER.start(maximumRequestHeadBytes === undefined ? {} : { maximumRequestHeadBytes }, echo);
    const filled = (length: number) => HEAD.replace("Host", `X-Fill: ${"x".repeat(length - HEAD.length - 10)}\r\nHost`);
    using largest = await RawWebSocket.connect(server.port);
    await largest.sendText(filled(most));
    assertEquals((await largest.response()).status, 101);
    await echoes(largest);
    for (const text of [filled(most + 1), filled(1_000_000), "GET /" + "x".repeat(200_000)]) {
      using larger = await RawWebSocket.connect(server.port);
      await larger.sendText(text).catch(() => {}); // It may be closed before all is sent.
      assertEquals((await larger.response()).status, 431);
      await larger.closed();
    }
  });
}

Deno.test("A request head that is not there in time is answered with 408", async () => {
  await using listener = refusing({ handshakeTimeoutMs: 30 });
  using socket = await RawWebSocket.connect(listener.server.port);
  await socket.sendText("GET /mqtt HTTP/1.1\r\n");
  assertEquals((await socket.response()).status, 408);
  assertEquals(await socket.closed(), []);
  assertEquals((await listener.refused).reason, "the request was not complete in time, answered with 408");
});

for (
  const [name, bytes, reason] of [
    ["TLS", "16030100f8010000f40303", /^TLS was sent to a WebSocket listener without TLS$/],
    ["MQTT", "100c00044d515454040200050000", /^MQTT without WebSocket was sent to a WebSocket listener$/],
    ["Nonsense", "00", /^what was sent is not HTTP$/],
  ] as const
) {
  Deno.test(`${name} sent to a WebSocket listener is closed at once, and the reason is told`, async () => {
    await using listener = refusing();
    using socket = await RawWebSocket.connect(listener.server.port);
    await socket.send(Uint8Array.fromHex(bytes));
    assertEquals(await socket.closed(), []);
    const { address, reason: told } = await listener.refused;
    assertMatch(told, reason);
    assertMatch(address, /^127\.0\.0\.1:\d+$/);
  });
}

Deno.test("A connection that asks for nothing is refused when it ends", async () => {
  await using listener = refusing();
  (await RawWebSocket.connect(listener.server.port))[Symbol.dispose]();
  assertEquals((await listener.refused).reason, "the connection ended before its request");
});

Deno.test("A malformed request is answered with 400 and closed", async () => {
  await using listener = refusing();
  using socket = await RawWebSocket.connect(listener.server.port);
  await socket.sendText("GET /mqtt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
  const { status, headers, body } = await socket.response();
  assertEquals(status, 400);
  assert(headers.some(([name, value]) => name === "connection" && value === "close"));
  assertMatch(body, /malformed/);
  await socket.finish();
  assertEquals(await socket.closed(), []);
});

for (
  const [name, frame, code] of [
    [
      "a frame that is not masked [RFC 6455, 5.1]",
      clientFrame({ opcode: BINARY, payload: "c000", mask: undefined }),
      "03ea",
    ],
    ["a reserved opcode [RFC 6455, 5.2]", clientFrame({ opcode: 3 }), "03ea"],
    ["a Close whose reason is not UTF-8 [RFC 6455, 5.5.1]", clientFrame({ opcode: CLOSE, payload: "03e8ff" }), "03ef"],
    ["a message above the limit [RFC 6455, 7.4.1]", clientFrame({ opcode: BINARY, payload: "00".repeat(101) }), "03f1"],
  ] as const
) {
  Deno.test(`A peer that goes on sending is told of ${name}`, async () => {
    await using server = LISTENER.start({ maximumMessageBytes: 100 }, echo);
    using socket = await RawWebSocket.open(server.port);
    await socket.sendBinary("c000");
    await socket.expect("c000");
    await socket.send(frame, ...Array.from({ length: 100 }, () => new Uint8Array(10_000)));
    const close = await socket.frame();
    assertEquals([close?.opcode, close?.payload.slice(0, 4)], [CLOSE, code]);
    await socket.finish();
    assertEquals(await socket.closed(), []);
  });
}

Deno.test("A slow handshake keeps no other waiting", async () => {
  await using server = LISTENER.start({}, echo);
  using slow = await RawWebSocket.connect(server.port);
  await slow.sendText("GET /mqtt HTTP/1.1\r\n");
  using fast = await RawWebSocket.open(server.port);
  await echoes(fast);
  await slow.sendText(HEAD.slice(HEAD.indexOf("\r\n") + 2));
  assertEquals((await slow.response()).status, 101);
  await echoes(slow);
});

Deno.test("Closing the listener ends handshakes, and connections that are open close with 1001, seed 0-10", async () => {
  const below = listenTcp({ port: 0 });
  const listener = listenWebSocket(below);
  const iterator = listener[Symbol.asyncIterator]();
  using asking = await RawWebSocket.connect(below.port);
  await asking.sendText("GET /mqtt HTTP/1.1\r\n");
  const next = iterator.next();
  using open = await RawWebSocket.open(below.port);
  const transport = (await next).value as Transport; // It has not ended.
  listener.close();
  listener.close();
  assertEquals((await within(iterator.next(), "the iteration to end")).done, true);
  assertEquals(await asking.closed(), []);
  transport.close();
  assertEquals(await open.frame(), { opcode: 8, payload: "03e9" });
  await open.send(closeFrame(1001));
  assertEquals(await open.closed(), []);
  assertEquals((await transport.readable.getReader().read()).done, true);
  assertEquals(transport.peer.listener, `ws://127.0.0.1:${below.port}/mqtt`);
});

Deno.test("The request and the address behind a trusted proxy stand on the transport", async () => {
  const accepted = Promise.withResolvers<Transport>();
  await using server = LISTENER.start({ trustedProxies: ["127.0.0.1"] }, (transport) => {
    accepted.resolve(transport);
    return echo(transport);
  });
  using socket = await RawWebSocket.connect(server.port);
  const lines = ["Host: app.example", ...HANDSHAKE, "Cookie: session=1", "X-Forwarded-For: 203.0.113.7"];
  await socket.request("GET", "/mqtt?token=1", lines);
  assertEquals((await socket.response()).status, 101);
  const { request, peer } = await accepted.promise;
  assertEquals([request?.method, request?.url], ["GET", "http://app.example/mqtt?token=1"]);
  assertEquals(request?.headers.get("cookie"), "session=1");
  assertEquals([peer.transport, peer.address], ["ws", "203.0.113.7"]);
  await echoes(socket);
});

const PINGED: readonly {
  readonly name: string;
  readonly options: WebSocketListenOptions;
  readonly isPinged: boolean;
}[] = [
  { name: "a trusted proxy", options: { trustedProxies: ["127.0.0.1"] }, isPinged: true },
  { name: "another address than the trusted proxy's", options: { trustedProxies: ["::1"] }, isPinged: false },
  {
    name: "a trusted proxy where it is 0",
    options: { trustedProxies: ["127.0.0.1"], pingIntervalMs: 0 },
    isPinged: false,
  },
  { name: "a client that is not a proxy", options: {}, isPinged: false },
];
for (const { name, options, isPinged } of PINGED) {
  Deno.test(`A silent connection of ${name} gets ${isPinged ? "a Ping after 30 s" : "no Ping"}`, async () => {
    await using server = LISTENER.start(options, echo);
    const { setInterval } = globalThis;
    const delays: (number | undefined)[] = [];
    // A second of the test stands for a thousand.
    globalThis.setInterval = ((callback: () => void, delayMs = 0) => {
      delays.push(delayMs);
      return setInterval(callback, delayMs / 1_000);
    }) as typeof globalThis.setInterval;
    try {
      using socket = await RawWebSocket.open(server.port);
      if (isPinged) assertEquals(await socket.frame(), { opcode: 9, payload: "" });
      assertEquals(delays, isPinged ? [15_000] : []);
      await socket.send(closeFrame(1000));
    } finally {
      globalThis.setInterval = setInterval;
    }
  });
}
