/** Topics as a part of the admin handler. */

import { assertEquals, assertMatch } from "@std/assert";
import { withAdmin } from "../admin_tools.ts";
import { EventReader } from "./topics.ts";

const AT = "http://localhost:18083";

Deno.test("Topics are below the path of the dashboard if they are wanted, and nowhere else", async () => {
  await withAdmin(async ({ admin, broker }) => {
    const request = (path: string, init?: RequestInit) => admin.fetch(new Request(AT + path, init));
    assertEquals((await request("/tools/topics/a?retain", { method: "POST", body: "1" })).status, 200);
    assertEquals(broker.retained("a")?.message.text(), "1");
    const response = await request("/tools/topics/a");
    assertEquals(await response.text(), "1");
    assertMatch(response.headers.get("content-security-policy") ?? "", /^sandbox/);
    await using events = new EventReader(await request("/tools/topics?filter=%23"));
    assertEquals(await events.texts(1), ["1"]);
    for (const path of ["/topics/a", "/tools/topicsx", "/tools/api/v1/topics/a"]) {
      const { status, headers, body } = await request(path);
      await body?.cancel();
      assertEquals([status, headers.get("content-type")], [404, "application/problem+json"], path);
    }
  }, { topics: true, basePath: "/tools" });
  await withAdmin(async ({ admin }) => {
    const { status, body } = await admin.fetch(new Request(`${AT}/topics/a`));
    await body?.cancel();
    assertEquals(status, 404);
  });
});

Deno.test("Topics are refused to another Host, and do not count who is signed in to the dashboard", async () => {
  let isCookieSeen = false;
  const options = { topics: true };
  await withAdmin(
    async ({ admin, page }) => {
      await page.signIn();
      const request = new Request("http://evil.example.org/topics/a", { method: "POST", body: "1" });
      const { status, body } = await admin.fetch(request);
      await body?.cancel();
      assertEquals(status, 421);
      const headers = { cookie: page.cookie ?? "" };
      const answer = await admin.fetch(new Request(`${AT}/topics/a`, { method: "POST", body: "1", headers }));
      await answer.body?.cancel();
      assertEquals(answer.status, 401);
    },
    options,
    {
      authenticator: {
        authenticate: ({ connect, request }) => {
          isCookieSeen ||= request !== undefined;
          return { isAccepted: connect.userName === "ann", reasonCode: 0x87 };
        },
      },
    },
  );
  assertEquals(isCookieSeen, false);
});

Deno.test("Bodies that do not come keep no request from the dashboard", async () => {
  await withAdmin(async ({ admin, page }) => {
    const bodies = Array.from({ length: 100 }, () => new TransformStream<Uint8Array, Uint8Array>());
    const waiting = bodies.map(({ readable }) =>
      admin.fetch(new Request(`${AT}/topics/a`, { method: "POST", body: readable }))
    );
    assertEquals(await (await page.send("GET", "/healthz")).text(), "ok\n");
    await Promise.all(bodies.map(({ writable }) => writable.close().catch(() => {})));
    const statuses = await Promise.all(waiting.map(async (answer) => {
      const { status, body } = await answer;
      await body?.cancel();
      return status;
    }));
    assertEquals(new Set(statuses), new Set([200, 503]));
  }, { topics: true });
});

Deno.test("The OpenAPI document has topics where they are, with the ways of MQTT clients to sign in", async () => {
  await withAdmin(async ({ page }) => {
    const { paths, components } = await (await page.send("GET", "/openapi.json")).json();
    assertEquals(Object.keys(paths["/topics/{topic}"]), ["servers", "parameters", "get", "head", "post", "delete"]);
    assertEquals(paths["/topics"].servers, [{ url: "/" }]);
    assertEquals(paths["/topics"].get.responses[200].content, { "text/event-stream": { schema: { type: "string" } } });
    assertEquals(components.securitySchemes.mqttUser.scheme, "basic");
    assertEquals(components.securitySchemes.token.scheme, "bearer");
  }, { topics: true });
  await withAdmin(async ({ page }) => {
    const { paths } = await (await page.send("GET", "/openapi.json")).json();
    assertEquals(paths["/topics"], undefined);
  });
});
