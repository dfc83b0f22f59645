import type { Change, CommitItem } from "../../protocol/change.ts";
import { MemoryStorage } from "../../storage/memory.ts";
import type { Storage } from "../../storage/storage.ts";
import { compareKept, type Kept, keptOf, readKept } from "./kept.ts";

/** Harness of a storage for the suite; `Place` is where one stores its data: a path, a bucket, an object. */
export interface StorageHarness<Place> {
  /** Whether the storages that it opens promise to outlive the process. */
  readonly isDurable: boolean;
  /** Makes a new, empty place. */
  create(): Place | Promise<Place>;
  /** Opens a storage there; a durable one is opened again after it was closed. */
  open(place: Place): Storage | Promise<Storage>;
  /**
   * Ends the process of a durable storage, without `close`, perhaps during a commit; what was open is never used again.
   * Without it the suite does not test crashes.
   */
  crash?(storage: Storage, place: Place): void | Promise<void>;
  /** Makes the next commit that writes something reject, however far it has got by then. */
  failNextCommit?(storage: Storage, place: Place): void;
  /**
   * Takes its place away from an open storage, as another owner does, or deletes it. Without it the suite does not test
   * {@linkcode Storage.lost}.
   */
  lose?(storage: Storage, place: Place): void | Promise<void>;
  /** Cleans up after the storage was closed. */
  remove?(place: Place): void | Promise<void>;
}

/** One storage in one case of the suite. */
export class Trial<Place = unknown> {
  readonly harness: StorageHarness<Place>;
  readonly #place: Place;
  #storage: Storage;

  private constructor(harness: StorageHarness<Place>, place: Place, storage: Storage) {
    this.harness = harness;
    this.#place = place;
    this.#storage = storage;
  }

  /** Runs a check on a new storage. */
  static async run<Place>(
    harness: StorageHarness<Place>,
    check: (trial: Trial<Place>) => void | Promise<void>,
  ): Promise<void> {
    const place = await harness.create();
    try {
      const trial = new Trial(harness, place, await harness.open(place));
      try {
        await check(trial);
      } finally {
        await trial.#storage.close();
      }
    } finally {
      await harness.remove?.(place);
    }
  }

  get storage(): Storage {
    return this.#storage;
  }

  async commit(...changes: readonly CommitItem[]): Promise<void> {
    await this.#storage.commit(changes);
  }

  /** Closes the storage and opens it again. */
  async reopen(): Promise<void> {
    await this.#storage.close();
    this.#storage = await this.harness.open(this.#place);
  }

  /** Ends the storage without `close` and opens it again. */
  async crash(): Promise<void> {
    await this.harness.crash?.(this.#storage, this.#place);
    this.#storage = await this.harness.open(this.#place);
  }

  failNextCommit(): void {
    this.harness.failNextCommit?.(this.#storage, this.#place);
  }

  async lose(): Promise<void> {
    await this.harness.lose?.(this.#storage, this.#place);
  }

  /** Throws unless the storage contains exactly these changes, also after it was closed and opened again. */
  async keeps(changes: readonly Change[]): Promise<void> {
    await this.keepsAll(keptOf(changes));
  }

  async keepsAll(expected: Kept): Promise<void> {
    compareKept(await readKept(this.#storage), expected);
    if (!this.harness.isDurable) return;
    await this.reopen();
    compareKept(await readKept(this.#storage), expected, "opened again: ");
  }
}

/** Expected contents after changes, taken from the storage in memory, which has its own cases written out. */
export async function modelOf(changes: readonly CommitItem[]): Promise<Kept> {
  const model = new MemoryStorage();
  model.commit(changes);
  return await readKept(model);
}

/** A case: it passes, or throws an Error that says what is wrong. */
export interface Case {
  readonly name: string;
  /** Ability of the harness that the case needs. */
  readonly needs?: "isDurable" | "crash" | "failNextCommit" | "lose";
  check(trial: Trial): Promise<void>;
}
