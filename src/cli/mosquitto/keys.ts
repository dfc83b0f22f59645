import { z } from "npm:zod@4.6.7";
import type { MosquittoRow } from "../../protocol/limit_table.ts";
import { isOrigin } from "../config/checks.ts";
import { LOG_TYPES, type LogType } from "../config/logging_settings.ts";
import { UNLIMITED } from "../config/row.ts";
import { configurationSchema, factsOf } from "../config/settings.ts";
import type { ConfigPath } from "../config/shape.ts";
import { isTimestampFormat } from "../log/timestamp.ts";
import type { MosquittoDraft } from "./draft.ts";
import type { MosquittoLine } from "./line.ts";

const NO_PSK = "is about pre-shared keys, which TLS has not here: use certificates";
const LEAST_PACKET_BYTES = 32;
const LEAST_HEAD_BYTES = 1_024;
const MOST_PACKET_BYTES = 268_435_460;
const UNIT_SECONDS = { s: 1, h: 3_600, d: 86_400, w: 604_800, m: 2_592_000, y: 31_536_000 } as const;
const NO_PLUGINS =
  `is about plugins, which are programs for mosquitto: "password_file", "acl_file", and in a YAML file ` +
  '"authentication.jwt" and "authentication.webhook" are what there is';
const NO_BRIDGE =
  "is about a bridge, which Brooklet has none of: let mosquitto's bridge connect to it from the other side";
/** Versions of MQTT by their Protocol Level. */
const VERSIONS = new Map<string, "3.1" | "3.1.1" | "5">([["3", "3.1"], ["4", "3.1.1"], ["5", "5"]]);
const NO_ENGINE = "is about engines of OpenSSL, which TLS has not here: use a key file";

/** Puts a line into the draft; gives differences to mosquitto, and throws ConfigError for impossible settings. */
export type MosquittoKey = (line: MosquittoLine, draft: MosquittoDraft) => string | undefined | void;

/** Every key of mosquitto.conf(5) of mosquitto 2.0 and 2.1, except include_dir. A name that ends in `*` is a prefix. */
export function mosquittoKeys(): Readonly<Record<string, MosquittoKey>> {
  return {
    ...rowKeys(configurationSchema),
    ...securityKeys(),
    ...limitKeys(),
    ...logKeys(),
    ...storageKeys(),
    listener: addListener,
    ...ofListener({ ...listenerKeys(), ...admissionKeys(), ...webSocketKeys(), ...tlsKeys() }),
    websockets_headers_size: requestHeadBytes,
    user: warn("is ignored: a program in Deno cannot change its user; start it as that user"),
    ...bridgeKeys(),
  };
}

/** Keys whose value a row of the configuration takes as it is; other functions here replace those that differ. */
function rowKeys({ shape }: z.ZodObject, within: ConfigPath = []): Record<string, MosquittoKey> {
  return Object.fromEntries(
    Object.entries(shape).flatMap(([name, type]) => {
      const path = [...within, name];
      const { mosquitto } = factsOf(type);
      const inner = withoutDefault(type);
      if (mosquitto?.key !== undefined) return [[mosquitto.key, rowKey(path, inner, mosquitto)]];
      return inner instanceof z.ZodObject ? Object.entries(rowKeys(inner, path)) : [];
    }),
  );
}

function rowKey(
  path: ConfigPath,
  type: z.core.$ZodType,
  { most = MOST, differs }: MosquittoRow<unknown>,
): MosquittoKey {
  if (type instanceof z.ZodBoolean) return (line, draft) => draft.set(path, line.boolean());
  if (type instanceof z.ZodString) {
    return (line, draft) => {
      if (draft.get(path) !== undefined) throw line.error("is there already");
      draft.set(path, line.text());
    };
  }
  const choices: readonly z.core.$ZodType[] = type instanceof z.ZodUnion ? type.options : [type];
  const greatest = Math.min(
    ...choices.map((choice) => choice instanceof z.ZodNumber ? choice.maxValue ?? Infinity : Infinity),
  );
  const isEndless = choices.length > 1 && greatest > MOST; // 0 is no limit there.
  return (line, draft) => {
    const value = line.integer(0, Math.min(most, greatest));
    draft.set(path, value === 0 && isEndless ? UNLIMITED : value);
    return value === 0 ? undefined : differs;
  };
}

function withoutDefault(type: z.core.$ZodType): z.core.$ZodType {
  return type instanceof z.ZodDefault || type instanceof z.ZodPrefault || type instanceof z.ZodOptional
    ? withoutDefault(type.def.innerType)
    : type;
}

function securityKeys(): Record<string, MosquittoKey> {
  return {
    per_listener_settings: (line, draft) => {
      draft.isPerListener = line.boolean();
      if (draft.isPerListener && draft.hasSecurity) {
        throw line.error("has to stand before all other settings of security");
      }
    },
    ...ofListener({
      allow_anonymous: (line, { security }) => void (security.allowAnonymous = line.boolean()),
      password_file: once(({ security }) => security, "passwordFile"),
      acl_file: once(({ security }) => security, "aclFile"),
      allow_zero_length_clientid: (line, { security }) => void (security.allowEmptyClientId = line.boolean()),
    }, ({ isPerListener }) => isPerListener),
    auto_id_prefix: (line, { values, isPerListener }) => {
      if (!isPerListener && values.assignedClientIdPrefix !== undefined) throw line.error("is there already");
      values.assignedClientIdPrefix = line.text();
      return isPerListener ? "holds for all listeners" : undefined;
    },
    clientid_prefixes: (line, { values }) => {
      if (values.clientIds !== undefined) throw line.error("is there already");
      values.clientIds = { prefixes: [line.text()] };
    },
    psk_file: refuse(NO_PSK),
    auth_plugin: refuse(NO_PLUGINS),
    plugin: refuse(NO_PLUGINS),
    global_plugin: refuse(NO_PLUGINS),
    plugin_load: refuse(NO_PLUGINS),
    plugin_use: refuse(NO_PLUGINS),
    "auth_opt_*": refuse(NO_PLUGINS),
    "plugin_opt_*": refuse(NO_PLUGINS),
    auth_plugin_deny_special_chars: warn("changes nothing: there are no plugins"),
    enable_control_api: only(false, "is ignored: there is no $CONTROL/broker"),
  };
}

function limitKeys(): Record<string, MosquittoKey> {
  return {
    max_inflight_messages: (line, { values: { limits } }) => {
      const value = line.integer(0, 65_535);
      limits.maximumInflight = limits.receiveMaximum = value === 0 ? 65_535 : value;
    },
    max_packet_size: (line, { values: { limits } }) => {
      const value = line.integer(20, MOST);
      limits.maximumPacketBytes = Math.min(Math.max(value, LEAST_PACKET_BYTES), MOST_PACKET_BYTES);
      return value < LEAST_PACKET_BYTES ? `is ${LEAST_PACKET_BYTES}, which is the least there is` : undefined;
    },
    global_max_connections: (line, { values: { limits } }) =>
      void (limits.maximumConnections = mostConnections(line) ?? "unlimited"),
    global_max_clients: (line, { values: { limits } }) => {
      const most = mostConnections(line);
      limits.maximumSessions = most ?? "unlimited";
      return most === undefined
        ? undefined
        : 'counts sessions that outlive their connections; "global_max_connections" bounds those that are connected';
    },
    packet_buffer_size: warn(
      'is ignored: buffers have their own size, and "websockets_headers_size" limits the head of a request',
    ),
    memory_limit: warn("is ignored: limit the memory of the process from outside, as with MemoryMax= of systemd"),
    persistent_client_expiration: (line, { values: { limits } }) => {
      const [, count, unit] = /^(\d+)([shdwmy])$/.exec(line.onlyWord()) ?? [];
      if (count === undefined || Number(count) === 0) {
        throw line.error("is not an integer of at least 1 with s, h, d, w, m or y after it");
      }
      const seconds = Number(count) * UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS]; // One of these letters.
      limits.maximumSessionExpirySeconds = Math.min(seconds, 0xffff_fffe);
    },
    retain_available: (line, { values: { limits } }) => {
      if (!line.boolean()) limits.maximumRetainedMessages = 0;
    },
    retain_expiry_interval: (line) => {
      line.integer(0, MOST);
      return "is ignored: a retained message is deleted when it expires";
    },
    // mosquitto 2.0.11 sends clients of MQTT 5 a copy for each subscription, whatever is set here.
    allow_duplicate_messages: only(
      false,
      "is ignored: subscriptions that overlap give a message for each Subscription Identifier, and one before MQTT 5",
    ),
    set_tcp_nodelay: only(true, "is ignored: TCP_NODELAY is always set"),
    retry_interval: warn("is ignored: messages are sent again only after the client reconnects, as in mosquitto 2.0"),
    sys_interval: (line, { values }) => void (values.sysIntervalMs = line.integer(0, 65_535) * 1_000),
  };
}

function storageKeys(): Record<string, MosquittoKey> {
  const persistence: MosquittoKey = (line, draft) => {
    draft.isKept = line.boolean();
    return draft.isKept ? "keeps things in a file brooklet.kv: what mosquitto.db has is not read" : undefined;
  };
  const always = warn("is ignored: each change is stored when it happens");
  return {
    persistence,
    retained_persistence: persistence, // Its old name, which mosquitto still accepts.
    persistence_location: (line, draft) => {
      if (draft.location !== "") throw line.error("is there already");
      draft.location = line.text().replace(/\/*$/, "/");
    },
    persistence_file: warn("is ignored: the file is brooklet.kv"),
    autosave_interval: always,
    autosave_on_changes: always,
  };
}

function bridgeKeys(): Record<string, MosquittoKey> {
  const names = `connection address addresses bridge_alpn bridge_attempt_unsubscribe bridge_bind_address bridge_cafile
    bridge_capath bridge_certfile bridge_ciphers bridge_ciphers_tls1.3 bridge_identity bridge_insecure bridge_keyfile
    bridge_max_packet_size bridge_max_topic_alias bridge_outgoing_retain bridge_protocol_version bridge_psk
    bridge_receive_maximum bridge_reload_type bridge_require_ocsp bridge_session_expiry_interval bridge_tcp_keepalive
    bridge_tcp_user_timeout bridge_tls_use_os_certs bridge_tls_version cleansession clientid
    idle_timeout keepalive_interval local_cleansession local_clientid local_password local_username notification_topic
    notifications notifications_local_only password remote_clientid remote_password remote_username restart_timeout
    round_robin start_type threshold topic try_private username`;
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, refuse(NO_BRIDGE)]));
}

function addListener(line: MosquittoLine, draft: MosquittoDraft): void {
  const [port, host] = line.twoWords();
  if (!/^\d+$/.test(port) || Number(port) > 65_535) throw line.error("does not begin with a port of 0 to 65535");
  if (host?.includes("/") && Number(port) !== 0) throw line.error("with a path of a socket has the port 0");
  // Without a path port 0 would be any free port, which mosquitto does not have.
  if (Number(port) === 0 && host !== undefined && !/^\/|^[\d.]+$|:|^localhost$/.test(host)) {
    throw line.error('with the port 0 needs the whole path of a socket, such as "/run/mosquitto.sock"');
  }
  draft.addListener(line.place, Number(port), host);
}

function listenerKeys(): Record<string, MosquittoKey> {
  const maximumQos: MosquittoKey = (line, { listener }) => void (listener.maximumQos = line.integer(0, 2));
  return {
    port: (line, draft) => {
      draft.listener.port = line.integer(1, 65_535);
      draft.isLocalOnly = false;
    },
    bind_address: (line, draft) => {
      if (draft.listener.host !== undefined) throw line.error("is there already");
      draft.listener.host = line.text();
      draft.isLocalOnly = false;
    },
    bind_interface: refuse("is not possible: name the address of the interface after the port of the listener"),
    protocol: (line, { listener }) => {
      if (line.text() === "http_api") {
        throw line.error('http_api is not there: "http_dir" of a listener with "protocol websockets" serves files');
      }
      listener.isWebSocket = line.choice("mqtt", "websockets") === "websockets";
    },
    socket_domain: (line, { listener }) => void (listener.domain = line.choice("ipv4", "ipv6")),
    max_connections: (line, { listener }) => {
      const most = mostConnections(line);
      if (most !== undefined) listener.maximumConnections = most;
    },
    max_qos: maximumQos,
    maximum_qos: maximumQos, // Its other name, which mosquitto does not document.
    max_topic_alias: (line, { listener }) => void (listener.topicAliasMaximum = line.integer(0, 65_535)),
    max_topic_alias_broker: warn('is ignored: "max_topic_alias" bounds those of the broker too'),
    mount_point: refuse("is not possible: topics are the same at all listeners; rules keep clients apart"),
  };
}

/** Keys about the clients that may connect to a listener, and the ways to reach it. */
function admissionKeys(): Record<string, MosquittoKey> {
  return {
    use_username_as_clientid: refuseTrue(
      "is not possible: clients keep their Client Identifiers, and a session is for its user alone",
    ),
    accept_protocol_versions: (line, { listener }) => {
      listener.versions = line.words().map((word) => {
        const version = VERSIONS.get(word);
        if (version === undefined) throw line.error("is not 3, 4 or 5, or several of them separated by commas");
        return version;
      });
    },
    listener_allow_anonymous: (line, { listener }) => void (listener.allowAnonymous = line.boolean()),
    listener_auto_id_prefix: warn('is ignored: name one for all listeners with "auto_id_prefix"'),
    enable_proxy_protocol: (line, { listener }) => {
      line.integer(1, 2); // Both versions are understood, whichever is set here.
      listener.hasProxy = true;
    },
    proxy_protocol_v2_require_tls: refuseTrue(
      "is not possible: what a proxy says of TLS is ignored; let the proxy accept TLS alone",
    ),
  };
}

function webSocketKeys(): Record<string, MosquittoKey> {
  return {
    http_dir: once(({ listener }) => listener, "httpDir"),
    websockets_origin: (line, { listener }) => {
      const origin = line.text();
      // Words such as * and loopback have no meaning in mosquitto.
      if (!isOrigin(origin) || !/^null$|:\/\//.test(origin)) {
        throw line.error("is not an origin such as https://example.com");
      }
      listener.origins = [...listener.origins ?? [], origin];
    },
    websockets_log_level: warn("is ignored: there is no libwebsockets"),
  };
}

/** Limit of the head of a request, for all listeners. mosquitto counts the values of headers, and not their names. */
function requestHeadBytes(line: MosquittoLine, draft: MosquittoDraft): string | undefined {
  const value = line.integer(0, 65_535);
  if (value === 0) return undefined; // Its default.
  draft.requestHeadBytes = Math.max(value, LEAST_HEAD_BYTES);
  return value < LEAST_HEAD_BYTES ? `is ${LEAST_HEAD_BYTES}, which is the least there is` : undefined;
}

function tlsKeys(): Record<string, MosquittoKey> {
  const authority: MosquittoKey = (line, { listener }) => {
    if (listener.authority !== undefined) {
      throw line.error('is not possible beside another "cafile" or "capath": put all authorities together');
    }
    listener.authority = line.text();
  };
  return {
    certfile: once(({ listener }) => listener, "certificate"),
    keyfile: once(({ listener }) => listener, "key"),
    cafile: authority,
    capath: authority,
    require_certificate: (line, { listener }) => void (listener.requireCertificate = line.boolean()),
    tls_version: (line, { listener }) => {
      const version = line.text();
      if (version === "tlsv1.1") throw line.error("is not possible with tlsv1.1, which is not safe: write tlsv1.2");
      listener.minimumVersion = line.choice("tlsv1.2", "tlsv1.3") === "tlsv1.3" ? "1.3" : "1.2";
    },
    use_identity_as_username: (line, { listener }) => void (listener.usesIdentity = line.boolean()),
    use_subject_as_username: (line, { listener }) => void (listener.usesSubject = line.boolean()),
    crlfile: refuse("is not possible: revocation lists are not supported"),
    disable_client_cert_date_checks: refuseTrue("is not possible: a certificate holds for its time alone"),
    ciphers: warn("is ignored: TLS takes the strongest cipher that both sides have, and has no weak ones"),
    "ciphers_tls1.3": warn("is ignored: TLS takes the strongest cipher that both sides have"),
    dhparamfile: warn("is ignored: TLS has key exchange on elliptic curves only"),
    tls_engine: refuse(NO_ENGINE),
    tls_engine_kpass_sha1: refuse(NO_ENGINE),
    tls_keyform: (line) => {
      if (line.choice("pem", "engine") === "engine") throw line.error(NO_ENGINE);
    },
    psk_hint: refuse(NO_PSK),
  };
}

/** Keys of mosquitto.conf about its log. */
function logKeys(): Record<string, MosquittoKey> {
  return {
    log_dest: (line, draft) => {
      const { word: kind, rest } = line.word();
      if (kind !== "file") line.onlyWord();
      draft.isSilent = kind === "none";
      switch (kind) {
        case "stdout":
        case "stderr":
        case "topic":
          draft.destinations.push(kind);
          return undefined;
        case "file":
          if (rest === "") throw line.error("file needs a path");
          if (draft.destinations.some((other) => typeof other === "object")) throw line.error("file is there already");
          draft.destinations.push({ file: rest });
          return undefined;
        case "none": // Drops the destinations so far, as mosquitto does.
          draft.destinations.length = 0;
          return undefined;
        case "syslog":
        case "dlt":
        case "android":
          draft.destinations.push("stderr");
          return `${kind} is not there: lines go to standard error, which systemd keeps in its journal`;
        default:
          throw line.error("is not stdout, stderr, syslog, topic, file, dlt, android or none");
      }
    },
    log_facility: () => "is ignored: there is no syslog",
    log_timestamp_format: (line, { values: { logging } }) => {
      if (logging.timestampFormat !== undefined) throw line.error("is there already");
      const format = line.text();
      if (!isTimestampFormat(format)) throw line.error("has a conversion of strftime that is not known here");
      logging.timestampFormat = format;
    },
    log_type: (line, draft) => {
      draft.hasLogType = true;
      const word = line.onlyWord();
      if (word === "all") draft.logTypes.push(...LOG_TYPES);
      else if (word === "none") draft.logTypes.length = 0;
      else if (word === "websockets") return "websockets is not there: what goes wrong is told as notice";
      else if (word === "internal") return "internal is not there";
      else draft.logTypes.push(line.choice<LogType>(...LOG_TYPES));
      return undefined;
    },
  };
}

const refuse = (why: string): MosquittoKey => (line) => {
  throw line.error(why);
};

const warn = (why: string): MosquittoKey => (line) => {
  line.text();
  return why;
};

/** Largest integer of mosquitto. */
const MOST = 2_147_483_647;

/** Limit of connections; `undefined`: none. */
function mostConnections(line: MosquittoLine): number | undefined {
  const value = line.integer(-MOST, MOST);
  if (value === 0) throw line.error("has no meaning with 0: -1 is no limit");
  return value < 0 ? undefined : value;
}

/** Switch of which one position is Brooklet's behaviour. */
const only = (fitting: boolean, why: string): MosquittoKey => (line) => line.boolean() === fitting ? undefined : why;

/** Switch that would be dangerous to ignore. */
const refuseTrue = (why: string): MosquittoKey => (line) => {
  if (line.boolean()) throw line.error(why);
};

/** Text that mosquitto accepts only once. */
const once = <Name extends string>(
  holderOf: (draft: MosquittoDraft) => { [name in Name]?: string | undefined },
  name: Name,
): MosquittoKey =>
(line, draft) => {
  const holder = holderOf(draft);
  if (holder[name] !== undefined) throw line.error("is there already");
  holder[name] = line.text();
};

/** Keys of the listener to which the lines belong, or of all. */
const ofListener = (
  keys: Record<string, MosquittoKey>,
  isOfListener: (draft: MosquittoDraft) => boolean = () => true,
): Record<string, MosquittoKey> =>
  Object.fromEntries(
    Object.entries(keys).map(([name, key]): [string, MosquittoKey] => [name, (line, draft) => {
      if (isOfListener(draft)) draft.listener.lines.push(line);
      return key(line, draft);
    }]),
  );
