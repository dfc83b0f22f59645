/**
 * Client of any MQTT 5, 3.1.1 or 3.1 server, over TCP, TLS, WebSocket, a Unix socket, or within the process. It
 * reconnects by itself. It runs in Deno and, over WebSocket, in a web page.
 *
 * @example
 * ```ts
 * import { Broker } from "@brooklet/brooklet";
 * import { Client } from "@brooklet/brooklet/client";
 *
 * await using broker = await Broker.open();
 * await using client = await Client.connect(broker); // Or a URL, such as "mqtt://127.0.0.1".
 * await using doors = await client.subscribe("door/+");
 * await client.publish("door/1", "open", { qos: 1 });
 * console.log((await doors.next()).value?.text()); // open
 * ```
 *
 * @module
 */

export { type Data, Message, type PublishOptions, type SubscribeOptions } from "../codec/message.ts";
export { MqttError } from "../codec/mqtt_error.ts";
export type {
  ConnackPacket,
  ProtocolVersion,
  QoS,
  RetainHandling,
  SubackPacket,
  UnsubackPacket,
} from "../codec/packet.ts";
export type { Properties, UserProperty } from "../codec/property.ts";
export { ReasonCode } from "../codec/reason_code.ts";
export type { TlsClientOptions } from "../transport/tls/connect_tls.ts";
export type { HttpRequest, Peer, Transport } from "../transport/transport.ts";
export { Client } from "./client.ts";
export type {
  ClientAuthentication,
  ClientSubscribeOptions,
  CloseOptions,
  ConnectOptions,
  ReconnectOptions,
  RequestOptions,
  UnsubscribeOptions,
  WillOptions,
} from "./client_options.ts";
export type { ClientSubscription } from "./client_subscription.ts";
export type { ServerAddress, TransportServer } from "./open_transport.ts";
export type { PublishResult } from "./publish_queue.ts";
export { RefusedError } from "./refused_error.ts";
export type { ClientStatus } from "./status.ts";
