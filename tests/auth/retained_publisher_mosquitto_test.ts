/** Retained messages whose publishers lose the right to publish them: Debian's mosquitto and this broker deliver the same. */

import { assertEquals } from "@std/assert";
import { within } from "../deadline.ts";
import { ProgramInProcess } from "../cli/program_in_process.ts";
import { ConfigurationFolder } from "../cli/config/written_file.ts";
import { programTests } from "../interop/interop_tests.ts";
import { Mosquitto } from "./mosquitto.ts";
import { PacketClient, type Who } from "./packet_client.ts";

const READER: Who = { clientId: "reader", userName: "reader" };
const READS_ALL = "user reader\ntopic read #\n";
const ANN: Who = { clientId: "a", userName: "ann" };

interface Row {
  readonly name: string;
  /** Lines of mosquitto.conf beside the listener. @default check_retain_source true */
  readonly settings?: readonly string[];
  readonly before: string;
  readonly after: string;
  /** Retained messages by publisher. */
  readonly published: readonly (readonly [who: Who, ...topics: string[]])[];
  /** Messages that a new subscription to `#` gets at the end. */
  readonly delivered: readonly string[];
}

const ANN_LOSES_B = {
  before: `${READS_ALL}user ann\ntopic write a\ntopic write b\n`,
  after: `${READS_ALL}user ann\ntopic write a\n`,
  published: [[ANN, "a", "b"]],
} as const;

const ROWS: readonly Row[] = [
  { name: "a user who may no longer write to a topic", ...ANN_LOSES_B, delivered: ["a"] },
  // Its manual says that true is the default; mosquitto 2.0.11 delivers without it, on SIGHUP and after a restart.
  { name: "the same without check_retain_source", settings: [], ...ANN_LOSES_B, delivered: ["a", "b"] },
  {
    name: "the same with check_retain_source false",
    settings: ["check_retain_source false"],
    ...ANN_LOSES_B,
    delivered: ["a", "b"],
  },
  {
    name: "the same with per_listener_settings",
    settings: ["per_listener_settings true", "acl_file FOLDER/acl", "allow_anonymous true", "check_retain_source true"],
    ...ANN_LOSES_B,
    delivered: ["a"],
  },
  {
    name: "rules that stay as they are",
    before: ANN_LOSES_B.before,
    after: ANN_LOSES_B.before,
    published: ANN_LOSES_B.published,
    delivered: ["a", "b"],
  },
  {
    name: "a user whom the rules do not know any more",
    before: ANN_LOSES_B.before,
    after: READS_ALL,
    published: ANN_LOSES_B.published,
    delivered: [],
  },
  {
    name: "a deny that was added",
    before: `${READS_ALL}user ann\ntopic write a/#\n`,
    after: `${READS_ALL}user ann\ntopic write a/#\ntopic deny a/secret\n`,
    published: [[ANN, "a/x", "a/secret"]],
    delivered: ["a/x"],
  },
  {
    name: "patterns with the Client Identifier and the user name of the publisher",
    before: `${READS_ALL}pattern write c/%c/#\npattern write u/%u/#\n`,
    after: `${READS_ALL}pattern write c/%c/1\npattern write u/%u/1\n`,
    published: [[ANN, "c/a/1", "c/a/2", "u/ann/1", "u/ann/2"], [{ clientId: "b" }, "c/b/1", "c/b/2"]],
    delivered: ["c/a/1", "c/b/1", "u/ann/1"],
  },
  {
    name: "clients without a user name",
    before: `topic write a\ntopic write b\n${READS_ALL}`,
    after: `topic write b\n${READS_ALL}`,
    published: [[{ clientId: "x" }, "a", "b"]],
    delivered: ["b"],
  },
  {
    name: "who else may write to the topic",
    before: `${ANN_LOSES_B.before}user bob\ntopic write b\n`,
    after: `${ANN_LOSES_B.after}user bob\ntopic write b\n`,
    published: [[ANN, "a", "b"], [{ clientId: "b", userName: "bob" }, "b"]],
    delivered: ["a", "b"],
  },
  {
    name: "a Will that is retained",
    before: ANN_LOSES_B.before,
    after: ANN_LOSES_B.after,
    published: [[{ ...ANN, will: { topic: "b", retain: true } }, "a"]],
    delivered: ["a"],
  },
];

for (const { name, settings = ["check_retain_source true"], before, after, published, delivered } of ROWS) {
  programTests(["mosquitto"])(
    `A new subscription gets the same retained messages as of mosquitto: ${name}`,
    async () => {
      const isPerListener = settings.some((line) => line.startsWith("acl_file"));
      const lines = isPerListener ? settings : ["acl_file FOLDER/acl", "allow_anonymous true", ...settings];
      // Per listener they stand after the listener, and its switch before it.
      const globals = lines.filter((line) => line.startsWith("per_listener"));
      const rest = lines.filter((line) => !line.startsWith("per_listener"));
      await using mosquitto = await Mosquitto.start(rest, { acl: before }, globals);
      const ofMosquitto = await trial(
        mosquitto?.path ?? "",
        published,
        async () => await mosquitto?.reload("acl", after),
      );
      assertEquals(ofMosquitto, [...delivered]);

      using folder = new ConfigurationFolder();
      folder.write("acl", before);
      const own = [...globals, `listener 0 ${folder.path}/mqtt`, ...rest].map((line) =>
        line.replaceAll("FOLDER", folder.path)
      );
      await using program = new ProgramInProcess(["--config", folder.write("mosquitto.conf", `${own.join("\n")}\n`)]);
      await program.stderr.matching(/^.*listening on unix:/, 1, 15_000);
      const ofBrooklet = await trial(`${folder.path}/mqtt`, published, async () => {
        folder.write("acl", after);
        program.kill("SIGHUP");
        await program.stderr.matching(/were read again$/);
      });
      assertEquals(ofBrooklet, [...delivered]);
    },
  );
}

/** Messages that a new subscription gets after the change, in order. */
async function trial(path: string, published: Row["published"], change: () => Promise<void>): Promise<string[]> {
  for (const [who, ...topics] of published) {
    using publisher = await connected(path, who);
    for (const topic of topics) await publisher.publish(topic, "kept");
  }
  using reader = await connected(path, READER);
  const all = new Set(
    published.flatMap(([{ will }, ...topics]) => will === undefined ? topics : [...topics, will.topic]),
  );
  await within(everythingIsThere(reader, all.size), "all retained messages");
  await change();
  return await reader.retained("#");
}

/** A Will comes when the broker has seen that its client is gone. */
async function everythingIsThere(reader: PacketClient, count: number): Promise<void> {
  while ((await reader.retained("#")).length < count);
}

async function connected(path: string, who: Who): Promise<PacketClient> {
  const { client, reasonCode } = await PacketClient.connect(await Deno.connect({ transport: "unix", path }), who);
  assertEquals(reasonCode, 0);
  return client;
}
