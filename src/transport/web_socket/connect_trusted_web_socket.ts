import type { TlsClientOptions } from "../tls/connect_tls.ts";
import type { Transport } from "../transport.ts";
import { connectWebSocket } from "./connect_web_socket.ts";

/** Connects over the runtime's `WebSocket` with certificates chosen by the caller, which a web page cannot choose. */
export async function connectTrustedWebSocket(
  url: string,
  { caCerts = [], cert, key }: TlsClientOptions,
  signal?: AbortSignal,
): Promise<Transport> {
  const client = Deno.createHttpClient({
    caCerts: [...caCerts],
    http2: false, // The handshake of a WebSocket uses HTTP/1.1.
    ...cert !== undefined && key !== undefined && { cert, key },
  });
  try {
    return await connectWebSocket(
      url,
      signal,
      (url, subprotocol) => new WebSocket(url, { protocols: [subprotocol], client }),
    );
  } finally {
    client.close(); // The connection is made by now, or has failed.
  }
}
