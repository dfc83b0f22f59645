import { assertEquals } from "@std/assert";
import { MosquittoSub } from "../interop/mosquitto_clients.ts";
import { BrookletBroker, ClientTools, scenario, type ToolSetting } from "./client_tools.ts";

const LICENSE = new URL("../../LICENSE", import.meta.url).pathname;
const SEEN = "%t q%q r%r %l %x";
const BINARY = Uint8Array.from({ length: 256 }, (_, index) => index);

interface Row {
  readonly name: string;
  /** Commands one after the other. */
  readonly runs: readonly { readonly args: readonly string[]; readonly input?: string | Uint8Array<ArrayBuffer> }[];
  /** What the watcher prints of each message. */
  readonly format?: string;
  readonly watcher?: readonly string[];
}

const ROWS: readonly Row[] = [
  { name: "sends a message with each QoS", runs: ["0", "1", "2"].map((qos) => ({ args: ["-m", "é", "-q", qos] })) },
  {
    name: "sends a message with each version",
    runs: ["31", "mqttv311", "5", "mqttv5"].map((version) => ({ args: ["-m", "v", "-V", version, "-q", "1"] })),
  },
  {
    name: "sends an empty message",
    runs: [{ args: ["-n"] }, { args: ["-m", ""] }, { args: ["-f", "/dev/null"] }],
  },
  { name: "sends a file and standard input", runs: [{ args: ["-s"], input: BINARY }, { args: ["-f", LICENSE] }] },
  {
    name: "sends a line as a message",
    runs: [
      { args: ["-l"], input: "a\n\nb\r\n é \nlast" },
      { args: ["-l", "-q", "2"], input: "c\nd\n" },
      { args: ["-l"], input: "" },
    ],
  },
  {
    name: "sends the same message several times",
    runs: [
      { args: ["-m", "x", "--repeat", "3"] },
      { args: ["-m", "y", "--repeat", "2", "--repeat-delay", "0.05", "-q", "1"] },
    ],
  },
  {
    name: "takes the last topic and the last QoS",
    runs: [{ args: ["-t", "p/last", "-q", "2", "-q", "1", "-m", "x"] }],
  },
  {
    name: "takes long names of options",
    runs: [{ args: ["--topic", "p/long", "--message", "x", "--qos", "1", "--id", "long", "--keepalive", "10"] }],
  },
  {
    name: "sends properties of MQTT 5",
    watcher: ["-V", "5"],
    format: "%t q%q [%C] [%D] [%E] [%F] [%P] [%R] %p",
    runs: [
      {
        args: [
          ...["-D", "publish", "content-type", "text/plain", "-D", "publish", "correlation-data", "c d"],
          ...["-D", "PUBLISH", "user-property", "k", "1", "-D", "publish", "user-property", "k", "2"],
          ...["-D", "publish", "payload-format-indicator", "1", "-D", "publish", "response-topic", "r/t"],
          ...["--property", "connect", "user-property", "a", "b", "-D", "disconnect", "user-property", "c", "d"],
          ...["-D", "connect", "receive-maximum", "5", "-x", "10", "-m", "with", "-q", "1"],
        ],
      },
      { args: ["-D", "publish", "topic-alias", "3", "-l"], input: "1\n2\n" },
    ],
  },
];

for (const { name, runs, format = SEEN, watcher = [] } of ROWS) {
  scenario(`pub ${name}`, async ({ tools, at, port }: ToolSetting) => {
    await using seen = await MosquittoSub.start(
      { hostname: "127.0.0.1", port },
      ["-t", "p/#", "-q", "2", ...watcher],
      format,
    );
    const outcomes = [];
    for (const { args, input } of runs) outcomes.push(await tools.run("pub", [...at, "-t", "p/a", ...args], input));
    // With QoS 2 a message may be overtaken by one with less.
    await tools.run("pub", [...at, "-t", "p/end", "-m", "end", "-q", "2"]);
    return { outcomes, messages: await seen.until(lastLine(format)) };
  }, (brooklet, mosquitto) => assertEquals(brooklet, mosquitto));
}

/** What the watcher prints of the message that ends a run. */
function lastLine(format: string): string {
  return format === SEEN ? "p/end q2 r0 3 656e64" : "p/end q2 \\[\\] \\[\\] \\[\\] \\[\\] \\[\\] \\[\\] end";
}

Deno.test("pub -l sends lines that are more than fits into the client at once", async () => {
  let bytes = 0;
  await using broker = await BrookletBroker.start({
    onPacket: ({ packet }) => bytes += packet.type === "publish" ? packet.payload.length : 0,
  });
  const line = `${"x".repeat(200_000)}\n`;
  const at = ["-p", new URL(broker.url("mqtt")).port, "-t", "a", "-q", "1", "-l", "-M", "1"];
  const outcome = await new ClientTools("Brooklet").run("pub", at, line.repeat(200));
  assertEquals(outcome, { code: 0, stdout: "", stderr: "" });
  assertEquals(bytes, 40_000_000);
});
