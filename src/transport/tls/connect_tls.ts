import { connTransport, hostPort } from "../tcp.ts";
import type { Transport } from "../transport.ts";

/** Certificates that a client trusts, and its own, all in PEM. */
export interface TlsClientOptions {
  /** Trusted roots in addition to those of the system. */
  readonly caCerts?: readonly string[];
  /** Certificate of the client, followed by its chain; it needs a `key`. */
  readonly cert?: string;
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
}

/** Connects over TLS and completes the handshake. Throws the errors of `Deno.connectTls`. */
export async function connectTls(options: TlsConnectOptions): Promise<Transport> {
  const { hostname, port, signal, caCerts = [], cert, key, alpnProtocols = ["mqtt"] } = options;
  const { unsafelyDisableHostnameVerification = false } = options;
  const connecting = Deno.connectTls({
    hostname,
    port,
    caCerts: [...caCerts],
    alpnProtocols: [...alpnProtocols],
    unsafelyDisableHostnameVerification,
    ...cert !== undefined && key !== undefined && { cert, key },
  });
  const conn = await connecting;
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
  return connTransport(conn, { transport: "tls", address, listener: `mqtts://${address}` });
}

function closeQuietly(conn: Deno.TlsConn): void {
  try {
    conn.close();
  } catch {
    // It is closed already.
  }
}
