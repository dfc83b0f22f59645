/**
 * Brooklet: an MQTT 3.1, 3.1.1 and 5 broker that is carried inside an app as easily as it runs alone.
 *
 * @module
 */

export { encodePacket, type Frame } from "./src/codec/encoder.ts";
export {
  LARGEST_PACKET_BYTES,
  type Malformed,
  type PacketBatch,
  PacketDecoder,
  type PacketDecoderOptions,
} from "./src/codec/decoder.ts";
export type { ByteSource, DecodeLarge } from "./src/codec/batch_stream.ts";
export { PacketDecoderStream, type PacketDecoderStreamOptions } from "./src/codec/packet_decoder_stream.ts";
export { PacketEncoder, type PacketEncoderOptions } from "./src/codec/packet_encoder.ts";
export { PacketEncoderStream } from "./src/codec/packet_encoder_stream.ts";
export { type Data, Message, type PublishOptions, type SubscribeOptions } from "./src/codec/message.ts";
export { MqttError } from "./src/codec/mqtt_error.ts";
export { TopicInterner } from "./src/codec/topic_interner.ts";
export type {
  AuthPacket,
  ConnackPacket,
  ConnectPacket,
  DisconnectPacket,
  Packet,
  PacketType,
  PingreqPacket,
  PingrespPacket,
  ProtocolVersion,
  PubackPacket,
  PubcompPacket,
  PublishPacket,
  PubrecPacket,
  PubrelPacket,
  QoS,
  RetainHandling,
  SubackPacket,
  SubscribeEntry,
  SubscribePacket,
  UnsubackPacket,
  UnsubscribePacket,
  Will,
} from "./src/codec/packet.ts";
export { NO_PROPERTIES, type Properties, type UserProperty } from "./src/codec/property.ts";
export { ReasonCode, reasonCodeName } from "./src/codec/reason_code.ts";

export { Client } from "./src/client/client.ts";
export type {
  ClientAuthentication,
  ClientSubscribeOptions,
  CloseOptions,
  ConnectOptions,
  ReconnectOptions,
  RequestOptions,
  UnsubscribeOptions,
  WillOptions,
} from "./src/client/client_options.ts";
export type { ServerAddress, TransportServer } from "./src/client/open_transport.ts";
export type { PublishResult } from "./src/client/publish_queue.ts";
export { RefusedError } from "./src/client/refused_error.ts";
export type { ClientStatus } from "./src/client/status.ts";
export type { ClientSubscription } from "./src/client/client_subscription.ts";
export type { TlsClientOptions } from "./src/transport/tls/connect_tls.ts";

export type { Ban, BanTarget } from "./src/broker/access/bans.ts";
export { Broker } from "./src/broker/broker.ts";
export type {
  BrokerMetrics,
  BrokerOptions,
  BrokerSubscription,
  ConnectedClient,
  ServeOptions,
} from "./src/broker/options.ts";
export type { BrokerEvent, PacketEvent } from "./src/broker/events.ts";
export { parseAclFile } from "./src/auth/acl_file.ts";
export {
  AccessControl,
  type AccessRule,
  type AccessRules,
  type GroupRules,
  type RoleRules,
  type UserRules,
} from "./src/auth/acl_rules.ts";
export {
  allowAnonymous,
  anyAuthorizer,
  certificateNames,
  certificateSubjects,
  everyAuthenticator,
  everyAuthorizer,
  firstAuthenticator,
  trustUserNames,
} from "./src/auth/combined.ts";
export type { FailureLimitOptions } from "./src/auth/throttle.ts";
export { type JwtAlgorithm, jwtAuthenticator, type JwtKeys, type JwtOptions } from "./src/auth/jwt.ts";
export { LineError } from "./src/auth/line_error.ts";
export { PasswordAuthenticator, type PasswordAuthenticatorOptions } from "./src/auth/password_authenticator.ts";
export { parsePasswordFile, type PasswordHashes, passwordHashes } from "./src/auth/password_file.ts";
export {
  formatPasswordHash,
  hashPassword,
  type IteratedHash,
  parsePasswordHash,
  type PasswordHash,
} from "./src/auth/password_hash.ts";
export {
  type Argon2Cost,
  type Argon2Hash,
  hashPasswordByArgon2id,
  hashPasswordByScrypt,
  type ScryptCost,
  type ScryptHash,
} from "./src/auth/phc_hash.ts";
export { webhookAuthenticator, type WebhookOptions } from "./src/auth/webhook.ts";
export type {
  AuthenticationExchange,
  Authenticator,
  Authorizer,
  EnhancedAuthenticator,
} from "./src/auth/authentication.ts";
export { type ScramCredential, scramCredential, type ScramOptions, scramSha256 } from "./src/auth/scram_sha_256.ts";
export type {
  Acceptance,
  AccessAttributes,
  AccessRequest,
  Authentication,
  AuthenticationRequest,
  AuthenticationStep,
  ClientIdentity,
  Grant,
} from "./src/protocol/access.ts";
export type { Clock, MachineClock } from "./src/broker/timeline.ts";
export type {
  Change,
  ClockChange,
  CommitItem,
  QueuedChange,
  RetainedChange,
  RetainedDue,
  SubscribedChange,
  Transaction,
} from "./src/protocol/change.ts";
export { ApplicationMessage } from "./src/protocol/message.ts";
export { DEFAULT_LIMITS, NEVER_EXPIRES } from "./src/protocol/limit_table.ts";
export type { Limits } from "./src/protocol/limits.ts";
export type { BrokerSettings } from "./src/protocol/settings.ts";
export type { OverlappingSubscriptions, Subscription } from "./src/protocol/subscription.ts";
export { changeFromJson, changeToJson } from "./src/storage/records/change_json.ts";
export { DenoKvStorage } from "./src/storage/deno_kv/deno_kv_storage.ts";
export { MemoryStorage } from "./src/storage/memory.ts";
export type { Storage } from "./src/storage/storage.ts";
export type { ByteChannel } from "./src/transport/transport.ts";
export type { FusibleTransform } from "./src/transport/channel_transport.ts";
export { ChannelTransport } from "./src/transport/channel_transport.ts";
export type { Listener } from "./src/transport/listener.ts";
export { memoryTransport, type MemoryTransportPair } from "./src/transport/memory.ts";
export { listenTcp, type TcpListener, type TcpListenOptions } from "./src/transport/tcp.ts";
export { listenTls, type TlsListener, type TlsListenOptions } from "./src/transport/tls/tls.ts";
export { listenUnix, type UnixListener, type UnixListenOptions } from "./src/transport/unix.ts";
export { listenWebSocket } from "./src/transport/web_socket/listener.ts";
export type { WebSocketHandshakeOptions } from "./src/transport/web_socket/listener.ts";
export { listenBehindProxy, withProxyProtocol } from "./src/transport/proxy/protocol.ts";
export type { RemoteAddress, RouteOptions } from "./src/broker/web_socket_route.ts";
export type { HttpAnswer, HttpRequest, Peer, Transport } from "./src/transport/transport.ts";

if (import.meta.main) {
  const { main } = await import("./src/cli/start.js");
  Deno.exit(await main(Deno.args));
}
