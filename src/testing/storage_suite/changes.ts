import type { QoS, Will } from "../../codec/packet.ts";
import { NO_PROPERTIES, type Properties } from "../../codec/property.ts";
import type { AccessAttributes } from "../../protocol/access.ts";
import type { Change, CommitItem, QueuedChange, RetainedDue } from "../../protocol/change.ts";
import { ApplicationMessage, type StoredMessage, storedMessage } from "../../protocol/message.ts";
import type { Subscription } from "../../protocol/subscription.ts";
import { parseTopicFilter } from "../../protocol/topic_filter.ts";

/** Changes to write cases with, short where a case does not care about the details. */

export const LONGEST_STRING_BYTES = 65_535;
/** A time far enough away that nothing expires while a case runs: 2100-01-01. */
export const LATER_MS = 4_102_444_800_000;

/** Names that storages have lost, mixed up or taken for something else. */
export const ODD_NAMES: readonly string[] = [
  "__proto__",
  "constructor",
  "\u{feff}",
  "\u{feff}c",
  "c",
  "C",
  "c ",
  " c",
  "c/1",
  "c\u0001",
  "c\uffff",
  "c\u{10ffff}",
  "\u00e9", // One character ...
  "e\u0301", // ... and two that look like it.
  "'\"\\;--",
  "1",
  "01",
  "x".repeat(LONGEST_STRING_BYTES),
  "x".repeat(LONGEST_STRING_BYTES - 1) + "y",
  "\u{1f600}".repeat(16_383),
];

/** Access attributes of clients: none, all there are, and the oddest names. */
export const TRAITS: readonly AccessAttributes[] = [
  { principal: undefined, roles: [], grants: [], listener: undefined },
  { principal: "", roles: [""], grants: [], listener: "mqtt://127.0.0.1:1883" },
  {
    principal: "ann",
    roles: ["operator", "reader"],
    grants: [
      { access: "read", topicFilter: "a/#" },
      { access: "write", topicFilter: "b/+" },
      { access: "readwrite", topicFilter: "$SYS/#" },
      { access: "deny", topicFilter: "c" },
    ],
    listener: "unix:/run/mqtt",
  },
  ...ODD_NAMES.map((name): AccessAttributes => ({
    principal: name,
    roles: [name],
    grants: [{ access: "read", topicFilter: name }],
    listener: name,
  })),
];

export interface MessageOptions {
  readonly topic?: string;
  readonly qos?: QoS;
  readonly retain?: boolean;
  readonly properties?: Properties;
  readonly publisher?: string | undefined;
  readonly nowMs?: number;
}

export function message(payload: string | Uint8Array, options: MessageOptions = {}): StoredMessage {
  const { topic = "t", qos = 1, retain = false, properties = NO_PROPERTIES, nowMs = LATER_MS } = options;
  const publisher = "publisher" in options ? options.publisher : "p";
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  return new ApplicationMessage({ topic, payload: bytes, qos, retain, properties }, publisher, nowMs);
}

/** Bytes that show their position. */
export function pattern(length: number, first = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = index * 7 + (index >> 8) + first;
  return bytes;
}

export function queued(
  clientId: string,
  sequence: number,
  message: StoredMessage,
  options: Partial<Omit<QueuedChange, "kind" | "clientId" | "sequence" | "message">> = {},
): QueuedChange {
  const plain = {
    qos: 1,
    retain: false,
    subscriptionIdentifiers: [],
    sharedFilter: undefined,
    packetIdentifier: 0,
  } as const;
  return { kind: "queued", clientId, sequence, message, ...plain, ...options };
}

export function started(clientId: string, principal?: string, network?: string): Change {
  return { kind: "sessionStarted", clientId, principal, network };
}

export function expiry(clientId: string, sessionExpirySeconds: number, expiresAtMs?: number): Change {
  return { kind: "sessionExpiry", clientId, sessionExpirySeconds, expiresAtMs };
}

export function ended(clientId: string): Change {
  return { kind: "sessionEnded", clientId };
}

export function will(
  clientId: string,
  will: Will | undefined,
  publishAtMs?: number,
  source?: AccessAttributes,
): Change {
  return { kind: "will", clientId, will, publishAtMs, ...source === undefined ? {} : { source } };
}

export function willMessage(payload: string | Uint8Array, properties: Properties = NO_PROPERTIES): Will {
  return { topic: "will", payload: message(payload).payload, qos: 1, retain: false, properties };
}

export function subscribed(
  clientId: string,
  topicFilter: string,
  options: Partial<Omit<Subscription, "filter">> = {},
  retainedDue?: RetainedDue,
): Change {
  const filter = parseTopicFilter(topicFilter);
  if (filter === undefined) throw new TypeError(`Cannot subscribe to "${topicFilter}": it is not a Topic Filter`);
  const plain = {
    qos: 1,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    subscriptionIdentifier: undefined,
  } as const;
  const due = retainedDue === undefined ? {} : { retainedDue };
  return { kind: "subscribed", clientId, subscription: { filter, ...plain, ...options }, ...due };
}

export function unsubscribed(clientId: string, topicFilter: string): Change {
  return { kind: "unsubscribed", clientId, topicFilter };
}

export function accepted(clientId: string, packetIdentifier: number): Change {
  return { kind: "accepted", clientId, packetIdentifier };
}

export function released(clientId: string, packetIdentifier: number): Change {
  return { kind: "released", clientId, packetIdentifier };
}

export function sent(clientId: string, sequence: number, packetIdentifier: number): Change {
  return { kind: "sent", clientId, sequence, packetIdentifier };
}

export function received(clientId: string, sequence: number): Change {
  return { kind: "received", clientId, sequence };
}

export function completed(clientId: string, sequence: number): Change {
  return { kind: "completed", clientId, sequence };
}

/** Retained message of a topic, whatever topic `message` was made with. */
export function retained(
  topic: string,
  message: StoredMessage | undefined,
  source?: AccessAttributes,
  sequence?: number,
): Change {
  const from = { ...source === undefined ? {} : { source }, ...sequence === undefined ? {} : { sequence } };
  if (message === undefined || message.topic === topic) return { kind: "retained", topic, message, ...from };
  const { payload, qos, retain, properties, publisher, expiresAtMs } = message;
  const packet = { topic, payload, qos, retain, properties };
  return { kind: "retained", topic, message: storedMessage(packet, publisher, expiresAtMs), ...from };
}

export function clock(nowMs: number, wallMs: number, machine?: { uptimeMs: number; bootId: string }): Change {
  return { kind: "clock", nowMs, wallMs, ...machine };
}

export function transaction(...changes: readonly Change[]): CommitItem {
  return { kind: "transaction", changes };
}

/** Session with something of each kind; its first message is acknowledged, the second is in flight, the third waits. */
export function busySession(clientId: string): readonly CommitItem[] {
  return [
    started(clientId, "user"),
    expiry(clientId, 60),
    will(clientId, willMessage("gone")),
    subscribed(clientId, "a/+"),
    subscribed(clientId, "b/#", { qos: 2 }),
    unsubscribed(clientId, "a/+"),
    accepted(clientId, 7),
    accepted(clientId, 8),
    released(clientId, 7),
    queued(clientId, 1, message("one"), { packetIdentifier: 1 }),
    queued(clientId, 2, message("two", { qos: 2 }), { qos: 2 }),
    queued(clientId, 3, message("three")),
    completed(clientId, 1),
    sent(clientId, 2, 2),
    received(clientId, 2),
    retained("r", message("old", { retain: true })),
    retained("r", message("new", { retain: true })),
    retained("gone", message("old", { retain: true })),
    retained("gone", undefined),
    expiry(clientId, 60, LATER_MS),
  ];
}

/** Changes that are kept after {@linkcode busySession}. */
export function busySessionKept(clientId: string): readonly Change[] {
  return [
    started(clientId, "user"),
    expiry(clientId, 60, LATER_MS),
    will(clientId, willMessage("gone")),
    subscribed(clientId, "b/#", { qos: 2 }),
    accepted(clientId, 8),
    queued(clientId, 2, message("two", { qos: 2 }), { qos: 2, packetIdentifier: 2 }),
    received(clientId, 2),
    queued(clientId, 3, message("three")),
    retained("r", message("new", { retain: true })),
  ];
}
