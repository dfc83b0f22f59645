import type { ReadFairness } from "./read_fairness.ts";
import type { TlsClientOptions } from "./tls/connect_tls.ts";
import type { Transport } from "./transport.ts";

/**
 * Schemes of URLs: the kinds of listeners, and of servers that a client connects to. A new kind is a new row.
 *
 * Listeners and connections are put together of the parts that the row names: the socket, then TLS, then WebSocket.
 * These parts also decide which options the URL and the configuration of a listener may have.
 */

/** Kind of listener and server. */
export interface Scheme {
  /** URL of a listener as it is written. */
  readonly form: string;
  /** `tcp`: the URL has a host and a port; `unix`: it has the path of a file. */
  readonly socket: "tcp" | "unix";
  readonly isTls: boolean;
  readonly isWebSocket: boolean;
  /** Port of a listener whose URL has none; 0 for a Unix socket. */
  readonly listenPort: number;
  /** Port of a server whose URL has none; 0 for a Unix socket. */
  readonly connectPort: number;
}

/** Options of {@linkcode connectTo}. */
export interface ConnectOptions {
  readonly tls: TlsClientOptions | undefined;
  readonly signal: AbortSignal;
  /** Fairness that the reads of the connection take part in. @default one of its own */
  readonly turns?: ReadFairness;
}

export type SchemeName = "mqtt" | "mqtts" | "ws" | "wss" | "unix" | "ws+unix";

export const SCHEMES: Readonly<Record<SchemeName, Scheme>> = {
  mqtt: {
    form: "mqtt://host:port",
    socket: "tcp",
    isTls: false,
    isWebSocket: false,
    listenPort: 1883,
    connectPort: 1883,
  },
  mqtts: {
    form: "mqtts://host:port",
    socket: "tcp",
    isTls: true,
    isWebSocket: false,
    listenPort: 8883,
    connectPort: 8883,
  },
  ws: {
    form: "ws://host:port/path",
    socket: "tcp",
    isTls: false,
    isWebSocket: true,
    listenPort: 8083,
    connectPort: 80,
  },
  wss: {
    form: "wss://host:port/path",
    socket: "tcp",
    isTls: true,
    isWebSocket: true,
    listenPort: 8084,
    connectPort: 443,
  },
  unix: {
    form: "unix:/path?mode=660",
    socket: "unix",
    isTls: false,
    isWebSocket: false,
    listenPort: 0,
    connectPort: 0,
  },
  "ws+unix": {
    form: "ws+unix:/file:/path?mode=660",
    socket: "unix",
    isTls: false,
    isWebSocket: true,
    listenPort: 0,
    connectPort: 0,
  },
};

/** Path of MQTT over WebSocket where a URL has none: nearly all servers use it. */
export const DEFAULT_PATH = "/mqtt";

/** Names of all schemes, in the order in which they are shown. */
export const SCHEME_NAMES = Object.keys(SCHEMES) as SchemeName[]; // It has these keys and no others.

/** Scheme of a URL; `undefined` for one that is not in the table. */
export function schemeOf({ protocol }: URL): SchemeName | undefined {
  return SCHEME_NAMES.find((name) => protocol === `${name}:`);
}

/** Text about each scheme as a list, such as `mqtt://, ws:// or unix:`, which is what it gives by default. */
export function listOfSchemes(textOf: (name: SchemeName) => string = beginningOf): string {
  return SCHEME_NAMES.map(textOf).join(", ").replace(/, ([^,]*)$/, " or $1");
}

/** Beginning of a URL, such as `mqtt://` or `unix:`. */
export function beginningOf(name: SchemeName): string {
  return SCHEMES[name].socket === "tcp" ? `${name}://` : `${name}:`;
}

/** Scheme with these parts; `undefined`: there is none. */
export function schemeWith(parts: Pick<Scheme, "socket" | "isTls" | "isWebSocket">): SchemeName | undefined {
  return SCHEME_NAMES.find((name) => {
    const { socket, isTls, isWebSocket } = SCHEMES[name];
    return socket === parts.socket && isTls === parts.isTls && isWebSocket === parts.isWebSocket;
  });
}

/** File of a Unix socket, and the path of WebSocket that may follow it after a colon. */
export function unixParts(url: URL): { readonly file: string; readonly path: string | undefined } {
  const { pathname } = url;
  const scheme = schemeOf(url);
  const colon = scheme !== undefined && SCHEMES[scheme].isWebSocket ? pathname.indexOf(":") : -1;
  if (colon === -1) return { file: unescaped(pathname), path: undefined };
  return { file: unescaped(pathname.slice(0, colon)), path: pathname.slice(colon + 1) };
}

/** Connects to the server that a URL with one of the schemes names. Throws the errors of the runtime. */
export async function connectTo(url: URL, options: ConnectOptions): Promise<Transport> {
  const name = schemeOf(url);
  if (name === undefined) throw new TypeError(`Cannot connect to "${url.protocol}": there is no such scheme`);
  const scheme = SCHEMES[name];
  const plain = new URL(url);
  plain.username = plain.password = ""; // They are for CONNECT.
  if (!scheme.isWebSocket) return await connectSocket(plain, scheme, options);
  const { signal } = options;
  // Web pages have their own WebSocket, and no sockets below.
  if (scheme.socket === "tcp" && !("Deno" in globalThis)) {
    const { connectWebSocket } = await import("./web_socket/connect_in_page.ts");
    return await connectWebSocket(plain.href, signal);
  }
  const { connectWebSocketOver } = await import("./web_socket/connect_over.ts");
  return await connectWebSocketOver(
    connectSocket(plain, scheme, options),
    plain.href,
    signal,
    requestUrl(plain, scheme),
  );
}

/** Connects without WebSocket. Code that needs sockets is imported here, so that web pages can do without it. */
async function connectSocket(url: URL, scheme: Scheme, { tls, signal, turns }: ConnectOptions): Promise<Transport> {
  if (scheme.socket === "unix") {
    const { connectUnix } = await import("./unix.ts");
    return await connectUnix(unixParts(url).file, turns);
  }
  const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? scheme.connectPort : Number(url.port);
  if (!scheme.isTls) {
    const { connectTcp } = await import("./tcp.ts");
    return await connectTcp({ hostname, port, signal, turns });
  }
  const { connectTls } = await import("./tls/connect_tls.ts");
  return await connectTls({
    ...tls,
    hostname,
    port,
    signal,
    turns,
    ...scheme.isWebSocket && { alpnProtocols: ["http/1.1"] },
  });
}

/** URL that the request of WebSocket names. */
function requestUrl(url: URL, { socket }: Scheme): URL {
  return socket === "unix" ? new URL(`ws://localhost${unixParts(url).path ?? DEFAULT_PATH}${url.search}`) : url;
}

/** Decodes a path; text that is not an escape stays unchanged. */
function unescaped(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // A lone "%": written by a person, not by a URL serializer.
  }
}
