import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { connect as connectTls } from "node:tls";
import { formatPasswordHash, hashPassword } from "../../src/auth/password_hash.ts";
import { Client } from "../../src/client/client.ts";
import { MqttError } from "../../src/codec/mqtt_error.ts";
import { ConfigurationFolder } from "./config/written_file.ts";
import { type Ending } from "./program.ts";
import { ProgramInProcess } from "./program_in_process.ts";
import { brooklet } from "./test_io.ts";

const LINK = /^http:\/\/127\.0\.0\.1:\d+\/(?:[\w/]+\/)?#token=[\w-]{43}$/;
const WRITE = { "content-type": "application/json", "sec-fetch-site": "same-origin" };

/** A broker with a dashboard at a free port, and a folder of its own for the files of this user. */
async function withDashboard(
  args: readonly string[],
  test: (parts: {
    readonly program: ProgramInProcess;
    /** Address of the page. */
    readonly page: string;
    readonly env: Readonly<Record<string, string>>;
  }) => Promise<void>,
): Promise<Ending> {
  const folder = await Deno.makeTempDir();
  const env = { XDG_RUNTIME_DIR: folder };
  try {
    await using program = await ProgramInProcess.listening(["serve", "--listen", "mqtt://127.0.0.1:0", ...args], {
      env,
    });
    const [page = ""] = await program.stderr.matching(/^.*The dashboard is at /, 1, 5_000);
    await test({ program, page, env });
    program.kill("SIGTERM");
    return await program.ended();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Signs in by a link, and gives the cookie. */
async function signedIn(link: string): Promise<string> {
  const [page = "", token = ""] = link.split("#token=");
  const body = JSON.stringify({ token });
  const response = await fetch(`${page}api/v1/session`, { method: "POST", headers: WRITE, body });
  assertEquals(response.status, 201, await response.text());
  return response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
}

Deno.test("brooklet without a file has a dashboard, and only its user can read the link that signs in", async () => {
  let cookie = "";
  const { stdout, stderr } = await withDashboard(["--admin", "http://127.0.0.1:0"], async ({ program, page, env }) => {
    const [where = ""] = await program.stderr.matching(/^.*A link that signs in .* is in /, 1, 5_000);
    const [file = ""] = where.split(";");
    const link = (await Deno.readTextFile(file)).trim();
    assertMatch(link, LINK);
    assertEquals((await Deno.stat(file)).mode, 0o100600);
    assertEquals((await Deno.stat(file.replace(/\/link$/, ""))).mode, 0o040700);
    cookie = await signedIn(link);
    const broker = await (await fetch(`${page}api/v1/broker`, { headers: { cookie } })).json();
    assertEquals([broker.storage.name, broker.listeners.length], ["memory", 1]);
    const { code, stdout } = await brooklet(["dashboard"], { env });
    assertEquals(code, 0);
    await signedIn(stdout.trim());
    assertMatch(await (await fetch(`${page}metrics`)).text(), /^process_resident_memory_bytes \d+/m);
  });
  const log = [...stdout, ...stderr].join("\n");
  assertMatch(log, /Dashboard: one-time link \(admin\) at 127\.0\.0\.1:\d+ signed in\./);
  assertMatch(log, /Dashboard: command line \(admin\) at unix made a one-time link\./);
  assert(!/#token=|[\w-]{43}/.test(log), log);
  assert(!log.includes(cookie), log);
});

Deno.test("brooklet dashboard says it when no broker of this user has one", async () => {
  const folder = await Deno.makeTempDir();
  const { code, stderr } = await brooklet(["dashboard"], { env: { XDG_RUNTIME_DIR: folder } });
  await Deno.remove(folder);
  assertEquals(code, 1);
  assertMatch(stderr, /^brooklet: No dashboard of this user answers: /);
});

Deno.test("A port that is in use is a warning, and MQTT runs", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${taken.addr.port}`;
  await using program = await ProgramInProcess.listening(["--listen", "mqtt://127.0.0.1:0", "--admin", url]);
  await program.stderr.matching(/^.*Warning: there is no dashboard at .*: the port is in use; /, 1, 5_000);
  await using client = await Client.connect(`mqtt://127.0.0.1:${await program.port()}`);
  assertEquals(client.status.kind, "connected");
});

Deno.test("A file says whether there is a dashboard, and --admin and --no-admin override it", async () => {
  using folder = new ConfigurationFolder();
  const path = folder.write("a.yaml", "listeners: [{ url: mqtt://127.0.0.1:0 }]\n");
  const printed = async (...args: string[]) => {
    const { stdout } = await brooklet(["--config", path, "--print-config", ...args]);
    return /^admin:(?: (.*)|\n {2}url: '(.*)')$/m.exec(stdout)?.slice(1).join("");
  };
  assertEquals(await printed(), undefined);
  assertEquals(await printed("--admin", "http://127.0.0.1:1"), "http://127.0.0.1:1");
  folder.write("a.yaml", "listeners: [{ url: mqtt://127.0.0.1:0 }]\nadmin: true\n");
  assertEquals(await printed(), "http://127.0.0.1:18083");
  assertEquals(await printed("--no-admin"), "false");
});

const HASH = `tokenHash: ${"0a".repeat(32)}`;
/** Dashboards at addresses of other machines: what a file says, and what is wrong with it. */
const MATRIX: readonly { readonly admin: string; readonly why: RegExp | undefined }[] = [
  { admin: "url: http://127.0.0.1:1", why: undefined },
  { admin: 'url: "http://[::1]:1/mqtt"', why: undefined },
  { admin: "url: http://localhost:1", why: undefined },
  { admin: "url: http://0.0.0.0:1, insecure: true", why: /^Cannot serve .* nobody can sign in; set "admin.users"/ },
  { admin: `url: http://0.0.0.0:1, tokens: [{ name: a, role: admin, ${HASH} }]`, why: /would not be encrypted/ },
  { admin: `url: http://0.0.0.0:1, insecure: true, tokens: [{ name: a, role: admin, ${HASH} }]`, why: undefined },
  { admin: `url: https://192.0.2.1:1, tokens: [{ name: a, role: admin, ${HASH} }]`, why: /it needs a certificate/ },
  { admin: "url: ftp://127.0.0.1", why: /"admin.url" is not a URL such as http:\/\/127.0.0.1:18083/ },
  { admin: "url: http://ann:secret@127.0.0.1:1", why: /"admin.url" has more than a host, a port and a path/ },
  { admin: "users: [{ name: ann, role: admin, passwordHash: secret }]", why: /"admin.users\[0\].passwordHash" is not/ },
  { admin: "tokens: [{ name: ann, role: root, tokenHash: secret }]", why: /"admin.tokens\[0\].tokenHash" is not 64/ },
];

for (const { admin, why } of MATRIX) {
  Deno.test(`A dashboard with { ${admin} } ${why === undefined ? "can be used" : "is refused"}`, () => {
    using folder = new ConfigurationFolder();
    const yaml = `listeners: [{ url: mqtt://127.0.0.1:0 }]\nadmin: { ${admin} }\n`;
    const [first = ""] = folder.complaints("a.yaml", yaml);
    if (why === undefined) assertEquals(first, "");
    else assertMatch(first.replace(/^a\.yaml:\d+:\d+: /, ""), why);
  });
}

Deno.test("Secrets of a dashboard are not printed", async () => {
  const hash = "$7$1$c2FsdHNhbHQ=$" + btoa("h".repeat(64));
  using folder = new ConfigurationFolder();
  const path = folder.write(
    "a.yaml",
    `admin: { users: [{ name: ann, role: admin, passwordHash: "${hash}" }], tokens: [{ name: a, role: admin, ${HASH} }] }\n`,
  );
  const { stdout } = await brooklet(["--config", path, "--print-config"]);
  assertStringIncludes(stdout, "passwordHash: (hidden)");
  assertStringIncludes(stdout, "tokenHash: (hidden)");
  assert(!stdout.includes(hash) && !stdout.includes("0a0a"));
});

Deno.test("brooklet token prints a token apart from its hash", async () => {
  const { code, stdout, stderr } = await brooklet(["token"]);
  const [, token = ""] = /^Token: ([\w-]{43})$/m.exec(stderr) ?? [];
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token))).toHex();
  assertEquals([code, stdout], [0, `tokenHash: ${hash}\n`]);
});

Deno.test("The configuration is shown without secrets, checked, and read again, with users and hosts of the dashboard", async () => {
  using folder = new ConfigurationFolder();
  const yaml = (more: string) => `listeners: [{ url: "mqtt://127.0.0.1:0" }]\n${more}`;
  const admin = (more: string) => yaml(`admin: { url: "http://127.0.0.1:0"${more} }\n`);
  const token = `, tokens: [{ name: ci, role: admin, tokenHash: ${await hashOf("secret")} }]`;
  const path = folder.write("a.yaml", admin(token));
  await using program = await ProgramInProcess.listening(["--config", path], { env: { XDG_RUNTIME_DIR: folder.path } });
  const [page = ""] = await program.stderr.matching(/^.*The dashboard is at /, 1, 5_000);
  const headers = { authorization: "Bearer secret", "content-type": "application/json" };
  const call = async (method: string, name: string, body?: unknown) => {
    const url = `${page}api/v1/configuration${name}`;
    const response = await fetch(url, { method, headers, ...body === undefined ? {} : { body: JSON.stringify(body) } });
    return { status: response.status, ...await response.json() };
  };
  const shown = await call("GET", "");
  assertStringIncludes(shown.yaml, "tokenHash: (hidden)");
  assertEquals((await call("POST", "/check", {})).isUsable, true);
  const { mistakes } = await call("POST", "/check", { yaml: "storage: 5\nlimit: {}\n" });
  assertEquals(mistakes.map(({ line, key }: { line: number; key: string }) => [line, key]), [[1, "storage"], [
    2,
    "limit",
  ]]);
  folder.write("a.yaml", admin(`${token}, hosts: [broker.example], insecure: true`));
  assertMatch((await call("POST", "/reload")).detail, /^Everything stays as it was: Cannot change "admin.insecure"/);
  folder.write("a.yaml", admin(`${token}, hosts: [broker.example]`));
  assertEquals((await call("POST", "/reload")).status, 200);
  folder.write("a.yaml", admin(""));
  program.kill("SIGHUP");
  await program.stderr.matching(/^.*SIGHUP: the configuration and all its files were read again/, 1, 5_000);
  assertEquals((await call("GET", "")).status, 401);
});

async function hashOf(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}

Deno.test("The page's own /mqtt is MQTT over WebSocket, for its own pages and with the authentication of MQTT", async () => {
  using folder = new ConfigurationFolder();
  const hash = formatPasswordHash(await hashPassword("secret", 1));
  const path = folder.write(
    "a.yaml",
    `listeners: [{ url: "mqtt://127.0.0.1:0", authentication: { anonymous: true } }]\n` +
      `authentication: { users: [{ name: ann, passwordHash: "${hash}" }] }\naccess: { everyone: [{ access: read, topic: "#" }] }\n` +
      `admin: { url: "http://127.0.0.1:0/tools" }\n`,
  );
  await using program = await ProgramInProcess.listening(["--config", path], { env: { XDG_RUNTIME_DIR: folder.path } });
  const [page = ""] = await program.stderr.matching(/^.*The dashboard is at /, 1, 5_000);
  const url = `${page.replace("http:", "ws:")}mqtt`;
  await assertRejects(() => Client.connect(url, { clientId: "a" })); // The first listener would let it in.
  await using client = await Client.connect(url, { clientId: "a", userName: "ann", password: "secret" });
  await assertRejects(() => client.publish("a", "x", { qos: 1 }), MqttError, "NotAuthorized");
  const { hostname, port, host } = new URL(page);
  const upgrade = async (fields: string) => {
    using connection = await Deno.connect({ hostname, port: Number(port) });
    const head = `GET /tools/mqtt HTTP/1.1\r\n${fields}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
    await connection.write(new TextEncoder().encode(head));
    const buffer = new Uint8Array(4_096);
    const count = await connection.read(buffer) ?? 0;
    return new TextDecoder().decode(buffer.subarray(0, count)).split(" ")[1];
  };
  assertEquals(await upgrade(`Host: ${host}\r\nOrigin: http://${host}`), "101");
  // With the cookie of the page, too: it is no cookie of MQTT.
  assertEquals(await upgrade(`Host: ${host}\r\nOrigin: http://${host}\r\nCookie: brooklet_admin=x`), "101");
  assertEquals(await upgrade(`Host: ${host}\r\nOrigin: https://evil.example`), "403");
  assertEquals(await upgrade(`Host: evil.example:${port}\r\nOrigin: http://evil.example:${port}`), "421");
  const plain = await fetch(`${page}mqtt`);
  await plain.body?.cancel();
  assertEquals([plain.status, plain.headers.get("x-content-type-options")], [400, "nosniff"]);
});

Deno.test("Connections to the page's own /mqtt count for their address, until they end", async () => {
  using folder = new ConfigurationFolder();
  const path = folder.write(
    "a.yaml",
    'listeners: [{ url: "mqtt://127.0.0.1:0" }]\nconnections: { maximumPerAddress: 1 }\nadmin: { url: "http://127.0.0.1:0" }\n',
  );
  await using program = await ProgramInProcess.listening(["--config", path], { env: { XDG_RUNTIME_DIR: folder.path } });
  const [page = ""] = await program.stderr.matching(/^.*The dashboard is at /, 1, 5_000);
  const url = `${page.replace("http:", "ws:")}mqtt`;
  const plain = await fetch(`${page}mqtt`);
  await plain.body?.cancel();
  assertEquals(plain.status, 400); // What becomes no connection does not count.
  const first = await Client.connect(url);
  await assertRejects(() => Client.connect(url));
  await assertRejects(async () => await Client.connect(`mqtt://127.0.0.1:${await program.port()}`));
  await program.stderr.matching(/^.*refused: its address has 1 connections already/, 1, 5_000);
  await first.close();
  const untilMs = performance.now() + 5_000;
  let again: Client | undefined;
  while (again === undefined && performance.now() < untilMs) again = await Client.connect(url).catch(() => undefined);
  assertEquals(again?.status.kind, "connected");
  await again?.close();
});

Deno.test("A dashboard has TLS, and a certificate that is replaced is shown from then on", async () => {
  using folder = new ConfigurationFolder();
  const write = (name: string, to = name) => {
    for (const kind of ["pem", "key"]) {
      folder.write(`${to}.${kind}`, Deno.readTextFileSync(new URL(`../certificates/${name}.${kind}`, import.meta.url)));
    }
  };
  write("server");
  const tls = `{ certificate: "${folder.path}/server.pem", key: "${folder.path}/server.key" }`;
  const path = folder.write(
    "a.yaml",
    `listeners: [{ url: "mqtt://127.0.0.1:0" }]\nadmin: { url: "https://localhost:0", tls: ${tls} }\n`,
  );
  await using program = await ProgramInProcess.listening(["--config", path], { env: { XDG_RUNTIME_DIR: folder.path } });
  const [page = ""] = await program.stderr.matching(/^.*The dashboard is at /, 1, 5_000);
  assertMatch(page, /^https:\/\/localhost:\d+\/$/);
  const caCerts = [Deno.readTextFileSync(new URL("../certificates/authority.pem", import.meta.url))];
  using client = Deno.createHttpClient({ caCerts });
  const [where = ""] = await program.stderr.matching(/^.*A link that signs in .* is in /, 1, 5_000);
  const link = (await Deno.readTextFile(where.split(";")[0] ?? "")).trim();
  const body = JSON.stringify({ token: link.split("#token=")[1] });
  const response = await fetch(`${page}api/v1/session`, { client, method: "POST", headers: WRITE, body });
  assertEquals([response.status, (await response.json()).role], [201, "admin"]);
  assertMatch(response.headers.get("set-cookie") ?? "", /; Secure$/);
  const fingerprint = async () => {
    const { hostname, port } = new URL(page);
    const options = { port: Number(port), host: hostname, servername: hostname, ca: caCerts };
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const socket = connectTls(options, () => resolve(socket.getPeerCertificate().fingerprint256)).on("error", reject);
    return await promise.finally(() => socket.destroy());
  };
  const before = await fingerprint();
  write("server_renewed", "server");
  program.kill("SIGHUP");
  await program.stderr.matching(/^.*SIGHUP: the configuration and all its files were read again/, 1, 5_000);
  const untilMs = performance.now() + 5_000;
  let now = before;
  while (now === before && performance.now() < untilMs) now = await fingerprint().catch(() => before);
  assertNotEquals(now, before);
});
