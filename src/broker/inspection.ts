import { Message } from "../codec/message.ts";
import type { QoS, Will } from "../codec/packet.ts";
import type { AccessAttributes } from "../protocol/access.ts";
import type { ApplicationMessage, StoredMessage } from "../protocol/message.ts";
import type { Subscription } from "../protocol/subscription.ts";
import { parseTopicFilter } from "../protocol/topic_filter.ts";
import type { Storage } from "../storage/storage.ts";
import type { Hooks } from "./access/hooks.ts";
import type { CommitQueue } from "./commits.ts";
import { type SessionRow, sessionRow, type SubscriptionRow, subscriptionRow } from "./list_rows.ts";
import { Slices } from "./listing.ts";
import type { RegisteredClient } from "./registered_client.ts";
import type { RetainedMessage, Retention } from "./retained.ts";
import type { Router } from "./router.ts";
import type { Sessions } from "./sessions.ts";
import type { Turn } from "./turn.ts";

/** Retained message of a topic. */
export interface RetainedEntry {
  /** Message, whose payload must not be written to. */
  readonly message: Message;
  /** Client Identifier of the publisher; `undefined`: the own process, or not known. */
  readonly publisher: string | undefined;
  /** Name that the authenticator gave to the publisher. */
  readonly principal: string | undefined;
  /** Time when it was retained, in epoch milliseconds; `undefined`: before the broker was opened. */
  readonly retainedAtMs: number | undefined;
  /** Time when it expires, in epoch milliseconds; `undefined`: never. */
  readonly expiresAtMs: number | undefined;
}

/** Level of the tree of retained messages. */
export interface RetainedLevel {
  /** Children of the level in the order of their names. */
  readonly children: readonly {
    /** Level of a topic. */
    readonly name: string;
    /** Retained messages of this topic and of those below it. */
    readonly count: number;
    /** Message of this very topic. */
    readonly retained: RetainedEntry | undefined;
  }[];
  /** Name after which the next page begins; `undefined`: this is the last one. */
  readonly after: string | undefined;
}

/** Subscription that a message of a topic would go to. */
export interface TopicSubscriber {
  /** Client Identifier; `undefined`: the own process. */
  readonly clientId: string | undefined;
  /** Name that the authenticator gave to the client. */
  readonly principal: string | undefined;
  /** Whether it is connected; another one gets the message later, with QoS 1 or 2, if its session lives on. */
  readonly isConnected: boolean;
  /** Topic Filter as it was subscribed. */
  readonly topicFilter: string;
  /** ShareName of a Shared Subscription: one of its members gets the message. */
  readonly shareName: string | undefined;
  /** Highest QoS with which it gets the message. */
  readonly qos: QoS;
  /** No Local: it does not get what it publishes itself. */
  readonly noLocal: boolean;
  /** Whether the authorizer lets it receive messages of the topic. */
  readonly isAllowed: boolean;
  /** Rule of the authorizer that says so, such as `read plant/#`, where it can name one. */
  readonly rule?: string;
}

/** Subscriptions that a message of a topic would go to. */
export interface TopicSubscribers {
  /** The first of them. */
  readonly subscribers: readonly TopicSubscriber[];
  /** Number of all. */
  readonly total: number;
  /** Number of deliveries, as far as the authorizer allows them: a Shared Subscription has one, whatever its members. */
  readonly receivers: number;
}

/** Message that a session has for its client. */
export interface QueuedEntry {
  /** Message; `undefined`: it was sent, and memory has it no longer. */
  readonly message: Message | undefined;
  /** QoS of the delivery. */
  readonly qos: QoS;
  /** Packet Identifier with which it was sent; 0: it waits. */
  readonly packetIdentifier: number;
}

/** Session with what it holds. */
export interface SessionDetails extends SessionRow {
  /** Its subscriptions, in the order in which they came. */
  readonly subscriptionRows: readonly SubscriptionRow[];
  /** Its Will, while that may still be published. */
  readonly will: Will | undefined;
  /** Messages not delivered, by reason; `undefined`: there are none. */
  readonly droppedByReason: Readonly<Record<"qos0" | "queueFull" | "tooLarge" | "expired", number>> | undefined;
  /** Whether retained messages that its subscriptions match are still to be sent, as there are many or the broker is busy. */
  readonly isRetainedDue: boolean;
  /** First messages that it has for its client, in their order: those in flight, then those that wait. */
  readonly messages: readonly QueuedEntry[];
}

/** Retained message that was deleted. */
interface Deleted {
  readonly message: ApplicationMessage;
  readonly source: AccessAttributes | undefined;
}

const NO_ATTRIBUTES: AccessAttributes = { principal: undefined, roles: [], grants: [], listener: undefined };
// Retained messages that are deleted before the storage is asked whether it keeps up.
const DELETED_AT_ONCE = 1_000;

/** Looks into what a broker holds, and takes away of it, for its operator. */
export class Inspection {
  readonly #sessions: Sessions;
  readonly #retention: Retention;
  readonly #router: Router;
  readonly #hooks: Pick<Hooks, "explainReceiving">;
  readonly #commits: CommitQueue;
  readonly #storage: Storage;
  readonly #turn: Pick<Turn, "now">;
  /** Messages that were deleted, by what was told of them. */
  readonly #deleted = new WeakMap<RetainedEntry, Deleted>();

  constructor({ sessions, retention, router, hooks, commits, storage, turn }: {
    readonly sessions: Sessions;
    readonly retention: Retention;
    readonly router: Router;
    readonly hooks: Pick<Hooks, "explainReceiving">;
    readonly commits: CommitQueue;
    readonly storage: Storage;
    readonly turn: Pick<Turn, "now">;
  }) {
    this.#sessions = sessions;
    this.#retention = retention;
    this.#router = router;
    this.#hooks = hooks;
    this.#commits = commits;
    this.#storage = storage;
    this.#turn = turn;
  }

  retained(topic: string): RetainedEntry | undefined {
    const levels = topic.split("/");
    const { messages, ofBroker } = this.#retention;
    return entryOf(messages.find(levels)) ?? entryOf(ofBroker.find(levels));
  }

  async retainedLevel(levels: readonly string[], after: string | undefined, limit: number): Promise<RetainedLevel> {
    if (!Number.isInteger(limit) || limit < 1) throw new RangeError(`Cannot list: limit "${limit}" is not at least 1`);
    const turns = new Slices();
    const children: RetainedLevel["children"][number][] = [];
    for (const child of this.#retention.messages.childrenOf(levels, after ?? "")) {
      if (turns.isOver) await turns.next();
      if (child === undefined) continue;
      const [name, node] = child;
      if (name === after) continue;
      if (children.length === limit) return { children, after: children.at(-1)?.name };
      children.push({ name, count: node.count, retained: entryOf(node) });
    }
    return { children, after: undefined };
  }

  async deleteRetained(
    topicFilter: string,
    isDryRun: boolean,
    onDeleted: ((entry: RetainedEntry) => void) | undefined,
  ): Promise<number> {
    const filter = parseTopicFilter(topicFilter);
    if (filter === undefined || filter.shareName !== undefined) {
      throw new RangeError(`Cannot delete retained messages of "${topicFilter}": it is not a Topic Filter of topics`);
    }
    const turns = new Slices();
    const entries: (readonly [RetainedEntry, Deleted])[] = [];
    for (const found of this.#retention.messages.match(filter.levels)) {
      const entry = entryOf(found);
      if (entry !== undefined && found?.message !== undefined) {
        entries.push([entry, { message: found.message, source: found.source }]);
      }
      if (turns.isOver) await turns.next();
    }
    if (isDryRun) return entries.length;
    let deleted = 0;
    for (const [entry, original] of entries) {
      const { topic } = entry.message;
      if (this.#retention.messages.get(topic) !== original.message) continue; // Another one has come since.
      this.#turn.now(); // The turn ends with a commit.
      this.#retention.forget(topic);
      this.#deleted.set(entry, original);
      onDeleted?.(entry);
      if (++deleted % DELETED_AT_ONCE === 0 && !this.#commits.hasRoom) await this.#commits.settled();
      if (turns.isOver) await turns.next();
    }
    await this.#commits.settled();
    return deleted;
  }

  async restoreRetained(entries: Iterable<RetainedEntry>): Promise<number> {
    const turns = new Slices();
    let restored = 0;
    for (const entry of entries) {
      const original = this.#deleted.get(entry);
      if (original === undefined) throw new RangeError("Cannot restore a retained message: it was not deleted here");
      const { message, source } = original;
      const nowMs = this.#turn.now(); // The turn ends with a commit.
      const isWanted = message.expiresAtMs > nowMs && this.#retention.messages.get(message.topic) === undefined;
      if (isWanted && this.#retention.retain(message, source, entry.retainedAtMs) === undefined) restored += 1;
      if (restored % DELETED_AT_ONCE === 0 && !this.#commits.hasRoom) await this.#commits.settled();
      if (turns.isOver) await turns.next();
    }
    await this.#commits.settled();
    return restored;
  }

  async endSession(clientId: string, reason: string): Promise<boolean> {
    this.#turn.now(); // The turn ends with a commit.
    const isEnded = await this.#sessions.endNow(clientId, reason);
    await this.#commits.settled();
    return isEnded;
  }

  async subscribersOf(topic: string, limit: number): Promise<TopicSubscribers> {
    if (topic === "" || /[+#\0]/.test(topic)) {
      throw new RangeError(`Cannot look for subscribers: "${topic}" is no topic`);
    }
    const turns = new Slices();
    const subscribers: TopicSubscriber[] = [];
    const receivers = new Set<string | undefined>();
    let [total, own] = [0, 0];
    for (const [{ clientId }, subscription] of this.#router.subscribersOf(topic)) {
      if (turns.isOver) await turns.next();
      const { topicFilter, shareName } = subscription.filter;
      const receiver = shareName === undefined ? `client ${clientId}` : topicFilter;
      total += 1;
      if (subscribers.length >= limit && clientId !== undefined && receivers.has(receiver)) continue;
      const subscriber = this.#subscriberOf(clientId, subscription, topic);
      if (subscribers.length < limit) subscribers.push(subscriber);
      if (clientId === undefined) own += 1; // Each reader is one.
      else if (subscriber.isAllowed) receivers.add(receiver);
    }
    return { subscribers, total, receivers: receivers.size + own };
  }

  #subscriberOf(clientId: string | undefined, { filter, qos, noLocal }: Subscription, topic: string): TopicSubscriber {
    const client = clientId === undefined ? undefined : this.#sessions.find(clientId);
    const identity = client?.session.identity ?? { ...NO_ATTRIBUTES, principal: client?.principal };
    return {
      clientId,
      principal: client?.principal,
      isConnected: clientId === undefined || client?.owner?.isWelcome === true,
      topicFilter: filter.topicFilter,
      shareName: filter.shareName,
      qos,
      noLocal,
      ...clientId === undefined ? { isAllowed: true } : this.#hooks.explainReceiving({ ...identity, clientId }, topic),
    };
  }

  async session(clientId: string, most: number): Promise<SessionDetails | undefined> {
    const client = this.#sessions.find(clientId);
    if (client === undefined) return undefined;
    const { session } = client;
    const subscriptions = session.subscriptionCount === 0 ? [] : [...session.subscriptions.values()];
    const details = {
      ...sessionRow(client),
      subscriptionRows: subscriptions.map((subscription) => subscriptionRow(client, subscription)),
      will: client.owner?.connection.will ?? client.will?.will,
      droppedByReason: session.dropped === undefined ? undefined : { ...session.dropped },
      isRetainedDue: session.isRetainedDue,
    };
    return { ...details, messages: await this.#messagesOf(client, most) };
  }

  /** First messages of a session: of a durable one from the storage, which has those that were sent too. */
  async #messagesOf({ session }: RegisteredClient, most: number): Promise<QueuedEntry[]> {
    const entries: QueuedEntry[] = [];
    if (!session.isDurable) {
      for (const { message, qos, packetIdentifier } of session.messages()) {
        if (entries.length === most) break;
        entries.push({ message: message && messageOf(message), qos, packetIdentifier });
      }
      return entries;
    }
    await this.#commits.settled();
    for await (const change of this.#storage.restoreSession(session.clientId)) {
      if (change.kind !== "queued") continue;
      if (entries.length === most) break;
      const { message, qos, packetIdentifier } = change;
      entries.push({ message: messageOf(message), qos, packetIdentifier });
    }
    return entries;
  }
}

function entryOf(retained: RetainedMessage | undefined): RetainedEntry | undefined {
  if (retained?.message === undefined) return undefined;
  const { message, source, atMs } = retained;
  return {
    message: messageOf(message),
    publisher: message.publisher,
    principal: source?.principal,
    retainedAtMs: atMs,
    expiresAtMs: message.expiresAtMs === Infinity ? undefined : message.expiresAtMs,
  };
}

function messageOf({ topic, payload, qos, retain, properties }: StoredMessage): Message {
  return new Message({ topic, payload, qos, retain, properties });
}
