import { assertEquals, assertMatch } from "@std/assert";
import { RawWebSocket } from "../transport/raw_web_socket.ts";
import { ExampleProgram } from "./example_program.ts";
import { MqttJsSession } from "./mqttjs_session.ts";

async function withHono(run: (url: string) => Promise<void>): Promise<void> {
  await using example = new ExampleProgram("examples/hono.ts");
  await run(await example.listening("http"));
}

Deno.test("examples/hono.ts has MQTT beside its own routes", () =>
  withHono(async (url) => {
    assertEquals(await (await fetch(url)).text(), "MQTT is at /mqtt");
    await using reader = await MqttJsSession.open(`${url.replace("http", "ws")}/mqtt`, { protocolVersion: 5 });
    await reader.mqtt.subscribeAsync("said", { qos: 1 });
    const said = await fetch(`${url}/say/hello`, { method: "POST" });
    assertEquals([said.status, await said.text()], [200, "published"]);
    assertEquals(await reader.message(), "said: hello");
  }));

Deno.test("examples/hono.ts answers what is no upgrade, and goes on after a client that is lost", () =>
  withHono(async (url) => {
    const response = await fetch(`${url}/mqtt`);
    assertEquals(response.status, 400);
    assertMatch(await response.text(), /^ {2}Sec-WebSocket-Protocol: mqtt$/m);
    const lost = await RawWebSocket.open(Number(new URL(url).port));
    lost[Symbol.dispose]();
    assertEquals(await (await fetch(url)).text(), "MQTT is at /mqtt");
  }));
