import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { EnhancedAuthenticator } from "../../mod.ts";
import {
  type AuthenticationExchange,
  type AuthenticationStep,
  type ScramCredential,
  scramCredential,
  scramSha256,
} from "../../src/auth/mod.ts";

const USERS = new Map<string, ScramCredential>();
const CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO";

Deno.test("scramCredential() derives what RFC 7677 shows (section 3)", async () => {
  const salt = Uint8Array.from(atob("W22ZaJ0SNY7soEsUEjb6gQ=="), (character) => character.charCodeAt(0));
  const { storedKey, serverKey } = await scramCredential("pencil", { salt, iterations: 4096 });
  const nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  const authMessage = `n=user,r=${CLIENT_NONCE},r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=${nonce}`;
  assertEquals(base64(await hmac(serverKey, authMessage)), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  const proof = Uint8Array.from(atob("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), (c) => c.charCodeAt(0));
  const signature = await hmac(storedKey, authMessage);
  const clientKey = proof.map((byte, index) => byte ^ (signature[index] ?? 0));
  assertEquals(base64(new Uint8Array(await crypto.subtle.digest("SHA-256", clientKey))), base64(storedKey));
});

Deno.test("scramCredential() refuses fewer than 4,096 iterations and control characters", async () => {
  await assertRejects(() => scramCredential("pencil", { iterations: 4095 }), RangeError, "4096");
  await assertRejects(() => scramCredential("pen\ncil", { iterations: 4096 }), TypeError, "control characters");
});

Deno.test("scramSha256() accepts who knows the password, and proves itself", async () => {
  const { step, serverSignature } = await login("user", "pencil");
  assert(step.kind === "accepted");
  assertEquals(step.principal, "user");
  assertEquals(new TextDecoder().decode(step.data), `v=${serverSignature}`);
});

Deno.test("scramSha256() knows names with a comma and an equals sign", async () => {
  const { step } = await login("a,b=c", "pencil", { saslName: "a=2Cb=3Dc" });
  assert(step.kind === "accepted");
  assertEquals(step.principal, "a,b=c");
});

Deno.test("scramSha256() refuses a wrong password and an unknown user in the same words", async () => {
  const wrong = await login("user", "pen");
  const unknown = await login("nobody", "pencil");
  assertEquals(wrong.step, unknown.step);
  assertEquals(wrong.step.kind, "refused");
  assertMatch(unknown.challenge, /^r=.+,s=.+,i=600000$/);
});

Deno.test("scramSha256() shows the same salt of an unknown user each time, and another of another one", async () => {
  const scram = scramSha256({ credential: () => undefined });
  const salts = [];
  for (const name of ["ann", "ann", "bob"]) {
    const step = await scram.begin({ clientId: "a", address: "memory" }).next(utf8(`n,,n=${name},r=${CLIENT_NONCE}`));
    salts.push(/s=([^,]+)/.exec(textOf(step))?.[1]);
  }
  assertEquals(salts[0], salts[1]);
  assertNotEquals(salts[0], salts[2]);
});

Deno.test("scramSha256() adds to the nonce of the client, anew each time", async () => {
  const first = await login("user", "pencil");
  const second = await login("user", "pencil");
  for (const { challenge } of [first, second]) assertStringIncludes(challenge, `r=${CLIENT_NONCE}`);
  assertNotEquals(first.challenge, second.challenge);
});

const FIRST_MESSAGES: readonly { readonly name: string; readonly message: Uint8Array | undefined }[] = [
  { name: "nothing", message: undefined },
  { name: "what is not UTF-8", message: Uint8Array.of(0xff, 0xfe) },
  { name: "channel binding", message: utf8(`p=tls-unique,,n=user,r=${CLIENT_NONCE}`) },
  { name: "no nonce", message: utf8("n,,n=user") },
  { name: "no name", message: utf8(`n,,n=,r=${CLIENT_NONCE}`) },
  { name: "a name that is not escaped", message: utf8(`n,,n=us=er,r=${CLIENT_NONCE}`) },
  { name: "somebody else to act for", message: utf8(`n,a=admin,n=user,r=${CLIENT_NONCE}`) },
  { name: "a mandatory extension", message: utf8(`n,,m=new,n=user,r=${CLIENT_NONCE}`) },
  { name: "too much", message: new Uint8Array(5_000).fill(0x61) },
];
for (const { name, message } of FIRST_MESSAGES) {
  Deno.test(`scramSha256() refuses ${name}`, async () => {
    const step = await (await begin()).next(message);
    assertEquals(step.kind, "refused");
  });
}

/** Each proof fits its message: the message itself has to be looked at. */
const PROVEN_MESSAGES: readonly { readonly name: string; readonly change: (message: string) => string }[] = [
  { name: "another nonce", change: (message) => message.replace(/,r=/, ",r=x") },
  { name: "the nonce of the client alone", change: (message) => message.replace(/,r=.*/, `,r=${CLIENT_NONCE}`) },
  { name: "another header of channel binding", change: (message) => message.replace("c=biws", "c=eSws") },
  {
    name: "a header of somebody else to act for",
    change: (message) => message.replace("c=biws", "c=bixhPWFkbWluLA=="),
  },
];
for (const { name, change } of PROVEN_MESSAGES) {
  Deno.test(`scramSha256() refuses ${name}, though its proof is right`, async () => {
    const { step } = await login("user", "pencil", { changeUnproven: change });
    assertEquals(step, { kind: "refused", reason: "the user name or the password is wrong" });
  });
}

Deno.test("scramSha256() accepts an extension that the proof is made with", async () => {
  const { step } = await login("user", "pencil", { changeUnproven: (message) => `${message},x=1` });
  assertEquals(step.kind, "accepted"); // What is changed before the proof is made reaches the check.
});

const LAST_MESSAGES: readonly { readonly name: string; readonly change: (message: string) => string }[] = [
  { name: "a nonce that is changed after the proof", change: (message) => message.replace(/,r=/, ",r=x") },
  { name: "a proof that is cut", change: (message) => message.slice(0, -8) },
  { name: "a proof that is no base64", change: (message) => message.replace(/p=.*/, "p=???") },
  { name: "no proof", change: (message) => message.replace(/,p=.*/, "") },
];
for (const { name, change } of LAST_MESSAGES) {
  Deno.test(`scramSha256() refuses ${name}`, async () => {
    const { step } = await login("user", "pencil", { change });
    assertEquals(step.kind, "refused");
  });
}

Deno.test("scramSha256() limits guessing of each address, however many exchanges begin, and gives right ones back", async () => {
  const failures = { burst: 3, perMinute: 0.001 };
  await begin();
  const scram = scramSha256({ credential: (name) => USERS.get(name), failures });
  const say = async (password: string, address: string) => {
    const { step } = await login("user", password, { scram, address });
    return step.kind === "refused" ? step.reasonCode ?? 0x87 : step.kind;
  };
  const [own, guesser] = ["192.0.2.1:1", "[2001:db8::1]:1"];
  for (let round = 0; round < 5; round++) assertEquals(await say("pencil", own), "accepted");
  for (let begun = 0; begun < 10; begun++) {
    await scram.begin({ clientId: "a", address: guesser }).next(utf8(`n,,n=user,r=${CLIENT_NONCE}`));
  }
  const codes = await Promise.all([1, 2, 3, 4, 5].map((guess) => say(`${guess}`, guesser)));
  assertEquals(codes.sort(), [0x87, 0x87, 0x87, 0x9f, 0x9f]);
  assertEquals(await say("pencil", "[2001:db8::2]:1"), 0x9f);
  assertEquals(await say("pencil", own), "accepted");
});

interface LoginOptions {
  readonly scram?: EnhancedAuthenticator;
  readonly address?: string;
  readonly saslName?: string;
  /** Change of the last message, before its proof is made or after that. */
  readonly changeUnproven?: (message: string) => string;
  readonly change?: (message: string) => string;
}

/** Logs in as a client does, by its own arithmetic. */
async function login(
  userName: string,
  password: string,
  { scram, address, saslName = userName, changeUnproven = unchanged, change = unchanged }: LoginOptions = {},
): Promise<{ step: AuthenticationStep; challenge: string; serverSignature: string }> {
  const exchange = await begin(scram, address);
  const first = `n=${saslName},r=${CLIENT_NONCE}`;
  const challenge = textOf(await exchange.next(utf8(`n,,${first}`)));
  const [, nonce = "", salt = "", iterations = ""] = /^r=(.*),s=(.*),i=(.*)$/.exec(challenge) ?? [];
  const key = await crypto.subtle.importKey("raw", utf8(password), "PBKDF2", false, ["deriveBits"]);
  const saltBytes = Uint8Array.from(atob(salt), (character) => character.charCodeAt(0));
  const algorithm = { name: "PBKDF2", hash: "SHA-256", salt: saltBytes, iterations: Number(iterations) };
  const salted = new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, 256));
  const clientKey = await hmac(salted, "Client Key");
  const stored = new Uint8Array(await crypto.subtle.digest("SHA-256", clientKey));
  const unproven = changeUnproven(`c=biws,r=${nonce}`);
  const authMessage = `${first},${challenge},${unproven}`;
  const signature = await hmac(stored, authMessage);
  const proof = base64(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
  const step = await exchange.next(utf8(change(`${unproven},p=${proof}`)));
  return { step, challenge, serverSignature: base64(await hmac(await hmac(salted, "Server Key"), authMessage)) };
}

function unchanged(message: string): string {
  return message;
}

async function begin(
  scram = scramSha256({ credential: (name) => USERS.get(name) }),
  address = "memory",
): Promise<AuthenticationExchange> {
  for (const name of ["user", "a,b=c"]) {
    if (!USERS.has(name)) USERS.set(name, await scramCredential("pencil", { iterations: 4096 }));
  }
  return scram.begin({ clientId: "a", address });
}

function textOf(step: AuthenticationStep): string {
  return step.kind === "continue" ? new TextDecoder().decode(step.data) : step.kind;
}

async function hmac(key: Uint8Array<ArrayBuffer>, text: string): Promise<Uint8Array<ArrayBuffer>> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, utf8(text)));
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
