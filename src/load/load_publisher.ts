import { PacketType } from "../codec/packet.ts";
import { type LoadConnection, LoadError, openConnection, type PacketHandler } from "./load_connection.ts";
import type { Histogram } from "./histogram.ts";
import type { Waiting } from "./ledger.ts";
import { type LoadClock, Schedule } from "./load_clock.ts";
import type { LoadTarget, Pace, PublisherPlan, SharedCounters } from "./load_plan.ts";
import { PublishBlock } from "./publish_block.ts";

const MOST_PACKET_IDENTIFIERS = 65_535;
/** Window from which a publisher waits until a quarter of it is free, and then sends that much in one write. */
const LEAST_GATHERED_WINDOW = 64;
const PUBREL = PacketType.pubrel << 4 | 0b0010;
const PINGREQ = new Uint8Array([PacketType.pingreq << 4, 0]);
const LEAST_FAILURE = 0x80;

/** State and counts shared by all publishers of a thread. */
export interface Publications {
  readonly acknowledgement: Histogram;
  readonly clock: LoadClock;
  readonly shared: SharedCounters;
  readonly pace: Pace;
  sent: number;
  expected: number;
  acknowledged: number;
  refused: number;
  stalls: number;
  unsent: number;
  /** Time of the last packet of the broker. */
  lastMs: number;
}

/**
 * One publisher. Without a rate it sends when there is room in its window, which contains messages that are not
 * acknowledged or not delivered to all subscribers: a broker that drops or queues cannot look fast.
 */
export class LoadPublisher implements PacketHandler, Waiting {
  readonly #plan: PublisherPlan;
  readonly #target: LoadTarget;
  readonly #publications: Publications;
  readonly #fail: (error: Error) => void;
  readonly #finished = Promise.withResolvers<void>();
  readonly #block: PublishBlock;
  #connection: LoadConnection | undefined;
  #phase: "ready" | "publishing" | "draining" | "finished" = "ready";
  #window: number;
  #schedule: Schedule | undefined;
  #sent = 0;
  /** Deliveries that are no longer awaited. */
  #forgiven = 0;
  #acknowledged = 0;
  /** Free Packet Identifiers, in a ring, and the sending times of the others. */
  #identifiers = new Uint16Array(0);
  #identifiersTaken = 0;
  #sentAt = new Uint32Array(0);
  /** Messages sent by each unanswered PINGREQ, for QoS 0 without subscribers. */
  readonly #pinged: number[] = [];
  #answered = 0;
  /** Outstanding messages at the last check. */
  #lastOutstanding = 0;
  #lastSent = 0;

  constructor(plan: PublisherPlan, target: LoadTarget, publications: Publications, fail: (error: Error) => void) {
    this.#plan = plan;
    this.#target = target;
    this.#publications = publications;
    this.#fail = fail;
    const { qos, payloadBytes, window, rate } = publications.pace;
    this.#window = rate === undefined ? window : MOST_PACKET_IDENTIFIERS;
    const { protocolVersion } = target;
    this.#block = new PublishBlock({ plan, protocolVersion, qos, payloadBytes, mostFrames: this.#window });
  }

  async open(): Promise<void> {
    const clientId = `${this.#target.run}-p${this.#plan.index}`;
    const { connection, connack } = await openConnection(this.#target, clientId, this);
    this.#connection = connection;
    const { qos } = this.#publications.pace;
    if (qos === 0) return;
    this.#window = Math.min(this.#window, connack.properties.receiveMaximum ?? MOST_PACKET_IDENTIFIERS);
    this.#identifiers = Uint16Array.from({ length: this.#window }, (_, index) => index + 1);
    this.#sentAt = new Uint32Array(this.#window + 1);
  }

  /** Publishes until it is stopped or has published all; resolves when everything has arrived. */
  publish(publisherCount: number): Promise<void> {
    const { pace, clock } = this.#publications;
    this.#schedule = Schedule.of(pace, this.#plan.index, publisherCount, clock.elapsedMs());
    this.#phase = "publishing";
    this.pump();
    return this.#finished.promise;
  }

  stop(): void {
    if (this.#phase !== "publishing") return;
    const { clock } = this.#publications;
    const due = this.#schedule?.due(clock.elapsedMs()) ?? this.#sent;
    this.#publications.unsent += Math.max(0, due - this.#sent);
    this.#phase = "draining";
    this.pump();
  }

  close(): void {
    this.#connection?.close();
  }

  /** Sends as many messages as there is room for, in one write. */
  pump(): void {
    if (this.#phase === "draining" && this.#outstanding() <= 0) {
      this.#phase = "finished";
      this.#finished.resolve();
    }
    const connection = this.#connection;
    if (this.#phase !== "publishing" || connection === undefined || connection.isWriting) return;
    const count = this.#sendable();
    if (count <= 0) return;
    this.#stamp(count);
    connection.append(this.#block.first(count));
    const { pace } = this.#publications;
    if (pace.qos === 0 && this.#plan.receivers === 0) this.#ping(connection);
    connection.flush();
    if (this.#sent !== pace.messages) return;
    this.#phase = "draining";
  }

  /** Stops waiting for lost messages; to be called periodically. */
  lookForStall(): void {
    const outstanding = this.#outstanding();
    const isStalled = outstanding > 0 && outstanding === this.#lastOutstanding && this.#sent === this.#lastSent;
    this.#lastOutstanding = outstanding;
    this.#lastSent = this.#sent;
    if (!isStalled || this.#phase === "ready") return;
    this.#publications.stalls += 1;
    if (this.#phase === "draining") {
      this.#phase = "finished";
      this.#finished.resolve();
      return;
    }
    this.#forgiven += this.#undelivered(); // Unacknowledged messages stay in flight: QoS 1 and 2 lose nothing.
    this.pump();
  }

  packet(bytes: Uint8Array, start: number, body: number, remainingLength: number): void {
    const type = (bytes[start] as number) >> 4; // The packet is there.
    const packetIdentifier = (bytes[body] ?? 0) << 8 | (bytes[body + 1] ?? 0);
    const isRefused = remainingLength > 2 && (bytes[body + 2] ?? 0) >= LEAST_FAILURE;
    switch (type) {
      case PacketType.puback:
      case PacketType.pubcomp:
        return this.#acknowledge(packetIdentifier, isRefused);
      case PacketType.pubrec:
        if (isRefused) this.#acknowledge(packetIdentifier, true);
        else this.#connection?.appendAcknowledgement(PUBREL, packetIdentifier);
        return;
      case PacketType.pingresp:
        this.#answered = this.#pinged.shift() ?? this.#answered;
        return;
      case PacketType.disconnect:
        return this.lost(new Error(`the broker said DISCONNECT 0x${(bytes[body] ?? 0).toString(16)}`));
    }
  }

  turnEnded(): void {
    this.#publications.lastMs = this.#publications.clock.elapsedMs();
    this.pump();
  }

  written(): void {
    this.pump();
  }

  lost(error: Error): void {
    if (this.#phase !== "finished") this.#fail(new LoadError(`A publisher was disconnected: ${error.message}`));
  }

  #sendable(): number {
    const { pace, clock } = this.#publications;
    const most = Math.min(this.#block.frames, (pace.messages ?? Infinity) - this.#sent);
    if (this.#schedule !== undefined) {
      const room = pace.qos === 0 ? Infinity : this.#window - this.#unacknowledged();
      return Math.min(most, room, this.#schedule.due(clock.elapsedMs()) - this.#sent);
    }
    const room = this.#window - this.#outstanding();
    if (this.#window >= LEAST_GATHERED_WINDOW && room < this.#window >> 2) return 0;
    return Math.min(most, room);
  }

  #stamp(count: number): void {
    const { pace, clock } = this.#publications;
    const { topics, isRandom } = this.#plan;
    const now = clock.microseconds();
    for (let frame = 0; frame < count; frame++) {
      const sequence = this.#sent++;
      const dueMs = this.#schedule?.dueMs(sequence);
      const sentAt = dueMs === undefined ? now : (dueMs * 1_000) >>> 0;
      this.#block.stamp(frame, sequence, sentAt);
      if (pace.qos > 0) this.#block.identify(frame, this.#takeIdentifier(sentAt));
      if (topics.length > 1) {
        this.#block.address(frame, isRandom ? Math.floor(Math.random() * topics.length) : sequence % topics.length);
      }
    }
    this.#publications.sent += count;
    this.#publications.expected += count * this.#plan.receivers;
  }

  /** Takes a free identifier, of which there is one: the window has as many places. */
  #takeIdentifier(sentAt: number): number {
    const packetIdentifier = this.#identifiers[this.#identifiersTaken++ % this.#window] as number;
    this.#sentAt[packetIdentifier] = sentAt;
    return packetIdentifier;
  }

  #acknowledge(packetIdentifier: number, isRefused: boolean): void {
    const sentAt = this.#sentAt[packetIdentifier];
    if (sentAt === undefined || packetIdentifier === 0) {
      return this.lost(new Error("it acknowledged what was not sent"));
    }
    const { acknowledgement, clock } = this.#publications;
    acknowledgement.record((clock.microseconds() - sentAt) >>> 0);
    this.#identifiers[this.#acknowledged++ % this.#window] = packetIdentifier;
    this.#publications.acknowledged += 1;
    if (isRefused) this.#publications.refused += 1;
  }

  #ping(connection: LoadConnection): void {
    this.#pinged.push(this.#sent);
    connection.append(PINGREQ);
  }

  /** Messages in flight: unacknowledged or undelivered, whichever are more. */
  #outstanding(): number {
    return Math.max(this.#unacknowledged(), this.#undelivered());
  }

  #unacknowledged(): number {
    return this.#publications.pace.qos === 0 ? 0 : this.#sent - this.#acknowledged;
  }

  #undelivered(): number {
    const { receivers, index } = this.#plan;
    if (receivers === 0) return this.#publications.pace.qos === 0 ? this.#sent - this.#answered : 0;
    const delivered = Atomics.load(this.#publications.shared.delivered, index);
    // Modulo 2^32, like the counters: the difference is small.
    const missing = (Math.imul(this.#sent, receivers) - delivered) | 0;
    return Math.ceil(missing / receivers) - this.#forgiven;
  }
}
