/**
 * Prints, as JSON, the files of `src/` in which code runs from a PUBLISH until all that follows from it is done: one with
 * QoS 0 through a broker in memory, and one with QoS 2 between sessions that Deno KV keeps. A process of its own, because
 * counting the calls of every function makes it slow.
 */

import { Session } from "node:inspector/promises";
import { Broker, listenTcp, type Storage } from "../../mod.ts";
import { DenoKvStorage, MemoryStorage } from "../../src/storage/mod.ts";
import { publish, RawClient, subscribe } from "../interop/raw_client.ts";

type Exchange = (publisher: RawClient, subscriber: RawClient, round: number) => Promise<void>;

const SOURCE = new URL("../../src/", import.meta.url).href;

/** Runs an exchange twice: what only the first message of all makes is not counted. */
async function filesOf(storage: Storage, qos: number, exchange: Exchange): Promise<string[]> {
  // With a clock of our own the broker has no timer, whose work is not of this message.
  await using broker = await Broker.open({ storage, clock: () => 1_000_000 });
  const listener = listenTcp({ port: 0 });
  acceptAll(listener, broker);
  const { port } = listener;
  const cleanStart = qos === 0;
  using subscriber = await RawClient.connect({ port }, { clientId: "s", cleanStart });
  using publisher = await RawClient.connect({ port }, { clientId: "p", cleanStart });
  await subscriber.send(subscribe(1, "t", qos));
  await subscriber.expect(`90 03 0001 0${qos}`);
  await exchange(publisher, subscriber, 1);
  await Promise.all([publisher.expectSilence(), subscriber.expectSilence()]);
  using profiler = await Profiler.start();
  await exchange(publisher, subscriber, 2);
  const files = await profiler.files();
  listener.close();
  return files;
}

async function acceptAll(listener: ReturnType<typeof listenTcp>, broker: Broker): Promise<void> {
  for await (const transport of listener) broker.serve(transport); // It never rejects.
}

class Profiler implements Disposable {
  readonly #session = new Session();

  static async start(): Promise<Profiler> {
    const profiler = new Profiler();
    profiler.#session.connect();
    await profiler.#session.post("Profiler.enable");
    await profiler.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
    await profiler.#session.post("Profiler.takePreciseCoverage"); // It begins anew.
    return profiler;
  }

  /** Files of `src/` with a function that was called. */
  async files(): Promise<string[]> {
    const { result } = await this.#session.post("Profiler.takePreciseCoverage");
    const called = result.filter(({ url, functions }) =>
      url.startsWith(SOURCE) &&
      functions.some(({ functionName, ranges }) => functionName !== "" && ranges.some(({ count }) => count > 0))
    );
    return called.map(({ url }) => url.slice(SOURCE.length)).sort();
  }

  [Symbol.dispose](): void {
    this.#session.disconnect();
  }
}

const folder = await Deno.makeTempDir();
try {
  const qos0 = await filesOf(new MemoryStorage(), 0, async (publisher, subscriber) => {
    await publisher.send(publish({ topic: "t" }));
    await subscriber.expect(publish({ topic: "t" }));
  });
  const qos2 = await filesOf(await DenoKvStorage.open(`${folder}/a.kv`), 2, async (publisher, subscriber, round) => {
    await publisher.send(publish({ topic: "t", qos: 2, packetIdentifier: 7 }));
    await publisher.expect("50 02 0007");
    await publisher.send("62 02 0007");
    await publisher.expect("70 02 0007");
    await subscriber.expect(publish({ topic: "t", qos: 2, packetIdentifier: round }));
    await subscriber.send(`50 02 000${round}`);
    await subscriber.expect(`62 02 000${round}`);
    await subscriber.send(`70 02 000${round}`);
    await subscriber.expectSilence();
  });
  console.log(JSON.stringify({ qos0, qos2 }));
} finally {
  await Deno.remove(folder, { recursive: true });
}
Deno.exit(0);
