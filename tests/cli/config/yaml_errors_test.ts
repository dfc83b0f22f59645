import { assertEquals } from "@std/assert";
import { ConfigurationFolder } from "./written_file.ts";

/** A file in YAML, and all that is wrong with it. */
interface Row {
  readonly name: string;
  readonly yaml: string;
  readonly complaints: readonly string[];
}

const LOCAL = "listeners: [{ url: 'mqtt://127.0.0.1:0' }]\n";
const NO_AUTHENTICATION = "other machines can reach it and no authentication is set; give --allow-anonymous, or set " +
  '"authentication.anonymous" to true, if everybody may connect, or listen on 127.0.0.1';

const ROWS: readonly Row[] = [
  { name: "nothing", yaml: "", complaints: [] },
  { name: "nothing but comments", yaml: "# nothing\n---\n", complaints: [] },
  {
    name: "an unknown key",
    yaml: "\nlistner:\n  - url: mqtt://127.0.0.1:0\n",
    complaints: ['a.yaml:2:1: Unknown key "listner": did you mean "listeners"?'],
  },
  {
    name: "an unknown key that is like no other",
    yaml: "sys:\n  xylophone: 1\n",
    complaints: ['a.yaml:2:3: Unknown key "sys.xylophone": there is intervalSeconds'],
  },
  {
    name: "an unknown key in an item of a list",
    yaml: "listeners:\n  - url: mqtt://127.0.0.1:0\n    tsl: {}\n",
    complaints: ['a.yaml:3:5: Unknown key "listeners[0].tsl": did you mean "tls"?'],
  },
  {
    name: "a key of the language itself",
    yaml: `${LOCAL}__proto__: { sys: 1 }\n`,
    complaints: [
      'a.yaml:2:1: Unknown key "__proto__": there is listeners, tls, storage, authentication, access, deniedPublish, deniedWill, ' +
      "lostSubscription, delivery, clientIds, connections, bans, limits, logging, sys, pidFile",
    ],
  },
  { name: "a missing key", yaml: "listeners:\n  - {}\n", complaints: ['a.yaml:2:5: "listeners[0].url" is missing'] },
  {
    name: "a text in place of a list",
    yaml: "listeners: mqtt://127.0.0.1:0\n",
    complaints: ['a.yaml:1:12: "listeners" is not a list'],
  },
  { name: "no listener", yaml: "listeners: []\n", complaints: ['a.yaml:1:12: "listeners" is empty'] },
  {
    name: "bans of nobody, of two at once, of what is no address and until what is no time",
    yaml:
      `${LOCAL}bans:\n  - { reason: no }\n  - { user: ann, clientId: a }\n  - { address: 10.0.0.256 }\n  - { user: ann, until: later }\n`,
    complaints: [
      'a.yaml:3:5: "bans[0]" needs one of "clientId", "user" and "address"',
      'a.yaml:4:5: "bans[1]" needs one of "clientId", "user" and "address"',
      'a.yaml:5:16: "bans[2].address" is not an IP address',
      'a.yaml:6:25: "bans[3].until" is not a time such as "2026-12-31T23:59:00Z"',
    ],
  },
  {
    name: "bans until times with and without quotes",
    yaml:
      `${LOCAL}bans:\n  - { address: "2001:db8::1", until: 2026-12-31T23:59:00Z }\n  - { user: ann, until: "2026-12-31T23:59:00+02:00" }\n`,
    complaints: [],
  },
  {
    name: "a list in place of the file",
    yaml: "- 1\n",
    complaints: ["a.yaml:1:1: The configuration is not a group of keys"],
  },
  {
    name: "a number in place of a text",
    yaml: `${LOCAL}pidFile: 5\n`,
    complaints: ['a.yaml:2:10: "pidFile" is not a text; put it between quotes'],
  },
  {
    name: "an empty path",
    yaml: `${LOCAL}pidFile: ""\n`,
    complaints: ['a.yaml:2:10: "pidFile" is empty'],
  },
  {
    name: "a word in place of a switch",
    yaml: `${LOCAL}authentication:\n  anonymous: yes\n`,
    complaints: ['a.yaml:3:14: "authentication.anonymous" is not true or false'],
  },
  {
    name: "a limit out of its range",
    yaml: `${LOCAL}limits:\n  maximumQos: 3\n`,
    complaints: ['a.yaml:3:15: "limits.maximumQos" is not an integer between 0 and 2'],
  },
  {
    name: "a limit that is no number",
    yaml: `${LOCAL}limits: { receiveMaximum: many }\n`,
    complaints: ['a.yaml:2:27: "limits.receiveMaximum" is not an integer between 1 and 65535'],
  },
  {
    name: "a limit without end that has to have one",
    yaml: `${LOCAL}limits: { receiveMaximum: unlimited }\n`,
    complaints: ['a.yaml:2:27: "limits.receiveMaximum" is not an integer between 1 and 65535'],
  },
  {
    name: "a limit that may have no end",
    yaml: `${LOCAL}limits: { maximumQueuedBytes: endless }\n`,
    complaints: ['a.yaml:2:31: "limits.maximumQueuedBytes" is not an integer of at least 0, or "unlimited"'],
  },
  {
    name: "a number below the least",
    yaml: `${LOCAL}sys: { intervalSeconds: -1 }\n`,
    complaints: ['a.yaml:2:25: "sys.intervalSeconds" is less than 0'],
  },
  {
    name: "a word that is none of those",
    yaml: `${LOCAL}deniedPublish: shout\n`,
    complaints: ['a.yaml:2:16: "deniedPublish" is not "acknowledge" or "close"'],
  },
  {
    name: "a version that is none",
    yaml: "listeners:\n  - url: mqtt://127.0.0.1:0\n    versions: [4]\n",
    complaints: ['a.yaml:3:16: "listeners[0].versions[0]" is not "3.1", "3.1.1", "5", 3.1 or 5'],
  },
  {
    name: "several mistakes at once",
    yaml: `${LOCAL}storag: memory\nsys:\n  intervalSeconds: x\n`,
    complaints: [
      'a.yaml:4:20: "sys.intervalSeconds" is not a number',
      'a.yaml:2:1: Unknown key "storag": did you mean "storage"?',
    ],
  },
  {
    name: "a storage that is none",
    yaml: `${LOCAL}storage: disk\n`,
    complaints: [
      'a.yaml:2:10: "storage" "disk" is not a storage: write "memory", "kv", or a path as in ' +
      '"kv:/var/lib/brooklet/brooklet.kv"',
    ],
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
    name: "a certificate that is demanded of clients without an authority",
    yaml: `${LOCAL}tls: { certificate: a, key: b, requireCertificate: true }\n`,
    complaints: ['a.yaml:2:52: "tls.requireCertificate" needs "authority": who signs the certificates of clients'],
  },
  {
    name: "a token with two kinds of keys",
    yaml: `${LOCAL}authentication:\n  jwt: { secret: a, jwksFile: b }\n`,
    complaints: ['a.yaml:3:8: "authentication.jwt" needs one of "secret", "publicKeyFile", "jwksFile" and "jwksUrl"'],
  },
  {
    name: "a webhook that is no URL",
    yaml: `${LOCAL}authentication: { webhook: { url: nowhere } }\n`,
    complaints: ['a.yaml:2:35: "authentication.webhook.url" is not a URL'],
  },
  {
    name: "a rule with a topic and a pattern",
    yaml: `${LOCAL}access:\n  everyone:\n    - { access: read, topic: a, pattern: b }\n`,
    complaints: ['a.yaml:4:7: "access.everyone[0]" needs either "topic" or "pattern"'],
  },
  {
    name: "rules beside an ACL file",
    yaml: `${LOCAL}access:\n  file: acl\n  everyone: [{ access: read, topic: a }]\n`,
    complaints: ['a.yaml:3:3: "access" has "file" and rules, which do not go together'],
  },
  {
    name: "a timestamp with a conversion that is not known",
    yaml: `${LOCAL}logging: { timestampFormat: "%Q" }\n`,
    complaints: ['a.yaml:2:29: "logging.timestampFormat" has what is no conversion of strftime that is known'],
  },
  {
    name: "a log destination that is none",
    yaml: `${LOCAL}logging: { destinations: [syslog] }\n`,
    complaints: ['a.yaml:2:27: "logging.destinations[0]" is not "stderr", "stdout", "topic" or a "file"'],
  },
  {
    name: "a key that is there twice",
    yaml: "sys: {}\nsys: {}\n",
    complaints: ["a.yaml:2:1: YAML: cannot store mapping pair: duplicated key"],
  },
  {
    name: "a line that is no YAML",
    yaml: "listeners:\n  - url: mqtt://127.0.0.1:0\n bad\n",
    complaints: ["a.yaml:3:2: YAML: cannot read block: bad indentation of a mapping entry"],
  },
];

for (const { name, yaml, complaints } of ROWS) {
  Deno.test(`a configuration in YAML with ${name} is told as it is`, () => {
    using folder = new ConfigurationFolder();
    assertEquals(folder.complaints("a.yaml", yaml), [...complaints]);
  });
}
