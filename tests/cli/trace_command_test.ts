import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Capture } from "../../src/admin/dissect/pcapng.ts";
import { fromHex } from "../codec/hex.ts";
import { brooklet } from "./test_io.ts";

const PACKETS: readonly [isSent: boolean, hex: string][] = [
  [false, "10 [ 'MQTT' 05 c2 003c 00 'page-1' 'user' 'secret' ]"],
  [true, "20 [ 00 00 00 ]"],
  [false, "36 [ 'a' 0001 00 ]"],
];

/** A capture with one conversation, of which the last packet is malformed. */
async function capture(): Promise<string> {
  const path = await Deno.makeTempFile({ suffix: ".pcapng" });
  const client = { address: "10.0.0.7", port: 4431 };
  const connection = { listener: "mqtt://127.0.0.1:1883", client, broker: { address: "127.0.0.1", port: 1883 } };
  const file = new Capture();
  const records = PACKETS.map(([isSent, hex], index) =>
    file.add({ timeMs: 1_796_000_000_000 + index * 2, connection, isSent, bytes: fromHex(hex) })
  );
  await Deno.writeFile(path, Uint8Array.from([file.begin(), ...records].flatMap((part) => [...part])));
  return path;
}

async function traced(options: readonly string[]) {
  const path = await capture();
  try {
    return await brooklet(["trace", ...options, path]);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("brooklet trace prints the packets of a capture", async () => {
  const { code, stdout } = await traced([]);
  assertEquals(code, 0);
  assertEquals(stdout.trimEnd().split("\n"), [
    '    1    0.000 10.0.0.7:4431 ▸ CONNECT v5 "page-1" keep alive 60 s [35 B]',
    "    2    0.002 10.0.0.7:4431 ◂ CONNACK Success [5 B, answers 1 after 2.0 ms]",
    "    3    0.004 10.0.0.7:4431 ▸ PUBLISH malformed: PUBLISH has QoS 3 (MalformedPacket) [MQTT-3.3.1-4] [8 B]",
  ]);
});

Deno.test("brooklet trace --tree prints fields and faults, and hides the password", async () => {
  const { stdout } = await traced(["--tree"]);
  for (
    const line of [
      "        Client ID: page-1\n",
      "        Password Length: 6\n        Password: ******\n",
      "    Malformed at byte 0 (36): PUBLISH has QoS 3 (MalformedPacket) [MQTT-3.3.1-4]\n",
      "    Answer of Brooklet: DISCONNECT 0x81 (Malformed Packet), then the connection closes\n",
    ]
  ) {
    assertStringIncludes(stdout, line);
  }
  assert(!stdout.includes("secret"));
});

Deno.test("brooklet trace --client prints one client", async () => {
  assertEquals((await traced(["--client", "10.0.0.8"])).stdout, "");
  for (const client of ["10.0.0.7", "10.0.0.7:4431", "page-1"]) {
    assertEquals((await traced(["-c", client])).stdout.split("\n").length, 4);
  }
});

for (
  const [args, message] of [
    [[], 'brooklet: Write "brooklet trace FILE", such as "brooklet trace capture.pcapng"'],
    [["/nowhere.pcapng"], 'brooklet: Cannot read "/nowhere.pcapng"'],
    [[new URL(import.meta.url).pathname], "it is neither pcap nor pcapng"],
  ] as const
) {
  Deno.test(`brooklet trace ${args.length === 0 ? "without a file" : args.join(" ")}: exit code 2`, async () => {
    const { code, stderr } = await brooklet(["trace", ...args]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, message);
  });
}
