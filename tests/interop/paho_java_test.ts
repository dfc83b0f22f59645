import { assertEquals, assertMatch } from "@std/assert";
import { within } from "../deadline.ts";
import type { BrokerProcess } from "./broker_process.ts";
import { ClientProgram } from "./client_program.ts";
import { interopTests } from "./interop_tests.ts";
import { WEB_SOCKET } from "./listeners.ts";

const test = interopTests(["java", "mvn"]);
const PROJECT = new URL("java/", import.meta.url).pathname;
const FETCH_WITHIN_MS = 180_000; // The first time, Maven fetches itself as well.

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
}, WEB_SOCKET);

/** Lets Maven bring the library, and runs the program from its source. */
async function withJavaClient(broker: BrokerProcess, use: (client: ClientProgram) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const args = ["-q", "-B", "dependency:copy-dependencies", `-DoutputDirectory=${folder}`];
    const fetch = new Deno.Command("mvn", { args, cwd: PROJECT }).output();
    const { success, stdout } = await within(fetch, "mvn", FETCH_WITHIN_MS);
    if (!success) throw new Error(new TextDecoder().decode(stdout));
    const url = await broker.url("ws");
    await using client = new ClientProgram("java", ["-cp", `${folder}/*`, `${PROJECT}Conversation.java`, url]);
    await client.lines.matching(/^Connected$/, 1, 30_000);
    await use(client);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
