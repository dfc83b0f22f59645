import { hostPort } from "../../transport/tcp.ts";
import { ConfigError } from "../config_error.ts";

/** Address to listen at, with settings of this listener alone. */
export type ListenUrl = TcpUrl | WebSocketUrl | UnixUrl;

/** `mqtt://host:port` and `mqtts://host:port`. */
export interface TcpUrl {
  readonly scheme: "mqtt" | "mqtts";
  /** Host without brackets. */
  readonly hostname: string;
  /** Port; 0: any that is free. */
  readonly port: number;
  /** Whether connections begin with a header of the PROXY protocol: `?proxy-protocol`. */
  readonly isProxied: boolean;
}

/** `ws://host:port/path` and `wss://host:port/path`. */
export interface WebSocketUrl extends Omit<TcpUrl, "scheme"> {
  readonly scheme: "ws" | "wss";
  /** Path of the URL; `undefined`: those that clients expect. */
  readonly path: string | undefined;
  /** Origins of `?origin=https://example.com`, which may be repeated. */
  readonly origins: readonly string[] | undefined;
  /** Hosts of `?host=broker.example`, which may be repeated. */
  readonly hosts: readonly string[] | undefined;
  /** Proxies of `?trusted-proxy=10.0.0.0/8`, which may be repeated. */
  readonly trustedProxies: readonly string[];
}

/** `unix:/path`. */
export interface UnixUrl {
  readonly scheme: "unix";
  readonly path: string;
  /** Mode of `?mode=660`; `undefined`: user and group. */
  readonly mode: number | undefined;
}

const DEFAULT_PORTS = { mqtt: 1883, mqtts: 8883, ws: 8083, wss: 8084 } as const;
const EXAMPLE = `write it like mqtt://127.0.0.1:${DEFAULT_PORTS.mqtt}`;
/** Host that stands for both loopback addresses. */
export const LOOPBACK = "loopback";
/** Host that stands for every address, of IPv6 and of IPv4. */
export const EVERY_ADDRESS = "*";
const SCHEMES = "mqtt://, mqtts://, ws://, wss:// or unix:";

/** Parses the value of `--listen`; throws {@linkcode ConfigError}. */
export function parseListenUrl(text: string): ListenUrl {
  if (text === "") throw new ConfigError(`Option --listen needs a URL: ${EXAMPLE}`);
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
  switch (url.protocol) {
    case "mqtt:":
    case "mqtts:": {
      const scheme = url.protocol === "mqtt:" ? "mqtt" : "mqtts";
      const [address, options] = hostOf(text, url, DEFAULT_PORTS[scheme], ["proxy-protocol"]);
      if (url.pathname.length > 1) {
        throw new ConfigError(`"${text}" has more than a host and a port: ${EXAMPLE}`);
      }
      return { scheme, ...address, isProxied: options.has("proxy-protocol") };
    }
    case "ws:":
    case "wss:": {
      const scheme = url.protocol === "ws:" ? "ws" : "wss";
      const names = ["proxy-protocol", "origin", "host", "trusted-proxy"];
      // The default ports of these schemes are those of HTTP, and the parser drops a default port from the URL.
      const isWritten = /^wss?:\/\/[^/?#]*:(?:80|443)(?:[/?#]|$)/.test(text);
      const port = isWritten ? { ws: 80, wss: 443 }[scheme] : DEFAULT_PORTS[scheme];
      const [address, options] = hostOf(text, url, port, names);
      const origins = options.getAll("origin");
      const hosts = options.getAll("host");
      return {
        scheme,
        ...address,
        isProxied: options.has("proxy-protocol"),
        path: url.pathname.length > 1 ? url.pathname : undefined,
        origins: origins.length > 0 ? origins : undefined,
        hosts: hosts.length > 0 ? hosts : undefined,
        trustedProxies: options.getAll("trusted-proxy"),
      };
    }
    case "unix:":
      return unixUrl(text, url);
    default:
      if (!text.includes("://")) throw notAUrl(text); // `localhost:1883` has the form of a scheme and a path.
      throw new ConfigError(`"${text}" starts with ${url.protocol}// and not with ${SCHEMES}: ${EXAMPLE}`);
  }
}

/** Parses the port of an option; throws {@linkcode ConfigError}. */
export function parsePort(text: string): number {
  if (text === "") throw new ConfigError("Option --port needs a number between 0 and 65535");
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new ConfigError(`--port "${text}" is not a number between 0 and 65535`);
}

/** Whether only this machine can reach it. */
export function isLoopback(url: ListenUrl): boolean {
  if (url.scheme === "unix") return true;
  const { hostname } = url;
  return hostname === "localhost" || hostname === LOOPBACK || hostname === "::1" ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Whether no other machine can reach it, not even through a proxy. @param beside settings outside of the URL */
export function isLocal(
  url: ListenUrl,
  beside: { readonly proxyProtocol: boolean; readonly trustedProxies: readonly string[] },
): boolean {
  if (url.scheme === "unix" || !isLoopback(url)) return isLoopback(url);
  const proxies = "path" in url ? [...url.trustedProxies, ...beside.trustedProxies] : [];
  return !url.isProxied && !beside.proxyProtocol && proxies.length === 0;
}

/** URL as it was requested, without its options. */
export function urlText(url: ListenUrl): string {
  if (url.scheme === "unix") return `unix:${url.path}`;
  return `${url.scheme}://${hostPort(url.hostname, url.port)}${
    "path" in url && url.path !== undefined ? url.path : ""
  }`;
}

function notAUrl(text: string): ConfigError {
  return new ConfigError(`"${text}" is not a URL: ${EXAMPLE}`);
}

function hostOf(
  text: string,
  url: URL,
  defaultPort: number,
  names: readonly string[],
): [{ hostname: string; port: number }, URLSearchParams] {
  if (url.host === "") throw notAUrl(text);
  if (url.username !== "" || url.password !== "" || url.hash !== "") {
    throw new ConfigError(`"${text}" has more than a host and a port: ${EXAMPLE}`);
  }
  const port = url.port === "" ? defaultPort : Number(url.port);
  return [{ hostname: url.hostname.replace(/^\[|\]$/g, "").toLowerCase(), port }, optionsOf(text, url, names)];
}

function optionsOf(text: string, url: URL, names: readonly string[]): URLSearchParams {
  for (const name of url.searchParams.keys()) {
    if (names.includes(name)) continue;
    throw new ConfigError(`"${text}" has an unknown option "${name}": there is ${names.join(", ")}`);
  }
  return url.searchParams;
}

function unixUrl(text: string, url: URL): UnixUrl {
  const path = unescaped(url.pathname);
  if (!path.startsWith("/") || path === "/" || url.host !== "") {
    throw new ConfigError(`"${text}" is not a path: write it like unix:/run/brooklet.sock`);
  }
  const mode = optionsOf(text, url, ["mode"]).get("mode");
  if (mode !== null && !/^[0-7]{3}$/.test(mode)) {
    throw new ConfigError(`"${text}" has a mode that is not three octal digits: write it like ?mode=660`);
  }
  return { scheme: "unix", path, mode: mode === null ? undefined : parseInt(mode, 8) };
}

/** Path as the file system knows it; text that is not an escape stays unchanged. */
function unescaped(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // A lone "%": written by a person, not by a URL serializer.
  }
}
