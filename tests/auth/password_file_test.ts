import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  formatPasswordHash,
  hashPassword,
  LineError,
  parsePasswordFile,
  parsePasswordHash,
  passwordHashes,
} from "../../mod.ts";
import { withHashedPasswords, withoutUser, withUser } from "../../src/auth/password_file.ts";
import { verifyPassword } from "../../src/auth/password_hash.ts";

// Made by mosquitto_passwd 2.0.11.
const PBKDF2 =
  "$7$101$Qy4mtb9ZvtCmvePZ$UriJGjdInRmC7D30c5E4pPKx3PewDNhja4F9kdygpWGrB6+rLb0fRjy/QWbqZJ17XQcj/yT3CJtly0CmBdKHaQ==";
const ARGON2ID = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b1dWRWJTmaaJObG";
const SALT = "Qy4mtb9ZvtCmvePZ";
const HASH = PBKDF2.slice(PBKDF2.lastIndexOf("$") + 1);

Deno.test("A hash of mosquitto is read, verified and written again as it was", async () => {
  const hash = parsePasswordHash(PBKDF2);
  if (hash?.algorithm !== "pbkdf2-sha512") throw new Error("It is not read");
  assertEquals([hash.iterations, hash.salt.length, hash.hash.length], [101, 12, 64]);
  assertEquals(formatPasswordHash(hash), PBKDF2);
  assertEquals(await verifyPassword(utf8("a1"), hash), true);
  for (const wrong of ["a2", "", "a1 ", "A1"]) assertEquals(await verifyPassword(utf8(wrong), hash), false);
});

Deno.test("A new hash has another salt each time, 210,000 iterations, and is read again", async () => {
  const [one, other] = [await hashPassword("pässword"), await hashPassword("pässword")];
  assertEquals(one.iterations, 210_000);
  assertEquals(formatPasswordHash(one) === formatPasswordHash(other), false);
  const read = parsePasswordHash(formatPasswordHash(one));
  assertEquals(read, one);
  assertEquals(await verifyPassword(utf8("pässword"), one), true);
  assertEquals(await verifyPassword(utf8("password"), one), false);
});

Deno.test("hashPassword() refuses iterations that are none", async () => {
  for (const iterations of [0, -1, 1.5, NaN, 2 ** 31]) {
    await assertRejects(() => hashPassword("a", iterations), RangeError, `"${iterations}" iterations`);
  }
});

const NO_HASHES: readonly string[] = [
  "",
  "secret",
  "$7$",
  "$7$101$",
  `$7$101$${SALT}`,
  `$7$0$${SALT}$${HASH}`,
  `$7$-1$${SALT}$${HASH}`,
  `$7$1e3$${SALT}$${HASH}`,
  `$7$ 101$${SALT}$${HASH}`,
  `$7$2147483648$${SALT}$${HASH}`,
  `$7$99999999999$${SALT}$${HASH}`,
  `$7$101$$${HASH}`,
  `$7$101$${SALT}$`,
  `$7$101$${SALT}$${HASH.slice(4)}`,
  `$7$101$${SALT}$${HASH}$`,
  `$7$101$${SALT}$${HASH}AAAA`,
  `$7$101$not base64!$${HASH}`,
  `$7$101$${SALT}$${HASH.slice(0, -2)}`,
  `$6$101$${SALT}$${HASH}`,
  `$6$${SALT}`,
  `$5$${SALT}$${HASH}`,
  `$scrypt$${SALT}$${HASH}`,
  `x$7$101$${SALT}$${HASH}`,
];

Deno.test("What is not a hash is none, and no line of a file", () => {
  for (const text of NO_HASHES) {
    assertEquals([text, parsePasswordHash(text)], [text, undefined]);
    assertThrows(() => parsePasswordFile(`ok:${PBKDF2}\nann:${text}\n`), LineError, "line 2 ");
  }
});

const LINES: readonly { readonly name: string; readonly line: string; readonly message: string }[] = [
  { name: "no colon", line: "ann", message: `line 3 has no ":"` },
  {
    name: "no user",
    line: `:${PBKDF2}`,
    message: `line 3 has no user name in front of its ":", or one that cannot be used`,
  },
  { name: "no password", line: "ann:", message: `line 3 has no password behind its ":"` },
  {
    name: "a plain password",
    line: "ann:secret",
    message: `line 3 has no password hash that begins with $7$, $6$ or $scrypt$: "brooklet passwd -U" makes one`,
  },
  {
    name: "a hash of mosquitto that is cut",
    line: PBKDF2.slice(0, -4).replace(/^/, "ann:"),
    message: "line 3 has a hash that cannot be used: it is neither $7$ITERATIONS$SALT$HASH nor $6$SALT$HASH",
  },
  {
    name: "a hash of mosquitto 2.1",
    line: `ann:${ARGON2ID}`,
    message: "line 3 has a hash that cannot be used: argon2 is not read here, so set the password again",
  },
  {
    name: "a user that is there already",
    line: `first:${PBKDF2}`,
    message: "line 3 names a user that is there already",
  },
];
for (const { name, line, message } of LINES) {
  Deno.test(`A password file is refused for a line with ${name}, which is not repeated`, () => {
    const text = `first:${PBKDF2}\n# comment\n${line}\n`;
    const error = assertThrows(() => parsePasswordFile(text), LineError);
    assertEquals([error.message, error.line], [message, 3]);
  });
}

Deno.test("A password file may have comments, empty lines, blanks, and line ends of Windows", () => {
  const users = parsePasswordFile(`# users\r\n\r\n ann : ${PBKDF2} \r\nJörg Müller:${PBKDF2}\n__proto__:${PBKDF2}`);
  assertEquals([...users.keys()], ["ann", "Jörg Müller", "__proto__"]);
  assertEquals(parsePasswordFile("").size, 0);
});

Deno.test("A list of users has hashes only; a plain password is refused with the command that makes one", () => {
  assertEquals([...passwordHashes([{ name: "ann", passwordHash: PBKDF2 }]).keys()], ["ann"]);
  const error = assertThrows(() => passwordHashes([{ name: "ann", passwordHash: "secret" }]), RangeError);
  assertEquals(error.message, `Cannot use the password of "ann": it is not a hash; "brooklet passwd -n" makes one`);
  const twice = [{ name: "ann", passwordHash: PBKDF2 }, { name: "ann", passwordHash: PBKDF2 }];
  assertThrows(() => passwordHashes(twice), RangeError, `"ann" is there twice`);
});

Deno.test("A user is put into a password file, in its place or at the end, and taken out, and the rest stays", async () => {
  const hash = await hashPassword("new", 1);
  const entry = `ann:${formatPasswordHash(hash)}`;
  const text = `# users\nann:${PBKDF2}\n\nbob:${PBKDF2}`;
  assertEquals(withUser(text, "ann", hash), `# users\n${entry}\n\nbob:${PBKDF2}\n`);
  assertEquals(withUser("", "ann", hash), `${entry}\n`);
  assertEquals(withUser(`bob:${PBKDF2}\n`, "ann", hash), `bob:${PBKDF2}\n${entry}\n`);
  assertEquals(withoutUser(text, "ann"), `# users\n\nbob:${PBKDF2}\n`);
  assertEquals(withoutUser(text, "eve"), undefined);
  for (const name of ["", "a:b", " a", "a ", "#a", "a\n", "a\u0085", "u".repeat(65_536)]) {
    assertThrows(() => withUser("", name, hash), RangeError, "Cannot use the user name");
  }
});

Deno.test("Plain passwords of a file become hashes, and hashes stay", async () => {
  const text = `# users\nann:se:cret\nbob:${PBKDF2}\n`;
  const hashed = await withHashedPasswords(text, (password) => hashPassword(password, 1));
  const users = parsePasswordFile(hashed);
  const ann = users.get("ann");
  assertEquals(hashed.split("\n").toSpliced(1, 1), ["# users", `bob:${PBKDF2}`, ""]);
  assertEquals(ann !== undefined && await verifyPassword(utf8("se:cret"), ann), true);
});

Deno.test("A hash of argon2 is not taken for a plain password, which would make it the password of its user", async () => {
  const hashed = withHashedPasswords(`ann:${ARGON2ID}\n`, (password) => hashPassword(password, 1));
  await assertRejects(() => hashed, LineError, "line 1 has a hash that cannot be used: argon2 is not read here");
});

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
