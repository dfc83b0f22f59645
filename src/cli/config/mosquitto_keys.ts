import type { MosquittoDraft } from "./mosquitto_draft.ts";
import type { MosquittoLine } from "./mosquitto_line.ts";
import { mosquittoLogKeys } from "./mosquitto_log_keys.ts";

/** Puts what a line says into the draft; gives what differs from mosquitto, and throws ConfigError for what cannot be done. */
export type MosquittoKey = (line: MosquittoLine, draft: MosquittoDraft) => string | undefined | void;

const MOST = 2_147_483_647;
const LEAST_PACKET_BYTES = 32;
const MOST_PACKET_BYTES = 268_435_460;
const MOST_PAYLOAD_BYTES = 268_435_455;
const UNIT_SECONDS = { h: 3_600, d: 86_400, w: 604_800, m: 2_592_000, y: 31_536_000 } as const;
const NO_PLUGINS =
  `is about plugins, which are programs for mosquitto: "authentication.jwt" and "authentication.webhook" ` +
  "in a YAML file are what there is";
const NO_BRIDGE =
  "is about a bridge, which Brooklet has none of: let mosquitto's bridge connect to it from the other side";
const COUNTS_ALL = "counts topics and properties too, and not only payloads";
const NO_PSK = "is about pre-shared keys, which TLS has not here: use certificates";
const NO_ENGINE = "is about engines of OpenSSL, which TLS has not here: use a key file";

const refuse = (why: string): MosquittoKey => (line) => {
  throw line.error(why);
};
const warn = (why: string): MosquittoKey => (line) => {
  line.text();
  return why;
};
/** A switch that is what Brooklet does in one of its positions. */
const only = (fitting: boolean, why: string): MosquittoKey => (line) => line.boolean() === fitting ? undefined : why;
/** A switch that would be a danger if it were not looked at. */
const refuseTrue = (why: string): MosquittoKey => (line) => {
  if (line.boolean()) throw line.error(why);
};
/** 0 is no limit. */
const limit = (
  name: "maximumInflightBytes" | "maximumQueuedMessages" | "maximumQueuedBytes" | "maximumPayloadBytes",
  most: number,
  why?: string,
): MosquittoKey =>
(
  line,
  { limits },
) => {
  const value = line.integer(0, most);
  limits[name] = value === 0 ? "unlimited" : value;
  return value === 0 ? undefined : why;
};
/** A text that mosquitto takes once only. */
const once = <Name extends string>(
  holderOf: (draft: MosquittoDraft) => { [name in Name]?: string | undefined },
  name: Name,
): MosquittoKey =>
(line, draft) => {
  const holder = holderOf(draft);
  if (holder[name] !== undefined) throw line.error("is there already");
  holder[name] = line.text();
};
/** Keys of the listener that the lines are about, or of all. */
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

/** Every key of mosquitto.conf(5) of mosquitto 2.0, except include_dir. A name that ends in `*` is a prefix. */
export const MOSQUITTO_KEYS: Readonly<Record<string, MosquittoKey>> = {
  ...securityKeys(),
  ...limitKeys(),
  ...mosquittoLogKeys(),
  ...storageKeys(),
  listener: addListener,
  ...ofListener({ ...listenerKeys(), ...tlsKeys() }),
  ...processKeys(),
  ...bridgeKeys(),
};

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
    auto_id_prefix: (line, { clientIds, isPerListener }) => {
      if (!isPerListener && clientIds.assignedPrefix !== undefined) throw line.error("is there already");
      clientIds.assignedPrefix = line.text();
      return isPerListener ? "holds for all listeners" : undefined;
    },
    clientid_prefixes: (line, { clientIds }) => {
      if (clientIds.prefixes !== undefined) throw line.error("is there already");
      clientIds.prefixes = [line.text()];
    },
    check_retain_source: (line, { delivery }) => void (delivery.checkRetainedPublisher = line.boolean()),
    psk_file: refuse(NO_PSK),
    auth_plugin: refuse(NO_PLUGINS),
    plugin: refuse(NO_PLUGINS),
    "auth_opt_*": refuse(NO_PLUGINS),
    "plugin_opt_*": refuse(NO_PLUGINS),
    auth_plugin_deny_special_chars: warn("changes nothing: there are no plugins"),
  };
}

function limitKeys(): Record<string, MosquittoKey> {
  return {
    max_inflight_messages: (line, { limits }) => {
      const value = line.integer(0, 65_535);
      limits.maximumInflight = limits.receiveMaximum = value === 0 ? 65_535 : value;
    },
    max_inflight_bytes: limit("maximumInflightBytes", MOST, COUNTS_ALL),
    max_queued_messages: limit("maximumQueuedMessages", MOST),
    max_queued_bytes: limit("maximumQueuedBytes", MOST, COUNTS_ALL),
    message_size_limit: limit("maximumPayloadBytes", MOST_PAYLOAD_BYTES),
    max_packet_size: (line, { limits }) => {
      const value = line.integer(20, MOST);
      limits.maximumPacketBytes = Math.min(Math.max(value, LEAST_PACKET_BYTES), MOST_PACKET_BYTES);
      return value < LEAST_PACKET_BYTES ? `is ${LEAST_PACKET_BYTES}, which is the least there is` : undefined;
    },
    max_keepalive: (line, { limits }) => {
      limits.maximumKeepAliveSeconds = line.integer(0, 65_535);
      return limits.maximumKeepAliveSeconds === 0
        ? undefined
        : "is not for clients of MQTT 3.1 and 3.1.1: they keep what they ask for";
    },
    memory_limit: warn("is not looked at: bound the memory of the process from outside, as with MemoryMax= of systemd"),
    persistent_client_expiration: (line, { limits }) => {
      const [, count, unit] = /^(\d+)([hdwmy])$/.exec(line.onlyWord()) ?? [];
      if (count === undefined || Number(count) === 0) {
        throw line.error("is not an integer of at least 1 with h, d, w, m or y behind it");
      }
      const seconds = Number(count) * UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS]; // One of these letters.
      limits.maximumSessionExpirySeconds = Math.min(seconds, 0xffff_fffe);
    },
    queue_qos0_messages: (line, { delivery }) => void (delivery.queueQos0Messages = line.boolean()),
    retain_available: (line, { limits }) => {
      if (!line.boolean()) limits.maximumRetainedMessages = 0;
    },
    retain_expiry_interval: (line) => {
      line.integer(0, MOST);
      return "is not looked at: a retained message goes when it expires";
    },
    upgrade_outgoing_qos: (line, { delivery }) => void (delivery.upgradeOutgoingQos = line.boolean()),
    allow_duplicate_messages: only(false, "is not looked at: overlapping subscriptions give one message"),
    set_tcp_nodelay: only(true, "is not looked at: TCP_NODELAY is always set"),
    retry_interval: warn("is not looked at: nothing is sent again before a client is back, as in mosquitto 2.0"),
    sys_interval: (line, draft) => void (draft.sysIntervalSeconds = line.integer(0, 65_535)),
  };
}

function storageKeys(): Record<string, MosquittoKey> {
  const persistence: MosquittoKey = (line, draft) => {
    draft.isKept = line.boolean();
    return draft.isKept ? "keeps things in a file brooklet.kv: what mosquitto.db has is not read" : undefined;
  };
  const always = warn("is not looked at: each change is stored when it happens");
  return {
    persistence,
    retained_persistence: persistence, // Its name of old, which mosquitto still knows.
    persistence_location: (line, draft) => {
      if (draft.location !== "") throw line.error("is there already");
      draft.location = line.text().replace(/\/*$/, "/");
    },
    persistence_file: warn("is not looked at: the file is brooklet.kv"),
    autosave_interval: always,
    autosave_on_changes: always,
  };
}

function addListener(line: MosquittoLine, draft: MosquittoDraft): void {
  const [port, host] = line.twoWords();
  if (!/^\d+$/.test(port) || Number(port) > 65_535) throw line.error("does not begin with a port of 0 to 65535");
  if (host?.includes("/") && Number(port) !== 0) throw line.error("with a path of a socket has the port 0");
  // Without a path it is any free port, which mosquitto does not have.
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
    bind_interface: refuse("is not possible: name the address of the interface behind the port of the listener"),
    protocol: (line, { listener }) => {
      listener.isWebSocket = line.choice("mqtt", "websockets") === "websockets";
    },
    socket_domain: (line, { listener }) => void (listener.domain = line.choice("ipv4", "ipv6")),
    max_connections: (line, { listener }) => {
      const value = line.integer(-MOST, MOST);
      if (value === 0) throw line.error("would let nobody in: -1 is no limit");
      if (value > 0) listener.maximumConnections = value;
    },
    max_qos: maximumQos,
    maximum_qos: maximumQos, // Its other name, which mosquitto does not document.
    max_topic_alias: (line, { listener }) => void (listener.topicAliasMaximum = line.integer(0, 65_535)),
    mount_point: refuse("is not possible: topics are the same at all listeners; rules keep clients apart"),
    use_username_as_clientid: refuseTrue(
      "is not possible: clients keep their Client Identifiers, and a session is for its user alone",
    ),
    http_dir: (line, { listener }) => {
      line.text();
      if (listener.httpDir !== undefined) throw line.error("is there already");
      listener.httpDir = line;
    },
    websockets_log_level: warn("is not looked at: there is no libwebsockets"),
    websockets_headers_size: warn("is not looked at: the head of a request has 8,192 bytes at most"),
  };
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
    crlfile: refuse("is not possible: no list of revoked certificates is looked at"),
    ciphers: warn("is not looked at: TLS takes the strongest cipher that both sides have, and has no weak ones"),
    "ciphers_tls1.3": warn("is not looked at: TLS takes the strongest cipher that both sides have"),
    dhparamfile: warn("is not looked at: TLS has key exchange on elliptic curves only"),
    tls_engine: refuse(NO_ENGINE),
    tls_engine_kpass_sha1: refuse(NO_ENGINE),
    tls_keyform: (line) => {
      if (line.choice("pem", "engine") === "engine") throw line.error(NO_ENGINE);
    },
    psk_hint: refuse(NO_PSK),
  };
}

function processKeys(): Record<string, MosquittoKey> {
  return {
    pid_file: once((draft) => draft, "pidFile"),
    user: warn("is not looked at: a program in Deno cannot change its user; start it as this one"),
  };
}

function bridgeKeys(): Record<string, MosquittoKey> {
  const names = `connection address addresses bridge_alpn bridge_attempt_unsubscribe bridge_bind_address bridge_cafile
    bridge_capath bridge_certfile bridge_identity bridge_insecure bridge_keyfile bridge_max_packet_size
    bridge_outgoing_retain bridge_protocol_version bridge_psk bridge_require_ocsp bridge_tls_version cleansession clientid
    idle_timeout keepalive_interval local_cleansession local_clientid local_password local_username notification_topic
    notifications notifications_local_only password remote_clientid remote_password remote_username restart_timeout
    round_robin start_type threshold topic try_private username`;
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, refuse(NO_BRIDGE)]));
}
