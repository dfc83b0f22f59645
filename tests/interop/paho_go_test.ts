import { assertEquals, assertMatch, fail } from "@std/assert";
import { testsAtOnce } from "../at_once.ts";
import { inForm } from "../form.ts";
import type { BrokerProcess } from "./broker_process.ts";
import { ClientProgram } from "./client_program.ts";
import { goProgram } from "./go_program.ts";
import { interopTests } from "./interop_tests.ts";
import { WEB_SOCKET } from "./listeners.ts";
import type { Address } from "./raw_client.ts";
import { RecordingProxy, type Segment } from "./recording_proxy.ts";

const test = interopTests(["go"], WEB_SOCKET, testsAtOnce);
const program = goProgram({ build: "program" });
const WATCH_SECONDS = inForm(6, 20);
const KEEP_ALIVE_SECONDS = inForm(2, 5);

test.own(
  `seed 0-1 to 0-6: paho.mqtt.golang stays for ${WATCH_SECONDS} s with Keep Alive ${KEEP_ALIVE_SECONDS}, and is told of the end`,
  async (broker) => {
    const proxy = new RecordingProxy(await webSocket(broker));
    try {
      await withGoClient(proxy, async (client) => {
        // The library looks at its clock twice in a Keep Alive, so it pings 1 or 1.5 times that after its last packet.
        await Promise.all([aWhile(), client.lines.matching(/^PINGRESP$/, 3, 25_000)]);
        await broker.stderr.matching(/Received PINGREQ from/, 3);
        await broker.stop();
        const output = await client.output();
        assertEquals(output.filter((line) => !["PINGRESP", "Published"].includes(line)).slice(0, -1), [
          ...["Connected", "/World hello, QoS 0", "/World hello, QoS 1", "/World hello, QoS 2"],
        ]);
        assertMatch(output.at(-1) ?? "", /^Connect lost: websocket: close 1001 \(going away\)/); // Seed 0-10.
      });
    } finally {
      await proxy[Symbol.asyncDispose]();
    }
    const { head, frames } = answerOf(proxy.segments);
    assertMatch(head, /^HTTP\/1\.1 101 /);
    assertEquals(head.match(/^sec-websocket-protocol:.*$/gim), ["Sec-WebSocket-Protocol: mqtt"]);
    const pingResponses = frames.filter((frame) => frame === "8202d000").length;
    assertEquals(pingResponses >= 3, true, `${pingResponses} frames that are a PINGRESP`);
    // Whole, unmasked and binary, CONNACK first; no ping of WebSocket, and close at the end.
    assertEquals(frames[0], "820420020000");
    assertEquals(new Set(frames.slice(0, -1).map((frame) => frame.slice(0, 2))), new Set(["82"]));
    assertEquals(frames.at(-1)?.slice(0, 2), "88");
  },
  ["-v", ...WEB_SOCKET],
);

test.own("seed 0-10: paho.mqtt.golang gets a clean error when the broker is killed", async (broker) => {
  await withGoClient(await webSocket(broker), async (client) => {
    await broker.kill();
    assertMatch((await client.output()).at(-1) ?? "", /^Connect lost: .*(?:EOF|reset|1006)/);
  });
});

test.own("paho.mqtt.golang leaves with DISCONNECT", async (broker) => {
  await withGoClient(await webSocket(broker), async (client) => {
    assertEquals((await client.leave()).at(-1), "Disconnected");
    await broker.stderr.matching(/Received DISCONNECT from/);
  });
}, ["-v", ...WEB_SOCKET]);

/** Runs the client at the address of article 000, which has no path. */
async function withGoClient({ port }: Address, use: (client: ClientProgram) => Promise<void>): Promise<void> {
  await using client = new ClientProgram(await program(), [`ws://127.0.0.1:${port}`, `${KEEP_ALIVE_SECONDS}`]);
  await client.lines.matching(/^\/World hello, QoS [012]$/, 3);
  await client.lines.matching(/^Published$/);
  await use(client);
}

async function webSocket(broker: BrokerProcess): Promise<Address> {
  return { port: Number(new URL(await broker.url("ws")).port) };
}

/** The head of the answer, and the frames behind it as hex; no frame here is longer than 125 bytes. */
function answerOf(segments: readonly Segment[]): { readonly head: string; readonly frames: readonly string[] } {
  const bytes = segments.flatMap((segment) => segment.isByClient ? [] : [...segment.bytes]);
  const head = String.fromCharCode(...bytes).split("\r\n\r\n", 1).join();
  const frames: string[] = [];
  for (let at = head.length + 4; at < bytes.length;) {
    const length = bytes[at + 1] ?? fail("a frame has no length");
    if (length > 125) fail(`a frame is masked or long: ${length}`);
    frames.push(Uint8Array.from(bytes.slice(at, at + 2 + length)).toHex());
    at += 2 + length;
  }
  return { head, frames };
}

/** Here the passing of time itself is what is tested. */
function aWhile(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, WATCH_SECONDS * 1_000));
}
