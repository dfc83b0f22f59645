import type { BrokerEvent } from "../broker/events.ts";
import type { RemoteAddress } from "../broker/web_socket_route.ts";
import type { ForwardedOptions } from "../transport/proxy/forwarded.ts";
import type { ProcessFigures } from "./metric_families.ts";
import type { Role } from "./roles.ts";

/** Options of {@linkcode adminHandler}. */
export interface AdminHandlerOptions extends AdminAccess, ForwardedOptions {
  /**
   * Path below which an app mounts it, such as `/mqtt-admin`; the request that it is given has the whole path.
   *
   * @default {""}
   */
  readonly basePath?: string;
  /**
   * Names the user that the app has signed in, with a role; `undefined`: none. It is asked before `users` and `tokens`, with
   * each request, and every 30 seconds while a stream lasts. A write is only accepted from a page of the same origin, or
   * with `Authorization: Bearer`.
   *
   * @default none: people sign in here
   */
  readonly authorize?: Authorize;
  /**
   * Address at which the page is, such as `http://127.0.0.1:18083/`, for links; the authenticator and events see it as the
   * listener of clients that use topics by HTTP.
   *
   * @default scheme and host that a request asks for
   */
  readonly url?: string;
  /** Listeners of the program, which the page may connect to and whose names `Host` may have. @default none */
  readonly listeners?: () => readonly ListenerFacts[];
  /**
   * Whether MQTT clients may publish and subscribe by HTTP at `topics` below the path, with the user names, passwords and
   * tokens that they have for MQTT, and with no more rights. Signing in here does not make an MQTT client.
   *
   * @default {false}
   */
  readonly topics?: boolean;
  /** Origins of other pages that may use `topics`, such as `https://app.example.org`; `*` for any. @default none */
  readonly topicOrigins?: readonly string[];
  /** Kind of the storage in a word, such as `memory`. @default {"storage"} */
  readonly storageName?: string;
  /** Figures of the process for `/metrics`. @default none */
  readonly processFigures?: () => ProcessFigures;
  /** Configuration of the program, for admins. @default none: an app configures its broker itself */
  readonly configuration?: ConfigurationAccess;
  /** Called for each change, sign-in and sign-out, and for each defect, for logs; its errors are ignored. @default none */
  readonly onEvent?: (event: AdminEvent) => void;
  /** Longest time for a request, in milliseconds; for a stream, that to its head. @default {30_000} */
  readonly requestTimeoutMs?: number;
  /** Epoch milliseconds, for tests. @default `Date.now` */
  readonly now?: () => number;
}

/** Users, tokens and host names of the server; {@linkcode AdminHandler.reload} replaces them. */
export interface AdminAccess {
  /** People who sign in with a password. @default none */
  readonly users?: readonly AdminUser[];
  /** Programs that send `Authorization: Bearer`. @default none */
  readonly tokens?: readonly AdminToken[];
  /**
   * Names that `Host` may have beside those of this machine and of listeners, without ports; `*` for any.
   *
   * @default none: DNS rebinding would make a page of another site one of the same origin
   */
  readonly hosts?: readonly string[];
}

/** Person who signs in with a password. */
export interface AdminUser {
  /** User name. */
  readonly name: string;
  /** Hash of the password, as `brooklet passwd -n` and `formatPasswordHash` write it. */
  readonly passwordHash: string;
  /** Role, which says how much this person may see and change. */
  readonly role: Role;
}

/** Program that sends a token of 256 random bits. */
export interface AdminToken {
  /** Name for logs and events. */
  readonly name: string;
  /** SHA-256 of the token in hexadecimal digits, as `brooklet token` prints it. */
  readonly tokenHash: string;
  /** Role, which says how much this program may see and change. */
  readonly role: Role;
}

/** Configuration of a program, as admins see it and have it read again. */
export interface ConfigurationAccess {
  /** Configuration in force as YAML, without secrets. */
  yaml(): string | Promise<string>;
  /** Checks a text, or without one the configuration with all files that it names. */
  check(yaml?: string): Promise<ConfigurationCheck>;
  /** Reads it again, with all its files; changes nothing if there is a mistake. */
  reload(): Promise<ConfigurationCheck & { readonly disconnected: number }>;
}

/** Outcome of a check. */
export interface ConfigurationCheck {
  /** Mistakes; none: it can be used. */
  readonly mistakes: readonly ConfigurationMistake[];
  /** Warnings about what can be used, but may not be what was meant. */
  readonly warnings: readonly string[];
}

/** Mistake in a configuration. */
export interface ConfigurationMistake {
  /** Mistake in words. */
  readonly message: string;
  /** Place of the mistake; missing: it has none. */
  readonly file?: string;
  /** Line of its file, from 1 on. */
  readonly line?: number;
  /** Column of its line, from 1 on. */
  readonly column?: number;
  /** Key that is wrong, such as `listeners[0].url`. */
  readonly key?: string;
}

/** Gives the user that a request is from; `undefined`: the app has not signed it in. */
export type Authorize = (
  request: Request,
  info: RequestInfo,
) => AuthorizedUser | undefined | Promise<AuthorizedUser | undefined>;

/** Person or program that an app has signed in. */
export interface AuthorizedUser {
  /** Name for logs and events. */
  readonly name: string;
  /** Role, which says how much this user may see and change. */
  readonly role: Role;
}

/** Facts about a request, as the second argument of a `Deno.serve` handler has them. */
export interface RequestInfo {
  /** Address that sent the request. @default unknown */
  readonly remoteAddr?: RemoteAddress;
}

/** Event of the API itself, for logs. */
export type AdminEvent = AdminChange | Extract<BrokerEvent, { readonly kind: "unexpectedError" }>;

/** Report of a change, a sign-in or a sign-out. It holds no secrets and no payloads, so logs may show it. */
export interface AdminChange {
  /** Kind of the event. */
  readonly kind: "adminChange";
  /** Name of the change, such as `disconnect`. */
  readonly name: string;
  /** Change in words, such as `disconnected the client "a"`. A client may have chosen names in it. */
  readonly message: string;
  /** Name of the person or program. */
  readonly by: string;
  /** Role of it. */
  readonly role: Role;
  /** Address with port that the request came from, where it is known. */
  readonly address: string | undefined;
  /** Client Identifier that it is about. */
  readonly clientId?: string;
  /** Topic that it is about. */
  readonly topic?: string;
}

/** Listener of the program. */
export interface ListenerFacts {
  /** Address at which it listens, such as `wss://0.0.0.0:8084/mqtt`. */
  readonly url: string;
}
