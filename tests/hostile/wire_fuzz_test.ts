import { assert, assertEquals, assertLess } from "@std/assert";
import { encodePacket } from "../../src/codec/encoder.ts";
import { randomPacket } from "../codec/random_packet.ts";
import { LOOPBACK, Program } from "../cli/program.ts";
import { within } from "../deadline.ts";
import { bytes, connect, RawClient } from "../interop/raw_client.ts";
import type { Seeded } from "../seeded.ts";
import { inForm } from "../form.ts";
import { Stopwatch } from "../stopwatch.ts";
import { CAN_MEASURE, printFigure } from "./broker_child.ts";
import { readToEnd, writeAll } from "./sockets.ts";
import { withSeed } from "./with_seed.ts";

const FUZZ_MS = Number(Deno.env.get("FUZZ_MS") ?? inForm(1_000, 2_000));
const LEAST_CONVERSATIONS = 50;
const CLIENTS_AT_ONCE = 8;
const MOST_ROUND_TRIP_MS = 3_000;
const MOST_GROWTH_BYTES = 64_000_000;

Deno.test("hostile bytes of any kind do not end, stop or fill the broker, which tells all of it with -v", async () => {
  await using program = await Program.listening([...LOOPBACK, "-v"]);
  const port = await program.port();
  using good = await RawClient.connect({ port }, { clientId: "good", keepAliveSeconds: 0 });
  const startedMs = performance.now();
  const endMs = startedMs + FUZZ_MS;
  let warm: number | undefined;
  let conversations = 0;
  const roundTripsMs: number[] = [];
  await withSeed(async (random) => {
    const talk = async () => {
      while (performance.now() < endMs || conversations < LEAST_CONVERSATIONS) {
        await within(converse(port, random), "a hostile conversation to end", MOST_ROUND_TRIP_MS * 2);
        conversations += 1;
        if (performance.now() - startedMs > FUZZ_MS / 2) warm ??= await residentBytes(program);
      }
    };
    const ping = async () => {
      while (performance.now() < endMs) {
        const stopwatch = new Stopwatch(program.pid);
        await good.expectSilence();
        roundTripsMs.push(stopwatch.ms());
      }
    };
    await Promise.all([ping(), ...Array.from({ length: CLIENTS_AT_ONCE }, talk)]);
  });
  const grown = await residentBytes(program) - (warm ?? 0);
  roundTripsMs.sort((a, b) => a - b);
  const slowestMs = roundTripsMs.at(-1) ?? Infinity;
  const p99Ms = roundTripsMs[Math.floor(roundTripsMs.length * 0.99)] ?? Infinity;
  printFigure(
    `${conversations} hostile conversations, PINGRESP within ${slowestMs.toFixed(0)} ms, ${p99Ms.toFixed(0)} at p99, ` +
      `once warm memory grew by ${(grown / 1_000_000).toFixed(1)} MB`,
  );
  assertLess(slowestMs, MOST_ROUND_TRIP_MS);
  assertLess(grown, MOST_GROWTH_BYTES);
  program.kill("SIGTERM");
  const { code, stderr } = await program.ended(10_000);
  assertEquals(code, 0);
  assertEquals(stderr.filter((line) => /: (?:Error|error|Uncaught)/.test(line)), []);
  for (const line of stderr) assert(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ: \t?\P{Cc}*$/u.test(line), JSON.stringify(line));
});

/** 0 where it cannot be measured. */
async function residentBytes(program: Program): Promise<number> {
  return CAN_MEASURE ? await program.residentBytes() : 0;
}

/** Says something that is nearly MQTT in pieces, hears some of the answer, and leaves. */
async function converse(port: number, random: Seeded): Promise<void> {
  const version = random.pick([4, 5] as const);
  const parts: Uint8Array[] = [];
  if (!random.oneIn(5)) {
    const clientId = random.pick(["fuzz 1", "fuzz 2", "", `fuzz ${random.integer(3, 20)}`]);
    parts.push(bytes(connect({ clientId, version, cleanStart: clientId === "" || random.oneIn(2) })));
  }
  for (let count = random.integer(0, 12); count > 0; count--) {
    parts.push(mutated(encodePacket(randomPacket(random, version), version), random));
  }
  using conn = await Deno.connect({ port });
  const reading = random.oneIn(10) ? undefined : readToEnd(conn);
  try {
    for (const part of parts) {
      for (const piece of random.oneIn(4) ? random.cut(part) : [part]) await writeAll(conn, piece);
    }
    if (random.oneIn(2)) return; // With answers that were not read this is a reset.
    await conn.closeWrite();
  } catch {
    return; // The broker has closed it: it may.
  }
  await reading;
}

/** The bytes as they are, or changed, cut, or with others in between. */
function mutated(encoded: Uint8Array, random: Seeded): Uint8Array {
  const result = encoded.slice();
  switch (random.integer(0, 5)) {
    case 0:
      for (let count = random.integer(1, 3); count > 0; count--) {
        result[random.integer(0, result.length - 1)] = random.uint32() & 0xff;
      }
      return result;
    case 1:
      return result.slice(0, random.integer(0, result.length));
    case 2: {
      const at = random.integer(0, result.length);
      return Uint8Array.of(...result.subarray(0, at), ...random.bytes(random.integer(1, 8)), ...result.subarray(at));
    }
    default:
      return result;
  }
}
