import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { within } from "../deadline.ts";
import { bytes, connect, publish, RawClient, subscribe } from "../interop/raw_client.ts";
import { Stopwatch } from "../stopwatch.ts";
import { BrokerChild, printFigure } from "./broker_child.ts";

const WRITE_TIMEOUT_MS = 2_000;
const OTHERS = 19;
const ROUNDS = 240;
const MESSAGES_A_ROUND = 100;
const ROUNDS_A_LOOK = 20;
// Much less than what is dropped for it.
const MOST_GROWTH_BYTES = 12_000_000;

Deno.test("one stuck subscriber among 20 costs the others nothing, is dropped for, and is closed in time", async () => {
  await using child = await BrokerChild.start({ writeTimeoutMs: WRITE_TIMEOUT_MS });
  const { port } = child;
  using stack = new DisposableStack();
  stack.use(await subscribed(port, "stuck"));
  const others: Deno.Conn[] = [];
  while (others.length < OTHERS) others.push(stack.use(await subscribed(port, `reads ${others.length}`)));
  using publisher = await RawClient.connect({ port }, { clientId: "publisher" });
  const message = bytes(publish({ topic: "load", payload: "x".repeat(1_000) }));
  const round = new Uint8Array(message.length * MESSAGES_A_ROUND);
  for (let at = 0; at < round.length; at += message.length) round.set(message, at);

  const startedMs = performance.now();
  let delivered = 0;
  let before = 0;
  let grown = 0;
  const publishAndRead = async () => {
    await publisher.sendBytes(round);
    // All of it comes, at a pace at which nobody who reads is behind.
    await Promise.all(others.map((conn) => expectBytes(conn, round)));
    delivered += MESSAGES_A_ROUND * OTHERS;
  };
  for (let count = 1; count <= ROUNDS; count++) {
    await within(publishAndRead(), "the others to get what was published", 10_000);
    if (count % ROUNDS_A_LOOK !== 0) continue;
    const { heldBytes } = await child.metrics();
    if (count === ROUNDS_A_LOOK) before = heldBytes; // Warm, and the system still takes what the stuck one does not read.
    grown = Math.max(grown, heldBytes - before);
  }
  const { dropped, connections } = await child.metrics();
  const publishedMs = performance.now() - startedMs;
  assertGreater(dropped.qos0, 0);
  if (publishedMs < WRITE_TIMEOUT_MS) assertEquals(connections, OTHERS + 2);

  const stopwatch = new Stopwatch(child.program.pid);
  while ((await child.metrics()).connections > OTHERS + 1) {
    assertLess(stopwatch.ms(), WRITE_TIMEOUT_MS + 1_000);
  }
  const closedMs = performance.now() - startedMs;
  printFigure(
    `${delivered} messages delivered to ${OTHERS} subscribers in ${(publishedMs / 1_000).toFixed(1)} s, ` +
      `${dropped.qos0} dropped for a stuck one, closed after ${(closedMs / 1_000).toFixed(1)} s; ` +
      `memory in use grew by ${(grown / 1_000_000).toFixed(1)} MB`,
  );
  assertLess(grown, MOST_GROWTH_BYTES);
  await publisher.expectSilence();
  await child.assertSound();
});

async function subscribed(port: number, clientId: string): Promise<Deno.Conn> {
  const conn = await Deno.connect({ port });
  await conn.write(bytes(connect({ clientId }) + subscribe(1, "load")));
  await expectBytes(conn, bytes("20 02 00 00 90 03 0001 00"));
  return conn;
}

/** Exactly these bytes come. */
async function expectBytes(conn: Deno.Conn, expected: Uint8Array): Promise<void> {
  const received = new Uint8Array(expected.length);
  for (let at = 0; at < received.length;) {
    const read = await conn.read(received.subarray(at));
    if (read === null) throw new Error(`The connection ended after ${at} of ${expected.length} bytes`);
    at += read;
  }
  for (let at = 0; at < received.length; at++) {
    if (received[at] !== expected[at]) throw new Error(`Byte ${at} is ${received[at]} and not ${expected[at]}`);
  }
}
