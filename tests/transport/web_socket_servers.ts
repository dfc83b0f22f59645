import { Broker } from "../../src/broker/broker.ts";
import type { BrokerOptions } from "../../src/broker/options.ts";
import { channelOf } from "../../src/transport/channel_transport.ts";
import { memoryTransport } from "../../src/transport/memory.ts";
import { listenTcp } from "../../src/transport/tcp.ts";
import type { Peer, Transport } from "../../src/transport/transport.ts";
import { type WebSocketTransport, webSocketTransport } from "../../src/transport/web_socket/web_socket_transport.ts";
import { upgradeWebSocket } from "../../src/transport/web_socket/upgraded.ts";
import { Slab, type WebSocketEnd } from "../../src/transport/web_socket/frames.ts";
import { listenWebSocket, type WebSocketListenOptions } from "../../src/transport/web_socket/listener.ts";

/** A WebSocket server of one of the two kinds that hands on the connections it accepts. */
export interface WebSocketServer extends AsyncDisposable {
  readonly port: number;
  /** How connections ended so far. */
  readonly ends: readonly WebSocketEnd[];
}

type Serve = (transport: Transport) => Promise<void>;

export interface WayIn {
  readonly name: "listener" | "upgrade";
  start(options: WebSocketListenOptions, serve: Serve): WebSocketServer;
}

/** The listener of its own, and the route in a web app. */
export const WAYS_IN: readonly WayIn[] = [
  { name: "listener", start: startListener },
  { name: "upgrade", start: startUpgrade },
];

/** A broker behind one of the two. */
export async function startBroker(
  way: WayIn,
  options: WebSocketListenOptions = {},
  brokerOptions: BrokerOptions = {},
): Promise<WebSocketServer & { readonly broker: Broker; readonly errors: readonly unknown[] }> {
  const errors: unknown[] = [];
  const broker = await Broker.open({
    ...brokerOptions,
    onEvent: (event) => {
      if (event.kind === "unexpectedError") errors.push(event.error);
    },
  });
  const server = way.start(options, (transport) => broker.serve(transport));
  return {
    port: server.port,
    ends: server.ends,
    broker,
    errors,
    async [Symbol.asyncDispose]() {
      await broker.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A listener of its own, at a loopback address. */
export function startListener(options: WebSocketListenOptions, serve: Serve): WebSocketServer {
  const ends: WebSocketEnd[] = [];
  const below = listenTcp({ port: 0 });
  const listener = listenWebSocket(below, { onWebSocketEnd: (end) => ends.push(end), ...options });
  const served: Promise<void>[] = [];
  const serving = (async () => {
    for await (const transport of listener) served.push(serve(transport));
  })();
  return {
    port: below.port,
    ends,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      await Promise.all(served);
    },
  };
}

function startUpgrade(options: WebSocketListenOptions, serve: Serve): WebSocketServer {
  const ends: WebSocketEnd[] = [];
  const open = new Set<Transport>();
  const served: Promise<void>[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request, { remoteAddr }) => {
    const { hostname, port } = remoteAddr;
    const peer: Peer = { transport: "ws", address: `${hostname}:${port}`, listener: "ws://app/mqtt" };
    const { response, transport } = upgradeWebSocket(request, {
      onWebSocketEnd: (end) => ends.push(end),
      ...options,
      peer,
    });
    if (transport !== undefined) {
      open.add(transport);
      served.push(serve(transport).finally(() => open.delete(transport)));
    }
    return response;
  });
  return {
    port: server.addr.port,
    ends,
    async [Symbol.asyncDispose]() {
      for (const transport of open) transport.close();
      await Promise.all(served);
      await server.shutdown();
    },
  };
}

/** A WebSocket connection after its handshake, as its server has it, and the bytes below at the client's end. */
export function webSocketPair(): { readonly server: WebSocketTransport; readonly client: Transport } {
  const { server: inner, client } = memoryTransport();
  const server = webSocketTransport({
    below: channelOf(inner),
    rest: new Uint8Array(0),
    peer: { ...inner.peer, transport: "ws" },
    request: { method: "GET", url: "http://localhost/mqtt", headers: new Headers() },
    subprotocol: "mqtt",
    slab: new Slab(),
    closeCode: () => 1000,
  });
  return { server, client };
}
