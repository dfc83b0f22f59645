/** Random ACL files and clients at Debian's mosquitto and at Brooklet, each with the same mosquitto.conf. */

import { assertEquals } from "@std/assert";
import { Mosquitto } from "../../auth/mosquitto.ts";
import { PacketClient, type Who } from "../../auth/packet_client.ts";
import { programTests } from "../../interop/interop_tests.ts";
import { givenSeed, Seeded } from "../../seeded.ts";
import { ProgramInProcess } from "../program_in_process.ts";
import { ConfigurationFolder } from "./written_file.ts";

const SEEDS = [1, 2, 3, 4];
const SETTINGS = ["allow_anonymous true", "acl_file FOLDER/acl"];

const USERS = ["ann", "bob", "Jörg Müller", "x/y", "+", "%c", "日本", "user", "#bob"];
const CLIENT_IDS = ["a", "b", "a/b", "é ö", "%u", "+", "ab", "$SYS"];
const LEVELS = ["a", "b", "c", "", "é ö", "a b", "read", "$SYS", "$data", "日本"];
const NAMES = ["%c", "%u", "x%c", "%u%c", "%cc", "%x", "%"];
const LINE_ENDS = ["", "", "", "", " ", "\r", "  ", "\t"];
const SPACES = [" ", " ", " ", "  "];
const QUIET_LINES = ["", "# c", "#topic a", "   ", "\r", "#"];

/** May do everything, and sees what others publish. */
const ROOT: Who = { clientId: "root", userName: "root" };
const ROOT_RULES = ["user root", "topic #", "topic $data/#", "topic $SYS/#"];
const EVERYTHING = ["#", "$data/#", "$SYS/broker/connection/#"];

interface Scene {
  readonly acl: string;
  readonly clients: readonly Who[];
  readonly topics: readonly string[];
  readonly topicFilters: readonly string[];
}

for (const seed of [givenSeed().seed ?? SEEDS].flat()) {
  programTests(["mosquitto"])(`The same clients may do the same as in mosquitto, SEED=${seed}`, async () => {
    const scene = sceneOf(new Seeded(seed));
    await using mosquitto = await Mosquitto.start(SETTINGS, { acl: scene.acl });
    using folder = new ConfigurationFolder();
    folder.write("acl", scene.acl);
    const lines = [`listener 0 ${folder.path}/mqtt`, ...SETTINGS].join("\n").replaceAll("FOLDER", folder.path);
    await using program = new ProgramInProcess(["--config", folder.write("mosquitto.conf", lines)]);
    await program.stderr.matching(/^.*listening on unix:/, 1, 15_000);
    for (const version of [4, 5] as const) {
      const theirs = await outcomes(mosquitto?.path ?? "", scene, version);
      const ours = await outcomes(`${folder.path}/mqtt`, scene, version);
      for (const [index, expected] of theirs.entries()) {
        assertEquals({ acl: scene.acl, version, ...ours[index] }, { acl: scene.acl, version, ...expected });
      }
    }
  });
}

function sceneOf(random: Seeded): Scene {
  const rules = Array.from({ length: random.integer(2, 14) }, () => lineOf(random));
  const topics = new Set(Array.from({ length: 20 }, () => topicOf(random)));
  return {
    acl: [...rules, ...ROOT_RULES].join("\n") + random.pick(["", "\n", "\n\n", "\r\n"]),
    clients: Array.from({ length: 6 }, () => ({
      clientId: random.pick(CLIENT_IDS),
      ...random.oneIn(4) ? {} : { userName: random.pick(USERS) },
      will: { topic: topicOf(random), retain: false },
    })),
    topics: [...topics, "$SYS/broker/connection/a/state", "$data/a"],
    topicFilters: ["#", "$data/#", "$share/g/a", ...Array.from({ length: 4 }, () => filterOf(random, []))],
  };
}

function lineOf(random: Seeded): string {
  const [space, end] = [random.pick(SPACES), random.pick(LINE_ENDS)];
  const keyword = random.pick(["user", "topic", "topic", "topic", "pattern", "pattern", ""]);
  if (keyword === "") return random.pick(QUIET_LINES);
  if (keyword === "user") return `user${space}${random.pick(USERS)}${end}`;
  const filter = filterOf(random, keyword === "pattern" ? NAMES : []);
  const access = random.pick(["read", "write", "readwrite", "deny"]);
  // What is left out means both; a filter with a space needs it.
  const hasAccess = filter.includes(" ") || !random.oneIn(3);
  return `${keyword}${space}${hasAccess ? `${access}${space}` : ""}${filter}${end}`;
}

function filterOf(random: Seeded, names: readonly string[]): string {
  const levels = Array.from({ length: random.integer(1, 3) }, () => {
    if (random.oneIn(5)) return "+";
    return random.pick(names.length > 0 && random.oneIn(3) ? names : LEVELS);
  });
  if (random.oneIn(6)) levels.push("#");
  return levels.join("/") || "a";
}

function topicOf(random: Seeded): string {
  const names = [...CLIENT_IDS, ...USERS, ...LEVELS, ...LEVELS].filter((name) => !/[+#]/.test(name));
  const topic = Array.from({ length: random.integer(1, 3) }, () => random.pick(names)).join("/");
  return topic === "" || topic.startsWith("$SYS") ? "a" : topic;
}

/** What each client may do, as it shows. */
async function outcomes(path: string, { clients, topics, topicFilters }: Scene, version: 4 | 5): Promise<object[]> {
  const connect = async (who: Who) => {
    const { client, reasonCode } = await PacketClient.connect(
      await Deno.connect({ transport: "unix", path }),
      who,
      version,
    );
    assertEquals({ who, reasonCode }, { who, reasonCode: 0 });
    return client;
  };
  using root = await connect(ROOT);
  await root.subscribe(...EVERYTHING);
  for (const topic of topics) if (!topic.startsWith("$SYS")) await root.publish(topic, "kept");
  await root.topics();
  const all: object[] = [];
  for (const who of clients) {
    using client = await connect(who);
    const subscribes = await client.subscribeWithRetained(...topicFilters);
    const retained = sorted(await client.topics());
    const publishes: number[] = [];
    for (const topic of topics) publishes.push(await client.publish(topic));
    const arrives = sorted(await root.topics());
    await client.topics(); // Its own, and those of the last one.
    for (const topic of topics) await root.publish(topic);
    const receives = sorted(await client.topics());
    await root.topics();
    // Takes over, which is when the Will is published.
    const { will: _, ...again } = who;
    using _taker = await connect(again);
    all.push({ who, subscribes, retained, publishes, arrives, receives, will: await root.topics() });
  }
  for (const topic of topics) await root.publish(topic, "");
  return all;
}

/** Overlapping subscriptions may bring a message twice. */
function sorted(topics: readonly string[]): string[] {
  return [...new Set(topics)].sort();
}
