import { schemeWith } from "../../transport/schemes.ts";
import { LIMITS, type MosquittoRow } from "../../protocol/limit_table.ts";
import { SETTINGS } from "../../protocol/setting_table.ts";
import { ConfigError } from "../config_error.ts";
import { UNLIMITED } from "../config/row.ts";
import type { ConfigPath } from "../config/shape.ts";
import type { LogType } from "../config/logging_settings.ts";
import type { ConfigurationInput } from "../config/settings.ts";
import type { MosquittoLine } from "./line.ts";

type ListenerInput = NonNullable<ConfigurationInput["listeners"]>[number];
type DestinationInput = NonNullable<NonNullable<ConfigurationInput["logging"]>["destinations"]>[number];

const DEFAULT_PORT = 1883;

/** Security options in mosquitto's words: of all listeners, or with `per_listener_settings` of each. */
interface SecurityDraft {
  allowAnonymous?: boolean;
  passwordFile?: string;
  aclFile?: string;
  allowEmptyClientId?: boolean;
}

/** Listener as the lines of a mosquitto.conf describe it, or the default one. */
export interface ListenerDraft {
  readonly place: string | undefined;
  /** Lines about it. */
  readonly lines: MosquittoLine[];
  port?: number;
  host?: string;
  isWebSocket?: boolean;
  httpDir?: string;
  origins?: readonly string[];
  versions?: readonly ("3.1" | "3.1.1" | "5")[];
  hasProxy?: boolean;
  domain?: "ipv4" | "ipv6";
  certificate?: string;
  key?: string;
  authority?: string;
  requireCertificate?: boolean;
  minimumVersion?: "1.2" | "1.3";
  usesIdentity?: boolean;
  usesSubject?: boolean;
  maximumConnections?: number;
  maximumQos?: number;
  topicAliasMaximum?: number;
  /** Replaces that of the security options. */
  allowAnonymous?: boolean;
  readonly security: SecurityDraft;
}

/** Values of keys, some of which functions in keys.ts set themselves. */
interface Values extends ConfigurationInput {
  limits: NonNullable<ConfigurationInput["limits"]>;
  logging: NonNullable<ConfigurationInput["logging"]>;
}

/** Configuration collected from the lines of a mosquitto.conf so far. */
export class MosquittoDraft {
  readonly warnings: string[] = [];
  /** Values of keys, with the defaults of mosquitto where they differ. */
  readonly values = mosquittoDefaults();
  readonly logTypes: LogType[] = [];
  readonly destinations: DestinationInput[] = [];
  hasLogType = false;
  isSilent = false;
  isPerListener = false;
  isKept = false;
  location = "";
  /** Limit of the head of a WebSocket request at all listeners; `undefined`: the default. */
  requestHeadBytes: number | undefined;
  /** Whether no listener is named, so that only this machine may connect. */
  isLocalOnly = true;
  readonly #warned = new Set<string>();
  readonly #security: SecurityDraft = {};
  readonly #first: ListenerDraft = { place: undefined, lines: [], security: {} };
  readonly #listeners: ListenerDraft[] = [];
  #listener = this.#first;
  #used: readonly ListenerDraft[] = [];

  /** Listener to which the lines belong. */
  get listener(): ListenerDraft {
    return this.#listener;
  }

  /** Security options to which the lines belong. */
  get security(): SecurityDraft {
    return this.isPerListener ? this.listener.security : this.#security;
  }

  /** Whether any of them was set. */
  get hasSecurity(): boolean {
    return Object.keys(this.#security).length > 0 || this.values.assignedClientIdPrefix !== undefined;
  }

  addListener(place: string, port: number, host: string | undefined): void {
    this.#listener = { place, port, lines: [], ...host === undefined ? {} : { host }, security: {} };
    this.#listeners.push(this.#listener);
    this.isLocalOnly = false;
  }

  /** Reads an included file: its lines are about its own listeners, later ones about the same listener as before. */
  inIncludedFile(read: () => void): void {
    const listener = this.#listener;
    this.#listener = this.#first;
    read();
    this.#listener = listener;
  }

  /** Adds a warning, once for each key. */
  warn({ key, place }: MosquittoLine, why: string): void {
    if (this.#warned.has(key)) return;
    this.#warned.add(key);
    this.warnings.push(`${place}: "${key}" ${why}`);
  }

  /** Value of a key of the configuration; `undefined`: it was not set. */
  get(path: ConfigPath): unknown {
    return path.reduce<unknown>((group, step) => Reflect.get(Object(group), step), this.values);
  }

  /** Sets a key of the configuration. */
  set(path: ConfigPath, value: unknown): void {
    let group: object = this.values;
    for (const step of path.slice(0, -1)) {
      if (Reflect.get(group, step) === undefined) Reflect.set(group, step, {});
      group = Object(Reflect.get(group, step));
    }
    Reflect.set(group, path.at(-1) ?? "", value);
  }

  placeOfListener(index: number): string | undefined {
    return this.#used[index]?.place;
  }

  finish(): ConfigurationInput {
    this.#used = this.#listeners.length === 0 || isUsed(this.#first)
      ? [this.#first, ...this.#listeners]
      : this.#listeners;
    if (!this.#used.includes(this.#first)) {
      for (const line of this.#first.lines) {
        this.warn(
          line,
          'is ignored without a "listener" before it in its file: it belongs to the listener of port 1883, which is closed',
        );
      }
    }
    const hasRules = this.#used.some(({ security }) => security.aclFile !== undefined) ||
      this.#security.aclFile !== undefined;
    const { passwordFile, aclFile, allowAnonymous = this.isLocalOnly } = this.#security;
    return {
      listeners: this.#used.map((listener) => this.#listenerOf(listener)),
      storage: this.isKept ? `kv:${this.location}brooklet.kv` : "memory",
      authentication: { anonymous: allowAnonymous, ...passwordFile === undefined ? {} : { passwordFile } },
      ...aclFile === undefined || this.isPerListener ? {} : { access: { file: aclFile } },
      ...hasRules ? { deniedWill: "drop" as const } : {},
      ...this.values,
      logging: {
        timestampFormat: "%s",
        ...this.values.logging,
        types: this.hasLogType ? this.logTypes : ["error", "warning", "notice", "information"],
        destinations: this.isSilent ? [] : this.destinations.length === 0 ? ["stderr"] : this.destinations,
      },
    };
  }

  #listenerOf(listener: ListenerDraft): ListenerInput {
    const { certificate, key, authority, requireCertificate = false, minimumVersion, security } = listener;
    const { maximumConnections, maximumQos, topicAliasMaximum, allowAnonymous, versions, hasProxy } = listener;
    checkListener(listener);
    const own = this.isPerListener ? security : this.#security;
    const limits = {
      ...maximumQos === undefined ? {} : { maximumQos },
      ...topicAliasMaximum === undefined ? {} : { topicAliasMaximum },
    };
    return {
      url: this.#urlOf(listener),
      ...certificate === undefined || key === undefined ? {} : {
        tls: {
          certificate,
          key,
          ...authority === undefined ? {} : { chain: authority }, // OpenSSL looks there for missing parts of certfile.
          // Without require_certificate, mosquitto asks no client for a certificate.
          ...authority !== undefined && requireCertificate ? { authority, requireCertificate } : {},
          ...minimumVersion === undefined ? {} : { minimumVersion },
        },
      },
      ...this.isPerListener || nameKeyOf(listener) !== undefined || allowAnonymous !== undefined
        ? { authentication: this.#waysOf(listener, own) }
        : {},
      ...this.isPerListener && own.aclFile !== undefined ? { access: { file: own.aclFile } } : {},
      ...own.allowEmptyClientId === false ? { allowEmptyClientId: false } : {},
      ...maximumConnections === undefined ? {} : { maximumConnections },
      ...Object.keys(limits).length === 0 ? {} : { limits },
      ...this.#webSocketOf(listener),
      ...versions === undefined ? {} : { versions: [...versions] },
      ...hasProxy === undefined ? {} : { proxyProtocol: hasProxy },
    };
  }

  #webSocketOf({ isWebSocket = false, httpDir, origins, lines }: ListenerDraft) {
    if (isWebSocket) {
      return {
        paths: "any" as const,
        ...httpDir === undefined ? {} : { httpDir },
        ...origins === undefined ? {} : { origins: [...origins] },
        ...this.requestHeadBytes === undefined ? {} : { maximumRequestHeadBytes: this.requestHeadBytes },
      };
    }
    for (const line of lines.filter(({ key }) => key === "http_dir" || key === "websockets_origin")) {
      this.warn(line, 'is ignored: it needs "protocol websockets"');
    }
    return {};
  }

  /** Ways to authenticate: if the certificate names the user it suffices, and the password file is not used. */
  #waysOf(listener: ListenerDraft, own: SecurityDraft) {
    const { usesIdentity = false, usesSubject = false } = listener;
    const { passwordFile } = own;
    const allowAnonymous = listener.allowAnonymous ?? own.allowAnonymous ?? this.isLocalOnly;
    if (usesIdentity) return { anonymous: false, certificateNames: true };
    if (usesSubject) return { anonymous: false, certificateSubjects: true };
    return { anonymous: allowAnonymous, ...passwordFile === undefined ? {} : { passwordFile } };
  }

  #urlOf(listener: ListenerDraft): string {
    const { port = DEFAULT_PORT, host, domain, isWebSocket = false, certificate } = listener;
    if (host?.includes("/")) {
      const scheme = schemeWith({ socket: "unix", isTls: false, isWebSocket });
      return `${scheme}:${encodeURI(host).replace(/[?#:]/g, encodeURIComponent)}`;
    }
    const scheme = schemeWith({ socket: "tcp", isTls: certificate !== undefined, isWebSocket });
    this.#checkDomain(listener);
    return `${scheme}://${this.#hostOf(host, domain)}:${port}`;
  }

  #checkDomain(listener: ListenerDraft): void {
    const { host, domain, lines } = listener;
    if (host === undefined || domain === undefined || host === "localhost") return;
    const line = lines.findLast(({ key }) => key === "socket_domain");
    const family = host.includes(":") ? "ipv6" : /^[\d.]+$/.test(host) ? "ipv4" : undefined;
    if (family === undefined) {
      if (line !== undefined) this.warn(line, "is ignored with a host name: write its address");
    } else if (family !== domain) {
      throw errorAt(listener, ["socket_domain"], `"socket_domain" is not that of the address "${host}"`);
    }
  }

  #hostOf(host: string | undefined, domain: ListenerDraft["domain"]): string {
    const isLocal = host === undefined ? this.isLocalOnly : host === "localhost";
    if (isLocal) return domain === undefined ? "loopback" : domain === "ipv4" ? "127.0.0.1" : "[::1]";
    if (host === undefined) return domain === undefined ? "*" : domain === "ipv4" ? "0.0.0.0" : "[::]";
    return host.includes(":") ? `[${host}]` : host;
  }
}

/** Whether mosquitto opens the listener of port 1883 beside the named ones: if a setting of it is not the default. */
function isUsed(first: ListenerDraft): boolean {
  const { port, host, domain, certificate, key, authority, security } = first;
  const isNamed = [port, host, domain, certificate, key, authority, first.maximumConnections, security.passwordFile]
    .some((value) => value !== undefined);
  const isSwitched = [first.isWebSocket, first.requireCertificate, first.usesIdentity, first.usesSubject].includes(
    true,
  );
  return isNamed || isSwitched || (first.maximumQos ?? 2) < 2 || security.allowEmptyClientId === false;
}

function mosquittoDefaults(): Values {
  return {
    ...defaultsOf(SETTINGS),
    limits: defaultsOf(LIMITS),
    logging: { connectionMessages: true },
  };
}

/** Defaults of mosquitto in a table, where they differ. */
function defaultsOf(table: Readonly<Record<string, { readonly mosquitto?: MosquittoRow<unknown> }>>) {
  return Object.fromEntries(
    Object.entries(table).flatMap(([name, { mosquitto }]) => {
      const initial = mosquitto?.default;
      return initial === undefined ? [] : [[name, initial === Infinity ? UNLIMITED : initial]];
    }),
  );
}

/** Refuses a listener that would accept unintended clients, or none at all. */
function checkListener(listener: ListenerDraft): void {
  const { certificate, key, authority, requireCertificate = false, host, hasProxy } = listener;
  if ((certificate === undefined) !== (key === undefined)) {
    throw errorAt(listener, ["certfile", "keyfile"], '"certfile" and "keyfile" belong together');
  }
  if (requireCertificate && certificate === undefined && hasProxy) {
    const why = "is not possible with a proxy that ends TLS: what it says of certificates is ignored";
    throw errorAt(listener, ["require_certificate"], `"require_certificate" ${why}`);
  }
  if (requireCertificate && certificate === undefined) {
    throw errorAt(listener, ["require_certificate"], '"require_certificate" needs "certfile" and "keyfile"');
  }
  if (requireCertificate && authority === undefined) {
    throw errorAt(listener, ["require_certificate"], '"require_certificate" needs "cafile" or "capath"');
  }
  const nameKey = nameKeyOf(listener);
  if (nameKey !== undefined && !requireCertificate) {
    throw errorAt(listener, [nameKey], `"${nameKey}" needs "require_certificate true"`);
  }
  if (!host?.includes("/")) return;
  if (certificate !== undefined) throw errorAt(listener, ["certfile"], '"certfile" is not possible at a Unix socket');
  if (hasProxy) {
    throw errorAt(listener, ["enable_proxy_protocol"], '"enable_proxy_protocol" is not possible at a Unix socket');
  }
}

/** Key that makes the certificate name the user. */
function nameKeyOf({ usesIdentity, usesSubject }: ListenerDraft): string | undefined {
  if (usesIdentity === true) return "use_identity_as_username";
  return usesSubject === true ? "use_subject_as_username" : undefined;
}

/** Error at the line of one of the keys. */
function errorAt({ lines }: ListenerDraft, keys: readonly string[], why: string): ConfigError {
  const place = lines.findLast(({ key }) => keys.includes(key))?.place;
  return new ConfigError(place === undefined ? why : `${place}: ${why}`);
}
