import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Mosquitto } from "../auth/mosquitto.ts";
import { certificatePath } from "../certificates/certificates.ts";
import { freePorts, MosquittoBroker } from "../client/mosquitto_broker.ts";
import { programTests } from "../interop/interop_tests.ts";
import {
  BrookletBroker,
  ClientTools,
  scenario,
  type ToolCommand,
  type ToolOutcome,
  type ToolSetting,
} from "./client_tools.ts";

const test = programTests([
  "mosquitto",
  "mosquitto_pub",
  "mosquitto_sub",
  "mosquitto_rr",
  "mosquitto_passwd",
  "stdbuf",
]);
const TLS = ["--cafile", certificatePath("authority.pem")];
const IDENTITY = ["--cert", certificatePath("client.pem"), "--key", certificatePath("client.key")];
const EITHER_TOOL = ["mosquitto", "Brooklet"] as const;
const LEAST_ARGS = {
  pub: ["-t", "a", "-m", "x"],
  sub: ["-t", "a"],
  request: ["-t", "a", "-e", "b", "-m", "x"],
} as const;

/** The exit code and the first line of what is said: what follows is for each to say. */
function gist({ code, stdout, stderr }: ToolOutcome) {
  return { code, stdout, stderr: stderr.split("\n")[0] };
}

/** Publishes a retained message one way and reads it another way. */
function roundTrip(name: string, ways: (setting: ToolSetting) => { pub: readonly string[]; sub: readonly string[] }) {
  scenario(name, async (setting) => {
    const { pub, sub } = ways(setting);
    const { tools } = setting;
    const published = await tools.run("pub", [...pub, "-r", "-q", "1", "-m", "by this way"]);
    const received = await tools.run("sub", [...sub, "-C", "1", "-W", "20", "-v"]);
    assertEquals(received.stdout, "way/in by this way\n");
    return { published, received };
  }, (brooklet, mosquitto) => assertEquals(brooklet, mosquitto));
}

roundTrip("pub and sub connect over TLS with a certificate", ({ broker }) => {
  const at = ["-h", "127.0.0.1", "-p", new URL(broker.url("mqtts")).port, "-t", "way/in", ...TLS, ...IDENTITY];
  return { pub: at, sub: at };
});

roundTrip("pub and sub connect to a URL of -L", ({ broker, port }) => {
  const tls = ["-L", `${broker.url("mqtts")}/way/in`, ...TLS, ...IDENTITY];
  return { pub: tls, sub: ["-L", `mqtt://127.0.0.1:${port}/way/in`] };
});

roundTrip("pub and sub connect to a Unix socket", ({ broker, at }) => {
  const path = broker.url("unix").slice("unix:".length);
  return { pub: ["--unix", path, "-t", "way/in"], sub: [...at, "-t", "way/+"] };
});

for (const kind of EITHER_TOOL) {
  // Ways that mosquitto's clients do not have.
  test(`pub and sub take a URL by itself, also of a WebSocket, at ${kind}'s broker`, async () => {
    const tools = new ClientTools("Brooklet");
    await using broker = kind === "mosquitto" ? await MosquittoBroker.start() : await BrookletBroker.start();
    const ws = `ws://${new URL(broker.url("ws")).host}/way/in`;
    assertEquals((await tools.run("pub", [ws, "-m", "by WebSocket", "-r"])).code, 0);
    const { host } = new URL(broker.url("mqtt"));
    const received = await tools.run("sub", [`mqtt://user:secret@${host}/way/#`, "-C", "1", "-v", "-V", "5"]);
    assertEquals(received, { code: 0, stdout: "way/in by WebSocket\n", stderr: "" });
    const again = await tools.run("sub", [broker.url("unix"), "-t", "way/in", "-C", "1"]);
    assertEquals(again.stdout, "by WebSocket\n");
  });
}

scenario("a server that is not trusted is refused with exit code 8", async ({ tools, broker }) => {
  const at = ["-h", "127.0.0.1", "-p", new URL(broker.url("mqtts")).port, "-t", "a", "-m", "x"];
  const foreign = certificatePath("client_foreign.pem");
  return gist(await tools.run("pub", [...at, "--cafile", foreign, ...IDENTITY]));
}, (brooklet, mosquitto) => {
  // mosquitto's clients say "Protocol error" and 1 when the server closed first.
  assert(mosquitto.code > 0);
  assertEquals(brooklet.code, 8);
  assertMatch(brooklet.stderr ?? "", /^Error: A TLS error occurred\. \(.*certificate/);
});

const FAILURES: readonly { name: string; command: ToolCommand; args: readonly string[] }[] = [
  { name: "a file that is not there", command: "pub", args: ["-t", "a", "-f", "/nonexistent"] },
  { name: "an empty standard input", command: "pub", args: ["-t", "a", "-s"] },
  { name: "a socket that is not there", command: "pub", args: ["-t", "a", "-m", "x", "--unix", "/nonexistent"] },
  { name: "certificates that are not there", command: "sub", args: ["-t", "a", "--cafile", "/nonexistent"] },
  { name: "a password without a user name", command: "pub", args: ["-t", "a", "-m", "x", "-P", "p"] },
  {
    name: "an Authentication Method that nobody knows",
    command: "pub",
    args: ["-t", "a", "-m", "x", "-D", "connect", "authentication-method", "m"],
  },
];

for (const { name, command, args } of FAILURES) {
  scenario(`${command} says what is wrong with ${name}`, async ({ tools, at }) => {
    return gist(await tools.run(command, [...at, ...args]));
  }, (brooklet, mosquitto) => {
    assertEquals({ ...brooklet, stderr: "" }, { ...mosquitto, stderr: "" });
    assertStringIncludes(brooklet.stderr ?? "", mosquitto.stderr ?? "-"); // The Reason String may follow.
  });
}

for (const command of ["pub", "sub", "request"] as const) {
  const args = LEAST_ARGS[command];

  test(`${command} says that nobody listens there, as mosquitto's client does`, async () => {
    const [port = 0] = freePorts(1);
    const [ours, theirs] = await inTurn((tools) => tools.run(command, ["-p", `${port}`, ...args]));
    assertEquals(ours, theirs);
  });

  for (const version of ["31", "311", "5"]) {
    test(`${command} ends with what CONNACK said of a wrong password, ${version}`, async () => {
      const passwords = await passwordFile();
      await using broker = await Mosquitto.start(["allow_anonymous false", "password_file FOLDER/passwords"], {
        passwords,
      });
      const at = ["--unix", broker?.path ?? "", "-V", version];
      const [ours, theirs] = await inTurn((tools) => tools.run(command, [...at, ...args, "-u", "user", "-P", "wrong"]));
      assert(ours.code > 0);
      assertEquals(ours.code, theirs.code);
      // mosquitto_rr says "Unknown reason" to any return code of MQTT 3.1.1.
      if (command !== "request" || version === "5") assertEquals(gist(ours), gist(theirs));
    });
  }
}

test("pub takes the password from a file and from the environment", async () => {
  const passwords = await passwordFile();
  await using broker = await Mosquitto.start(["allow_anonymous false", "password_file FOLDER/passwords"], {
    passwords,
  });
  const tools = new ClientTools("Brooklet");
  const args = ["--unix", broker?.path ?? "", "-t", "a", "-m", "x", "-u", "user"];
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "secret\n");
  const silent = { code: 0, stdout: "", stderr: "" };
  assertEquals(await tools.run("pub", [...args, "--password-file", file]), silent);
  assertEquals(await tools.run("pub", args, "", { BROOKLET_PASSWORD: "secret" }), silent);
  assertEquals((await tools.run("pub", args, "", { BROOKLET_PASSWORD: "wrong" })).code, 5);
  await Deno.remove(file);
});

test("messages alone are on standard output, and what -d tells is not", async () => {
  await using broker = await BrookletBroker.start();
  const tools = new ClientTools("Brooklet");
  const at = ["-p", new URL(broker.url("mqtt")).port, "-t", "a", "-q", "1", "-d", "-i", "me"];
  const published = await tools.run("pub", [...at, "-m", "x", "-r"]);
  assertEquals([published.code, published.stdout], [0, ""]);
  assertMatch(published.stderr, /^Client me received CONNACK \(0\)\nClient me sending PUBLISH \(d0, q1, r1, m1, 'a'/);
  const received = await tools.run("sub", [...at, "-C", "1"]);
  assertEquals([received.code, received.stdout], [0, "x\n"]);
  assertMatch(received.stderr, /Subscribed \(mid: 1\): 1\nClient me received PUBLISH \(d0, q1, r1, m\d+, 'a'/);
});

for (const command of ["pub", "sub", "request"] as const) {
  test(`${command} --help prints its options, and -h is a host`, async () => {
    const tools = new ClientTools("Brooklet");
    const help = await tools.run(command, ["-t", "a", "--help"]);
    assertEquals([help.code, help.stderr], [0, ""]);
    assertStringIncludes(help.stdout, `Usage: brooklet ${command} [URL] -t `);
    const unknown = await tools.run(command, ["-h", "nobody.invalid", ...LEAST_ARGS[command]]);
    assertEquals([unknown.code, unknown.stdout], [1, ""]);
    assertMatch(unknown.stderr, /^Unable to connect \(.+\)\.\n$/);
  });
}

async function inTurn(run: (tools: ClientTools) => Promise<ToolOutcome>): Promise<[ToolOutcome, ToolOutcome]> {
  return [await run(new ClientTools("Brooklet")), await run(new ClientTools("mosquitto"))];
}

/** With `user` and `secret`. */
async function passwordFile(): Promise<string> {
  const path = await Deno.makeTempFile();
  await new Deno.Command("mosquitto_passwd", {
    args: ["-b", "-c", path, "user", "secret"],
    stdout: "null",
    stderr: "null",
  }).output();
  const text = await Deno.readTextFile(path);
  await Deno.remove(path);
  return text;
}
