/** Parts around a session without broker or I/O: a connection that is only its outbox, changes in memory, time as a number. */

import { assert } from "@std/assert";
import type { Change, ChangeLog } from "../../src/protocol/change.ts";
import type { ConnectionPort } from "../../src/protocol/connection_port.ts";
import { Backlog } from "../../src/protocol/backlog.ts";
import { limitsWith } from "../../src/protocol/limit_table.ts";
import type { Limits } from "../../src/protocol/limits.ts";
import { ApplicationMessage, FrameEncoders } from "../../src/protocol/message.ts";
import type { QueuedMessage } from "../../src/protocol/message_queue.ts";
import { Outbox } from "../../src/protocol/outbox.ts";
import { OutgoingTopicAliases } from "../../src/protocol/publish_rules.ts";
import type { SessionContext } from "../../src/protocol/session_context.ts";
import type { SessionHolding } from "../../src/protocol/session_holding.ts";
import type { DeliveryOptions, Subscription } from "../../src/protocol/subscription.ts";
import { parseTopicFilter } from "../../src/protocol/topic_filter.ts";
import { PacketDecoder } from "../../src/codec/decoder.ts";
import { encodePacket } from "../../src/codec/encoder.ts";
import type { Packet, ProtocolVersion, QoS } from "../../src/codec/packet.ts";
import type { Properties } from "../../src/codec/property.ts";
import { TopicInterner } from "../../src/codec/topic_interner.ts";
import { settingsWith } from "../../src/protocol/setting_table.ts";

/** A connection whose client takes nothing until the test does. */
export class FakePort implements ConnectionPort {
  readonly version: ProtocolVersion;
  readonly outbox = new Outbox(new TopicInterner());
  readonly receiveMaximum: number;
  readonly maximumPacketBytes: number;
  readonly aliases: OutgoingTopicAliases;
  isFull = false;
  writingSinceMs = Infinity;
  isPumpLater = false;
  onSent: ((packet: Packet) => void) | undefined;
  wakes = 0;
  /** Packets that were sent as such, and not from a frame that others share. */
  ownPackets = 0;
  readonly #decoder: PacketDecoder;

  constructor(
    { version = 5, receiveMaximum = 65_535, maximumPacketBytes = Infinity, topicAliasMaximum = 0 }: {
      version?: ProtocolVersion;
      receiveMaximum?: number;
      maximumPacketBytes?: number;
      topicAliasMaximum?: number;
    } = {},
  ) {
    this.version = this.outbox.version = version;
    this.receiveMaximum = receiveMaximum;
    this.maximumPacketBytes = maximumPacketBytes;
    this.aliases = new OutgoingTopicAliases(topicAliasMaximum);
    this.#decoder = new PacketDecoder({ protocolVersion: version });
  }

  send(packet: Packet, heldUntil = 0): boolean {
    if (this.outbox.isClosed || encodePacket(packet, this.version).length > this.maximumPacketBytes) return false;
    this.ownPackets += 1;
    this.outbox.push(packet, heldUntil);
    this.onSent?.(packet);
    this.wake();
    return true;
  }

  pumpLater(): void {
    this.isPumpLater = true;
  }

  wake(): void {
    this.wakes += 1;
  }

  /** Packets that leave when the changes up to a sequence are durable, in words. */
  take(durableSequence = Infinity): string[] {
    const bytes = this.outbox.take(durableSequence);
    if (bytes === undefined) return [];
    return this.#decoder.decode(bytes).map((packet) => {
      assert(packet.type !== "malformed", "what is sent can be read");
      return words(packet);
    });
  }
}

/** Such as `x "1" QoS 1 #1 dup retain [7]` for a PUBLISH, and `pubrel #1` or `pubrel #1 0x92` for others. */
export function words(packet: Packet): string {
  if (packet.type !== "publish") {
    const identifier = "packetIdentifier" in packet ? ` #${packet.packetIdentifier}` : "";
    const isSaid = "reasonCode" in packet && packet.reasonCode !== 0;
    return `${packet.type}${identifier}${isSaid ? ` 0x${packet.reasonCode.toString(16)}` : ""}`;
  }
  const { topic, payload, qos, packetIdentifier, dup, retain, properties } = packet;
  const parts = [topic, JSON.stringify(new TextDecoder().decode(payload))];
  if (qos > 0) parts.push(`QoS ${qos} #${packetIdentifier}`);
  if (dup) parts.push("dup");
  if (retain) parts.push("retain");
  if (properties.subscriptionIdentifiers !== undefined) parts.push(`[${properties.subscriptionIdentifiers}]`);
  if (properties.messageExpiryInterval !== undefined) parts.push(`expires in ${properties.messageExpiryInterval} s`);
  if (properties.topicAlias !== undefined) parts.push(`alias ${properties.topicAlias}`);
  return parts.join(" ");
}

/** Changes as a storage would get them, until {@linkcode MemoryLog.flush} those that may be taken back. */
export class MemoryLog implements ChangeLog {
  writtenSequence = 0;
  readonly #changes = new Map<number, Change>();
  readonly #bounds: (readonly [sequence: number, bound: "begin" | "end"])[] = [];
  #flushed = 0;

  write(change: Change): number {
    this.#changes.set(++this.writtenSequence, change);
    return this.writtenSequence;
  }

  takeBack(sequence: number): boolean {
    return sequence > this.#flushed && this.#changes.delete(sequence);
  }

  begin(): void {
    this.#bounds.push([this.writtenSequence, "begin"]);
  }

  end(): void {
    this.#bounds.push([this.writtenSequence, "end"]);
  }

  /** The storage has got all that was written. */
  flush(): void {
    this.#flushed = this.writtenSequence;
  }

  get changes(): Change[] {
    return [...this.#changes.values()];
  }

  /** What was written since the last call, such as `queued 1 x "1" QoS 1 #1`, with `begin` and `end`. */
  take(): string[] {
    const lines: string[] = [];
    const bounds = this.#bounds.splice(0);
    const tell = (before: number) => {
      while (bounds[0] !== undefined && bounds[0][0] < before) lines.push(bounds.shift()?.[1] ?? "");
    };
    for (const [sequence, change] of this.#changes) {
      tell(sequence);
      lines.push(wordsOf(change));
    }
    tell(Infinity);
    this.flush();
    this.#changes.clear();
    return lines;
  }
}

function wordsOf(change: Change): string {
  switch (change.kind) {
    case "queued": {
      const { sequence, message: { topic, payload }, qos, packetIdentifier, retain } = change;
      const text = JSON.stringify(new TextDecoder().decode(payload));
      const identifier = packetIdentifier === 0 ? "" : ` #${packetIdentifier}`;
      return `queued ${sequence} ${topic} ${text} QoS ${qos}${identifier}${retain ? " retain" : ""}`;
    }
    case "sent":
      return `sent ${change.sequence} #${change.packetIdentifier}`;
    case "received":
    case "completed":
      return `${change.kind} ${change.sequence}`;
    case "accepted":
    case "released":
      return `${change.kind} #${change.packetIdentifier}`;
    case "unsubscribed":
      return `unsubscribed ${change.topicFilter}`;
    case "subscribed": {
      const { subscription: { filter: { topicFilter }, qos }, retainedDue: due } = change;
      if (due === undefined) return `subscribed ${topicFilter} QoS ${qos}`;
      return `subscribed ${topicFilter} QoS ${qos}, due ${due.passes} times after "${due.after}" up to ${due.until}, then up to ${due.passesUntil}`;
    }
    default:
      return change.kind;
  }
}

/** A budget that the test spends and renews. */
export class FakeBudget {
  spentMs = 0;
  readonly spendings: number[] = [];
  mostMs = Infinity;

  get isSpent(): boolean {
    return this.spentMs >= this.mostMs;
  }

  spend(ms: number): void {
    this.spentMs += ms;
    this.spendings.push(ms);
  }
}

export interface FakeContext extends SessionContext {
  readonly log: MemoryLog;
  readonly budget: FakeBudget;
  /** What {@linkcode SessionContext.dropsBegin} was told. */
  readonly told: string[];
}

/** What a session shares with its broker; there is no retained message unless `given` has a source. */
export function contextWith(
  limits: Partial<Limits> = {},
  given: Partial<Omit<SessionContext, "log" | "budget" | "limits">> = {},
): FakeContext {
  const all = limitsWith(limits);
  const told: string[] = [];
  return {
    limits: all,
    log: new MemoryLog(),
    encoders: new FrameEncoders(new TopicInterner()),
    retained: { lastSequence: 0, matching: () => [].values() },
    backlog: new Backlog(all),
    dropped: { qos0: 0, queueFull: 0, tooLarge: 0, expired: 0 },
    dropsBegin: (clientId, isConnected, limit) => told.push(`${clientId} ${isConnected ? "on" : "off"} ${limit}`),
    deliveryRules: undefined,
    settings: settingsWith({}),
    budget: new FakeBudget(),
    told,
    ...given,
  };
}

/** Counts what a session holds, within a bound that the test sets. */
export class FakeHolding implements SessionHolding {
  bytes = 0;
  most = Infinity;
  readonly refusals: string[] = [];

  limitFor(bytes: number) {
    return this.bytes + bytes > this.most ? "maximumSessionBytes" as const : undefined;
  }

  grow(bytes: number): void {
    this.bytes += bytes;
  }

  refused(what: "subscriptions" | "messages", limit: string): void {
    this.refusals.push(`${what} ${limit}`);
  }
}

/** A message as its publisher sent it, at time 0. */
export function messageOf(
  topic: string,
  text: string,
  { qos = 0, retain = false, properties = {}, publisher = "p", nowMs = 0 }: {
    qos?: QoS;
    retain?: boolean;
    properties?: Properties;
    publisher?: string;
    nowMs?: number;
  } = {},
): ApplicationMessage {
  const payload = new TextEncoder().encode(text);
  return new ApplicationMessage({ topic, payload, qos, retain, properties }, publisher, nowMs);
}

/** How a subscription of this QoS gets its copies. */
export function optionsOf(qos: QoS, more: Partial<DeliveryOptions> = {}): DeliveryOptions {
  return { qos, retainAsPublished: false, subscriptionIdentifiers: [], ...more };
}

export function subscriptionOf(topicFilter: string, more: Partial<Subscription> = {}): Subscription {
  const filter = parseTopicFilter(topicFilter);
  assert(filter !== undefined);
  return {
    filter,
    qos: 1,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    subscriptionIdentifier: undefined,
    ...more,
  };
}

/** An entry of a queue that was not sent yet. */
export function entryOf(
  sequence: number,
  message: ApplicationMessage | undefined = messageOf("x", String(sequence), { qos: 1 }),
  more: Partial<QueuedMessage> = {},
): QueuedMessage {
  return {
    sequence,
    message,
    qos: message?.qos ?? 1,
    retain: false,
    subscriptionIdentifiers: [],
    sharedFilter: undefined,
    isSent: false,
    packetIdentifier: 0,
    isReceived: false,
    bytes: 0,
    queuedAt: 0,
    sentAt: 0,
    ...more,
  };
}
