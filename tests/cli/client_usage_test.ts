import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ArgumentError, parseClientArguments } from "../../src/cli/client/arguments.ts";
import { PUBLISH, REQUEST, SUBSCRIBE } from "../../src/cli/client/options.ts";
import { parsePublishCommand } from "../../src/cli/client/publish.ts";
import { parseRequestCommand } from "../../src/cli/client/request.ts";
import { parseSubscribeCommand } from "../../src/cli/client/subscribe.ts";
import { programTests } from "../interop/interop_tests.ts";
import { ClientTools, type ToolCommand } from "./client_tools.ts";
import { TestIo } from "./test_io.ts";

const test = programTests(["mosquitto_pub", "mosquitto_sub", "mosquitto_rr"]);
const COMMANDS = { pub: PUBLISH, sub: SUBSCRIBE, request: REQUEST };
const PARSERS = { pub: parsePublishCommand, sub: parseSubscribeCommand, request: parseRequestCommand };

async function parse(command: ToolCommand, args: readonly string[]) {
  return await PARSERS[command](parseClientArguments(COMMANDS[command], args), new TestIo({ input: "" }));
}

// Command lines that mosquitto's clients refuse, before they connect.
// deno-fmt-ignore
const REFUSED: Readonly<Record<ToolCommand, readonly (readonly string[])[]>> = {
  pub: [
    [], ["-t", "a"], ["-m", "x"], ["-t"], ["-t", "a", "-m"], ["-m", "x", "-h"], ["-m", "x", "-p"], ["-m", "x", "-u"], ["-m", "x", "--pw"],
    ["-m", "x", "--id"], ["-m", "x", "-q"], ["-f"], ["-L"], ["--unix"], ["-V"], ["--will-topic"], ["--will-payload"], ["--will-qos"],
    ["--cafile"], ["--capath"], ["--cert"], ["--key"], ["--repeat"], ["--repeat-delay"], ["-k"], ["-x"], ["-I"],
    ["-t", "a/+", "-m", "x"], ["-t", "#", "-m", "x"], ["-t", "a", "-m", "x", "-q", "3"], ["-t", "a", "-m", "x", "-q", "-1"],
    ["-t", "a", "-m", "x", "-f", "y"], ["-t", "a", "-m", "x", "-m", "y"], ["-t", "a", "-l", "-s"], ["-t", "a", "-n", "-l"],
    ["-t", "a", "-m", "x", "--nosuch"], ["-t", "a", "-m", "x", "extra"], ["-t", "a", "-m", "x", "-v"], ["-t", "a", "-m", "x", "-C", "1"],
    ["-t", "a", "-m", "x", "-p", "70000"], ["-t", "a", "-m", "x", "-p", "-1"], ["-t", "a", "-m", "x", "-k", "3"], ["-t", "a", "-m", "x", "-k", "65536"],
    ["-t", "a", "-m", "x", "-V", "6"], ["-t", "a", "-m", "x", "-i", "a", "-I", "b"], ["-t", "a", "-m", "x", "-c"],
    ["-t", "a", "-m", "x", "-c", "-V", "5"], ["-t", "a", "-m", "x", "-V", "5", "-x", "-1"], ["-t", "a", "-m", "x", "-V", "5", "-x", "∞"],
    ["-t", "a", "-m", "x", "-V", "5", "-x", "y"], ["-t", "a", "-m", "x", "-V", "5", "-x", "-2"], ["-t", "a", "-m", "x", "-V", "5", "-x", "4294967296"],
    ["-t", "a", "-m", "x", "--repeat", "0"], ["-t", "a", "-m", "x", "--repeat-delay", "-1"], ["-t", "a", "-m", "x", "-M", "0"],
    ["-t", "a", "-m", "x", "--will-payload", "y"], ["-t", "a", "-m", "x", "--will-retain"], ["-t", "a", "-m", "x", "--will-topic", "a/#"],
    ["-t", "a", "-m", "x", "--will-topic", "w", "--will-qos", "3"], ["-t", "a", "-m", "x", "--cert", "y"], ["-t", "a", "-m", "x", "--key", "y"],
    ["-L", "foo://a/b", "-m", "x"], ["-L", "a/b", "-m", "x"], ["-L", "mqtt://a", "-m", "x"], ["-L", "mqtt://a/b/+", "-m", "x"],
    ["-t", "a", "-m", "x", "-D"], ["-t", "a", "-m", "x", "-D", "publish", "content-type"], ["-t", "a", "-m", "x", "-D", "publish", "user-property", "k"],
    ["-t", "a", "-m", "x", "-D", "foo", "content-type", "x"], ["-t", "a", "-m", "x", "-D", "publish", "nosuch", "1"],
    ["-t", "a", "-m", "x", "-D", "publish", "will-delay-interval", "1"], ["-t", "a", "-m", "x", "-D", "connect", "content-type", "1"],
    ["-t", "a", "-m", "x", "-D", "puback", "user-property", "a", "b"], ["-t", "a", "-m", "x", "-D", "publish", "subscription-identifier", "1"],
    ["-t", "a", "-m", "x", "-D", "publish", "message-expiry-interval", "-1"], ["-t", "a", "-m", "x", "-D", "publish", "topic-alias", "65536"],
    ["-t", "a", "-m", "x", "-D", "publish", "content-type", "a", "-D", "publish", "content-type", "b"],
  ],
  sub: [
    [], ["-t"], ["-t", "a/#/b"], ["-t", "a+"], ["-t", "a", "-T", "#/a"], ["-t", "a", "-U", "#b"], ["-t", "a", "-m", "x"], ["-t", "a", "-r"],
    ["-t", "a", "-F"], ["-t", "a", "-F", "%"], ["-t", "a", "-F", "%z"], ["-t", "a", "-F", "%-0"], ["-t", "a", "-F", "%10"], ["-t", "a", "-F", "%1.2"],
    ["-t", "a", "-F", "x@"], ["-t", "a", "-F", "\\"], ["-t", "a", "-F", "\\q"], ["-t", "a", "-F", "%5.5y"],
    ["-t", "a", "-C", "0"], ["-t", "a", "-C", "-2"], ["-t", "a", "-C"], ["-t", "a", "-W", "0"], ["-t", "a", "-W"],
    ["-t", "a", "--random-filter", "0"], ["-t", "a", "-c"], ["-U", "a"],
    ["-L", "mqtt://a/#/b"], ["-t", "a", "-q", "7"], ["-t", "a", "-e", "b"],
  ],
  request: [
    [], ["-t", "a", "-e", "b"], ["-t", "a", "-m", "x"], ["-e", "b", "-m", "x"], ["-t", "a/+", "-e", "b", "-m", "x"], ["-t", "a", "-e", "b/#", "-m", "x"],
    ["-t", "a", "-e", "b", "-l"], ["-t", "a", "-e", "b", "-m", "x", "-C", "1"], ["-t", "a", "-e", "b", "-m", "x", "-W", "0"], ["-e"],
    ["-t", "a", "-e", "b", "-m", "x", "--retained-only"], ["-t", "a", "-e", "b", "-m", "x", "-F", "%"],
  ],
};

for (const command of ["pub", "sub", "request"] as const) {
  test(`${command} refuses what mosquitto's client refuses, in its words`, async () => {
    const mosquitto = new ClientTools("mosquitto");
    for (const args of REFUSED[command]) {
      const { code, stderr } = await mosquitto.run(command, args, "", { XDG_CONFIG_HOME: "/nonexistent" });
      assertEquals(code, 1, `${args}`);
      const { message } = await assertRejects(() => parse(command, args), ArgumentError, "", `${args}`);
      assertEquals(
        `Error: ${message}`.replace("Error: in ", "Error in "),
        stderr.trimStart().split("\n")[0] ?? "",
        `${args}`,
      );
    }
  });
}

// Where Brooklet is stricter, or has something that mosquitto has not.
const REFUSED_HERE: readonly (readonly [ToolCommand, readonly string[], string])[] = [
  ["pub", ["-t", "", "-m", "x"], "Invalid publish topic '', does it contain '+' or '#'?"],
  ["pub", ["-t", "a", "-m", "x", "-p", "1x"], "Invalid port given: 1x"],
  ["pub", ["-t", "a", "-m", "x", "-q", "one"], "Invalid QoS given: one"],
  ["pub", ["-t", "a", "-m", "x", "-h", "a b"], "Invalid host given: a b"],
  ["pub", ["-t", "a", "-m", "x", "-h", "user@host"], "Invalid host given: user@host"],
  ["pub", ["-t", "a", "-m", "x", "--psk", "00"], "Option '--psk' is not supported."],
  ["pub", ["-t", "a", "-m", "x", "--proxy", "socks5h://h"], "Option '--proxy' is not supported."],
  ["pub", ["mqtt://user:secret@/a", "-m", "x"], "Invalid URL 'mqtt://***@/a' - host missing."],
  ["pub", ["mqtt://h:0/a", "-m", "x"], "Invalid port given: 0"],
  [
    "pub",
    ["-t", "a", "-m", "x", "-D", "publish", "payload-format-indicator", "2"],
    "Property value (2) out of range for property payload-format-indicator.",
  ],
  [
    "pub",
    ["-t", "a", "-m", "x", "-D", "publish", "message-expiry-interval", "1h"],
    "Property value (1h) out of range for property message-expiry-interval.",
  ],
  ["pub", ["-t", "a", "-m", "x", "-o", "/nonexistent"], 'Unable to open file "/nonexistent".'],
  ["sub", ["-t", "a", "-F", "%99999999t"], "Invalid format width 99999999."],
  ["sub", ["-t", "a", "-R", "--retained-only"], "Combining '-R' and '--retained-only' makes no sense."],
  ["sub", ["-t", "a", "--random-filter", "101"], "--random-filter chance must be between 0.1-100.0"],
  ["sub", ["-t", "a", "-W", "2147484"], 'Invalid timeout "2147484".'],
  [
    "request",
    ["-t", "a", "-e", "b", "-m", "x", "-D", "publish", "response-topic", "c"],
    "in PUBLISH properties: Duplicate response topic.",
  ],
];

for (const [command, args, message] of REFUSED_HERE) {
  Deno.test(`${command} refuses ${args.join(" ")}`, async () => {
    const error = await assertRejects(() => parse(command, args), ArgumentError);
    assertEquals(error.message, message);
  });
}

// deno-fmt-ignore
const ADDRESSES: readonly (readonly [readonly string[], string, readonly string[]])[] = [
  [[], "mqtt://localhost", ["t"]],
  [["-h", "example.com", "-p", "1884"], "mqtt://example.com:1884", ["t"]],
  [["-h", "::1"], "mqtt://[::1]", ["t"]],
  [["-p", "8883"], "mqtts://localhost:8883", ["t"]],
  [["--tls-use-os-certs"], "mqtts://localhost", ["t"]],
  [["mqtts://example.com"], "mqtts://example.com", ["t"]],
  [["mqtt://u:p%40ss@[::1]:99/a/#"], "mqtt://[::1]:99", ["t", "a/#"]],
  [["ws://example.com:8083/a/b?c=d%20"], "ws://example.com:8083/mqtt", ["t", "a/b?c=d%20"]],
  [["ws://example.com/x", "--ws-path", "/ws"], "ws://example.com/ws", ["t", "x"]],
  [["ws://example.com/x", "--tls-use-os-certs"], "wss://example.com/mqtt", ["t", "x"]],
  [["-L", "MQTT://example.com//leading"], "mqtt://example.com", ["t", "/leading"]],
  [["--unix", "/run/a b%.sock"], "unix:/run/a%20b%25.sock", ["t"]],
  [["unix:/run/x"], "unix:/run/x", ["t"]],
  [["ws+unix:/run/x:/mqtt?a=b"], "ws+unix:/run/x:/mqtt?a=b", ["t"]],
];

for (const [args, address, topics] of ADDRESSES) {
  Deno.test(`sub connects to ${address} with ${args.join(" ")}`, async () => {
    const options = await parse("sub", ["-t", "t", ...args]);
    assertEquals([options.address, options.topics], [address, topics]);
  });
}

Deno.test("a URL gives User Name and Password, and options go before them", async () => {
  const url = "mqtt://us%20er:p%3a%2f:%@host/t";
  const { userName, password } = (await parse("sub", [url])).connect;
  assertEquals([userName, password], ["us er", "p%3a%2f:%"]); // No escapes where one of them is none.
  const { connect } = await parse("sub", ["mqtt://us%20er:p%3a@host/t", "-u", "other"]);
  assertEquals([connect.userName, connect.password], ["other", "p:"]);
});

Deno.test("options of a file come before those of the command line", async () => {
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "# comment\n-h example.com\n\n-q 2\n-t a b\n-D connect user-property k v\n-v\n");
  const options = await parse("sub", ["-q", "1", "-o", file]);
  assertEquals([options.address, options.qos, options.topics], ["mqtt://example.com", 1, ["a b"]]);
  assertEquals(options.connect.properties, { userProperties: [["k", "v"]] });
  await Deno.remove(file);
});

Deno.test("a session is kept with -c only, and for as long as -x says", async () => {
  const session = async (...args: string[]) => {
    const { cleanStart, sessionExpirySeconds } = (await parse("sub", ["-t", "a", "-i", "me", ...args])).connect;
    return [cleanStart, sessionExpirySeconds];
  };
  assertEquals(await session(), [true, 0]);
  assertEquals(await session("-c"), [false, 0]); // MQTT 3.1.1 has no expiry interval.
  assertEquals(await session("-V", "5"), [true, 0]);
  assertEquals(await session("-V", "5", "-c"), [false, 0xffff_ffff]);
  assertEquals(await session("-V", "5", "-c", "-x", "60"), [false, 60]);
  assertEquals(await session("-V", "5", "-x", "60"), [true, 60]);
});

Deno.test("An unknown long option gets the one that was probably meant", () => {
  const complaintAbout = (option: string) =>
    assertThrows(() => parseClientArguments(PUBLISH, ["-t", "a", option, "5"]), ArgumentError).message;
  assertEquals(complaintAbout("--prot"), "Unknown option '--prot'. Did you mean '--port'?");
  assertEquals(complaintAbout("--protocol"), "Unknown option '--protocol'. Did you mean '--protocol-version'?");
  assertEquals(complaintAbout("--xylophone"), "Unknown option '--xylophone'.");
});
