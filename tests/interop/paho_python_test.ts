import { assertEquals } from "@std/assert";
import { testsAtOnce } from "../at_once.ts";
import type { TestBroker } from "./broker_process.ts";
import { ClientProgram } from "./client_program.ts";
import { interopTests, PYTHON } from "./interop_tests.ts";
import { AUTHORITY, SECURE_WEB_SOCKET, WEB_SOCKET } from "./listeners.ts";
import { publish, RawClient, subscribe } from "./raw_client.ts";

const LISTENERS = [...WEB_SOCKET, ...SECURE_WEB_SOCKET];
const test = interopTests(["paho-mqtt"], LISTENERS);
const testAtOnce = interopTests(["paho-mqtt"], LISTENERS, testsAtOnce);
const CONVERSATION = [
  ...["PINGRESP", "PINGRESP", "PINGRESP", "connected", "disconnected 0"],
  ...["message big QoS 1", "message sent 0 QoS 0", "message sent 1 QoS 1", "message sent 2 QoS 2"],
];

test("seed 3-8: publish and disconnect without a network loop deliver the message", async (broker) => {
  using watcher = await watch(broker, broker.named("test"));
  await using publisher = script(broker, "publish_without_loop.py", tcp(broker));
  assertEquals(await publisher.output(), ["rc: 0", "mid: 1"]);
  await watcher.expect(publish({ topic: broker.named("test"), payload: "from paho" }));
});

test("seed 3-7: a durable subscriber gets what the publisher sent in between", async (broker) => {
  await using first = script(broker, "subscribe_durable.py", tcp(broker), "0");
  assertEquals(await first.output(), ["connected 0 0", "subscribed 1"]);
  for (let round = 0; round < 2; round++) {
    await using publisher = script(broker, "publish_without_loop.py", tcp(broker));
    await publisher.output();
  }
  await using second = script(broker, "subscribe_durable.py", tcp(broker), "2");
  const output = await second.output();
  assertEquals(output.filter((line) => !line.startsWith("subscribed")), [
    "connected 0 1",
    `message ${broker.named("test")} from paho 1`,
    `message ${broker.named("test")} from paho 1`,
  ]);
});

for (const ending of ["exit", "kill"]) {
  test(`seed 3-11 to 3-13: the Will is sent at once after ${ending}, whatever the Keep Alive`, async (broker) => {
    using watcher = await watch(broker, broker.named("will"));
    await using client = script(broker, "with_will.py", tcp(broker), ending);
    await client.lines.matching(/^connected 0/);
    if (ending === "kill") client.kill();
    await watcher.expect(publish({ topic: broker.named("will"), payload: `the end of ${ending}` }));
  });
}

test("seed 3-11: the Will is not sent after disconnect", async (broker) => {
  using watcher = await watch(broker, broker.named("will"));
  await using client = script(broker, "with_will.py", tcp(broker), "disconnect");
  assertEquals(await client.output(), ["connected 0"]);
  await watcher.expectSilence();
});

test("paho: the properties of MQTT 5 come back", async (broker) => {
  await using client = script(broker, "properties.py", tcp(broker));
  assertEquals(await client.output(), [
    "connected 0",
    "subscribed 2",
    `message ${broker.named("v5/test")} 21 2`,
    `content text/plain ${broker.named("v5/answer")} c1`,
    "user [('unit', 'degree'), ('unit', 'again')]",
    "identifier [42]",
  ]);
});

for (const version of ["4", "5"]) {
  // At the same time: most of it is waiting.
  testAtOnce(
    `paho: over websockets with and without a path, wss and TLS with Keep Alive 2, protocol version ${version}`,
    async (broker) => {
      const ws = await broker.url("ws");
      const urls = [ws, `${new URL(ws).origin}/`, await broker.url("wss"), await broker.url("mqtts")];
      await Promise.all(urls.map(async (url) => {
        await using client = script(broker, "conversation.py", url, AUTHORITY, version);
        // A message of QoS 2 is handed over at its PUBREL, so what follows it may come first.
        assertEquals((await client.output(20_000)).toSorted(), CONVERSATION, url);
      }));
    },
  );
}

for (const scheme of ["ws", "wss", "mqtts"] as const) {
  test(`paho: the Will is sent when the process is killed, ${scheme}`, async (broker) => {
    using watcher = await watch(broker, broker.named("will"));
    await using client = script(broker, "with_will.py", await broker.url(scheme), "kill", AUTHORITY);
    await client.lines.matching(/^connected 0/);
    client.kill();
    await watcher.expect(publish({ topic: broker.named("will"), payload: "the end of kill" }));
  });
}

/** A script of the folder paho, run by Debian's Python. */
function script({ named }: TestBroker, name: string, url: string, ...args: readonly string[]): ClientProgram {
  const path = new URL(`paho/${name}`, import.meta.url).pathname;
  return new ClientProgram(PYTHON, [path, url, ...args], {
    env: { PYTHONDONTWRITEBYTECODE: "1", NAMES_BEGIN_WITH: named("") },
  });
}

function tcp(broker: TestBroker): string {
  return `mqtt://127.0.0.1:${broker.port}`;
}

async function watch(broker: TestBroker, filter: string): Promise<RawClient> {
  const client = await RawClient.connect(broker, { clientId: broker.named("watcher") });
  await client.send(subscribe(1, filter));
  await client.expect("90 03 0001 00");
  return client;
}
