import { assertEquals } from "@std/assert";
import { MOSQUITTO_KEYS } from "../../../src/cli/config/mosquitto_keys.ts";
import { ConfigurationFolder } from "./written_file.ts";

const PLUGIN = "is about plugins, which are programs for mosquitto: " +
  '"authentication.jwt" and "authentication.webhook" in a YAML file are what there is';
const BRIDGE =
  "is about a bridge, which Brooklet has none of: let mosquitto's bridge connect to it from the other side";
const PSK = "is about pre-shared keys, which TLS has not here: use certificates";
const ENGINE = "is about engines of OpenSSL, which TLS has not here: use a key file";

/** Lines that are refused, and why: the last one of them is what is wrong. */
const REFUSED: readonly (readonly [lines: string, complaint: string])[] = [
  ["listner 1883", 'Unknown key "listner": did you mean "listener"?'],
  ["xylophone 1", 'Unknown key "xylophone": mosquitto has none of this name'],
  ["\tlistener 1883", "a line begins with a key, and not with a tab"],
  ["  # of mine", "a comment begins its line, with no space in front of it"],
  ["listener", '"listener" needs a value'],
  ["listener http", '"listener" does not begin with a port of 0 to 65535'],
  ["listener 65536", '"listener" does not begin with a port of 0 to 65535'],
  ["listener 1883 /run/a.sock", '"listener" with a path of a socket has the port 0'],
  [
    "listener 0 a.sock",
    '"listener" with the port 0 needs the whole path of a socket, such as "/run/mosquitto.sock"',
  ],
  ["port 65536", '"port" is not an integer between 1 and 65535'],
  ["port 0", '"port" is not an integer between 1 and 65535'],
  ["allow_anonymous yes", '"allow_anonymous" is not true or false'],
  ["allow_anonymous", '"allow_anonymous" needs a value'],
  ["password_file", '"password_file" needs a value'],
  ["max_inflight_messages 65536", '"max_inflight_messages" is not an integer between 0 and 65535'],
  ["max_inflight_messages many", '"max_inflight_messages" is not an integer between 0 and 65535'],
  ["max_packet_size 19", '"max_packet_size" is not an integer between 20 and 2147483647'],
  ["message_size_limit 268435456", '"message_size_limit" is not an integer between 0 and 268435455'],
  ["max_keepalive 65536", '"max_keepalive" is not an integer between 0 and 65535'],
  ["max_qos 3", '"max_qos" is not an integer between 0 and 2'],
  ["max_connections 0", '"max_connections" would let nobody in: -1 is no limit'],
  ["max_topic_alias -1", '"max_topic_alias" is not an integer between 0 and 65535'],
  ["sys_interval x", '"sys_interval" is not an integer between 0 and 65535'],
  [
    "persistent_client_expiration 2 weeks",
    '"persistent_client_expiration" is not an integer of at least 1 with h, d, w, m or y behind it',
  ],
  [
    "persistent_client_expiration 0h",
    '"persistent_client_expiration" is not an integer of at least 1 with h, d, w, m or y behind it',
  ],
  ["protocol mqttsn", '"protocol" is not mqtt or websockets'],
  ["socket_domain ipv5", '"socket_domain" is not ipv4 or ipv6'],
  ["tls_version tlsv1.1", '"tls_version" is not possible with tlsv1.1, which is not safe: write tlsv1.2'],
  ["tls_version sslv3", '"tls_version" is not tlsv1.2 or tlsv1.3'],
  ["tls_keyform engine", `"tls_keyform" ${ENGINE}`],
  ["tls_engine tpm", `"tls_engine" ${ENGINE}`],
  ["tls_engine_kpass_sha1 00", `"tls_engine_kpass_sha1" ${ENGINE}`],
  ["crlfile a.pem", '"crlfile" is not possible: no list of revoked certificates is looked at'],
  [
    "use_username_as_clientid true",
    '"use_username_as_clientid" is not possible: clients keep their Client Identifiers, and a session is for its user alone',
  ],
  ["psk_file a", `"psk_file" ${PSK}`],
  ["psk_hint a", `"psk_hint" ${PSK}`],
  ["auth_plugin a.so", `"auth_plugin" ${PLUGIN}`],
  ["plugin a.so", `"plugin" ${PLUGIN}`],
  ["auth_opt_host a", `"auth_opt_host" ${PLUGIN}`],
  ["plugin_opt_host a", `"plugin_opt_host" ${PLUGIN}`],
  [
    "bind_interface eth0",
    '"bind_interface" is not possible: name the address of the interface behind the port of the listener',
  ],
  [
    "mount_point a/",
    '"mount_point" is not possible: topics are the same at all listeners; rules keep clients apart',
  ],
  [
    "allow_anonymous false\nper_listener_settings true",
    '"per_listener_settings" has to stand before all other settings of security',
  ],
  [
    "auto_id_prefix a\nper_listener_settings true",
    '"per_listener_settings" has to stand before all other settings of security',
  ],
  [
    "allow_zero_length_clientid true\nper_listener_settings true",
    '"per_listener_settings" has to stand before all other settings of security',
  ],
  ...[
    "password_file a",
    "acl_file a",
    "auto_id_prefix a",
    "clientid_prefixes a",
    "pid_file a",
    "persistence_location a",
    "log_timestamp_format %s",
    "bind_address 127.0.0.1",
    "http_dir a",
    "certfile a",
    "keyfile a",
    "listener 1883\npassword_file a\nlistener 1884\npassword_file b",
  ].map((lines): readonly [string, string] => {
    const last = lines.split("\n").at(-1) ?? "";
    return [lines.includes("\n") ? lines : `${last}\n${last}`, `"${last.split(" ")[0]}" is there already`];
  }),
  [
    "cafile a\ncapath b",
    '"capath" is not possible beside another "cafile" or "capath": put all authorities together',
  ],
  ["log_dest file a\nlog_dest file b", '"log_dest" file is there already'],
  ["log_dest moon", '"log_dest" is not stdout, stderr, syslog, topic, file, dlt or none'],
  ["log_dest file", '"log_dest" file needs a path'],
  [
    "log_type loud",
    '"log_type" is not error or warning or notice or information or debug or subscribe or unsubscribe',
  ],
  ["log_timestamp_format %Q", '"log_timestamp_format" has a conversion of strftime that is not known here'],
  ["certfile a.pem\nlistener 1883", '"certfile" and "keyfile" belong together'],
  ["listener 1883\nkeyfile a.key", '"certfile" and "keyfile" belong together'],
  ["listener 1883\nuse_subject_as_username true", '"use_subject_as_username" needs "require_certificate true"'],
  ["listener 1883\nuse_identity_as_username true", '"use_identity_as_username" needs "require_certificate true"'],
  [
    "listener 1883\ncertfile a.pem\nkeyfile a.key\nrequire_certificate true",
    '"require_certificate" needs "cafile" or "capath"',
  ],
  ["listener 1883\nrequire_certificate true", '"require_certificate" needs "certfile" and "keyfile"'],
  ["listener 1883 ::1\nsocket_domain ipv4", '"socket_domain" is not that of the address "::1"'],
  ["listener 1883 127.0.0.1\nsocket_domain ipv6", '"socket_domain" is not that of the address "127.0.0.1"'],
  ["listener 0 /a.sock\nprotocol websockets", '"protocol" websockets is not possible at a Unix socket'],
  ["listener 0 /a.sock\nkeyfile a.key\ncertfile a.pem", '"certfile" is not possible at a Unix socket'],
  ["include_dir nowhere", '"include_dir" cannot read the folder "nowhere": it is not there'],
  ["connection a", `"connection" ${BRIDGE}`],
  ...["address a", "topic #", "remote_username a", "bridge_cafile a", "cleansession true", "try_private true"].map((
    line,
  ) => [line, `"${line.split(" ")[0]}" ${BRIDGE}`] as const),
];

for (const [lines, complaint] of REFUSED) {
  Deno.test(`mosquitto.conf with "${lines.replaceAll("\n", ", ")}" is refused with its line and the reason`, () => {
    using folder = new ConfigurationFolder();
    const [said = "", ...others] = folder.complaints("m.conf", lines);
    assertEquals(others, []);
    // Of what belongs together, the line of one is told.
    const number = complaint.includes("belong together") ? "\\d" : lines.split("\n").length;
    assertEquals(said.replace(new RegExp(`^m\\.conf:${number}: `), ""), complaint);
  });
}

/** Lines that are accepted, and what is said of them. */
const WARNED: readonly (readonly [line: string, warning: string])[] = [
  ["max_packet_size 20", "is 32, which is the least there is"],
  ["max_queued_bytes 1", "counts topics and properties too, and not only payloads"],
  ["max_inflight_bytes 1", "counts topics and properties too, and not only payloads"],
  ["allow_anonymous true # of mine", 'does not look at "# of mine", which stands behind its value'],
  ["max_qos 1 # of mine", 'does not look at "# of mine", which stands behind its value'],
  ["persistent_client_expiration 1d 2d", 'does not look at "2d", which stands behind its value'],
  ["log_type error warning", 'does not look at "warning", which stands behind its value'],
  ["log_dest stdout topic", 'does not look at "topic", which stands behind its value'],
  ["listener 1883 # of mine", 'does not look at "# of mine", which stands behind its value'],
  ["listener 1883 127.0.0.1 # of mine", 'does not look at "# of mine", which stands behind its value'],
  ["max_keepalive 60", "is not for clients of MQTT 3.1 and 3.1.1: they keep what they ask for"],
  ["retain_expiry_interval 5", "is not looked at: a retained message goes when it expires"],
  ["retry_interval 20", "is not looked at: nothing is sent again before a client is back, as in mosquitto 2.0"],
  ["retained_persistence true", "keeps things in a file brooklet.kv: what mosquitto.db has is not read"],
  ["memory_limit 1", "is not looked at: bound the memory of the process from outside, as with MemoryMax= of systemd"],
  ["allow_duplicate_messages true", "is not looked at: overlapping subscriptions give one message"],
  ["set_tcp_nodelay false", "is not looked at: TCP_NODELAY is always set"],
  ["auth_plugin_deny_special_chars true", "changes nothing: there are no plugins"],
  ["persistence true", "keeps things in a file brooklet.kv: what mosquitto.db has is not read"],
  ["persistence_file a.db", "is not looked at: the file is brooklet.kv"],
  ["autosave_interval 1", "is not looked at: each change is stored when it happens"],
  ["autosave_on_changes true", "is not looked at: each change is stored when it happens"],
  ["websockets_log_level 1", "is not looked at: there is no libwebsockets"],
  ["websockets_headers_size 1", "is not looked at: the head of a request has 8,192 bytes at most"],
  [
    "ciphers DEFAULT",
    "is not looked at: TLS takes the strongest cipher that both sides have, and has no weak ones",
  ],
  ["ciphers_tls1.3 DEFAULT", "is not looked at: TLS takes the strongest cipher that both sides have"],
  ["dhparamfile a", "is not looked at: TLS has key exchange on elliptic curves only"],
  ["user mosquitto", "is not looked at: a program in Deno cannot change its user; start it as this one"],
  ["log_dest syslog", "syslog is not there: lines go to standard error, which systemd keeps in its journal"],
  ["log_dest dlt", "dlt is not there: lines go to standard error, which systemd keeps in its journal"],
  ["log_facility 1", "is not looked at: there is no syslog"],
  ["log_type websockets", "websockets is not there: what goes wrong is told as notice"],
];

for (const [line, warning] of WARNED) {
  Deno.test(`mosquitto.conf with "${line}" is accepted, with one warning`, () => {
    using folder = new ConfigurationFolder();
    assertEquals(folder.warnings("m.conf", `${line}\n${line}\n`), [`m.conf:1: "${line.split(" ")[0]}" ${warning}`]);
  });
}

/** Lines that are what Brooklet does: nothing is said of them. */
const QUIET = `allow_duplicate_messages false
max_inflight_bytes 0
max_packet_size 1000000000
  sys_interval 10
max_keepalive 0
max_connections -2
queue_qos0_messages true
set_tcp_nodelay true
upgrade_outgoing_qos true
use_subject_as_username false
use_username_as_clientid false
tls_keyform pem`;

Deno.test("mosquitto.conf is accepted without a warning where it says what is done anyway", () => {
  using folder = new ConfigurationFolder();
  assertEquals(folder.warnings("m.conf", QUIET), []);
});

/** What stands in front of the first listener and is not about one of port 1883, as mosquitto 2.0 sees it. */
const IN_FRONT = ["max_qos 2", "max_topic_alias 3", "protocol mqtt", "tls_version tlsv1.2", "http_dir a"]
  .concat(["allow_anonymous true", "acl_file a"].map((line) => `per_listener_settings true\n${line}`));

for (const lines of IN_FRONT) {
  const line = lines.split("\n").at(-1) ?? "";
  Deno.test(`mosquitto.conf with "${line}" in front of its listener has no other one, and one warning`, () => {
    using folder = new ConfigurationFolder();
    const text = `${lines}\nlistener 1885 127.0.0.1\n`;
    assertEquals(folder.read("m.conf", text).listeners.map(({ url }) => url), ["mqtt://127.0.0.1:1885"]);
    const warning =
      `m.conf:${lines.split("\n").length}: "${line.split(" ")[0]}" is not looked at in front of the first ` +
      '"listener": it is about that of port 1883, which is closed';
    assertEquals(folder.warnings("m.conf", text), [warning]);
  });
}

const MANUAL = "/usr/share/man/man5/mosquitto.conf.5.gz";
/** Bold words at the beginning of a line that are no keys. */
const NO_KEYS =
  `auto- dlt file include_dir ipv4 ipv6 limits.conf mosquitto mosquitto.conf mosquitto_passwd mqtt stderr stdout
  syslog test.mosquitto.org value websockets`.split(/\s+/);

Deno.test({
  name: "mosquitto.conf: every key of mosquitto's manual is known",
  ignore: !isThere(MANUAL),
  async fn() {
    const zipped = new Blob([await Deno.readFile(MANUAL)]).stream();
    const text = await new Response(zipped.pipeThrough(new DecompressionStream("gzip"))).text();
    const bold = text.replace(/\\([&-])/g, (_, sign: string) => sign === "-" ? "-" : "")
      .matchAll(/^\\fB([a-z][\w.*-]*)\\fR/gm);
    const words = new Set(Array.from(bold, ([, word = ""]) => word));
    assertEquals([...words].filter((word) => !Object.hasOwn(MOSQUITTO_KEYS, word)).toSorted(), NO_KEYS.toSorted());
  },
});

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
