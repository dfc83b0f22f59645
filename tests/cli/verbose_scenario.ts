import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { within } from "../deadline.ts";
import type { Lines } from "../interop/lines.ts";
import { bytes, connect, packet, PINGREQ, RawClient, text } from "../interop/raw_client.ts";

type Version = 4 | 5;

/** mosquitto 2.0 looks at Keep Alive now and then only. */
const KEEP_ALIVE_ENDS_WITHIN_MS = 20_000;

/** Everything that clients do of which `mosquitto -v` speaks, step by step, in both versions. */
export async function scenario(port: number, log: Lines): Promise<void> {
  const silent = await Promise.all(
    ([4, 5] as const).map((version) =>
      RawClient.connect({ port }, { clientId: `v${version}-silent`, version, keepAliveSeconds: 1 })
    ),
  );
  try {
    for (const version of [4, 5] as const) await steps(port, log, version);
    await log.matching(/Client v\d-silent has exceeded timeout/, 2, KEEP_ALIVE_ENDS_WITHIN_MS);
  } finally {
    for (const client of silent) client[Symbol.dispose]();
  }
}

async function steps(port: number, log: Lines, version: Version): Promise<void> {
  const name = (client: string) => `v${version}-${client}`;
  const start = (program: string, client: string, ...args: readonly string[]) =>
    new Deno.Command(program, {
      args: ["-p", `${port}`, "-V", version === 5 ? "5" : "311", "-i", name(client), ...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  const logged = (line: string, count = 1) => log.matching(new RegExp(line.replace("@", `v${version}-`)), count);
  const run = async (program: string, client: string, ...args: readonly string[]) => {
    await within(start(program, client, ...args).status, `${program} to end`);
    await logged(`Client @${client} disconnected`);
  };
  const topic = (rest: string) => `${name("topic")}/${rest}`;

  // All QoS, the user's name, SUBSCRIBE, UNSUBSCRIBE, retain.
  const subscriber = start(
    "mosquitto_sub",
    "sub",
    "-u",
    "joe",
    "-P",
    "secret",
    "-q",
    "2",
    "-C",
    "3",
    ...["-t", topic("#")],
    ...["-t", "other"],
    ...["-U", "never"],
  );
  await logged("Sending UNSUBACK to @sub");
  await run("mosquitto_pub", "pub0", "-t", topic("a"), "-m", "hello", "-q", "0");
  await run("mosquitto_pub", "pub1", "-t", topic("a"), "-m", "hello", "-q", "1", "-r");
  await logged("Received PUBACK from @sub");
  await run("mosquitto_pub", "pub2", "-t", topic("a"), "-m", "hello", "-q", "2");
  await within(subscriber.status, "the subscriber to end");

  // A session that waits.
  const durable = ["-c", "-q", "1", "-t", topic("#"), ...(version === 5 ? ["-x", "1000"] : [])];
  await run("mosquitto_sub", "durable", "-C", "1", ...durable);
  await run("mosquitto_pub", "pub3", "-t", topic("b"), "-m", "queued", "-q", "1");
  const again = start("mosquitto_sub", "durable", ...durable);
  await logged("Received PUBACK from @durable", 3); // One before, the queued and the retained message.
  again.kill("SIGKILL");
  await again.status;
  await logged("Client @durable closed its connection");

  // A Will, and who gets it.
  const watcher = start("mosquitto_sub", "watcher", "-t", topic("will"), "-C", "1");
  await logged("Sending SUBACK to @watcher");
  const dying = start("mosquitto_sub", "dying", "-t", "x", ...["--will-topic", topic("will")], ...[
    "--will-payload",
    "gone",
  ], ...["--will-qos", "1", "--will-retain"]);
  await logged("Sending SUBACK to @dying");
  dying.kill("SIGKILL");
  await dying.status;
  await within(watcher.status, "the watcher to end");

  await takeover(port, version, name("twice"));
  await logged("Client @twice closed its connection");

  using malformed = await RawClient.connect({ port }, { clientId: name("malformed"), version });
  await malformed.send(PINGREQ);
  await malformed.expect("d0 00");
  await malformed.send(packet("36", text("t"), "0001", version === 5 ? "00" : ""));
  await malformed.closed();
}

/** The same client connects twice; the second connection is reset. */
async function takeover(port: number, version: Version, clientId: string): Promise<void> {
  using first = await RawClient.connect({ port }, { clientId, version });
  const socket = connectSocket(port, "127.0.0.1");
  const closed = once(socket, "close");
  const answered = once(socket, "data");
  socket.write(bytes(connect({ clientId, version })));
  await within(answered, "CONNACK");
  socket.resetAndDestroy();
  await Promise.all([closed, first.closed()]);
}

/** Lines by the client they speak of, without what differs by nature: times, ports, and what only one of the two says. */
export function factsByClient(lines: readonly string[]): Record<string, string[]> {
  const facts: Record<string, string[]> = {};
  let client = "";
  for (const line of lines) {
    const fact = factOf(line);
    // "\tfilter" and the line about the Will follow the line that names the client.
    client = /\bv\d-(?!topic)\w+/.exec(fact)?.[0] ?? (/^\t|will message/i.test(fact) ? client : "");
    if (client !== "" && !isOfOne(fact)) (facts[client] ??= []).push(fact);
  }
  return facts;
}

function factOf(line: string): string {
  return line
    .replace(/^\S+: /, "")
    .replace(/127\.0\.0\.1:\d+/, "ADDRESS")
    .replace(/ See docs\/troubleshooting\.md#\S+$/, "") // Brooklet says where help is.
    .replace("(p2,", "(p4,") // mosquitto 2.0 shows 3.1.1 as 2.
    .replace(/\(Mid: (\d+)(?:, RC:\d+)?\)/, "(m$1)")
    .replace(/\((m\d+), rc0\)/, "($1)") // mosquitto shows it with some acknowledgements only.
    .replace(/ (?:\[ADDRESS\] )?(disconnected due to malformed packet).*$/, " $1.");
}

/**
 * What only one says: mosquitto each subscription once more, and one more line about what is malformed; Brooklet that it
 * tells a client of MQTT 5 why it closes.
 */
function isOfOne(fact: string): boolean {
  return /^v\d-\w+ (?:\d )?\S+$|^Invalid QoS in PUBLISH|^Sending DISCONNECT to v5-\w+ \(rc1\d\d\)$/.test(fact);
}
