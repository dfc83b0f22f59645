import {
  type Broker,
  encodePacket,
  memoryTransport,
  type Packet,
  PacketDecoder,
  type ProtocolVersion,
  type PublishPacket,
  type QoS,
} from "../../mod.ts";
import type { Seeded } from "../seeded.ts";
import { within } from "../deadline.ts";

interface Sent {
  readonly packet: PublishPacket;
  /** Whether PUBREC came. */
  isReceived: boolean;
}

/** A message as it reached a client. */
export interface Delivered {
  readonly topic: string;
  readonly text: string;
  readonly qos: QoS;
}

/**
 * A client that keeps its side of the protocol: it repeats what was not acknowledged, takes a QoS 2 message once, and is
 * late with what it answers. Its connection may go at any time.
 */
export class ModelClient {
  readonly delivered: Delivered[] = [];
  readonly errors: unknown[] = [];
  /** Packets other than PINGRESP that came. */
  received = 0;
  isConnected = false;
  /** Whether the broker must have a session of it. */
  #hasSession = false;
  readonly #unacknowledged = new Map<number, Sent>();
  readonly #taken = new Set<number>();
  readonly #answers: Packet[] = [];
  readonly #waiting: { readonly type: Packet["type"]; readonly resolve: (packet: Packet) => void }[] = [];
  #lastIdentifier = 0;
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #drop: () => Promise<void> = () => Promise.resolve();

  constructor(
    readonly clientId: string,
    readonly version: ProtocolVersion,
    readonly isDurable: boolean,
    readonly random: Seeded,
  ) {}

  /** QoS 1 and 2 messages of its own that are not through, and answers that it owes. */
  get pending(): number {
    return this.#unacknowledged.size + this.#answers.length;
  }

  async connect(broker: Broker): Promise<void> {
    const { server, client } = memoryTransport(this.random.pick([1, 4, 16]));
    const served = broker.serve(server);
    this.#writer = client.writable.getWriter();
    this.#writer.closed.catch(() => {}); // It is dropped.
    const reading = this.#read(client.readable).catch((error: unknown) => this.errors.push(error));
    this.#drop = async () => {
      client.close();
      await within(Promise.all([served, reading]), "the broker still serves a client that is gone");
    };
    this.#answers.length = 0;
    if (!this.isDurable) {
      this.#unacknowledged.clear();
      this.#taken.clear();
    }
    const connack = await this.#ask({
      type: "connect",
      protocolVersion: this.version,
      isBridge: false,
      cleanStart: !this.isDurable,
      keepAliveSeconds: 0,
      clientId: this.clientId,
      will: undefined,
      userName: undefined,
      password: undefined,
      properties: this.version === 5 && this.isDurable ? { sessionExpiryInterval: 1_000 } : {},
    }, "connack");
    if (connack.type !== "connack" || connack.sessionPresent !== this.#hasSession) {
      throw new Error(`${this.clientId}: Session Present is not ${this.#hasSession}`);
    }
    this.#hasSession = this.isDurable;
    this.isConnected = true;
    for (const [packetIdentifier, { packet, isReceived }] of this.#unacknowledged) {
      if (isReceived) this.#send({ type: "pubrel", packetIdentifier, reasonCode: 0, properties: {} });
      else this.#send({ ...packet, dup: true });
    }
  }

  async drop(): Promise<void> {
    this.isConnected = false;
    await this.#drop();
  }

  publish(topic: string, text: string, qos: QoS): void {
    const packetIdentifier = qos === 0 ? 0 : this.#newIdentifier();
    const payload = new TextEncoder().encode(text);
    const packet: PublishPacket = {
      type: "publish",
      dup: false,
      qos,
      retain: false,
      topic,
      packetIdentifier,
      properties: {},
      payload,
    };
    if (qos > 0) this.#unacknowledged.set(packetIdentifier, { packet, isReceived: false });
    this.#send(packet);
  }

  async subscribe(topicFilter: string, qos: QoS): Promise<void> {
    const entry = { topicFilter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    const packetIdentifier = this.#newIdentifier();
    await this.#ask({ type: "subscribe", packetIdentifier, subscriptions: [entry], properties: {} }, "suback");
  }

  async unsubscribe(topicFilter: string): Promise<void> {
    const packetIdentifier = this.#newIdentifier();
    const topicFilters = [topicFilter];
    await this.#ask({ type: "unsubscribe", packetIdentifier, topicFilters, properties: {} }, "unsuback");
  }

  /** Says some of what it owes, or all. */
  answer(count = Infinity): void {
    for (const answer of this.#answers.splice(0, count)) this.#send(answer);
  }

  /** Resolves when the broker has answered PINGREQ, and so all that went before. */
  async ping(): Promise<void> {
    await this.#ask({ type: "pingreq" }, "pingresp");
  }

  #newIdentifier(): number {
    do this.#lastIdentifier = this.#lastIdentifier % 65_535 + 1; while (this.#unacknowledged.has(this.#lastIdentifier));
    return this.#lastIdentifier;
  }

  #send(packet: Packet): void {
    for (const chunk of this.random.cut(encodePacket(packet, this.version), 60)) {
      this.#writer?.write(chunk).catch(() => {}); // Lost with the connection.
    }
  }

  async #ask(packet: Packet, type: Packet["type"]): Promise<Packet> {
    const { promise, resolve } = Promise.withResolvers<Packet>();
    this.#waiting.push({ type, resolve });
    this.#send(packet);
    return await within(promise, `${this.clientId} waits for ${type}`);
  }

  async #read(readable: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new PacketDecoder({ protocolVersion: this.version });
    for await (const chunk of readable) {
      for (const packet of decoder.decode(chunk)) {
        if (packet.type === "malformed") throw packet.error;
        this.#receive(packet);
      }
    }
  }

  #receive(packet: Packet): void {
    const waiting = this.#waiting[0];
    if (waiting?.type === packet.type) {
      this.#waiting.shift();
      waiting.resolve(packet);
      return;
    }
    this.received += 1;
    switch (packet.type) {
      case "publish":
        return this.#take(packet);
      case "puback":
      case "pubcomp":
        this.#unacknowledged.delete(packet.packetIdentifier);
        return;
      case "pubrec": {
        const sent = this.#unacknowledged.get(packet.packetIdentifier);
        if (sent !== undefined) sent.isReceived = true;
        this.#answers.push({ ...packet, type: "pubrel", reasonCode: 0 });
        return;
      }
      case "pubrel":
        this.#taken.delete(packet.packetIdentifier);
        this.#answers.push({ ...packet, type: "pubcomp", reasonCode: 0 });
        return;
      default:
        throw new Error(`${this.clientId} got ${JSON.stringify(packet)}`);
    }
  }

  #take({ topic, payload, qos, packetIdentifier }: PublishPacket): void {
    if (qos < 2 || !this.#taken.has(packetIdentifier)) {
      this.delivered.push({ topic, text: new TextDecoder().decode(payload), qos });
    }
    if (qos === 2) this.#taken.add(packetIdentifier);
    if (qos > 0) {
      this.#answers.push({
        type: qos === 1 ? "puback" : "pubrec",
        packetIdentifier,
        reasonCode: 0,
        properties: {},
      });
    }
  }
}
