import { clauseOf, type EventHelp, helpOf, REMEDIES } from "../broker/event_help.ts";
import { eventLines, shownUserName } from "../broker/event_lines.ts";
import type { BrokerEvent } from "../broker/events.ts";
import { printable } from "../codec/printable.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { AdminChange } from "./options.ts";

/** Kinds of events that are kept. */
export const EVENT_KINDS = ["ended", "refused", "denied", "dropped", "broker", "admin"] as const;
/**
 * Kind of an event: a connection of a client has ended; a connection, subscription or retained message was refused; a client
 * may not do what it asked for; messages were dropped; the broker itself; a change through the API.
 */
export type EventKind = typeof EVENT_KINDS[number];

/** Event, in words. */
export interface KeptEvent {
  /** Number of its last repetition: later ones are larger. */
  readonly id: number;
  /** Number that it got first, which stays the same when it is repeated. */
  readonly firstId: number;
  /** Epoch milliseconds of its first and of its last repetition. */
  readonly firstAtMs: number;
  readonly atMs: number;
  /** Times that it happened. */
  readonly count: number;
  readonly kind: EventKind;
  /** Kind of the event of the broker, such as `connectionRefused`, or of the change, such as `disconnect`. */
  readonly name: string;
  /** Event in words, those of the log; control characters are escaped. */
  readonly message: string;
  readonly clientId: string | undefined;
  readonly principal: string | undefined;
  /** Address with its port. */
  readonly address: string | undefined;
  readonly listener: string | undefined;
  readonly reasonCode: number | undefined;
  /** Topic Name or Topic Filter. */
  readonly topic: string | undefined;
  /** Clause of the specification, such as `MQTT-3.1.4-2`. */
  readonly clause: string | undefined;
  /** Entry of docs/troubleshooting.md. */
  readonly help: EventHelp | undefined;
}

/** Wish for events. */
export interface EventFilter {
  readonly kind?: EventKind | undefined;
  readonly clientId?: string | undefined;
  /** Address, with a port or without one, whose connections are looked for. */
  readonly address?: string | undefined;
  /** Only events with larger numbers. @default {0} */
  readonly after?: number | undefined;
  /** Most events, the newest ones. @default all */
  readonly limit?: number | undefined;
}

const MOST_EVENTS = 1_000;
const MOST_BYTES = 2_097_152;
/** Bytes of an event without its texts. */
const EVENT_BYTES = 300;
// A client that tries again each minute is one event with a count.
const REPEATED_WITHIN_MS = 120_000;

/**
 * The last 1,000 events of a broker, 2 MiB of them at most. The same thing that happens again within two minutes is counted,
 * not kept again. Where there is no room, an event of the kind that has most of it goes: a flood of one kind leaves the others
 * their share.
 */
export class EventRing {
  readonly #wallMs: () => number;
  readonly #kinds: Readonly<Record<EventKind, KindEvents>>;
  readonly #watchers = new Set<() => void>();
  #lastId = 0;
  #droppedId = 0;

  /** @param wallMs epoch milliseconds of the machine */
  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
    const [ended, refused, denied] = [new KindEvents(), new KindEvents(), new KindEvents()];
    const [dropped, broker, admin] = [new KindEvents(), new KindEvents(), new KindEvents()];
    this.#kinds = { ended, refused, denied, dropped, broker, admin };
  }

  /** Number of the newest event; 0: there was none. */
  get lastId(): number {
    return this.#lastId;
  }

  /** Largest number of an event that had to go; 0: none had. A reader who has not read so far has missed some. */
  get droppedId(): number {
    return this.#droppedId;
  }

  /** Takes an event of the broker, if it is one of those that are kept. */
  readonly add = (event: BrokerEvent): void => {
    const kind = kindOf(event);
    if (kind === undefined) return;
    this.#keep({
      kind,
      name: event.kind,
      message: messageOf(event),
      clientId: "clientId" in event && event.clientId !== "" ? event.clientId : undefined,
      principal: "principal" in event && event.principal !== undefined ? shownUserName(event.principal) : undefined,
      address: "peer" in event ? event.peer.address : undefined,
      listener: "peer" in event ? event.peer.listener : undefined,
      reasonCode: reasonCodeOf(event),
      topic: "topic" in event ? event.topic : "topicFilter" in event ? event.topicFilter : undefined,
      clause: clauseOf(event),
      help: helpOf(event),
    });
  };

  /** Takes a change that was made through the API. */
  addChange({ name, message: change, by, role, address, clientId, topic }: Omit<AdminChange, "kind">): void {
    const unknown = { principal: undefined, listener: undefined, reasonCode: undefined, clause: undefined };
    const message = printable(`${by} (${role}) ${change}`);
    this.#keep({ kind: "admin", name, message, address, clientId, topic, help: undefined, ...unknown });
  }

  /** Finds events, the newest first. */
  find({ kind, clientId, address, after = 0, limit = MOST_EVENTS }: EventFilter = {}): KeptEvent[] {
    const host = address === undefined ? undefined : hostOf(address);
    const kinds = kind === undefined ? Object.values(this.#kinds) : [this.#kinds[kind]];
    return kinds.flatMap((events) => events.after(after))
      .filter((event) => clientId === undefined || event.clientId === clientId)
      .filter((event) => host === undefined || event.address !== undefined && hostOf(event.address) === host)
      .sort((one, other) => other.id - one.id)
      .slice(0, limit);
  }

  /** Calls a function after each event, until the function that this gives is called. It must not throw. */
  watch(onEvent: () => void): () => void {
    this.#watchers.add(onEvent);
    return () => void this.#watchers.delete(onEvent);
  }

  #keep(event: Omit<KeptEvent, "id" | "firstId" | "firstAtMs" | "atMs" | "count">): void {
    const atMs = this.#wallMs();
    const id = this.#lastId += 1;
    this.#kinds[event.kind].add({ ...event, id, firstId: id, firstAtMs: atMs, atMs, count: 1 });
    while (this.#isFull()) this.#droppedId = Math.max(this.#droppedId, this.#largestKind().dropOldest());
    for (const onEvent of this.#watchers) onEvent();
  }

  #isFull(): boolean {
    let [count, bytes] = [0, 0];
    for (const kind of EVENT_KINDS) {
      count += this.#kinds[kind].count;
      bytes += this.#kinds[kind].bytes;
    }
    return count > MOST_EVENTS || bytes > MOST_BYTES;
  }

  #largestKind(): KindEvents {
    const kinds = Object.values(this.#kinds);
    const share = ({ count, bytes }: KindEvents) => count / MOST_EVENTS + bytes / MOST_BYTES;
    return kinds.reduce((largest, events) => share(events) > share(largest) ? events : largest);
  }
}

/** Events of one kind, the oldest first. */
class KindEvents {
  bytes = 0;
  readonly #byId = new Map<number, KeptEvent>();
  /** Newest event of each thing that can be repeated. */
  readonly #byThing = new Map<string, KeptEvent>();

  get count(): number {
    return this.#byId.size;
  }

  add(event: KeptEvent): void {
    const thing = thingOf(event);
    const last = this.#byThing.get(thing);
    const isRepeated = last !== undefined && event.atMs - last.atMs < REPEATED_WITHIN_MS && event.kind !== "admin";
    if (isRepeated) this.#remove(last);
    const kept = isRepeated
      ? { ...event, firstId: last.firstId, firstAtMs: last.firstAtMs, count: last.count + 1 }
      : event;
    this.#byId.set(kept.id, kept);
    this.#byThing.set(thing, kept);
    this.bytes += bytesOf(kept);
  }

  after(id: number): KeptEvent[] {
    return Array.from(this.#byId.values()).filter((event) => event.id > id);
  }

  /** Drops the oldest event, and gives its number; 0: there is none. */
  dropOldest(): number {
    const [oldest] = this.#byId.values();
    if (oldest !== undefined) this.#remove(oldest);
    return oldest?.id ?? 0;
  }

  #remove(event: KeptEvent): void {
    this.#byId.delete(event.id);
    this.bytes -= bytesOf(event);
    const thing = thingOf(event);
    if (this.#byThing.get(thing) === event) this.#byThing.delete(thing);
  }
}

/** Remedy of an event, in words; `undefined`: nothing has to be done. */
export function remedyOf({ help }: KeptEvent): string | undefined {
  return help === undefined ? undefined : REMEDIES[help];
}

/** Events are the same thing when they have the same client, the same host and the same reason. */
function thingOf(
  { name, clientId = "", principal = "", address, reasonCode, topic = "", message }: KeptEvent,
): string {
  // The port of a client is another one each time, and is in most messages.
  const words = address === undefined ? message : message.replace(address, "");
  return [name, clientId, principal, address && hostOf(address), reasonCode, topic, words].join("\0");
}

function bytesOf(
  { message, clientId = "", principal = "", address = "", listener = "", topic = "" }: KeptEvent,
): number {
  const characters = message.length + clientId.length + principal.length + address.length + listener.length +
    topic.length;
  return EVENT_BYTES + 4 * characters; // Two bytes a character, and again in the key of the thing.
}

/** Host of an address, the same one for all addresses of this machine that no other can have. */
function hostOf(address: string): string {
  // An address of IPv6 without brackets has no port.
  const [, inBrackets, withoutColon] = /^\[(.*)\]|^([^:]*)(?::\d+)?$/.exec(address) ?? [];
  const host = (inBrackets ?? withoutColon ?? address).replace(/^::ffff:(?=\d+\.)/i, "");
  return host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host) ? "loopback" : host;
}

function kindOf(event: BrokerEvent): EventKind | undefined {
  switch (event.kind) {
    case "connectionOpened":
    case "clientConnected":
    case "clientTakenOver": // The end of the connection that was taken over says it.
      return undefined;
    case "connectionClosed":
      if (event.wasConnected) return "ended";
      // A port that was looked at, or a health check.
      return event.by === "server" ? "refused" : undefined;
    case "connectionRefused":
    case "transportViolation":
    case "subscriptionRefused":
    case "retainedRefused":
    case "sessionsFull":
      return "refused";
    case "accessDenied":
    case "willDenied":
    case "retainedWithheld":
    case "subscriptionLost":
      return "denied";
    case "messagesDropped":
    case "clientBehind":
      return "dropped";
    default:
      return "broker";
  }
}

function messageOf(event: BrokerEvent): string {
  if (event.kind === "connectionClosed" && event.by === "server" && event.reasonCode === ReasonCode.SessionTakenOver) {
    const { peer, clientId } = event;
    return eventLines({ kind: "clientTakenOver", peer, clientId }, true).join(" ");
  }
  return eventLines(event, true).join(" ");
}

function reasonCodeOf(event: BrokerEvent): number | undefined {
  if (event.kind === "connectionClosed") return event.reasonCode;
  return event.kind === "accessDenied" || event.kind === "subscriptionLost" ? ReasonCode.NotAuthorized : undefined;
}
