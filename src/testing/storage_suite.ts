import { CONTENT_CASES } from "./storage_suite/content_cases.ts";
import { PROMISE_CASES } from "./storage_suite/promise_cases.ts";
import { randomCases } from "./storage_suite/random_cases.ts";
import { SESSION_CASES } from "./storage_suite/session_cases.ts";
import { type StorageHarness, Trial } from "./storage_suite/trial.ts";

export type { StorageHarness };

/** A case of the suite: its name makes a sentence after the name of the storage. */
export interface StorageCase {
  /** Promise that it checks. */
  readonly name: string;
  /** Resolves when the storage keeps this promise. */
  run(): Promise<void>;
}

/** Options of {@linkcode storageSuite}. */
export interface StorageSuiteOptions {
  /** Seed of the random cases; an error names it. @default the time */
  readonly seed?: number;
}

/** Cases of the suite, without those that need more than the harness can do. Each runs in a place of its own. */
export function storageSuite<Place>(
  harness: StorageHarness<Place>,
  options: StorageSuiteOptions = {},
): readonly StorageCase[] {
  const { seed = Date.now() >>> 0 } = options;
  return [...PROMISE_CASES, ...SESSION_CASES, ...CONTENT_CASES, ...randomCases(seed)]
    .filter(({ needs }) => needs === undefined || Boolean(harness[needs]))
    .map(({ name, check }) => ({ name, run: () => Trial.run(harness, check) }));
}
