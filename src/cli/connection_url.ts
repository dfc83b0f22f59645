import { ArgumentError } from "./client_arguments.ts";

/** Where a client is to connect to, as a URL says it together with a topic. */
export interface ConnectionUrl {
  readonly scheme: "mqtt" | "mqtts" | "ws" | "wss" | "unix";
  /** Without brackets; of `unix:` the path. */
  readonly host: string;
  readonly port: number | undefined;
  readonly userName: string | undefined;
  readonly password: string | undefined;
  /** All behind the host, as it stands there: `#`, `?` and `%` are parts of topics. */
  readonly topic: string | undefined;
}

const SCHEMES = ["mqtt", "mqtts", "ws", "wss"] as const;

/**
 * Takes `mqtt://user:password@host:port/topic` apart, or `unix:/path`, which has no topic. Throws
 * {@linkcode ArgumentError}.
 */
export function parseConnectionUrl(text: string): ConnectionUrl {
  if (text.startsWith("unix:")) {
    const host = text.slice("unix:".length);
    return { scheme: "unix", host, port: undefined, userName: undefined, password: undefined, topic: undefined };
  }
  const [, written = "", rest = ""] = /^([^:]*):\/\/(.*)$/s.exec(text) ?? [];
  const scheme = SCHEMES.find((scheme) => scheme === written.toLowerCase());
  if (scheme === undefined) throw new ArgumentError("unsupported URL scheme.");
  const slash = rest.indexOf("/");
  const authority = slash === -1 ? rest : rest.slice(0, slash);
  const topic = slash === -1 ? "" : rest.slice(slash + 1);
  const [, credentials, bracketed, plain, port] =
    /^(?:(.*)@)?(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d*))?$/s.exec(authority) ??
      [];
  const host = bracketed ?? plain ?? "";
  if (host === "") throw new ArgumentError(`Invalid URL '${withoutPassword(text)}' - host missing.`);
  const [, userName, password] = /^([^:]*)(?::(.*))?$/s.exec(credentials ?? "") ?? [];
  return {
    scheme,
    host,
    port: port === undefined || port === "" ? undefined : parsePort(port),
    userName: userName === undefined || userName === "" ? undefined : unescaped(userName),
    password: password === undefined ? undefined : unescaped(password),
    topic: topic === "" ? undefined : topic,
  };
}

/** Throws {@linkcode ArgumentError}. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new ArgumentError(`Invalid port given: ${text}`);
}

function withoutPassword(text: string): string {
  return text.replace(/:\/\/.*@/s, "://***@");
}

/** What is no escape stays as it is. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A lone "%": mosquitto knows no escapes.
  }
}
