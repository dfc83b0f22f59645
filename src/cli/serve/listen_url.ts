import { listOfSchemes, type Scheme, type SchemeName, schemeOf, SCHEMES, unixParts } from "../../transport/schemes.ts";
import { hostPort } from "../../transport/tcp.ts";
import { ConfigError } from "../config_error.ts";

/** Address to listen at, with settings of this listener alone. */
export type ListenUrl = TcpUrl | UnixUrl;

interface AnyUrl {
  readonly scheme: SchemeName;
  /** `undefined`: MQTT without WebSocket. */
  readonly webSocket: WebSocketSettings | undefined;
}

/** URL with a host and a port. */
export interface TcpUrl extends AnyUrl {
  /** Host without brackets. */
  readonly hostname: string;
  /** Port; 0: any that is free. */
  readonly port: number;
  /** Whether connections begin with a header of the PROXY protocol: `?proxy-protocol`. */
  readonly isProxied: boolean;
}

/** URL of a Unix socket. */
export interface UnixUrl extends AnyUrl {
  readonly file: string;
  /** Mode of `?mode=660`; `undefined`: user and group. */
  readonly mode: number | undefined;
}

/** Settings of WebSocket in a URL. */
export interface WebSocketSettings {
  /** Path of the URL; `undefined`: those that clients expect. */
  readonly path: string | undefined;
  /** Origins of `?origin=https://example.com`, which may be repeated. */
  readonly origins: readonly string[] | undefined;
  /** Hosts of `?host=broker.example`, which may be repeated. */
  readonly hosts: readonly string[] | undefined;
  /** Proxies of `?trusted-proxy=10.0.0.0/8`, which may be repeated. */
  readonly trustedProxies: readonly string[];
}

/** Options of a URL, by the part of the scheme that they are for. */
const OPTIONS = { tcp: ["proxy-protocol"], unix: ["mode"], webSocket: ["origin", "host", "trusted-proxy"] } as const;
/** Advice of complaints about a listener. */
export const LISTEN_EXAMPLE = `write it like mqtt://127.0.0.1:${SCHEMES.mqtt.listenPort}`;
/** Host that stands for both loopback addresses. */
export const LOOPBACK = "loopback";
/** Host that stands for every address, of IPv6 and of IPv4. */
export const EVERY_ADDRESS = "*";

/** Parses the value of `--listen`; throws {@linkcode ConfigError}. */
export function parseListenUrl(text: string): ListenUrl {
  try {
    return listenUrlOf(text);
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(`--listen ${error.message}`) : error;
  }
}

/** Parses the URL of a listener; throws {@linkcode ConfigError}, whose message begins with the URL. */
export function listenUrlOf(text: string): ListenUrl {
  const url = URL.parse(text);
  if (url === null) throw notAUrl(text);
  const scheme = schemeOf(url);
  if (scheme === undefined) {
    if (!text.includes("://")) throw notAUrl(text); // `localhost:1883` has the form of a scheme and a path.
    throw new ConfigError(`"${text}" starts with ${url.protocol}// and not with ${listOfSchemes()}: ${LISTEN_EXAMPLE}`);
  }
  return SCHEMES[scheme].socket === "unix" ? unixUrl(text, url, scheme) : tcpUrl(text, url, scheme);
}

/** Parses the port of an option; throws {@linkcode ConfigError}. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new ConfigError(`--port "${text}" is not a number between 0 and 65535`);
}

/** Whether only this machine can reach it. */
export function isLoopback(url: ListenUrl): boolean {
  if ("file" in url) return true;
  const { hostname } = url;
  return hostname === "localhost" || hostname === LOOPBACK || hostname === "::1" ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Whether no other machine can reach it, not even through a proxy. @param beside settings outside of the URL */
export function isLocal(
  url: ListenUrl,
  beside: { readonly proxyProtocol: boolean; readonly trustedProxies: readonly string[] },
): boolean {
  if (!isLoopback(url)) return false;
  const isProxied = !("file" in url) && (url.isProxied || beside.proxyProtocol);
  const isForwarded = url.webSocket !== undefined &&
    [...url.webSocket.trustedProxies, ...beside.trustedProxies].length > 0;
  return !isProxied && !isForwarded;
}

/** URL as it was requested, without its options. */
export function urlText(url: ListenUrl): string {
  const { scheme } = url;
  const path = url.webSocket?.path ?? "";
  return "file" in url
    ? `${scheme}:${url.file}${path && `:${path}`}`
    : `${scheme}://${hostPort(url.hostname, url.port)}${path}`;
}

function notAUrl(text: string): ConfigError {
  return new ConfigError(`"${text}" is not a URL: ${LISTEN_EXAMPLE}`);
}

function tcpUrl(text: string, url: URL, scheme: SchemeName): TcpUrl {
  if (url.host === "") throw notAUrl(text);
  const { isWebSocket } = SCHEMES[scheme];
  const hasMore = url.username !== "" || url.password !== "" || url.hash !== "" ||
    (!isWebSocket && url.pathname.length > 1);
  if (hasMore) throw new ConfigError(`"${text}" has more than a host and a port: ${LISTEN_EXAMPLE}`);
  const options = optionsOf(text, url, SCHEMES[scheme]);
  return {
    scheme,
    hostname: url.hostname.replace(/^\[|\]$/g, "").toLowerCase(),
    port: portOf(text, url, SCHEMES[scheme]),
    isProxied: options.has("proxy-protocol"),
    webSocket: isWebSocket ? webSocketSettings(url.pathname, options) : undefined,
  };
}

/** Port of a URL. The parser drops that of HTTP from those of WebSocket, although it is not the default of a listener. */
function portOf(text: string, url: URL, { listenPort, connectPort }: Scheme): number {
  if (url.port !== "") return Number(url.port);
  return new RegExp(`^[^/]*//[^/?#]*:0*${connectPort}(?:[/?#]|$)`).test(text) ? connectPort : listenPort;
}

function unixUrl(text: string, url: URL, scheme: SchemeName): UnixUrl {
  const { isWebSocket } = SCHEMES[scheme];
  const { file, path = "" } = unixParts(url);
  if (!file.startsWith("/") || file === "/" || url.host !== "") {
    throw new ConfigError(`"${text}" is not a path: write it like ${scheme}:/run/brooklet.sock`);
  }
  const options = optionsOf(text, url, SCHEMES[scheme]);
  const mode = options.get("mode");
  if (mode !== null && !/^[0-7]{3}$/.test(mode)) {
    throw new ConfigError(`"${text}" has a mode that is not three octal digits: write it like ?mode=660`);
  }
  return {
    scheme,
    file,
    mode: mode === null ? undefined : parseInt(mode, 8),
    webSocket: isWebSocket ? webSocketSettings(path, options) : undefined,
  };
}

function webSocketSettings(path: string, options: URLSearchParams): WebSocketSettings {
  const all = (name: string) => options.has(name) ? options.getAll(name) : undefined;
  return {
    path: path.length > 1 ? path : undefined,
    origins: all("origin"),
    hosts: all("host"),
    trustedProxies: all("trusted-proxy") ?? [],
  };
}

function optionsOf(text: string, url: URL, { socket, isWebSocket }: Scheme): URLSearchParams {
  const names: readonly string[] = [...OPTIONS[socket], ...isWebSocket ? OPTIONS.webSocket : []];
  for (const name of url.searchParams.keys()) {
    if (names.includes(name)) continue;
    throw new ConfigError(`"${text}" has an unknown option "${name}": there is ${names.join(", ")}`);
  }
  return url.searchParams;
}
