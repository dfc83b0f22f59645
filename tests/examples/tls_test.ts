import { assertEquals } from "@std/assert";
import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import { authority, certificatePath } from "../certificates/certificates.ts";
import { within } from "../deadline.ts";
import { ExampleProgram } from "./example_program.ts";
import { MqttJsSession } from "./mqttjs_session.ts";

interface TlsExample {
  readonly example: ExampleProgram;
  readonly mqtts: string;
  readonly wss: string;
  /** Puts another certificate in the place of the one that was read. */
  install(name: "server" | "server_renewed"): Promise<void>;
}

async function withTls(run: (tls: TlsExample) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  const [certificate, key] = [`${directory}/fullchain.pem`, `${directory}/privkey.pem`];
  const install = async (name: string) => {
    await Deno.copyFile(certificatePath(`${name}.pem`), certificate);
    await Deno.copyFile(certificatePath(`${name}.key`), key);
  };
  try {
    await install("server");
    await using example = new ExampleProgram("examples/tls.ts", { args: [certificate, key] });
    const mqtts = await example.listening("mqtts", example.stdout);
    const wss = await example.listening("wss", example.stdout);
    await run({ example, mqtts, wss, install });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

for (const protocolVersion of [4, 5] as const) {
  Deno.test(`examples/tls.ts carries messages between mqtts and wss v${protocolVersion}, seeds 3-17, 4-1`, () =>
    withTls(async ({ mqtts, wss }) => {
      const options = { protocolVersion, ca: authority(), rejectUnauthorized: true };
      await using sensor = await MqttJsSession.open(mqtts, options);
      await using page = await MqttJsSession.open(wss, options);
      await page.mqtt.subscribeAsync("up", { qos: 2 });
      await sensor.mqtt.subscribeAsync("down", { qos: 2 });
      await sensor.mqtt.publishAsync("up", "over TLS", { qos: 2 });
      await page.mqtt.publishAsync("down", "over WebSocket", { qos: 2 });
      assertEquals(await page.message(), "up: over TLS");
      assertEquals(await sensor.message(), "down: over WebSocket");
    }));
}

Deno.test("examples/tls.ts shows a new certificate after SIGHUP, and keeps its connections", () =>
  withTls(async ({ example, mqtts, wss, install }) => {
    assertEquals([await shownName(mqtts), await shownName(wss)], ["broker.example", "broker.example"]);
    const options = { ca: authority(), rejectUnauthorized: true };
    await using before = await MqttJsSession.open(mqtts, options);
    await before.mqtt.subscribeAsync("greeting", { qos: 1 });
    await install("server_renewed");
    example.kill("SIGHUP");
    await within(becomesRenewed(mqtts, wss), "the new certificate");
    await using after = await MqttJsSession.open(wss, options);
    await after.mqtt.publishAsync("greeting", "from the new one", { qos: 1 });
    assertEquals(await before.message(), "greeting: from the new one");
  }));

/** Nothing tells when the signal has come but what the next client sees. */
async function becomesRenewed(...urls: readonly string[]): Promise<void> {
  for (const url of urls) while (await shownName(url) !== "renewed.broker.example");
}

/** Common name of the certificate that a client is shown. */
async function shownName(url: string): Promise<unknown> {
  const { hostname, port } = new URL(url);
  const client = connectTls({ host: hostname, port: Number(port), ca: authority() });
  await within(once(client, "secureConnect"), "the handshake");
  const { CN } = client.getPeerCertificate().subject;
  const closed = once(client, "close");
  client.destroy();
  await closed;
  return CN;
}
