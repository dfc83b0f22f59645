import { assertEquals } from "@std/assert";
import importMap from "../import_map.json" with { type: "json" };
import { builtOnce } from "../built_once.ts";
import type { TestBroker } from "./broker_process.ts";
import { ClientProgram } from "./client_program.ts";
import { type InteropTests, interopTests } from "./interop_tests.ts";
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

/** A folder where Node finds the packages of the tests, and the program without its types. */
const nodeFolder = builtOnce(async (folder) => {
  const config = { nodeModulesDir: "auto", imports: { mqtt: importMap.imports.mqtt } };
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
  await Deno.copyFile(`${REPOSITORY}/tests/deno.lock`, `${folder}/deno.lock`);
  await deno(["install", "--quiet"], folder);
  await deno(["transpile", "--quiet", PROGRAM, "--output", "conversation.mjs"], folder);
  return folder;
});

const LISTENERS = [...WEB_SOCKET, ...SECURE_WEB_SOCKET];
const RUNTIMES: readonly { name: string; test: InteropTests; runProgram: RunProgram }[] = [
  { name: "Deno", test: interopTests([], LISTENERS), runProgram: inDeno },
  { name: "Node", test: interopTests(["node"], LISTENERS), runProgram: inNode },
];

for (const { name, test, runProgram } of RUNTIMES) {
  for (const scheme of ["ws", "wss"] as const) {
    for (const version of ["4", "5"]) {
      const title = `MQTT.js in ${name} over ${scheme}, protocol version ${version}`;

      test(`${title}: every QoS, retained, session, 1 MB and 1,000 messages`, async (broker) => {
        const args = [await broker.url(scheme), version, AUTHORITY, broker.named("")];
        await runProgram(
          args,
          async (client) => assertEquals(await client.output(30_000), [`runtime: ["${name}"]`, ...CONVERSATION]),
        );
      });

      test(`${title}: the Will is sent when its process is killed`, async (broker) => {
        using watcher = await watchWill(broker);
        const args = [await broker.url(scheme), version, AUTHORITY, broker.named(""), "will"];
        await runProgram(args, async (client) => {
          await client.lines.matching(/^connected/, 1, 15_000);
          await watcher.expectSilence();
          client.kill();
          await watcher.expect(publish({ topic: broker.named("will"), payload: "gone" }));
        });
      });
    }
  }
}

async function inDeno(args: readonly string[], use: (client: ClientProgram) => Promise<void>): Promise<void> {
  await using client = new ClientProgram(Deno.execPath(), ["run", "-A", PROGRAM, ...args], { cwd: REPOSITORY });
  await use(client);
}

async function inNode(args: readonly string[], use: (client: ClientProgram) => Promise<void>): Promise<void> {
  await using client = new ClientProgram("node", ["conversation.mjs", ...args], { cwd: await nodeFolder() });
  await use(client);
}

async function deno(args: readonly string[], cwd: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args], cwd }).output();
  if (!success) throw new Error(`deno ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

async function watchWill(broker: TestBroker): Promise<RawClient> {
  const watcher = await RawClient.connect(broker, { clientId: broker.named("watcher") });
  await watcher.send(subscribe(1, broker.named("will")));
  await watcher.expect("90 03 0001 00");
  return watcher;
}
