import { assertEquals, assertRejects } from "@std/assert";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import type { Authenticator } from "../../mod.ts";
import {
  AccessControl,
  type Authentication,
  type JwtAlgorithm,
  jwtAuthenticator,
  type JwtOptions,
} from "../../src/auth/mod.ts";
import { converse } from "../wire/conversation.ts";
import { authenticationRequest, type Said } from "./authentication_request.ts";

const SECRET = "a secret that is long enough for HS256";
const NOW = Math.floor(Date.now() / 1_000);
const PAIRS = {
  RS256: await generateKeyPair("RS256", { extractable: true }),
  ES256: await generateKeyPair("ES256", { extractable: true }),
  EdDSA: await generateKeyPair("EdDSA", { extractable: true }),
};
const ALGORITHMS = ["RS256", "ES256", "EdDSA"] as const;
const PEMS = Object.fromEntries(
  await Promise.all(ALGORITHMS.map(async (name) => [name, await exportSPKI(PAIRS[name].publicKey)] as const)),
);
const JWKS = {
  keys: await Promise.all(
    ALGORITHMS.map(async (alg) => ({ ...await exportJWK(PAIRS[alg].publicKey), kid: alg, alg, use: "sig" })),
  ),
};

/** Signed by the secret or the key of an algorithm. */
function token(
  payload: Readonly<Record<string, unknown>> = {},
  alg: JwtAlgorithm = "HS256",
  key?: Uint8Array,
): Promise<string> {
  const signing = key ?? (alg === "HS256" ? new TextEncoder().encode(SECRET) : PAIRS[alg].privateKey);
  return new SignJWT({ sub: "ann", exp: NOW + 600, ...payload }).setProtectedHeader({ alg, kid: alg }).sign(signing);
}

/** Clock of the process, which moves when it is told to. */
class MovedClock implements Disposable {
  readonly #now = Date.now;
  #nowMs = Date.now();

  constructor() {
    Date.now = () => this.#nowMs;
  }

  tick(ms: number): void {
    this.#nowMs += ms;
  }

  [Symbol.dispose](): void {
    Date.now = this.#now;
  }
}

async function authenticate(authenticator: Authenticator, said: Said): Promise<Authentication> {
  return await authenticator.authenticate(authenticationRequest(said));
}

/** The principal in quotes, or why it is refused. */
async function outcome(options: Partial<JwtOptions>, password: string, said: Said = {}): Promise<string> {
  const result = await authenticate(await jwtAuthenticator({ keys: { secret: SECRET }, ...options }), {
    password,
    ...said,
  });
  return result.isAccepted ? `"${result.principal}"` : result.reason ?? "";
}

Deno.test("A token of HS256 lets its subject in, whatever user name is given", async () => {
  assertEquals(await outcome({}, await token()), `"ann"`);
  assertEquals(await outcome({}, await token(), { userName: "root" }), `"ann"`);
  assertEquals(await outcome({ from: "userName" }, "", { userName: await token() }), `"ann"`);
  assertEquals(await outcome({ keys: { secret: new TextEncoder().encode(SECRET) } }, await token()), `"ann"`);
});

for (const algorithm of ALGORITHMS) {
  Deno.test(`A token of ${algorithm} is verified with a public key and with a JWKS`, async () => {
    const publicKey = PEMS[algorithm] ?? "";
    const signed = await token({}, algorithm);
    assertEquals(await outcome({ keys: { publicKey, algorithm } }, signed), `"ann"`);
    assertEquals(await outcome({ keys: { jwks: JWKS } }, signed), `"ann"`);
    assertEquals(await outcome({ keys: { jwks: JWKS }, algorithms: [algorithm] }, signed), `"ann"`);
    const others = ALGORITHMS.filter((other) => other !== algorithm);
    assertEquals(await outcome({ keys: { jwks: JWKS }, algorithms: others }, signed), "the token is not valid");
  });
}

Deno.test("A token that is not signed is refused", async () => {
  const unsigned = new UnsecuredJWT({ sub: "ann", exp: NOW + 600 }).encode();
  assertEquals(await outcome({}, unsigned), "the token is not valid");
  assertEquals(await outcome({ keys: { jwks: JWKS } }, unsigned), "the token is not valid");
  const [header, payload] = (await token()).split(".");
  assertEquals(await outcome({}, `${header}.${payload}.`), "the token is not valid");
});

Deno.test("A public key is no secret: a token of HS256 that is signed with it is refused", async () => {
  for (const algorithm of ALGORITHMS) {
    const publicKey = PEMS[algorithm] ?? "";
    const forged = await token({}, "HS256", new TextEncoder().encode(publicKey));
    assertEquals(await outcome({ keys: { publicKey, algorithm } }, forged), "the token is not valid");
    assertEquals(await outcome({ keys: { jwks: JWKS } }, forged), "the token is not valid");
  }
});

Deno.test("Keys that cannot be read, and algorithms that they are not made for, cannot be asked for", async () => {
  const publicKey = PEMS["RS256"] ?? "";
  const wrong: readonly JwtOptions[] = [
    { keys: { secret: SECRET }, algorithms: ["RS256"] },
    { keys: { publicKey, algorithm: "RS256" }, algorithms: ["RS256", "HS256"] },
    { keys: { publicKey, algorithm: "RS256" }, algorithms: ["ES256"] },
    { keys: { jwks: JWKS }, algorithms: ["HS256"] },
    { keys: { jwks: JWKS }, algorithms: ["none" as JwtAlgorithm] }, // As somebody without types would write it.
    { keys: { jwks: JWKS }, algorithms: [] },
    { keys: { publicKey: "no key", algorithm: "RS256" } },
    { keys: { jwks: { keys: "none" as never } } },
  ];
  for (const options of wrong) {
    await assertRejects(() => jwtAuthenticator(options), TypeError, "Cannot verify tokens");
  }
  await assertRejects(() => jwtAuthenticator({ keys: { secret: "short" } }), RangeError, "less than 32 bytes");
});

const CLAIMS: readonly {
  readonly name: string;
  readonly options?: Partial<JwtOptions>;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly outcome: string;
}[] = [
  { name: "expired", payload: { exp: NOW - 5 }, outcome: "the token has expired" },
  {
    name: "expired, within the tolerance",
    options: { clockToleranceSeconds: 60 },
    payload: { exp: NOW - 5 },
    outcome: `"ann"`,
  },
  { name: "not valid yet", payload: { nbf: NOW + 60 }, outcome: "the token is not valid" },
  { name: "without exp", payload: { exp: undefined }, outcome: "the token is not valid" },
  {
    name: "without exp, which is not asked for",
    options: { requiresExpiry: false },
    payload: { exp: undefined },
    outcome: `"ann"`,
  },
  { name: "of another issuer", options: { issuer: "me" }, payload: { iss: "you" }, outcome: "the token is not valid" },
  { name: "without an issuer", options: { issuer: "me" }, payload: {}, outcome: "the token is not valid" },
  { name: "of one of the issuers", options: { issuer: ["me", "you"] }, payload: { iss: "you" }, outcome: `"ann"` },
  {
    name: "for another audience",
    options: { audience: "mqtt" },
    payload: { aud: ["web"] },
    outcome: "the token is not valid",
  },
  {
    name: "for one of the audiences",
    options: { audience: ["mqtt"] },
    payload: { aud: ["web", "mqtt"] },
    outcome: `"ann"`,
  },
  { name: "without a subject", payload: { sub: undefined }, outcome: "the token does not say whose it is" },
  { name: "with an empty subject", payload: { sub: "" }, outcome: "the token does not say whose it is" },
  {
    name: "with another principal",
    options: { claims: { principal: "user.name" } },
    payload: { user: { name: "bob" } },
    outcome: `"bob"`,
  },
  {
    name: "with a claim that has dots",
    options: { claims: { principal: "https://x.y/name" } },
    payload: { "https://x.y/name": "bob" },
    outcome: `"bob"`,
  },
  {
    name: "with an inherited claim",
    options: { claims: { principal: "constructor.name" } },
    payload: {},
    outcome: "the token does not say whose it is",
  },
  {
    name: "with roles that are no list",
    payload: { roles: "admin" },
    outcome: "a claim of the token is not a list of texts",
  },
  {
    name: "with roles that are no texts",
    payload: { roles: [1] },
    outcome: "a claim of the token is not a list of texts",
  },
  {
    name: "with topics that are no filters",
    payload: { subs: ["a", "b#"] },
    outcome: "the token has what is not a Topic Filter",
  },
  { name: "with an empty topic", payload: { publ: [""] }, outcome: "the token has what is not a Topic Filter" },
];
for (const { name, options = {}, payload, outcome: expected } of CLAIMS) {
  Deno.test(`A token ${name}: ${expected}`, async () =>
    assertEquals(await outcome(options, await token(payload)), expected));
}

Deno.test("What is not in the form of a token is left to the next authenticator, and a token that is wrong is not", async () => {
  const authenticator = await jwtAuthenticator({ keys: { secret: SECRET } });
  for (
    const said of [{}, { password: "secret" }, { password: "a.b" }, { password: "a.b.c.d" }, {
      password: "x".repeat(20_000),
    }]
  ) {
    const result = await authenticate(authenticator, said);
    assertEquals(result.isAccepted ? undefined : result.isUnknownUser, true);
  }
  for (const password of ["a.b.c", await token({}, "HS256", new Uint8Array(32))]) {
    const result = await authenticate(authenticator, { password });
    assertEquals(result.isAccepted ? undefined : result.isUnknownUser, false);
  }
});

Deno.test("Roles and Topic Filters of a token, and its end, are those of the client", async () => {
  const payload = { roles: ["operator"], publ: ["a/+"], subs: ["b/#"] };
  const authenticator = await jwtAuthenticator({
    keys: { secret: SECRET },
    clockToleranceSeconds: 2,
    expiryReasonCode: 0xa0,
  });
  assertEquals(await authenticate(authenticator, { password: await token(payload) }), {
    isAccepted: true,
    principal: "ann",
    roles: ["operator"],
    grants: [{ access: "write", topicFilter: "a/+" }, { access: "read", topicFilter: "b/#" }],
    expiresAtMs: (NOW + 602) * 1_000,
    expiryReasonCode: 0xa0,
  });
  const ignoring = await jwtAuthenticator({ keys: { secret: SECRET }, onExpiry: "ignore" });
  const result = await authenticate(ignoring, { password: await token() });
  assertEquals(result.isAccepted ? result.expiresAtMs : "refused", undefined);
});

Deno.test("A client may do what its token says, for as long as it says so", async () => {
  const keys = { secret: SECRET };
  const authorizer = new AccessControl({});
  const signed = await token({ publ: ["a/+"], subs: ["b/#"], exp: NOW + 60 });
  await converse(5, { authenticator: await jwtAuthenticator({ keys }), authorizer }, (conversation) =>
    conversation.run(
      `a > 10 [ @ 42 0000 [] 'a' '${signed}' ]`,
      "a < 20 [ 00 00 [ LIMITS ] ]",
      "a > 82 [ 0001 [] 'b/#' 00 'a/#' 00 '#' 00 ] 32 [ 'a/1' 0002 [] ] 32 [ 'b/1' 0003 [] ]",
      "a < 90 [ 0001 [] 00 87 00 ] 40 [ 0002 ] 40 [ 0003 87 ]",
      ({ broker }) => broker.publish("a/1", ""),
      ({ broker }) => broker.publish("b/1", ""),
      "a < 30 [ 'b/1' [] ]",
      (conversation) => conversation.pass((NOW + 61) * 1_000 - conversation.machine.wallMs),
      "a told e0 87",
    ));
});

Deno.test("A JWKS is got from its address once, and without it nobody gets in", async () => {
  let requests = 0;
  let status = 200;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    requests += 1;
    return Response.json(JWKS, { status });
  });
  try {
    const jwksUrl = `http://127.0.0.1:${server.addr.port}/jwks.json`;
    const authenticator = await jwtAuthenticator({ keys: { jwksUrl } });
    for (const algorithm of ALGORITHMS) {
      const result = await authenticate(authenticator, { password: await token({}, algorithm) });
      assertEquals(result.isAccepted, true);
    }
    assertEquals(requests, 1);
    const forged = await token({}, "HS256", new TextEncoder().encode(JSON.stringify(JWKS)));
    assertEquals((await authenticate(authenticator, { password: forged })).isAccepted, false);
    status = 500;
    const other = await jwtAuthenticator({ keys: { jwksUrl } });
    const signed = await token({}, "ES256");
    await assertRejects(() => authenticate(other, { password: signed }), Error);
  } finally {
    await server.shutdown();
  }
});

Deno.test("A JWKS with a new key is asked for when a token is signed with it, and those of an old key are refused then", async () => {
  using time = new MovedClock();
  let served = { keys: JWKS.keys.slice(0, 1) };
  let requests = 0;
  const fetch = () => {
    requests += 1;
    return Promise.resolve(Response.json(served));
  };
  const authenticator = await jwtAuthenticator({ keys: { jwksUrl: "https://x/", fetch } });
  const isAccepted = async (algorithm: JwtAlgorithm) =>
    (await authenticate(authenticator, { password: await token({}, algorithm) })).isAccepted;
  assertEquals([await isAccepted("RS256"), await isAccepted("ES256")], [true, false]);
  served = { keys: JWKS.keys.slice(1) };
  time.tick(29_000);
  assertEquals([await isAccepted("ES256"), requests], [false, 1]);
  time.tick(2_000);
  assertEquals([await isAccepted("ES256"), requests], [true, 2]);
  assertEquals([await isAccepted("RS256"), requests], [false, 2]);
});

Deno.test("A JWKS with a new key is asked for when the wall clock was set back, too", async () => {
  using time = new MovedClock();
  let served = { keys: JWKS.keys.slice(0, 1) };
  const fetch = () => Promise.resolve(Response.json(served));
  const authenticator = await jwtAuthenticator({ keys: { jwksUrl: "https://x/", fetch } });
  const isAccepted = async (algorithm: JwtAlgorithm) =>
    (await authenticate(authenticator, { password: await token({}, algorithm) })).isAccepted;
  assertEquals([await isAccepted("RS256"), await isAccepted("ES256")], [true, false]);
  served = { keys: JWKS.keys.slice(1) };
  time.tick(-7_200_000);
  assertEquals([await isAccepted("ES256"), await isAccepted("RS256")], [true, false]);
});

Deno.test("A JWKS that fails is asked for once a second, however many tokens come, and lets in as soon as it is there", async () => {
  using time = new MovedClock();
  const answers = [
    () => Promise.reject(new TypeError("offline")),
    () => Promise.resolve(new Response("{", { status: 200 })),
    () => Promise.resolve(Response.json(JWKS, { status: 302 })),
    () => Promise.resolve(Response.json({ keys: "none" })),
    () => Promise.resolve(new Response("x".repeat(1_048_577))),
    () => Promise.resolve(Response.json(JWKS)),
  ];
  let requests = 0;
  const fetch = () => answers[requests++]?.() ?? Promise.reject(new Error("not asked for again"));
  const authenticator = await jwtAuthenticator({ keys: { jwksUrl: "https://x/", fetch } });
  const password = await token({}, "ES256");
  for (const number of answers.slice(1).keys()) {
    for (let count = 0; count < 3; count++) {
      const error = await assertRejects(() => authenticate(authenticator, { password }), Error);
      assertEquals(error.message.includes("not asked for"), false);
    }
    assertEquals(requests, number + 1);
    time.tick(1_000);
  }
  assertEquals([(await authenticate(authenticator, { password })).isAccepted, requests], [true, answers.length]);
});

Deno.test("A JWKS that cannot be got refuses the client, and is told as an error", async () => {
  const keys = {
    jwksUrl: "https://login.example.com/jwks.json",
    fetch: () => Promise.reject(new TypeError("offline")),
  };
  const signed = await token({}, "ES256");
  await converse(
    5,
    { authenticator: await jwtAuthenticator({ keys }) },
    (conversation) => conversation.run(`a > 10 [ @ 42 0000 [] 'a' '${signed}' ]`, "a told 20 00 87"),
    1,
  );
});

Deno.test("Tokens that are signed wrongly are limited for each address, and those that have expired do not count", async () => {
  const failures = { burst: 2, perMinute: 0.001 };
  const authenticator = await jwtAuthenticator({ keys: { secret: SECRET }, failures });
  const say = async (password: string, address: string) => {
    const result = await authenticate(authenticator, { password, address });
    return result.isAccepted ? 0 : result.reasonCode;
  };
  const [right, old, wrong] = [
    await token(),
    await token({ exp: NOW - 10 }),
    await token({}, "HS256", new Uint8Array(32)),
  ];
  const [own, guesser] = ["192.0.2.1:1", "[2001:db8::1]:1"];
  for (let round = 0; round < 5; round++) {
    assertEquals([await say(right, guesser), await say(old, guesser), await say("no token", guesser)], [0, 0x87, 0x87]);
  }
  assertEquals([await say(wrong, guesser), await say(wrong, guesser)], [0x87, 0x87]);
  assertEquals([await say(wrong, guesser), await say(right, "[2001:db8::2]:1"), await say(right, own)], [
    0x9f,
    0x9f,
    0,
  ]);
});
