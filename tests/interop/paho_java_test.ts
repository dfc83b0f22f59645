import { assertEquals, assertMatch } from "@std/assert";
import { testsAtOnce } from "../at_once.ts";
import { builtOnce } from "../built_once.ts";
import { within } from "../deadline.ts";
import type { BrokerProcess } from "./broker_process.ts";
import { ClientProgram } from "./client_program.ts";
import { interopTests } from "./interop_tests.ts";
import { WEB_SOCKET } from "./listeners.ts";

const test = interopTests(["java", "javac", "mvn"], WEB_SOCKET, testsAtOnce).own;
const PROJECT = new URL("java/", import.meta.url).pathname;
const BUILD_WITHIN_MS = 180_000; // The first time, Maven fetches itself as well.

/** The class path of the program. */
const program = builtOnce(async (folder) => {
  await run("mvn", ["-q", "-B", "dependency:copy-dependencies", `-DoutputDirectory=${folder}`]);
  await run("javac", ["-cp", `${folder}/*`, "-d", folder, "Conversation.java"]);
  return `${folder}:${folder}/*`;
});

test("seed 4-2, 4-5: the Paho Java client gets the 100,000 bytes that it sends, and PINGRESP", async (broker) => {
  await withJavaClient(broker, async (client) => {
    await client.lines.matching(/^big, QoS [012], as sent$/, 3);
    await broker.stderr.matching(/Received PINGREQ from java/, 2, 10_000);
    await broker.stderr.matching(/Sending PINGRESP to java/, 2);
    assertEquals(await client.leave(), [
      ...["Connected", "big, QoS 0, as sent", "big, QoS 1, as sent", "big, QoS 2, as sent", "Disconnected"],
    ]);
    await broker.stderr.matching(/Received DISCONNECT from java/);
  });
}, ["-v", ...WEB_SOCKET]);

test("the Paho Java client is told that the broker ends", async (broker) => {
  await withJavaClient(broker, async (client) => {
    await client.lines.matching(/^big, QoS [012], as sent$/, 3);
    await broker.stop();
    assertMatch((await client.output()).at(-1) ?? "", /^Connection lost: /);
  });
});

async function withJavaClient(broker: BrokerProcess, use: (client: ClientProgram) => Promise<void>): Promise<void> {
  await using client = new ClientProgram("java", ["-cp", await program(), "Conversation", await broker.url("ws")]);
  await client.lines.matching(/^Connected$/, 1, 30_000);
  await use(client);
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const ended = new Deno.Command(command, { args: [...args], cwd: PROJECT }).output();
  const { success, stdout, stderr } = await within(ended, command, BUILD_WITHIN_MS);
  if (!success) throw new Error(new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
}
