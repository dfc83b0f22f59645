/** Bytes of every transport pass through the decoder stream, and it makes no difference whose streams they come from. */

import { assertEquals, assertInstanceOf, assertLessOrEqual, assertMatch } from "@std/assert";
import {
  Broker,
  type BrokerOptions,
  type Listener,
  listenTcp,
  listenTls,
  listenUnix,
  listenWebSocket,
  memoryTransport,
  type MemoryTransportPair,
  type Transport,
} from "../../mod.ts";
import { PacketDecoderStream } from "../../src/codec/mod.ts";
import { openTransport } from "../../src/client/open_transport.ts";
import { upgradeWebSocket } from "../../src/transport/web_socket/upgraded.ts";
import { authority, identity } from "../certificates/certificates.ts";
import { fromHex } from "../codec/hex.ts";
import { within } from "../deadline.ts";

const CONNECT = fromHex("10 [ 'MQTT' 05 02 0000 00 'a' ]");
const CONNECT_WITH_WILL = fromHex("10 [ 'MQTT' 05 06 0000 00 'a' 00 'will' 'gone' ]");
const PINGREQ = fromHex("c0 00");
const PEER = { transport: "own", address: "own", listener: "own" };

/** The decoder streams that a transport's bytes were piped through, and whether the pipe was fused. */
interface Piped {
  readonly decoder: PacketDecoderStream;
  isFused: boolean;
}

/** A transport that sees what its readable is piped through. */
function watched(transport: Transport, pipes: Piped[]): Transport {
  const { readable } = transport;
  const pipeThrough = <Output>(transform: ReadableWritablePair<Output, Uint8Array>): ReadableStream<Output> => {
    assertInstanceOf(transform, PacketDecoderStream);
    const piped: Piped = { decoder: transform, isFused: false };
    const fuse = transform.fuse.bind(transform);
    Object.defineProperty(transform, "fuse", {
      value(source: Parameters<typeof fuse>[0]) {
        piped.isFused = true;
        return fuse(source);
      },
    });
    pipes.push(piped);
    return readable.pipeThrough<Output>(transform as typeof transform & ReadableWritablePair<Output, Uint8Array>);
  };
  return {
    readable: Object.defineProperty(Object.create(readable), "pipeThrough", { value: pipeThrough }),
    writable: transport.writable,
    peer: transport.peer,
    close: () => transport.close(),
  };
}

/** One direction of a connection, of the platform's streams; a write waits for a read. */
function foreignPipe() {
  let source: ReadableStreamDefaultController<Uint8Array> | undefined;
  let wanted = Promise.withResolvers<void>();
  const readable = new ReadableStream<Uint8Array>({
    start: (controller) => void (source = controller),
    pull: () => wanted.resolve(),
    cancel: () => wanted.resolve(),
  }, { highWaterMark: 0 });
  const writable = new WritableStream<Uint8Array>({
    async write(chunk) {
      await wanted.promise;
      wanted = Promise.withResolvers();
      source?.enqueue(chunk);
    },
    close: () => source?.close(),
    abort: (reason) => source?.error(reason),
  });
  const end = () => {
    wanted.resolve();
    try {
      source?.close();
    } catch {
      // It is closed or errored: that is what was wanted.
    }
  };
  return { readable, writable, end };
}

/** A pair whose streams are the platform's, as a user might make it. */
function foreignPair(): MemoryTransportPair {
  const toServer = foreignPipe();
  const toClient = foreignPipe();
  const close = () => {
    toServer.end();
    toClient.end();
  };
  return {
    server: { readable: toServer.readable, writable: toClient.writable, peer: PEER, close },
    client: { readable: toClient.readable, writable: toServer.writable, peer: PEER, close },
  };
}

/** Writes, and reads until so many bytes have come, or to the end. */
class Talker {
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #hex = "";

  constructor(readonly transport: Transport) {
    this.writer = transport.writable.getWriter();
    this.#reader = transport.readable.getReader();
    this.writer.closed.catch(() => {}); // Each write is looked at.
  }

  /** Hex of what the broker sends until it ends so. */
  async until(hex: string): Promise<string> {
    while (!this.#hex.endsWith(hex)) {
      const { value } = await within(this.#reader.read(), `${hex} behind ${this.#hex}`);
      if (value === undefined) throw new Error(`The end behind ${this.#hex}`);
      this.#hex += value.toHex();
    }
    return this.#hex;
  }

  /** Hex of all that the broker sends. */
  async end(): Promise<string> {
    for (;;) {
      const { value } = await within(this.#reader.read(), "the end");
      if (value === undefined) return this.#hex;
      this.#hex += value.toHex();
    }
  }
}

const SECURE = { port: 0, ...identity("server") };
const SECURE_WEB = { ...SECURE, alpnProtocols: ["http/1.1"] };

interface Served {
  readonly client: Transport;
  /** Ends what was opened besides the connection. */
  close(): void | Promise<void>;
}

type Open = (serve: (transport: Transport) => void) => Promise<Served>;

async function listening(listener: Listener, serve: (transport: Transport) => void): Promise<Served> {
  const accepting = (async () => {
    for await (const transport of listener) serve(transport);
  })();
  const close = async () => {
    listener.close();
    await accepting;
  };
  const signal = new AbortController().signal;
  const { transport } = await openTransport(new URL(listener.url), { caCerts: [authority()] }, signal);
  return { client: transport, close };
}

const TRANSPORTS: readonly { readonly name: string; readonly isForeign?: true; readonly open: Open }[] = [
  { name: "TCP", open: (serve) => listening(listenTcp({ port: 0 }), serve) },
  { name: "TLS", open: (serve) => listening(listenTls(SECURE), serve) },
  {
    name: "a Unix socket",
    async open(serve) {
      const folder = await Deno.makeTempDir();
      const { client, close } = await listening(await listenUnix({ path: `${folder}/mqtt` }), serve);
      return {
        client,
        async close() {
          await close();
          await Deno.remove(folder, { recursive: true });
        },
      };
    },
  },
  { name: "WebSocket of ours", open: (serve) => listening(listenWebSocket(listenTcp({ port: 0 })), serve) },
  { name: "WebSocket over TLS", open: (serve) => listening(listenWebSocket(listenTls(SECURE_WEB)), serve) },
  {
    name: "Deno.upgradeWebSocket",
    async open(serve) {
      const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
        const { response, transport } = upgradeWebSocket(request, { peer: PEER });
        if (transport !== undefined) serve(transport);
        return response;
      });
      const url = new URL(`ws://127.0.0.1:${server.addr.port}/mqtt`);
      const { transport } = await openTransport(url, undefined, new AbortController().signal);
      return { client: transport, close: () => server.shutdown() };
    },
  },
  {
    name: "memoryTransport()",
    open(serve) {
      const { server, client } = memoryTransport();
      serve(server);
      return Promise.resolve({ client, close() {} });
    },
  },
  {
    name: "{ readable, writable } of a user",
    isForeign: true,
    open(serve) {
      const { server, client } = foreignPair();
      serve(server);
      return Promise.resolve({ client, close() {} });
    },
  },
];

for (const { name, isForeign = false, open } of TRANSPORTS) {
  Deno.test(`Bytes that come over ${name} pass through the decoder stream, which counts them`, async () => {
    const pipes: Piped[] = [];
    const broker = await Broker.open();
    const served: Promise<void>[] = [];
    const { client, close } = await open((transport) => served.push(broker.serve(watched(transport, pipes))));
    try {
      const talker = new Talker(client);
      const publish = new Uint8Array(20_000); // More than a read of any transport gives at first.
      publish.set(fromHex("30 9c 9c 01 'x' 00"));
      for (const chunk of [CONNECT, publish, PINGREQ]) await talker.writer.write(chunk);
      await talker.until("d000");
      const sentBytes = CONNECT.length + publish.length + PINGREQ.length;
      assertEquals(pipes.map(({ decoder, isFused }) => [decoder.receivedBytes, isFused]), [[sentBytes, !isForeign]]);
    } finally {
      client.close();
      await broker.close();
      await Promise.all(served);
      await close();
    }
  });
}

interface Conversation {
  readonly broker: Broker;
  readonly talker: Talker;
  readonly served: Promise<void>;
}

/** The same over streams of ours, and over a user's. */
let allowed = Promise.withResolvers<boolean>();

function forBoth(name: string, options: BrokerOptions, talk: (conversation: Conversation) => Promise<void>): void {
  for (const [whose, pair] of [["ours", () => memoryTransport(1)], ["a user's", foreignPair]] as const) {
    Deno.test(`${name}, over ${whose}`, async () => {
      allowed = Promise.withResolvers();
      const broker = await Broker.open(options);
      const { server, client } = pair();
      const served = broker.serve(server);
      try {
        await talk({ broker, talker: new Talker(client), served });
      } finally {
        client.close();
        await broker.close();
        await within(served, "the connection is served still");
      }
    });
  }
}

forBoth("Packets that are cut anywhere are taken in their order", {}, async ({ broker, talker }) => {
  const messages = broker.subscribe("x");
  const bytes = Array.from({ length: 50 }, (_, at) => [...fromHex("30 05 'x' 00"), at]).flat();
  const writes = [talker.writer.write(CONNECT)];
  for (let at = 0; at < bytes.length; at += 5) {
    writes.push(talker.writer.write(Uint8Array.from(bytes.slice(at, at + 5))));
  }
  const payloads: (number | undefined)[] = [];
  for await (const { payload } of messages) {
    payloads.push(payload[0]);
    if (payloads.length === 50) break;
  }
  assertEquals(payloads, Array.from({ length: 50 }, (_, at) => at));
  await Promise.all(writes);
});

forBoth("What is malformed is answered after all that came before it", {}, async ({ talker, served }) => {
  await talker.writer.write(Uint8Array.from([...CONNECT, ...PINGREQ, ...PINGREQ, 0xc1, 0x00, ...PINGREQ]));
  assertMatch(await talker.end(), /^20.*d000d000e0..81/);
  await talker.writer.close();
  await within(served, "the connection is served still");
});

forBoth(
  "While a hook is asked, one chunk more is taken at most",
  {
    authorizer: {
      authorize: ({ action }) => action === "publish" ? allowed.promise : true,
    },
  },
  async ({ talker }) => {
    const publish = fromHex("30 05 'x' 00 61");
    let writes = 0;
    const writing = [CONNECT, ...Array.from({ length: 10 }, () => publish), PINGREQ].map(async (bytes) => {
      await talker.writer.write(bytes);
      writes += 1;
    });
    await new Promise((resolve) => setTimeout(resolve, 20)); // Whatever is read by itself has been.
    // CONNECT, the PUBLISH that is asked for, one that is on its way in the pipe, and one that the transport holds.
    assertLessOrEqual(writes, 4);
    allowed.resolve(true);
    await talker.until("d000");
    await Promise.all(writing);
  },
);

forBoth("An end within a packet is the end of the connection, and its Will is published", {}, async (conversation) => {
  const { broker, talker, served } = conversation;
  const wills = broker.subscribe("will")[Symbol.asyncIterator]();
  await talker.writer.write(CONNECT_WITH_WILL);
  await talker.writer.write(fromHex("30 7f 00"));
  await talker.writer.close();
  assertEquals(new TextDecoder().decode((await within(wills.next(), "the Will")).value?.payload), "gone");
  await within(served, "the connection is served still");
  await talker.end();
});

forBoth("A connection that breaks is over, and its Will is published", {}, async ({ broker, talker, served }) => {
  const wills = broker.subscribe("will")[Symbol.asyncIterator]();
  await talker.writer.write(CONNECT_WITH_WILL);
  await talker.writer.write(PINGREQ);
  await talker.until("d000");
  await talker.writer.abort(new Error("reset"));
  assertEquals(new TextDecoder().decode((await within(wills.next(), "the Will")).value?.payload), "gone");
  await within(served, "the connection is served still");
});
