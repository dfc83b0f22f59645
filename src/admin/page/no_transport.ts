/**
 * Stands in the bundle for the transports that a page does not have, by the imports of deno.json: sockets of Deno, and
 * WebSocket over them. The page's own WebSocket is chosen before any of these is called.
 */

export { none as connectTcp, none as connectTls, none as connectUnix, none as connectWebSocketOver };

/** Options of TLS, which a page leaves to the browser. */
export type TlsClientOptions = Readonly<Record<string, unknown>>;

function none(..._: readonly unknown[]): never {
  throw new ReferenceError("Cannot connect: a page has its own WebSocket only");
}
