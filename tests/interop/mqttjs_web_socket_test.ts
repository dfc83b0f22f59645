import { assertEquals } from "@std/assert";
import denoJson from "../../deno.json" with { type: "json" };
import type { BrokerProcess } from "./broker_process.ts";
import { ClientProgram } from "./client_program.ts";
import { interopTests, type RegisterTest } from "./interop_tests.ts";
import { AUTHORITY, SECURE_WEB_SOCKET, WEB_SOCKET } from "./listeners.ts";
import { publish, RawClient, subscribe } from "./raw_client.ts";

const REPOSITORY = new URL("../../", import.meta.url).pathname;
const PROGRAM = new URL("mqttjs/conversation.ts", import.meta.url).pathname;
const CONVERSATION = [
  'QoS: ["sent 0 got 0","sent 1 got 1","sent 2 got 2"]',
  'retained: ["kept true"," false"]',
  'session: ["one","two","three"]',
  "1 MB: [true]",
  "in order: [1000,1000]",
];

type RunProgram = (args: readonly string[], use: (client: ClientProgram) => Promise<void>) => Promise<void>;

const RUNTIMES: readonly { name: string; test: RegisterTest; runProgram: RunProgram }[] = [
  { name: "Deno", test: interopTests([]), runProgram: inDeno },
  { name: "Node", test: interopTests(["node"]), runProgram: inNode },
];

const LISTENERS = [{ scheme: "ws", options: WEB_SOCKET }, { scheme: "wss", options: SECURE_WEB_SOCKET }] as const;

for (const { name, test, runProgram } of RUNTIMES) {
  for (const { scheme, options } of LISTENERS) {
    for (const version of ["4", "5"]) {
      const title = `MQTT.js in ${name} over ${scheme}, protocol version ${version}`;

      test(`${title}: every QoS, retained, session, 1 MB and 1,000 messages`, async (broker) => {
        const args = [await broker.url(scheme), version, AUTHORITY];
        await runProgram(
          args,
          async (client) => assertEquals(await client.output(30_000), [`runtime: ["${name}"]`, ...CONVERSATION]),
        );
      }, options);

      test(`${title}: the Will is sent when its process is killed`, async (broker) => {
        using watcher = await watchWill(broker);
        const args = [await broker.url(scheme), version, AUTHORITY, "will"];
        await runProgram(args, async (client) => {
          await client.lines.matching(/^connected/, 1, 15_000);
          await watcher.expectSilence();
          client.kill();
          await watcher.expect(publish({ topic: "will", payload: "gone" }));
        });
      }, options);
    }
  }
}

async function inDeno(args: readonly string[], use: (client: ClientProgram) => Promise<void>): Promise<void> {
  await using client = new ClientProgram(Deno.execPath(), ["run", "-A", PROGRAM, ...args], { cwd: REPOSITORY });
  await use(client);
}

/** In a folder where Node finds the packages of deno.lock, and the program without its types. */
async function inNode(args: readonly string[], use: (client: ClientProgram) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const config = { nodeModulesDir: "auto", imports: { mqtt: denoJson.imports.mqtt } };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
    await Deno.copyFile(`${REPOSITORY}/deno.lock`, `${folder}/deno.lock`);
    await deno(["install", "--quiet"], folder);
    await deno(["transpile", "--quiet", PROGRAM, "--output", "conversation.mjs"], folder);
    await using client = new ClientProgram("node", ["conversation.mjs", ...args], { cwd: folder });
    await use(client);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function deno(args: readonly string[], cwd: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args], cwd }).output();
  if (!success) throw new Error(`deno ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

async function watchWill(broker: BrokerProcess): Promise<RawClient> {
  const watcher = await RawClient.connect(broker, { clientId: "watcher" });
  await watcher.send(subscribe(1, "will"));
  await watcher.expect("90 03 0001 00");
  return watcher;
}
