import { encodePacket } from "../codec/encoder.ts";
import type { QoS } from "../codec/packet.ts";
import type { Properties } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import { TopicInterner } from "../codec/topic_interner.ts";
import type { Authenticator, Authorizer } from "../auth/authentication.ts";
import type { Answer, Ask } from "../protocol/ask.ts";
import type { Closing } from "../protocol/connection.ts";
import { beyondTopicLimits, isBeyondTopicLimits } from "../protocol/topic_limits.ts";
import { type Limits, limitsWith } from "../protocol/limits.ts";
import { ApplicationMessage, FrameEncoders } from "../protocol/message.ts";
import type { SessionContext } from "../protocol/session.ts";
import type { Subscription } from "../protocol/subscription.ts";
import { parseTopicFilter } from "../protocol/topic_filter.ts";
import { MemoryStorage } from "../storage/memory.ts";
import type { Storage } from "../storage/storage.ts";
import type { Transport } from "../transport/transport.ts";
import { BrokerSubscription } from "./broker_subscription.ts";
import { CommitQueue } from "./commit_queue.ts";
import { type Deadline, Deadlines } from "./deadlines.ts";
import type { BrokerEvent, PacketEvent } from "./events.ts";
import { RetainedMessages } from "./retained_messages.ts";
import { Router } from "./router.ts";
import { ServedConnection, type ServedConnectionHost } from "./served_connection.ts";
import { Sessions } from "./sessions.ts";

const TICK_MS = 100;
const CLOSE_TIMEOUT_MS = 4_500;
const DEFAULT_SUBSCRIPTION_MESSAGES = 1_000;

/** Options of {@linkcode Broker.open}; all may be left out. */
export interface BrokerOptions {
  /** What is not given has its default, see {@linkcode Limits}. */
  readonly limits?: Partial<Limits>;
  /** Keeps sessions and retained messages. The broker closes it. @default a new {@linkcode MemoryStorage} */
  readonly storage?: Storage;
  /** Says who a client is. @default everybody is let in: listen on loopback only */
  readonly authenticator?: Authenticator;
  /** Says what a client may do. @default everything */
  readonly authorizer?: Authorizer;
  /** Told what happens, for logs. It must not throw. */
  readonly onEvent?: (event: BrokerEvent) => void;
  /** Told of every packet, which costs much of the speed. It must not throw. */
  readonly onPacket?: (event: PacketEvent) => void;
  /**
   * Epoch milliseconds that never go back. With a clock of your own you call {@linkcode Broker.tick} yourself.
   *
   * @default the time at which the process started, and the monotonic time since then
   */
  readonly clock?: () => number;
}

/** Counters and sizes of a broker at one moment. */
export interface BrokerMetrics {
  readonly connections: number;
  readonly sessions: number;
  readonly retainedMessages: number;
  readonly retainedBytes: number;
  /** Messages that were not delivered, by reason, since the broker was opened. */
  readonly dropped: Readonly<SessionContext["dropped"]>;
}

/** A message to publish from the broker's own process. */
export interface PublishRequest {
  readonly topic: string;
  /** A text goes out as UTF-8. @default empty */
  readonly payload?: Uint8Array | string;
  /** @default {0} */
  readonly qos?: QoS;
  /** @default {false} */
  readonly retain?: boolean;
  readonly properties?: Properties;
}

/** Options of {@linkcode Broker.subscribe}. */
export interface SubscribeOptions {
  /** @default {2} */
  readonly qos?: QoS;
  /** Messages that may wait for the reader; what comes beyond that is dropped and counted. @default {1_000} */
  readonly maximumMessages?: number;
}

/**
 * An MQTT broker in this process. It listens nowhere by itself: give it connections with {@linkcode Broker.serve}.
 *
 * @example
 * ```ts
 * import { Broker, memoryTransport } from "../../mod.ts";
 *
 * await using broker = await Broker.open();
 * const doors = broker.subscribe("door/+");
 * await broker.publish({ topic: "door/1", payload: "open" });
 * const { value } = await doors.next();
 * console.log(value?.topic, new TextDecoder().decode(value?.payload));
 *
 * const { server, client } = memoryTransport();
 * const served = broker.serve(server); // One such call for each connection, of whatever kind.
 * client.close();
 * await served;
 * ```
 */
export class Broker {
  readonly limits: Limits;
  readonly #storage: Storage;
  readonly #now: () => number;
  readonly #deadlines = new Deadlines();
  readonly #router = new Router();
  readonly #retained = new RetainedMessages();
  /** When retained messages expire, by topic. */
  readonly #retainedExpiry = new Map<string, Deadline>();
  readonly #topics = new TopicInterner();
  readonly #commits: CommitQueue;
  readonly #context: SessionContext;
  readonly #sessions: Sessions;
  readonly #connections = new Map<ServedConnection, Promise<void>>();
  readonly #subscriptions = new Map<BrokerSubscription, Subscription>();
  readonly #host: ServedConnectionHost;
  readonly #authenticator: Authenticator | undefined;
  readonly #authorizer: Authorizer | undefined;
  readonly #onEvent: (event: BrokerEvent) => void;
  /** Connections that have something to write when the turn ends, and those that wait for the storage. */
  #dirty: ServedConnection[] = [];
  #held = new Set<ServedConnection>();
  #ticking: ReturnType<typeof setInterval> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: BrokerOptions) {
    this.limits = limitsWith(options.limits ?? {});
    this.#storage = options.storage ?? new MemoryStorage();
    this.#now = options.clock ?? (() => performance.timeOrigin + performance.now());
    this.#authenticator = options.authenticator;
    this.#authorizer = options.authorizer;
    this.#onEvent = options.onEvent ?? (() => {});
    this.#commits = new CommitQueue(this.#storage, {
      durable: () => this.#releaseHeld(),
      failed: (error, after, until) => this.#refuseHeld(error, after, until),
    });
    const dropped = { qos0: 0, queueFull: 0, tooLarge: 0, expired: 0 };
    this.#context = { limits: this.limits, log: this.#commits, encoders: new FrameEncoders(this.#topics), dropped };
    this.#sessions = new Sessions({
      context: this.#context,
      storage: this.#storage,
      commits: this.#commits,
      deadlines: this.#deadlines,
      router: this.#router,
      now: this.#now,
      publish: (message, nowMs) => this.#publish(message, nowMs),
      takenOver: ({ transport: { peer }, connection: { clientId } }) =>
        this.#onEvent({ kind: "clientTakenOver", peer, clientId }),
    });
    this.#host = this.#hostOf(options.onPacket);
    if (options.clock === undefined) this.#ticking = setInterval(() => this.tick(this.#now()), TICK_MS);
  }

  /**
   * Opens a broker with what its storage kept.
   *
   * @throws RangeError for a limit out of its range; whatever the storage throws
   */
  static async open(options: BrokerOptions = {}): Promise<Broker> {
    const broker = new Broker(options);
    try {
      for await (const change of broker.#storage.restore()) {
        if (change.kind !== "retained") broker.#sessions.restore(change);
        else if (change.message !== undefined) broker.#keepRetained(change.message);
      }
    } catch (error) {
      clearInterval(broker.#ticking);
      throw error;
    }
    return broker;
  }

  get metrics(): BrokerMetrics {
    return {
      connections: this.#connections.size,
      sessions: this.#sessions.size,
      retainedMessages: this.#retained.count,
      retainedBytes: this.#retained.bytes,
      dropped: { ...this.#context.dropped },
    };
  }

  /** Serves a connection to its end. Never rejects: whatever a peer does ends its own connection only. */
  serve(transport: Transport): Promise<void> {
    const { peer } = transport;
    this.#onEvent({ kind: "connectionOpened", peer });
    if (this.#closing !== undefined) {
      this.#onEvent({ kind: "connectionRefused", peer, reason: "the server is shutting down" });
      transport.close();
      return Promise.resolve();
    }
    const served = new ServedConnection(transport, this.#host);
    const running = served.run().catch((error: unknown) => this.#onEvent({ kind: "unexpectedError", error }))
      .finally(() => this.#connections.delete(served));
    this.#connections.set(served, running);
    return running;
  }

  /**
   * Publishes from the broker's own process. Resolves when the message is with the sessions, and kept where these are.
   *
   * @throws RangeError for what no PUBLISH can say, or is larger than the limits allow; TypeError when the broker is closed;
   * Error when the storage failed
   */
  async publish(request: PublishRequest): Promise<void> {
    if (this.#closing !== undefined) throw new TypeError("Cannot publish: the broker is closed");
    const { topic, payload = "", qos = 0, retain = false, properties = {} } = request;
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload.slice();
    const nowMs = this.#now();
    const message = new ApplicationMessage({ topic, payload: bytes, qos, retain, properties }, undefined, nowMs);
    this.#checkPublishable(message, nowMs);
    const reasonCode = this.#publish(message, nowMs);
    if (reasonCode >= 0x80) throw new RangeError(`Cannot publish to "${topic}": too many retained messages`);
    await this.#commits.settled();
  }

  /**
   * Messages of a Topic Filter, retained ones first, read in the broker's own process; it is in force at once.
   *
   * @throws RangeError for what is not a Topic Filter, or is shared
   */
  subscribe(topicFilter: string, options: SubscribeOptions = {}): BrokerSubscription {
    const { qos = 2, maximumMessages = DEFAULT_SUBSCRIPTION_MESSAGES } = options;
    const filter = parseTopicFilter(topicFilter);
    if (filter === undefined || filter.shareName !== undefined) {
      throw new RangeError(`Cannot subscribe: "${topicFilter}" is not a Topic Filter that is not shared`);
    }
    const subscription: Subscription = {
      filter,
      qos,
      noLocal: false,
      retainAsPublished: true,
      retainHandling: 0,
      subscriptionIdentifier: undefined,
    };
    const reader = new BrokerSubscription(maximumMessages, (self) => {
      this.#router.unsubscribe(self, subscription);
      this.#subscriptions.delete(self);
    });
    this.#router.subscribe(reader, subscription);
    this.#subscriptions.set(reader, subscription);
    const nowMs = this.#now();
    for (const message of this.#retained.match(filter.levels)) {
      if (nowMs < message.expiresAtMs) {
        reader.deliver(message, { qos, retainAsPublished: true, subscriptionIdentifiers: [] }, nowMs, true);
      }
    }
    return reader;
  }

  /** Serves every deadline that has come: Keep Alive, expiry, Will Delay, connect timeout. */
  tick(nowMs: number): void {
    try {
      this.#deadlines.tick(nowMs);
    } catch (error) {
      this.#onEvent({ kind: "unexpectedError", error });
    }
    this.#endTurn(); // What expired may have written changes.
  }

  /**
   * Ends all connections, clients of MQTT 5 with 0x8B Server shutting down, keeps what is to be kept, and closes the
   * storage. Wills are not published. Safe to call again.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    for (const served of this.#connections.keys()) {
      served.connection.will = undefined;
      served.connection.disconnect(ReasonCode.ServerShuttingDown, "the server is shutting down");
    }
    for (const reader of this.#subscriptions.keys()) await reader.return();
    const timeout = setTimeout(() => {
      for (const served of this.#connections.keys()) served.transport.close();
    }, CLOSE_TIMEOUT_MS);
    await Promise.all(this.#connections.values());
    clearTimeout(timeout);
    clearInterval(this.#ticking);
    // What could not be kept was said in an event.
    await this.#commits.settled().catch(() => {});
    await this.#storage.close();
  }

  #hostOf(onPacket: ((event: PacketEvent) => void) | undefined): ServedConnectionHost {
    const commits = this.#commits;
    return {
      limits: this.limits,
      log: commits,
      topics: this.#topics,
      deadlines: this.#deadlines,
      asksAuthenticator: this.#authenticator !== undefined,
      asksAuthorizer: this.#authorizer !== undefined,
      onPacket,
      now: this.#now,
      get durableSequence() {
        return commits.durableSequence;
      },
      flushLater: (served) => {
        if (this.#dirty.length === 0) queueMicrotask(() => this.#endTurn());
        this.#dirty.push(served);
      },
      flushWhenDurable: (served) => this.#held.add(served),
      resolve: (ask, served) => this.#resolve(ask, served),
      ended: (served, closing) => this.#ended(served, closing),
      unexpectedError: (error) => this.#onEvent({ kind: "unexpectedError", error }),
      newClientId: () => this.#newClientId(),
      publish: (message, nowMs) => this.#publish(message, nowMs),
      subscribe: (session, subscription) => this.#router.subscribe(session, subscription),
      unsubscribe: (session, subscription) => this.#router.unsubscribe(session, subscription),
      retainedMessages: ({ clientId }, subscription) => this.#retainedFor(clientId, subscription),
    };
  }

  /** What the turn has written is kept first; then each connection that has something to say says it in one write. */
  #endTurn(): void {
    this.#commits.flush();
    while (this.#dirty.length > 0) {
      const dirty = this.#dirty;
      this.#dirty = [];
      this.#flush(dirty);
      this.#commits.flush();
    }
  }

  #releaseHeld(): void {
    const held = this.#held;
    this.#held = new Set();
    this.#flush(held);
  }

  /** A connection that cannot be flushed, by a defect of ours, is closed; the others go on. */
  #flush(connections: Iterable<ServedConnection>): void {
    for (const served of connections) {
      try {
        served.flush();
      } catch (error) {
        this.#onEvent({ kind: "unexpectedError", error });
        served.transport.close();
      }
    }
  }

  #refuseHeld(error: unknown, after: number, until: number): void {
    this.#onEvent({ kind: "commitFailed", error });
    for (const served of this.#connections.keys()) {
      if (served.connection.outbox.isHeldBetween(after, until)) served.refuseHeld();
    }
  }

  #publish(message: ApplicationMessage, nowMs: number): ReasonCode {
    if (message.retain) {
      const refusal = this.#retain(message);
      if (refusal !== undefined) return refusal;
    }
    return this.#router.publish(message, nowMs) > 0 ? ReasonCode.Success : ReasonCode.NoMatchingSubscribers;
  }

  /** Replaces or removes the retained message of a topic; gives a Reason Code when the limits forbid it. */
  #retain(message: ApplicationMessage): ReasonCode | undefined {
    const { topic } = message;
    if (message.payload.length === 0) { // [MQTT-3.3.1-6] [MQTT-3.3.1-7]
      this.#forgetRetained(topic);
      return undefined;
    }
    const earlier = this.#retained.get(topic);
    const { maximumRetainedMessages, maximumRetainedBytes } = this.limits;
    if (
      (earlier === undefined && this.#retained.count >= maximumRetainedMessages) ||
      this.#retained.bytes + message.size - (earlier?.size ?? 0) > maximumRetainedBytes
    ) return ReasonCode.QuotaExceeded;
    this.#keepRetained(message.own());
    this.#commits.write({ kind: "retained", topic, message });
    return undefined;
  }

  /** Throws RangeError before anybody has got the message. */
  #checkPublishable(message: ApplicationMessage, nowMs: number): void {
    const { topic, properties, qos } = message;
    if (isBeyondTopicLimits(topic, this.limits)) {
      throw new RangeError(`Cannot publish: ${beyondTopicLimits(this.limits)}`);
    }
    if (![0, 1, 2].includes(qos)) throw new RangeError(`Cannot publish: QoS "${qos}" is not 0, 1 or 2`);
    for (const name of ["topicAlias", "subscriptionIdentifiers"] as const) {
      if (properties[name] !== undefined) throw new RangeError(`Cannot publish: ${name} is set by the broker alone`);
    }
    const { length } = encodePacket(message.packet(qos, false, nowMs), 5);
    if (length > this.limits.maximumPacketBytes) {
      throw new RangeError(
        `Cannot publish: ${length} bytes are more than the limit of ${this.limits.maximumPacketBytes}`,
      );
    }
  }

  *#retainedFor(clientId: string, { filter, noLocal }: Subscription): Generator<ApplicationMessage, undefined> {
    for (const message of this.#retained.match(filter.levels)) {
      if (!(noLocal && message.publisher === clientId)) yield message; // [MQTT-3.8.3-3]
    }
  }

  #keepRetained(message: ApplicationMessage): void {
    const { topic, expiresAtMs } = message;
    this.#retained.set(message);
    this.#deadlines.cancel(this.#retainedExpiry.get(topic));
    if (expiresAtMs === Infinity) this.#retainedExpiry.delete(topic);
    else this.#retainedExpiry.set(topic, this.#deadlines.add(expiresAtMs, () => this.#forgetRetained(topic)));
  }

  #forgetRetained(topic: string): void {
    if (!this.#retained.delete(topic)) return;
    this.#deadlines.cancel(this.#retainedExpiry.get(topic));
    this.#retainedExpiry.delete(topic);
    this.#commits.write({ kind: "retained", topic, message: undefined });
  }

  #newClientId(): string {
    let clientId: string;
    do clientId = `auto-${crypto.randomUUID()}`; while (this.#sessions.has(clientId)); // [MQTT-3.2.2-16]
    return clientId;
  }

  #resolve(ask: Ask, served: ServedConnection): Answer | Promise<Answer> {
    switch (ask.kind) {
      case "authenticate":
        return this.#authenticate(ask, served);
      case "authorize":
        return this.#authorize(ask);
      case "openSession":
        return this.#openSession(ask, served);
    }
  }

  async #authenticate(ask: Extract<Ask, { kind: "authenticate" }>, served: ServedConnection): Promise<Answer> {
    const { connect, clientId } = ask;
    const { address } = served.transport.peer;
    try {
      const result = await this.#authenticator?.authenticate({ connect, clientId, address });
      if (result !== undefined) return { kind: "authenticate", result };
    } catch (error) {
      this.#onEvent({ kind: "unexpectedError", error }); // Whoever cannot be checked is not let in.
    }
    return { kind: "refused", reasonCode: ReasonCode.NotAuthorized, reason: "the client could not be authenticated" };
  }

  #authorize({ request }: Extract<Ask, { kind: "authorize" }>): Answer | Promise<Answer> {
    const refuse = (error: unknown): Answer => {
      this.#onEvent({ kind: "unexpectedError", error });
      return { kind: "authorize", isAllowed: false };
    };
    try {
      const isAllowed = this.#authorizer?.authorize(request) ?? false;
      if (typeof isAllowed === "boolean") return { kind: "authorize", isAllowed };
      return isAllowed.then((isAllowed): Answer => ({ kind: "authorize", isAllowed }), refuse);
    } catch (error) {
      return refuse(error);
    }
  }

  async #openSession(ask: Extract<Ask, { kind: "openSession" }>, served: ServedConnection): Promise<Answer> {
    if (this.#connections.size > this.limits.maximumConnections) {
      return { kind: "refused", reasonCode: ReasonCode.QuotaExceeded, reason: "there are too many connections" };
    }
    try {
      const opened = await this.#sessions.open(ask, served);
      const { connect, terms } = ask;
      const { clientId, keepAliveSeconds } = terms;
      if (served.connection.closing === undefined) {
        this.#onEvent({
          kind: "clientConnected",
          peer: served.transport.peer,
          clientId,
          connect,
          keepAliveSeconds,
        });
        served.watchKeepAlive();
      }
      return { kind: "openSession", ...opened };
    } catch (error) {
      this.#onEvent({ kind: "unexpectedError", error });
      return { kind: "refused", reasonCode: ReasonCode.ServerUnavailable, reason: "the session could not be read" };
    }
  }

  #ended(served: ServedConnection, closing: Closing): void {
    this.#held.delete(served);
    const { connection: { clientId }, transport: { peer } } = served;
    this.#sessions.connectionEnded(served);
    this.#onEvent({ kind: "connectionClosed", peer, clientId, ...closing });
  }
}
