import type { Transport } from "../../mod.ts";
import { Client, type ConnectOptions, type TransportServer } from "../../src/client/mod.ts";
import { fromHex, toHex } from "../codec/hex.ts";
import { within } from "../deadline.ts";
import { WireClient } from "../wire/wire_client.ts";

/** CONNACK of MQTT 5 without properties, and with Session Present. */
export const ACCEPTED = "20 [ 00 00 00 ]";
export const RESUMED = "20 [ 01 00 00 ]";
/** The same of 3.1.1. */
export const ACCEPTED_311 = "20 [ 00 00 ]";
/** Comes back almost at once. */
export const AT_ONCE = { minimumDelayMs: 1, maximumDelayMs: 1 } as const;

/** One connection of the client, from the server's side, in hex. */
export class ScriptedPeer {
  readonly #wire: WireClient;

  constructor(transport: Transport) {
    this.#wire = new WireClient("client", 5, { client: transport, server: transport }, Promise.resolve());
  }

  send(hex: string): void {
    this.#wire.send(fromHex(hex));
  }

  /** Exactly these are the next bytes of the client. */
  async expect(hex: string): Promise<void> {
    await this.#wire.expect(fromHex(hex));
  }

  /** The next packet, in hex. */
  async packet(): Promise<string> {
    return toHex(await this.#wire.takePacket());
  }

  /** Nothing has come from the client: the next is its answer to PUBREL of a message that it does not know. */
  async quiet(): Promise<void> {
    this.send("62 02 7f ff");
    await this.expect("70 [ 7fff 92 ]");
  }

  /** Takes CONNECT and answers it. */
  async accept(connack: string = ACCEPTED): Promise<string> {
    const connect = await this.packet();
    this.send(connack);
    return connect;
  }

  async expectClosed(): Promise<void> {
    await this.#wire.expectClosed();
  }

  async drop(): Promise<void> {
    await this.#wire.drop();
  }
}

/** A server in this process that does what the test says. */
export class ScriptedServer implements TransportServer {
  readonly #peers: ScriptedPeer[] = [];
  readonly #all: ScriptedPeer[] = [];
  #wanted: ((peer: ScriptedPeer) => void) | undefined;

  serve(transport: Transport): Promise<void> {
    const peer = new ScriptedPeer(transport);
    this.#all.push(peer);
    if (this.#wanted === undefined) this.#peers.push(peer);
    else this.#wanted(peer);
    this.#wanted = undefined;
    return Promise.resolve();
  }

  /** Drops all connections that there were. */
  async drop(): Promise<void> {
    await Promise.all(this.#all.map((peer) => peer.drop()));
  }

  /** The next connection of the client. */
  async connection(): Promise<ScriptedPeer> {
    const peer = this.#peers.shift();
    if (peer !== undefined) return peer;
    return await within(new Promise<ScriptedPeer>((resolve) => this.#wanted = resolve), "the client to connect");
  }
}

/** A client, the server it talks to, and their first connection. */
export interface Conversation {
  readonly client: Client;
  readonly server: ScriptedServer;
  readonly peer: ScriptedPeer;
}

/** Connects a client that has no identifier and comes back at once, and closes it behind the test. */
export async function converse(
  options: ConnectOptions,
  connack: string,
  talk: (conversation: Conversation) => Promise<void>,
): Promise<void> {
  const server = new ScriptedServer();
  const connecting = Client.connect(server, { clientId: "", protocolVersion: 5, reconnect: AT_ONCE, ...options });
  const peer = await server.connection();
  await peer.accept(connack);
  const client = await connecting;
  try {
    await talk({ client, server, peer });
  } finally {
    const closing = client.close();
    await server.drop();
    await closing;
  }
}

/** The client is connected, again where the connection was lost. */
export async function connected(client: Client): Promise<void> {
  const connecting = async () => {
    for await (const { kind } of client.statusChanges()) if (kind === "connected") return;
  };
  await within(connecting(), "the client to be connected");
}
