import {
  type ConnackPacket,
  type ConnectPacket,
  encodePacket,
  NO_PROPERTIES,
  type Packet,
  PacketDecoder,
  type ProtocolVersion,
  type PubackPacket,
  type SubackPacket,
  type Will,
} from "../../src/codec/mod.ts";
import { within } from "../deadline.ts";

/** mosquitto's Receive Maximum. */
const MOST_IN_FLIGHT = 20;

/** Identity and credentials of a client that connects. */
export interface Who {
  readonly clientId: string;
  readonly userName?: string;
  readonly password?: string;
  /** Its Will, of one byte with QoS 1. */
  readonly will?: Pick<Will, "topic" | "retain">;
}

/** A client that sees packets, at any broker. */
export class PacketClient implements Disposable {
  readonly #connection: Deno.Conn;
  readonly #version: ProtocolVersion;
  readonly #decoder: PacketDecoder;
  readonly #packets: Packet[] = [];
  #lastIdentifier = 0;

  private constructor(connection: Deno.Conn, version: ProtocolVersion) {
    this.#connection = connection;
    this.#version = version;
    this.#decoder = new PacketDecoder({ protocolVersion: version });
  }

  /** Connects; gives the Reason Code of CONNACK, or `undefined` where the broker closes without one. */
  static async connect(
    connection: Deno.Conn,
    { clientId, userName, password, will }: Who,
    version: ProtocolVersion = 5,
  ): Promise<{ client: PacketClient; reasonCode: number | undefined }> {
    const client = new PacketClient(connection, version);
    const connect: ConnectPacket = {
      type: "connect",
      protocolVersion: version,
      isBridge: false,
      cleanStart: true,
      keepAliveSeconds: 0,
      clientId,
      will: will && { ...will, payload: new Uint8Array(1), qos: 1, properties: NO_PROPERTIES },
      userName,
      password: password === undefined ? undefined : new TextEncoder().encode(password),
      properties: NO_PROPERTIES,
    };
    await client.send(connect);
    const connack = await client.until<ConnackPacket>("connack").catch(() => undefined);
    return { client, reasonCode: connack?.reasonCode };
  }

  async send(packet: Packet): Promise<void> {
    const bytes = encodePacket(packet, this.#version);
    for (let offset = 0; offset < bytes.length;) offset += await this.#connection.write(bytes.subarray(offset));
  }

  /** Subscribes, without retained messages; gives the Reason Codes. */
  subscribe(...topicFilters: readonly string[]): Promise<readonly number[]> {
    return this.#subscribe(topicFilters, 2);
  }

  /** Subscribes, with what is retained; gives the Reason Codes. */
  subscribeWithRetained(...topicFilters: readonly string[]): Promise<readonly number[]> {
    return this.#subscribe(topicFilters, 0);
  }

  /** Topics of the retained messages that a new subscription gets, sorted. */
  async retained(topicFilter: string): Promise<string[]> {
    await this.subscribeWithRetained(topicFilter);
    return (await this.topics()).sort();
  }

  async #subscribe(topicFilters: readonly string[], retainHandling: 0 | 2): Promise<readonly number[]> {
    await this.send({
      type: "subscribe",
      packetIdentifier: ++this.#lastIdentifier,
      subscriptions: topicFilters.map((topicFilter) => ({
        topicFilter,
        qos: 0,
        noLocal: this.#version === 5 && !topicFilter.startsWith("$share/"),
        retainAsPublished: false,
        retainHandling,
      })),
      properties: NO_PROPERTIES,
    });
    return (await this.until<SubackPacket>("suback")).reasonCodes;
  }

  /** Publishes with QoS 1, retained where there is something to keep; gives the Reason Code. */
  async publish(topic: string, retained?: string): Promise<number> {
    await this.#sendPublish(topic, retained);
    return (await this.until<PubackPacket>("puback")).reasonCode;
  }

  /** Publishes to all topics with QoS 1, several at a time; gives the Reason Codes in their order. */
  async publishAll(topics: readonly string[]): Promise<readonly number[]> {
    const reasonCodes: number[] = [];
    for (let sent = 0; sent < topics.length; sent += MOST_IN_FLIGHT) {
      const next = topics.slice(sent, sent + MOST_IN_FLIGHT);
      for (const topic of next) await this.#sendPublish(topic);
      for (const _ of next) reasonCodes.push((await this.until<PubackPacket>("puback")).reasonCode);
    }
    return reasonCodes;
  }

  #sendPublish(topic: string, retained?: string): Promise<void> {
    return this.send({
      type: "publish",
      dup: false,
      qos: 1,
      retain: retained !== undefined,
      topic,
      packetIdentifier: ++this.#lastIdentifier,
      properties: NO_PROPERTIES,
      payload: new TextEncoder().encode(retained ?? ""),
    });
  }

  /** Topics of the messages that have come by now. */
  async topics(): Promise<string[]> {
    await this.send({ type: "pingreq" });
    await this.until("pingresp");
    const messages = this.#packets.splice(0);
    return messages.flatMap((packet) => packet.type === "publish" ? [packet.topic] : []);
  }

  /** Reads up to a packet of this type; messages that come before it are kept. */
  async until<Found extends Packet>(type: Found["type"]): Promise<Found> {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const index = this.#packets.findIndex((packet) => packet.type === type);
      if (index !== -1) return this.#packets.splice(index, 1)[0] as Found; // Of this type.
      const count = await within(this.#connection.read(buffer), `a packet ${type}`, 10_000);
      if (count === null) throw new Error(`Cannot read ${type}: the broker has closed the connection`);
      for (const item of this.#decoder.decode(buffer.slice(0, count))) {
        if (item.type === "malformed") throw item.error;
        this.#packets.push(item);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}
