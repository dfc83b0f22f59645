import { assertEquals } from "@std/assert";
import { DEFAULT_LIMITS } from "../../../mod.ts";
import { settingsWith } from "../../../src/protocol/setting_table.ts";
import { isMosquitto } from "../../../src/cli/config/file.ts";
import { convertedYaml } from "../../../src/cli/convert.ts";
import { ConfigurationFolder } from "./written_file.ts";

/** Two listeners, one of them with TLS and WebSocket, and settings of every kind. */
const EVERYTHING = `# as in a house
per_listener_settings true
pid_file /run/a.pid
persistence true
persistence_location /var/lib/mosquitto
persistent_client_expiration 14d
max_inflight_messages 0
max_inflight_bytes 9000
queue_qos0_messages true
upgrade_outgoing_qos false
max_queued_messages 0
max_queued_bytes 5000
max_packet_size 70000
message_size_limit 60000
max_keepalive 600
retain_available false
sys_interval 5
clientid_prefixes home-
auto_id_prefix gen-
connection_messages false
log_dest stdout
log_dest file /var/log/a b.log
log_dest topic
log_type error
log_type subscribe
log_timestamp_format %Y-%m-%dT%H:%M:%S
listener 1884 127.0.0.1
allow_anonymous true
allow_zero_length_clientid false
max_connections 10
max_qos 1
max_topic_alias 3
acl_file /etc/a.acl
listener 8884
protocol websockets
socket_domain ipv4
certfile /etc/a.pem
keyfile /etc/a.key
cafile /etc/ca.pem
require_certificate true
use_identity_as_username true
tls_version tlsv1.3
listener 0 /run/a.sock
password_file /etc/passwords
`;

Deno.test("mosquitto.conf means the same when it is converted to YAML", async () => {
  using folder = new ConfigurationFolder();
  for (
    const text of [
      EVERYTHING,
      "",
      "listener 1883\nallow_anonymous true\nlog_type all\n",
      "port 1884\nlog_dest none\n",
    ]
  ) {
    const configuration = folder.read("m.conf", text);
    assertEquals(folder.read("m.yaml", await convertedYaml(`${folder.path}/m.conf`)), configuration);
  }
});

Deno.test("mosquitto.conf gives listeners, with what is of each", () => {
  using folder = new ConfigurationFolder();
  const configuration = folder.read("m.conf", EVERYTHING);
  const { listeners, limits, storage, clientIds, logging, sysIntervalMs, pidFile } = configuration;
  const common = {
    versions: ["3.1", "3.1.1", "5"],
    allowEmptyClientId: true,
    limits: {},
    trustedProxies: [],
    proxyProtocol: false,
  } as const;
  const ways = { users: [], certificateNames: false, certificateSubjects: false };
  const noRules = { anonymous: [], users: [], groups: [], roles: [], everyone: [] };
  assertEquals(listeners, [
    {
      ...common,
      url: "mqtt://127.0.0.1:1884",
      authentication: { ...ways, anonymous: true },
      access: { ...noRules, file: "/etc/a.acl" },
      allowEmptyClientId: false,
      maximumConnections: 10,
      limits: { maximumQos: 1, topicAliasMaximum: 3 },
      versions: [...common.versions],
      trustedProxies: [],
    },
    {
      ...common,
      url: "wss://0.0.0.0:8884",
      tls: {
        certificate: "/etc/a.pem",
        key: "/etc/a.key",
        chain: "/etc/ca.pem",
        authority: "/etc/ca.pem",
        requireCertificate: true,
        minimumVersion: "1.3",
      },
      authentication: { ...ways, anonymous: false, certificateNames: true },
      paths: "any",
      versions: [...common.versions],
      trustedProxies: [],
    },
    {
      ...common,
      url: "unix:/run/a.sock",
      authentication: { ...ways, anonymous: false, passwordFile: "/etc/passwords" },
      versions: [...common.versions],
      trustedProxies: [],
    },
  ]);
  assertEquals(limits, {
    ...DEFAULT_LIMITS,
    maximumPacketBytes: 70_000,
    maximumPayloadBytes: 60_000,
    maximumKeepAliveSeconds: 600,
    maximumClientIdLength: 65_535,
    maximumInflight: 65_535,
    maximumInflightBytes: 9_000,
    receiveMaximum: 65_535,
    maximumQueuedMessages: Infinity,
    maximumQueuedBytes: 5_000,
    maximumSubscriptions: Infinity,
    maximumSubscriptionBytes: Infinity,
    maximumTopicLevels: 201,
    maximumRetainedMessages: 0,
    maximumRetainedBytes: Infinity,
    maximumSessionExpirySeconds: 14 * 86_400,
  });
  assertEquals([storage, pidFile, sysIntervalMs], ["kv:/var/lib/mosquitto/brooklet.kv", "/run/a.pid", 5_000]);
  assertEquals(settingsWith(configuration), {
    ...settingsWith({}),
    deniedWill: configuration.deniedWill,
    queuesQos0Messages: true,
    checksRetainedPublisher: false,
    assignedClientIdPrefix: "gen-",
  });
  assertEquals(clientIds, { prefixes: ["home-"] });
  assertEquals(logging, {
    types: ["error", "subscribe"],
    areas: {},
    connectionMessages: false,
    destinations: ["stdout", { file: "/var/log/a b.log" }, "topic"],
    format: "text",
    timestamps: true,
    timestampFormat: "%Y-%m-%dT%H:%M:%S",
  });
});

Deno.test("mosquitto.conf with http_dir shows its files at listeners of WebSocket", () => {
  using folder = new ConfigurationFolder();
  const text = "listener 1884\nhttp_dir /srv/a\nlistener 9001\nhttp_dir /srv/b\nprotocol websockets\n";
  const { listeners } = folder.read("m.conf", text);
  assertEquals(listeners.map(({ httpDir }) => httpDir), [undefined, "/srv/b"]);
  const warning = 'm.conf:2: "http_dir" is ignored: it needs "protocol websockets"';
  assertEquals(folder.warnings("m.conf", text), [warning]);
});

Deno.test("mosquitto.conf with use_subject_as_username takes the subject of the certificate, and no password", () => {
  using folder = new ConfigurationFolder();
  const tls = "listener 8883\ncertfile a.pem\nkeyfile a.key\ncafile ca.pem\nrequire_certificate true\n";
  const read = (lines: string) => folder.read("m.conf", `password_file p\n${tls}${lines}`).listeners[0]?.authentication;
  const neither = { users: [], anonymous: false, certificateNames: false, certificateSubjects: false };
  assertEquals(read("use_subject_as_username true"), { ...neither, certificateSubjects: true });
  assertEquals(read("use_subject_as_username false"), undefined);
  // Both: the Common Name, as in mosquitto.
  const both = "use_subject_as_username true\nuse_identity_as_username true";
  assertEquals(read(both), { ...neither, certificateNames: true });
});

/** What little is written means as much as it does to mosquitto. */
const DEFAULTS: readonly (readonly [text: string, urls: string[], anonymous: boolean])[] = [
  ["", ["mqtt://loopback:1883"], true],
  ["allow_anonymous false", ["mqtt://loopback:1883"], false],
  ["listener 1884", ["mqtt://*:1884"], false],
  ["listener 1884 localhost", ["mqtt://loopback:1884"], false],
  ["listener 1884 ::1", ["mqtt://[::1]:1884"], false],
  ["listener 1884\nsocket_domain ipv6", ["mqtt://[::]:1884"], false],
  ["port 1884", ["mqtt://*:1884"], false],
  ["bind_address 127.0.0.1", ["mqtt://127.0.0.1:1883"], false],
  [
    "bind_address 127.0.0.1\nport 1884\nlistener 1885\nallow_anonymous true",
    ["mqtt://127.0.0.1:1884", "mqtt://*:1885"],
    true,
  ],
  ["listener 0 /run/a b.sock", ["unix:/run/a"], false],
  ["listener 0 /run/a?b#c%d.sock", ["unix:/run/a%3Fb%23c%25d.sock"], false],
  ["listener 0 /run/a:b.sock\nprotocol websockets", ["ws+unix:/run/a%3Ab.sock"], false],
  ["listener 1884 127.0.0.1 # mine", ["mqtt://127.0.0.1:1884"], false],
  ["max_qos 1\nlistener 1885 127.0.0.1", ["mqtt://*:1883", "mqtt://127.0.0.1:1885"], false],
  ["maximum_qos 1\nlistener 1885 127.0.0.1", ["mqtt://*:1883", "mqtt://127.0.0.1:1885"], false],
  ["socket_domain ipv4\nlistener 1885 127.0.0.1", ["mqtt://0.0.0.0:1883", "mqtt://127.0.0.1:1885"], false],
  ["max_connections 5\nlistener 1885 127.0.0.1", ["mqtt://*:1883", "mqtt://127.0.0.1:1885"], false],
];

for (const [text, urls, anonymous] of DEFAULTS) {
  Deno.test(`mosquitto.conf with "${text.replaceAll("\n", ", ")}" listens where mosquitto does`, () => {
    using folder = new ConfigurationFolder();
    const { listeners, authentication } = folder.read("m.conf", text);
    assertEquals(listeners.map(({ url }) => url), urls);
    assertEquals(authentication.anonymous, anonymous);
  });
}

Deno.test("mosquitto.conf asks nobody for a certificate unless that is demanded, whatever the cafile", () => {
  using folder = new ConfigurationFolder();
  const { listeners } = folder.read("m.conf", "listener 8883\ncertfile a\nkeyfile b\ncafile c\n");
  assertEquals(listeners[0]?.tls, {
    certificate: "a",
    key: "b",
    chain: "c",
    requireCertificate: false,
    minimumVersion: "1.2",
  });
});

Deno.test("mosquitto.conf with log_dest none has the destinations behind it, and none if there are none", () => {
  using folder = new ConfigurationFolder();
  const destinations = (text: string) => folder.read("m.conf", text).logging.destinations;
  assertEquals(destinations("log_dest stdout\nlog_dest none"), []);
  assertEquals(destinations("log_dest topic\nlog_dest none\nlog_dest stdout"), ["stdout"]);
});

Deno.test("mosquitto.conf reads include_dir in the order of mosquitto, and says which file is wrong", () => {
  using folder = new ConfigurationFolder();
  for (const [index, name] of ["b", "A", "01", "a", "B", "00"].entries()) {
    folder.write(`d/${name}.conf`, `listener ${index + 1}\n`);
  }
  folder.write("d/not.txt", "nonsense");
  folder.write("d/a.conf", "\nlistener 197\nmax_qos 9\n");
  const main = `include_dir ${folder.path}/d/\n`;
  assertEquals(folder.complaints("m.conf", main), ['d/a.conf:3: "max_qos" is not an integer between 0 and 2']);
  folder.write("d/a.conf", "listener 197");
  const ports = folder.read("m.conf", main).listeners.map(({ url }) => url.replace("mqtt://*:", ""));
  assertEquals(ports, ["6", "3", "2", "197", "5", "1"]);
  folder.write("d/a.conf", "include_dir /etc");
  const warning = 'd/a.conf:1: "include_dir" is ignored: it is for the main file only';
  assertEquals(folder.warnings("m.conf", main), [warning]);
});

Deno.test("mosquitto.conf: an included file says nothing of the listeners of another file, as in mosquitto", () => {
  using folder = new ConfigurationFolder();
  folder.write("d/a.conf", "allow_anonymous true\nlistener 1885\nmax_qos 1\n");
  folder.write("d/b.conf", "max_qos 0\n");
  const main = `per_listener_settings true\nlistener 1884\ninclude_dir ${folder.path}/d\nmax_connections 5\n`;
  const listeners = folder.read("m.conf", main).listeners.map(({ url, authentication, maximumConnections, limits }) => {
    return [url, authentication?.anonymous, maximumConnections, limits.maximumQos];
  });
  assertEquals(listeners, [
    ["mqtt://*:1883", true, undefined, 0],
    ["mqtt://*:1884", false, 5, undefined],
    ["mqtt://*:1885", false, undefined, 1],
  ]);
});

const KINDS: readonly (readonly [file: string, text: string, isOfMosquitto: boolean])[] = [
  ["a.conf", "listeners: []", true],
  ["a.yaml", "listener 1883", false],
  ["a.yml", "listener 1883", false],
  ["a.json", "{}", false],
  ["a", "# text\n\nlistener 1883", true],
  ["a", "# text\n\nlisteners:\n - url: a", false],
  ["a", "---\nsys: {}", false],
  ["a", "{ sys: {} }", false],
  ["a", "", false],
];

for (const [file, text, isOfMosquitto] of KINDS) {
  Deno.test(`"${text.replaceAll("\n", " ")}" in ${file} is ${isOfMosquitto ? "of mosquitto" : "YAML"}`, () => {
    assertEquals(isMosquitto(file, text), isOfMosquitto);
  });
}

Deno.test("mosquitto.conf with websockets_headers_size bounds the requests of all its WebSocket listeners", () => {
  using folder = new ConfigurationFolder();
  const bytes = (size: string) => {
    const text = `listener 8083\nprotocol websockets\n${size}\nlistener 1884\nlistener 8084\nprotocol websockets\n`;
    return folder.read("m.conf", `allow_anonymous true\n${text}`).listeners.map((listener) =>
      listener.maximumRequestHeadBytes
    );
  };
  assertEquals(bytes("websockets_headers_size 65535"), [65_535, undefined, 65_535]);
  assertEquals(bytes("websockets_headers_size 0"), [undefined, undefined, undefined]);
});
