import type { Authenticator, Authorizer, EnhancedAuthenticator } from "../auth/authentication.ts";
import type { Data, Message } from "../codec/message.ts";
import type { Properties } from "../codec/property.ts";
import type { ClientIdentity } from "../protocol/access.ts";
import type { Limits } from "../protocol/limits.ts";
import type { BrokerSettings } from "../protocol/settings.ts";
import type { Storage } from "../storage/storage.ts";
import type { Peer } from "../transport/transport.ts";
import type { BrokerEvent, PacketEvent } from "./events.ts";
import type { Clock, MachineClock } from "./timeline.ts";

/** Options of {@linkcode Broker.open}; all may be left out. */
export interface BrokerOptions extends Partial<BrokerSettings> {
  /** Limits; the others have their defaults, see {@linkcode Limits}. */
  readonly limits?: Partial<Limits>;
  /** Keeps sessions and retained messages. The broker closes it. @default a new {@linkcode MemoryStorage} */
  readonly storage?: Storage;
  /** Authenticates clients. @default every client is accepted: listen on loopback only */
  readonly authenticator?: Authenticator;
  /**
   * Authentication Methods (MQTT 5, section 4.12), such as `scramSha256`. They authenticate clients that name a method, and
   * the authenticator all others.
   *
   * @default none: any method is refused with 0x8C
   */
  readonly enhancedAuthenticators?: readonly EnhancedAuthenticator[];
  /** Authorizes what clients do. @default everything is allowed */
  readonly authorizer?: Authorizer;
  /**
   * Looks at each message before it is routed and retained: of clients, Wills, and of {@linkcode Broker.publish}.
   *
   * @default messages are routed as they come
   */
  readonly onPublish?: OnPublish;
  /**
   * Response Information for a client that asks for it (MQTT 5, section 3.2.2.3.15), mostly the beginning of its response
   * topics.
   *
   * @default none
   */
  readonly responseInformation?: (clientId: string) => string | undefined;
  /**
   * Interval in milliseconds at which the topics below `$SYS/broker` publish changed values; 0 turns these topics off. The
   * authorizer decides which clients may read them.
   *
   * @default {0}
   */
  readonly sysIntervalMs?: number;
  /**
   * Memory that this process uses, in bytes, such as `() => Deno.memoryUsage().heapUsed`, for `$SYS/broker/heap/current` and
   * `$SYS/broker/heap/maximum`. Called once per `sysIntervalMs`.
   *
   * @default none: these topics are not published
   */
  readonly heapBytes?: () => number;
  /** Called for each event, for logs; {@linkcode Broker.watchEvents} adds others. What it throws is ignored. */
  readonly onEvent?: (event: BrokerEvent) => void;
  /** Called for each packet, which costs much of the throughput. What it throws is ignored. */
  readonly onPacket?: (event: PacketEvent) => void;
  /**
   * Clocks of your own, for tests and simulations: you call {@linkcode Broker.tick} yourself then. One function stands for
   * both clocks; it returns epoch milliseconds and never goes back.
   *
   * @default `performance.now()` for durations, `Date.now()` for dates
   */
  readonly clock?: Clock | (() => number);
  /**
   * Clock of the machine, by which the broker finds out how long no broker ran on the storage even if the wall clock was set
   * meanwhile, such as `{ uptimeMs: () => Deno.osUptime() * 1_000 }`.
   *
   * @default none: the wall clock is trusted
   */
  readonly machine?: MachineClock;
}

/**
 * Looks at a message before it is routed. It returns the message, as it is or another one with fields of its own
 * (`{ ...message, payload: "…" }`; QoS is that of the publisher), or `undefined`: then it goes to nobody, and its publisher
 * hears that it was published. What is returned is then authorized, not what came. A message on which it throws, or does not
 * answer within `hookTimeoutMs`, is refused: MQTT 5 is told 0x83, before that the connection ends.
 *
 * @param client publisher; `undefined` for the broker's own process
 * @example
 * ```ts
 * import { Broker } from "@brooklet/brooklet";
 *
 * await using broker = await Broker.open({
 *   onPublish(message, client) {
 *     if (message.topic === "test") return undefined;
 *     return { ...message, topic: `${client?.principal ?? "app"}/${message.topic}` };
 *   },
 * });
 * ```
 */
export type OnPublish = (
  message: Message,
  client: ClientIdentity | undefined,
) => ChangedMessage | undefined | Promise<ChangedMessage | undefined>;

/** Message that is to be routed in place of another one; what is left out stays as it was. */
export interface ChangedMessage {
  /** Topic Name. */
  readonly topic: string;
  /** Payload: bytes, or a text that is sent as UTF-8. */
  readonly payload: Data;
  /** Whether it is retained. */
  readonly retain?: boolean;
  /** Properties of PUBLISH other than `topicAlias` and `subscriptionIdentifiers`. */
  readonly properties?: Properties;
}

/** Options of {@linkcode Broker.serve}. */
export interface ServeOptions {
  /**
   * Limits of this connection in place of those of the broker: sizes of packets, times, QoS, Receive Maximum, Topic Aliases,
   * Keep Alive, outbox, rates. Limits of sessions and of the whole broker cannot be changed here.
   */
  readonly limits?: Partial<Limits>;
}

/** A client that is connected. */
export interface ConnectedClient {
  /** Client Identifier, the one that was assigned where the client gave none. */
  readonly clientId: string;
  /** Name that the authenticator gave it. */
  readonly principal: string | undefined;
  /** Other end of its connection. */
  readonly peer: Peer;
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
