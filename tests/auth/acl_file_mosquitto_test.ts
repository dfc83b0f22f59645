/** The same ACL files given to Debian's mosquitto and to this broker: both decide the same. */

import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import { type Authenticator, Broker, listenTcp } from "../../mod.ts";
import {
  AccessControl,
  allowAnonymous,
  firstAuthenticator,
  LineError,
  parseAclFile,
  trustUserNames,
} from "../../src/auth/mod.ts";
import { programTests } from "../interop/interop_tests.ts";
import { Mosquitto } from "./mosquitto.ts";
import { PacketClient, type Who } from "./packet_client.ts";

/** May do everything, and sees what others publish. */
const ROOT: Who = { clientId: "root", userName: "root" };
const ROOT_RULES = "user root\ntopic #\ntopic $data/#\ntopic $SYS/#\n";
const EVERYTHING = ["#", "$data/#", "$SYS/broker/connection/#"];

const CLIENTS: readonly Who[] = [
  { clientId: "a" },
  { clientId: "a", userName: "ann" },
  { clientId: "b", userName: "ann" },
  { clientId: "a", userName: "bob" },
  { clientId: "a", userName: "nobody" },
  { clientId: "a", userName: "" },
  { clientId: "a/b" },
  { clientId: "a/b", userName: "ann" },
  { clientId: "a", userName: "ann/x" },
  { clientId: "+", userName: "ann" },
  { clientId: "#" },
  { clientId: "a+b", userName: "ann" },
  { clientId: "a", userName: "+" },
  { clientId: "a", userName: "an#n" },
  { clientId: "%u", userName: "ann" },
  { clientId: "a", userName: "%c" },
  { clientId: "%c", userName: "%u" },
  { clientId: "ä ö", userName: "Jörg Müller" },
  { clientId: ".*", userName: "a|b" },
  { clientId: "..", userName: "/" },
];

const TOPICS = [
  "a",
  "b",
  "a/b",
  "a/b/c",
  "a/x/b",
  "a/ann/b",
  "public",
  "public/x",
  "public/secret",
  "public/secret/x",
  "dev/a",
  "dev/a/1",
  "dev/b",
  "dev/b/1",
  "dev/a/b",
  "dev/a/b/1",
  "dev/+1",
  "dev/%u/1",
  "dev/%c/1",
  "dev/ä ö/1",
  "dev/.*/1",
  "dev/../1",
  "home/ann",
  "home/ann/a",
  "home/ann/b",
  "home/ann/x",
  "home/bob/a",
  "home/Jörg Müller/ä ö",
  "home//",
  "home///a",
  "home/",
  "read",
  "with space",
  "/",
  "//",
  "/x",
  "$data/x",
  "$data/ann",
  "$data",
  "$SYS/broker/connection/x/state",
  "$SYS/broker/other",
].filter((topic) => !/[+#]/.test(topic));

const FILES: Readonly<Record<string, string>> = {
  "no rules but those of one user": "",
  "rules for anonymous clients and for users": `
topic read public/#
topic write a/+
# a comment
user ann
topic readwrite a/b
topic deny a/b/c
topic a/#
topic read $data/#
user bob
topic write public/+
topic read read
`,
  "deny before and after what it takes away": `
user ann
topic deny public/secret/#
topic readwrite public/#
user bob
topic readwrite public/#
topic deny public/secret
topic deny public/+
topic read public/x
`,
  "wildcards at each place": `
topic read +/b
topic write /#
topic readwrite +/+/b
user ann
topic read +
topic write #
topic read $data/+
topic readwrite $SYS/broker/connection/+/state
`,
  "one user twice, and one in several words": `
user ann
topic read a
user Jörg Müller
topic readwrite home/#
user ann
topic write b
topic read  with space
`,
  "patterns with Client Identifier": `
pattern readwrite dev/%c/#
pattern read dev/+/%c
`,
  "patterns with user name": `
pattern write home/%u/#
pattern read home/%u
pattern read $data/%u
`,
  "patterns with both, several times": `
pattern readwrite home/%u/%c
pattern read dev/%c/%c
pattern write home/%u/%u
pattern read %u/%c
pattern read home/%u/
`,
  "patterns without a name": `
pattern read public/#
pattern write a/+
pattern readwrite $data/#
`,
  "patterns that deny": `
pattern readwrite dev/#
pattern deny dev/%c/1
pattern deny home/%u/x
pattern readwrite home/#
user ann
topic read dev/a/1
`,
  "names within a level": `
pattern readwrite dev/%c1/#
pattern readwrite %c%u/#
pattern readwrite dev/%x/%/#
`,
  "words that stand alone": `
topic read
topic deny
user ann
topic  readwrite   a/b
pattern public/x
`,
};

const LINES: readonly string[] = [
  "topic read a/#",
  "topic read",
  "topic",
  "topic ",
  "topic bad a",
  "topic reads",
  "topic a#",
  "topic read a/#/b",
  "topic read +a",
  "topic read a b",
  "topic read   a",
  "topic\tread a",
  "  topic read a",
  "  # not a comment",
  "#topic",
  "# a comment",
  "user",
  "user ",
  "user  ann bob ",
  "users ann",
  "TOPIC read a",
  "pattern read %c/#",
  "pattern %c#",
  "pattern",
  "pattern deny a",
  "foo",
  "   ",
  "topic read a\r",
  "topic read $share/g/a",
  "topic Read a",
];

/** Access of a client, as it shows. */
interface Decisions {
  readonly subscribes: readonly number[];
  readonly publishes: readonly string[];
  readonly receives: readonly string[];
}

const test = programTests(["mosquitto"]);

for (const [name, rules] of Object.entries(FILES)) {
  test(`An ACL file with ${name} decides as in mosquitto`, async () => {
    const file = rules + ROOT_RULES;
    const [theirs, ours] = await Promise.all([withMosquitto(file, decisionsOf), withBroker(file, decisionsOf)]);
    for (const [index, who] of CLIENTS.entries()) {
      assertEquals({ who, ...ours[index] }, { who, ...theirs[index] });
    }
    assertGreater(theirs.length, 0);
  });
}

test("A line of an ACL file that mosquitto refuses is refused with its number, and no other", async () => {
  await Promise.all(LINES.map(async (line) => {
    const text = `# first\n${line}\n`;
    const mosquitto = await Mosquitto.start(["allow_anonymous true", "acl_file FOLDER/acl"], { acl: text });
    await mosquitto?.[Symbol.asyncDispose]();
    const expected = mosquitto === undefined ? 2 : undefined;
    assertEquals({ line, refused: lineRefused(text) }, { line, refused: expected });
  }));
});

function lineRefused(text: string): number | undefined {
  try {
    parseAclFile(text);
  } catch (error) {
    if (error instanceof LineError) return error.line;
    throw error;
  }
  return undefined;
}

async function withMosquitto<Result>(acl: string, use: (dial: Dial) => Promise<Result>): Promise<Result> {
  await using mosquitto = await Mosquitto.start(["allow_anonymous true", "acl_file FOLDER/acl"], { acl });
  const path = mosquitto?.path;
  if (path === undefined) throw new Error("mosquitto has not started");
  return await use(() => Deno.connect({ transport: "unix", path }));
}

async function withBroker<Result>(acl: string, use: (dial: Dial) => Promise<Result>): Promise<Result> {
  // As mosquitto without a password file.
  const authenticator: Authenticator = firstAuthenticator(allowAnonymous, trustUserNames);
  await using broker = await Broker.open({ authenticator, authorizer: new AccessControl(parseAclFile(acl)) });
  const listener = listenTcp({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const transport of listener) broker.serve(transport);
  })();
  try {
    return await use(() => Deno.connect({ hostname: "127.0.0.1", port: listener.port }));
  } finally {
    listener.close();
    await accepting;
  }
}

type Dial = () => Promise<Deno.Conn>;

async function decisionsOf(dial: Dial): Promise<Decisions[]> {
  using root = (await PacketClient.connect(await dial(), ROOT)).client;
  await root.subscribe(...EVERYTHING);
  await root.topics();
  const decisions: Decisions[] = [];
  for (const who of CLIENTS) {
    const { client, reasonCode } = await PacketClient.connect(await dial(), who);
    using _ = client;
    assertEquals(reasonCode, 0);
    const subscribes = await client.subscribe(...EVERYTHING, "a/b", "nothing/of/yours", "$share/g/public/secret");
    await client.topics();
    const reasonCodes = await client.publishAll(TOPICS);
    const publishes = TOPICS.filter((_, index) => (reasonCodes[index] ?? 0x80) < 0x80);
    assertEquals(await root.topics(), publishes); // What is acknowledged is what is published.
    await root.publishAll(TOPICS);
    const receives = [...new Set(await client.topics())].sort(); // Overlapping subscriptions may bring one twice.
    decisions.push({ subscribes, publishes, receives });
  }
  return decisions;
}

for (
  const line of [
    "topic\tread a",
    "\ttopic a",
    "user\tann",
    "pattern\ta",
    "topic read\ta b",
    "topic read\ta",
    "topic read a\t#",
  ]
) {
  Deno.test(`The complaint about ${JSON.stringify(line)} names the tab`, () => {
    assertThrows(() => parseAclFile(`user ann\n${line}`), LineError, "line 2 has a tab where a space belongs");
  });
}
