import { assertEquals } from "@std/assert";
import { brooklet } from "../test_io.ts";
import { mosquittoKeys } from "../../../src/cli/mosquitto/keys.ts";
import { ConfigurationFolder } from "./written_file.ts";

const PLUGIN = 'is about plugins, which are programs for mosquitto: "password_file", "acl_file", and in a YAML file ' +
  '"authentication.jwt" and "authentication.webhook" are what there is';
const BRIDGE =
  "is about a bridge, which Brooklet has none of: let mosquitto's bridge connect to it from the other side";
const PSK = "is about pre-shared keys, which TLS has not here: use certificates";
const ENGINE = "is about engines of OpenSSL, which TLS has not here: use a key file";

/** Lines that are refused, and why: the last one of them is what is wrong. */
const REFUSED: readonly (readonly [lines: string, complaint: string])[] = [
  ["listner 1883", 'Unknown key "listner": did you mean "listener"?'],
  ["xylophone 1", 'Unknown key "xylophone": mosquitto 2.0 and 2.1 have none of this name'],
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
  [
    "max_packet_size 1MB",
    '"max_packet_size" is not an integer between 20 and 2147483647: write it without a unit, as 1000000',
  ],
  ["sys_interval 10s", '"sys_interval" is not an integer between 0 and 65535: write it without a unit, as 1000000'],
  ["max_packet_size 19", '"max_packet_size" is not an integer between 20 and 2147483647'],
  ["message_size_limit 268435456", '"message_size_limit" is not an integer between 0 and 268435455'],
  ["max_keepalive 65536", '"max_keepalive" is not an integer between 0 and 65535'],
  ["max_qos 3", '"max_qos" is not an integer between 0 and 2'],
  ["max_connections 0", '"max_connections" has no meaning with 0: -1 is no limit'],
  ["global_max_connections 0", '"global_max_connections" has no meaning with 0: -1 is no limit'],
  ["global_max_clients 0", '"global_max_clients" has no meaning with 0: -1 is no limit'],
  ["global_max_clients many", '"global_max_clients" is not an integer between -2147483647 and 2147483647'],
  ["max_topic_alias -1", '"max_topic_alias" is not an integer between 0 and 65535'],
  ["sys_interval x", '"sys_interval" is not an integer between 0 and 65535'],
  [
    "persistent_client_expiration 2 weeks",
    '"persistent_client_expiration" is not an integer of at least 1 with s, h, d, w, m or y after it',
  ],
  [
    "persistent_client_expiration 0h",
    '"persistent_client_expiration" is not an integer of at least 1 with s, h, d, w, m or y after it',
  ],
  ["protocol mqttsn", '"protocol" is not mqtt or websockets'],
  [
    "protocol http_api",
    '"protocol" http_api is not there: "http_dir" of a listener with "protocol websockets" serves files',
  ],
  ...["6", "3,v5", "3.1.1"].map((versions): readonly [string, string] => [
    `accept_protocol_versions ${versions}`,
    '"accept_protocol_versions" is not 3, 4 or 5, or several of them separated by commas',
  ]),
  ["accept_protocol_versions ,", '"accept_protocol_versions" needs a value'],
  ["accept_protocol_versions # 5", '"accept_protocol_versions" needs a value'],
  ["enable_proxy_protocol 0", '"enable_proxy_protocol" is not an integer between 1 and 2'],
  [
    "proxy_protocol_v2_require_tls true",
    '"proxy_protocol_v2_require_tls" is not possible: what a proxy says of TLS is ignored; let the proxy accept TLS alone',
  ],
  ...["*", "loopback", "sameOrigin", "localhost", "http://a/b"].map((origin): readonly [string, string] => [
    `websockets_origin ${origin}`,
    '"websockets_origin" is not an origin such as https://example.com',
  ]),
  [
    "disable_client_cert_date_checks true",
    '"disable_client_cert_date_checks" is not possible: a certificate holds for its time alone',
  ],
  ["socket_domain ipv5", '"socket_domain" is not ipv4 or ipv6'],
  ["tls_version tlsv1.1", '"tls_version" is not possible with tlsv1.1, which is not safe: write tlsv1.2'],
  ["tls_version sslv3", '"tls_version" is not tlsv1.2 or tlsv1.3'],
  ["tls_keyform engine", `"tls_keyform" ${ENGINE}`],
  ["tls_engine tpm", `"tls_engine" ${ENGINE}`],
  ["tls_engine_kpass_sha1 00", `"tls_engine_kpass_sha1" ${ENGINE}`],
  ["crlfile a.pem", '"crlfile" is not possible: revocation lists are not supported'],
  [
    "use_username_as_clientid true",
    '"use_username_as_clientid" is not possible: clients keep their Client Identifiers, and a session is for its user alone',
  ],
  ["psk_file a", `"psk_file" ${PSK}`],
  ["psk_hint a", `"psk_hint" ${PSK}`],
  ["auth_plugin a.so", `"auth_plugin" ${PLUGIN}`],
  ["plugin a.so", `"plugin" ${PLUGIN}`],
  ["global_plugin a.so", `"global_plugin" ${PLUGIN}`],
  ["plugin_load b a.so", `"plugin_load" ${PLUGIN}`],
  ["plugin_use b", `"plugin_use" ${PLUGIN}`],
  ["auth_opt_host a", `"auth_opt_host" ${PLUGIN}`],
  ["plugin_opt_host a", `"plugin_opt_host" ${PLUGIN}`],
  [
    "bind_interface eth0",
    '"bind_interface" is not possible: name the address of the interface after the port of the listener',
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
  ["log_dest moon", '"log_dest" is not stdout, stderr, syslog, topic, file, dlt, android or none'],
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
  [
    "listener 1883\nenable_proxy_protocol 2\nrequire_certificate true",
    '"require_certificate" is not possible with a proxy that ends TLS: what it says of certificates is ignored',
  ],
  [
    "listener 0 /a.sock\nenable_proxy_protocol 2",
    '"enable_proxy_protocol" is not possible at a Unix socket',
  ],
  ["listener 1883 ::1\nsocket_domain ipv4", '"socket_domain" is not that of the address "::1"'],
  ["listener 1883 127.0.0.1\nsocket_domain ipv6", '"socket_domain" is not that of the address "127.0.0.1"'],
  ["listener 0 /a.sock\nkeyfile a.key\ncertfile a.pem", '"certfile" is not possible at a Unix socket'],
  ["include_dir nowhere", '"include_dir" cannot read the folder "nowhere": it is not there'],
  ["connection a", `"connection" ${BRIDGE}`],
  ...["address a", "topic #", "remote_username a", "bridge_cafile a", "cleansession true", "try_private true"].concat(
    `bridge_ciphers bridge_ciphers_tls1.3 bridge_max_topic_alias bridge_receive_maximum bridge_reload_type
    bridge_session_expiry_interval bridge_tcp_keepalive bridge_tcp_user_timeout bridge_tls_use_os_certs`.split(/\s+/),
  ).map((line) => [line, `"${line.split(" ")[0]}" ${BRIDGE}`] as const),
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
    assertEquals([...words].filter((word) => !Object.hasOwn(mosquittoKeys(), word)).toSorted(), NO_KEYS.toSorted());
  },
});

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

Deno.test("All lines with mistakes are told at once, those of included files too", async () => {
  using folder = new ConfigurationFolder();
  Deno.mkdirSync(`${folder.path}/conf.d`);
  folder.write("conf.d/a.conf", "persistence maybe\n");
  const file = folder.write("m.conf", `lisener 1883\nmax_qos 7\ninclude_dir ${folder.path}/conf.d\nfoo_bar_baz 1\n`);
  const { code, stderr } = await brooklet(["--config", file, "--check-config"]);
  const places = Array.from(stderr.matchAll(/^brooklet: \S+\/(\S+\.conf:\d+):/gm), ([, place]) => place);
  assertEquals([code, places], [1, ["m.conf:1", "m.conf:2", "a.conf:1", "m.conf:4"]]);
});
