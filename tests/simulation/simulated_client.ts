import { type Broker, memoryTransport, type QoS, type Transport } from "../../mod.ts";
import { encodePacket, type Packet, PacketDecoder, type PublishPacket, type Will } from "../../src/codec/mod.ts";
import type { Seeded } from "../seeded.ts";
import { ClientState } from "./client_state.ts";
import { type AccessAttributes, connectProperties, nextReceiveMaximum } from "./client_traits.ts";
import { type History, type Published, SubscriptionHistory } from "./history.ts";

/** What the clocks of the machine, and an end that is found out a little later, may add or take away. */
const TOLERANCE_MS = 10_000;

interface Link {
  readonly transport: Transport;
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly will: Published | undefined;
  readonly willDelaySeconds: number;
  readonly receiveMaximum: number;
  /** Packet Identifiers of what came on it and is not answered. */
  readonly unanswered: Set<number>;
}

/** A message as it reached a client. */
export interface Delivery {
  readonly topic: string;
  readonly text: string;
  readonly qos: QoS;
  readonly at: number;
}

export interface ConnectOptions {
  /** The session begins anew. */
  readonly cleanStart?: boolean;
  readonly will?: Published | undefined;
  readonly willDelaySeconds?: number;
}

/**
 * A client that keeps its side of the protocol: it repeats what was not acknowledged, takes a QoS 2 message once, and is
 * late with what it answers. Its connection may go at any time, and what it knows survives that.
 */
export class SimulatedClient {
  readonly deliveries: Delivery[] = [];
  readonly subscriptions = new SubscriptionHistory();
  readonly errors: unknown[] = [];
  phase: "offline" | "connecting" | "connected" = "offline";
  /** When its session was last given up, on its own wish. */
  cleanStartAt = 0;
  /** Packets that came. */
  received = 0;
  /** PINGREQ that are not answered. */
  pings = 0;
  #session: "none" | "maybe" | "there" = "none";
  /** When it was connected last; of a session that may expire. */
  #lostMs: number | undefined;
  /** By when the storage had the end that its session has since then. */
  #storedMs: number | undefined;
  #connectMs = 0;
  /** Whether it has to go on asking for a new session until it has got it. */
  #needsCleanStart = false;
  #link: Link | undefined;
  readonly #state: ClientState;
  #answers: Packet[] = [];
  /** That the broker has to publish if the connection is lost now, or when its delay is over. */
  #will: Published | undefined;
  #waitingWill: Published | undefined;

  /** @param nowMs gives the time that really passes */
  constructor(
    readonly traits: AccessAttributes,
    readonly random: Seeded,
    readonly history: History,
    readonly nowMs: () => number,
  ) {
    this.#state = new ClientState(history);
  }

  get clientId(): string {
    return this.traits.clientId;
  }

  get isDurable(): boolean {
    return this.traits.isDurable;
  }

  /** What is not through: messages of its own, questions, and answers that it owes. */
  get pending(): number {
    return this.#state.unacknowledged + this.subscriptions.asked + this.#answers.length + this.pings;
  }

  /** Whether its session may end between two of its connections. */
  get #isShort(): boolean {
    return this.traits.version === 5 && this.traits.sessionExpirySeconds < 1_000;
  }

  /** Connects, perhaps while it is connected. */
  connect(broker: Broker, { cleanStart = false, will, willDelaySeconds = 0 }: ConnectOptions = {}): void {
    this.#forgetLink();
    this.#connectMs = this.nowMs();
    if (cleanStart) this.#endSession();
    const { clientId, version, isDurable } = this.traits;
    this.#waitingWill = undefined;
    const { server, client } = memoryTransport(this.random.pick([1, 4, 16]));
    broker.serve(server);
    const writer = client.writable.getWriter();
    const receiveMaximum = nextReceiveMaximum(this.traits, this.random);
    const terms = { will, willDelaySeconds, receiveMaximum: receiveMaximum ?? Infinity };
    const link: Link = { transport: client, writer, ...terms, unanswered: new Set() };
    link.writer.closed.catch(() => {}); // It is lost.
    this.#link = link;
    this.phase = "connecting";
    this.#read(link).catch((error: unknown) => this.errors.push(error));
    if (!isDurable) this.#endSession();
    else if (this.#session === "none") this.#session = "maybe";
    this.#send({
      type: "connect",
      protocolVersion: version,
      isBridge: false,
      cleanStart: !isDurable || this.#needsCleanStart,
      keepAliveSeconds: 0,
      clientId,
      will: this.#willOf(link),
      userName: undefined,
      password: undefined,
      properties: connectProperties(this.traits, receiveMaximum),
    });
  }

  /** The connection is lost. */
  lose(): void {
    const link = this.#link;
    this.#forgetLink();
    link?.transport.close();
  }

  /** From now on nobody knows whether its Will comes. */
  forgetWill(): void {
    this.#will = undefined;
  }

  /** Says DISCONNECT. @param endsSession its Session Expiry Interval becomes 0, with MQTT 5 */
  disconnect(endsSession: boolean): void {
    this.forgetWill();
    const isEnd = endsSession && this.traits.version === 5;
    this.#send({ type: "disconnect", reasonCode: 0, properties: isEnd ? { sessionExpiryInterval: 0 } : {} });
    if (isEnd) this.#endSession();
    this.#forgetLink(); // The broker closes it.
  }

  publish(published: Published, retain: boolean, messageExpiryInterval?: number): void {
    const { topic, text, qos } = published;
    const packet: PublishPacket = {
      type: "publish",
      dup: false,
      qos,
      retain,
      topic,
      packetIdentifier: qos === 0 ? 0 : this.#newIdentifier(),
      properties: this.traits.version < 5 || messageExpiryInterval === undefined ? {} : { messageExpiryInterval },
      payload: new TextEncoder().encode(text),
    };
    if (qos > 0) this.#state.sent(packet, published);
    this.#send(packet);
  }

  subscribe(topicFilter: string, qos: QoS): void {
    const packetIdentifier = this.#newIdentifier();
    this.subscriptions.subscribing(packetIdentifier, topicFilter, qos, this.history.next());
    const entry = { topicFilter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    this.#send({ type: "subscribe", packetIdentifier, subscriptions: [entry], properties: {} });
  }

  unsubscribe(topicFilter: string): void {
    const packetIdentifier = this.#newIdentifier();
    this.subscriptions.unsubscribing(packetIdentifier, topicFilter, this.history.next());
    this.#send({ type: "unsubscribe", packetIdentifier, topicFilters: [topicFilter], properties: {} });
  }

  /** Says some of what it owes, or all. */
  answer(count = Infinity): void {
    for (const answer of this.#answers.splice(0, count)) this.#send(answer);
  }

  ping(): void {
    this.pings += 1;
    this.#send({ type: "pingreq" });
  }

  /** The storage has all that the broker knows; and the broker knows that the connection is lost. */
  stored(): void {
    if (this.phase === "offline" && this.#lostMs !== undefined) this.#storedMs ??= this.nowMs();
  }

  /** So much time has gone by without a connection that every Will has come. */
  willDelayPassed(): void {
    if (this.#waitingWill !== undefined) this.#waitingWill.isWillDue = true;
  }

  /** What it did not acknowledge comes again; what it asked is open for ever. */
  #forgetLink(): void {
    if (this.#will !== undefined && this.#link?.willDelaySeconds === 0) this.#will.isWillDue = true;
    this.#waitingWill = this.#will;
    this.#will = undefined;
    this.#link = undefined;
    // Its session may have ended, and another one begun: only CONNACK would have told.
    if (this.phase === "connecting" && this.#isShort) this.#endSession();
    if (this.phase === "connected") this.#lostMs = this.nowMs();
    this.phase = "offline";
    this.#answers = [];
    this.subscriptions.forgetAsked();
    this.pings = 0;
    if (!this.isDurable) this.subscriptions.ending(this.history.next());
  }

  /** Forgets its side of the session; the other side goes with the next CONNECT at the latest. */
  #endSession(): void {
    this.cleanStartAt = this.history.next();
    this.subscriptions.ending(this.cleanStartAt);
    this.#needsCleanStart = true;
    this.#state.clear();
  }

  #willOf({ will, willDelaySeconds }: Link): Will | undefined {
    if (will === undefined) return undefined;
    const { topic, text, qos } = will;
    const properties = this.traits.version === 5 && willDelaySeconds > 0 ? { willDelayInterval: willDelaySeconds } : {};
    return { topic, payload: new TextEncoder().encode(text), qos, retain: false, properties };
  }

  #newIdentifier(): number {
    return this.#state.newIdentifier((packetIdentifier) => this.subscriptions.isAsked(packetIdentifier));
  }

  /** One more that is to be answered. [MQTT-3.3.4-9] */
  #count(packetIdentifier: number): void {
    const { unanswered = new Set(), receiveMaximum = Infinity } = this.#link ?? {};
    unanswered.add(packetIdentifier);
    if (unanswered.size > receiveMaximum) {
      throw new Error(`${this.clientId} got more than its ${receiveMaximum} at once`);
    }
  }

  #send(packet: Packet): void {
    if (packet.type === "puback" || packet.type === "pubcomp") this.#link?.unanswered.delete(packet.packetIdentifier);
    const bytes = encodePacket(packet, this.traits.version);
    for (const chunk of this.random.cut(bytes, Math.max(2_000, bytes.length >> 1))) {
      this.#link?.writer.write(chunk).catch(() => {}); // Lost with the connection.
    }
  }

  async #read(link: Link): Promise<void> {
    const decoder = new PacketDecoder({ protocolVersion: this.traits.version });
    for await (const chunk of link.transport.readable) {
      if (link !== this.#link) continue;
      for (const packet of decoder.decode(chunk)) {
        if (packet.type === "malformed") throw packet.error;
        if (link === this.#link) this.#receive(packet);
      }
    }
    link.transport.close();
    if (link === this.#link) this.#forgetLink();
  }

  #receive(packet: Packet): void {
    if (packet.type === "pingresp") {
      this.pings -= 1;
      return;
    }
    this.received += 1;
    switch (packet.type) {
      case "connack":
        return packet.reasonCode === 0 ? this.#connected(packet.sessionPresent) : this.#forgetLink();
      case "disconnect":
        return this.#forgetLink();
      case "publish":
        return this.#take(packet);
      case "puback":
      case "pubrec":
      case "pubcomp":
        return this.#owe(this.#state.acknowledged(packet));
      case "pubrel":
        this.#link?.unanswered.add(packet.packetIdentifier); // It counts, and comes in any case.
        this.#state.released(packet.packetIdentifier);
        return this.#owe({ ...packet, type: "pubcomp", reasonCode: 0 });
      case "suback":
      case "unsuback": // Before MQTT 5 without Reason Codes.
        return this.subscriptions.answered(packet.packetIdentifier, packet.reasonCodes, this.history.next());
      default:
        throw new Error(`${this.clientId} got ${JSON.stringify(packet)}`);
    }
  }

  #connected(isPresent: boolean): void {
    const wanted = this.#needsCleanStart ? "none" : this.#wantedSession();
    if (isPresent ? wanted === "none" : wanted === "there") {
      throw new Error(`${this.clientId} got Session Present ${isPresent}, but its session is "${wanted}"`);
    }
    // It has expired, or never began: whatever was to come of it is void.
    if (!isPresent && !this.#needsCleanStart) this.#endSession();
    if (this.#needsCleanStart) this.subscriptions.ended(this.history.next());
    this.#needsCleanStart = false;
    this.phase = "connected";
    this.#will = this.isDurable ? this.#link?.will : undefined;
    if (this.isDurable) this.#session = "there";
    this.#lostMs = this.#storedMs = undefined;
    for (const packet of this.#state.repeated()) this.#send(packet);
  }

  /** A session expires so long after its connection, however many brokers and wall clocks come and go. */
  #wantedSession(): "none" | "maybe" | "there" {
    if (this.#session !== "there" || !this.#isShort) return this.#session;
    const expiryMs = this.traits.sessionExpirySeconds * 1_000;
    if (this.#lostMs !== undefined && this.nowMs() < this.#lostMs + expiryMs - TOLERANCE_MS) return "there";
    if (this.#storedMs !== undefined && this.#connectMs > this.#storedMs + expiryMs + TOLERANCE_MS) return "none";
    return "maybe";
  }

  #take(packet: PublishPacket): void {
    const { topic, payload, qos, packetIdentifier } = packet;
    if (this.#state.isNew(packet)) {
      this.deliveries.push({ topic, text: new TextDecoder().decode(payload), qos, at: this.history.next() });
    }
    if (qos === 0) return;
    this.#count(packetIdentifier);
    const type = qos === 1 ? "puback" : "pubrec";
    this.#owe({ type, packetIdentifier, reasonCode: 0, properties: {} });
  }

  #owe(answer: Packet | undefined): void {
    if (answer !== undefined) this.#answers.push(answer);
  }
}
