import { assertEquals } from "@std/assert";
import type { BrokerProcess } from "./broker_process.ts";
import { within } from "../deadline.ts";
import { interopTests, PYTHON } from "./interop_tests.ts";
import { Lines } from "./lines.ts";
import { publish, RawClient, subscribe } from "./raw_client.ts";

const test = interopTests(["paho-mqtt"]);

test("seed 3-8: publish and disconnect without a network loop deliver the message", async (broker) => {
  using watcher = await watch(broker, "test");
  await using publisher = Script.start(broker, "publish_without_loop.py");
  assertEquals(await publisher.output(), ["rc: 0", "mid: 1"]);
  await watcher.expect(publish({ topic: "test", payload: "from paho" }));
});

test("seed 3-7: a durable subscriber gets what the publisher sent in between", async (broker) => {
  await using first = Script.start(broker, "subscribe_durable.py", "0");
  assertEquals(await first.output(), ["connected 0 0", "subscribed 1"]);
  for (let round = 0; round < 2; round++) {
    await using publisher = Script.start(broker, "publish_without_loop.py");
    await publisher.output();
  }
  await using second = Script.start(broker, "subscribe_durable.py", "2");
  const output = await second.output();
  assertEquals(output.filter((line) => !line.startsWith("subscribed")), [
    "connected 0 1",
    "message test from paho 1",
    "message test from paho 1",
  ]);
});

for (const ending of ["exit", "kill"]) {
  test(`seed 3-11 to 3-13: the Will is sent at once after ${ending}, whatever the Keep Alive`, async (broker) => {
    using watcher = await watch(broker, "will");
    await using client = Script.start(broker, "with_will.py", ending);
    await client.lines.matching(/^connected 0/);
    if (ending === "kill") client.kill();
    await watcher.expect(publish({ topic: "will", payload: `the end of ${ending}` }));
  });
}

test("seed 3-11: the Will is not sent after disconnect", async (broker) => {
  using watcher = await watch(broker, "will");
  await using client = Script.start(broker, "with_will.py", "disconnect");
  assertEquals(await client.output(), ["connected 0"]);
  await watcher.expectSilence();
});

test("paho: the properties of MQTT 5 come back", async (broker) => {
  await using client = Script.start(broker, "properties.py");
  assertEquals(await client.output(), [
    "connected 0",
    "subscribed 2",
    "message v5/test 21 2",
    "content text/plain v5/answer c1",
    "user [('unit', 'degree'), ('unit', 'again')]",
    "identifier [42]",
  ]);
});

/** A script of the folder paho, run by Debian's Python. */
class Script implements AsyncDisposable {
  readonly lines: Lines;
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.lines = new Lines(child.stdout);
  }

  static start(broker: BrokerProcess, name: string, ...args: string[]): Script {
    return new Script(
      new Deno.Command(PYTHON, {
        args: [new URL(`paho/${name}`, import.meta.url).pathname, `${broker.port}`, ...args],
        env: { PYTHONDONTWRITEBYTECODE: "1" },
        stdin: "null",
        stdout: "piped",
        stderr: "inherit",
      }).spawn(),
    );
  }

  /** All it printed, when it has ended by itself. */
  async output(): Promise<readonly string[]> {
    const { code } = await within(this.#child.status, "the script to end");
    await this.lines.ended;
    assertEquals(code, 0);
    return this.lines.received;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill();
    } catch {
      // It has ended by itself.
    }
    await this.#child.status;
    await this.lines.ended;
  }
}

async function watch(broker: BrokerProcess, filter: string): Promise<RawClient> {
  const client = await RawClient.connect(broker, { clientId: "watcher" });
  await client.send(subscribe(1, filter));
  await client.expect("90 03 0001 00");
  return client;
}
