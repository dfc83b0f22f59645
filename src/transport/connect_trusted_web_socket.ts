import type { TlsClientOptions } from "./connect_tls.ts";
import { connectWebSocket } from "./connect_web_socket.ts";
import type { Transport } from "./transport.ts";

/** Connects over the runtime's `WebSocket` with certificates of one's own, which a page of the web cannot choose. */
export async function connectTrustedWebSocket(
  url: string,
  { caCerts = [], cert, key }: TlsClientOptions,
  signal?: AbortSignal,
): Promise<Transport> {
  const client = Deno.createHttpClient({
    caCerts: [...caCerts],
    http2: false, // The handshake of a WebSocket is one of HTTP/1.1.
    ...cert !== undefined && key !== undefined && { cert, key },
  });
  try {
    return await connectWebSocket(
      url,
      signal,
      (url, subprotocol) => new WebSocket(url, { protocols: [subprotocol], client }),
    );
  } finally {
    client.close(); // The connection is made, or it will not be.
  }
}
