import { SCHEME_NAMES, type SchemeName, SCHEMES } from "../../transport/schemes.ts";
import { ArgumentError } from "./arguments.ts";

/** Server for a client to connect to, from a URL, which may contain a topic. */
export interface ConnectionUrl {
  readonly scheme: SchemeName;
  /** Host without brackets; for a Unix socket all that follows the scheme. */
  readonly host: string;
  readonly port: number | undefined;
  readonly userName: string | undefined;
  readonly password: string | undefined;
  /** Text after the host, taken literally: `#`, `?` and `%` are parts of topics. */
  readonly topic: string | undefined;
}

/**
 * Parses `mqtt://user:password@host:port/topic`, or the URL of a Unix socket, which has no topic. Throws
 * {@linkcode ArgumentError}.
 */
export function parseConnectionUrl(text: string): ConnectionUrl {
  const unix = SCHEME_NAMES.find((name) => SCHEMES[name].socket === "unix" && text.startsWith(`${name}:`));
  if (unix !== undefined) {
    const host = text.slice(unix.length + 1);
    return { scheme: unix, host, port: undefined, userName: undefined, password: undefined, topic: undefined };
  }
  const [, written = "", rest = ""] = /^([^:]*):\/\/(.*)$/s.exec(text) ?? [];
  const scheme = SCHEME_NAMES.find((scheme) => scheme === written.toLowerCase());
  if (scheme === undefined || SCHEMES[scheme].socket === "unix") throw new ArgumentError("unsupported URL scheme.");
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

/** Parses a port; throws {@linkcode ArgumentError}. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new ArgumentError(`Invalid port given: ${text}`);
}

function withoutPassword(text: string): string {
  return text.replace(/:\/\/.*@/s, "://***@");
}

/** Decodes escapes; other text stays unchanged. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A lone "%": mosquitto has no escapes.
  }
}
