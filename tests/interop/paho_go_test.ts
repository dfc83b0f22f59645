import { assertEquals, assertMatch } from "@std/assert";
import { within } from "../deadline.ts";
import type { BrokerProcess } from "./broker_process.ts";
import { ClientProgram } from "./client_program.ts";
import { interopTests } from "./interop_tests.ts";
import { WEB_SOCKET } from "./listeners.ts";

const test = interopTests(["go"]);
const SOURCE = new URL("go/", import.meta.url).pathname;
const BUILD_WITHIN_MS = 180_000; // The first time, all of the standard library is compiled.
const WATCH_MS = 20_000;

test("seed 0-1 to 0-6: paho.mqtt.golang stays for 20 s with Keep Alive 5, and is told of the end", async (broker) => {
  await withGoClient(broker, async (client) => {
    await client.lines.matching(/^\/World hello, QoS [012]$/, 3);
    await aWhile();
    // At 5, 10 and 15 s; the library looks at its clock every 2.5 s.
    await broker.stderr.matching(/Received PINGREQ from/, 3, 1_000);
    await client.lines.matching(/^PINGRESP$/, 3, 1_000);
    await broker.stop();
    const output = await client.output();
    assertEquals(output.filter((line) => line !== "PINGRESP").slice(0, -1), [
      ...["Connected", "/World hello, QoS 0", "/World hello, QoS 1", "/World hello, QoS 2"],
    ]);
    assertMatch(output.at(-1) ?? "", /^Connect lost: websocket: close 1001 \(going away\)/); // Seed 0-10.
  });
}, ["-v", ...WEB_SOCKET]);

test("seed 0-10: paho.mqtt.golang gets a clean error when the broker is killed", async (broker) => {
  await withGoClient(broker, async (client) => {
    await client.lines.matching(/^\/World hello, QoS [012]$/, 3);
    await broker.kill();
    assertMatch((await client.output()).at(-1) ?? "", /^Connect lost: .*(?:EOF|reset|1006)/);
  });
}, WEB_SOCKET);

test("paho.mqtt.golang leaves with DISCONNECT", async (broker) => {
  await withGoClient(broker, async (client) => {
    await client.lines.matching(/^\/World hello, QoS [012]$/, 3);
    assertEquals((await client.leave()).at(-1), "Disconnected");
    await broker.stderr.matching(/Received DISCONNECT from/);
  });
}, ["-v", ...WEB_SOCKET]);

/** Builds the client and runs it at the address of article 000, which has no path. */
async function withGoClient(broker: BrokerProcess, use: (client: ClientProgram) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const build = new Deno.Command("go", { args: ["build", "-o", `${folder}/client`, "."], cwd: SOURCE }).output();
    const { success, stderr } = await within(build, "go build", BUILD_WITHIN_MS);
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const { origin } = new URL(await broker.url("ws"));
    await using client = new ClientProgram(`${folder}/client`, [origin]);
    await client.lines.matching(/^Connected$/);
    await use(client);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Here the passing of time itself is what is tested. */
function aWhile(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, WATCH_MS));
}
