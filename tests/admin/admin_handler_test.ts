import { assertEquals, assertMatch } from "@std/assert";
import type { AdminEvent } from "../../src/admin/mod.ts";
import { AdminCaller, withAdmin } from "./admin_tools.ts";

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
