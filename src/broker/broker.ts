import type { Data, PublishOptions, SubscribeOptions } from "../codec/message.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import { limitsWith } from "../protocol/limit_table.ts";
import type { Limits } from "../protocol/limits.ts";
import { ApplicationMessage } from "../protocol/message.ts";
import { orAborted } from "../transport/abort.ts";
import type { OnRefused } from "../transport/listener.ts";
import type { Peer, Transport } from "../transport/transport.ts";
import type { WebSocketEnd } from "../transport/web_socket/frames.ts";
import type { Ban, BanTarget } from "./access/bans.ts";
import { assemble, type BrokerParts } from "./assembly.ts";
import type { BrokerHost } from "./connection/host.ts";
import { ServedConnection } from "./connection/served_connection.ts";
import type { WatchedConnection } from "./connection/watched.ts";
import { type BrokerEvent, type PacketEvent, quiet } from "./events.ts";
import type { RetainedEntry, RetainedLevel, SessionDetails, TopicSubscribers } from "./inspection.ts";
import type { ListRows } from "./list_rows.ts";
import type { ListPage, ListQuery } from "./listing.ts";
import { type BeginTrace, quietTraces } from "./message_tracing.ts";
import { type BrokerMetrics, metricsOf } from "./metrics.ts";
import type { BrokerOptions, BrokerSubscription, ConnectedClient, ServeOptions } from "./options.ts";
import { abandonStorage, shutDown } from "./shutdown.ts";
import { sysInterval } from "./sys_topics.ts";
import { Ticks } from "./ticks.ts";
import { answerUpgrade, isViolation, type RemoteAddress, type RouteOptions } from "./web_socket_route.ts";

const NO_LIMITS: Partial<Limits> = {};

/**
 * An MQTT broker in this process. It listens nowhere by itself: give it connections with {@linkcode Broker.serve}.
 *
 * @example
 * ```ts
 * import { Broker, memoryTransport } from "@brooklet/brooklet";
 *
 * await using broker = await Broker.open();
 * await using doors = broker.subscribe("door/+");
 * await broker.publish("door/1", "open");
 * for await (const message of doors) {
 *   console.log(message.topic, message.text()); // door/1 open
 *   break;
 * }
 *
 * const { server, client } = memoryTransport();
 * const served = broker.serve(server); // One such call for each connection, of whatever kind.
 * client.close();
 * await served;
 * ```
 */
export class Broker {
  /** Limits in force; {@linkcode Broker.reload} replaces them. */
  readonly limits: Limits;
  readonly #parts: BrokerParts;
  readonly #ticks: Ticks;
  /** Hosts of connections by the limits of their own, with those of the broker that are in force. */
  #hosts = new WeakMap<Partial<Limits>, BrokerHost>();
  #onPacket: ((event: PacketEvent) => void) | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: BrokerOptions) {
    this.#parts = assemble(options, () => this.#closing !== undefined);
    this.#ticks = new Ticks(this.#parts);
    this.limits = this.#parts.limits;
    this.#onPacket = options.onPacket && quiet(options.onPacket);
  }

  /**
   * Opens a broker with the sessions and retained messages of its storage. A broker that loses its storage for good closes
   * itself; the event `storageLost` says so.
   *
   * Rejects with RangeError for a limit out of its range, and with the error of the storage if it cannot be read.
   */
  static async open(options: BrokerOptions = {}): Promise<Broker> {
    const broker = new Broker(options);
    const { storage, sessions, retention, timeline } = broker.#parts;
    for await (const change of storage.restore()) {
      if (change.kind === "clock") broker.#ticks.wallClockSet(timeline.resume(change));
      else if (change.kind !== "retained") sessions.restore(change);
      else if (change.message !== undefined) {
        retention.restore(ApplicationMessage.of(change.message).own(), change.source, change.sequence);
      }
      if (change.kind === "subscribed") retention.restoreSequence(change.retainedDue?.passesUntil ?? 0);
    }
    sessions.endRestore();
    broker.tick(); // Something may have expired in the meantime.
    if (options.clock === undefined) broker.#ticks.start();
    storage.lost?.then((error) => broker.#storageLost(error)); // It never rejects.
    return broker;
  }

  /** Counters and sizes of this moment, those of `$SYS` among them. */
  get metrics(): BrokerMetrics {
    return metricsOf(this.#parts);
  }

  /**
   * Whether clients can be served: `failing` while the storage does not keep what it is given, `closing` since
   * {@linkcode Broker.close} was called. It costs nothing to read, for health checks.
   */
  get readiness(): "ready" | "failing" | "closing" {
    if (this.#closing !== undefined) return "closing";
    return this.#parts.commits.isFailing ? "failing" : "ready";
  }

  /**
   * Replaces the limits, `sysIntervalMs` and `onPacket`; an option that is left out gets its default again. Limits of a
   * connection apply to later connections, those of sessions and of the broker to all at once; `hookTimeoutMs` and
   * `maximumPendingBytes` stay as they were.
   *
   * Then the subscriptions of all connected clients are authorized again, a few milliseconds at a time; see
   * {@linkcode BrokerSettings.lostSubscription}. The same happens whenever `Authorizer.version` increases.
   *
   * @throws RangeError for a value out of its range; nothing is changed then
   */
  reload({ limits = {}, sysIntervalMs, onPacket }: Pick<BrokerOptions, "limits" | "sysIntervalMs" | "onPacket">): void {
    const intervalMs = sysInterval(sysIntervalMs);
    Object.assign(this.limits, limitsWith(limits));
    const { sysTopics, hooks, review, connections } = this.#parts;
    sysTopics.intervalMs = intervalMs;
    this.#hosts = new WeakMap();
    if (hooks.hasAuthorizer) review.begin();
    if (onPacket === undefined && this.#onPacket === undefined) return;
    this.#onPacket = onPacket && quiet(onPacket);
    for (const served of connections) served.tellPackets(this.#onPacket);
  }

  /**
   * Serves a connection to its end and resolves then. It never rejects: a fault of a peer ends the connection of that peer
   * only. A broker that is closed closes the transport at once.
   *
   * @throws RangeError for limits out of their range, before the connection is served
   */
  serve(transport: Transport, { limits = NO_LIMITS }: ServeOptions = {}): Promise<void> {
    const { peer } = transport;
    const { traffic, onEvent, connections, connectionWatchers } = this.#parts;
    traffic.sockets += 1;
    onEvent({ kind: "connectionOpened", peer });
    if (this.#closing !== undefined) {
      onEvent({ kind: "connectionRefused", peer, reason: "the server is shutting down" });
      transport.close();
      return Promise.resolve();
    }
    const served = new ServedConnection(transport, this.#hostWith(limits));
    if (this.#onPacket !== undefined) served.tellPackets(this.#onPacket);
    if (connectionWatchers.isWatched) connectionWatchers.tell(served);
    return connections.add(served, served.run());
  }

  /**
   * Answers an HTTP request for MQTT over WebSocket, as a route of an app, and serves the connection. The authenticator gets
   * the request too. Any other request gets a response that says how to connect.
   *
   * Pass the request of `Deno.serve` itself: a copy of it is answered, but does not become a WebSocket.
   *
   * The WebSocket of the runtime joins the fragments of a message before it gives any of them, up to 64 MiB, accepts frames
   * that are not masked, and reads on while the broker does not; `listenWebSocket` does none of this.
   *
   * @throws RangeError for a trusted proxy that is not an address
   * @example
   * ```ts ignore
   * import { Broker } from "@brooklet/brooklet";
   *
   * const broker = await Broker.open();
   * Deno.serve((request) =>
   *   new URL(request.url).pathname === "/mqtt" ? broker.upgrade(request) : new Response("hello")
   * );
   * ```
   */
  upgrade(request: Request, options: RouteOptions = {}): Response {
    const isClosing = () => this.#closing !== undefined;
    const routeOptions = { paths: "any", ...options } as const;
    const { response, transport } = answerUpgrade(request, routeOptions, isClosing, this.#parts.onEvent);
    // serve() never rejects.
    if (transport !== undefined) void this.serve(transport).then(quiet(() => options.onEnd?.()));
    return response;
  }

  /** {@linkcode Broker.upgrade} for the paths `/mqtt` and `/` as a handler, as in `Deno.serve(broker.fetch)`. */
  readonly fetch = (request: Request, info?: { readonly remoteAddr?: RemoteAddress }): Response =>
    this.upgrade(request, { paths: ["/mqtt", "/"], remoteAddr: info?.remoteAddr });

  /**
   * Disconnects the client with a Client Identifier, all clients of a principal, or those that a function chooses, and
   * returns their number. Clients that are authenticated and wait for their session are among them. At most 200 connections
   * end in one turn of the event loop, the others in later ones. Wills are published; sessions stay.
   *
   * @param who clients to disconnect
   * @param why Reason Code of DISCONNECT, 0x98 by default, and the reason for MQTT 5 clients and events
   */
  disconnect(
    who: { readonly clientId: string } | { readonly principal: string } | ((client: ConnectedClient) => boolean),
    why: { readonly reasonCode?: ReasonCode; readonly reason?: string } = {},
  ): number {
    const { reasonCode = ReasonCode.AdministrativeAction, reason = "disconnected by the operator" } = why;
    return this.#parts.evictions.disconnect(who, reasonCode, reason);
  }

  /**
   * Bans a client, a principal or an address: CONNECT is refused with 0x8A. Connected clients are disconnected as by
   * {@linkcode Broker.disconnect}; returns their number. Bans end with the broker; a second ban of a target replaces the
   * first.
   *
   * @param who target of the ban
   * @param how `untilMs`: end of the ban in epoch milliseconds, never by default; `reason`: for the client and events
   * @throws RangeError for an invalid address or time
   */
  ban(who: BanTarget, how: { readonly untilMs?: number; readonly reason?: string } = {}): number {
    const { untilMs = Infinity, reason = "banned by the operator" } = how;
    return this.#parts.evictions.ban({ who, untilMs, reason });
  }

  /** Lifts a ban; returns whether there was one. */
  unban(who: BanTarget): boolean {
    return this.#parts.evictions.unban(who);
  }

  /** Bans that are in force. */
  bans(): Ban[] {
    return this.#parts.evictions.bans();
  }

  /**
   * Publishes from the broker's own process; the authorizer is not asked. Resolves when all matching sessions have the
   * message and the storage has what must be kept. It waits for a client that is far behind, for `maximumBacklogWaitMs` at
   * most.
   *
   * Rejects with RangeError for a topic, property or size that no PUBLISH can have or the limits forbid, with TypeError if
   * the broker is closed or an argument has another type, and with Error if the storage failed.
   */
  async publish(topic: string, payload: Data, options: PublishOptions = {}): Promise<void> {
    if (this.#closing !== undefined) throw new TypeError("Cannot publish: the broker is closed");
    options.signal?.throwIfAborted();
    await orAborted(this.#publish(topic, payload, options), options.signal);
  }

  /**
   * Subscribes to one or several Topic Filters in the broker's own process, at once. Retained messages come first; a
   * message that several of the filters match comes once.
   *
   * @throws RangeError for what is not a Topic Filter, or is shared, or a bound that is none; TypeError when the broker is
   * closed; the reason of a signal that is aborted already
   */
  subscribe(topicFilters: string | readonly string[], options: SubscribeOptions = {}): BrokerSubscription {
    if (this.#closing !== undefined) throw new TypeError("Cannot subscribe: the broker is closed");
    return this.#parts.localClient.subscribe(topicFilters, options, this.#parts.clock());
  }

  /**
   * Calls a function for each event from now on, beside {@linkcode BrokerOptions.onEvent} and other watchers, and gives the
   * function that ends that. What it throws is ignored.
   *
   * @example
   * ```ts
   * import { Broker } from "@brooklet/brooklet";
   *
   * await using broker = await Broker.open();
   * const stop = broker.watchEvents((event) => {
   *   if (event.kind === "connectionClosed") console.log(event.clientId, event.reason);
   * });
   * stop();
   * ```
   */
  watchEvents(watch: (event: BrokerEvent) => void): () => void {
    return this.#parts.eventWatchers.add(watch);
  }

  /**
   * Calls a function with each connection that is served, at once, and then with each new one before its first byte is read;
   * gives the function that ends that. A connection can be tapped for its bytes and its frames, which costs nothing while
   * nobody does. Errors of the function are ignored.
   *
   * @example
   * ```ts
   * import { Broker } from "@brooklet/brooklet";
   *
   * await using broker = await Broker.open();
   * const stop = broker.watchConnections((connection) => {
   *   connection.tap((bytes, isSent) => console.log(connection.clientId, isSent ? ">" : "<", bytes.toHex()));
   * });
   * stop(); // Of new connections; those that are tapped stay so.
   * ```
   */
  watchConnections(watch: (connection: WatchedConnection) => void): () => void {
    const { connections, connectionWatchers } = this.#parts;
    const watchOne = quiet(watch);
    for (const served of connections) watchOne(served);
    return connectionWatchers.add(watchOne);
  }

  /**
   * Calls a function with each message of clients, Wills and the own process that is about to be routed; a trace that it
   * gives hears where that message goes. While there is no such function, this costs nothing. Gives the function that ends
   * it; another one takes its place. What it throws is ignored.
   *
   * @example
   * ```ts
   * import { Broker } from "@brooklet/brooklet";
   *
   * await using broker = await Broker.open();
   * const stop = broker.traceMessages(({ topic }) => {
   *   if (!topic.startsWith("door/")) return undefined; // The common case should cost little.
   *   return {
   *     published: (reasonCode) => console.log(topic, reasonCode),
   *     delivered: (clientId) => console.log(topic, "to", clientId),
   *   };
   * });
   * stop();
   * ```
   */
  traceMessages(begin: BeginTrace): () => void {
    const { publishing } = this.#parts;
    const beginTrace = publishing.beginTrace = quietTraces(begin);
    return () => {
      if (publishing.beginTrace === beginTrace) publishing.beginTrace = undefined;
    };
  }

  /**
   * Tells the event `connectionRefused` of a connection that a listener refused before it was served, such as by an HTTP
   * status or a failed TLS handshake. Pass it to the listeners, which know why a browser failed.
   *
   * @example
   * ```ts
   * import { Broker, listenTcp, listenWebSocket } from "@brooklet/brooklet";
   *
   * await using broker = await Broker.open({ onEvent: (event) => console.log(event) });
   * const listener = listenWebSocket(listenTcp({ port: 0 }), { onRefused: broker.noteRefusal });
   * listener.close();
   * ```
   */
  readonly noteRefusal: OnRefused = (_address, reason, help, peer, status) => {
    const known = { ...help === undefined ? {} : { help }, ...status === undefined ? {} : { status } };
    this.#parts.onEvent({ kind: "connectionRefused", peer, reason, ...known });
  };

  /**
   * Tells the event `transportViolation` of a WebSocket connection that ended because its peer broke the rules, such as by a
   * text frame; other ends are no event. Pass it to {@linkcode listenWebSocket} as `onWebSocketEnd`.
   */
  readonly noteWebSocketEnd = (end: WebSocketEnd, peer: Peer): void => {
    if (isViolation(end)) this.#parts.onEvent({ kind: "transportViolation", peer, reason: end.reason });
  };

  /**
   * Lists clients that are connected, sessions or subscriptions, in the order of any column, a page at a time. 100,000
   * sessions take some tenths of a second, in which the broker serves its clients; lists that are asked for meanwhile wait.
   *
   * Rejects with RangeError for a limit, column or cursor that is none.
   *
   * @example
   * ```ts
   * import { Broker } from "@brooklet/brooklet";
   *
   * await using broker = await Broker.open();
   * const { rows, after } = await broker.list("clients", { sort: "queued", descending: true, limit: 10 });
   * for (const { clientId, queued } of rows) console.log(clientId, queued);
   * if (after !== undefined) console.log(await broker.list("clients", { sort: "queued", descending: true, after }));
   * ```
   */
  list<Kind extends keyof ListRows>(
    kind: Kind,
    query: ListQuery<ListRows[Kind]> = {},
  ): Promise<ListPage<ListRows[Kind]>> {
    return this.#parts.listing.list(kind, query);
  }

  /**
   * Gives a session with its subscriptions, its Will and the first messages that it has for its client; `undefined`: there is
   * none. Rejects when the storage cannot be read.
   *
   * @param options.messages most messages to give, 20 by default
   */
  session(
    clientId: string,
    { messages = 20 }: { readonly messages?: number } = {},
  ): Promise<SessionDetails | undefined> {
    return this.#parts.inspection.session(clientId, messages);
  }

  /**
   * Ends the session of a client with its subscriptions and messages, as if it had expired; a client that is connected is
   * disconnected with 0x98. Its Will is published if it was to be. Resolves when the storage has it, with false where there
   * is no such session.
   */
  endSession(
    clientId: string,
    { reason = "its session was ended by the operator" }: { readonly reason?: string } = {},
  ): Promise<
    boolean
  > {
    return this.#parts.inspection.endSession(clientId, reason);
  }

  /**
   * Subscriptions that a message of a topic would go to, and whether the authorizer lets their clients receive it, some
   * milliseconds at a time.
   *
   * Rejects with RangeError for a topic with wildcards, or none.
   *
   * @param options.limit most subscriptions to give, 1,000 by default; all are counted
   */
  subscribersOf(topic: string, { limit = 1_000 }: { readonly limit?: number } = {}): Promise<TopicSubscribers> {
    return this.#parts.inspection.subscribersOf(topic, limit);
  }

  /** Retained message of a topic, those of `$SYS` too; `undefined`: there is none. */
  retained(topic: string): RetainedEntry | undefined {
    return this.#parts.inspection.retained(topic);
  }

  /**
   * Gives one level of the tree of retained messages in the order of names, a page at a time.
   *
   * @param levels levels of the topic above: `["plant", "7"]` for the children of `plant/7`, none for the first levels
   * @param options.after cursor, the name that the page before ended with; `limit`: children of a page, 200 by default
   * @example
   * ```ts
   * import { Broker } from "@brooklet/brooklet";
   *
   * await using broker = await Broker.open();
   * await broker.publish("plant/7/temp", "21", { retain: true });
   * const { children } = await broker.retainedLevel(["plant"]);
   * console.log(children[0]?.name, children[0]?.count); // 7 1
   * ```
   */
  retainedLevel(
    levels: readonly string[],
    { after, limit = 200 }: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<RetainedLevel> {
    return this.#parts.inspection.retainedLevel(levels, after, limit);
  }

  /**
   * Deletes the retained messages of all topics that a Topic Filter matches, some milliseconds at a time; subscribers are not
   * told. Resolves with their number when the storage has it.
   *
   * Rejects with RangeError for what is not a Topic Filter, or is shared.
   *
   * @param options.dryRun whether they are only counted; `onDeleted`: called with each that is deleted, to bring it back
   */
  deleteRetained(
    topicFilter: string,
    { dryRun = false, onDeleted }: {
      readonly dryRun?: boolean;
      readonly onDeleted?: (entry: RetainedEntry) => void;
    } = {},
  ): Promise<number> {
    return this.#parts.inspection.deleteRetained(topicFilter, dryRun, onDeleted);
  }

  /**
   * Brings back retained messages that {@linkcode Broker.deleteRetained} gave to `onDeleted`, with their publishers and ages;
   * subscribers are not told. Resolves with their number when the storage has them: a topic that has another message by now
   * keeps that, what has expired stays away, and limits hold.
   *
   * Rejects with RangeError for an entry that was not deleted.
   */
  restoreRetained(entries: Iterable<RetainedEntry>): Promise<number> {
    return this.#parts.inspection.restoreRetained(entries);
  }

  /** Clients that are connected, one after the other. */
  *clients(): Generator<ConnectedClient, void> {
    for (const { isWelcome, connection: { clientId, principal }, transport: { peer } } of this.#parts.connections) {
      if (isWelcome) yield { clientId, principal, peer };
    }
  }

  /**
   * Serves the deadlines that are due: Keep Alive, expiry, Will Delay, connect timeout. Call it only for a broker that was
   * opened with a {@linkcode BrokerOptions.clock} of your own.
   *
   * @param monotonicMs time by the monotonic clock, which is read by default
   */
  tick(monotonicMs: number = this.#parts.timeline.monotonicMs()): void {
    this.#ticks.tick(monotonicMs);
  }

  /**
   * Ends all connections (MQTT 5 clients get 0x8B Server shutting down), writes what must be kept, and closes the storage.
   * Wills of sessions that outlive their connections are published when a broker is opened with the storage again (MQTT 5,
   * section 3.1.2.5), others never. Safe to call again.
   */
  close(): Promise<void> {
    return this.#closing ??= shutDown(this.#parts, this.#ticks);
  }

  /** The same as {@linkcode Broker.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #publish(topic: string, payload: Data, options: PublishOptions): Promise<void> {
    await this.#parts.localClient.publish(topic, payload, options, this.#parts.clock());
    await this.#parts.commits.settled();
  }

  #hostWith(limits: Partial<Limits>): BrokerHost {
    const known = this.#hosts.get(limits);
    if (known !== undefined) return known;
    const host = this.#parts.hostWith(limits);
    this.#hosts.set(limits, host);
    return host;
  }

  #storageLost(error: Error): void {
    if (this.#closing !== undefined) return;
    abandonStorage(this.#parts, error);
    this.close().catch(() => {}); // The event tells that the storage is lost.
    this.#parts.onEvent({ kind: "storageLost", error });
  }
}
