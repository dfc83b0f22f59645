import { assert, assertEquals, assertGreater, assertLess, assertStringIncludes } from "@std/assert";
import { once } from "node:events";
import { connect as connectSocket, type Socket } from "node:net";
import { DEFAULT_LIMITS } from "../../mod.ts";
import { Program } from "../cli/program.ts";
import { within } from "../deadline.ts";
import { bytes, CONNACK, connect, publish, RawClient, subscribe, subscribeV5 } from "../interop/raw_client.ts";
import type { Seeded } from "../seeded.ts";
import { inForm } from "../form.ts";
import { Stopwatch } from "../stopwatch.ts";
import { BrokerChild, CAN_MEASURE, printFigure } from "./broker_child.ts";
import { pause, readToEnd } from "./sockets.ts";
import { withSeed } from "./with_seed.ts";

const RESETS = inForm(4_000, 10_000);
const SILENT = inForm(500, 2_000);
const CONNECT_TIMEOUT_MS = inForm(2_000, DEFAULT_LIMITS.connectTimeoutMs);
// The streams of a connection; without them a socket that is read from has 9 kB. (2026-11)
const MOST_SILENT_BYTES = 44_000;

Deno.test(`${RESETS} connections reset at random points end nothing else, and a good client connects within 1 s`, async () => {
  await using child = await BrokerChild.start();
  const { port } = child;
  const startedMs = performance.now();
  let slowestMs = 0;
  await withSeed(async (random) => {
    for (let left = RESETS; left > 0; left -= 1_000) {
      const resetting = Promise.all(Array.from({ length: 100 }, async () => {
        for (let round = 0; round < 10; round++) await resetAnywhere(port, random);
      }));
      slowestMs = Math.max(slowestMs, await timeToConnect(child));
      await within(resetting, "1,000 resets", 20_000);
    }
  });
  slowestMs = Math.max(slowestMs, await timeToConnect(child));
  printFigure(
    `${RESETS} resets in ${seconds(startedMs)} s, a good client connected in ${slowestMs.toFixed(0)} ms at most`,
  );
  assertLess(slowestMs, 1_000);
  await child.assertSound();
  while ((await child.metrics()).connections > 0) assertLess(performance.now() - startedMs, 60_000);
});

Deno.test("clients beyond the descriptors of the process wait, harm nobody, and are served when others go", async () => {
  await using program = await Program.listening(undefined, { mostDescriptors: 256 });
  const port = await program.port();
  using clients = new DisposableStack();
  const open = async (index: number) => {
    const client = clients.use(await RawClient.open({ port }));
    await client.send(connect({ clientId: `client ${index}` }));
    return client;
  };
  const early = await Promise.all(Array.from({ length: 100 }, (_, index) => open(index)));
  for (const client of early) await client.expect(CONNACK);
  const late = await Promise.all(Array.from({ length: 300 }, (_, index) => open(100 + index)));
  const accepted = new Counter();
  const answered = Promise.all(late.map(async (client) => {
    await client.expect(CONNACK);
    accepted.add();
  }));
  for (let round = 0; round < 3; round++) { // The loop that accepts finds no descriptor meanwhile.
    for (const client of early) await client.expectSilence();
  }
  const waiting = late.length - accepted.count;
  assertGreater(waiting, 400 - 256); // Else the descriptors were not exhausted.

  const startedMs = performance.now();
  const stopwatch = new Stopwatch(program.pid);
  for (const client of early) await client.send("e0 00");
  await within(accepted.reaches(late.length - waiting + early.length), "waiting clients to be accepted");
  printFigure(
    `${early.length} of ${waiting} clients that waited for descriptors were served in ${seconds(startedMs)} s`,
  );
  assertLess(stopwatch.ms(), 1_000);
  program.kill("SIGTERM"); // The others are answered by the end of the connection.
  await answered.catch(() => {});
  const { code, stderr } = await program.ended(5_000);
  assertEquals(code, 0);
  const told = stderr.filter((line) => line.includes("Cannot accept connections"));
  assertEquals(told.length, 1); // Though it is tried ten times a second.
  assertStringIncludes(told[0] ?? "", "ulimit -n");
});

Deno.test("CONNECT that comes byte by byte is cut off at an absolute time, and good clients are served meanwhile", async () => {
  const connectTimeoutMs = 1_500;
  await using child = await BrokerChild.start({ connectTimeoutMs });
  const { port } = child;
  const whole = bytes(connect({ clientId: "x".repeat(200) }));
  const dribble = async () => {
    const stopwatch = new Stopwatch(child.program.pid);
    using conn = await Deno.connect({ port });
    const openedMs = performance.now();
    let isOver = false;
    const ended = readToEnd(conn).then(() => {
      isOver = true;
      return { passedMs: performance.now() - openedMs, ms: stopwatch.ms() };
    });
    for (let at = 0; !isOver; at++) {
      await conn.write(whole.subarray(at, at + 1)).catch(() => {}); // The reads see that it is cut off.
      await pause(100);
    }
    return await ended;
  };
  const slow = Promise.all(Array.from({ length: 50 }, dribble));
  const connects: number[] = [];
  for (let round = 0; round < 100; round++) connects.push(await timeToConnect(child));
  const lived = await within(slow, "the slow ones to be cut off", 10_000);
  const [shortest, longest] = [
    Math.min(...lived.map(({ passedMs }) => passedMs)),
    Math.max(...lived.map(({ ms }) => ms)),
  ];
  const slowestConnect = connects.sort((a, b) => a - b)[98] ?? Infinity;
  printFigure(
    `50 slow CONNECTs ended after ${shortest.toFixed(0)} to ${longest.toFixed(0)} ms, ` +
      `a good one took ${slowestConnect.toFixed(1)} ms (p99)`,
  );
  assertGreater(shortest, connectTimeoutMs - 50);
  assertLess(longest, connectTimeoutMs + 500);
  assertLess(slowestConnect, 250);
});

Deno.test(
  `${SILENT} silent connections cost 44 kB each at most, and are closed ${CONNECT_TIMEOUT_MS} ms after accept`,
  {
    ignore: !CAN_MEASURE,
  },
  async () => {
    assertEquals(DEFAULT_LIMITS.connectTimeoutMs, 10_000);
    await using child = await BrokerChild.start({ connectTimeoutMs: CONNECT_TIMEOUT_MS });
    const { port, program } = child;
    await timeToConnect(child);
    const before = await program.residentBytes();
    const openedMs = performance.now();
    using connections = new DisposableStack();
    const silent: Deno.Conn[] = [];
    while (silent.length < SILENT) {
      const opened = await Promise.all(Array.from({ length: 100 }, () => Deno.connect({ port })));
      for (const conn of opened) silent.push(connections.use(conn));
    }
    const allOpen = new Stopwatch(program.pid);
    while ((await child.metrics()).connections < SILENT) assertLess(allOpen.ms(), 5_000);
    const each = (await program.residentBytes() - before) / SILENT;
    printFigure(`${SILENT} silent connections: ${(each / 1_000).toFixed(1)} kB each`);
    assertLess(each, MOST_SILENT_BYTES);
    assertLess(await timeToConnect(child), 1_000);

    const [first] = silent;
    assert(first !== undefined);
    await within(readToEnd(first), "the first to be closed", 15_000);
    assertGreater(performance.now() - openedMs, CONNECT_TIMEOUT_MS - 100);
    await within(Promise.all(silent.slice(1).map(readToEnd)), "all to be closed", 5_000);
    assertLess(allOpen.ms(), CONNECT_TIMEOUT_MS + 1_000);
  },
);

/** Something that is counted up, and waited for. */
class Counter {
  count = 0;
  readonly #waiting: { readonly least: number; readonly resolve: () => void }[] = [];

  add(): void {
    this.count += 1;
    for (const { least, resolve } of this.#waiting) if (this.count >= least) resolve();
  }

  reaches(least: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ least, resolve });
    if (this.count >= least) resolve();
    return promise;
  }
}

/** Opens a connection, says more or less of a conversation, hears more or less of the answer, and resets. */
async function resetAnywhere(port: number, random: Seeded): Promise<void> {
  const version = random.pick([4, 5] as const);
  const clientId = `reset ${random.integer(0, 200)}`; // Some take each other over.
  const conversation = bytes(
    connect({ clientId, version, cleanStart: random.oneIn(2), will: { topic: "shared", payload: "gone" } }) +
      (version === 5 ? subscribeV5(1, "shared", 2) : subscribe(1, "shared", 2)) +
      publish({
        topic: "shared",
        payload: "x".repeat(random.integer(0, 500)),
        qos: random.pick([0, 1, 2]),
        ...(version === 5 ? { properties: "" } : {}),
      }).repeat(3),
  );
  const socket = connectSocket(port, "127.0.0.1");
  const closed = once(socket, "close");
  socket.on("error", () => {}); // Reset from the other side: as good.
  socket.on("connect", () => {
    if (random.oneIn(10)) return reset(socket);
    socket.write(conversation.subarray(0, random.integer(1, conversation.length)), () => {
      switch (random.integer(0, 2)) {
        case 0:
          return reset(socket);
        case 1:
          return setTimeout(() => reset(socket), random.integer(0, 5));
        default:
          socket.once("data", () => reset(socket)).setTimeout(20, () => reset(socket));
      }
    });
  });
  await closed;
}

function reset(socket: Socket): void {
  socket.resetAndDestroy();
}

/** Milliseconds until a good client has its CONNACK and PINGRESP. */
async function timeToConnect({ port, program }: BrokerChild): Promise<number> {
  const stopwatch = new Stopwatch(program.pid);
  using client = await RawClient.connect({ port }, { clientId: "good" });
  await client.expectSilence();
  return stopwatch.ms();
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1_000).toFixed(2);
}
