/** The MQTT nodes of Node-RED, which npm installs: `deno task node-red`. `NODE_RED` is the version. */

import { assertEquals } from "@std/assert";
import { Client } from "../../src/client/mod.ts";
import { within } from "../deadline.ts";
import type { BrokerProcess } from "./broker_process.ts";
import { ClientProgram } from "./client_program.ts";
import { interopTests } from "./interop_tests.ts";

const NODE_RED = Deno.env.get("NODE_RED");
const START_WITHIN_MS = 60_000;
const FILTERS = { hash: "home/#", lamp: "home/lamp" } as const;

if (NODE_RED !== undefined) {
  const test = interopTests(["node", "npm"]).own;
  const folder = await Deno.makeTempDir();
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

  for (const protocolVersion of [5, 4]) {
    test(`Node-RED ${NODE_RED}: nodes whose Topic Filters overlap get each message, v${protocolVersion}`, async (broker) => {
      await install(folder, NODE_RED);
      await using watcher = await Client.connect(`mqtt://127.0.0.1:${broker.port}`);
      const reader = await watcher.subscribe("seen/+");
      // Retained, so that what comes of it says that both nodes have subscribed.
      await watcher.publish("home/lamp", "retained", { qos: 1, retain: true });
      await using _program = await start(folder, broker, protocolVersion);
      const seen: Record<string, string[]> = { "seen/hash": [], "seen/lamp": [] };
      const next = async (deadlineMs?: number) => {
        const message = (await within(reader.next(), `more than ${JSON.stringify(seen)}`, deadlineMs)).value;
        if (message !== undefined) seen[message.topic]?.push(message.text());
      };
      const nodes = Object.values(seen);
      // Of 3.1.1, each retained copy goes to all nodes that match.
      const retained = protocolVersion === 5 ? 1 : 2;
      while (nodes.some((texts) => texts.length < retained)) await next(START_WITHIN_MS);
      for (const text of ["on", "off"]) await watcher.publish("home/lamp", text, { qos: 1 });
      while (nodes.some((texts) => texts.at(-1) !== "off")) await next();
      const all = [...Array.from({ length: retained }, () => "retained"), "on", "off"];
      assertEquals(seen, { "seen/hash": all, "seen/lamp": all });
    });
  }
}

async function install(folder: string, version: string): Promise<void> {
  const args = ["install", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel=error", `node-red@${version}`];
  const { success } = await new Deno.Command("npm", { args, stdout: "null" }).output();
  assertEquals(success, true, `npm cannot install node-red@${version}`);
}

/** Node-RED without its editor; what a node takes in comes back below `seen/`. */
async function start(folder: string, broker: BrokerProcess, protocolVersion: number): Promise<ClientProgram> {
  const client = { type: "mqtt-broker", broker: "127.0.0.1", port: String(broker.port), autoConnect: true };
  const nodes = Object.entries(FILTERS).flatMap(([name, topic]) => [
    { id: `in-${name}`, z: "flow", type: "mqtt in", topic, qos: "1", datatype: "utf8", broker: "in", wires: [[name]] },
    { id: name, z: "flow", type: "mqtt out", topic: `seen/${name}`, qos: "1", broker: "out", wires: [] },
  ]);
  const flows = [
    { id: "flow", type: "tab" },
    { ...client, id: "in", protocolVersion: String(protocolVersion), cleansession: true, keepalive: "60" },
    { ...client, id: "out", protocolVersion: "4", cleansession: true, keepalive: "60" },
    ...nodes,
  ];
  await Deno.writeTextFile(`${folder}/flows.json`, JSON.stringify(flows));
  const settings = { flowFile: "flows.json", httpAdminRoot: false, httpNodeRoot: false, credentialSecret: false };
  await Deno.writeTextFile(`${folder}/settings.js`, `module.exports = ${JSON.stringify(settings)};`);
  const program = `${folder}/node_modules/node-red/red.js`;
  return new ClientProgram("node", [program, "--userDir", folder, "--settings", `${folder}/settings.js`]);
}
