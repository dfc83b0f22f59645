import { Broker, listenTcp, type Storage, type TcpListener } from "../../mod.ts";
import { DurableClient } from "./durable_client.ts";
import { type CountedFault, FaultyStorage } from "./faulty_storage.ts";

const TICK_MS = 100;

/** A broker of which a storage call goes wrong, and that is started again when it has crashed. Its time goes fast. */
export class FaultyBroker {
  readonly #open: () => Promise<Storage>;
  readonly #faults: CountedFault;
  #running: { readonly broker: Broker; readonly listener: TcpListener; readonly accepting: Promise<void> } | undefined;
  #starting: Promise<number> | undefined;
  #nowMs = 1_000_000;
  readonly #ticking = setInterval(() => {
    this.#nowMs += TICK_MS;
    this.#running?.broker.tick(this.#nowMs);
  }, 1);

  constructor(open: () => Promise<Storage>, faults: CountedFault) {
    this.#open = open;
    this.#faults = faults;
  }

  /** Port of a broker that runs; whoever asks while one starts gets the same. */
  port(): Promise<number> {
    this.#starting ??= this.#start().finally(() => this.#starting = undefined);
    return this.#starting;
  }

  /** Ends it, and opens its storage again. */
  async restart(): Promise<void> {
    await this.#stop();
    for (let isStarted = false; !isStarted;) isStarted = await this.port().then(() => true, () => false);
  }

  /** What is retained on these topics. */
  async retained(topics: readonly string[]): Promise<(string | undefined)[]> {
    const found = new Map<string, string>();
    const reader = new DurableClient("reader", 5, {
      message: ({ topic, payload }) => found.set(topic, new TextDecoder().decode(payload)),
    });
    await reader.connect(await this.port(), { cleanStart: true });
    for (const topic of topics) await reader.subscribe(topic, 0);
    await reader.ping();
    await reader.drop();
    return topics.map((topic) => found.get(topic));
  }

  async end(): Promise<void> {
    clearInterval(this.#ticking);
    await this.#stop();
  }

  async #start(): Promise<number> {
    if (this.#faults.isCrashed) await this.#stop();
    if (this.#running === undefined) {
      const storage = new FaultyStorage(await this.#open(), this.#faults);
      const options = { storage, clock: () => this.#nowMs, limits: { connectTimeoutMs: Infinity } };
      const broker = await Broker.open(options).catch(async (error) => {
        await storage.close().catch(() => {}); // What it could not do is said by the error.
        this.#faults.isCrashed = false;
        throw error;
      });
      const listener = listenTcp({ port: 0 });
      const accepting = (async () => {
        for await (const transport of listener) broker.serve(transport); // Never rejects.
      })();
      this.#running = { broker, listener, accepting };
    }
    return this.#running.listener.port;
  }

  async #stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (running !== undefined) {
      running.listener.close();
      await running.broker.close().catch(() => {}); // The fault was at its end.
      await running.accepting;
    }
    this.#faults.isCrashed = false; // There is a new process.
  }
}
