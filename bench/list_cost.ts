/**
 * Time of lists of a broker, and for how long they hold up others: prints p50, p99 and the maximum of both.
 *
 *     deno run -A --config tests/deno.json bench/list_cost.ts [sessions] [lists]
 */

import { Broker, type ListQuery, type SessionRow } from "../mod.ts";
import { type CommitItem, MemoryStorage } from "../src/storage/mod.ts";
import { message, queued, started } from "../tests/storage/kv_changes.ts";

const MOST_QUEUED = 7;
const QUERIES: readonly { readonly name: string; readonly query: ListQuery<SessionRow> }[] = [
  { name: "by queue", query: { sort: "queued", descending: true } },
  { name: "by Client Identifier", query: {} },
  { name: "the last ones first", query: { descending: true } }, // Each row that is looked at is one of the page.
  { name: "by queue, of a search", query: { sort: "queued", descending: true, search: "S1" } },
];

/** A broker with sessions that have up to 7 messages each. */
async function brokerWith(sessions: number): Promise<Broker> {
  const storage = new MemoryStorage();
  const expiry = { sessionExpirySeconds: 3_600, expiresAtMs: Date.now() + 3_600_000 };
  const one = message("x");
  for (let index = 0; index < sessions; index++) {
    const clientId = `s${String(index).padStart(7, "0")}`;
    const changes: CommitItem[] = [started(clientId), { kind: "sessionExpiry", clientId, ...expiry }];
    for (let count = 1; count <= index * 7_919 % MOST_QUEUED; count++) changes.push(queued(clientId, count, one));
    await storage.commit(changes);
  }
  return await Broker.open({ storage });
}

/** Times for which the event loop did not come round, until it is told. */
async function stallsDuring(work: () => Promise<void>): Promise<number[]> {
  const stalls: number[] = [];
  let isOver = false;
  const watching = (async () => {
    for (let lastMs = performance.now(); !isOver;) {
      await new Promise((resolve) => setImmediate(resolve));
      const nowMs = performance.now();
      stalls.push(nowMs - lastMs);
      lastMs = nowMs;
    }
  })();
  await work();
  isOver = true;
  await watching;
  return stalls;
}

function figures(values: readonly number[]): string {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? NaN).toFixed(1);
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, at most ${(sorted.at(-1) ?? NaN).toFixed(1)} ms`;
}

if (import.meta.main) {
  const [sessions = 100_000, lists = 100] = Deno.args.map(Number);
  await using broker = await brokerWith(sessions);
  for (const { name, query } of QUERIES) {
    const times: number[] = [];
    const stalls = await stallsDuring(async () => {
      for (let count = 0; count < lists; count++) {
        const startMs = performance.now();
        await broker.list("sessions", query);
        times.push(performance.now() - startMs);
      }
    });
    console.log(`${sessions} sessions ${name}: ${figures(times)}; stalls ${figures(stalls)}`);
  }
}
