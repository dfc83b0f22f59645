import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { connect, RawClient } from "../interop/raw_client.ts";
import { inForm } from "../form.ts";
import { Stopwatch } from "../stopwatch.ts";
import { BrokerChild, printFigure } from "./broker_child.ts";

const CONNECTIONS = inForm(300, 1_000);
const AT_ONCE = 50;
const MOST_GROWTH_BYTES = 24_000_000;
const LARGEST = "ff ff ff 7f"; // Remaining Length 268,435,455.

/** What many connections claim at the same time, and what each of them hears. */
const ROWS = [
  {
    name: "PUBLISH of 268,435,455 bytes in MQTT 5 is refused with 0x95 [MQTT-3.2.2-15]",
    connected: { version: 5 },
    hex: `30 ${LARGEST} 0001 61`,
    heard: /^e0..95/,
  },
  {
    name: "PUBLISH of 268,435,455 bytes in 3.1.1 ends the connection",
    connected: { version: 4 },
    hex: `30 ${LARGEST} 0001 61`,
    heard: /^$/,
  },
  {
    name: "CONNECT of 268,435,455 bytes ends the connection",
    connected: undefined,
    hex: `10 ${LARGEST} 0004 4d515454 05`,
    heard: /^(20..0095.*)?$/,
  },
] as const;

for (const { name, connected, hex, heard } of ROWS) {
  Deno.test(`${CONNECTIONS} times ${name}, within 1 s and 24 MB`, async () => {
    await withClients(connected, async (clients, child) => {
      let slowestMs = 0;
      const claim = async (client: RawClient) => {
        const stopwatch = new Stopwatch(child.program.pid);
        await client.send(hex);
        assertMatch(await client.closed(), heard);
        slowestMs = Math.max(slowestMs, stopwatch.ms());
      };
      const before = await child.metrics();
      // Not all at once: what is timed is the broker, and not how long it takes to write and read many times here.
      for (let at = 0; at < CONNECTIONS; at += AT_ONCE) await Promise.all(clients.slice(at, at + AT_ONCE).map(claim));
      const grown = (await child.metrics()).heldBytes - before.heldBytes;
      printFigure(`${CONNECTIONS} claims hold ${megabytes(grown)}, each was closed within ${slowestMs.toFixed(0)} ms`);
      assertLess(grown, MOST_GROWTH_BYTES);
      assertLess(slowestMs, 1_000);
    });
  });
}

Deno.test(`${CONNECTIONS} times PUBLISH that claims 1 MB reserves nothing`, async () => {
  await withClients({ version: 4 }, async (clients, child) => {
    const before = await child.metrics();
    for (const client of clients) await client.send("30 80 80 3f 0001 61 0000");
    await roundTrip(child); // What was sent before has been read.
    const grown = (await child.metrics()).heldBytes - before.heldBytes;
    printFigure(`${CONNECTIONS} claims of 1 MB hold ${megabytes(grown)}`);
    assertLess(grown, MOST_GROWTH_BYTES);
  });
});

async function withClients(
  connected: { readonly version: 4 | 5 } | undefined,
  run: (clients: readonly RawClient[], child: BrokerChild) => Promise<void>,
): Promise<void> {
  await using child = await BrokerChild.start();
  using stack = new DisposableStack();
  const clients: RawClient[] = [];
  while (clients.length < CONNECTIONS) {
    const opened = await Promise.all(Array.from({ length: 100 }, () => RawClient.open(child)));
    for (const client of opened) clients.push(stack.use(client));
  }
  if (connected !== undefined) {
    await Promise.all(clients.map(async (client, index) => {
      await client.send(connect({ clientId: `claims ${index}`, ...connected }));
      assertEquals((await client.packet()).slice(0, 2), "20");
    }));
  }
  await roundTrip(child); // All are accepted.
  await run(clients, child);
}

async function roundTrip(child: BrokerChild): Promise<void> {
  using good = await RawClient.connect(child, { clientId: "good" });
  await good.expectSilence();
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
