import { assert, assertEquals, assertGreater } from "@std/assert";
import { within } from "../deadline.ts";
import { isInstalled, testsUnless } from "../installed.ts";
import { Lines } from "../interop/lines.ts";
import { connect, packet, publish, RawClient, text } from "../interop/raw_client.ts";
import { LOOPBACK } from "./program.ts";
import { ProgramInProcess } from "./program_in_process.ts";
import { factsByClient, scenario } from "./verbose_scenario.ts";

const NEEDS = ["mosquitto", "mosquitto_pub", "mosquitto_sub"];
const missing = NEEDS.filter((program) => !isInstalled(program));
const testWithMosquitto = testsUnless(missing.length > 0 ? `not installed: ${missing.join(", ")} (Debian)` : undefined);

testWithMosquitto(
  "seed 3-2: brooklet -v prints the facts of mosquitto -v for the same scenario",
  async () => {
    const [expected, actual] = await Promise.all([mosquittoFacts(), brookletFacts()]);
    assertEquals(Object.keys(actual).sort(), Object.keys(expected).sort());
    assertGreater(Object.keys(actual).length, 20);
    for (const [client, facts] of Object.entries(expected)) {
      assertEquals(
        actual[client],
        facts,
        `Lines about ${client}`,
      );
    }
  },
);

Deno.test("brooklet -v writes what clients choose as one line without control characters", async () => {
  await using program = await ProgramInProcess.listening([...LOOPBACK, "-v"]);
  const port = await program.port();
  const evil = "x\r\n2026-01-01T00:00:00Z: forged\u001b[2J\u0085\u2028\u202e";
  {
    using client = await RawClient.open({ port });
    await client.send(
      packet("10", text("MQTT"), "04 86 003c", text(evil), text(evil), text("will"), text(evil)),
      packet("82", "0001", text(evil), "00"),
      publish({ topic: evil, payload: "x" }),
      packet("a2", "0002", text(evil)),
      packet("36", text(evil), "0001"),
    );
    await client.closed();
  }
  program.kill("SIGTERM");
  const { stderr } = await program.ended();
  const lines = stderr.filter((line) => line.includes("forged"));
  assertEquals(lines.length, 14, lines.join("\n")); // All about it but "New connection".
  for (const line of stderr) {
    assert(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ: \t?[\x20-\x7e]*$/.test(line), JSON.stringify(line));
  }
});

Deno.test("brooklet -v shows neither passwords nor payloads", async () => {
  await using program = await ProgramInProcess.listening([...LOOPBACK, "-v"]);
  const port = await program.port();
  const secret = "open-sesame";
  const connectSecretly = packet(
    "10",
    text("MQTT"),
    "04c6 003c",
    text("c"),
    text("will"),
    text(secret),
    text("user"),
    text(secret),
  );
  {
    using client = await RawClient.open({ port });
    await client.send(
      connectSecretly,
      packet("82", "0001", text("#"), "02"),
      publish({ topic: "t", payload: secret, qos: 1, retain: true }),
      publish({ topic: "t", payload: secret, qos: 2 }),
      connectSecretly, // A protocol error.
    );
    await client.closed();
    using malformed = await RawClient.open({ port });
    await malformed.send(connectSecretly.replace("04c6", "04c7"));
    await malformed.closed();
  }
  program.kill("SIGTERM");
  const { stderr, stdout } = await program.ended();
  const printed = [...stderr, ...stdout].join("\n");
  assert(printed.includes("u'user'") && printed.includes("Received PUBLISH from c"), printed);
  assert(!printed.includes(secret), printed);
});

/** A conversation that ends badly, and the line that must say so. */
const ENDS: readonly { name: string; hex: readonly string[]; isVerbose: boolean; line: RegExp }[] = [
  {
    name: "a first packet that is not CONNECT, with the address",
    hex: ["c0 00"],
    isVerbose: false,
    line: /Client <unknown> \[ADDRESS\] disconnected due to protocol error: The first packet is not CONNECT /,
  },
  {
    name: "a malformed packet, with client, address, clause and bytes",
    hex: [connect({ clientId: "guest" }), packet("36", text("t"), "0001")],
    isVerbose: false,
    line:
      /Client guest \[ADDRESS\] disconnected due to malformed packet: PUBLISH has QoS 3 .*\[MQTT-3\.3\.1-4\] \(it begins with 36050001\)\. See docs\/troubleshooting\.md#malformed-packet$/,
  },
  {
    name: "a refused Client Identifier, with the return code of 3.1.1",
    hex: [connect({ clientId: "", cleanStart: false })],
    isVerbose: true,
    line: /Sending CONNACK to ADDRESS \(0, 2\)$/,
  },
  {
    name: "an unknown level, with the Reason Code of MQTT 5",
    hex: ["10 0d 0004 4d515454 06 02 003c 00 0000"],
    isVerbose: true,
    line: /Sending CONNACK to ADDRESS \(0, 132\)$/,
  },
];

for (const { name, hex, isVerbose, line } of ENDS) {
  Deno.test(`brooklet${isVerbose ? " -v" : ""} tells of ${name}`, async () => {
    await using program = await ProgramInProcess.listening(isVerbose ? [...LOOPBACK, "-v"] : LOOPBACK);
    using client = await RawClient.open({ port: await program.port() });
    await client.send(...hex);
    await client.closed();
    await program.stderr.matching(new RegExp(line.source.replace("ADDRESS", "127\\.0\\.0\\.1:\\d+")));
  });
}

Deno.test("brooklet -v names the identifier that it assigned", async () => {
  await using program = await ProgramInProcess.listening([...LOOPBACK, "-v"]);
  using client = await RawClient.connect({ port: await program.port() }, { clientId: "" });
  await client.expectSilence();
  await program.stderr.matching(
    /New client connected from 127\.0\.0\.1:\d+ as auto-[0-9a-f-]{36} \(p4, c1, k60\)\.$/,
  );
});

async function brookletFacts(): Promise<Record<string, string[]>> {
  await using program = await ProgramInProcess.listening([...LOOPBACK, "-v"]);
  await scenario(await program.port(), program.stderr);
  return factsByClient(program.stderr.received);
}

async function mosquittoFacts(): Promise<Record<string, string[]>> {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const child = new Deno.Command("mosquitto", {
    args: ["-v", "-p", `${port}`],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const log = new Lines(child.stderr);
  try {
    await log.matching(/ running$/);
    await scenario(port, log);
    return factsByClient(log.received);
  } finally {
    child.kill("SIGTERM");
    await within(child.status, "mosquitto to end");
    await log.ended;
  }
}
