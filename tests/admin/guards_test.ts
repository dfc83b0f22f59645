import { assert, assertEquals, assertMatch } from "@std/assert";
import { type AdminHandler, adminHandler, type RequestInfo } from "../../src/admin/mod.ts";
import { Broker } from "../../src/broker/broker.ts";
import { VERSION } from "../../src/broker/sys_topics.ts";
import { within } from "../deadline.ts";
import { AdminCaller, LOCAL, withAdmin } from "./admin_tools.ts";

const ELSEWHERE: RequestInfo = { remoteAddr: { transport: "tcp", hostname: "192.0.2.7", port: 1 } };

/** Hosts that are asked for, from this machine or from another one. */
const HOSTS: readonly { readonly host: string; readonly status: number; readonly info?: RequestInfo }[] = [
  { host: "127.0.0.1:18083", status: 200 },
  { host: "localhost:18083", status: 200 },
  { host: "[::1]:18083", status: 200 },
  { host: "127.9.9.9", status: 200 },
  { host: "broker.example", status: 200 },
  { host: "mqtt.example:18083", status: 200 }, // A listener's.
  { host: "evil.example", status: 421 }, // DNS rebinding: the name leads to this machine.
  { host: "evil.example:18083", status: 421 },
  { host: "127.0.0.1.evil.example", status: 421 },
  { host: "localhost.evil.example", status: 421 },
  { host: "broker.example.evil.example", status: 421 },
  { host: "192.0.2.1", status: 421 },
  { host: "192.0.2.1", status: 200, info: ELSEWHERE }, // No name leads to an address.
  { host: "[2001:db8::1]", status: 200, info: ELSEWHERE },
  { host: "evil.example", status: 421, info: ELSEWHERE },
];

for (const { host, status, info = LOCAL } of HOSTS) {
  const from = info === LOCAL ? "this machine" : "another machine";
  Deno.test(`A request of ${from} for the host ${host} is answered with ${status}`, async () => {
    await withAdmin(async ({ admin }) => {
      for (const path of ["/", "/api/v1/session", "/healthz", "/metrics", "/topics/a", "/nothing"]) {
        const { status: given } = await new AdminCaller(admin, `http://${host}`, info).send("GET", path);
        assertEquals(given === 421, status === 421, `${path}: ${given}`);
      }
    }, { hosts: ["broker.example"], listeners: () => [{ url: "wss://mqtt.example:8084/mqtt" }], topics: true });
  });
}

type Headers = Readonly<Record<string, string | null>>;

/** Header fields of writes that pages of other sites can have a browser send; null: the field is missing. */
const FORGED: readonly (readonly [name: string, headers: Headers])[] = [
  ["a form of another site", { "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "cross-site" }],
  ["a form with files", { "content-type": "multipart/form-data; boundary=x", "sec-fetch-site": "cross-site" }],
  ["a form of text", { "content-type": "text/plain", "sec-fetch-site": "cross-site" }],
  ["a form of a sibling site", { "content-type": "text/plain", "sec-fetch-site": "same-site" }],
  ["a form that a person began", { "content-type": "text/plain", "sec-fetch-site": "none" }],
  ["a form of its own page", { "content-type": "text/plain", "sec-fetch-site": "same-origin" }],
  ["a fetch with JSON of another site", { "sec-fetch-site": "cross-site" }],
  ["a fetch with JSON of a sibling site", { "sec-fetch-site": "same-site" }],
  ["a fetch with JSON of no page", { "sec-fetch-site": "none" }],
  ["a fetch with a field that is none", { "sec-fetch-site": "same-originx" }],
  ["a fetch with two fields", { "sec-fetch-site": "same-origin, cross-site" }],
  ["a fetch without both fields", { "sec-fetch-site": null }],
  ["a fetch of another origin", { "sec-fetch-site": null, origin: "https://evil.example" }],
  ["a fetch of another port", { "sec-fetch-site": null, origin: "http://127.0.0.1:8080" }],
  ["a fetch of a name of this machine", { "sec-fetch-site": null, origin: "http://localhost:18083" }],
  ["a fetch of a sandboxed page", { "sec-fetch-site": null, origin: "null" }],
  ["a fetch of a file", { "sec-fetch-site": null, origin: "file://" }],
  ["a fetch of an origin with its name in it", {
    "sec-fetch-site": null,
    origin: "http://127.0.0.1:18083.evil.example",
  }],
  ["a fetch of an extension", { "sec-fetch-site": null, origin: "chrome-extension://127.0.0.1:18083" }],
  ["a fetch whose fields differ", { "sec-fetch-site": "cross-site", origin: "http://127.0.0.1:18083" }],
  ["a fetch without a type", { "content-type": null }],
  ["a beacon", { "content-type": "text/plain;charset=UTF-8", "sec-fetch-site": "cross-site" }],
  ["a type that begins like JSON", { "content-type": "application/jsonp" }],
  ["a type with JSON in a parameter", { "content-type": "text/plain; a=application/json" }],
  ["a form that names JSON", { "content-type": "application/x-www-form-urlencoded; application/json" }],
];
/** Writes that need a signed in page; of the last one nobody is signed in, and it would sign the page in as somebody. */
const WRITES = [["POST", "/messages"], ["DELETE", "/clients/a"], ["PUT", "/retained/a"], ["POST", "/session"]] as const;

Deno.test(`${FORGED.length * WRITES.length} forged forms and fetches are refused with 403, and change nothing`, async () => {
  await withAdmin(async ({ admin, page, broker }) => {
    await page.signIn();
    const messages = broker.subscribe("#");
    const token = await admin.linkToken();
    for (const [method, path] of WRITES) {
      const body = path === "/session" ? { token } : { topic: "forged", payload: "x" };
      for (const [name, headers] of FORGED) {
        const { status } = await page.send(method, `/api/v1${path}`, { body, headers });
        assertEquals(status, 403, `${method} ${path} by ${name}`);
      }
    }
    await broker.publish("real", "x");
    assertEquals((await messages.next()).value?.topic, "real");
    assertEquals((await page.api("POST", "/session", { token })).status, 201); // It was not used up.
  });
});

Deno.test("A write is accepted of the own page, by either field, and with a token without both", async () => {
  await withAdmin(async ({ admin, page }) => {
    await page.signIn();
    const origin = { "sec-fetch-site": null, origin: "http://127.0.0.1:18083" };
    for (const headers of [{}, origin, { "content-type": "application/json; charset=utf-8" }]) {
      const made = await page.send("POST", "/api/v1/links", { headers });
      assertEquals(made.status, 201);
    }
    const program = new AdminCaller(admin);
    const headers = { authorization: "Bearer secret", "sec-fetch-site": null };
    assertEquals((await program.send("POST", "/api/v1/links", { headers })).status, 201);
    const bare = { ...headers, "content-type": null };
    assertEquals((await program.send("POST", "/api/v1/links", { headers: bare })).status, 201);
    const text = { ...headers, "content-type": "text/plain" };
    assertEquals((await program.send("POST", "/api/v1/links", { headers: text, body: "x" })).status, 415);
    // The cookie of a page that is signed in does not make a wrong token right.
    page.cookie = `${page.cookie}; brooklet_admin=x`;
    const wrong = { authorization: "Bearer wrong" };
    assertEquals((await page.send("POST", "/api/v1/links", { headers: wrong })).status, 401);
  }, { tokens: [{ name: "ci", role: "admin", tokenHash: await hashOf("secret") }] });
});

Deno.test("Every answer says what its page may load, and none allows pages of others", async () => {
  const listeners = ["ws://127.0.0.1:8083/mqtt", "wss://[::]:8084/mqtt", "mqtt://127.0.0.1:1883", "ws+unix:/run/x"];
  await withAdmin(async ({ page }) => {
    await page.signIn();
    const origin = { origin: "https://evil.example", "access-control-request-method": "POST" };
    const requests: readonly (readonly [method: string, path: string, status: number])[] = [
      ["GET", "/", 200],
      ["GET", "/page.js", 200],
      ["GET", "/nothing", 404],
      ["GET", "/api/v1/broker", 200],
      ["GET", "/api/v1/broker?x=1", 400],
      ["PUT", "/api/v1/broker", 405],
      ["OPTIONS", "/api/v1/messages", 405],
      ["GET", "/openapi.json", 200],
      ["GET", "/healthz", 200],
      ["GET", "/topics/a", 401],
    ];
    for (const [method, path, status] of requests) {
      const { headers, status: given } = await page.send(method, path, { headers: origin });
      if (!path.startsWith("/topics")) assertEquals(given, status, path);
      assertEquals(headers.get("x-content-type-options"), "nosniff");
      assertEquals(headers.get("referrer-policy"), "no-referrer");
      assertEquals(headers.get("cross-origin-opener-policy"), "same-origin");
      assertEquals([...headers.keys()].filter((name) => name.startsWith("access-control-")), []);
      assert(headers.has("content-security-policy"));
      if (path.startsWith("/api/")) assertEquals(headers.get("cache-control"), "no-store");
    }
    const csp = (await page.send("GET", "/")).headers.get("content-security-policy");
    assertEquals(
      csp,
      "default-src 'none'; script-src 'self'; style-src 'self'; " +
        "connect-src 'self' ws://127.0.0.1:8083 ws://localhost:8083 wss://127.0.0.1:8084 wss://localhost:8084; " +
        "img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    );
  }, { listeners: () => listeners.map((url) => ({ url })), topics: true });
});

Deno.test("Whoever is not signed in hears nothing of the version, the clients and the numbers of the broker", async () => {
  await withAdmin(async ({ admin }) => {
    const nobody = new AdminCaller(admin, "http://192.0.2.1:18083", ELSEWHERE);
    const open = ["/", "/page.js", "/page.css", "/openapi.json", "/healthz", "/readyz"];
    const routes = ["/metrics", "/api/v1/session", "/api/v1/broker", "/api/v1/clients", "/api/v1/live", "/nothing"];
    for (const path of [...open, ...routes]) {
      const response = await nobody.send("GET", path);
      assertEquals(response.ok, open.includes(path), path);
      const text = JSON.stringify([...response.headers]) + await response.text();
      assert(!text.includes(`"${VERSION}"`) && !text.includes(`/${VERSION}`), path);
    }
    assertEquals(await (await nobody.send("GET", "/healthz")).text(), "ok\n");
  });
});

/** Paths that would leave a folder, if the page were one, each as a client that changes nothing of it can send it. */
const TRAVERSALS: readonly string[] = [
  ..."../ ..%2f ..%5c ..\\ %2e%2e/ %2e%2e%2f .%2e/ %2E%2E/ ..;/ %252e%252e%252f ..%252f ..%c0%af ..%00/ ....// .../"
    .split(" ").flatMap((step) => [`/${step.repeat(6)}etc/passwd`, `/${step}deno.json`]),
  "//etc/passwd",
  "///etc/passwd",
  "/./page.js",
  "/x/../page.js",
  "/page.js/..",
  "/page.js%00",
  "/page.js/",
  "/page.css/../page.js",
  "/built/page.js",
  "/src/admin/mod.ts",
  "/.git/config",
  "/.",
  "/..",
  "/%2e",
  "/api/v1/../../page.js",
  "/api/v1/..%2f..%2fpage.js",
  "/file:///etc/passwd",
  "/C:/Windows/win.ini",
  "/~root/",
  "/page.js::$DATA",
];

Deno.test(`${TRAVERSALS.length} forms of paths lead nowhere, and are not found`, async () => {
  await overHttp({}, async ({ port }) => {
    assert(TRAVERSALS.length >= 40);
    for (const path of TRAVERSALS) {
      const answer = await rawRequest(port, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`);
      assertMatch(answer, /^HTTP\/1\.1 404 /, path);
    }
    for (const target of [`http://127.0.0.1:${port}/page.js`, "/page.js"]) {
      assertMatch(await rawRequest(port, `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`), /^HTTP\/1\.1 200 /);
    }
    const foreign = await rawRequest(port, `GET http://evil.example/page.js HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`);
    assertMatch(foreign, /^HTTP\/1\.1 421 /);
  });
});

Deno.test("A body of more than 1 MiB is refused, as soon as that is known", async () => {
  await overHttp({}, async ({ port, admin, page }) => {
    const head = (more: string) =>
      `POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n` +
      `Sec-Fetch-Site: same-origin\r\n${more}\r\n`;
    assertMatch(await rawRequest(port, head("Content-Length: 1048577\r\n")), /^HTTP\/1\.1 413 /);
    const piece = "1000\r\n" + " ".repeat(4_096) + "\r\n";
    const endless = head("Transfer-Encoding: chunked\r\n") + piece.repeat(300);
    assertMatch(await rawRequest(port, endless, ""), /^HTTP\/1\.1 413 /);
    const token = `${await admin.linkToken()}`;
    const padded = JSON.stringify({ token }) + " ".repeat(1_000_000);
    assertEquals((await page.send("POST", "/api/v1/session", { body: padded })).status, 201);
  });
});

Deno.test("A request that takes too long is answered, also one whose body does not come", async () => {
  await overHttp({ requestTimeoutMs: 50 }, async ({ port }) => {
    const head = `POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n` +
      "Sec-Fetch-Site: same-origin\r\nContent-Length: 100\r\n";
    assertMatch(await rawRequest(port, head), /^HTTP\/1\.1 503 .*Timed out/s);
  });
});

Deno.test("64 requests are answered at once, any more are told to come again, and health checks are always", async () => {
  await withAdmin(async ({ page }) => {
    await page.signIn();
    const bodies = Array.from({ length: 64 }, () => Promise.withResolvers<void>());
    const waiting = bodies.map(({ promise }) => {
      const body = new ReadableStream({
        async pull(controller) {
          await promise;
          controller.close();
        },
      }, { highWaterMark: 0 });
      const headers = { "content-type": "application/json", "sec-fetch-site": "same-origin" };
      const request = new Request("http://127.0.0.1:18083/api/v1/session", { method: "POST", headers, body });
      return page.admin.fetch(request, LOCAL);
    });
    await new Promise((resolve) => setTimeout(resolve, 0));
    const refused = await page.send("GET", "/api/v1/broker");
    assertEquals([refused.status, refused.headers.get("retry-after")], [503, "1"]);
    assertEquals((await page.send("GET", "/healthz")).status, 200);
    for (const { resolve } of bodies) resolve();
    for (const response of await Promise.all(waiting)) assertEquals(response.status, 400);
    assertEquals((await page.api("GET", "/broker")).status, 200);
  });
});

Deno.test("A session has 8 streams at once, and they end with it", async () => {
  await withAdmin(async ({ page, admin }) => {
    await page.signIn();
    const open = () => page.send("GET", "/api/v1/live?stats=true");
    const streams = await Promise.all(Array.from({ length: 8 }, open));
    assertEquals(streams.map(({ status }) => status), Array(8).fill(200));
    assertEquals((await open()).status, 429);
    const other = await new AdminCaller(admin).signIn();
    const others = await other.send("GET", "/api/v1/live?stats=true");
    assertEquals(others.status, 200); // Of another session.
    await streams[0]?.body?.cancel();
    const again = await open();
    assertEquals(again.status, 200);
    const ends = [...streams.slice(1), again].map((stream) => stream.text());
    assertEquals((await page.api("DELETE", "/session")).status, 204);
    await within(Promise.all(ends), "the streams to end");
    await others.body?.cancel();
  });
});

/** Serves it as the program does, at a free port. */
async function overHttp(
  options: Parameters<typeof adminHandler>[1],
  test: (
    parts: { readonly port: number; readonly admin: AdminHandler; readonly page: AdminCaller },
  ) => Promise<void>,
): Promise<void> {
  await using broker = await Broker.open();
  const admin = adminHandler(broker, options);
  const abort = new AbortController();
  const serve = { hostname: "127.0.0.1", port: 0, signal: abort.signal, onListen() {} };
  const server = Deno.serve(serve, (request, info) => admin.fetch(request, info));
  const { port } = server.addr;
  try {
    await test({ port, admin, page: new AdminCaller(admin, `http://127.0.0.1:${port}`) });
  } finally {
    abort.abort();
    await server.finished;
    admin.close();
  }
}

/** Sends a request as it is, and gives the first bytes of the answer. */
async function rawRequest(port: number, head: string, end = "\r\n"): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const buffer = new Uint8Array(65_536);
  // A server that has answered may not read the rest.
  const writing = write(connection, head + end).catch(() => {});
  const count = await within(connection.read(buffer), "an answer");
  const text = new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  connection.close();
  await writing;
  return text;
}

async function write(connection: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

async function hashOf(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}
