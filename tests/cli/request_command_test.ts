import { assertEquals } from "@std/assert";
import { Client } from "../../src/client/mod.ts";
import { BrookletBroker, ClientTools, scenario, scenarioOf, scenarios, type ToolOutcome } from "./client_tools.ts";

interface Row {
  readonly name: string;
  readonly args: readonly string[];
}

const ROWS: readonly Row[] = [
  { name: "prints the response", args: ["-m", "question"] },
  { name: "prints the topic of the response, too", args: ["-m", "question", "-v", "-q", "2"] },
  { name: "sends nothing", args: ["-n"] },
  { name: "speaks MQTT 3.1.1", args: ["-m", "question", "-V", "311"] },
  {
    name: "sends and prints properties",
    args: [
      "-m",
      "x",
      "-D",
      "publish",
      "correlation-data",
      "c1",
      "-F",
      "%t %D [%P] [%R] %q %p",
      "-D",
      "publish",
      "user-property",
      "k",
      "v",
    ],
  },
];

/** Rows that wait until their time is over. */
const WAITING: readonly Row[] = [
  { name: "waits no longer than it is told", args: ["-m", "say nothing", "-W", "1"] },
  { name: "says nothing with --quiet", args: ["-m", "say nothing", "-W", "1", "--quiet"] },
];

/** A row as a scenario, with a client that answers. */
function played({ name, args }: Row): Parameters<typeof scenarioOf<{ outcome: ToolOutcome; asked: unknown[] }>> {
  return [`request ${name}`, async ({ tools, at, broker }) => {
    await using responder = await Client.connect(broker.url("mqtt"), { protocolVersion: 5 });
    const questions = await responder.subscribe("q/in");
    const asked: unknown[] = [];
    const answers: Promise<unknown>[] = [];
    const answering = (async () => {
      for await (const question of questions) {
        const { responseTopic = "q/out", correlationData, userProperties } = question.properties;
        asked.push({ text: question.text(), qos: question.qos, properties: question.properties });
        if (question.text() === "say nothing") continue;
        const properties = { ...correlationData && { correlationData }, ...userProperties && { userProperties } };
        answers.push(responder.publish(responseTopic, `answer to ${question.text()}`, { qos: 1, properties }));
      }
    })();
    const outcome = await tools.run("request", [...at, "-t", "q/in", "-e", "q/out", ...args]);
    await Promise.all(answers); // Who asked may have the answer before its PUBACK is here.
    await responder.close();
    await answering;
    return { outcome, asked };
  }, (brooklet, mosquitto) => assertEquals(brooklet, mosquitto)];
}

for (const row of ROWS) scenario(...played(row));
scenarios("request waits for a response", WAITING.map((row) => scenarioOf(...played(row))));

// mosquitto_rr 2.0.11 takes the options and sends nothing.
Deno.test("request sends a file or standard input", async () => {
  await using broker = await BrookletBroker.start();
  await using responder = await Client.connect(broker.url("mqtt"));
  const questions = await responder.subscribe("q/in");
  const answering = (async () => {
    for await (const { payload } of questions) await responder.publish("q/out", `${payload.length} bytes`);
  })();
  const tools = new ClientTools("Brooklet");
  const args = ["-p", new URL(broker.url("mqtt")).port, "-t", "q/in", "-e", "q/out", "-W", "20"];
  assertEquals((await tools.runProcess("request", [...args, "-s"], "a\0b\n")).stdout, "4 bytes\n");
  const file = new URL("../../LICENSE", import.meta.url).pathname;
  const { size } = await Deno.stat(file);
  assertEquals((await tools.run("request", [...args, "-f", file])).stdout, `${size} bytes\n`);
  await responder.close();
  await answering;
});
