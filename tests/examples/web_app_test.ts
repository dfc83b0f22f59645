import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { ReasonCode } from "../../mod.ts";
import { ExampleProgram } from "./example_program.ts";
import { MqttJsSession } from "./mqttjs_session.ts";

interface WebApp {
  /** Of the app. */
  readonly url: string;
  /** Of its route. */
  readonly route: string;
}

async function withWebApp(run: (app: WebApp) => Promise<void>): Promise<void> {
  await using example = new ExampleProgram("examples/web_app.ts");
  const url = await example.listening("http");
  await run({ url, route: `${url.replace("http", "ws")}/mqtt` });
}

/** Opens the page; gives the cookie that it sets. */
async function logIn(url: string): Promise<string> {
  const response = await fetch(url);
  await response.body?.cancel();
  return response.headers.get("set-cookie")?.split(";")[0] ?? "";
}

Deno.test("examples/web_app.ts gives its page, a session cookie and MQTT.js", () =>
  withWebApp(async ({ url }) => {
    const page = await fetch(url);
    assertMatch(page.headers.get("set-cookie") ?? "", /^session=[\da-f-]{36}; HttpOnly; SameSite=Strict; Path=\/$/);
    const cookie = page.headers.get("set-cookie")?.split(";")[0] ?? "";
    const again = await fetch(url, { headers: { cookie } });
    await again.body?.cancel();
    assertEquals(again.headers.get("set-cookie"), null);
    assertStringIncludes(await page.text(), '<script src="/mqtt.js"></script>');
    const script = await fetch(`${url}/mqtt.js`);
    assertEquals(script.headers.get("content-type"), "text/javascript");
    assertMatch(await script.text(), /\bmqtt\b/);
    const missing = await fetch(`${url}/missing`);
    assertEquals([missing.status, await missing.text()], [404, "not found"]);
  }));

for (const protocolVersion of [4, 5] as const) {
  Deno.test(`examples/web_app.ts lets in whoever has the cookie of the app v${protocolVersion}`, () =>
    withWebApp(async ({ url, route }) => {
      const options = { protocolVersion, wsOptions: { headers: { cookie: await logIn(url) } } };
      await using client = await MqttJsSession.open(route, options);
      await client.mqtt.subscribeAsync("+/hello", { qos: 1 });
      await client.mqtt.publishAsync("guest/hello", "from the test", { qos: 1 });
      assertEquals(await client.message(), "guest/hello: from the test");
    }));

  const notAuthorized = protocolVersion === 5 ? ReasonCode.NotAuthorized : 0x05;
  for (const cookie of ["", "session=made-up"]) {
    Deno.test(`examples/web_app.ts refuses a client with the cookie "${cookie}" v${protocolVersion}`, () =>
      withWebApp(async ({ route }) => {
        const options = { protocolVersion, wsOptions: { headers: cookie === "" ? {} : { cookie } } };
        const error = await assertRejects(() => MqttJsSession.open(route, options));
        assertEquals(reasonCodeOf(error), notAuthorized);
      }));
  }
}

Deno.test("examples/web_app.ts lets a client write below its own name only", () =>
  withWebApp(async ({ url, route }) => {
    const options = { protocolVersion: 5, wsOptions: { headers: { cookie: await logIn(url) } } } as const;
    await using client = await MqttJsSession.open(route, options);
    await client.mqtt.subscribeAsync("#", { qos: 1 });
    const refused = await assertRejects(() => client.mqtt.publishAsync("somebody/hello", "not mine", { qos: 1 }));
    assertEquals(reasonCodeOf(refused), ReasonCode.NotAuthorized);
    await client.mqtt.publishAsync("guest/hello", "mine", { qos: 1 });
    assertEquals(await client.message(), "guest/hello: mine");
  }));

/** MQTT.js calls it `code`, in an error of its own. */
function reasonCodeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : error;
}
