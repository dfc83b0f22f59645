import type { TlsClientOptions } from "./tls/connect_tls.ts";
import type { Transport } from "./transport.ts";

/**
 * Schemes of URLs: the kinds of listeners, and of servers that a client connects to. A new kind is a new row.
 *
 * A listener is put together of the parts that its row names: the socket, then the PROXY protocol or TLS, then
 * WebSocket. These parts also decide which options its URL and its configuration may have. Code that opens a connection
 * is imported when it is needed, so that web pages can do without it.
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
  readonly connect: (server: ServerPlace, options: ConnectOptions) => Promise<Transport>;
}

/** Place of a server, as its URL says. */
export interface ServerPlace {
  /** URL without credentials, which are for CONNECT. */
  readonly url: string;
  /** Host without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** File of a Unix socket. */
  readonly file: string;
}

/** Options of {@linkcode connectTo}. */
export interface ConnectOptions {
  readonly tls: TlsClientOptions | undefined;
  readonly signal: AbortSignal;
}

export type SchemeName = "mqtt" | "mqtts" | "ws" | "wss" | "unix";

export const SCHEMES: Readonly<Record<SchemeName, Scheme>> = {
  mqtt: {
    form: "mqtt://host:port",
    socket: "tcp",
    isTls: false,
    isWebSocket: false,
    listenPort: 1883,
    connectPort: 1883,
    async connect({ hostname, port }, { signal }) {
      const { connectTcp } = await import("./tcp.ts");
      return await connectTcp({ hostname, port, signal });
    },
  },
  mqtts: {
    form: "mqtts://host:port",
    socket: "tcp",
    isTls: true,
    isWebSocket: false,
    listenPort: 8883,
    connectPort: 8883,
    async connect({ hostname, port }, { tls, signal }) {
      const { connectTls } = await import("./tls/connect_tls.ts");
      return await connectTls({ ...tls, hostname, port, signal });
    },
  },
  ws: {
    form: "ws://host:port/path",
    socket: "tcp",
    isTls: false,
    isWebSocket: true,
    listenPort: 8083,
    connectPort: 80,
    async connect(server, { signal }) {
      if (!hasSockets()) return await connectPage(server, signal);
      const { connectTcp } = await import("./tcp.ts");
      return await connectWebSocket(connectTcp({ ...server, signal }), server, signal);
    },
  },
  wss: {
    form: "wss://host:port/path",
    socket: "tcp",
    isTls: true,
    isWebSocket: true,
    listenPort: 8084,
    connectPort: 443,
    async connect(server, { tls, signal }) {
      if (!hasSockets()) return await connectPage(server, signal);
      const { connectTls } = await import("./tls/connect_tls.ts");
      const connecting = connectTls({ ...tls, ...server, alpnProtocols: ["http/1.1"], signal });
      return await connectWebSocket(connecting, server, signal);
    },
  },
  unix: {
    form: "unix:/path?mode=660",
    socket: "unix",
    isTls: false,
    isWebSocket: false,
    listenPort: 0,
    connectPort: 0,
    async connect({ file }) {
      const { connectUnix } = await import("./unix.ts");
      return await connectUnix(file);
    },
  },
};

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

function beginningOf(name: SchemeName): string {
  return SCHEMES[name].socket === "tcp" ? `${name}://` : `${name}:`;
}

/** Scheme with these parts; `undefined`: there is none. */
export function schemeWith(parts: Pick<Scheme, "socket" | "isTls" | "isWebSocket">): SchemeName | undefined {
  return SCHEME_NAMES.find((name) => {
    const { socket, isTls, isWebSocket } = SCHEMES[name];
    return socket === parts.socket && isTls === parts.isTls && isWebSocket === parts.isWebSocket;
  });
}

/** Connects to the server that a URL with one of the schemes names. Throws the errors of the runtime. */
export async function connectTo(url: URL, options: ConnectOptions): Promise<Transport> {
  const scheme = schemeOf(url);
  if (scheme === undefined) throw new TypeError(`Cannot connect to "${url.protocol}": there is no such scheme`);
  const { connectPort, connect } = SCHEMES[scheme];
  const plain = new URL(url);
  plain.username = plain.password = "";
  return await connect({
    url: plain.href,
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? connectPort : Number(url.port),
    file: unescaped(url.pathname),
  }, options);
}

/** Path without its escapes; text that is not an escape stays unchanged. */
export function unescaped(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // A lone "%": written by a person, not by a URL serializer.
  }
}

/** Whether the runtime has sockets, as Deno does; a page of the web has its `WebSocket` alone. */
function hasSockets(): boolean {
  return "Deno" in globalThis;
}

async function connectPage({ url }: ServerPlace, signal: AbortSignal): Promise<Transport> {
  const { connectWebSocket } = await import("./web_socket/connect_in_page.ts");
  return await connectWebSocket(url, signal);
}

async function connectWebSocket(
  connecting: Promise<Transport>,
  { url }: ServerPlace,
  signal: AbortSignal,
): Promise<Transport> {
  const { connectWebSocketOver } = await import("./web_socket/connect_over.ts");
  return await connectWebSocketOver(connecting, url, signal);
}
