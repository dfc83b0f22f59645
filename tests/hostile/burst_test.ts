/** A burst to clients that do read, but more slowly than it was published: a camera or a firmware image over a radio link. */

import { assertEquals, assertLess } from "@std/assert";
import type { QoS } from "../../mod.ts";
import type { ProtocolVersion } from "../../src/codec/mod.ts";
import { Program } from "../cli/program.ts";
import { IS_LONGEST } from "../form.ts";
import { CAN_MEASURE, printFigure } from "./broker_child.ts";
import { pause } from "./sockets.ts";
import { ThrottledReader } from "./throttled_reader.ts";

interface Burst {
  readonly name: string;
  readonly count: number;
  readonly payloadBytes: number;
  readonly qos: QoS;
  readonly bytesPerSecond: number;
  readonly readers: readonly Reader[];
  /** How long these read nothing. */
  readonly silentMs?: number;
}

interface Reader {
  readonly transport: "mqtt" | "ws";
  readonly version: ProtocolVersion;
  readonly qos: QoS;
  readonly isDurable?: boolean;
}

const FEW: readonly Reader[] = [
  { transport: "mqtt", version: 4, qos: 0 },
  { transport: "mqtt", version: 5, qos: 1, isDurable: true },
  { transport: "ws", version: 4, qos: 2 },
];
const ALL: readonly Reader[] = [false, true].flatMap((isDurable) =>
  (["mqtt", "ws"] as const).flatMap((transport) =>
    ([4, 5] as const).flatMap((version) =>
      ([0, 1, 2] as const).map((qos): Reader => ({ transport, version, qos, isDurable }))
    )
  )
);
const TEN = Array.from({ length: 10 }, (): Reader => ({ transport: "mqtt", version: 4, qos: 2 }));

const LARGE = { count: 40, payloadBytes: 900_000 };
const SMALL = { count: 200, payloadBytes: 100_000 };
const BURSTS: readonly Burst[] = [
  { name: "to few readers at 24 MB/s", ...LARGE, qos: 2, bytesPerSecond: 24e6, readers: FEW },
];
const LONG_BURSTS: readonly Burst[] = ([0, 1, 2] as const).flatMap((qos): Burst[] => [
  { name: "to ten readers at 8 MB/s", ...LARGE, qos, bytesPerSecond: 8e6, readers: TEN },
  { name: "to ten readers at 8 MB/s", ...SMALL, qos, bytesPerSecond: 8e6, readers: TEN },
  { name: "to readers of all kinds at 2 MB/s", ...LARGE, qos, bytesPerSecond: 2e6, readers: ALL },
  {
    name: "to readers at 8 MB/s that are silent first",
    ...LARGE,
    qos,
    bytesPerSecond: 8e6,
    readers: FEW,
    silentMs: 2_000,
  },
]);

// A broker begins with some 75 MB; then there are the messages, each once more as QoS 1 and 2 send it, and garbage.
const MOST_RESIDENT_BYTES = 400_000_000;

for (const burst of IS_LONGEST ? [...BURSTS, ...LONG_BURSTS] : BURSTS) {
  const { name, count, payloadBytes, qos } = burst;
  Deno.test(`${count} messages of ${payloadBytes} bytes with QoS ${qos} ${name} all arrive, beside a stuck one`, async () => {
    await using broker = await Program.listening([
      "serve",
      ...["--listen", "mqtt://127.0.0.1:0", "--listen", "ws://127.0.0.1:0"],
    ]);
    const [webSocketUrl = ""] = await broker.stderr.matching(/^.*listening on (?=ws:)/, 1);
    const urls = {
      mqtt: new URL(`mqtt://127.0.0.1:${await broker.port()}`),
      ws: new URL(webSocketUrl.split(/[\s,]/, 1)[0] ?? ""),
    };
    const missing = await lost(burst, urls);
    assertEquals(missing.readers, burst.readers.map(() => 0));
    assertEquals(missing.unacknowledged, 0);
    if (!CAN_MEASURE) return;
    const bytes = await broker.residentBytes();
    printFigure(`resident memory of the broker behind it: ${(bytes / 1e6).toFixed(0)} MB`);
    assertLess(bytes, MOST_RESIDENT_BYTES);
  });
}

/** Messages that did not arrive, by reader, and those that were not acknowledged to their publisher. */
async function lost(
  { count, payloadBytes, qos, bytesPerSecond, readers: all, silentMs = 0 }: Burst,
  urls: Record<Reader["transport"], URL>,
): Promise<{ readonly readers: readonly number[]; readonly unacknowledged: number }> {
  const topicFilter = "burst";
  const readers = await Promise.all(
    all.map((reader, index) =>
      ThrottledReader.connect({ ...reader, clientId: `r${index}`, url: urls[reader.transport], topicFilter })
    ),
  );
  const stuck = await ThrottledReader.connect({ clientId: "s", url: urls.mqtt, version: 4, qos: 2, topicFilter });
  const publisher = await ThrottledReader.connect({
    clientId: "p",
    url: urls.mqtt,
    version: 5,
    qos: 0,
    topicFilter: "none",
  });
  const startedMs = performance.now();
  const reading = readers.map(async (reader) => {
    await pause(silentMs);
    await reader.readMessages(count, bytesPerSecond, 5_000);
  });
  const acknowledged = await publisher.publish(count, payloadBytes, qos, topicFilter);
  const publishedMs = performance.now() - startedMs;
  await Promise.all(reading);
  const readMs = performance.now() - startedMs;
  printFigure(
    `${count} x ${payloadBytes} bytes with QoS ${qos} to ${readers.length} readers at ${bytesPerSecond / 1e6} MB/s: ` +
      `published in ${(publishedMs / 1_000).toFixed(1)} s, read in ${(readMs / 1_000).toFixed(1)} s`,
  );
  for (const client of [...readers, stuck, publisher]) client.close();
  for (const { numbers } of readers) {
    for (let at = 1; at < numbers.length; at++) assertLess(numbers[at - 1] ?? NaN, numbers[at] ?? NaN); // In order, once.
  }
  return { readers: readers.map(({ numbers }) => count - numbers.length), unacknowledged: count - acknowledged };
}
