import type { Page } from "playwright-core";
import { Broker, type BrokerOptions, memoryTransport } from "../../mod.ts";
import { type AdminHandler, adminHandler, type AdminHandlerOptions } from "../../src/admin/mod.ts";
import { encodePacket, NO_PROPERTIES, type ProtocolVersion } from "../../src/codec/mod.ts";
import type { Peer, Transport } from "../../src/transport/mod.ts";

/** Path that the dashboard is mounted below, to show that any will do. */
const BASE = "/ops/mqtt";

/** Client of the tests: its connection within the process says that it came from somewhere else. */
export interface GuestOptions {
  readonly clientId: string;
  readonly version?: ProtocolVersion;
  readonly userName?: string;
  readonly peer?: Peer;
  readonly topicFilters?: readonly string[];
  readonly qos?: 0 | 1 | 2;
  readonly sessionExpirySeconds?: number;
  /** Whether it reads nothing after CONNACK. */
  readonly isStuck?: boolean;
}

/** Broker with its dashboard on a port of the system. */
export class AdminBroker implements AsyncDisposable {
  readonly broker: Broker;
  readonly #admin: AdminHandler;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #transports = new Set<Transport>();

  private constructor(broker: Broker, options: AdminHandlerOptions) {
    this.broker = broker;
    this.#admin = adminHandler(broker, { basePath: BASE, storageName: "memory", authorize: roleOfHeader, ...options });
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request, info) => this.#admin.fetch(request, info),
    );
  }

  static async open({ broker = {}, admin = {} }: {
    readonly broker?: BrokerOptions;
    readonly admin?: AdminHandlerOptions;
  } = {}): Promise<AdminBroker> {
    return new AdminBroker(await Broker.open(broker), admin);
  }

  /** Address of a place of the page, such as `/clients`. */
  url(place = ""): string {
    return `http://127.0.0.1:${this.#server.addr.port}${BASE}/${place === "" ? "" : `#${place}`}`;
  }

  /** Address that signs in once. */
  async link(): Promise<string> {
    return `${this.url()}#token=${await this.#admin.linkToken()}`;
  }

  /** Connects a client; resolves when the broker has accepted or refused it. Gives the function that drops its connection. */
  async connect(guest: GuestOptions): Promise<() => Promise<void>> {
    const { server, client } = memoryTransport();
    const { clientId, version = 5, userName, peer, topicFilters = [], qos = 1, sessionExpirySeconds = 0 } = guest;
    const served = this.broker.serve(peer === undefined ? server : withPeer(server, peer)); // It never rejects.
    this.#transports.add(client);
    const writer = client.writable.getWriter();
    const properties = version === 5
      ? { ...NO_PROPERTIES, sessionExpiryInterval: sessionExpirySeconds }
      : NO_PROPERTIES;
    const connect = { type: "connect", protocolVersion: version, isBridge: false, cleanStart: true } as const;
    await writer.write(encodePacket({
      ...connect,
      keepAliveSeconds: 0,
      clientId,
      will: undefined,
      userName,
      password: userName === undefined ? undefined : new Uint8Array(4),
      properties,
    }, version));
    const reader = client.readable.getReader();
    await reader.read();
    if (topicFilters.length > 0) {
      const subscriptions = topicFilters.map((topicFilter) => ({
        topicFilter,
        qos,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0 as const,
      }));
      await writer.write(
        encodePacket({ type: "subscribe", packetIdentifier: 1, subscriptions, properties: NO_PROPERTIES }, version),
      );
      await reader.read();
    }
    if (!guest.isStuck) void drained(reader);
    return () => {
      client.close();
      return served;
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const transport of this.#transports) transport.close();
    this.#admin.close();
    await this.#server.shutdown();
    await this.broker.close();
  }
}

/** A tab signs in as somebody with a role, by a header that the app of the tests takes. */
export async function as(page: Page, role: "viewer" | "operator" | "admin"): Promise<void> {
  await page.setExtraHTTPHeaders({ "x-test-role": role });
}

function roleOfHeader(request: Request) {
  const role = request.headers.get("x-test-role");
  return role === "viewer" || role === "operator" || role === "admin" ? { name: "ann", role } as const : undefined;
}

/** Transport whose other end seems to be somewhere else. */
function withPeer(transport: Transport, peer: Peer): Transport {
  const { readable, writable } = transport;
  return { readable, writable, peer, close: () => transport.close() };
}

async function drained(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  try {
    while (!(await reader.read()).done);
  } catch {
    // The connection has ended.
  }
}
