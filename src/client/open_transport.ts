import type { TlsClientOptions } from "../transport/tls/connect_tls.ts";
import { memoryTransport } from "../transport/memory.ts";
import { connectTo, DEFAULT_PATH, listOfSchemes, schemeOf, SCHEMES } from "../transport/schemes.ts";
import type { Transport } from "../transport/transport.ts";

/** Server in the same process, such as a `Broker`: it serves the other end of a connection to its end. */
export interface TransportServer {
  /** Serves a connection to its end; resolves then. It never rejects. */
  serve(transport: Transport): Promise<void>;
}

/** Address of a server: a URL, or a server in the same process. */
export type ServerAddress = string | URL | TransportServer;

/** An open connection, with what its client must know of it. */
export interface OpenTransport {
  readonly transport: Transport;
  /** Resolves when a server in the same process has finished serving it. */
  readonly served: Promise<void> | undefined;
}

/** Parses an address; throws TypeError for one that cannot be connected to. */
export function parseServerAddress(address: ServerAddress): URL | TransportServer {
  if (typeof address === "object" && "serve" in address) return address;
  const url = new URL(address);
  const scheme = schemeOf(url);
  if (scheme !== undefined) {
    const { socket, isWebSocket } = SCHEMES[scheme];
    if (isWebSocket && url.pathname === "/") url.pathname = DEFAULT_PATH;
    if (isWebSocket) url.hash = "";
    if ((socket === "tcp" ? url.hostname : url.pathname) !== "") return url;
  }
  throw new TypeError(
    `Cannot connect to "${url.protocol}//${url.host}": it is not ${listOfSchemes()} with a host or a path`,
  );
}

/** User Name and Password of a URL. */
export function credentialsOf(server: URL | TransportServer): { userName?: string; password?: string } {
  if (!(server instanceof URL)) return {};
  return {
    ...server.username !== "" && { userName: decodeURIComponent(server.username) },
    ...server.password !== "" && { password: decodeURIComponent(server.password) },
  };
}

/** Opens a connection. */
export async function openTransport(
  server: URL | TransportServer,
  tls: TlsClientOptions | undefined,
  signal: AbortSignal,
): Promise<OpenTransport> {
  if (!(server instanceof URL)) {
    const pair = memoryTransport();
    return { transport: pair.client, served: server.serve(pair.server) };
  }
  try {
    return { transport: await untilAborted(connectTo(server, { tls, signal }), signal), served: undefined };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    throw new TypeError(`Cannot connect to "${server.protocol}": a page of the web has ws: and wss: only`, {
      cause: error,
    });
  }
}

/** Stops waiting when aborted; a connection that is opened nevertheless is closed. */
function untilAborted(connecting: Promise<Transport>, signal: AbortSignal): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    connecting.then((transport) => {
      signal.removeEventListener("abort", abort);
      if (signal.aborted) transport.close();
      resolve(transport);
    }, (error) => {
      signal.removeEventListener("abort", abort);
      reject(error);
    });
  });
}
