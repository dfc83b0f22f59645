/** A broker whose file is on a disk that is full. */

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { printFigure } from "../hostile/broker_child.ts";
import { pause } from "../hostile/sockets.ts";
import { DurableClient } from "./durable_client.ts";
import { inForm, IS_LONGEST } from "../form.ts";
import { testWith } from "./needs.ts";
import { canMount, SmallDisk } from "./small_disk.ts";

const DISK_BYTES = 8_000_000;
const PAYLOAD = "x".repeat(4_000);
const FULL_FOR_MS = inForm(500, 2_000, 600_000);
const CLOSED_WITHIN_MS = 35_000;
const ANSWERED_WITHIN_MS = 1_000;
const RESUMED_WITHIN_MS = 5_000;
const QUOTA_EXCEEDED = 0x97;

testWith(
  ["unshare", "nsenter"],
  canMount,
  "On a full disk nothing is confirmed that is not kept, QoS 0 goes on, and so does the rest when there is room again",
  async () => {
    await using disk = await SmallDisk.mount(DISK_BYTES);
    await using program = await disk.listening();
    const port = await program.port();
    const load = await Load.start(port);

    const filledMs = performance.now();
    await disk.fill();
    for (let count = 0; load.first.isConnected; count++) { // What it waits for cannot be kept.
      assertLess(count, 1_000, "the disk is never full");
      load.publishKept(load.first);
      await pause(20);
    }
    const confirmedBefore = load.confirmed.size;
    load.publishKept(load.four);
    const waitedMs = performance.now();
    const closedMs = await whileFull(load, performance.now() + FULL_FOR_MS);
    assertEquals(load.confirmed.size, confirmedBefore, "something is confirmed on a full disk");
    assertGreater(load.refused, 0);
    if (IS_LONGEST) assertLess((closedMs ?? Infinity) - waitedMs, CLOSED_WITHIN_MS);
    else assertEquals(closedMs, undefined);
    const fullMs = performance.now() - filledMs;

    await disk.free();
    const freedMs = performance.now();
    if (!load.four.isConnected) await load.four.connect(port, { cleanStart: true });
    while (load.confirmed.size === confirmedBefore || load.four.unacknowledged > 0) {
      assertLess(performance.now() - freedMs, RESUMED_WITHIN_MS, "nothing is confirmed again");
      if (load.five.unacknowledged === 0) load.publishKept(load.five);
      await pause(20);
    }
    const resumedMs = performance.now() - freedMs;

    program.kill("SIGKILL");
    await Promise.all(load.clients.map((client) => client.ended()));
    await program.ended();
    await using again = await disk.listening();
    await load.subscriber.connect(await again.port());
    const lost = await load.lost();
    await load.subscriber.drop();
    printFigure(
      `disk full for ${Math.round(fullMs)} ms: ${load.refused} refused with 0x97, ${load.flowed} QoS 0 messages ` +
        `delivered, within ${Math.round(load.slowestMs)} ms; acknowledged again ${
          Math.round(resumedMs)
        } ms after there was room; ` +
        `${lost.length} of ${load.confirmed.size} acknowledged messages lost`,
    );
    assertEquals(lost, []);
    assertGreater(load.confirmed.size, 10);
  },
);

/** QoS 0 flows for some time, and nothing else; gives when the client of 3.1.1 lost its connection. */
async function whileFull(load: Load, endMs: number): Promise<number | undefined> {
  let closedMs: number | undefined;
  while (performance.now() < endMs) {
    const { flowed, refused } = load;
    load.publishFlowing();
    load.publishKept(load.five);
    const sentMs = performance.now();
    do await pause(20); while (
      (load.flowed === flowed || load.refused === refused) && performance.now() < sentMs + ANSWERED_WITHIN_MS
    );
    if (!load.four.isConnected) closedMs ??= performance.now();
    assertGreater(load.flowed, flowed, "QoS 0 does not flow");
    assertGreater(load.refused, refused, "PUBLISH is not refused");
    load.slowestMs = Math.max(load.slowestMs, performance.now() - sentMs);
  }
  return closedMs;
}

/** Clients that publish for a durable session that is not there, and one that only wants QoS 0. */
class Load {
  readonly first = this.#publisher("first", 5);
  readonly four = this.#publisher("four", 4);
  readonly five = this.#publisher("five", 5);
  readonly confirmed = new Set<string>();
  readonly #came = new Set<string>();
  readonly subscriber = new DurableClient("subscriber", 5, {
    message: ({ payload }) => this.#came.add(nameIn(payload)),
  });
  readonly #flowing = new DurableClient("flowing", 4, { message: () => this.flowed += 1 });
  refused = 0;
  flowed = 0;
  /** How long these took at most. */
  slowestMs = 0;
  #number = 0;

  static async start(port: number): Promise<Load> {
    const load = new Load();
    await load.subscriber.connect(port);
    await load.subscriber.subscribe("kept", 2);
    await load.subscriber.drop();
    for (const client of load.clients) await client.connect(port, { cleanStart: true });
    await load.#flowing.subscribe("flowing", 0);
    for (let count = 0; count < 20; count++) load.publishKept(count % 2 === 0 ? load.four : load.five);
    for (let waited = 0; load.confirmed.size < 20; waited++) {
      assertLess(waited, 500);
      await pause(10);
    }
    return load;
  }

  get clients(): DurableClient[] {
    return [this.first, this.four, this.five, this.#flowing];
  }

  publishKept(client: DurableClient): void {
    const number = this.#number++;
    client.publish("kept", `${number} ${PAYLOAD}`, number % 4 < 2 ? 1 : 2);
  }

  publishFlowing(): void {
    this.#flowing.publish("flowing", "flows", 0);
  }

  /** What was acknowledged and does not come. */
  async lost(): Promise<string[]> {
    const isMissing = (name: string) => !this.#came.has(name);
    for (let waited = 0; waited < 500 && [...this.confirmed].some(isMissing); waited++) await pause(10);
    return [...this.confirmed].filter(isMissing);
  }

  #publisher(clientId: string, version: 4 | 5): DurableClient {
    return new DurableClient(clientId, version, {
      acknowledged: ({ payload }, reasonCode) => {
        if (reasonCode === QUOTA_EXCEEDED) {
          this.refused += 1;
          return;
        }
        assertLess(reasonCode, 0x80);
        this.confirmed.add(nameIn(payload));
      },
    });
  }
}

function nameIn(payload: Uint8Array): string {
  return new TextDecoder().decode(payload.subarray(0, 20)).split(" ", 1)[0] ?? "";
}
