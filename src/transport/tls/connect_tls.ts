import { connTransport, hostPort } from "../tcp.ts";
import type { ReadFairness } from "../read_fairness.ts";
import type { Transport } from "../transport.ts";

/** Certificates that a client trusts, and its own, all in PEM. */
export interface TlsClientOptions {
  /** Trusted roots in addition to those of the system. */
  readonly caCerts?: readonly string[];
  /** Certificate of the client, followed by its chain; it needs a `key`. */
  readonly cert?: string;
  /** PEM text: the key of `cert`, not encrypted. */
  readonly key?: string;
  /** Whether a trusted certificate of another host is accepted. @default {false} */
  readonly unsafelyDisableHostnameVerification?: boolean;
  /** Protocols to offer (ALPN). Only `mqtts:` uses it. @default {["mqtt"]} */
  readonly alpnProtocols?: readonly string[];
}

/** Options of {@linkcode connectTls}. */
export interface TlsConnectOptions extends TlsClientOptions {
  readonly hostname: string;
  readonly port: number;
  readonly signal?: AbortSignal;
  /** Fairness that its reads take part in. @default one of its own */
  readonly turns?: ReadFairness | undefined;
}

/**
 * Connects over TLS and completes the handshake. Throws the errors of `Deno.connect`, `Deno.startTls` and
 * `Deno.connectTls`, and the reason of an aborted signal.
 */
export async function connectTls(options: TlsConnectOptions): Promise<Transport> {
  const { hostname, port, signal, turns } = options;
  const conn = await openTls(options);
  const close = () => closeQuietly(conn);
  signal?.addEventListener("abort", close);
  try {
    if (signal?.aborted) throw signal.reason;
    await conn.handshake();
  } catch (error) {
    close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", close);
  }
  const address = hostPort(hostname, port);
  return connTransport(conn, { transport: "tls", address, listener: `mqtts://${address}` }, turns);
}

/**
 * Opens the connection, whose handshake comes later. A TLS connection of the runtime has Nagle's algorithm on, and what is
 * written beyond its first 16 KiB waits 40 ms; where it starts on one of TCP, that can be turned off before. Only
 * `Deno.connectTls` takes a certificate of the client. (Deno 2.9, 2026-11-30)
 */
async function openTls(options: TlsConnectOptions): Promise<Deno.TlsConn> {
  const { hostname, port, signal, caCerts = [], cert, key, alpnProtocols = ["mqtt"] } = options;
  const { unsafelyDisableHostnameVerification = false } = options;
  const common = {
    hostname,
    caCerts: [...caCerts],
    alpnProtocols: [...alpnProtocols],
    unsafelyDisableHostnameVerification,
  };
  if (cert !== undefined && key !== undefined) return await Deno.connectTls({ ...common, port, cert, key });
  const tcp = await Deno.connect({ hostname, port, ...signal !== undefined && { signal } });
  tcp.setNoDelay(true);
  return await Deno.startTls(tcp, common);
}

function closeQuietly(conn: Deno.TlsConn): void {
  try {
    conn.close();
  } catch {
    // It is closed already.
  }
}
