import { assert, assertEquals, assertMatch } from "@std/assert";
import { publish } from "../interop/mosquitto_clients.ts";
import {
  BrookletBroker,
  ClientTools,
  scenario,
  scenarioOf,
  scenarios,
  type ToolOutcome,
  type ToolSetting,
} from "./client_tools.ts";

const BINARY = Uint8Array.from({ length: 300 }, (_, index) => index % 256);
const JSON_TEXT = '{"a": [1, 2.5, {"b": "x\\n é"}, [], {}], "10": null, "9": true}';
// deno-fmt-ignore
const PROPERTIES = [
  "-D", "publish", "content-type", "text/plain", "-D", "publish", "correlation-data", "cd", "-D", "publish", "response-topic", "r/t",
  "-D", "publish", "user-property", "k", "v", "-D", "publish", "user-property", "k", "w", "-D", "publish", "user-property", "j", "x y",
  "-D", "publish", "payload-format-indicator", "1",
];

/** What is retained before anybody subscribes. */
async function seed({ tools, at, port }: ToolSetting): Promise<void> {
  const broker = { hostname: "127.0.0.1", port };
  await publish(broker, ["-t", "s/1", "-r", "-q", "1", "-m", 'hé "w"\\ /', ...PROPERTIES]);
  await publish(broker, ["-t", "s/2", "-r", "-q", "1", "-m", JSON_TEXT]);
  await publish(broker, ["-t", "s/deep/3", "-r", "-m", "plain"]);
  // mosquitto_pub in either case: what is compared is who subscribes.
  const { code } = await tools.run("pub", [...at, "-t", "b/1", "-r", "-s"], BINARY);
  assertEquals(code, 0);
}

const FORMATS = [
  "%A|%C|%D|%E|%F|%l|%m|%P|%p|%q|%R|%r|%S|%t|%x|%X|%%",
  "%5A|%20C|%-20C|%.4C|%10.4C|%08E|%-8E|%8F|%06l|%-6l|%3m|%-03m",
  "%20p|%-20p|%4p|%020p|%20x|%5x|%-40X|%040X",
  "%3R|%12R|%10t|%-10t|%.2t|%5.2t|%010t|%3q|%-2r|%6S",
  "@@|\\\\|\\t|\\a|\\e|\\0|\\v|\\r|@Q|text é",
];

interface Row {
  readonly name: string;
  readonly args: readonly string[];
}

const ROWS: readonly Row[] = [
  { name: "prints payloads", args: ["-t", "s/#", "-C", "3"] },
  { name: "prints topics, too", args: ["-t", "s/#", "-v", "-C", "3", "-q", "2"] },
  { name: "prints binary payloads as they are", args: ["-t", "b/#", "-C", "1"] },
  { name: "prints binary payloads without an end of line", args: ["-t", "b/#", "-C", "1", "-N", "-v"] },
  { name: "prints a format with MQTT 3.1.1", args: ["-t", "s/#", "-C", "3", "-q", "2", "-F", FORMATS.join("\\n")] },
  {
    name: "prints a format with MQTT 5",
    args: ["-t", "s/#", "-C", "3", "-q", "2", "-V", "5", "-F", FORMATS.join("\\n")],
  },
  { name: "prints a format without an end of line", args: ["-t", "s/#", "-C", "3", "-N", "-F", "%t=%p;"] },
  { name: "subscribes to several Topic Filters", args: ["-t", "s/1", "-t", "s/+/3", "-C", "2", "-v"] },
  { name: "leaves filtered messages out", args: ["-t", "#", "-T", "s/deep/#", "-T", "b/+", "-C", "2", "-v"] },
  { name: "takes a counted message before its time is over", args: ["-t", "s/1", "-C", "1", "-W", "20"] },
  { name: "ends with SUBACK", args: ["-t", "s/#", "-E"] },
  { name: "says which payload is no JSON", args: ["-t", "s/1", "-C", "1", "-F", "<%J>"] },
];

/** Rows that wait until their time is over. */
const WAITING: readonly Row[] = [
  { name: "ends after a time with exit code 27", args: ["-t", "s/#", "-W", "1"] },
  { name: "ends after a time without a message", args: ["-t", "nothing", "-W", "1", "-V", "5"] },
  { name: "tells nothing with --quiet", args: ["-t", "nothing", "-W", "1", "--quiet"] },
  { name: "leaves retained messages out", args: ["-t", "s/#", "-R", "-W", "1"] },
];

/** A row as a scenario. */
function played({ name, args }: Row): Parameters<typeof scenarioOf<ToolOutcome>> {
  return [`sub ${name}`, async (setting) => {
    await seed(setting);
    return await setting.tools.run("sub", [...setting.at, ...args]);
  }, (brooklet, mosquitto) => assertEquals(brooklet, mosquitto)];
}

for (const row of ROWS) scenario(...played(row));

scenarios("sub waits for messages", [
  ...WAITING.map((row) => scenarioOf(...played(row))),
  scenarioOf("sub removes retained messages", async (setting) => {
    await seed(setting);
    const { tools, at } = setting;
    const removing = await tools.run("sub", [...at, "-t", "#", "-T", "s/deep/#", "--remove-retained", "-W", "1"]);
    const left = await tools.run("sub", [...at, "-t", "#", "-v", "-W", "1"]);
    return { code: removing.code, lines: removing.stdout.split("\n").toSorted(), left };
  }, (brooklet, mosquitto) => assertEquals(brooklet, mosquitto)),
  ...["311", "5"].map((version) =>
    scenarioOf(`sub prints what its session was subscribed to before, ${version}`, async ({ tools, at, port }) => {
      const session = [...at, "-c", "-i", "kept", "-q", "1", "-V", version];
      const first = await tools.run("sub", [...session, "-t", "k/old", "-E"]);
      await publish({ port }, ["-t", "k/old", "-l", "-q", "1"], "one\ntwo\n");
      const second = await tools.run("sub", [...session, "-t", "k/new", "-W", "1", "-v"]);
      return { first, second };
    }, (brooklet, mosquitto) => assertEquals(brooklet, mosquitto))
  ),
]);

/** The time is the one thing that cannot be the same. */
function timeless({ code, stdout, stderr }: ToolOutcome): ToolOutcome {
  const time = /"tst":\t?"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\+0530"/g;
  assertMatch(stdout, time);
  return { code, stdout: stdout.replace(time, "TIME"), stderr };
}

for (
  const args of [["%j"], ["%j", "--pretty"], ["%j", "-V", "5", "-q", "2"], ["%j", "--pretty", "-V", "5", "-q", "1"]]
) {
  scenario(`sub prints messages as JSON: -F ${args.join(" ")}`, async (setting) => {
    await seed(setting);
    return timeless(await setting.tools.runProcess("sub", [...setting.at, "-t", "s/#", "-C", "3", "-F", ...args]));
  }, (brooklet, mosquitto) => assertEquals(brooklet, mosquitto));
}

for (const args of [["%J"], ["%J", "--pretty"]]) {
  scenario(`sub prints JSON in JSON: -F ${args.join(" ")}`, async (setting) => {
    await seed(setting);
    return timeless(await setting.tools.runProcess("sub", [...setting.at, "-t", "s/2", "-C", "1", "-F", ...args]));
  }, (brooklet, mosquitto) => assertEquals(brooklet, mosquitto));
}

scenario("sub prints the time in local time", async (setting) => {
  await seed(setting);
  const format = "%U %I @Y-@m-@dT@H:@M:@S@z @a @A @b @B @j @u @w @U @V @W @G @g @C @y @e @D @F";
  const { stdout } = await setting.tools.runProcess("sub", [...setting.at, "-t", "s/1", "-C", "1", "-F", format]);
  return { stdout, at: Date.now() };
}, (brooklet, mosquitto) => {
  // From one run to the next only these change, apart from midnight.
  const [ours, theirs] = [brooklet.stdout, mosquitto.stdout].map((text) =>
    text.replace(/T\d\d:\d\d:\d\d|^\d{10}\.\d{9}/g, "#")
  );
  assertEquals(ours, theirs);
  const seconds = Number(brooklet.stdout.split(" ")[0]);
  assert(Math.abs(seconds * 1_000 - brooklet.at) < 20_000, brooklet.stdout);
});

scenario("sub prints messages as they come", async ({ tools, at, port }) => {
  const broker = { hostname: "127.0.0.1", port };
  await publish(broker, ["-t", "l/ready", "-r", "-m", "ready"]);
  await using subscriber = tools.start("sub", [...at, "-t", "l/#", "-q", "2", "-v", "-C", "8", "-i", "live"]);
  await subscriber.stdout.matching(/^l\/ready ready$/);
  for (const qos of ["0", "1", "2"]) await publish(broker, ["-t", `l/${qos}`, "-q", qos, "-m", `at ${qos}`]);
  await publish(broker, ["-t", "l/empty", "-n", "-q", "2"]);
  await publish(broker, ["-t", "l/lines", "-l", "-q", "2"], "1\n\n3\n4\n");
  const { code, stdout, stderr } = await subscriber.ended();
  return { code, stdout: stdout.toSorted(), stderr };
}, (brooklet, mosquitto) => assertEquals(brooklet, mosquitto));

scenario("sub ends with the first message that is not retained", async ({ tools, at, port }) => {
  const broker = { hostname: "127.0.0.1", port };
  for (const topic of ["r/1", "r/2"]) await publish(broker, ["-t", topic, "-r", "-m", topic]);
  await using subscriber = tools.start("sub", [...at, "-t", "r/#", "--retained-only"]);
  await subscriber.stdout.matching(/^r\/[12]$/, 2);
  await publish(broker, ["-t", "r/3", "-m", "new"]);
  const { code, stdout } = await subscriber.ended();
  return { code, stdout: stdout.toSorted() };
}, (brooklet, mosquitto) => assertEquals(brooklet, mosquitto));

for (const version of ["311", "5"]) {
  scenario(`sub keeps its session with -c and ends a subscription with -U, ${version}`, async ({ tools, at, port }) => {
    const broker = { hostname: "127.0.0.1", port };
    const session = [...at, "-c", "-i", "kept", "-q", "1", "-V", version];
    const first = await tools.run("sub", [...session, "-t", "k/a", "-t", "k/b", "-E"]);
    await publish(broker, ["-t", "k/a", "-m", "one", "-q", "1"]);
    const second = await tools.run("sub", [...session, "-t", "k/a", "-C", "1", "-v", "-W", "20"]);
    await using third = tools.start("sub", [...session, "-t", "k/ready", "-t", "k/b", "-U", "k/a", "-C", "2", "-v"]);
    await publish(broker, ["-t", "k/ready", "-m", "ready", "-r", "-q", "1"]);
    await third.stdout.matching(/^k\/ready ready$/);
    // Behind UNSUBSCRIBE, which went out with SUBSCRIBE: the broker has read both by now.
    await tools.run("sub", [...at, "-t", "other", "-E"]);
    await publish(broker, ["-t", "k/a", "-m", "not any more", "-q", "1"]);
    await publish(broker, ["-t", "k/b", "-m", "two", "-q", "1"]);
    const { code, stdout } = await third.ended();
    return { first, second, code, stdout };
  }, (brooklet, mosquitto) => assertEquals(brooklet, mosquitto));
}

for (const [version, qos] of [["311", "1"], ["5", "1"], ["311", "2"], ["5", "2"]] as const) {
  Deno.test(`sub -C leaves what it does not print to the broker, ${version}, QoS ${qos}`, async () => {
    await using broker = await BrookletBroker.start();
    const tools = new ClientTools("Brooklet");
    const at = ["-p", new URL(broker.url("mqtt")).port, "-t", "jobs", "-q", qos];
    const session = [...at, "-c", "-i", "worker", "-V", version];
    assertEquals((await tools.run("sub", [...session, "-E"])).code, 0);
    assertEquals((await tools.run("pub", [...at, "-l"], "1\n2\n3\n4\n5\n6\n")).code, 0);
    const printed = [];
    for (const count of ["1", "2", "1", "2"]) {
      printed.push((await tools.run("sub", [...session, "-C", count, "-W", "20"])).stdout);
    }
    assertEquals(printed, ["1\n", "2\n3\n", "4\n", "5\n6\n"]);
  });
}

// As much as fits into the limits that the brokers begin with.
scenario("sub prints a large payload and many messages", async ({ tools, at, port }) => {
  const broker = { hostname: "127.0.0.1", port };
  const large = new Uint8Array(900_000).map((_, index) => index % 251);
  await publish(broker, ["-t", "m/ready", "-r", "-m", "ready"]);
  const sent = await tools.run("pub", [...at, "-t", "large", "-r", "-s", "-q", "1"], large);
  const received = await tools.run("sub", [...at, "-t", "large", "-C", "1", "-N"]);
  await using subscriber = tools.start("sub", [...at, "-t", "m/#", "-q", "1", "-C", "901"]);
  await subscriber.stdout.matching(/^ready$/);
  const lines = Array.from({ length: 900 }, (_, index) => `line ${index}`);
  const many = await tools.run("pub", [...at, "-t", "m/many", "-l", "-q", "1"], lines.join("\n"));
  const { code, stdout } = await subscriber.ended();
  assertEquals(stdout, ["ready", ...lines]);
  return { sent, code, many, isSame: received.stdout === latin1(large) };
}, (brooklet, mosquitto) => {
  assertEquals(brooklet.isSame, true);
  assertEquals(brooklet, mosquitto);
});

function latin1(bytes: Uint8Array): string {
  return [...bytes].map((byte) => String.fromCharCode(byte)).join("");
}
