/** Password files of mosquitto_passwd and of this broker, given to Debian's mosquitto and to this broker. */

import { assertEquals } from "@std/assert";
import { Broker, listenTcp } from "../../mod.ts";
import {
  allowAnonymous,
  firstAuthenticator,
  formatPasswordHash,
  hashPassword,
  parsePasswordFile,
  PasswordAuthenticator,
} from "../../src/auth/mod.ts";
import { withUser } from "../../src/auth/password_file.ts";
import { programTests } from "../interop/interop_tests.ts";
import { Mosquitto } from "./mosquitto.ts";
import { PacketClient, type Who } from "./packet_client.ts";

const USERS: readonly (readonly [name: string, password: string, algorithm: string])[] = [
  ["ann", "secret", "sha512-pbkdf2"],
  ["old", "secret", "sha512"],
  ["Jörg Müller", "Pässwörter sind schön", "sha512-pbkdf2"],
  ["empty", "", "sha512-pbkdf2"],
  ["slash/plus+", "p$q:r", "sha512"],
];

/** Each user with each password, unknown users, and wrong and missing passwords. */
const ATTEMPTS: readonly Who[] = [
  ...[...USERS.map(([name]) => name), "ours", "nobody", "Ann", "ann ", ""].flatMap((userName) =>
    [...new Set(USERS.map(([, password]) => password)), "of ours", "wrong", undefined].map((password) => ({
      clientId: "c",
      userName,
      ...password === undefined ? {} : { password },
    }))
  ),
  { clientId: "c" },
];

const test = programTests(["mosquitto", "mosquitto_passwd"]);

for (const isAnonymousAllowed of [false, true]) {
  test(`The same clients get in as in mosquitto, with allow_anonymous ${isAnonymousAllowed}`, async () => {
    // As few iterations as mosquitto_passwd takes: who gets in does not depend on them.
    const text = withUser(await theirFile(), "ours", await hashPassword("of ours", 101));
    for (const version of [4, 5] as const) {
      // mosquitto takes an empty password for none.
      const [theirs, ours] = await Promise.all([
        withMosquitto(text, isAnonymousAllowed, (dial) => codes(dial, version)),
        withBroker(text, isAnonymousAllowed, (dial) => codes(dial, version)),
      ]);
      assertEquals(ours, theirs);
      assertEquals(
        theirs.filter((line) => line.endsWith(" 0")).length,
        (isAnonymousAllowed ? 8 : 0) + USERS.length,
      );
    }
  });
}

test("mosquitto reads a file that has only what this broker writes", async () => {
  const text = withUser("", "ours", await hashPassword("of ours"));
  await withMosquitto(text, false, async (dial) => {
    const result = await PacketClient.connect(await dial(), { clientId: "c", userName: "ours", password: "of ours" });
    using _ = result.client;
    assertEquals(result.reasonCode, 0);
  });
});

test("An entry with many iterations costs mosquitto as many", async () => {
  const hash = await hashPassword("x", 1_000_000);
  assertEquals(formatPasswordHash(hash).startsWith("$7$1000000$"), true);
  await withMosquitto(withUser("", "slow", hash), false, async (dial) => {
    const result = await PacketClient.connect(await dial(), { clientId: "c", userName: "slow", password: "x" });
    using _ = result.client;
    assertEquals(result.reasonCode, 0);
  });
});

async function theirFile(): Promise<string> {
  const path = await Deno.makeTempFile();
  try {
    for (const [name, password, algorithm] of USERS) {
      const args = ["-H", algorithm, "-b", path, name, password];
      const { success } = await new Deno.Command("mosquitto_passwd", { args }).output();
      assertEquals(success, true);
    }
    return await Deno.readTextFile(path);
  } finally {
    await Deno.remove(path);
  }
}

type Dial = () => Promise<Deno.Conn>;

/** Result of each attempt, one a line. */
async function codes(dial: Dial, version: 4 | 5): Promise<string[]> {
  const lines: string[] = [];
  for (const who of ATTEMPTS) {
    // 3.1.1 has no password without a user name; both have one with an empty one.
    const { client, reasonCode } = await PacketClient.connect(await dial(), who, version);
    using _ = client;
    lines.push(`${who.userName} with ${who.password}: ${reasonCode}`);
  }
  return lines;
}

async function withMosquitto<Result>(
  text: string,
  isAnonymousAllowed: boolean,
  use: (dial: Dial) => Promise<Result>,
): Promise<Result> {
  const settings = [`allow_anonymous ${isAnonymousAllowed}`, "password_file FOLDER/passwords"];
  await using mosquitto = await Mosquitto.start(settings, { passwords: text });
  const path = mosquitto?.path;
  if (path === undefined) throw new Error("mosquitto has not started");
  return await use(() => Deno.connect({ transport: "unix", path }));
}

async function withBroker<Result>(
  text: string,
  isAnonymousAllowed: boolean,
  use: (dial: Dial) => Promise<Result>,
): Promise<Result> {
  const passwords = new PasswordAuthenticator(parsePasswordFile(text), { failures: { burst: 1_000 } });
  const authenticator = isAnonymousAllowed ? firstAuthenticator(allowAnonymous, passwords) : passwords;
  await using broker = await Broker.open({ authenticator });
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
