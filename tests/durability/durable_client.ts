import type { QoS } from "../../mod.ts";
import {
  type ConnackPacket,
  encodePacket,
  type Packet,
  PacketDecoder,
  type PublishPacket,
  type Will,
} from "../../src/codec/mod.ts";
import { within } from "../deadline.ts";
import { writeAll } from "../hostile/sockets.ts";

/** What a client tells of itself. */
export interface DurableClientEvents {
  /** A message, at QoS 2 once however often its PUBLISH comes. */
  message?(packet: PublishPacket): void;
  /** PUBACK or PUBCOMP came, or PUBREC with an error, which ends it too. */
  acknowledged?(packet: PublishPacket, reasonCode: number): void;
}

export interface DurableConnectOptions {
  readonly will?: Will | undefined;
  /** @default {false} */
  readonly cleanStart?: boolean;
  /** Whether the session outlives the connection. @default as Clean Start is not set, which is what 3.1.1 can say */
  readonly isKept?: boolean;
}

interface Sent {
  readonly packet: PublishPacket;
  /** Whether PUBREC came. */
  isReceived: boolean;
}

interface Waiter {
  readonly type: Packet["type"];
  readonly answer: PromiseWithResolvers<Packet>;
}

/** The connection that a client has now. */
interface Link {
  readonly socket: Deno.TcpConn;
  readonly reading: Promise<void>;
  readonly waiting: Waiter[];
  outgoing: Uint8Array[];
  isWriting: boolean;
}

const SESSION_EXPIRY_SECONDS = 1_000_000;

/**
 * A client over TCP with a session that outlives its connections, on its own side too: it repeats what was not
 * acknowledged, and takes a QoS 2 message once.
 */
export class DurableClient {
  /** How many answers to messages may wait for the next ones, so that a crash finds some unanswered. */
  lateAnswers = 0;
  readonly #events: DurableClientEvents;
  /** By Packet Identifier, in the order in which they were first sent. */
  readonly #unacknowledged = new Map<number, Sent>();
  readonly #taken = new Set<number>();
  #answers: Packet[] = [];
  #lastIdentifier = 0;
  #link: Link | undefined;

  constructor(readonly clientId: string, readonly version: 4 | 5, events: DurableClientEvents = {}) {
    this.#events = events;
  }

  get isConnected(): boolean {
    return this.#link !== undefined;
  }

  /** QoS 1 and 2 messages of its own that are not through. */
  get unacknowledged(): number {
    return this.#unacknowledged.size;
  }

  /** Answers that it has not given. */
  get owedAnswers(): number {
    return this.#answers.length;
  }

  /** Connects, and sends again what is not through. */
  async connect(port: number, options: DurableConnectOptions = {}): Promise<ConnackPacket> {
    const { will, cleanStart = false, isKept = !cleanStart } = options;
    const socket = await Deno.connect({ hostname: "127.0.0.1", port });
    socket.setNoDelay(true);
    const started = Promise.withResolvers<void>();
    const reading: Promise<void> = started.promise.then(() => this.#read(link));
    const link: Link = { socket, reading, waiting: [], outgoing: [], isWriting: false };
    this.#link = link;
    this.#answers = [];
    started.resolve();
    const connack = await this.#ask({
      type: "connect",
      protocolVersion: this.version,
      isBridge: false,
      cleanStart,
      keepAliveSeconds: 0,
      clientId: this.clientId,
      will,
      userName: undefined,
      password: undefined,
      properties: this.version === 5 && isKept ? { sessionExpiryInterval: SESSION_EXPIRY_SECONDS } : {},
    }, "connack");
    if (connack.type !== "connack" || connack.reasonCode !== 0) {
      await this.drop();
      throw new Error(`${this.clientId} is refused: ${JSON.stringify(connack)}`);
    }
    for (const [packetIdentifier, { packet, isReceived }] of this.#unacknowledged) {
      if (isReceived) this.#send({ type: "pubrel", packetIdentifier, reasonCode: 0, properties: {} });
      else this.#send({ ...packet, dup: true });
    }
    return connack;
  }

  publish(topic: string, payload: Uint8Array | string, qos: QoS, retain = false): PublishPacket {
    const packet: PublishPacket = {
      type: "publish",
      dup: false,
      qos,
      retain,
      topic,
      packetIdentifier: qos === 0 ? 0 : this.#newIdentifier(),
      properties: {},
      payload: typeof payload === "string" ? new TextEncoder().encode(payload) : payload,
    };
    if (qos > 0) this.#unacknowledged.set(packet.packetIdentifier, { packet, isReceived: false });
    this.#send(packet);
    return packet;
  }

  /** Rejects when the connection ends before SUBACK comes. */
  async subscribe(topicFilter: string, qos: QoS): Promise<void> {
    const entry = { topicFilter, qos, noLocal: false, retainAsPublished: true, retainHandling: 0 } as const;
    const packetIdentifier = this.#newIdentifier();
    const suback = await this.#ask(
      { type: "subscribe", packetIdentifier, subscriptions: [entry], properties: {} },
      "suback",
    );
    if (suback.type !== "suback" || suback.reasonCodes[0] !== qos) {
      throw new Error(`${this.clientId} may not subscribe: ${JSON.stringify(suback)}`);
    }
  }

  /** Rejects when the connection ends before UNSUBACK comes. */
  async unsubscribe(topicFilter: string): Promise<void> {
    const packetIdentifier = this.#newIdentifier();
    await this.#ask({ type: "unsubscribe", packetIdentifier, topicFilters: [topicFilter], properties: {} }, "unsuback");
  }

  /** Resolves when the broker has answered PINGREQ. */
  async ping(): Promise<void> {
    await this.#ask({ type: "pingreq" }, "pingresp");
  }

  /** Says what it owes. */
  answer(): void {
    for (const answer of this.#answers.splice(0)) this.#send(answer);
  }

  /** Closes the connection without DISCONNECT. */
  async drop(): Promise<void> {
    const link = this.#link;
    if (link === undefined) return;
    this.#close(link);
    await link.reading;
  }

  /** Resolves when the connection is gone. */
  get ending(): Promise<void> {
    return this.#link?.reading ?? Promise.resolve();
  }

  /** Waits for that. */
  async ended(deadlineMs?: number): Promise<void> {
    await within(this.ending, `${this.clientId} to lose its connection`, deadlineMs);
  }

  #newIdentifier(): number {
    do this.#lastIdentifier = this.#lastIdentifier % 65_535 + 1; while (this.#unacknowledged.has(this.#lastIdentifier));
    return this.#lastIdentifier;
  }

  #send(packet: Packet): void {
    const link = this.#link;
    if (link === undefined) return; // It is said again on the next connection.
    link.outgoing.push(encodePacket(packet, this.version));
    if (link.isWriting) return;
    link.isWriting = true;
    this.#write(link).catch(() => {}); // Lost with the connection, whose end is read.
  }

  /** What one turn has to say is one write. */
  async #write(link: Link): Promise<void> {
    await Promise.resolve();
    while (link.outgoing.length > 0) {
      const packets = link.outgoing;
      link.outgoing = [];
      await writeAll(link.socket, joined(packets));
    }
    link.isWriting = false;
  }

  async #ask(packet: Packet, type: Packet["type"]): Promise<Packet> {
    const link = this.#link;
    if (link === undefined) throw new Error(`${this.clientId} has no connection`);
    const answer = Promise.withResolvers<Packet>();
    link.waiting.push({ type, answer });
    this.#send(packet);
    return await within(answer.promise, `${this.clientId} waits for ${type}`, 30_000);
  }

  async #read(link: Link): Promise<void> {
    const decoder = new PacketDecoder({ protocolVersion: this.version });
    const buffer = new Uint8Array(65_536);
    try {
      for (let length = await link.socket.read(buffer); length !== null; length = await link.socket.read(buffer)) {
        for (const packet of decoder.decode(buffer.slice(0, length))) {
          if (packet.type === "malformed") throw packet.error;
          this.#receive(packet, link);
        }
        if (this.#answers.length > this.lateAnswers) this.answer();
      }
    } catch {
      // However it ends, it is over; what is missing then is found by those who count.
    }
    this.#close(link);
  }

  #close(link: Link): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    link.socket.close();
    for (const { answer } of link.waiting) answer.reject(new ConnectionEnded(`${this.clientId} lost its connection`));
  }

  #receive(packet: Packet, link: Link): void {
    const waiting = link.waiting[0];
    if (waiting?.type === packet.type) {
      link.waiting.shift();
      waiting.answer.resolve(packet);
      return;
    }
    switch (packet.type) {
      case "publish":
        return this.#take(packet);
      case "puback":
      case "pubcomp":
        return this.#through(packet.packetIdentifier, packet.type === "puback" ? packet.reasonCode : 0);
      case "pubrec": {
        if (packet.reasonCode >= 0x80) return this.#through(packet.packetIdentifier, packet.reasonCode);
        const sent = this.#unacknowledged.get(packet.packetIdentifier);
        if (sent !== undefined) sent.isReceived = true;
        this.#send({ ...packet, type: "pubrel", reasonCode: 0 });
        return;
      }
      case "pubrel":
        this.#taken.delete(packet.packetIdentifier);
        this.#answers.push({ ...packet, type: "pubcomp", reasonCode: 0 });
        return;
      default: // DISCONNECT: the connection ends.
    }
  }

  #through(packetIdentifier: number, reasonCode: number): void {
    const sent = this.#unacknowledged.get(packetIdentifier);
    if (sent === undefined) return;
    this.#unacknowledged.delete(packetIdentifier);
    this.#events.acknowledged?.(sent.packet, reasonCode);
  }

  #take(packet: PublishPacket): void {
    const { qos, packetIdentifier } = packet;
    const isAgain = qos === 2 && this.#taken.has(packetIdentifier);
    if (qos === 2) this.#taken.add(packetIdentifier);
    if (qos > 0) {
      const type = qos === 1 ? "puback" : "pubrec";
      this.#answers.push({ type, packetIdentifier, reasonCode: 0, properties: {} });
    }
    if (!isAgain) this.#events.message?.(packet);
  }
}

/** What a client was asked for got no answer: whether the broker did it is not known. */
export class ConnectionEnded extends Error {}

/** Packets put together, for fewer writes. */
function joined(packets: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(packets.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const packet of packets) {
    bytes.set(packet, at);
    at += packet.length;
  }
  return bytes;
}
