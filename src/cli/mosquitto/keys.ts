import type { MosquittoDraft } from "./draft.ts";
import { type MosquittoKey, MOST, mostConnections, NO_PSK, once, only, refuse, warn } from "./key.ts";
import { addListener, admissionKeys, listenerKeys, tlsKeys, webSocketKeys } from "./listener_keys.ts";
import { mosquittoLogKeys } from "./log_keys.ts";

const LEAST_PACKET_BYTES = 32;
const MOST_PACKET_BYTES = 268_435_460;
const MOST_PAYLOAD_BYTES = 268_435_455;
const UNIT_SECONDS = { s: 1, h: 3_600, d: 86_400, w: 604_800, m: 2_592_000, y: 31_536_000 } as const;
const NO_PLUGINS =
  `is about plugins, which are programs for mosquitto: "password_file", "acl_file", and in a YAML file ` +
  '"authentication.jwt" and "authentication.webhook" are what there is';
const NO_BRIDGE =
  "is about a bridge, which Brooklet has none of: let mosquitto's bridge connect to it from the other side";
const COUNTS_ALL = "counts topics and properties too, and not only payloads";

/** Key of a limit, where 0 means none. */
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

/** Every key of mosquitto.conf(5) of mosquitto 2.0 and 2.1, except include_dir. A name that ends in `*` is a prefix. */
export const MOSQUITTO_KEYS: Readonly<Record<string, MosquittoKey>> = {
  ...securityKeys(),
  ...limitKeys(),
  ...mosquittoLogKeys(),
  ...storageKeys(),
  listener: addListener,
  ...ofListener({ ...listenerKeys(), ...admissionKeys(), ...webSocketKeys(), ...tlsKeys() }),
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
    global_plugin: refuse(NO_PLUGINS),
    plugin_load: refuse(NO_PLUGINS),
    plugin_use: refuse(NO_PLUGINS),
    "auth_opt_*": refuse(NO_PLUGINS),
    "plugin_opt_*": refuse(NO_PLUGINS),
    auth_plugin_deny_special_chars: warn("changes nothing: there are no plugins"),
    enable_control_api: only(false, "is not looked at: there is no $CONTROL/broker"),
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
    global_max_connections: (line, { limits }) =>
      void (limits.maximumConnections = mostConnections(line) ?? "unlimited"),
    global_max_clients: (line, { limits }) => {
      const most = mostConnections(line);
      limits.maximumSessions = most ?? "unlimited";
      return most === undefined
        ? undefined
        : 'counts sessions that outlive their connections; "global_max_connections" bounds those that are connected';
    },
    packet_buffer_size: warn(
      "is not looked at: buffers have their own size, and the head of a request 8,192 bytes at most",
    ),
    memory_limit: warn("is not looked at: bound the memory of the process from outside, as with MemoryMax= of systemd"),
    persistent_client_expiration: (line, { limits }) => {
      const [, count, unit] = /^(\d+)([shdwmy])$/.exec(line.onlyWord()) ?? [];
      if (count === undefined || Number(count) === 0) {
        throw line.error("is not an integer of at least 1 with s, h, d, w, m or y behind it");
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
    // mosquitto 2.0.11 sends clients of MQTT 5 a copy for each subscription, whatever is set here.
    allow_duplicate_messages: only(
      false,
      "is not looked at: subscriptions that overlap give a message for each Subscription Identifier, and one before MQTT 5",
    ),
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
    retained_persistence: persistence, // Its old name, which mosquitto still accepts.
    persistence_location: (line, draft) => {
      if (draft.location !== "") throw line.error("is there already");
      draft.location = line.text().replace(/\/*$/, "/");
    },
    persistence_file: warn("is not looked at: the file is brooklet.kv"),
    autosave_interval: always,
    autosave_on_changes: always,
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
    bridge_capath bridge_certfile bridge_ciphers bridge_ciphers_tls1.3 bridge_identity bridge_insecure bridge_keyfile
    bridge_max_packet_size bridge_max_topic_alias bridge_outgoing_retain bridge_protocol_version bridge_psk
    bridge_receive_maximum bridge_reload_type bridge_require_ocsp bridge_session_expiry_interval bridge_tcp_keepalive
    bridge_tcp_user_timeout bridge_tls_use_os_certs bridge_tls_version cleansession clientid
    idle_timeout keepalive_interval local_cleansession local_clientid local_password local_username notification_topic
    notifications notifications_local_only password remote_clientid remote_password remote_username restart_timeout
    round_robin start_type threshold topic try_private username`;
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, refuse(NO_BRIDGE)]));
}
