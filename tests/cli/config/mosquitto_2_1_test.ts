import { assertEquals } from "@std/assert";
import { mosquittoKeys } from "../../../src/cli/mosquitto/keys.ts";
import { convertedYaml } from "../../../src/cli/convert.ts";
import { ConfigurationFolder } from "./written_file.ts";

/** What came with mosquitto 2.1. */
const OF_2_1 = `allow_anonymous true
password_file /etc/passwords
global_max_connections 500
persistent_client_expiration 90s
listener 1884
accept_protocol_versions 4, 5
enable_proxy_protocol 2
listener_allow_anonymous false
listener 8080
protocol websockets
accept_protocol_versions 3
accept_protocol_versions 5
websockets_origin https://a.example
websockets_origin null
listener_allow_anonymous true
listener 1885
`;

Deno.test("mosquitto.conf of mosquitto 2.1 gives each listener its versions, origins, proxy and anonymous clients", () => {
  using folder = new ConfigurationFolder();
  const { listeners, limits } = folder.read("m.conf", OF_2_1);
  const told = listeners.map(({ versions, origins, proxyProtocol, authentication }) => ({
    versions,
    origins,
    proxyProtocol,
    authentication,
  }));
  const ways = { users: [], certificateNames: false, certificateSubjects: false };
  assertEquals(told, [
    {
      versions: ["3.1.1", "5"],
      origins: undefined,
      proxyProtocol: true,
      authentication: { ...ways, anonymous: false, passwordFile: "/etc/passwords" },
    },
    {
      versions: ["5"],
      origins: ["https://a.example", "null"],
      proxyProtocol: false,
      authentication: { ...ways, anonymous: true, passwordFile: "/etc/passwords" },
    },
    { versions: ["3.1", "3.1.1", "5"], origins: undefined, proxyProtocol: false, authentication: undefined },
  ]);
  assertEquals([limits.maximumConnections, limits.maximumSessionExpirySeconds], [500, 90]);
  assertEquals(folder.warnings("m.conf", OF_2_1), []);
});

Deno.test("mosquitto.conf with listener_allow_anonymous goes before allow_anonymous, also with per_listener_settings", () => {
  using folder = new ConfigurationFolder();
  const anonymous = (text: string) => folder.read("m.conf", text).listeners[0]?.authentication?.anonymous;
  assertEquals(anonymous("allow_anonymous true\nlistener 1883\nlistener_allow_anonymous false\n"), false);
  const both = "listener_allow_anonymous false\nallow_anonymous true\n";
  assertEquals(anonymous(`per_listener_settings true\nlistener 1883\n${both}`), false);
});

Deno.test("mosquitto.conf of mosquitto 2.1 means the same when it is converted to YAML", async () => {
  using folder = new ConfigurationFolder();
  const configuration = folder.read("m.conf", OF_2_1);
  assertEquals(folder.read("m.yaml", await convertedYaml(`${folder.path}/m.conf`)), configuration);
});

/** What the manual of 2.1 has and that of 2.0.11 has not. */
const KEYS_OF_2_1 = `accept_protocol_versions bridge_ciphers bridge_ciphers_tls1.3 bridge_max_topic_alias
  bridge_receive_maximum bridge_reload_type bridge_session_expiry_interval bridge_tcp_keepalive bridge_tcp_user_timeout
  bridge_tls_use_os_certs disable_client_cert_date_checks enable_control_api enable_proxy_protocol global_max_clients
  global_max_connections global_plugin listener_allow_anonymous listener_auto_id_prefix max_topic_alias_broker
  packet_buffer_size plugin_load plugin_use proxy_protocol_v2_require_tls websockets_origin`.split(/\s+/);

Deno.test("mosquitto.conf: every key that mosquitto 2.1 has and 2.0.11 has not is known", () => {
  assertEquals(KEYS_OF_2_1.filter((key) => !Object.hasOwn(mosquittoKeys(), key)), []);
});
