import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type AdminChange, adminHandler, type AdminHandlerOptions, type RequestInfo } from "../../src/admin/mod.ts";
import { formatPasswordHash, hashPassword } from "../../src/auth/password_hash.ts";
import { hashPasswordByArgon2id, hashPasswordByScrypt } from "../../src/auth/phc_hash.ts";
import { Broker } from "../../src/broker/broker.ts";
import { within } from "../deadline.ts";
import { AdminCaller, withAdmin } from "./admin_tools.ts";

const MINUTE = 60_000;
const HASH = formatPasswordHash(await hashPassword("secret", 1));

function from(hostname: string): RequestInfo {
  return { remoteAddr: { transport: "tcp", hostname, port: 4_000 } };
}

Deno.test("A link is valid for 10 minutes, and one that was made later does not change that", async () => {
  let nowMs = 0;
  await withAdmin(async ({ admin, page }) => {
    const [early, late] = [await admin.linkToken(), await admin.linkToken()];
    nowMs = 10 * MINUTE - 1;
    assertEquals((await page.api("POST", "/session", { token: early })).status, 201);
    nowMs = 10 * MINUTE;
    await admin.linkToken();
    assertEquals((await page.api("POST", "/session", { token: late })).status, 401);
  }, { now: () => nowMs });
});

Deno.test("What is no link, was used, or is nearly one, signs nobody in", async () => {
  await withAdmin(async ({ admin }) => {
    const token = await admin.linkToken();
    const used = await admin.linkToken();
    await new AdminCaller(admin).api("POST", "/session", { token: used });
    const last = token.at(-1) === "A" ? "B" : "A";
    for (const [index, wrong] of [used, "", `${token} `, token.toUpperCase(), token.slice(0, -1) + last].entries()) {
      const caller = new AdminCaller(admin, undefined, from(`10.0.0.${index}`));
      assertEquals((await caller.api("POST", "/session", { token: wrong })).status, 401);
    }
    assertEquals((await new AdminCaller(admin).api("POST", "/session", { token })).status, 201);
  });
});

Deno.test("The cookie of a session is for the API alone, for this site alone, and over TLS where there is TLS", async () => {
  const signIn = async (options: AdminHandlerOptions, url: string, headers = {}, info = from("127.0.0.1")) => {
    let cookie: string | null = "";
    await withAdmin(async ({ admin }) => {
      const body = { token: await admin.linkToken() };
      const response = await new AdminCaller(admin, url, info).send("POST", "/api/v1/session", { body, headers });
      cookie = response.headers.get("set-cookie");
    }, options);
    return cookie;
  };
  const value = /^brooklet_admin=[\w-]{43}; /;
  const plain = await signIn({}, "http://127.0.0.1:1");
  assertMatch(plain, value);
  assertEquals(plain.replace(value, ""), "HttpOnly; SameSite=Strict; Path=/api/v1");
  const below = await signIn({ basePath: "/a" }, "http://127.0.0.1:1/a");
  assertEquals(below.replace(value, ""), "HttpOnly; SameSite=Strict; Path=/a/api/v1");
  const tls = await signIn({}, "https://127.0.0.1:1");
  assertEquals(tls.replace(value, ""), "HttpOnly; SameSite=Strict; Path=/api/v1; Secure");
  const forwarded = { "x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.1" };
  const proxied = await signIn({ trustedProxies: ["127.0.0.1"] }, "http://127.0.0.1:1", forwarded);
  assertMatch(proxied, /; Secure$/);
  assertEquals(/; Secure$/.test(await signIn({}, "http://127.0.0.1:1", forwarded)), false);
});

Deno.test("A session ends after 12 hours, also when timers stood still meanwhile", async () => {
  let nowMs = 0;
  await withAdmin(async ({ page }) => {
    await page.signIn();
    nowMs = 12 * 60 * MINUTE - 1;
    assertEquals((await page.api("GET", "/session")).json["expiresAt"], "1970-01-01T12:00:00.000Z");
    nowMs += 1;
    assertEquals((await page.api("GET", "/session")).status, 401);
  }, { now: () => nowMs });
});

const HASHES = {
  "PBKDF2 of mosquitto": HASH,
  "scrypt": formatPasswordHash(await hashPasswordByScrypt("secret")),
  "Argon2id": formatPasswordHash(await hashPasswordByArgon2id("secret")),
};

for (const [name, passwordHash] of Object.entries(HASHES)) {
  Deno.test(`A user signs in with a password that is hashed by ${name}, with its role`, async () => {
    await withAdmin(async ({ page }) => {
      assertEquals((await page.api("POST", "/session", { user: "ann", password: "Secret" })).status, 401);
      const { status, json } = await page.api("POST", "/session", { user: "ann", password: "secret" });
      assertEquals([status, json["name"], json["role"]], [201, "ann", "operator"]);
    }, { users: [{ name: "ann", passwordHash, role: "operator" }] });
  });
}

Deno.test("An unknown user and a wrong password get the same answer, and both are checked", async () => {
  const passwordHash = formatPasswordHash(await hashPassword("secret", 100_000));
  await withAdmin(async ({ page }) => {
    const answers = [];
    const ms = [];
    for (const user of ["ann", "bob", "ann", "bob"]) {
      const beforeMs = performance.now();
      answers.push(await page.api("POST", "/session", { user, password: "wrong" }));
      ms.push(performance.now() - beforeMs);
    }
    assertEquals(answers.slice(1), answers.slice(0, -1));
    // 100,000 rounds of SHA-512 take 40 ms and more; looking a name up takes none.
    assert(Math.min(...ms) > 10, `${ms}`);
  }, { users: [{ name: "ann", passwordHash, role: "admin" }] });
});

Deno.test("After 5 failures in a minute an address waits, after 20 everybody but whoever has a token or a link", async () => {
  const options: AdminHandlerOptions = {
    users: [{ name: "ann", passwordHash: HASH, role: "admin" }],
    tokens: [{ name: "ci", role: "viewer", tokenHash: await hashOf("right") }],
  };
  await withAdmin(async ({ admin }) => {
    const attempt = async (address: string, body: unknown) => {
      const caller = new AdminCaller(admin, "http://127.0.0.1:1", from(address));
      const response = await caller.send("POST", "/api/v1/session", { body });
      assertEquals(response.headers.get("www-authenticate"), response.status === 401 ? "Bearer" : null);
      return [response.status, response.headers.get("retry-after")];
    };
    const wrong = { user: "ann", password: "wrong" };
    for (let count = 0; count < 5; count++) assertEquals(await attempt("127.0.0.1", wrong), [401, null]);
    assertEquals(await attempt("127.0.0.1", wrong), [429, "12"]);
    assertEquals(await attempt("127.0.0.1", { user: "ann", password: "secret" }), [429, "12"]);
    assertEquals(await attempt("127.0.0.1", { token: "wrong" }), [429, "12"]);
    assertEquals(await attempt("127.0.0.1", { token: await admin.linkToken() }), [201, null]);
    assertEquals((await attempt("127.0.0.2", { user: "ann", password: "secret" }))[0], 201);
    for (let count = 0; count < 15; count++) assertEquals((await attempt(`127.0.1.${count}`, wrong))[0], 401);
    assertEquals(await attempt("127.0.2.1", wrong), [429, "3"]);
    const bearer = (token: string) =>
      new AdminCaller(admin).send("GET", "/api/v1/broker", { headers: { authorization: `Bearer ${token}` } });
    assertEquals((await bearer("wrong")).status, 429);
    assertEquals((await bearer("right")).status, 200);
  }, options);
});

Deno.test("A role may do what the ones before it may, and no more", async () => {
  const roles = ["viewer", "operator", "admin"] as const;
  const tokens = await Promise.all(roles.map(async (role) => ({ name: role, role, tokenHash: await hashOf(role) })));
  await withAdmin(async ({ admin }) => {
    const caller = new AdminCaller(admin);
    const status = async (role: string, method: string, path: string, body?: unknown) => {
      const headers = { authorization: `Bearer ${role}` };
      return (await caller.send(method, `/api/v1${path}`, { headers, body })).status;
    };
    const message = { topic: "a", text: "x" };
    for (const role of roles) assertEquals(await status(role, "GET", "/broker"), 200);
    const published = await Promise.all(roles.map((role) => status(role, "POST", "/messages", message)));
    assertEquals(published.map((status) => status < 300), [false, true, true], `${published}`);
    assertEquals(published[0], 403);
    assertEquals(await Promise.all(roles.map((role) => status(role, "GET", "/tokens"))), [403, 403, 200]);
  }, { tokens });
});

Deno.test("The login of an app decides, and its users need its own pages or a token for writes", async () => {
  const changes: string[] = [];
  const options: AdminHandlerOptions = {
    authorize: async (request) => {
      await Promise.resolve();
      const user = request.headers.get("x-user");
      return user === null ? undefined : { name: user, role: user === "ann" ? "admin" : "viewer" };
    },
    onEvent: (event) => event.kind === "adminChange" && changes.push(`${event.by} ${event.name}`),
  };
  await withAdmin(async ({ page }) => {
    const ann = { "x-user": "ann" };
    assertEquals((await page.send("GET", "/api/v1/broker")).status, 401);
    const session = await page.send("GET", "/api/v1/session", { headers: ann });
    assertEquals(await session.json(), { name: "ann", role: "admin", by: "app", expiresAt: null });
    const forged = { ...ann, "sec-fetch-site": "cross-site" };
    assertEquals((await page.send("POST", "/api/v1/links", { headers: forged })).status, 403);
    assertEquals((await page.send("POST", "/api/v1/links", { headers: ann })).status, 201);
    const bob = { "x-user": "bob" };
    assertEquals((await page.send("POST", "/api/v1/links", { headers: bob })).status, 403);
  }, options);
  assertEquals(changes, ["ann link"]);
});

Deno.test("A stream ends when the app has signed its reader out, or given another role", async () => {
  const users = new Map([["ann", "admin"], ["bob", "viewer"], ["eve", "viewer"]] as const);
  const options: AdminHandlerOptions = {
    requestTimeoutMs: 20,
    authorize: ({ headers }) => {
      const name = headers.get("x-user") as "ann";
      const role = users.get(name);
      return role && { name, role };
    },
  };
  await withAdmin(async ({ page }) => {
    const open = (name: string) => page.send("GET", "/api/v1/live?stats=true", { headers: { "x-user": name } });
    const [ann, bob, eve] = await Promise.all(["ann", "bob", "eve"].map(open));
    users.delete("ann");
    users.set("bob", "admin");
    await within(Promise.all([ann?.text(), bob?.text()]), "the streams to end");
    const reader = eve?.body?.getReader();
    assertEquals((await reader?.read())?.done, false);
    await reader?.cancel();
  }, options);
});

Deno.test("A login of an app that throws lets nobody in", async () => {
  const errors: unknown[] = [];
  const options: AdminHandlerOptions = {
    authorize: () => {
      throw new Error("the database is gone");
    },
    onEvent: (event) => event.kind === "unexpectedError" && errors.push(event.error),
  };
  await withAdmin(async ({ page }) => {
    const { status, json } = await page.api("GET", "/broker");
    assertEquals(status, 500);
    assert(!JSON.stringify(json).includes("database"));
  }, options);
  assertEquals(errors.length, 1);
});

Deno.test("A reload signs out whoever is gone or has another password or role, ends its streams, and no one else", async () => {
  const user = (name: string, passwordHash = HASH, role: "viewer" | "admin" = "admin") => ({
    name,
    passwordHash,
    role,
  });
  const names = ["same", "gone", "password", "role"];
  await withAdmin(async ({ admin }) => {
    const pages = await Promise.all(names.map(async (name) => {
      const page = new AdminCaller(admin);
      await page.api("POST", "/session", { user: name, password: "secret" });
      return page;
    }));
    const linked = await new AdminCaller(admin).signIn();
    const stream = await pages[1]?.send("GET", "/api/v1/live?stats=true");
    assertEquals(stream?.status, 200);
    const other = formatPasswordHash(await hashPassword("secret", 1));
    admin.reload({ users: [user("same"), user("password", other), user("role", HASH, "viewer")] });
    const statuses = await Promise.all(
      [...pages, linked].map(async (page) => (await page.api("GET", "/session")).status),
    );
    assertEquals(statuses, [200, 401, 401, 401, 200]);
    await within(Promise.resolve(stream?.text()), "the stream to end");
  }, { users: names.map((name) => user(name)) });
});

Deno.test("Users and tokens that cannot be used are refused before anything is served", async () => {
  await using broker = await Broker.open();
  const user = { name: "ann", passwordHash: HASH, role: "admin" } as const;
  const token = { name: "ci", tokenHash: "0a".repeat(32), role: "viewer" } as const;
  const wrong: readonly AdminHandlerOptions[] = [
    { users: [user, user] },
    { users: [{ ...user, passwordHash: "secret" }] },
    { tokens: [token, token] },
    { tokens: [{ ...token, tokenHash: "secret" }] },
    { basePath: "admin" },
    { basePath: "/admin/" },
    { basePath: "/a b" },
    { trustedProxies: ["proxy"] },
  ];
  for (const options of wrong) assertThrows(() => adminHandler(broker, options), RangeError);
});

Deno.test("Each change is told with who made it, from where and what, and the log of events has it", async () => {
  const told: AdminChange[] = [];
  await withAdmin(async ({ page }) => {
    await page.signIn();
    await page.api("POST", "/session", { user: "ann", password: "wrong" });
    await page.api("POST", "/messages", { topic: "a/b", text: "hidden" });
    const { json } = await page.api("GET", "/events?kind=admin");
    const { events } = json as { events: { message: string }[] };
    assertEquals(events.length, told.length);
    assert(!JSON.stringify([events, told]).includes("hidden"));
  }, { onEvent: (event) => event.kind === "adminChange" && told.push(event) });
  assertEquals(told.map(({ by, name, address, topic }) => [by, name, address, topic]), [
    ["one-time link", "signIn", "127.0.0.1:50000", undefined],
    ["nobody", "signInFailed", "127.0.0.1:50000", undefined],
    ["one-time link", "publish", "127.0.0.1:50000", "a/b"],
  ]);
});

async function hashOf(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}
