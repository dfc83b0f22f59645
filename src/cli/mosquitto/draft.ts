import { schemeWith } from "../../transport/schemes.ts";
import type { LogType } from "../config/logging_schema.ts";
import type { ConfigurationInput } from "../config/schema.ts";
import type { MosquittoLine } from "./line.ts";
import { checkListener, errorAt, type ListenerDraft, nameKeyOf, type SecurityDraft } from "./listener.ts";

type ListenerInput = NonNullable<ConfigurationInput["listeners"]>[number];
type LimitsInput = NonNullable<ConfigurationInput["limits"]>;
type DestinationInput = NonNullable<NonNullable<ConfigurationInput["logging"]>["destinations"]>[number];

const DEFAULT_PORT = 1883;
/** Limits that differ from Brooklet's in mosquitto 2.0, or do not exist there. */
const MOSQUITTO_LIMITS: LimitsInput = {
  maximumPacketBytes: 268_435_460,
  maximumClientIdLength: 65_535,
  maximumInflight: 20,
  receiveMaximum: 20,
  maximumQueuedMessages: 1_000,
  maximumQueuedBytes: "unlimited",
  maximumSubscriptions: "unlimited",
  maximumTopicLevels: 201, // It counts slashes, up to 200.
  maximumRetainedMessages: "unlimited",
  maximumRetainedBytes: "unlimited",
};

/** Configuration collected from the lines of a mosquitto.conf so far. */
export class MosquittoDraft {
  readonly warnings: string[] = [];
  readonly limits: LimitsInput = { ...MOSQUITTO_LIMITS };
  readonly logTypes: LogType[] = [];
  readonly destinations: DestinationInput[] = [];
  /** Delivery as in mosquitto 2.0.11, which checks publishers of retained messages only if told, unlike its manual. */
  readonly delivery: NonNullable<ConfigurationInput["delivery"]> = { checkRetainedPublisher: false };
  readonly clientIds: NonNullable<ConfigurationInput["clientIds"]> = {};
  readonly logging: NonNullable<ConfigurationInput["logging"]> = { connectionMessages: true };
  hasLogType = false;
  isSilent = false;
  isPerListener = false;
  isKept = false;
  location = "";
  pidFile?: string;
  sysIntervalSeconds = 10;
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
    return Object.keys(this.#security).length > 0 || this.clientIds.assignedPrefix !== undefined;
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
          'is not looked at with no "listener" in front of it in its file: it is about that of port 1883, which is closed',
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
      delivery: this.delivery,
      ...Object.keys(this.clientIds).length === 0 ? {} : { clientIds: this.clientIds },
      limits: this.limits,
      logging: {
        timestampFormat: "%s",
        ...this.logging,
        types: this.hasLogType ? this.logTypes : ["error", "warning", "notice", "information"],
        destinations: this.isSilent ? [] : this.destinations.length === 0 ? ["stderr"] : this.destinations,
      },
      sys: { intervalSeconds: this.sysIntervalSeconds },
      ...this.pidFile === undefined ? {} : { pidFile: this.pidFile },
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
      };
    }
    for (const line of lines.filter(({ key }) => key === "http_dir" || key === "websockets_origin")) {
      this.warn(line, 'is not looked at: it needs "protocol websockets"');
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
      if (line !== undefined) this.warn(line, "is not looked at beside the name of a host: name its address");
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
