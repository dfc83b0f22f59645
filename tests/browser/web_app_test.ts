import { assertEquals } from "@std/assert";
import { ExampleProgram } from "../examples/example_program.ts";
import { browserTests } from "./chromium.ts";

const browserTest = browserTests();

browserTest("the page of examples/web_app.ts connects with WebSocket and with MQTT.js", async (chromium) => {
  await using example = new ExampleProgram("examples/web_app.ts");
  const url = await example.listening("http");
  const page = await chromium.tab();
  await page.goto(url);
  const shown = (id: string) => page.locator(`#${id}`, { hasNotText: /^connecting$/ }).textContent();
  assertEquals(await shown("raw"), "connected");
  assertEquals(await shown("mqttjs"), "guest/hello: hello from the page");
});
