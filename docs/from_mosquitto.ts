/**
 * Writes the tables of keys in docs/from_mosquitto.md: `deno task configuration`. Each key is converted twice, with two
 * values: the keys of Brooklet in which the results differ are those that it becomes.
 */

import { ConfigError } from "../src/cli/config_error.ts";
import { readMosquittoConfiguration } from "../src/cli/mosquitto/file.ts";
import { mosquittoKeys } from "../src/cli/mosquitto/keys.ts";

/** Two values of a key, the lines around it that it needs, and other values that have a remark of their own. */
interface Sample {
  /** `undefined`: the key is left out. */
  readonly values: readonly [one: string | undefined, other: string];
  readonly around?: readonly string[];
  readonly also?: readonly string[];
}

/** Result of a key, with which others may share a row. */
interface Row {
  readonly keys: string[];
  readonly becomes: readonly string[];
  readonly remark: string;
}

const SWITCH = ["false", "true"] as const;
const NUMBER = ["30", "40"] as const;
const PATH = ["/one", "/two"] as const;
const TLS = ["listener 8883", "certfile /cert", "keyfile /key"] as const;
const MUTUAL = [...TLS, "cafile /ca", "require_certificate true"] as const;
const WEB = ["listener 8083", "protocol websockets"] as const;

const SAMPLES: Readonly<Record<string, Sample>> = {
  accept_protocol_versions: { values: ["5", "4"] },
  acl_file: { values: PATH },
  allow_anonymous: { values: SWITCH },
  allow_duplicate_messages: { values: SWITCH },
  allow_zero_length_clientid: { values: SWITCH },
  auth_plugin_deny_special_chars: { values: SWITCH },
  auto_id_prefix: { values: ["a", "b"] },
  autosave_interval: { values: NUMBER },
  autosave_on_changes: { values: SWITCH },
  bind_address: { values: ["127.0.0.1", "127.0.0.2"] },
  cafile: { values: PATH, around: [...TLS, "require_certificate true"] },
  capath: { values: PATH, around: [...TLS, "require_certificate true"] },
  certfile: { values: PATH, around: ["listener 8883", "keyfile /key"] },
  check_retain_source: { values: SWITCH },
  ciphers: { values: ["a", "b"], around: TLS },
  "ciphers_tls1.3": { values: ["a", "b"], around: TLS },
  clientid_prefixes: { values: ["a", "b"] },
  connection_messages: { values: SWITCH },
  dhparamfile: { values: PATH, around: TLS },
  disable_client_cert_date_checks: { values: SWITCH, around: MUTUAL },
  enable_control_api: { values: SWITCH },
  enable_proxy_protocol: { values: [undefined, "1"], around: ["listener 1884"] },
  global_max_clients: { values: NUMBER },
  global_max_connections: { values: NUMBER },
  http_dir: { values: PATH, around: WEB },
  keyfile: { values: PATH, around: ["listener 8883", "certfile /cert"] },
  listener: { values: ["1883 192.0.2.1", "1884 192.0.2.2"] },
  listener_allow_anonymous: { values: SWITCH, around: ["listener 1884"] },
  listener_auto_id_prefix: { values: ["a", "b"], around: ["listener 1884"] },
  log_dest: { values: ["stdout", "topic"], also: ["syslog"] },
  log_facility: { values: NUMBER },
  log_timestamp: { values: SWITCH },
  log_timestamp_format: { values: ["%s", "%Y"] },
  log_type: { values: ["error", "warning"], also: ["internal", "websockets"] },
  max_connections: { values: NUMBER },
  max_inflight_bytes: { values: NUMBER },
  max_inflight_messages: { values: NUMBER },
  max_keepalive: { values: NUMBER },
  max_packet_size: { values: ["1000", "2000"] },
  max_qos: { values: ["0", "1"] },
  max_queued_bytes: { values: NUMBER },
  max_queued_messages: { values: NUMBER },
  max_topic_alias: { values: NUMBER },
  max_topic_alias_broker: { values: NUMBER },
  maximum_qos: { values: ["0", "1"] },
  memory_limit: { values: NUMBER },
  message_size_limit: { values: NUMBER },
  packet_buffer_size: { values: NUMBER },
  password_file: { values: PATH },
  per_listener_settings: { values: SWITCH, around: ["listener 1884", "allow_anonymous true"] },
  persistence: { values: SWITCH },
  persistence_file: { values: ["a", "b"] },
  persistence_location: { values: PATH, around: ["persistence true"] },
  persistent_client_expiration: { values: ["1d", "2d"] },
  pid_file: { values: PATH },
  port: { values: NUMBER },
  protocol: { values: ["mqtt", "websockets"], also: ["http_api"] },
  proxy_protocol_v2_require_tls: { values: SWITCH },
  queue_qos0_messages: { values: SWITCH },
  require_certificate: { values: SWITCH, around: [...TLS, "cafile /ca"] },
  retain_available: { values: SWITCH },
  retain_expiry_interval: { values: NUMBER },
  retained_persistence: { values: SWITCH },
  retry_interval: { values: NUMBER },
  set_tcp_nodelay: { values: SWITCH },
  socket_domain: { values: ["ipv4", "ipv6"] },
  sys_interval: { values: NUMBER },
  tls_keyform: { values: ["pem", "engine"], around: TLS },
  tls_version: { values: ["tlsv1.2", "tlsv1.3"], around: TLS, also: ["tlsv1.1"] },
  upgrade_outgoing_qos: { values: SWITCH },
  use_identity_as_username: { values: SWITCH, around: MUTUAL },
  use_subject_as_username: { values: SWITCH, around: MUTUAL },
  use_username_as_clientid: { values: SWITCH },
  user: { values: ["a", "b"] },
  websockets_headers_size: { values: ["2048", "4096"], around: WEB },
  websockets_log_level: { values: NUMBER, around: WEB },
  websockets_origin: { values: ["https://a.example", "https://b.example"], around: WEB },
};

/** Page with tables made anew. */
export function withTables(page: string): string {
  const rows = new Map<string, Row>();
  for (const key of Object.keys(mosquittoKeys()).toSorted()) {
    const { becomes, remark } = resultOf(key);
    const same = rows.get(becomes + remark);
    if (same === undefined) rows.set(becomes + remark, { keys: [key], becomes, remark });
    else same.keys.push(key);
  }
  const all = [...rows.values()];
  const parts = {
    read: [
      "| key | becomes | remark |",
      "| - | - | - |",
      ...all.filter(({ becomes }) => becomes.length > 0).map(readRow),
    ],
    others: all.filter(({ becomes }) => becomes.length === 0).map(({ keys, remark }) => `- ${codes(keys)}: ${remark}`),
  };
  return Object.entries(parts).reduce((text, [name, lines]) => {
    const place = new RegExp(`(?<=<!-- keys: ${name} -->\n).*?(?=<!-- end -->)`, "s");
    return text.replace(place, () => `\n${lines.join("\n")}\n\n`);
  }, page);
}

function readRow({ keys, becomes, remark }: Row): string {
  return `| ${codes(keys)} | ${codes(becomes)} | ${remark} |`;
}

function codes(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}

/** Keys of Brooklet that a key becomes, and what is said of it. */
function resultOf(key: string): { readonly becomes: readonly string[]; readonly remark: string } {
  const { values, around = [], also = [] } = SAMPLES[key] ?? { values: ["a", "b"] };
  const results = [...values, ...also].map((value) => ({ value, ...converted(key, value, around) }));
  const [one, other] = results.map(({ configuration }) => configuration);
  if (SAMPLES[key] === undefined && one !== undefined) {
    throw new Error(`Cannot tell what "${key}" becomes: give it values`);
  }
  const becomes = one === undefined || other === undefined ? [] : [...new Set(differences(one, other, ""))];
  const remarks = new Set(results.map(({ remark }) => remark));
  // A remark about one value only names it.
  const [remark = ""] = remarks.size === 1
    ? remarks
    : [results.filter(({ remark }) => remark !== "").map(({ value, remark }) => `\`${value}\` ${remark}`).join("; ")];
  return { becomes, remark };
}

/** Configuration of a line, if it is not refused, and the remark about it. */
function converted(key: string, value: string | undefined, around: readonly string[]) {
  const line = value === undefined ? [] : [`${key.replace("*", "x")} ${value}`];
  const lines = key === "per_listener_settings" ? [...line, ...around] : [...around, ...line];
  try {
    const written = readMosquittoConfiguration("mosquitto.conf", lines.join("\n"));
    const warning = written.warnings.find((text) => text.includes(`"${key}"`)) ?? "";
    return { configuration: written.value, remark: withoutKey(warning) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return {
      configuration: undefined,
      remark: `**is refused**: ${withoutKey(error.message).replace(/^(?=is |has |needs )/, "it ")}`,
    };
  }
}

function withoutKey(message: string): string {
  return message.replace(/^mosquitto\.conf:\d+: "[^"]*" /, "");
}

/** Paths at which two configurations differ; indices of lists are left out. */
function differences(one: unknown, other: unknown, path: string): string[] {
  if (JSON.stringify(one) === JSON.stringify(other)) return [];
  if (!isGroup(one) || !isGroup(other)) return [path];
  const isList = Array.isArray(one);
  const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return keys.flatMap((key) =>
    differences(one[key], other[key], isList ? `${path}[]` : path === "" ? key : `${path}.${key}`)
  );
}

function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

if (import.meta.main) {
  const page = new URL("from_mosquitto.md", import.meta.url);
  Deno.writeTextFileSync(page, withTables(Deno.readTextFileSync(page)));
}
