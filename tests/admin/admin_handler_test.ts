import { assertEquals, assertMatch } from "@std/assert";
import type { AdminEvent } from "../../src/admin/mod.ts";
import { AdminCaller, withAdmin } from "./admin_tools.ts";

const TOKEN = "ttttttttttttttttttttttttttttttttttttttttttt";
const TOKEN_HASH = "80383f974f22964fd6b7ae851b6ccc9180ed4e6fcb2e415bafcab6d822139238";

Deno.test("A one-time link signs in, once, and its cookie reads the facts of the broker until it is signed out", async () => {
  const events: AdminEvent[] = [];
  await withAdmin(async ({ admin, page }) => {
    assertEquals((await page.api("GET", "/broker")).status, 401);
    const token = await admin.linkToken();
    const { status, json } = await page.api("POST", "/session", { token });
    assertEquals([status, json["name"], json["role"], json["by"]], [201, "one-time link", "admin", "cookie"]);
    assertEquals((await page.api("GET", "/session")).json, json);
    const broker = await page.api("GET", "/broker");
    assertEquals([broker.status, broker.json["readiness"]], [200, "ready"]);
    assertEquals((await new AdminCaller(admin).api("POST", "/session", { token })).status, 401);
    const { cookie } = page;
    assertEquals((await page.api("DELETE", "/session")).status, 204);
    assertEquals(page.cookie, undefined);
    page.cookie = cookie;
    assertEquals((await page.api("GET", "/broker")).status, 401);
  }, { onEvent: (event) => events.push(event) });
  assertEquals(
    events.map((event) => event.kind === "adminChange" && [event.name, event.by, event.role, event.address]),
    [
      ["signIn", "one-time link", "admin", "127.0.0.1:50000"],
      ["signInFailed", "nobody", "viewer", "127.0.0.1:50000"], // The link is used up.
      ["signOut", "one-time link", "admin", "127.0.0.1:50000"],
    ],
  );
});

Deno.test("It is mounted below any path, and what is not below that is not found", async () => {
  await withAdmin(async ({ admin, page }) => {
    await page.signIn();
    assertEquals((await page.api("GET", "/broker")).status, 200);
    const redirect = await page.send("GET", "");
    assertEquals([redirect.status, redirect.headers.get("location")], [308, "/tools/mqtt/"]);
    const elsewhere = new AdminCaller(admin);
    elsewhere.cookie = page.cookie;
    for (const path of ["/", "/api/v1/broker", "/tools", "/tools/mqttx/openapi.json", "/openapi.json"]) {
      assertEquals((await elsewhere.send("GET", path)).status, 404, path);
    }
  }, { basePath: "/tools/mqtt" });
});

Deno.test("The OpenAPI document says what each route takes and gives", async () => {
  await withAdmin(async ({ page }) => {
    const response = await page.send("GET", "/openapi.json");
    assertMatch(response.headers.get("content-type") ?? "", /^application\/json/);
    const { openapi, paths, servers } = await response.json();
    assertEquals([openapi, servers], ["3.1.1", [{ url: "/api/v1" }]]);
    assertEquals(Object.keys(paths["/session"]), ["post", "get", "delete"]);
    const { schema } = paths["/broker"].get.responses[200].content["application/json"];
    assertEquals(schema.properties.version, { type: "string" });
  });
});

Deno.test("Health checks need no session", async () => {
  await withAdmin(async ({ page, broker }) => {
    assertEquals(await (await page.send("GET", "/healthz")).text(), "ok\n");
    assertEquals(await (await page.send("GET", "/readyz")).text(), "ready\n");
    await broker.close();
    const response = await page.send("GET", "/readyz");
    assertEquals([response.status, await response.text()], [503, "closing\n"]);
  });
});

Deno.test("Health checks are answered while too many other requests wait", async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  await withAdmin(async ({ page }) => {
    const waiting = Array.from({ length: 64 }, () => page.send("GET", "/api/v1/broker"));
    assertEquals((await page.send("GET", "/api/v1/broker")).status, 503);
    for (const path of ["/healthz", "/readyz"]) assertEquals((await page.send("GET", path)).status, 200);
    resolve(undefined);
    for (const response of await Promise.all(waiting)) assertEquals(response.status, 401);
  }, { basePath: "/tools", authorize: () => promise });
});

Deno.test("The page is below the base path, and metrics are open to this machine alone", async () => {
  await withAdmin(async ({ admin, page }) => {
    const html = await page.send("GET", "/");
    assertEquals([html.status, html.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
    assertMatch(await html.text(), /^<!doctype html>/i);
    assertEquals((await page.send("HEAD", "/page.js")).status, 200);
    assertEquals((await page.send("POST", "/page.js")).status, 405);
    assertMatch(await (await page.send("GET", "/metrics")).text(), /^# TYPE /);
    const other = { remoteAddr: { transport: "tcp", hostname: "192.0.2.1", port: 1 } };
    const from = new AdminCaller(admin, "http://192.0.2.9:18083/tools", other);
    assertEquals((await from.send("GET", "/metrics")).status, 401);
    const proxied = { headers: { "x-forwarded-for": "192.0.2.1" } };
    assertEquals((await page.send("GET", "/metrics", proxied)).status, 401);
    const authorization = `Bearer ${TOKEN}`;
    assertEquals((await from.send("GET", "/metrics", { headers: { authorization } })).status, 200);
  }, { basePath: "/tools", tokens: [{ name: "prometheus", tokenHash: TOKEN_HASH, role: "viewer" }] });
});

Deno.test("A link for somebody else is made by an admin alone", async () => {
  await withAdmin(async ({ admin, page }) => {
    await page.signIn();
    const { status, json } = await page.api("POST", "/links");
    const [, token] = /^http:\/\/127\.0\.0\.1:18083\/#token=([\w-]{43})$/.exec(String(json["link"])) ?? [];
    assertEquals(status, 201);
    assertEquals((await new AdminCaller(admin).api("POST", "/session", { token })).status, 201);
    const viewer = new AdminCaller(admin);
    assertEquals((await viewer.api("POST", "/session", { token: TOKEN })).json["role"], "viewer");
    assertEquals((await viewer.api("POST", "/links")).status, 403);
    admin.reload({}); // The token is gone, and the session with it.
    assertEquals((await viewer.api("GET", "/session")).status, 401);
  }, { tokens: [{ name: "prometheus", tokenHash: TOKEN_HASH, role: "viewer" }] });
});
