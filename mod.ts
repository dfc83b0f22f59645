/**
 * Brooklet: an MQTT 3.1, 3.1.1 and 5 broker that is carried inside an app as easily as it runs alone. This is what an
 * app needs to embed it: the broker, its options, and the transports that bring connections to it.
 *
 * The client, the codec, authentication, storages, the parts of transports, and suites for tests are exports of their
 * own: `./client`, `./codec`, `./auth`, `./storage`, `./transport` and `./testing`.
 *
 * @example
 * ```ts
 * import { Broker, listenTcp } from "@brooklet/brooklet";
 *
 * await using broker = await Broker.open();
 * const listener = listenTcp({ port: 0 });
 * setTimeout(() => listener.close(), 100); // Without this, the loop never ends.
 * for await (const transport of listener) broker.serve(transport); // Never rejects.
 * ```
 *
 * @module
 */

export type { Authenticator, Authorizer, EnhancedAuthenticator } from "./src/auth/authentication.ts";
export type { Ban, BanTarget } from "./src/broker/access/bans.ts";
export { Broker } from "./src/broker/broker.ts";
export type { WatchedConnection } from "./src/broker/connection/watched.ts";
export type { BrokerEvent, PacketEvent } from "./src/broker/events.ts";
export type { HistogramSnapshot, Load } from "./src/broker/counters.ts";
export type {
  QueuedEntry,
  RetainedEntry,
  RetainedLevel,
  SessionDetails,
  TopicSubscriber,
  TopicSubscribers,
} from "./src/broker/inspection.ts";
export type { ClientRow, ListRows, SessionRow, SubscriptionRow } from "./src/broker/list_rows.ts";
export type { ListPage, ListQuery } from "./src/broker/listing.ts";
export type { BeginTrace } from "./src/broker/message_tracing.ts";
export type { BrokerMetrics } from "./src/broker/metrics.ts";
export type {
  BrokerOptions,
  BrokerSubscription,
  ChangedMessage,
  ConnectedClient,
  OnPublish,
  ServeOptions,
} from "./src/broker/options.ts";
export type { Clock, MachineClock } from "./src/broker/timeline.ts";
export type { LoadName } from "./src/broker/sys_topics.ts";
export type { RemoteAddress, RouteOptions } from "./src/broker/web_socket_route.ts";
export { type Data, Message, type PublishOptions, type SubscribeOptions } from "./src/codec/message.ts";
export type { QoS, RetainHandling } from "./src/codec/packet.ts";
export type { Properties, UserProperty } from "./src/codec/property.ts";
export { ReasonCode } from "./src/codec/reason_code.ts";
export { DEFAULT_LIMITS, NEVER_EXPIRES } from "./src/protocol/limit_table.ts";
export type { Limits } from "./src/protocol/limits.ts";
export type { MessageTrace, StoredMessage } from "./src/protocol/message.ts";
export type { BrokerSettings } from "./src/protocol/settings.ts";
export type { OverlappingSubscriptions } from "./src/protocol/subscription.ts";
export type { Storage } from "./src/storage/storage.ts";
export type { Listener, OnRefused, RefusalHelp } from "./src/transport/listener.ts";
export { memoryTransport, type MemoryTransportPair } from "./src/transport/memory.ts";
export { listenBehindProxy, withProxyProtocol } from "./src/transport/proxy/protocol.ts";
export { listenTcp, type TcpListener, type TcpListenOptions } from "./src/transport/tcp.ts";
export { listenTls, type TlsListener, type TlsListenOptions } from "./src/transport/tls/tls.ts";
export type { HttpRequest, Peer, Transport, WebSocketFrame } from "./src/transport/transport.ts";
export { listenUnix, type UnixListener, type UnixListenOptions } from "./src/transport/unix.ts";
export { listenWebSocket, type WebSocketListenOptions } from "./src/transport/web_socket/listener.ts";

if (import.meta.main) {
  const { start } = await import("./src/cli/start.js");
  Deno.exit(await start());
}
