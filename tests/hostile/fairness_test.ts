/** Whatever one client sends, the others are served meanwhile. */

import { assertLess } from "@std/assert";
import { Program } from "../cli/program.ts";
import { bytes, packet, publish, RawClient, text, uint16 } from "../interop/raw_client.ts";
import { inForm } from "../form.ts";
import { Stopwatch } from "../stopwatch.ts";
import { BrokerChild, printFigure } from "./broker_child.ts";

// A machine that does something else now and then, and a broker that collects garbage.
const MOST_WAIT_MS = 200;
const MOST_WAIT_FOR_FILTERS_P99_MS = 100;
const MOST_WAIT_FOR_SUBACK_MS = 2_000;
const MOST_WAIT_P99_MS = 150;
const WINDOW_MS = inForm(500, 2_000);
const IN_VAIN_MS = inForm(500, 1_500);
const RETAINED = inForm(25_000, 100_000);
const MOST_WINDOWS = 5;
const LEAST_PINGS = 20;

const IN_VAIN = [
  {
    name: "1,000 filters in one SUBSCRIBE",
    subscribes: subscribeToAll(Array.from({ length: 1_000 }, (_, index) => `ret/+/+/no${index}/#`)),
    subacks: packet("90", uint16(1), "00".repeat(1_000)),
  },
  {
    name: "20,000 SUBSCRIBE with the same filter",
    subscribes: subscribeToAll(["ret/+/+/n"]).repeat(20_000),
    subacks: packet("90", uint16(1), "00").repeat(20_000),
  },
];
for (const { name, subscribes, subacks } of IN_VAIN) {
  Deno.test(`${name}, over ${RETAINED} retained messages that do not match, keep nobody from PINGRESP`, async () => {
    await using child = await BrokerChild.start();
    const { port } = child;
    await retainMessages(port);
    using other = await RawClient.connect({ port }, { clientId: "other" });
    using greedy = await RawClient.connect({ port }, { clientId: "greedy" });
    const sent = greedy.sendBytes(bytes(subscribes));
    const { slowest } = await pings(child, other, IN_VAIN_MS);
    printFigure(`${name}, ${RETAINED} retained messages: PINGRESP of another client after ${slowest} ms at most`);
    assertLess(slowest, MOST_WAIT_MS);
    // It is served itself meanwhile.
    await sent;
    await greedy.expect(subacks);
    await greedy.expectSilence();
  });
}

const FLAT = Array.from({ length: 65_535 }, (_, index) => `q/${index}`);
const DEEP = Array.from({ length: 7_300 }, (_, index) => `${"a/".repeat(60)}${index}`); // 61 levels, 0.9 MB.
const MANY_FILTERS = [
  { name: "SUBSCRIBE with 65,535 filters", first: "82", filters: FLAT, rules: 0, codes: ["00"] },
  {
    name: "SUBSCRIBE with 65,535 filters that 1,000 rules deny",
    first: "82",
    filters: FLAT,
    rules: 1_000,
    codes: ["80"],
  },
  {
    name: "SUBSCRIBE with 0.9 MB of filters that 1,000 rules deny",
    first: "82",
    filters: DEEP,
    rules: 1_000,
    codes: ["80"],
  },
  { name: "UNSUBSCRIBE with 65,535 filters", first: "a2", filters: FLAT, rules: 0, codes: [] },
];
for (const { name, first, filters, rules, codes: [granted, refused = granted] } of MANY_FILTERS) {
  Deno.test(`${name} keeps nobody from PINGRESP`, async () => {
    await using child = await BrokerChild.start({}, "", rules);
    const { port } = child;
    using other = await RawClient.connect({ port }, { clientId: "other" });
    using greedy = await RawClient.connect({ port }, { clientId: "greedy" });
    const isSubscribe = first === "82";
    const entries = filters.map((topicFilter) => `${text(topicFilter)}${isSubscribe ? "00" : ""}`);
    const answer = isSubscribe && granted !== undefined && refused !== undefined
      ? packet("90", uint16(1), granted.repeat(1_000) + refused.repeat(filters.length - 1_000))
      : packet("b0", uint16(1));
    // What else the machine does only adds to what is measured.
    let [leastP99, leastAnswered] = [Infinity, Infinity];
    const isEnough = () => leastP99 < MOST_WAIT_FOR_FILTERS_P99_MS && leastAnswered < MOST_WAIT_FOR_SUBACK_MS;
    for (let window = 0; window < MOST_WINDOWS && !isEnough(); window++) {
      const stopwatch = new Stopwatch(child.program.pid);
      const sent = greedy.sendBytes(bytes(packet(first, uint16(1), ...entries)));
      const answered = greedy.expect(answer).then(() => stopwatch.ms());
      const { p99, slowest } = await pings(child, other, inForm(500, 1_000));
      await sent;
      const answeredMs = await answered;
      printFigure(
        `${name}: answered after ${answeredMs.toFixed(0)} ms, PINGRESP of another client after ${p99} ms (p99), ` +
          `${slowest} ms at most`,
      );
      [leastP99, leastAnswered] = [Math.min(leastP99, p99), Math.min(leastAnswered, answeredMs)];
    }
    assertLess(leastP99, MOST_WAIT_FOR_FILTERS_P99_MS);
    assertLess(leastAnswered, MOST_WAIT_FOR_SUBACK_MS);
  });
}

const FLOODS = [
  { name: "Two publishers that send as fast as they can", script: "flood.ts", says: ["flood 0", "flood 1"] },
  { name: "Connections that are opened and closed at once", script: "connect_flood.ts", says: ["nothing"] },
  { name: "Connections that send CONNECT and are closed at once", script: "connect_flood.ts", says: ["connect"] },
  { name: "CONNECTs of 126 KB with 18,000 User Properties", script: "connect_flood.ts", says: ["properties"] },
  {
    name: `50 subscriptions of # over ${RETAINED} retained messages`,
    script: "retained_readers.ts",
    says: [""],
    prepare: retainMessages,
  },
];
for (const { name, script, says, prepare } of FLOODS) {
  Deno.test(`${name} keep nobody from PINGRESP`, async () => {
    await using child = await BrokerChild.start();
    const { port } = child;
    await prepare?.(port);
    using other = await RawClient.connect({ port }, { clientId: "other" });
    await using floods = new AsyncDisposableStack();
    await Promise.all(says.map(async (what) => {
      const flood = floods.use(new Program([`${port}`, what], { script: `tests/hostile/${script}` }));
      await flood.stdout.matching(/^flooding/, 1);
    }));
    // Busy processes share the cores: what else the machine does only adds to what is measured.
    let least = Infinity;
    for (let window = 0; window < MOST_WINDOWS && least >= MOST_WAIT_P99_MS; window++) {
      const { p99, slowest } = await pings(child, other, WINDOW_MS);
      printFigure(`${name}: PINGRESP of another client after ${p99} ms (p99), ${slowest} ms at most`);
      least = Math.min(least, p99);
    }
    assertLess(least, MOST_WAIT_P99_MS);
    await child.assertSound();
  });
}

/** PINGREQ after PINGREQ for some time; how long each waited for PINGRESP, in whole milliseconds, but for what other processes took. */
async function pings(
  { program }: BrokerChild,
  client: RawClient,
  forMs: number,
): Promise<{ p99: number; slowest: number }> {
  const all: number[] = [];
  const startedMs = performance.now();
  while (all.length < LEAST_PINGS || performance.now() - startedMs < forMs) {
    const stopwatch = new Stopwatch(program.pid);
    await client.expectSilence();
    all.push(Math.ceil(stopwatch.ms()));
    await new Promise((resolve) => setTimeout(resolve, 5)); // It is the waiting that is measured, not the load.
  }
  all.sort((a, b) => a - b);
  const [p99 = Infinity, slowest = Infinity] = [all[Math.floor((all.length - 1) * 0.99)], all.at(-1)];
  return { p99, slowest };
}

/** Publishes them, each below `ret/`. */
async function retainMessages(port: number): Promise<void> {
  using publisher = await RawClient.connect({ port }, { clientId: "publisher" });
  for (let first = 0; first < RETAINED; first += 5_000) {
    const topics = Array.from({ length: 5_000 }, (_, index) => `ret/${index % 100}/${first + index}`);
    await publisher.send(...topics.map((topic) => publish({ topic, payload: "x", retain: true })));
  }
  await publisher.expectSilence();
}

function subscribeToAll(topicFilters: readonly string[]): string {
  return packet("82", uint16(1), ...topicFilters.map((topicFilter) => `${text(topicFilter)}00`));
}
