import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { Broker, listenTcp } from "../../mod.ts";
import {
  formatPasswordHash,
  hashPassword,
  LineError,
  parsePasswordFile,
  parsePasswordHash,
  PasswordAuthenticator,
  passwordHashes,
} from "../../src/auth/mod.ts";
import { withHashedPasswords, withoutUser, withUser } from "../../src/auth/password_file.ts";
import { verifyPassword } from "../../src/auth/password_hash.ts";
import { PacketClient, type Who } from "./packet_client.ts";

// Made by mosquitto_passwd 2.0.11.
const PBKDF2 =
  "$7$101$Qy4mtb9ZvtCmvePZ$UriJGjdInRmC7D30c5E4pPKx3PewDNhja4F9kdygpWGrB6+rLb0fRjy/QWbqZJ17XQcj/yT3CJtly0CmBdKHaQ==";
/** Made by mosquitto_passwd 2.1.2: `-H argon2id`, `-H sha512-pbkdf2` and `-H sha512`. */
const OF_MOSQUITTO_2_1 = `# users
ann:$argon2id$v=19$m=47104,t=1,p=1$0zExI5qwhaFFJTBqIkz3pi3fR+z15pEjgJFyk5KlcAQeAIeXdJgAxaF1Z2qok0DhHbiOTC0SU9MmGvl9pxUU7Q$DltTwKAXmAwM10SYnEn9P9dxepZwUY40zbq7U8qruUYAORbzgc2oMJZRvAI601zV2RJNuXZO2/kpIjiJjtHXUg
Jörg Müller:$argon2id$v=19$m=47104,t=1,p=1$WlFdMjGTv04zXHxfrHTXPS3GBraD6yQFAzdlRZuNs7UfNl6XRQWfdelK9RYeZ2WutD54iLH88SR3FX9hyUpM6Q$kKWlUbsuFuPj6vDHvjlQGW91XHsSTnZmYDFX/1ymjYCDRh2eAmu1vsxKAsK8jEgq91fAjk5DIxUZiPxjN3U4CQ
carl:$7$1000$z1tjTKJuvrsVO9NccSPZO/nqZD6t2dViA2Agg4sQo1d0YFhpnBPuiaranomWpVgS+cq56C/+s64MPVTSRZpJig==$nETN6K46Cxc2hGGVFqJlueT9VymInHVA6SPrGTPZxqgjz6QmBk55OjD4ovdYy0RSAEhva5FXrrcS8PLz272EMg==
dora:$6$vSsb/Mf8LVDiZ5Egy4heDCujZEUKpluMjeunv/KojAg7k9NiJQ5RD8hi+fYH1hVFH6Gtv/ZMLjrDtqXjrIjvRA==$Q+CHUvL1qNiw3HVuoeUrrYpMKxXtwW0+ZQ1P3S/dAb9teuiVYMyB1zjtCS0stPA5tMmIxuwSS7RLNnOly+Qc9g==
`;
const PASSWORDS: Readonly<Record<string, string>> = {
  ann: "secret",
  "Jörg Müller": "Pässwörter sind schön",
  carl: "old",
  dora: "older",
};
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
  for (const iterations of [0, -1, 1.5, NaN, 2_000_001]) {
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
  { name: "no password", line: "ann:", message: `line 3 has no password after its ":"` },
  {
    name: "a plain password",
    line: "ann:secret",
    message:
      `line 3 has no password hash that begins with $7$, $6$, $argon2id$ or $scrypt$: "brooklet passwd -U" makes one`,
  },
  {
    name: "a hash of mosquitto that is cut",
    line: PBKDF2.slice(0, -4).replace(/^/, "ann:"),
    message: "line 3 has a hash that cannot be used: it is neither $7$ITERATIONS$SALT$HASH nor $6$SALT$HASH",
  },
  {
    name: "a hash of mosquitto 2.1 that is cut",
    line: "ann:$argon2id$v=19$m=47104,t=1,p=1$0zExI5qwhaFFJTBqIkz3pi3",
    message:
      "line 3 has a hash that cannot be used: it is not $argon2id$v=19$m=N,t=N,p=N$SALT$HASH with base64 that is " +
      "not padded",
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

Deno.test("All lines of a password file that are unusable are told, the first with the others", () => {
  const error = assertThrows(() => parsePasswordFile(`ann\nbob:${PBKDF2}\nbob:plain\n:x\n`), LineError);
  assertEquals([error, ...error.others].map(({ line }) => line), [1, 3, 4]);
});

Deno.test("A password file may have comments, empty lines, blanks, and line ends of Windows", () => {
  const users = parsePasswordFile(`# users\r\n\r\n ann : ${PBKDF2} \r\nJörg Müller:${PBKDF2}\n__proto__:${PBKDF2}`);
  assertEquals([...users.keys()], ["ann", "Jörg Müller", "__proto__"]);
  assertEquals(parsePasswordFile("").size, 0);
});

Deno.test("A password file of mosquitto 2.1 with all of its hashes lets in over TCP who has the password", async () => {
  const authenticator = new PasswordAuthenticator(parsePasswordFile(OF_MOSQUITTO_2_1));
  await using broker = await Broker.open({ authenticator });
  const listener = listenTcp({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const transport of listener) broker.serve(transport);
  })();
  const reasonCodeFor = async (who: Omit<Who, "clientId">, version: 4 | 5) => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
    const { client, reasonCode } = await PacketClient.connect(connection, { clientId: "c", ...who }, version);
    using _ = client;
    return reasonCode;
  };
  for (const [userName, password] of Object.entries(PASSWORDS)) {
    assertEquals([userName, await reasonCodeFor({ userName, password }, 5)], [userName, 0]);
    assertEquals([userName, await reasonCodeFor({ userName, password: `${password}.` }, 5)], [userName, 0x87]);
    assertEquals([userName, await reasonCodeFor({ userName }, 4)], [userName, 0x87]);
  }
  assertEquals(await reasonCodeFor({ userName: "ann", password: "secret" }, 4), 0);
  assertEquals(await reasonCodeFor({ userName: "nobody", password: "secret" }, 5), 0x87);
  listener.close();
  await accepting;
});

Deno.test("A password file of mosquitto 2.1 stays as it is where a user is added or deleted", async () => {
  const hash = await hashPassword("new", 1);
  const added = withUser(OF_MOSQUITTO_2_1, "eve", hash);
  assertEquals(added, `${OF_MOSQUITTO_2_1}eve:${formatPasswordHash(hash)}\n`);
  assertEquals(withoutUser(added, "eve"), OF_MOSQUITTO_2_1);
  assertEquals(await withHashedPasswords(OF_MOSQUITTO_2_1, (password) => hashPassword(password, 1)), OF_MOSQUITTO_2_1);
  for (const [name, kept] of parsePasswordFile(OF_MOSQUITTO_2_1)) {
    assertStringIncludes(OF_MOSQUITTO_2_1, `\n${name}:${formatPasswordHash(kept)}\n`);
  }
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

const CRYPT_86 = "eTqoPnTFQXxBLUXkOOl4zTFgWVJEFpyVRyw1mLqQhjIfK5uRDZSjn8W1nHs1LLJYXu.2fiBvOjW9zYYYzlZ9v0";
/** Made by htpasswd, mkpasswd, openssl, passlib, Django, Werkzeug, mosquitto-go-auth, slappasswd, doveadm and PostgreSQL. */
const FOREIGN_HASHES: readonly (readonly [name: string, hash: string])[] = [
  ["bcrypt", "$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC"],
  ["bcrypt", "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"],
  ["bcrypt", "$2b$12$EXRkfkdmXn2gzds2SSitu.MW9.gAVqa9eLS1//RYtYCmB1eLHg.9q"],
  ["apr1, as htpasswd makes it,", "$apr1$x7k2Sdlq$6ttuN3cqbJD9wpHuYXfOt1"],
  ["md5-crypt", "$1$5pZSV9va$azfrPr6af3Fc7dLblQXVa0"],
  ["sha256-crypt", "$5$rounds=5000$toolongsaltstrin$Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGsh..iD"],
  ["sha512-crypt", `$6$rN0j4bM7Dz0cHE5b$${CRYPT_86}`],
  ["sha512-crypt", `$6$rounds=656000$rN0j4bM7Dz0cHE5b$${CRYPT_86}`],
  ["sha512-crypt", `!$6$rN0j4bM7Dz0cHE5b$${CRYPT_86}:19000:0:99999:7:::`],
  ["yescrypt", "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"],
  ["yescrypt", "$gy$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"],
  ["scrypt of crypt(5)", "$7$CU..../....aBcDeFgHiJkL$dPHCJ8XbUWkQ0Dq0cV1S4u4HXq7vUYb1lK3cBXjZ0w5"],
  ["phpass", "$P$984478476IagS59wHZvyQMArzfx58u."],
  ["phpass", "$S$C33783772bRXEx1aCsvY.dqgaaSu76XmVlKrW9Qu8IQlvxHlmzLf"],
  [
    "PBKDF2 in this notation",
    "$pbkdf2-sha512$25000$AOAcI6R0zvn/fw8BoFRqDQ$QHlE2QJ0P4TQ0m0rBf0mYpW0o2sJVZ4Yz7bS4iX9C1k",
  ],
  ["PBKDF2 in this notation", "PBKDF2$sha512$100000$iOYpMF3PqXnmbxCF4LiNlA==$C3rXhaxU0Z4iCYbPKYAtSKHDUbDyH4Cc"],
  ["PBKDF2 in this notation", "pbkdf2_sha256$600000$ZGVmYXVsdA$Zr6Rxo3N9n3mLcGq5v0lJmBC1yX4GZqS9gT7uJm3Q8s="],
  ["PBKDF2 in this notation", "pbkdf2:sha256:600000$Xc3tT9mK$0c1e8f2d3a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"],
  ["this kind of hash", "scrypt:32768:8:1$Xc3tT9mK$0c1e8f2d3a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"],
  ["this kind of hash", "sha1$a1b2c3$40bd001563085fc35165329ea1ff5c5ecbdbbeef"],
  ["this kind of hash", "SCRAM-SHA-256$4096:c2FsdHNhbHQ=$c3RvcmVkc3RvcmVk:c2VydmVyc2VydmVy"],
  ["this kind of hash", "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2"],
  ["{SSHA}", "{SSHA}DkMTwBl+a/3DfY+MpWpLgKOLpCIdpTl4"],
  ["{SSHA512}", "{SSHA512}aXmRkzXlzXnnR0fPWkS3mAQoXKlU4AtPRx8oPCWiYq2Wx8xh"],
  ["{SHA512-CRYPT}", `{SHA512-CRYPT}$6$rN0j4bM7Dz0cHE5b$${CRYPT_86}`],
  ["{bcrypt}", "{bcrypt}$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"],
  ["{PBKDF2-SHA256}", "{PBKDF2-SHA256}29000$9t7be09prfXee2/NOUeotQ$Y.RDnnq8vsezSZSKy1QNy6xhKPdoBIwc"],
  ["{PLAIN}", "{PLAIN}secret"],
  ["{Ssha}", "{Ssha}DkMTwBl+a/3DfY+MpWpLgKOLpCIdpTl4"],
  ["this kind of hash", "sha256:5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"],
  ["a hash of a database", "md5c3d4e5f60718293a4b5c6d7e8f9012ab"],
  ["a hash of a database", "*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4"],
  ["a hash of htdigest", "mqtt:5f4dcc3b5aa765d61d8327deb882cf99"],
  ["this kind of hash", "argon2$argon2id$v=19$m=102400,t=2,p=8$c29tZXNhbHQ$RdescudvJCsgt3ub+b1dWRWJTmaaJObG"],
  ["this kind of hash", "!$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b1dWRWJTmaaJObG"],
  ["{ARGON2ID}", "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b1dWRWJTmaaJObG"],
  ["{x-isSHA512, 15000}", "{x-isSHA512, 15000}GzZHPeeOXMGZiOZU6TCxB/Kk2OqXUlLyJpLU1nJm1f8xUGRhYmM="],
  ["{xor}", "{xor}Lz4sLChvLTs="],
  ["a locked account", "!!"],
  ["a locked account", "*:19000:0:99999:7:::"],
  ["a locked account", "*LK*"],
];
for (const [name, foreign] of FOREIGN_HASHES) {
  Deno.test(`${foreign.slice(0, 24)}… is not taken for a plain password, which would make it the password of its user`, async () => {
    let hashed = 0;
    const hash = (password: string) => {
      hashed += 1;
      return hashPassword(password, 1);
    };
    const refused = `has a hash that cannot be used: ${name} is not read here, so set the password again`;
    const text = `first:plain\nann:${foreign}\n`;
    const ofUser = await assertRejects(() => withHashedPasswords(text, hash), LineError);
    assertEquals([ofUser.message, hashed], [`line 2 ${refused}`, 0]); // Nothing was hashed for nothing.
    const ofFile = assertThrows(() => parsePasswordFile(`ann:${foreign}\n`), LineError);
    assertEquals(ofFile.message, `line 1 ${refused}`);
    const ofList = assertThrows(() => passwordHashes([{ name: "ann", passwordHash: foreign }]), RangeError);
    assertEquals(ofList.message, `Cannot use the password of "ann": it ${refused}; "brooklet passwd -n" makes one`);
  });
}

Deno.test("A password that only looks a little like a hash is a password", async () => {
  const passwords = [
    "$ecret",
    "pa$$word",
    "$100$",
    "$cash$money",
    "{a}",
    "{id}12",
    "md5",
    "sha256$",
    "sha256:or is it",
    "a:b",
    "0123456789abcdef0123456789abcdef",
    "!important",
    "*",
  ];
  const text = passwords.map((password, index) => `user${index}:${password}\n`).join("");
  const users = parsePasswordFile(await withHashedPasswords(text, (password) => hashPassword(password, 1)));
  for (const [index, password] of passwords.entries()) {
    const hash = users.get(`user${index}`);
    assertEquals([password, hash !== undefined && await verifyPassword(utf8(password), hash)], [password, true]);
  }
});

Deno.test("A hash of PBKDF2 whose login would cost more than a second or so is refused with its line", () => {
  assertEquals(parsePasswordHash(`$7$2000000$${SALT}$${HASH}`)?.algorithm, "pbkdf2-sha512");
  for (const iterations of ["2000001", "1000000000", "99999999999"]) {
    const text = `$7$${iterations}$${SALT}$${HASH}`;
    assertEquals(parsePasswordHash(text), undefined);
    assertThrows(
      () => parsePasswordFile(`ann:${text}\n`),
      LineError,
      `line 1 has a hash that cannot be used: ${iterations} iterations are more than 2000000`,
    );
  }
});

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
