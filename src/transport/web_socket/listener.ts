import { type Listener, preparedListener } from "../listener.ts";
import { CloseCode } from "./frames.ts";
import { type WebSocketHandshakeOptions, WebSocketHandshakes } from "./handshake.ts";

/** Options of {@linkcode listenWebSocket}. */
export interface WebSocketListenOptions extends WebSocketHandshakeOptions {
  /** Called with the reason when a connection did not become a WebSocket connection, for logs. It must not throw. */
  readonly onRefused?: (address: string, reason: string) => void;
}

/**
 * MQTT over WebSocket on a listener of its own: a WebSocket server directly on the bytes of TCP or TLS, because the
 * runtime's cannot pause a peer, buffers fragments without bound, and accepts frames that are not masked.
 *
 * @throws RangeError for a trusted proxy that is not an address
 * @example
 * ```ts
 * import { listenTcp } from "../tcp.ts";
 * import { listenWebSocket } from "./listener.ts";
 *
 * const listener = listenWebSocket(listenTcp({ port: 0 }));
 * console.log(listener.url);
 * listener.close();
 * ```
 */
export function listenWebSocket(below: Listener, options: WebSocketListenOptions = {}): Listener {
  const { paths } = options;
  const path = paths === undefined || paths === "any" ? "/mqtt" : paths[0] ?? "";
  const url = below.url.replace(/^mqtt(s?):(.*)$/, `ws$1:$2${path}`);
  let isClosed = false;
  // A client that is still connected when the listener is closed is told that the server goes away.
  const handshakes = new WebSocketHandshakes(options, url, () => isClosed ? CloseCode.GoingAway : CloseCode.Normal);
  const listener = preparedListener(
    below,
    (transport) => handshakes.accept(transport),
    ({ peer }, reason) => options.onRefused?.(peer.address, reason),
    url,
  );
  return {
    ...listener,
    close() {
      isClosed = true;
      listener.close();
    },
  };
}
