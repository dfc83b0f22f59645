/** At which addresses listeners of a mosquitto.conf are, beside mosquitto itself. */

import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { Mosquitto } from "../../auth/mosquitto.ts";
import { within } from "../../deadline.ts";
import { programTests } from "../../interop/interop_tests.ts";
import { bytes, connect } from "../../interop/raw_client.ts";
import { ProgramInProcess } from "../program_in_process.ts";
import { ConfigurationFolder } from "./written_file.ts";

/** Lines, with `P` for a port of their own, and who hears CONNACK there: clients of IPv4, of IPv6. */
const TOGETHER: readonly (readonly [lines: string, served: readonly [ipv4: boolean, ipv6: boolean]])[] = [
  ["listener P", [true, true]],
  ["listener P ::", [false, true]],
  ["listener P\nsocket_domain ipv6", [false, true]],
  ["listener P\nsocket_domain ipv4", [true, false]],
  ["listener P 0.0.0.0", [true, false]],
  ["listener P ::1", [false, true]],
  ["listener P ::\nlistener P 0.0.0.0", [true, true]],
  ["listener P 0.0.0.0\nlistener P ::", [true, true]],
  ["listener P ::\nlistener P 127.0.0.1", [true, true]],
  ["listener P ::\nlistener P 127.0.0.2", [false, true]],
  ["listener P\nsocket_domain ipv6\nlistener P\nsocket_domain ipv4", [true, true]],
];
/** With these neither broker starts. */
const NOT_TOGETHER: readonly string[] = [
  "listener P\nlistener P 127.0.0.1",
  "listener P\nlistener P ::",
  "listener P 0.0.0.0\nlistener P",
  "listener P 127.0.0.1\nlistener P 0.0.0.0",
  "listener P ::\nlistener P ::1",
  "listener P ::\nsocket_domain ipv6\nlistener P\nsocket_domain ipv6",
];
const ANONYMOUS = "allow_anonymous true";

const test = programTests(["mosquitto"]);

test("Listeners are at the addresses at which those of mosquitto are, several at one port too", async () => {
  const [ofMosquitto, own] = [freePorts(TOGETHER.length), freePorts(TOGETHER.length)];
  const written = (ports: readonly number[]) =>
    TOGETHER.flatMap(([lines], index) => at(lines, ports[index]).split("\n"));
  await using mosquitto = await Mosquitto.start(written(ofMosquitto), {}, [ANONYMOUS]);
  assertNotEquals(mosquitto, undefined);
  using folder = new ConfigurationFolder();
  const file = folder.write("mosquitto.conf", [ANONYMOUS, ...written(own), ""].join("\n"));
  await using program = new ProgramInProcess(["--config", file]);
  const count = TOGETHER.join("\n").match(/\blistener /g)?.length ?? 0;
  await program.stderr.matching(/listening on /, count, 15_000);
  for (const [index, [lines, served]] of TOGETHER.entries()) {
    assertEquals([lines, await whoIsServed(ofMosquitto[index])], [lines, [...served]]);
    assertEquals([lines, await whoIsServed(own[index])], [lines, [...served]]);
  }
  await program.stderr.matching(/Connection from 127\.0\.0\.1:\d+ refused: the listener is for IPv6 alone\./);
});

for (const lines of NOT_TOGETHER) {
  test(`One port is not for two listeners, as in mosquitto, with ${lines.replaceAll("\n", ", ")}`, async () => {
    const written = at(lines, freePorts(1)[0]);
    assertEquals(await Mosquitto.start(written.split("\n"), {}, [ANONYMOUS]), undefined);
    using folder = new ConfigurationFolder();
    const [complaint = ""] = folder.complaints("mosquitto.conf", `${ANONYMOUS}\n${written}\n`);
    assertMatch(complaint, /^mosquitto\.conf:\d+: Cannot listen on .* already$/);
  });
}

function at(lines: string, port = 0): string {
  return lines.replace(/\bP\b/g, `${port}`);
}

async function whoIsServed(port = 0): Promise<[ipv4: boolean, ipv6: boolean]> {
  return [await isServed("127.0.0.1", port), await isServed("::1", port)];
}

/** Whether a client gets CONNACK. */
async function isServed(hostname: string, port: number): Promise<boolean> {
  try {
    using connection = await Deno.connect({ hostname, port });
    await connection.write(bytes(connect({ clientId: "a" })));
    const buffer = new Uint8Array(4);
    const length = await within(connection.read(buffer), "an answer or the end");
    return length === 4 && buffer[0] === 0x20;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.ConnectionReset) return false;
    throw error;
  }
}

function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "::", port: 0 }));
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}
