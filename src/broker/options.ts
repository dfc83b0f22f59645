import type { Authenticator, Authorizer, EnhancedAuthenticator } from "../auth/authentication.ts";
import type { Message } from "../codec/message.ts";
import type { Limits } from "../protocol/limits.ts";
import type { SessionContext } from "../protocol/session_context.ts";
import type { OverlappingSubscriptions } from "../protocol/subscription.ts";
import type { Storage } from "../storage/storage.ts";
import type { Peer } from "../transport/transport.ts";
import type { BrokerEvent, PacketEvent } from "./events.ts";
import type { SessionRefusals } from "./session_quota.ts";
import type { Clock, MachineClock } from "./timeline.ts";

/** Options of {@linkcode Broker.open}; all may be left out. */
export interface BrokerOptions {
  /** Limits; the others have their defaults, see {@linkcode Limits}. */
  readonly limits?: Partial<Limits>;
  /** Keeps sessions and retained messages. The broker closes it. @default a new {@linkcode MemoryStorage} */
  readonly storage?: Storage;
  /** Says who a client is. @default every client is let in: listen on loopback only */
  readonly authenticator?: Authenticator;
  /**
   * Authentication Methods (MQTT 5, section 4.12), such as `scramSha256`. A client that names one is not asked by the
   * authenticator; one that names none is. @default none: any method is refused with 0x8C
   */
  readonly enhancedAuthenticators?: readonly EnhancedAuthenticator[];
  /** Says what a client may do. @default everything */
  readonly authorizer?: Authorizer;
  /**
   * Answer to a PUBLISH of 3.1 or 3.1.1 that is not authorized: it is acknowledged and dropped, as these versions
   * cannot say so, or it ends the connection. In MQTT 5 it is acknowledged with 0x87.
   *
   * @default {"acknowledge"}
   */
  readonly deniedPublish?: "acknowledge" | "close";
  /**
   * Answer to a client whose Will is not authorized: CONNECT is refused with 0x87, or it gets in, which is told as
   * denied, and its Will is dropped if it is still not authorized when it would be published.
   *
   * @default {"refuse"}
   */
  readonly deniedWill?: "refuse" | "drop";
  /**
   * Consequence for a client that is connected when other rules take away what it has subscribed to. In both cases the
   * subscription ends, and an event tells it. `disconnect`: the client is disconnected with 0x87 and a Reason String that
   * names the Topic Filters, before MQTT 5 without a word; a session that lives on waits for it without them.
   * `unsubscribe`: it stays connected, and is not told, for MQTT has no packet that could. A client that comes back to its
   * session is never refused for it.
   *
   * @default {"disconnect"}
   */
  readonly lostSubscription?: "disconnect" | "unsubscribe";
  /**
   * Whether a retained message goes to a new subscription only where the client that published it, as it was then, may still
   * publish it by the rules that hold now: see `Authorizer.mayStillPublish`. Messages of the broker's own process, and those
   * that an earlier version has kept, have no such client.
   *
   * @default {true}
   */
  readonly checksRetainedPublisher?: boolean;
  /**
   * Whether messages with QoS 0 wait, within the limits of those with QoS 1 and 2, for a session that lives on without its
   * connection; else they are not delivered to it.
   *
   * @default {false}
   */
  readonly queuesQos0Messages?: boolean;
  /**
   * Whether a message goes out with the QoS that its subscription was granted even where that is higher than the QoS it was
   * published with. This is not what the standard says (MQTT 5, section 3.8.4).
   *
   * @default {false}
   */
  readonly upgradesOutgoingQos?: boolean;
  /**
   * Copies of a message for a client of which several subscriptions match it (MQTT 5, section 3.3.4). `each`: one for
   * each Subscription Identifier, and one for those subscriptions that have none, with what these subscriptions say of QoS,
   * Retain As Published and No Local; a client that tells its subscriptions apart by one identifier, such as Node-RED, needs
   * this. `once`: one copy, with the highest QoS and all identifiers. Without identifiers, as always before MQTT 5, both are
   * the same.
   *
   * @default {"each"}
   */
  readonly overlappingSubscriptions?: OverlappingSubscriptions;
  /**
   * Whether a payload has to be what its Payload Format Indicator says (MQTT 5, section 3.3.2.3.2); one that is not is
   * refused with 0x99.
   *
   * @default {false}
   */
  readonly checksPayloadFormat?: boolean;
  /**
   * Response Information for a client that asks for it (MQTT 5, section 3.2.2.3.15): mostly the beginning of the
   * topics on which it gets responses. @default none
   */
  readonly responseInformation?: (clientId: string) => string | undefined;
  /**
   * Interval in which the topics below `$SYS/broker` tell what has changed, in milliseconds; 0: there are none. The authorizer
   * says which clients may read them.
   *
   * @default {0}
   */
  readonly sysIntervalMs?: number;
  /**
   * Memory that this process uses, in bytes, such as `() => Deno.memoryUsage().heapUsed`: for `$SYS/broker/heap/current` and
   * `$SYS/broker/heap/maximum`, the most that it ever gave. It is asked once in `sysIntervalMs`. @default these are not told
   */
  readonly heapBytes?: () => number;
  /** Beginning of a Client Identifier that the broker makes for a client that gives none. @default {"auto-"} */
  readonly assignedClientIdPrefix?: string;
  /** Hears what happens, for logs. It must not throw. */
  readonly onEvent?: (event: BrokerEvent) => void;
  /** Hears of every packet, which costs much of the speed. It must not throw. */
  readonly onPacket?: (event: PacketEvent) => void;
  /**
   * Clocks of your own: you call {@linkcode Broker.tick} yourself then. One function stands for both: epoch milliseconds that
   * never go back.
   *
   * @default `performance.now()` for durations, `Date.now()` for dates
   */
  readonly clock?: Clock | (() => number);
  /**
   * Tells for how long no broker ran on the storage, also where the wall clock was set meanwhile, such as
   * `{ uptimeMs: () => Deno.osUptime() * 1_000 }`. @default the wall clock alone tells it
   */
  readonly machine?: MachineClock;
}

/** Options of {@linkcode Broker.serve}. */
export interface ServeOptions {
  /**
   * Limits in place of those of the broker, for this connection: sizes of packets, times, QoS, Receive Maximum, Topic
   * Aliases, Keep Alive, outbox, rates. Limits of a session or of the whole broker stay as they are.
   */
  readonly limits?: Partial<Limits>;
}

/** A client that is connected. */
export interface ConnectedClient {
  readonly clientId: string;
  /** Name that the authenticator gave it. */
  readonly principal: string | undefined;
  readonly peer: Peer;
}

/** Counters and sizes of a broker at one moment. */
export interface BrokerMetrics {
  readonly connections: number;
  readonly sessions: number;
  /** Sessions that outlive their connections, and their bytes as `maximumSessionBytes` counts them. */
  readonly durableSessions: number;
  readonly durableSessionBytes: number;
  /** Refusals by their bounds since the broker was opened, see the event `sessionsFull`. */
  readonly durableSessionsRefused: Readonly<SessionRefusals>;
  readonly retainedMessages: number;
  readonly retainedBytes: number;
  /** Messages with RETAIN that could not be retained since the broker was opened, see the event `retainedRefused`. */
  readonly retainedRefused: number;
  /** Bytes that wait in memory for clients that are connected; a message that waits for many counts once. */
  readonly backlogBytes: number;
  /** Messages that were not delivered, by reason, since the broker was opened. */
  readonly dropped: Readonly<SessionContext["dropped"]>;
  /** Requests of clients that were denied, since the broker was opened. */
  readonly denied: {
    /** PUBLISH packets, those to topics of the server too, and Wills, at CONNECT and when they are due. */
    readonly publish: number;
    /** Topic Filters of SUBSCRIBE. */
    readonly subscribe: number;
  };
  /** Longest time for which the event loop was held and nothing was served, in milliseconds, since the broker was opened. */
  readonly longestStallMs: number;
  readonly storage: {
    /** Groups of changes that were kept, and the changes in them. */
    readonly commits: number;
    readonly changes: number;
    /** Groups that could not be kept; they are tried again. */
    readonly failedCommits: number;
    /** Changes that are not kept yet, in bytes. */
    readonly pendingBytes: number;
  };
}

/**
 * Messages of a subscription in the broker's own process: iterate it, or take one after the other with `next`. Leaving the
 * loop, `unsubscribe` or `await using` ends it. It ends when the broker is closed, after the messages that wait.
 * `ReadableStream.from(subscription)` makes a stream of it.
 *
 * Messages that are not taken wait, up to `maximumMessages`; any beyond that are dropped and counted. From half of that
 * number on until a quarter is left, clients that publish wait for a reader that takes messages, as long as
 * `maximumBacklogWaitMs` allows; `Broker.publish` does not.
 */
export interface BrokerSubscription extends AsyncIterableIterator<Message, undefined>, AsyncDisposable {
  /** Topic Filters as they were given. */
  readonly topicFilters: readonly string[];
  /** Number of messages that were dropped because the reader was too slow. */
  readonly dropped: number;
  /** Next message, as soon as there is one; rejects when the subscription has failed. */
  next(): Promise<IteratorResult<Message, undefined>>;
  /** Ends the subscription, as leaving a loop does; see {@linkcode BrokerSubscription.unsubscribe}. */
  return(): Promise<IteratorResult<Message, undefined>>;
  /** Ends the subscription, also during a read. Unread messages are lost. */
  unsubscribe(): Promise<void>;
  /** The same as {@linkcode BrokerSubscription.unsubscribe}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}
