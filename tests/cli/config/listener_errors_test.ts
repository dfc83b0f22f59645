import { assertEquals } from "@std/assert";
import { ConfigurationFolder } from "./written_file.ts";

/** A file in YAML, and all that is wrong with its listeners. */
interface Row {
  readonly name: string;
  readonly yaml: string;
  readonly complaints: readonly string[];
}

const LOCAL = "listeners: [{ url: 'mqtt://127.0.0.1:0' }]\n";
const NO_AUTHENTICATION = "other machines can reach it and no authentication is set; give --allow-anonymous, or set " +
  '"authentication.anonymous" to true, if everybody may connect, or listen on 127.0.0.1';

const THROUGH_PROXY = "other machines can reach it through its proxy and no authentication is set; give " +
  '--allow-anonymous, or set "authentication.anonymous" to true, if everybody may connect';

const ROWS: readonly Row[] = [
  { name: "no listener", yaml: "listeners: []\n", complaints: ['a.yaml:1:12: "listeners" is empty'] },
  {
    name: "a version that is none",
    yaml: "listeners:\n  - url: mqtt://127.0.0.1:0\n    versions: [4]\n",
    complaints: ['a.yaml:3:16: "listeners[0].versions[0]" is not "3.1", "3.1.1", "5", 3.1 or 5'],
  },
  {
    name: "a listener that is no URL",
    yaml: "listeners:\n  - url: localhost\n",
    complaints: ['a.yaml:2:10: "listeners[0].url" "localhost" is not a URL: write it like mqtt://127.0.0.1:1883'],
  },
  {
    name: "a listener for others without authentication",
    yaml: "listeners:\n  - url: mqtt://0.0.0.0:0\n",
    complaints: [`a.yaml:2:10: Cannot listen on mqtt://0.0.0.0:0: ${NO_AUTHENTICATION}`],
  },
  {
    name: "listeners of this machine that proxies open to others, without authentication",
    yaml: `listeners:
  - { url: "ws://127.0.0.1:0", trustedProxies: [127.0.0.1] }
  - url: ws://loopback:0?trusted-proxy=10.0.0.0/8
  - { url: "mqtt://[::1]:0", proxyProtocol: true }
  - url: mqtt://localhost:0?proxy-protocol
  - { url: "mqtt://localhost:0", proxyProtocol: true, authentication: { anonymous: true } }
`,
    complaints: [
      `a.yaml:2:12: Cannot listen on ws://127.0.0.1:0: ${THROUGH_PROXY}`,
      `a.yaml:3:10: Cannot listen on ws://loopback:0: ${THROUGH_PROXY}`,
      `a.yaml:4:12: Cannot listen on mqtt://[::1]:0: ${THROUGH_PROXY}`,
      `a.yaml:5:10: Cannot listen on mqtt://localhost:0: ${THROUGH_PROXY}`,
    ],
  },
  {
    name: "a listener for others with anonymous access written out",
    yaml: "listeners: [{ url: 'mqtt://0.0.0.0:0' }]\nauthentication: { anonymous: true }\n",
    complaints: [],
  },
  {
    name: "a listener for others without authentication, beside one that has it",
    yaml: "listeners:\n  - { url: 'mqtt://*:0', authentication: { certificateNames: true } }\n  - url: mqtt://[::]:0\n",
    complaints: [`a.yaml:3:10: Cannot listen on mqtt://[::]:0: ${NO_AUTHENTICATION}`],
  },
  {
    name: "TLS without a certificate",
    yaml: "listeners: [{ url: 'mqtts://127.0.0.1:0' }]\n",
    complaints: [
      'a.yaml:1:20: Cannot listen on mqtts://127.0.0.1:0: it needs a certificate; give --cert and --key, or set "tls"',
    ],
  },
  {
    name: "a certificate for a listener without TLS",
    yaml: "listeners:\n  - url: mqtt://127.0.0.1:0\n    tls: { certificate: a, key: b }\n",
    complaints: ['a.yaml:3:10: "listeners[0].tls" has no meaning: mqtt://127.0.0.1:0 has no TLS'],
  },
  {
    name: "paths for a listener without WebSocket",
    yaml: "listeners:\n  - url: mqtt://127.0.0.1:0\n    paths: [/mqtt]\n",
    complaints: ['a.yaml:3:12: "listeners[0].paths" has no meaning: mqtt://127.0.0.1:0 has no WebSocket'],
  },
  {
    name: "no version, paths that are none, origins that no browser says, and proxies that are none",
    yaml: `listeners:
  - url: ws://127.0.0.1:0
    versions: []
    paths: [mqtt]
    origins: [example.com, "https://example.com/", "*", "null", sameOrigin, loopback, "http://a:8080", capacitor://a]
    trustedProxies: [10.0.0.0/33, proxy, 10.0.0.0/8, unix]
authentication: { anonymous: true }
`,
    complaints: [
      'a.yaml:3:15: "listeners[0].versions" is empty',
      'a.yaml:4:13: "listeners[0].paths[0]" is not a path, such as "/mqtt"',
      'a.yaml:5:15: "listeners[0].origins[0]" is not an origin such as https://example.com',
      'a.yaml:5:28: "listeners[0].origins[1]" is not an origin such as https://example.com',
      'a.yaml:6:22: "listeners[0].trustedProxies[0]" is not an IP address or network',
      'a.yaml:6:35: "listeners[0].trustedProxies[1]" is not an IP address or network',
    ],
  },
  {
    name: "hosts that are none",
    yaml: `listeners:
  - url: ws://127.0.0.1:0
    hosts: [broker.lan, "a:1", "*", "http://a", "a/b", "[::1]", "[::1]:1", "", "::1", 192.0.2.1, Bücher.example, "a b"]
`,
    complaints: [[25, 1], [37, 3], [49, 4], [65, 6], [76, 7], [80, 8], [114, 11]].map(([column, index]) =>
      `a.yaml:3:${column}: "listeners[0].hosts[${index}]" is not a host without a port, such as broker.example`
    ),
  },
  {
    name: "paths that are a text",
    yaml: "listeners:\n  - url: ws://127.0.0.1:0\n    paths: /mqtt\n",
    complaints: ['a.yaml:3:12: "listeners[0].paths" is not "any" or a list of paths, such as "/mqtt"'],
  },
  {
    name: "an origin, a proxy and a host that are none in URLs",
    yaml: "authentication: { anonymous: true }\nlisteners:\n  - url: ws://127.0.0.1:0?origin=a\n" +
      "  - url: ws://127.0.0.1:0?trusted-proxy=a\n  - url: ws://127.0.0.1:0?host=a:1\n",
    complaints: [
      'a.yaml:3:10: "listeners[0].url" has "origin=a", which is not one such as https://example.com',
      'a.yaml:4:10: "listeners[1].url" has "trusted-proxy=a", which is not an IP address or network',
      'a.yaml:5:10: "listeners[2].url" has "host=a:1", which is not one such as broker.example',
    ],
  },
  {
    name: "what listeners have no use for",
    yaml: `listeners:
  - { url: "mqtt://127.0.0.1:0", origins: [loopback], hosts: [a], httpDir: a, trustedProxies: [10.0.0.1] }
  - { url: "unix:/tmp/a", proxyProtocol: true }
`,
    complaints: [
      'a.yaml:2:43: "listeners[0].origins" has no meaning: mqtt://127.0.0.1:0 has no WebSocket',
      'a.yaml:2:62: "listeners[0].hosts" has no meaning: mqtt://127.0.0.1:0 has no WebSocket',
      'a.yaml:2:76: "listeners[0].httpDir" has no meaning: mqtt://127.0.0.1:0 has no WebSocket',
      'a.yaml:2:95: "listeners[0].trustedProxies" has no meaning: mqtt://127.0.0.1:0 has no WebSocket',
      'a.yaml:3:42: "listeners[1].proxyProtocol" has no meaning: unix:/tmp/a has no addresses',
    ],
  },
  {
    name: "one address for two listeners",
    yaml: "listeners:\n  - url: mqtt://127.0.0.1:5\n  - url: ws://127.0.0.1:5\n  - url: mqtt://127.0.0.2:5\n",
    complaints: ['a.yaml:3:10: Cannot listen on ws://127.0.0.1:5: "listeners[0]" does so already'],
  },
  {
    name: "one file for two listeners, and a proxy that lets others in",
    yaml:
      'listeners:\n  - url: unix:/run/a\n  - url: "ws+unix:/run/a:/mqtt"\n  - url: "ws+unix:/b?trusted-proxy=unix"\n',
    complaints: [
      'a.yaml:3:10: Cannot listen on ws+unix:/run/a:/mqtt: "listeners[0]" has the same port at unix:/run/a already',
      "a.yaml:4:10: Cannot listen on ws+unix:/b: other machines can reach it through its proxy and no authentication is " +
      'set; give --allow-anonymous, or set "authentication.anonymous" to true, if everybody may connect',
    ],
  },
  {
    name: "URLs with what does not belong there",
    yaml: [
      "http://a:1",
      "mqtt://a:1/b",
      "mqtt://u:p@a:1",
      "mqtt://a:65536",
      "ws://a:1?x=1",
      "unix:/a?mode=9",
      "unix:a",
      "ws+unix:a",
      "ws+unix:/a:/b?proxy-protocol",
    ]
      .reduce((yaml, url) => `${yaml}  - url: ${url}\n`, "listeners:\n"),
    complaints: [
      'a.yaml:2:10: "listeners[0].url" "http://a:1" starts with http:// and not with mqtt://, mqtts://, ws://, wss://, ' +
      "unix: or ws+unix:: write it like mqtt://127.0.0.1:1883",
      'a.yaml:3:10: "listeners[1].url" "mqtt://a:1/b" has more than a host and a port: write it like mqtt://127.0.0.1:1883',
      'a.yaml:4:10: "listeners[2].url" "mqtt://u:p@a:1" has more than a host and a port: write it like ' +
      "mqtt://127.0.0.1:1883",
      'a.yaml:5:10: "listeners[3].url" "mqtt://a:65536" is not a URL: write it like mqtt://127.0.0.1:1883',
      'a.yaml:6:10: "listeners[4].url" "ws://a:1?x=1" has an unknown option "x": there is proxy-protocol, origin, ' +
      "host, trusted-proxy",
      'a.yaml:7:10: "listeners[5].url" "unix:/a?mode=9" has a mode that is not three octal digits: write it like ?mode=660',
      'a.yaml:8:10: "listeners[6].url" "unix:a" is not a path: write it like unix:/run/brooklet.sock',
      'a.yaml:9:10: "listeners[7].url" "ws+unix:a" is not a path: write it like ws+unix:/run/brooklet.sock',
      'a.yaml:10:10: "listeners[8].url" "ws+unix:/a:/b?proxy-protocol" has an unknown option "proxy-protocol": there is ' +
      "mode, origin, host, trusted-proxy",
    ],
  },
  {
    name: "a certificate that is demanded of clients without an authority",
    yaml: `${LOCAL}tls: { certificate: a, key: b, requireCertificate: true }\n`,
    complaints: ['a.yaml:2:52: "tls.requireCertificate" needs "authority": who signs the certificates of clients'],
  },
];

for (const { name, yaml, complaints } of ROWS) {
  Deno.test(`a configuration in YAML with ${name} is told as it is`, () => {
    using folder = new ConfigurationFolder();
    assertEquals(folder.complaints("a.yaml", yaml), [...complaints]);
  });
}
