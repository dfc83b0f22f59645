import { type Listener, type OnAcceptFailed, type OnRefused, preparedListener } from "../listener.ts";
import { listenBehindProxy } from "../proxy/protocol.ts";
import { listenTcp, type TcpListener } from "../tcp.ts";
import { type ReloadedTls, TlsHandshakes, type TlsOptions } from "./handshake.ts";

/** Options of {@linkcode listenTls}. */
export interface TlsListenOptions extends TlsOptions {
  /** Address to listen on. @default {"127.0.0.1"} */
  readonly hostname?: string;
  /** Port; 0 takes a free one, see {@linkcode TlsListener.port}. @default {8883} */
  readonly port?: number;
  /** Whether a proxy writes a header of the PROXY protocol before the handshake. @default {false} */
  readonly proxyProtocol?: boolean;
  /** Called when a handshake failed, for logs; `broker.noteRefusal` makes it an event of the broker. */
  readonly onHandshakeFailed?: OnRefused;
  /** Called when a connection cannot be accepted, for logs. */
  readonly onAcceptFailed?: OnAcceptFailed | undefined;
}

/** TLS connections after their handshakes; its URL is such as `mqtts://127.0.0.1:8883`. */
export interface TlsListener extends Listener {
  /** Address that it listens on. */
  readonly hostname: string;
  /** Port that it listens on, the one that the system chose for 0. */
  readonly port: number;
  /**
   * Uses another certificate from the next handshake on, and verifies clients by another `clientAuthority` if it is
   * given; open connections stay.
   *
   * Throws TypeError for unusable certificates, and keeps the old ones.
   */
  reload(reloaded: ReloadedTls): void;
  /** Closes it; ends handshakes in progress too. */
  close(): void;
}

const DEFAULT_PORT = 8883;

/**
 * Listens for MQTT over TLS 1.2 and 1.3.
 *
 * @throws TypeError for unusable certificates or keys; Deno.errors.AddrInUse and other errors of `Deno.listen`
 */
export function listenTls(options: TlsListenOptions): TlsListener {
  const { hostname, port = DEFAULT_PORT, onAcceptFailed } = options;
  return tlsListener(
    options,
    () => listenTcp({ ...(hostname === undefined ? {} : { hostname }), port, onAcceptFailed }),
  );
}

/** TLS on TCP connections; `listen` is called after the certificates were checked. */
export function tlsListener(
  options: Omit<TlsListenOptions, "hostname" | "port" | "onAcceptFailed">,
  listen: () => TcpListener,
): TlsListener {
  const { proxyProtocol = false, onHandshakeFailed, handshakeTimeoutMs } = options;
  const handshakes = new TlsHandshakes(options);
  const tcp = listen();
  const url = tcp.url.replace(/^mqtt:/, "mqtts:");
  const onRefused: OnRefused = (address, reason, help, peer) =>
    onHandshakeFailed?.(address, reason, help, { ...peer, transport: "tls", listener: url });
  const behindProxy = {
    onRefused,
    ...(handshakeTimeoutMs === undefined ? {} : { headerTimeoutMs: handshakeTimeoutMs }),
  };
  const prepared = preparedListener(
    proxyProtocol ? listenBehindProxy(tcp, behindProxy) : tcp,
    (transport) => handshakes.handshake(transport, url),
    ({ peer }, reason) => onRefused(peer.address, reason, "tls-handshake", peer),
    url,
  );
  return Object.assign(prepared, {
    hostname: tcp.hostname,
    port: tcp.port,
    reload: (reloaded: ReloadedTls) => handshakes.reload(reloaded),
  });
}
