import { assertEquals, assertLess, assertThrows } from "@std/assert";
import { readConfiguration } from "../../../src/cli/config/file.ts";
import { settingsWith } from "../../../src/protocol/setting_table.ts";
import { ConfigError } from "../../../src/cli/config_error.ts";
import { ConfigurationFolder } from "./written_file.ts";

/** A file in YAML, and all that is wrong with it. */
interface Row {
  readonly name: string;
  readonly yaml: string;
  readonly complaints: readonly string[];
}

const LOCAL = "listeners: [{ url: 'mqtt://127.0.0.1:0' }]\n";

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
    yaml: "clientIds:\n  xylophone: 1\n",
    complaints: ['a.yaml:2:3: Unknown key "clientIds.xylophone": there is prefixes'],
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
      "lostSubscription, checksRetainedPublisher, queuesQos0Messages, upgradesOutgoingQos, overlappingSubscriptions, " +
      "checksPayloadFormat, assignedClientIdPrefix, responseInformation, clientIds, connections, bans, admin, limits, logging, sysIntervalMs, telemetry, pidFile",
    ],
  },
  {
    name: "a share that is none",
    yaml: `${LOCAL}telemetry: { sampleRatio: 1.5 }\n`,
    complaints: ['a.yaml:2:27: "telemetry.sampleRatio" is more than 1'],
  },
  { name: "a missing key", yaml: "listeners:\n  - {}\n", complaints: ['a.yaml:2:5: "listeners[0].url" is missing'] },
  {
    name: "a text in place of a list",
    yaml: "listeners: mqtt://127.0.0.1:0\n",
    complaints: ['a.yaml:1:12: "listeners" is not a list'],
  },
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
    yaml: `${LOCAL}sysIntervalMs: -1\n`,
    complaints: ['a.yaml:2:16: "sysIntervalMs" is less than 0'],
  },
  {
    name: "a word that is none of those",
    yaml: `${LOCAL}deniedPublish: shout\n`,
    complaints: ['a.yaml:2:16: "deniedPublish" is not "acknowledge" or "close"'],
  },
  {
    name: "Response Information that cannot begin a Topic Name",
    yaml: `${LOCAL}responseInformation: "responses/#"\n`,
    complaints: ['a.yaml:2:22: "responseInformation" is empty or has a wildcard'],
  },
  {
    name: "several mistakes at once",
    yaml: `${LOCAL}storag: memory\nsysIntervalMs: x\n`,
    complaints: [
      'a.yaml:3:16: "sysIntervalMs" is not a number',
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
    name: "a file for the log without a name",
    yaml: `${LOCAL}logging: { destinations: [{ file: "" }] }\n`,
    complaints: ['a.yaml:2:35: "logging.destinations[0].file" is empty'],
  },
  {
    name: "a group whose keys are all commented out",
    yaml: `${LOCAL}limits:\n  # maximumQos: 1\naccess:\n`,
    complaints: [
      'a.yaml:4:8: "access" is left empty: leave the key out, or set it',
      'a.yaml:2:8: "limits" is left empty: leave the key out, or set it',
    ],
  },
  {
    name: "a number beyond all numbers",
    yaml: `${LOCAL}sysIntervalMs: 99999999999999999999\nconnections: { maximumPerAddress: 1e300 }\n`,
    complaints: [
      'a.yaml:3:35: "connections.maximumPerAddress" is more than 9007199254740991',
      'a.yaml:2:16: "sysIntervalMs" is more than 86400000',
    ],
  },
  {
    name: "a broken number, and units",
    yaml: `${LOCAL}sysIntervalMs: 1.5\nlimits: { maximumPacketBytes: 1MB }\n`,
    complaints: [
      'a.yaml:3:31: "limits.maximumPacketBytes" is not an integer between 32 and 268435460: write it without a unit, as 1_000_000',
      'a.yaml:2:16: "sysIntervalMs" is not an integer',
    ],
  },
  {
    name: "units of any kind of number",
    yaml: `${LOCAL}sysIntervalMs: 10s
limits: { connectTimeoutMs: 1 min, maximumOutboxBytes: 4MiB }
telemetry: { sampleRatio: 1x }
`,
    complaints: [
      'a.yaml:3:29: "limits.connectTimeoutMs" is not an integer of at least 1, or "unlimited": write it without a unit, as 1_000_000',
      'a.yaml:3:56: "limits.maximumOutboxBytes" is not an integer of at least 1024, or "unlimited": write it without a unit, as 1_000_000',
      'a.yaml:2:16: "sysIntervalMs" is not a number: write it without a unit, as 1_000_000',
      'a.yaml:4:27: "telemetry.sampleRatio" is not a number: write it without a unit, as 1_000_000',
    ],
  },
  {
    name: "a tab in front of a key",
    yaml: "limits:\n\tmaximumQos: 1\n",
    complaints: ["a.yaml:2:1: YAML: a tab cannot indent: use spaces"],
  },
  { name: "tabs where they may be", yaml: '{\n\t"limits": {\n\t\t"maximumQos":\t1\n\t}\n}\n', complaints: [] },
  {
    name: "a tab in place of the spaces before what is in braces",
    yaml: "limits: {\n\tmaximumQos: 1\n}\n",
    complaints: ["a.yaml:2:2: YAML: flow map in block collection must be sufficiently indented and end with a }"],
  },
  { name: "a bracket that ends a list in its first column", yaml: "bans: [\n  { user: ann },\n]\n", complaints: [] },
  { name: "digits in groups", yaml: "limits: { maximumPacketBytes: 1_000_000 }\n", complaints: [] },
  {
    name: "digits in groups that are too many",
    yaml: "limits: { maximumQos: 1_000 }\n",
    complaints: ['a.yaml:1:23: "limits.maximumQos" is not an integer between 0 and 2'],
  },
  {
    name: "a number that begins with 0",
    yaml: "limits: { maximumPacketBytes: 0100 }\n",
    complaints: ['a.yaml:1:31: "limits.maximumPacketBytes" is not an integer between 32 and 268435460'],
  },
  { name: "a name that looks like a date", yaml: "bans: [{ user: 2026-12-31 }]\n", complaints: [] },
  {
    name: "aliases that multiply each other",
    yaml: `a: &a [x, x]\n${
      "bcdefgh".replace(/./g, (name) => {
        const before = String.fromCharCode(name.charCodeAt(0) - 1);
        return `${name}: &${name} [*${before}, *${before}, *${before}, *${before}]\n`;
      })
    }`,
    complaints: ["a.yaml: YAML: Excessive alias count indicates a resource exhaustion attack"],
  },
  {
    name: "two documents",
    yaml: "limits: {}\n---\nlimits: {}\n",
    complaints: ["a.yaml:2:1: YAML: a second document begins here: a configuration is one"],
  },
  {
    name: "an alias of nothing",
    yaml: "listeners: [*a]\n",
    complaints: ['a.yaml:1:13: YAML: there is no "&a" before this alias'],
  },
  {
    name: "a key that is wrong behind an alias",
    yaml: "listeners:\n  - &a { url: 'mqtt://127.0.0.1:0', verions: [5] }\n  - { <<: *a, maximumConnections: 0 }\n",
    complaints: [
      'a.yaml:2:37: Unknown key "listeners[0].verions": did you mean "versions"?',
      'a.yaml:3:35: "listeners[1].maximumConnections" is less than 1',
      'a.yaml:3:5: Unknown key "listeners[1].verions": did you mean "versions"?',
    ],
  },
  {
    name: "a tag that YAML does not know",
    yaml: "listeners: !!js/function 'a'\n",
    complaints: ["a.yaml:1:12: YAML: unresolved tag: tag:yaml.org,2002:js/function"],
  },
  {
    name: "line ends of Windows and a byte order mark",
    yaml: "\ufefflisteners:\r\n  - url: mqtt://127.0.0.1:0\r\n    foo: 1\r\n",
    complaints: [
      'a.yaml:3:5: Unknown key "listeners[0].foo": there is url, tls, authentication, access, versions, ' +
      "allowEmptyClientId, maximumConnections, limits, paths, origins, hosts, httpDir, maximumRequestHeadBytes, pingSeconds, trustedProxies, proxyProtocol",
    ],
  },
  {
    name: "a text that has no end",
    yaml: 'pidFile: "abc\n',
    complaints: ['a.yaml:2:1: YAML: missing closing "quote'],
  },
  {
    name: "former names of keys and what they cannot be",
    yaml: "sys: { intervalSeconds: -1 }\ndelivery: { overlapping: twice, checkRetainedPublisher: true }\n",
    complaints: [
      'a.yaml:2:26: "overlappingSubscriptions" is not "each" or "once"',
      'a.yaml:1:25: "sysIntervalMs" is less than 0',
    ],
  },
  {
    name: "groups that keys have left, and what was never in them",
    yaml: "sys: { xylophone: 1 }\ndelivery:\n",
    complaints: [
      'a.yaml:1:1: Unknown key "sys": did you mean "sysIntervalMs"?',
      'a.yaml:2:1: Unknown key "delivery": did you mean "queuesQos0Messages" or "upgradesOutgoingQos" or ' +
      '"overlappingSubscriptions" or "checksRetainedPublisher"?',
    ],
  },
  {
    name: "a key under both of its names",
    yaml: "sysIntervalMs: 5\nsys: { intervalSeconds: 1 }\n",
    complaints: ['a.yaml:2:1: Unknown key "sys": did you mean "sysIntervalMs"?'],
  },
  {
    name: "a key that is there twice",
    yaml: "limits: {}\nlimits: {}\n",
    complaints: ["a.yaml:2:1: YAML: this key is there twice"],
  },
  {
    name: "a line that is no YAML",
    yaml: "listeners:\n  - url: mqtt://127.0.0.1:0\n bad\n",
    complaints: ["a.yaml:3:1: YAML: all mapping items must start at the same column"],
  },
];

for (const { name, yaml, complaints } of ROWS) {
  Deno.test(`a configuration in YAML with ${name} is told as it is`, () => {
    using folder = new ConfigurationFolder();
    assertEquals(folder.complaints("a.yaml", yaml), [...complaints]);
  });
}

Deno.test("Former names of keys are read, with a warning that has the present ones", () => {
  using folder = new ConfigurationFolder();
  const yaml = `sys: { intervalSeconds: 2 }
clientIds: { prefixes: [a-], assignedPrefix: a- }
delivery:
  queueQos0Messages: true
  upgradeOutgoingQos: true
  overlapping: once
  checkRetainedPublisher: false
`;
  const { sysIntervalMs, clientIds, ...configuration } = folder.read("a.yaml", yaml);
  assertEquals([sysIntervalMs, clientIds], [2_000, { prefixes: ["a-"] }]);
  assertEquals(settingsWith(configuration), {
    ...settingsWith({}),
    queuesQos0Messages: true,
    upgradesOutgoingQos: true,
    overlappingSubscriptions: "once",
    checksRetainedPublisher: false,
    assignedClientIdPrefix: "a-",
  });
  assertEquals(folder.warnings("a.yaml", yaml), [
    'a.yaml:4:3: "delivery.queueQos0Messages" has another name: write "queuesQos0Messages"',
    'a.yaml:5:3: "delivery.upgradeOutgoingQos" has another name: write "upgradesOutgoingQos"',
    'a.yaml:6:3: "delivery.overlapping" has another name: write "overlappingSubscriptions"',
    'a.yaml:7:3: "delivery.checkRetainedPublisher" has another name: write "checksRetainedPublisher"',
    'a.yaml:2:30: "clientIds.assignedPrefix" has another name: write "assignedClientIdPrefix"',
    'a.yaml:1:8: "sys.intervalSeconds" has another name: write "sysIntervalMs", in milliseconds',
  ]);
});

Deno.test("A configuration in YAML that is not UTF-8 is refused with its line", () => {
  using folder = new ConfigurationFolder();
  const file = folder.write("a.yaml", "limits: {}\n# \n");
  for (const [bytes, line] of [[[0x73, 0x3a, 0x0a, 0x23, 0xe4, 0x0a], 2], [[0xff, 0xfe, 0x73, 0x00], 1]] as const) {
    Deno.writeFileSync(file, Uint8Array.from(bytes));
    const message = `${file}:${line}: YAML: this line is not UTF-8: save the file as UTF-8`;
    assertThrows(() => readConfiguration(file), ConfigError, message);
  }
});

Deno.test("A long file with thousands of mistakes is told about at once", () => {
  using folder = new ConfigurationFolder();
  const rules = Array.from({ length: 3_000 }, (_, index) => `    - { acces: read, topic: a/${index} }\n`);
  const beforeMs = performance.now();
  const complaints = folder.complaints("a.yaml", `access:\n  everyone:\n${rules.join("")}`);
  assertEquals(complaints.length, 6_000);
  assertEquals(complaints.at(-1), 'a.yaml:3002:9: Unknown key "access.everyone[2999].acces": did you mean "access"?');
  assertLess(performance.now() - beforeMs, 10_000); // To find each place anew took 20 s for 2,000 of them.
});
