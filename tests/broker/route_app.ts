import { assertEquals } from "@std/assert";
import {
  Broker,
  type BrokerEvent,
  type BrokerOptions,
  type BrokerSubscription,
  type RemoteAddress,
  type RouteOptions,
} from "../../mod.ts";
import { within } from "../deadline.ts";
import { CONNACK, connect, type ConnectOptions } from "../interop/raw_client.ts";
import { HANDSHAKE, type RawResponse, RawWebSocket } from "../transport/raw_web_socket.ts";
import { BINARY, clientFrame, CLOSE } from "../transport/web_socket_client_frames.ts";

type Handler = (request: Request, info: { readonly remoteAddr: RemoteAddress }) => Response | Promise<Response>;

export interface RouteAppOptions {
  readonly broker?: BrokerOptions;
  /** Of `broker.upgrade`, beside the address of the client. */
  readonly route?: RouteOptions;
  /** The app. @default one that gives every request to `broker.upgrade` */
  readonly handlerOf?: (broker: Broker) => Handler;
}

/** A web app with MQTT as its route. */
export class RouteApp implements AsyncDisposable {
  readonly broker: Broker;
  readonly events: readonly BrokerEvent[];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(broker: Broker, handler: Handler, events: readonly BrokerEvent[]) {
    this.broker = broker;
    this.events = events;
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  }

  static async start({ broker: options, route, handlerOf }: RouteAppOptions = {}): Promise<RouteApp> {
    const events: BrokerEvent[] = [];
    const onEvent = (event: BrokerEvent) => {
      events.push(event);
      if (event.kind === "unexpectedError") console.error(event.error); // It may be why what a test waits for never comes.
    };
    const broker = await Broker.open({ ...options, onEvent });
    const upgrade: Handler = (request, { remoteAddr }) => broker.upgrade(request, { ...route, remoteAddr });
    return new RouteApp(broker, handlerOf?.(broker) ?? upgrade, events);
  }

  get port(): number {
    return this.#server.addr.port;
  }

  /** Sends a request as it stands; gives the answer and its socket. */
  async request(
    lines: readonly string[],
    { method = "GET", path = "/mqtt" } = {},
  ): Promise<{ readonly response: RawResponse; readonly socket: RawWebSocket }> {
    const socket = await RawWebSocket.connect(this.port);
    try {
      await socket.request(method, path, lines);
      return { response: await socket.response(), socket };
    } catch (error) {
      socket[Symbol.dispose]();
      throw error;
    }
  }

  /** Connects a client that is accepted; `lines` are header lines beside those of the handshake. */
  async connect(options: ConnectOptions, lines: readonly string[] = [], path = "/mqtt"): Promise<RawWebSocket> {
    const { response, socket } = await this.request(["Host: app.example", ...HANDSHAKE, ...lines], { path });
    try {
      assertEquals(response.status, 101, response.body);
      await socket.sendBinary(connect(options));
      const connack = await socket.frame();
      const isV5 = options.version === 5;
      assertEquals([connack?.opcode, connack?.payload.slice(isV5 ? 4 : 0, 8)], [
        BINARY,
        isV5 ? "0000" : plain(CONNACK),
      ]);
      return socket;
    } catch (error) {
      socket[Symbol.dispose]();
      throw error;
    }
  }

  /** Ends it, and fails when something happened that is a defect. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker.close();
    await within(this.#server.shutdown(), "the app to end");
    assertEquals(this.events.filter(({ kind }) => kind === "unexpectedError"), []);
  }
}

/** The topic of the next message. */
export async function nextTopic(reader: BrokerSubscription): Promise<string | undefined> {
  return (await within(reader.next(), "a message")).value?.topic;
}

/** Expects a Close frame with this code, answers it, and expects the end. */
export async function isClosed(socket: RawWebSocket, code: number): Promise<void> {
  const payload = code.toString(16).padStart(4, "0");
  const close = await socket.frame();
  assertEquals([close?.opcode, close?.payload.slice(0, 4)], [CLOSE, payload]);
  await socket.send(clientFrame({ opcode: CLOSE, payload }));
  assertEquals(await socket.closed(), []);
}

/** Where the first connection comes from, as events say it. */
export function opened(events: readonly BrokerEvent[]): { readonly address: string; readonly listener: string } {
  const event = events.find(({ kind }) => kind === "connectionOpened");
  if (event?.kind !== "connectionOpened") throw new Error("No connection was opened");
  return event.peer;
}

/** Hex as frames are compared with. */
export function plain(hex: string): string {
  return hex.replaceAll(" ", "");
}
