/**
 * Transports: all listeners with their options, and the parts of a transport of your own. `Broker.serve` takes whatever
 * gives streams of bytes, a `Transport`; a `ChannelTransport` of a `ByteChannel` saves the broker the hops of streams.
 *
 * @module
 */

export { ChannelTransport, type FusibleTransform } from "./channel_transport.ts";
export type { Listener, OnAcceptFailed, OnRefused, RefusalHelp } from "./listener.ts";
export { memoryTransport, type MemoryTransportPair } from "./memory.ts";
export type { ForwardedOptions } from "./proxy/forwarded.ts";
export {
  type BehindProxyOptions,
  listenBehindProxy,
  type ProxyProtocolOptions,
  withProxyProtocol,
} from "./proxy/protocol.ts";
export { type Admit, listenTcp, type TcpListener, type TcpListenOptions } from "./tcp.ts";
export type { ServerCertificate } from "./tls/certificates.ts";
export type { ReloadedTls, TlsOptions } from "./tls/handshake.ts";
export { listenTls, type TlsListener, type TlsListenOptions } from "./tls/tls.ts";
export type { ByteChannel, HttpAnswer, HttpRequest, Peer, Transport, WebSocketFrame } from "./transport.ts";
export { listenUnix, type UnixListener, type UnixListenOptions } from "./unix.ts";
export { listenWebSocket, type WebSocketHandshakeOptions, type WebSocketListenOptions } from "./web_socket/listener.ts";
export type { WebSocketEnd } from "./web_socket/frames.ts";
export type { AllowedOrigins, HostOptions } from "./web_socket/origin.ts";
export type { HandshakeHelp, UpgradeOptions } from "./web_socket/upgrade.ts";
export type { WebSocketOptions } from "./web_socket/web_socket_transport.ts";
