/** Lists of many clients: how long they take, and what they hold up meanwhile. */

import { assertEquals, assertLess } from "@std/assert";
import { Broker, memoryTransport } from "../../../mod.ts";
import { type AdminHandler, adminHandler } from "../../../src/admin/mod.ts";
import { inForm } from "../../form.ts";
import { Stopwatch } from "../../stopwatch.ts";

const CLIENTS = inForm(10_000, 100_000);
const LIST_P99_MS = inForm(50, 300);
const LISTS = inForm(100, 200);
const STALL_MS = 10;
const OTHERS_P99_MS = 10;
const LIST = "/clients?limit=100&sort=-queued";

Deno.test(`${CLIENTS} clients are listed by their queues with p99 <= ${LIST_P99_MS} ms, and hold up nothing for 10 ms`, async () => {
  await using broker = await Broker.open({ limits: { maximumConnections: CLIENTS } });
  const admin = adminHandler(broker, { authorize: () => ({ name: "somebody", role: "viewer" }) });
  await connectMany(broker);
  try {
    for (let warmUp = 0; warmUp < 5; warmUp++) await askMs(admin, LIST);
    const stalls = new Stalls();
    const lists: number[] = [];
    for (let count = 0; count < LISTS; count++) lists.push(await askMs(admin, LIST));
    assertLess(p99(lists), LIST_P99_MS);
    // One of so many may meet a collection of garbage.
    assertLess(p99(stalls.end()), STALL_MS);
    assertLess(p99(await othersDuringLists(admin)), OTHERS_P99_MS);
  } finally {
    admin.close();
  }
});

async function othersDuringLists(admin: AdminHandler): Promise<number[]> {
  let isOver = false;
  const listing = (async () => {
    while (!isOver) await askMs(admin, LIST);
  })();
  const others: number[] = [];
  for (let count = 0; count < 100; count++) {
    others.push(await askMs(admin, count % 2 === 0 ? "/broker" : "/events"));
    await new Promise((resolve) => setTimeout(resolve, 1)); // The next one comes at another point of a list.
  }
  isOver = true;
  await listing;
  return others;
}

async function askMs(admin: AdminHandler, path: string): Promise<number> {
  const stopwatch = new Stopwatch();
  const response = await admin.fetch(new Request(`http://127.0.0.1/api/v1${path}`));
  await response.text();
  assertEquals(response.status, 200);
  return stopwatch.ms();
}

async function connectMany(broker: Broker): Promise<void> {
  for (let client = 0; client < CLIENTS; client++) {
    const { server, client: { readable, writable } } = memoryTransport();
    broker.serve(server);
    const clientId = new TextEncoder().encode(`device-${client}`);
    const head = [0x10, 13 + clientId.length, 0, 4, 0x4d, 0x51, 0x54, 0x54, 5, 2, 0, 0, 0, 0, clientId.length];
    await writable.getWriter().write(Uint8Array.from([...head, ...clientId]));
    await readable.getReader().read(); // CONNACK
  }
}

/** Times for which the event loop did not come round. */
class Stalls {
  readonly #stalls: number[] = [];
  #stopwatch = new Stopwatch();
  #isOver = false;

  constructor() {
    this.#next();
  }

  end(): number[] {
    this.#isOver = true;
    return this.#stalls;
  }

  #next(): void {
    this.#stalls.push(this.#stopwatch.ms());
    this.#stopwatch = new Stopwatch();
    if (!this.#isOver) setImmediate(() => this.#next());
  }
}

function p99(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length * 0.99)] ?? Infinity;
}
