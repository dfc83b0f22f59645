import { assertEquals } from "@std/assert";
import { ReasonCode } from "../../mod.ts";
import { MosquittoBroker } from "../client/mosquitto_broker.ts";
import { within } from "../deadline.ts";
import { programTests } from "../interop/interop_tests.ts";
import { MosquittoSub, publish } from "../interop/mosquitto_clients.ts";
import { BrookletBroker, ClientTools, scenario } from "./client_tools.ts";

const test = programTests(["mosquitto", "mosquitto_pub", "mosquitto_sub", "stdbuf"]);

for (const version of ["311", "5"]) {
  scenario(`the Will of a sub that is killed is published, ${version}`, async ({ tools, at, port }) => {
    await publish({ port }, ["-t", "ready", "-r", "-m", "ready"]);
    await using watcher = await MosquittoSub.start({ port }, ["-t", "will/#", "-q", "2", "-V", "5"], "%t %q %r %p %C");
    const will = [
      "--will-topic",
      "will/1",
      "--will-payload",
      "gone",
      "--will-qos",
      "1",
      "--will-retain",
      "-V",
      version,
    ];
    const properties = version === "5" ? ["-D", "will", "content-type", "text"] : [];
    await using subscriber = tools.startProcess("sub", [...at, "-t", "ready", ...will, ...properties]);
    await subscriber.stdout.matching(/^ready$/);
    subscriber.signal("SIGKILL");
    return await watcher.messages(1);
  }, (brooklet, mosquitto) => assertEquals(brooklet, mosquitto));

  scenario(`a sub that SIGINT ends says DISCONNECT, ${version}`, async ({ tools, at, port }) => {
    await publish({ port }, ["-t", "ready", "-r", "-m", "ready"]);
    await using watcher = await MosquittoSub.start({ port }, ["-t", "will/#", "-q", "2"]);
    const will = ["--will-topic", "will/1", "--will-payload", "gone", "-V", version];
    await using subscriber = tools.start("sub", [...at, "-t", "ready", ...will]);
    await subscriber.stdout.matching(/^ready$/);
    subscriber.signal("SIGINT");
    const ending = await subscriber.ended();
    await publish({ port }, ["-t", "will/end", "-m", "end", "-q", "2"]);
    return { ending, published: await watcher.until("end") }; // With MQTT 5 both ask for the Will.
  }, (brooklet, mosquitto) => assertEquals(brooklet, mosquitto));
}

test("a pub that SIGINT ends has sent the lines before it, and says DISCONNECT", async () => {
  await using broker = await BrookletBroker.start();
  const { port } = new URL(broker.url("mqtt"));
  await using watcher = await MosquittoSub.start({ port: Number(port) }, ["-t", "#", "-q", "2"]);
  const will = ["--will-topic", "will", "--will-payload", "gone"];
  await using publisher = new ClientTools("Brooklet").startProcess("pub", [
    "-p",
    port,
    "-t",
    "lines",
    "-l",
    "-q",
    "1",
    ...will,
  ]);
  await publisher.tell("one\ntwo");
  assertEquals(await watcher.messages(2), ["one", "two"]);
  publisher.signal("SIGINT");
  assertEquals(await publisher.ended(), { code: 130, signal: null, stdout: [], stderr: [] });
  await publish({ port: Number(port) }, ["-t", "end", "-m", "end", "-q", "2"]);
  assertEquals(await watcher.until("end"), ["one", "two"]);
});

scenario("sub ends quietly when nobody reads what it prints", async ({ tools, at, port }) => {
  await publish({ port }, ["-t", "pipe", "-r", "-m", "first"]);
  const command = `exec 3>&1; { ${tools.programs.sub} ${
    at.join(" ")
  } -t pipe -q 1 & echo $! >&3; wait $!; echo "code $?" >&3; } | head -1 >&3`;
  const child = new Deno.Command("bash", {
    args: ["-c", command],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const output = child.output();
  // The first line closes the pipe, and a later one finds out.
  const ended = new AbortController();
  const publishing = (async () => {
    while (!ended.signal.aborted) await publish({ port }, ["-t", "pipe", "-m", "next", "-q", "1"]);
  })();
  const { stdout, stderr } = await within(output, "the pipe to end", 20_000);
  ended.abort();
  await publishing;
  return { lines: new TextDecoder().decode(stdout).split("\n").slice(1), stderr: new TextDecoder().decode(stderr) };
}, (brooklet, mosquitto) => {
  assertEquals(brooklet, mosquitto);
  assertEquals(brooklet, { lines: ["first", "code 0", ""], stderr: "" });
});

test("pub -l goes on with its lines when the broker is back", async () => {
  await using broker = await MosquittoBroker.start();
  const { port } = new URL(broker.url("mqtt"));
  await using watcher = new ClientTools("Brooklet").start("sub", [
    "-p",
    port,
    "-t",
    "#",
    "-q",
    "1",
    "-c",
    "-i",
    "watcher",
  ]);
  await using publisher = new ClientTools("Brooklet").start("pub", ["-p", port, "-t", "lines", "-l", "-q", "1", "-d"]);
  await publisher.stderr.matching(/received CONNACK/);
  await publish({ port: Number(port) }, ["-t", "ready", "-m", "ready", "-r"]);
  await watcher.stdout.matching(/^ready$/);
  await publisher.tell("one");
  await watcher.stdout.matching(/^one$/);
  await broker.stop();
  await publisher.stderr.matching(/lost its connection/);
  await publisher.tell("two");
  await broker.run();
  await watcher.stdout.matching(/^two$/, 1, 20_000);
  await publisher.closeInput();
  assertEquals((await publisher.ended()).code, 0);
});

test("sub ends with what the server says when it sends it away, or refuses it later", async () => {
  let isLetIn = true;
  await using broker = await BrookletBroker.start({
    authenticator: {
      authenticate: () => isLetIn ? { isAccepted: true } : { isAccepted: false, reasonCode: ReasonCode.NotAuthorized },
    },
  });
  const { port } = new URL(broker.url("mqtt"));
  const tools = new ClientTools("Brooklet");
  const start = async (version: string) => {
    const subscriber = tools.start("sub", ["-p", port, "-t", "a", "-i", "me", "-V", version, "-d"]);
    await subscriber.stderr.matching(/^Subscribed/);
    return subscriber;
  };
  await using newer = await start("5");
  await using older = await start("311"); // Takes the session over.
  const sentAway = await newer.ended();
  assertEquals([sentAway.code, sentAway.stderr.at(-1)], [
    0x8e,
    "Connection error: Session taken over: another connection has the same Client Identifier",
  ]);
  isLetIn = false;
  assertEquals((await tools.run("sub", ["-p", port, "-t", "a", "-E"])).code, 5);
  isLetIn = true;
  await using third = await start("5");
  isLetIn = false; // `older` comes back, because 3.1.1 does not say why it was closed.
  const refused = await older.ended();
  assertEquals([refused.code, refused.stderr.at(-1)], [5, "Connection error: Connection Refused: not authorised."]);
  third.signal("SIGINT");
  assertEquals((await third.ended()).code, 0);
});
