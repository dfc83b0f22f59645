import { Broker, type BrokerOptions, type Storage } from "../../mod.ts";
import { type Change, type CommitItem, MemoryStorage } from "../../src/storage/mod.ts";
import { KvStorage } from "../../src/storage/deno_kv/deno_kv_storage.ts";
import type { Seeded } from "../seeded.ts";
import { MortalKv } from "../storage/mortal_kv.ts";

/** What brokers that follow each other keep; each of them may end in the middle of a commit. */
export interface MortalPlace {
  open(): Promise<Storage>;
  /** Whatever the storage does from now on is too late. */
  kill(): void;
  end(): void;
}

/** A broker that can be killed, and opened again. */
export class MortalBroker {
  broker: Broker;
  readonly #place: MortalPlace;
  readonly #options: BrokerOptions;

  private constructor(place: MortalPlace, options: BrokerOptions, broker: Broker) {
    this.#place = place;
    this.#options = options;
    this.broker = broker;
  }

  static async open(place: MortalPlace, options: BrokerOptions): Promise<MortalBroker> {
    return new MortalBroker(place, options, await Broker.open({ ...options, storage: await place.open() }));
  }

  /** As SIGTERM, or as SIGKILL; then another one begins. */
  async restart(isKilled: boolean): Promise<void> {
    if (isKilled) this.#place.kill();
    await this.broker.close();
    this.broker = await Broker.open({ ...this.#options, storage: await this.#place.open() });
  }

  async close(): Promise<void> {
    await this.broker.close();
    this.#place.end();
  }
}

/** A place in memory. */
export function mortalMemory(random: Seeded): MortalPlace {
  const inner = new MemoryStorage();
  let storage: MortalMemory | undefined;
  return {
    open: () => Promise.resolve(storage = new MortalMemory(inner, random)),
    kill: () => storage?.kill(),
    end: () => {},
  };
}

/** A database of Deno KV. */
export async function mortalKv(random: Seeded): Promise<MortalPlace> {
  const kv = await Deno.openKv(":memory:");
  let user: MortalKv | undefined;
  return {
    open: () => KvStorage.over(user = new MortalKv(kv, random)),
    kill: () => {
      if (user !== undefined) user.isDead = true;
    },
    end: () => kv.close(),
  };
}

/** Keeps a prefix of the list that is under way when it is killed. */
class MortalMemory implements Storage {
  readonly isDurable = true;
  readonly #inner: MemoryStorage;
  readonly #random: Seeded;
  #isDead = false;

  constructor(inner: MemoryStorage, random: Seeded) {
    this.#inner = inner;
    this.#random = random;
  }

  restore(): AsyncIterable<Change> {
    return this.#inner.restore();
  }

  restoreSession(clientId: string, afterSequence?: number): AsyncIterable<Change> {
    return this.#inner.restoreSession(clientId, afterSequence);
  }

  async commit(changes: readonly CommitItem[]): Promise<void> {
    if (this.#isDead) throw new Error("the process has ended");
    const kept = this.#random.integer(0, changes.length);
    this.#inner.commit(changes.slice(0, kept));
    if (this.#random.oneIn(4)) await new Promise((resolve) => setTimeout(resolve, 0));
    else await Promise.resolve();
    if (this.#isDead) throw new Error("the process has ended");
    this.#inner.commit(changes.slice(kept));
  }

  async close(): Promise<void> {}

  kill(): void {
    this.#isDead = true;
  }
}
