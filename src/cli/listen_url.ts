import { ConfigError } from "./config_error.ts";

const SCHEMES = ["mqtt"] as const;
const DEFAULT_PORT = 1883;

/** Where to listen. */
export interface ListenUrl {
  readonly scheme: typeof SCHEMES[number];
  /** Without brackets. */
  readonly hostname: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** Takes `mqtt://host:port` apart; throws {@linkcode ConfigError}. */
export function parseListenUrl(text: string): ListenUrl {
  const example = `write it like mqtt://127.0.0.1:${DEFAULT_PORT}`;
  if (text === "") throw new ConfigError(`Option --listen needs a URL: ${example}`);
  const url = URL.parse(text);
  if (url === null || url.host === "") throw new ConfigError(`--listen "${text}" is not a URL: ${example}`);
  const scheme = SCHEMES.find((known) => `${known}:` === url.protocol);
  if (scheme === undefined) {
    throw new ConfigError(`--listen "${text}" starts with ${url.protocol}// and not with mqtt://: ${example}`);
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "" || url.pathname.length > 1) {
    throw new ConfigError(`--listen "${text}" has more than a host and a port: ${example}`);
  }
  const port = url.port === "" ? DEFAULT_PORT : Number(url.port);
  return { scheme, hostname: url.hostname.replace(/^\[|\]$/g, "").toLowerCase(), port };
}

/** Takes a port number apart, as an option gives it; throws {@linkcode ConfigError}. */
export function parsePort(text: string): number {
  if (text === "") throw new ConfigError("Option --port needs a number between 0 and 65535");
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new ConfigError(`--port "${text}" is not a number between 0 and 65535`);
}

/** Whether only this machine can reach it. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
