import { assertEquals, assertMatch } from "@std/assert";
import { ExampleProgram } from "./example_program.ts";
import { MqttJsSession } from "./mqttjs_session.ts";

Deno.test("examples/own_login.ts has the dashboard behind the login of the app, and MQTT, on one port", async () => {
  await using example = new ExampleProgram("examples/own_login.ts");
  const url = await example.listening("http");
  const login = async (user: string, password: string) => {
    const body = new URLSearchParams({ user, password });
    const response = await fetch(`${url}/login`, { method: "POST", body, redirect: "manual" });
    await response.body?.cancel();
    return { status: response.status, cookie: response.headers.getSetCookie()[0]?.split(";")[0] ?? "" };
  };
  const call = async (path: string, cookie: string, method = "GET", headers = {}) => {
    const response = await fetch(`${url}/mqtt-admin${path}`, { method, headers: { cookie, ...headers } });
    const text = await response.text();
    return { status: response.status, text };
  };
  assertEquals((await login("ann", "wrong")).status, 401);
  assertEquals((await call("/api/v1/broker", "")).status, 401);
  const [ann, bob] = [await login("ann", "secret"), await login("bob", "secret")];
  assertMatch((await call("/", ann.cookie)).text, /^<!doctype html>/i);
  assertMatch((await call("/api/v1/session", bob.cookie)).text, /"name":"bob","role":"viewer","by":"app"/);

  await using client = await MqttJsSession.open(`${url.replace("http", "ws")}/mqtt`, { clientId: "c" });
  assertMatch((await call("/api/v1/clients", bob.cookie)).text, /"clientId":"c"/);
  const write = { "content-type": "application/json", origin: url };
  assertEquals((await call("/api/v1/clients/c", bob.cookie, "DELETE", write)).status, 403);
  assertEquals((await call("/api/v1/clients/c", ann.cookie, "DELETE", { ...write, origin: "http://x" })).status, 403);
  const closed = new Promise<void>((resolve) => client.mqtt.once("close", () => resolve()));
  assertEquals((await call("/api/v1/clients/c", ann.cookie, "DELETE", write)).status, 200);
  await closed;
  await example.stderr.matching(/^ann at 127\.0\.0\.1:\d+ disconnected the client "c"$/, 1);
});
