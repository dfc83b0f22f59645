import { assertEquals } from "@std/assert";
import { ConfigurationFolder } from "./written_file.ts";

/** Lines that are accepted, and what is said of them. */
const WARNED: readonly (readonly [line: string, warning: string])[] = [
  ["max_packet_size 20", "is 32, which is the least there is"],
  ["max_queued_bytes 1", "counts topics and properties too, and not only payloads"],
  ["max_inflight_bytes 1", "counts topics and properties too, and not only payloads"],
  ["allow_anonymous true # of mine", 'ignores "# of mine" after its value'],
  ["max_qos 1 # of mine", 'ignores "# of mine" after its value'],
  ["persistent_client_expiration 1d 2d", 'ignores "2d" after its value'],
  ["log_type error warning", 'ignores "warning" after its value'],
  ["log_dest stdout topic", 'ignores "topic" after its value'],
  ["listener 1883 # of mine", 'ignores "# of mine" after its value'],
  ["listener 1883 127.0.0.1 # of mine", 'ignores "# of mine" after its value'],
  ["max_keepalive 60", "is not for clients of MQTT 3.1 and 3.1.1: they keep what they ask for"],
  ["retain_expiry_interval 5", "is ignored: a retained message is deleted when it expires"],
  ["retry_interval 20", "is ignored: messages are sent again only after the client reconnects, as in mosquitto 2.0"],
  ["retained_persistence true", "keeps things in a file brooklet.kv: what mosquitto.db has is not read"],
  [
    "global_max_clients 5",
    'counts sessions that outlive their connections; "global_max_connections" bounds those that are connected',
  ],
  [
    "packet_buffer_size 1",
    'is ignored: buffers have their own size, and "websockets_headers_size" limits the head of a request',
  ],
  ["max_topic_alias_broker 5", 'is ignored: "max_topic_alias" bounds those of the broker too'],
  ["listener_auto_id_prefix a", 'is ignored: name one for all listeners with "auto_id_prefix"'],
  ["enable_control_api true", "is ignored: there is no $CONTROL/broker"],
  ["websockets_origin https://a", 'is ignored: it needs "protocol websockets"'],
  ["accept_protocol_versions 5 # of mine", 'ignores "# of mine" after its value'],
  ["memory_limit 1", "is ignored: limit the memory of the process from outside, as with MemoryMax= of systemd"],
  [
    "allow_duplicate_messages true",
    "is ignored: subscriptions that overlap give a message for each Subscription Identifier, and one before MQTT 5",
  ],
  ["set_tcp_nodelay false", "is ignored: TCP_NODELAY is always set"],
  ["auth_plugin_deny_special_chars true", "changes nothing: there are no plugins"],
  ["persistence true", "keeps things in a file brooklet.kv: what mosquitto.db has is not read"],
  ["persistence_file a.db", "is ignored: the file is brooklet.kv"],
  ["autosave_interval 1", "is ignored: each change is stored when it happens"],
  ["autosave_on_changes true", "is ignored: each change is stored when it happens"],
  ["websockets_log_level 1", "is ignored: there is no libwebsockets"],
  ["websockets_headers_size 1", "is 1024, which is the least there is"],
  [
    "ciphers DEFAULT",
    "is ignored: TLS takes the strongest cipher that both sides have, and has no weak ones",
  ],
  ["ciphers_tls1.3 DEFAULT", "is ignored: TLS takes the strongest cipher that both sides have"],
  ["dhparamfile a", "is ignored: TLS has key exchange on elliptic curves only"],
  ["user mosquitto", "is ignored: a program in Deno cannot change its user; start it as that user"],
  ["log_dest syslog", "syslog is not there: lines go to standard error, which systemd keeps in its journal"],
  ["log_dest dlt", "dlt is not there: lines go to standard error, which systemd keeps in its journal"],
  ["log_dest android", "android is not there: lines go to standard error, which systemd keeps in its journal"],
  ["log_facility 1", "is ignored: there is no syslog"],
  ["log_type internal", "internal is not there"],
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
global_max_connections -1
global_max_clients -1
accept_protocol_versions 3, 4 5
enable_proxy_protocol 1
proxy_protocol_v2_require_tls false
disable_client_cert_date_checks false
enable_control_api false
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
const IN_FRONT = [
  "max_qos 2",
  "max_topic_alias 3",
  "protocol mqtt",
  "tls_version tlsv1.2",
  "http_dir a",
  "listener_allow_anonymous true",
]
  .concat(["allow_anonymous true", "acl_file a"].map((line) => `per_listener_settings true\n${line}`));

for (const lines of IN_FRONT) {
  const line = lines.split("\n").at(-1) ?? "";
  Deno.test(`mosquitto.conf with "${line}" in front of its listener has no other one, and one warning`, () => {
    using folder = new ConfigurationFolder();
    const text = `${lines}\nlistener 1885 127.0.0.1\n`;
    assertEquals(folder.read("m.conf", text).listeners.map(({ url }) => url), ["mqtt://127.0.0.1:1885"]);
    const warning = `m.conf:${lines.split("\n").length}: "${line.split(" ")[0]}" is ignored without a "listener" ` +
      "before it in its file: it belongs to the listener of port 1883, which is closed";
    assertEquals(folder.warnings("m.conf", text), [warning]);
  });
}
