import { ReasonCode } from "../codec/reason_code.ts";
import { TopicInterner } from "../codec/topic_interner.ts";
import { type Limits, limitsWith } from "../protocol/limits.ts";
import { FrameEncoders } from "../protocol/message.ts";
import type { SessionContext } from "../protocol/outgoing_messages.ts";
import type { Session } from "../protocol/session.ts";
import { endSubscription } from "../protocol/subscribing.ts";
import type { Subscription } from "../protocol/subscription.ts";
import { MemoryStorage } from "../storage/memory.ts";
import type { Storage } from "../storage/storage.ts";
import type { Transport } from "../transport/transport.ts";
import { AccessChecks } from "./access_checks.ts";
import type {
  BrokerMetrics,
  BrokerOptions,
  ConnectedClient,
  PublishRequest,
  ServeOptions,
  SubscribeOptions,
} from "./broker_options.ts";
import { Admission } from "./admission.ts";
import type { Ban, BanTarget } from "./bans.ts";
import type { BrokerSubscription } from "./broker_subscription.ts";
import { CommitOutcome } from "./commit_outcome.ts";
import { CommitQueue } from "./commit_queue.ts";
import { Connections } from "./connections.ts";
import { Deadlines } from "./deadlines.ts";
import { DroppedMessages } from "./dropped_messages.ts";
import type { BrokerEvent, PacketEvent } from "./events.ts";
import { Evictions } from "./evictions.ts";
import { Hooks } from "./hooks.ts";
import { OwnSubscriptions } from "./own_subscriptions.ts";
import { Publishing } from "./publishing.ts";
import { Retention } from "./retention.ts";
import { Router } from "./router.ts";
import { ServedConnection, type ServedConnectionHost } from "./served_connection.ts";
import { Sessions } from "./sessions.ts";
import { StorageWait } from "./storage_wait.ts";
import { SubscriptionReview } from "./subscription_review.ts";
import { SysStateSource } from "./sys_state.ts";
import { sysInterval, SysTopics } from "./sys_topics.ts";
import { Traffic } from "./traffic.ts";
import { Turn } from "./turn.ts";
import { VERSION } from "./version.ts";
import { answerUpgrade, type RemoteAddress, type RouteOptions } from "./web_socket_route.ts";

const TICK_MS = 100;
const CLOSE_TIMEOUT_MS = 4_500;
const REMEMBERED_TOPICS = 4_096;
const MOST_REMEMBERED_TOPICS = 262_144;
const NO_LIMITS: Partial<Limits> = {};
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
  /** Those in force, see {@linkcode Broker.reload}. */
  readonly limits: Limits;
  readonly #storage: Storage;
  readonly #now: () => number;
  readonly #deadlines = new Deadlines();
  readonly #router = new Router();
  readonly #retention: Retention;
  readonly #publishing: Publishing;
  readonly #topics = new TopicInterner(REMEMBERED_TOPICS, MOST_REMEMBERED_TOPICS);
  readonly #commits: CommitQueue;
  readonly #commitOutcome: CommitOutcome;
  readonly #turn: Turn;
  readonly #dropped: DroppedMessages;
  readonly #context: SessionContext;
  readonly #sessions: Sessions;
  readonly #connections = new Connections<ServedConnection>();
  readonly #ownSubscriptions: OwnSubscriptions;
  readonly #evictions: Evictions;
  readonly #admission: Admission;
  readonly #host: ServedConnectionHost;
  /** The host with the limits that were in force when a connection began, for those that have the same. */
  #hosts = new WeakMap<Partial<Limits>, ServedConnectionHost>();
  readonly #hooks: Hooks;
  readonly #access: AccessChecks;
  readonly #onEvent: (event: BrokerEvent) => void;
  #onPacket: ((event: PacketEvent) => void) | undefined;
  readonly #storageWait: StorageWait;
  readonly #traffic = new Traffic();
  readonly #sysTopics: SysTopics;
  readonly #sysStates: SysStateSource;
  readonly #lostSubscription: "disconnect" | "unsubscribe";
  readonly #review: SubscriptionReview<ServedConnection>;
  #ticking: ReturnType<typeof setInterval> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: BrokerOptions) {
    this.limits = limitsWith(options.limits ?? {});
    this.#storage = options.storage ?? new MemoryStorage();
    this.#now = options.clock ?? (() => performance.timeOrigin + performance.now());
    this.#onEvent = quiet(options.onEvent ?? (() => {}));
    this.#onPacket = options.onPacket === undefined ? undefined : quiet(options.onPacket);
    this.#hooks = new Hooks(
      options.authenticator,
      options.authorizer,
      options.enhancedAuthenticators ?? [],
      this.limits.hookTimeoutMs,
      (error) => this.#unexpected(error),
    );
    this.#access = new AccessChecks(this.#hooks, this.#onEvent);
    this.#commits = new CommitQueue(this.#storage, {
      durable: () => this.#commitOutcome.durable(),
      failed: (error, after, until) => this.#commitOutcome.failed(error, after, until),
    });
    this.#turn = new Turn({
      commits: this.#commits,
      clock: this.#now,
      unexpectedError: (error) => this.#unexpected(error),
    });
    this.#storageWait = new StorageWait(this.#commits, this.#deadlines, this.limits.maximumPendingBytes);
    this.#commitOutcome = new CommitOutcome({
      commits: this.#commits,
      storageWait: this.#storageWait,
      turn: this.#turn,
      connections: this.#connections,
      clock: this.#now,
      onEvent: this.#onEvent,
    });
    const { checksRetainedPublisher = true } = options;
    const mayStillPublish = checksRetainedPublisher ? this.#access.mayStillPublish : undefined;
    this.#retention = new Retention(this.limits, this.#commits, this.#deadlines, mayStillPublish);
    this.#publishing = new Publishing(this.limits, this.#router, this.#retention, this.#storageWait);
    this.#dropped = new DroppedMessages(this.#onEvent);
    this.#context = {
      limits: this.limits,
      log: this.#commits,
      encoders: new FrameEncoders(this.#topics),
      dropped: this.#dropped.counts,
      deliveryRules: this.#hooks.deliveryRules,
      queuesQos0: options.queuesQos0Messages ?? false,
      upgradesQos: options.upgradesOutgoingQos ?? false,
    };
    this.#sessions = new Sessions({
      context: this.#context,
      storage: this.#storage,
      commits: this.#commits,
      deadlines: this.#deadlines,
      router: this.#router,
      now: this.#turn.now,
      isClosing: () => this.#closing !== undefined,
      publishWill: (message, identity, nowMs) => this.#publishing.publish(message, identity, nowMs, false),
      mayPublish: (message, identity) => this.#access.mayPublishWill(message, identity),
      reviewSubscriptions: (session, served) => this.#reviewSubscriptions(session, served),
      readFailed: (clientId, error) => this.#onEvent({ kind: "readFailed", clientId, error }),
      takenOver: ({ transport: { peer }, connection: { clientId } }) =>
        this.#onEvent({ kind: "clientTakenOver", peer, clientId }),
    });
    this.#evictions = new Evictions(this.#connections, this.#now, this.#turn);
    this.#admission = new Admission({
      limits: this.limits,
      clientIdPrefix: options.assignedClientIdPrefix ?? "auto-",
      hooks: this.#hooks,
      access: this.#access,
      evictions: this.#evictions,
      sessions: this.#sessions,
      commits: this.#commits,
      storageWait: this.#storageWait,
      turn: this.#turn,
      isClosing: () => this.#closing !== undefined,
      onEvent: this.#onEvent,
    });
    this.#sysTopics = new SysTopics(
      VERSION,
      sysInterval(options.sysIntervalMs),
      (message, nowMs) => this.#router.publish(message, nowMs),
      this.#now(),
    );
    this.#sysStates = new SysStateSource({
      traffic: this.#traffic,
      router: this.#router,
      sessions: this.#sessions,
      retention: this.#retention,
      dropped: this.#dropped.counts,
      connected: () => this.#admission.connected,
    });
    this.#ownSubscriptions = new OwnSubscriptions(this.#router, this.#retention, this.#sysTopics);
    this.#lostSubscription = options.lostSubscription ?? "disconnect";
    this.#review = this.#newReview();
    this.#host = this.#hostOf(options);
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
        else if (change.message !== undefined) broker.#retention.keep(change.message, change.source);
      }
      broker.#sessions.endRestore();
      broker.tick(broker.#now()); // What has expired in the meantime.
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
      retainedMessages: this.#retention.messages.count,
      retainedBytes: this.#retention.messages.bytes,
      dropped: { ...this.#dropped.counts },
      denied: { ...this.#access.denied },
      storage: {
        commits: this.#commits.commits,
        changes: this.#commits.changes,
        failedCommits: this.#commits.failedCommits,
        pendingBytes: this.#commits.pendingBytes,
      },
    };
  }

  /**
   * Puts other limits in force: those of a connection for the next ones, those of sessions and of the broker for all, except
   * `hookTimeoutMs` and `maximumPendingBytes`, which stay; and `onPacket` for all connections. What is not given has its
   * default again. Then all subscriptions of clients that are connected are authorized again, a few milliseconds at a time;
   * the same begins by itself when the `version` of the authorizer has grown. See
   * {@linkcode BrokerOptions.lostSubscription}.
   *
   * @throws RangeError for one out of its range; nothing has changed then
   */
  reload({ limits = {}, sysIntervalMs, onPacket }: Pick<BrokerOptions, "limits" | "sysIntervalMs" | "onPacket">): void {
    const intervalMs = sysInterval(sysIntervalMs);
    Object.assign(this.limits, limitsWith(limits));
    this.#sysTopics.intervalMs = intervalMs;
    this.#hosts = new WeakMap();
    if (this.#hooks.hasAuthorizer) this.#review.begin();
    if (onPacket === undefined && this.#onPacket === undefined) return;
    this.#onPacket = onPacket === undefined ? undefined : quiet(onPacket);
    for (const served of this.#connections) served.tellPackets(this.#onPacket);
  }

  /**
   * Serves a connection to its end. Never rejects: whatever a peer does ends its own connection only.
   *
   * @throws RangeError for limits out of their range, at once
   */
  serve(transport: Transport, { limits = NO_LIMITS }: ServeOptions = {}): Promise<void> {
    const { peer } = transport;
    this.#traffic.sockets += 1;
    this.#onEvent({ kind: "connectionOpened", peer });
    if (this.#closing !== undefined) {
      this.#onEvent({ kind: "connectionRefused", peer, reason: "the server is shutting down" });
      transport.close();
      return Promise.resolve();
    }
    const served = new ServedConnection(transport, this.#hostWith(limits));
    return this.#connections.add(served, served.run());
  }

  /**
   * Answers an HTTP request that wants to speak MQTT over WebSocket, as a route of an app, and serves the connection. The
   * authenticator gets the request too. Everything else gets a response that says what to do.
   *
   * It must be the request of `Deno.serve` itself: one that was made anew from it is answered, but never becomes a WebSocket.
   *
   * What the runtime's WebSocket cannot do: it puts the fragments of a message together before it gives any of it, up to
   * 64 MiB, takes frames that are not masked, and reads on while the broker does not; `listenWebSocket` does none of this.
   *
   * @throws RangeError for a trusted proxy that is not an address
   * @example
   * ```ts ignore
   * import { Broker } from "../../mod.ts";
   *
   * const broker = await Broker.open();
   * Deno.serve((request) =>
   *   new URL(request.url).pathname === "/mqtt" ? broker.upgrade(request) : new Response("hello")
   * );
   * ```
   */
  upgrade(request: Request, options: RouteOptions = {}): Response {
    return answerUpgrade(request, { paths: "any", ...options }, {
      serve: (transport) => this.serve(transport),
      isClosing: () => this.#closing !== undefined,
      onEvent: this.#onEvent,
    });
  }

  /** {@linkcode Broker.upgrade} for the paths `/mqtt` and `/` as a handler, as in `Deno.serve(broker.fetch)`. */
  readonly fetch = (request: Request, info?: { readonly remoteAddr?: RemoteAddress }): Response =>
    this.upgrade(request, { paths: ["/mqtt", "/"], remoteAddr: info?.remoteAddr });

  /**
   * Ends the connections of a client or of a principal, or those that a function chooses; gives how many there were. Their
   * Wills are published, their sessions stay as they are.
   */
  disconnect(
    who: { readonly clientId: string } | { readonly principal: string } | ((client: ConnectedClient) => boolean),
    why: { readonly reasonCode?: ReasonCode; readonly reason?: string } = {},
  ): number {
    const { reasonCode = ReasonCode.AdministrativeAction, reason = "disconnected by the operator" } = why;
    return this.#evictions.disconnect(who, reasonCode, reason);
  }

  /**
   * Lets a client, a principal or an address in no more: CONNECT is refused with 0x8A, and connections that there are end.
   * Gives how many these were. Bans live as long as the broker; one more of the same target takes the place of the first.
   *
   * @param how.untilMs when it ends, in epoch milliseconds. @default never
   * @throws RangeError for what is not an address, or not a time
   */
  ban(who: BanTarget, how: { readonly untilMs?: number; readonly reason?: string } = {}): number {
    const { untilMs = Infinity, reason = "banned by the operator" } = how;
    return this.#evictions.ban({ who, untilMs, reason });
  }

  /** Takes a ban back; false: there was none. */
  unban(who: BanTarget): boolean {
    return this.#evictions.unban(who);
  }

  /** The bans that are in force. */
  bans(): Ban[] {
    return this.#evictions.bans();
  }

  /**
   * Publishes from the broker's own process. Resolves when the message is with the sessions, and kept where these are.
   *
   * @throws RangeError for what no PUBLISH can say, or is larger than the limits allow; TypeError when the broker is closed;
   * Error when the storage failed
   */
  async publish(request: PublishRequest): Promise<void> {
    if (this.#closing !== undefined) throw new TypeError("Cannot publish: the broker is closed");
    this.#publishing.publishOwn(request, this.#now());
    await this.#commits.settled();
  }

  /**
   * Messages of a Topic Filter, retained ones first, read in the broker's own process; it is in force at once.
   *
   * @throws RangeError for what is not a Topic Filter, or is shared, or a bound that is none; TypeError when the broker is
   * closed
   */
  subscribe(topicFilter: string, options: SubscribeOptions = {}): BrokerSubscription {
    if (this.#closing !== undefined) throw new TypeError("Cannot subscribe: the broker is closed");
    return this.#ownSubscriptions.open(topicFilter, options, this.#now());
  }

  /** Clients that are connected now. */
  *clients(): Generator<ConnectedClient, void> {
    for (const { isWelcome, connection: { clientId, principal }, transport: { peer } } of this.#connections) {
      if (isWelcome) yield { clientId, principal, peer };
    }
  }

  /** Serves every deadline that has come: Keep Alive, expiry, Will Delay, connect timeout. */
  tick(nowMs: number): void {
    this.#turn.begin(nowMs); // A deadline that is set anew must not be due at once.
    try {
      this.#deadlines.tick(nowMs);
    } catch (error) {
      this.#unexpected(error);
    }
    this.#dropped.tell(nowMs);
    this.#sysStates.goOn();
    this.#sysTopics.tick(nowMs, () => this.#sysStates.read());
    this.#commitOutcome.retry(nowMs);
    if (this.#review.version !== this.#hooks.rulesVersion) this.#review.begin();
    this.#turn.end(); // What expired may have written changes.
  }

  /**
   * Ends all connections, clients of MQTT 5 with 0x8B Server shutting down, keeps what is to be kept, and closes the
   * storage. Wills of sessions that live on are published when a broker is opened with the storage again (MQTT 5, section
   * 3.1.2.5), others are not. Safe to call again.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    for (const served of this.#connections) {
      served.connection.disconnect(ReasonCode.ServerShuttingDown, "the server is shutting down");
    }
    await this.#ownSubscriptions.close();
    const timeout = setTimeout(() => {
      for (const served of this.#connections) served.close();
    }, CLOSE_TIMEOUT_MS);
    await this.#connections.ended();
    clearTimeout(timeout);
    this.#storageWait.close();
    this.#review.close();
    this.#hooks.close();
    clearInterval(this.#ticking);
    // What could not be kept was said in an event.
    await this.#commits.settled().catch(() => {});
    await this.#storage.close();
  }

  /** What a client was told in CONNACK holds while it is connected. */
  #hostWith(limits: Partial<Limits>): ServedConnectionHost {
    const known = this.#hosts.get(limits);
    if (known !== undefined) return known;
    const host: ServedConnectionHost = Object.create(this.#host, {
      limits: { value: limitsWith({ ...this.limits, ...limits }) },
    });
    this.#hosts.set(limits, host);
    return host;
  }

  #hostOf(options: BrokerOptions): ServedConnectionHost {
    const { checksPayloadFormat = false, responseInformation, deniedPublish = "acknowledge", deniedWill = "refuse" } =
      options;
    const commits = this.#commits;
    const onPacket = () => this.#onPacket;
    return {
      limits: this.limits,
      log: commits,
      topics: this.#topics,
      deadlines: this.#deadlines,
      traffic: this.#traffic,
      asksAuthenticator: this.#hooks.hasAuthenticator,
      asksAuthorizer: this.#hooks.hasAuthorizer,
      deniedPublish,
      deniedWill,
      checksPayloadFormat,
      responseInformation: (clientId) => responseInformation?.(clientId),
      get isKeeping() {
        return !commits.isFailing;
      },
      isToBeKept: (topic) => this.#router.isToBeKept(topic),
      hasAuthenticationMethod: (method) => this.#hooks.hasAuthenticationMethod(method),
      get onPacket() {
        return onPacket();
      },
      now: this.#turn.now,
      get durableSequence() {
        return commits.durableSequence;
      },
      flushLater: this.#turn.flushLater,
      flushWhenDurable: this.#commitOutcome.flushWhenDurable,
      denied: (request, served) => this.#access.tellDenial(request, served.transport.peer),
      loadPage: (served) => this.#admission.loadPage(served),
      hasRoomToKeep: () => this.#storageWait.hasRoom,
      whenRoomToKeep: () => this.#storageWait.room(this.#now()),
      resolve: (ask, served) => this.#admission.resolve(ask, served),
      ended: (served, closing) => {
        this.#commitOutcome.ended(served);
        this.#admission.ended(served, closing);
      },
      unexpectedError: (error) => this.#unexpected(error),
      newClientId: () => this.#admission.newClientId(),
      publish: (message, session, nowMs) => {
        this.#traffic.receivedPublishes += 1;
        this.#traffic.receivedPayloadBytes += message.payload.length;
        return this.#publishing.publish(message, message.retain ? session.identity : undefined, nowMs);
      },
      subscribe: (session, subscription) => this.#router.subscribe(session, subscription),
      unsubscribe: (session, subscription) => this.#router.unsubscribe(session, subscription),
      retainedMessages: ({ clientId }, subscription) =>
        this.#sysTopics.before(this.#retention.for(clientId, subscription), subscription.filter.levels),
    };
  }

  #unexpected(error: unknown): void {
    this.#onEvent({ kind: "unexpectedError", error });
  }

  #newReview(): SubscriptionReview<ServedConnection> {
    const hooks = this.#hooks;
    const connections = this.#connections;
    return new SubscriptionReview({
      get rulesVersion() {
        return hooks.rulesVersion;
      },
      *connected() {
        for (const served of connections) {
          const { session, isConnected } = served.connection;
          if (session !== undefined && isConnected) yield { served, session };
        }
      },
      mayDo: (request) => hooks.mayDo(request),
      unsubscribe: ({ connection: { clientId, principal }, transport: { peer } }, session, subscription) => {
        this.#turn.now(); // What is written is kept when it ends.
        endSubscription(session, subscription, this.#host);
        const { topicFilter } = subscription.filter;
        this.#onEvent({ kind: "subscriptionLost", peer, clientId, principal, topicFilter });
      },
      lost: ({ connection }, subscriptions) => {
        if (this.#lostSubscription === "disconnect") {
          connection.disconnect(ReasonCode.NotAuthorized, lostWords(subscriptions));
        }
      },
      unknown: ({ connection }) =>
        connection.disconnect(ReasonCode.ImplementationSpecificError, "what the client may subscribe to is not known"),
      unexpectedError: (error) => this.#unexpected(error),
    });
  }

  async #reviewSubscriptions(session: Session, served: ServedConnection): Promise<void> {
    if (this.#hooks.hasAuthorizer) await this.#review.resumed(served, session, served.connection.identity);
  }
}

/** Topic Filters may be long, and many: as much as a Reason String should have. */
function lostWords(subscriptions: readonly Subscription[]): string {
  const [first = "", ...others] = subscriptions.map(({ filter: { topicFilter } }) => `"${topicFilter.slice(0, 100)}"`);
  const rest = others.length === 0 ? "" : ` and ${others.length} other Topic Filters`;
  return `the rules have changed: not authorized to subscribe to ${first}${rest}`;
}

/** A hook that is only told something: what it throws is its own affair, and ends nothing here. */
function quiet<Event>(tell: (event: Event) => void): (event: Event) => void {
  return (event) => {
    try {
      tell(event);
    } catch {
      // There is nobody left to tell.
    }
  };
}
