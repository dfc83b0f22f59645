import { encodePacket } from "../codec/encoder.ts";
import { PacketType, type QoS } from "../codec/packet.ts";
import { NO_PROPERTIES } from "../codec/property.ts";
import {
  decodeBetween,
  type LoadConnection,
  LoadError,
  openConnection,
  type PacketHandler,
} from "./load_connection.ts";
import type { Histogram } from "./histogram.ts";
import type { Ledger } from "./ledger.ts";
import type { LoadClock } from "./load_clock.ts";
import type { LoadTarget, SubscriberPlan } from "./load_plan.ts";
import { readUint32, STAMP_BYTES } from "./publish_block.ts";

const FILTERS_A_PACKET = 100;
const PUBACK = PacketType.puback << 4;
const PUBREC = PacketType.pubrec << 4;
const PUBCOMP = PacketType.pubcomp << 4;
const LEAST_FAILURE = 0x80;

/** Counts shared by all subscribers of a thread. */
export interface Deliveries {
  readonly latency: Histogram;
  readonly ledger: Ledger;
  readonly clock: LoadClock;
  /** Bytes of each payload. */
  readonly payloadBytes: number;
  count: number;
  outOfOrder: number;
  foreign: number;
  lastMs: number;
}

/** One subscriber: counts messages, and checks that none is missing, duplicated or out of order. */
export class LoadSubscriber implements PacketHandler {
  readonly #plan: SubscriberPlan;
  readonly #target: LoadTarget;
  readonly #deliveries: Deliveries;
  readonly #fail: (error: Error) => void;
  /** Next Sequence Number of each publisher. */
  readonly #next: Uint32Array;
  #connection: LoadConnection | undefined;
  #openSubacks = 0;
  #whenSubscribed: PromiseWithResolvers<void> | undefined;
  /** Time of this turn; `undefined` before its first message. */
  #now: number | undefined;

  constructor(plan: SubscriberPlan, target: LoadTarget, deliveries: Deliveries, fail: (error: Error) => void) {
    this.#plan = plan;
    this.#target = target;
    this.#deliveries = deliveries;
    this.#fail = fail;
    this.#next = new Uint32Array(deliveries.ledger.publisherCount);
  }

  async connect(): Promise<void> {
    const clientId = `${this.#target.run}-s${this.#plan.index}`;
    this.#connection = (await openConnection(this.#target, clientId, this)).connection;
  }

  /** Sends SUBSCRIBE and waits for the answer. Throws {@linkcode LoadError} if the broker refuses. */
  async subscribe(qos: QoS): Promise<void> {
    const { topicFilters, isStuck } = this.#plan;
    const connection = this.#connection;
    if (connection === undefined) throw new LoadError("Cannot subscribe: the subscriber is not connected");
    const { protocolVersion } = this.#target;
    const subscribed = Promise.withResolvers<void>();
    this.#whenSubscribed = subscribed;
    for (let start = 0; start < topicFilters.length; start += FILTERS_A_PACKET) {
      this.#openSubacks += 1;
      const subscriptions = topicFilters.slice(start, start + FILTERS_A_PACKET).map((topicFilter) => (
        { topicFilter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
      ));
      const packetIdentifier = this.#openSubacks;
      connection.append(
        encodePacket(
          { type: "subscribe", packetIdentifier, properties: NO_PROPERTIES, subscriptions },
          protocolVersion,
        ),
      );
    }
    connection.flush();
    await subscribed.promise;
    if (isStuck) connection.pause();
  }

  close(): void {
    this.#connection?.close();
  }

  packet(bytes: Uint8Array, start: number, body: number, remainingLength: number): void {
    const first = bytes[start] as number; // The packet is there.
    switch (first >> 4) {
      case PacketType.publish:
        return this.#publish(bytes, first, body, remainingLength);
      case PacketType.pubrel:
        return this.#connection?.appendAcknowledgement(PUBCOMP, (bytes[body] ?? 0) << 8 | (bytes[body + 1] ?? 0));
      case PacketType.suback:
        return this.#suback(bytes, start, body + remainingLength);
      case PacketType.disconnect:
        return this.lost(new Error(`the broker said DISCONNECT 0x${(bytes[body] ?? 0).toString(16)}`));
    }
  }

  turnEnded(): void {
    if (this.#now === undefined) return;
    this.#now = undefined;
    this.#deliveries.lastMs = this.#deliveries.clock.elapsedMs();
    this.#deliveries.ledger.settle();
  }

  written(): void {}

  lost(error: Error): void {
    const failure = new LoadError(`A subscriber was disconnected: ${error.message}`);
    this.#whenSubscribed?.reject(failure);
    this.#fail(failure);
  }

  #publish(bytes: Uint8Array, first: number, body: number, remainingLength: number): void {
    const deliveries = this.#deliveries;
    const qos = (first >> 1) & 3;
    // A position beyond the end is noticed below: the payload then has the wrong length.
    let at = body + 2 + ((bytes[body] as number) << 8 | (bytes[body + 1] as number));
    if (qos > 0) {
      const packetIdentifier = (bytes[at] as number) << 8 | (bytes[at + 1] as number);
      this.#connection?.appendAcknowledgement(qos === 1 ? PUBACK : PUBREC, packetIdentifier);
      at += 2;
    }
    // Properties of more than 127 bytes do not belong to the load: the message then counts as foreign.
    if (this.#target.protocolVersion === 5) at += 1 + (bytes[at] as number);
    const payloadBytes = body + remainingLength - at;
    if (payloadBytes !== deliveries.payloadBytes || at + STAMP_BYTES > bytes.length) {
      deliveries.foreign += 1;
      return;
    }
    const publisher = readUint32(bytes, at);
    if (publisher >= this.#next.length) {
      deliveries.foreign += 1;
      return;
    }
    const sequence = readUint32(bytes, at + 4);
    const next = this.#next[publisher] as number; // Below the length.
    if (sequence < next) deliveries.outOfOrder += 1;
    else this.#next[publisher] = sequence + 1;
    this.#now ??= deliveries.clock.microseconds();
    deliveries.latency.record((this.#now - readUint32(bytes, at + 8)) >>> 0);
    deliveries.count += 1;
    deliveries.ledger.deliver(publisher);
  }

  #suback(bytes: Uint8Array, start: number, end: number): void {
    const packet = decodeBetween(bytes, start, end, this.#target);
    const refused = packet.type === "suback" ? packet.reasonCodes.find((code) => code >= LEAST_FAILURE) : undefined;
    if (refused !== undefined) {
      this.#whenSubscribed?.reject(
        new LoadError(`The broker refused a subscription with 0x${refused.toString(16).padStart(2, "0")}`),
      );
    }
    this.#openSubacks -= 1;
    if (this.#openSubacks === 0) this.#whenSubscribed?.resolve();
  }
}
