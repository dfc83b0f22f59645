import {
  assertEquals,
  assertGreater,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  formatPasswordHash,
  hashPasswordByArgon2id,
  hashPasswordByScrypt,
  LineError,
  parsePasswordFile,
  parsePasswordHash,
  passwordHashes,
} from "../../src/auth/mod.ts";
import { withHashedPasswords } from "../../src/auth/password_file.ts";
import { verifyPassword } from "../../src/auth/password_hash.ts";

// From the documentation of passlib, and made by hashlib.scrypt of Python; both for "password".
const OF_PASSLIB = "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E";
const OF_PYTHON = "$scrypt$ln=15,r=8,p=3$aM15713r3Xsvxbi31lqr1Q$WVbpRHUDFY8qCTrpVmmOJYXLyn5pKfA131HYygS4Lfo";
const MOST_COSTLY = [
  "$scrypt$ln=17,r=8,p=2$ASNFZ4mrze/+3LqYdlQyEA$05IVE9iqP6A6hY+Mg/jYcDsH90eOuEk85pmNFmD8mYQ",
  "$scrypt$ln=10,r=32,p=64$ASNFZ4mrze/+3LqYdlQyEA$VBbCOFz24sLWMcLzpAz1JZwLQ1EM5CJlDUZMnGFfdl0",
];
const CHEAP = { ln: 1, r: 1, p: 1 };
const SALT = "aM15713r3Xsvxbi31lqr1Q";
const HASH = "nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E";

for (const text of [OF_PASSLIB, OF_PYTHON]) {
  Deno.test(`A hash by scrypt of others is read, verified and written again as it was: ${text.slice(0, 21)}`, async () => {
    const kept = parsePasswordHash(text);
    if (kept === undefined) throw new Error("It is not read");
    assertEquals(formatPasswordHash(kept), text);
    assertEquals(await verifyPassword(utf8("password"), kept), true);
    assertEquals(await verifyPassword(utf8("Password"), kept), false);
  });
}

Deno.test("A hash by scrypt is of its password alone", async () => {
  const kept = await hashPasswordByScrypt("password", CHEAP);
  assertEquals(await verifyPassword(utf8("password"), kept), true);
  for (const wrong of ["Password", "", "password "]) assertEquals(await verifyPassword(utf8(wrong), kept), false);
});

Deno.test("The vector of RFC 7914 with all 64 bytes is verified", async () => {
  const [salt, hash] = [
    utf8("SodiumChloride"),
    Uint8Array.fromHex(
      "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2" +
        "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
    ),
  ];
  const text = `$scrypt$ln=14,r=8,p=1$${salt.toBase64({ omitPadding: true })}$${hash.toBase64({ omitPadding: true })}`;
  const kept = parsePasswordHash(text);
  assertEquals(kept !== undefined && await verifyPassword(utf8("pleaseletmein"), kept), true);
});

Deno.test("A new hash by scrypt has another salt each time, what OWASP asks of it, and is read again", async () => {
  const [one, other] = [await hashPasswordByScrypt("pässword"), await hashPasswordByScrypt("pässword")];
  assertMatch(formatPasswordHash(one), /^\$scrypt\$ln=15,r=8,p=3\$[\w+/]{22}\$[\w+/]{43}$/);
  assertNotEquals(formatPasswordHash(one), formatPasswordHash(other));
  assertEquals(parsePasswordHash(formatPasswordHash(one)), one);
  assertEquals(await verifyPassword(utf8("pässword"), one), true);
  assertEquals(await verifyPassword(utf8("password"), one), false);
});

Deno.test("A hash by scrypt is made beside the event loop", async () => {
  let turns = 0;
  const turning = setInterval(() => turns += 1, 1);
  await hashPasswordByScrypt("secret", { ln: 16, r: 8, p: 1 });
  clearInterval(turning);
  assertNotEquals(turns, 0);
});

/** Hashes of other implementations: from tests of the reference, or made by its version 20190702 through argon2-cffi. */
const ARGON2_VECTORS: readonly (readonly [password: string, text: string])[] = [
  ["password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"],
  ["password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"],
  ["password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"],
  ["password", "$argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHQ$T/XOJ2mh1/TIpJHfCdQan76Q5esCFVoT5MAeIM1Oq2E"],
  ["secret", "$argon2d$v=19$m=256,t=2,p=3$c29tZXNhbHQ$ME93XTyTk+MeaPauhXH95XHCKA/OK35KnEPuMvH4wU8"],
  ["secret", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$utKe61mOxFs7gcGH"],
  // Default cost of argon2-cffi.
  ["pässword", "$argon2id$v=19$m=65536,t=3,p=4$AAECAwQFBgcICQoLDA0ODw$Yr6Eu+Mt11TRlee2v7eMLmEHQRebzEYNi4UDK6q5/dY"],
];
for (const [password, text] of ARGON2_VECTORS) {
  Deno.test(`A hash by Argon2 of others is read, verified and written again as it was: ${text.slice(0, 48)}`, async () => {
    const kept = parsePasswordHash(text);
    if (kept === undefined) throw new Error("It is not read");
    assertEquals(formatPasswordHash(kept), text);
    assertEquals(await verifyPassword(utf8(password), kept), true);
    assertEquals(await verifyPassword(utf8(`${password} `), kept), false);
  });
}

Deno.test("A new hash by Argon2id has another salt each time, what mosquitto 2.1 asks of it, and is read again", async () => {
  const [one, other] = [await hashPasswordByArgon2id("pässword"), await hashPasswordByArgon2id("pässword")];
  assertMatch(formatPasswordHash(one), /^\$argon2id\$v=19\$m=47104,t=1,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  assertNotEquals(formatPasswordHash(one), formatPasswordHash(other));
  assertEquals(parsePasswordHash(formatPasswordHash(one)), one);
  assertEquals(await verifyPassword(utf8("pässword"), one), true);
  assertEquals(await verifyPassword(utf8("password"), one), false);
});

Deno.test("A hash by Argon2id is made beside the event loop", async () => {
  let turns = 0;
  const turning = setInterval(() => turns += 1, 1);
  await hashPasswordByArgon2id("secret", { m: 65_536, t: 2, p: 1 });
  clearInterval(turning);
  assertGreater(turns, 3); // In 100 ms or more.
});

Deno.test("The most memory and the most lanes that a hash by Argon2id may have are verified", async () => {
  for (const cost of [{ m: 262_144, t: 1, p: 1 }, { m: 2_040, t: 1, p: 255 }]) {
    const kept = parsePasswordHash(formatPasswordHash(await hashPasswordByArgon2id("secret", cost)));
    assertEquals([cost, kept !== undefined && await verifyPassword(utf8("secret"), kept)], [cost, true]);
  }
});

Deno.test("hashPasswordByArgon2id() refuses a cost that no login may have", async () => {
  for (const cost of [{ m: 0 }, { m: 1.5 }, { m: NaN }, { m: 7 }, { m: 262_145 }, { t: 0 }, { t: 23 }, { p: -1 }]) {
    await assertRejects(
      () => hashPasswordByArgon2id("a", { m: 47_104, t: 1, p: 1, ...cost }),
      RangeError,
      "Cannot hash the password: its cost ",
    );
  }
});

/** Texts that are refused, with the reason after the number of the line. */
const REFUSED: readonly (readonly [text: string, why: string])[] = [
  ["$scrypt$", "it is not $scrypt$ln=N,r=N,p=N$SALT$HASH with base64 that is not padded"],
  [`$scrypt$${SALT}$${HASH}`, "it is not $scrypt$ln="],
  [`$scrypt$ln=16,r=8$${SALT}$${HASH}`, "it is not $scrypt$ln="],
  [`$scrypt$r=8,ln=16,p=1$${SALT}$${HASH}`, "it is not $scrypt$ln="],
  [`$scrypt$ln=0,r=8,p=1$${SALT}$${HASH}`, "it is not $scrypt$ln="],
  [`$scrypt$ln=-1,r=8,p=1$${SALT}$${HASH}`, "it is not $scrypt$ln="],
  [`$scrypt$ln=1e1,r=8,p=1$${SALT}$${HASH}`, "it is not $scrypt$ln="],
  [`$scrypt$ln=016,r=8,p=1$${SALT}$${HASH}`, "it is not $scrypt$ln="],
  [`$scrypt$ln=16,r=8,p=1$${SALT}==$${HASH}`, "it is not $scrypt$ln="],
  [`$scrypt$ln=16,r=8,p=1$${SALT}$${HASH}$`, "it is not $scrypt$ln="],
  [`$scrypt$ln=16,r=8,p=1$${SALT}$`, "it is not $scrypt$ln="],
  [`$scrypt$ln=16,r=8,p=1$${SALT.slice(0, -1)}$${HASH}`, "its salt or its hash is not base64"],
  [`$scrypt$ln=16,r=8,p=1$AAAA$${HASH}`, "its salt does not have 8 to 1024 bytes"],
  [`$scrypt$ln=16,r=8,p=1$${SALT}$AAAA`, "its hash does not have 16 to 64 bytes"],
  [`$scrypt$ln=16,r=8,p=1$${SALT}$${HASH.slice(0, 42).repeat(3)}AA`, "its hash does not have 16 to 64 bytes"],
  [`$scrypt$ln=21,r=1,p=1$${SALT}$${HASH}`, "its cost ln=21 is above 20"],
  [`$scrypt$ln=4294967297,r=8,p=1$${SALT}$${HASH}`, "its cost ln=4294967297 is above 20"],
  [`$scrypt$ln=16,r=1,p=1$${SALT}$${HASH}`, "its cost ln=16 is not below 16 * r"],
  [`$scrypt$ln=18,r=8,p=1$${SALT}$${HASH}`, "its cost ln=18,r=8 takes more than 128 MiB"],
  [`$scrypt$ln=1,r=1000000000,p=1$${SALT}$${HASH}`, "its cost r=1000000000 is above 32"],
  [`$scrypt$ln=17,r=8,p=3$${SALT}$${HASH}`, "its cost ln=17,r=8,p=3 is above 2097152 of 2^ln * r * p"],
  [`$scrypt$ln=1,r=1,p=1073741823$${SALT}$${HASH}`, "its cost p=1073741823 is above 64"],
  ["$argon2id$", "it is not $argon2id$v=19$m=N,t=N,p=N$SALT$HASH with base64 that is not padded"],
  [`$argon2id$v=19$m=256,t=2$${SALT}$${HASH}`, "it is not $argon2id$"],
  [`$argon2id$v=19$t=2,m=256,p=1$${SALT}$${HASH}`, "it is not $argon2id$"],
  [`$argon2id$v=18$m=256,t=2,p=1$${SALT}$${HASH}`, "its version is 18, not 19"],
  [`$argon2i$m=256,t=2,p=1$${SALT}$${HASH}`, "its version is 16, not 19"],
  [`$argon2id$v=0x13$m=256,t=2,p=1$${SALT}$${HASH}`, "it is not $argon2id$"],
  [`$argon2id$v=19,m=256,t=2,p=1$${SALT}$${HASH}`, "it is not $argon2id$"],
  [`$argon2id$v=19$m=256,t=2,p=1,keyid=AAAA$${SALT}$${HASH}`, "it is not $argon2id$"],
  [`$argon2id$v=19$m=256,t=02,p=1$${SALT}$${HASH}`, "it is not $argon2id$"],
  [`$argon2id$v=19$m=256,t=0,p=1$${SALT}$${HASH}`, "it is not $argon2id$"],
  [`$argon2id$v=19$m=-256,t=2,p=1$${SALT}$${HASH}`, "it is not $argon2id$"],
  [`$argon2id$v=19$m=256,t=2,p=1${SALT}$${HASH}`, "it is not $argon2id$"],
  [`$argon2id$v=19$m=256,t=2,p=1$$${HASH}`, "it is not $argon2id$"],
  [`$argon2id$v=19$m=256,t=2,p=1$${SALT}`, "it is not $argon2id$"],
  [`$argon2id$v=19$m=256,t=2,p=1$${SALT}==$${HASH}`, "it is not $argon2id$"],
  [`$argon2id$v=19$m=256,t=2,p=1$${SALT}$${HASH}$`, "it is not $argon2id$"],
  [`$argon2id$v=19$m=256,t=2,p=1$${SALT.slice(0, -1)}$${HASH}`, "its salt or its hash is not base64"],
  [`$argon2id$v=19$m=256,t=2,p=1$AAAA$${HASH}`, "its salt does not have 8 to 1024 bytes"],
  [`$argon2id$v=19$m=256,t=2,p=1$${SALT}$AAAA`, "its hash does not have 12 to 1024 bytes"],
  [`$argon2id$v=19$m=15,t=2,p=2$${SALT}$${HASH}`, "its cost m=15 is below 8 * p with p=2"],
  [`$argon2id$v=19$m=4096,t=2,p=256$${SALT}$${HASH}`, "its cost p=256 is above 255"],
  [`$argon2id$v=19$m=262145,t=1,p=1$${SALT}$${HASH}`, "its cost m=262145 takes more than 256 MiB"],
  [`$argon2id$v=19$m=2097152,t=1,p=4$${SALT}$${HASH}`, "its cost m=2097152 takes more than 256 MiB"],
  [`$argon2d$v=19$m=9999999999,t=1,p=1$${SALT}$${HASH}`, "its cost m=9999999999 takes more than 256 MiB"],
  [`$argon2i$v=19$m=256,t=4097,p=1$${SALT}$${HASH}`, "its cost m=256,t=4097 is above 1048576 of m * t"],
  [`$argon2id$v=19$m=8,t=4294967295,p=1$${SALT}$${HASH}`, "its cost m=8,t=4294967295 is above 1048576 of m * t"],
];
for (const [text, why] of REFUSED) {
  Deno.test(`A hash in the PHC string format is refused with its line and the reason: ${text.slice(0, 44)}`, async () => {
    assertEquals(parsePasswordHash(text), undefined);
    const file = `ok:${OF_PASSLIB}\nann:${text}\n`;
    const error = assertThrows(() => parsePasswordFile(file), LineError);
    assertEquals(error.line, 2);
    assertStringIncludes(error.message, `line 2 has a hash that cannot be used: ${why}`);
    const ofList = assertThrows(() => passwordHashes([{ name: "ann", passwordHash: text }]), RangeError);
    assertStringIncludes(ofList.message, `the password of "ann": it has a hash that cannot be used: ${why}`);
    await assertRejects(() => withHashedPasswords(file, () => hashPasswordByScrypt("never", CHEAP)), LineError);
  });
}

Deno.test("The most that a hash by scrypt may cost is verified", async () => {
  for (const text of MOST_COSTLY) {
    const kept = parsePasswordHash(text);
    assertEquals([text, kept !== undefined && await verifyPassword(utf8("secret"), kept)], [text, true]);
  }
});

Deno.test("hashPasswordByScrypt() refuses a cost that no login may have", async () => {
  for (const cost of [{ ln: 0 }, { ln: 1.5 }, { ln: NaN }, { ln: 21 }, { r: 0 }, { p: -1 }, { ln: 20 }]) {
    await assertRejects(
      () => hashPasswordByScrypt("a", { ln: 14, r: 8, p: 1, ...cost }),
      RangeError,
      "Cannot hash the password: its cost ",
    );
  }
});

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
