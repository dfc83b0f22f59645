/**
 * One suite that every storage passes: each promise of the storage contract is a case, and a case that throws says what is
 * not kept. It needs no test framework: give each case to the one you have, as `Deno.test(name, run)`, or just run it.
 *
 * ```ts
 * import { MemoryStorage } from "../../mod.ts";
 * import { storageSuite } from "./storage_suite.ts";
 *
 * const harness = { isDurable: false, create: () => undefined, open: () => new MemoryStorage() };
 * for (const { run } of storageSuite(harness)) await run();
 * ```
 *
 * @module
 */

import { CONTENT_CASES } from "./suite/content_cases.ts";
import { FAILING_READ_CASES } from "./suite/failing_read_cases.ts";
import { PROMISE_CASES } from "./suite/promise_cases.ts";
import { randomCases } from "./suite/random_cases.ts";
import { SESSION_CASES } from "./suite/session_cases.ts";
import { type StorageHarness, Trial } from "./suite/trial.ts";

export type { StorageHarness };

/** A case of the suite: behind the name of the storage, its name is a sentence. */
export interface StorageCase {
  readonly name: string;
  /** Resolves when the storage does as it promises. */
  run(): Promise<void>;
}

/** How {@linkcode storageSuite} runs. */
export interface StorageSuiteOptions {
  /** For what is random; an error names it. @default the time */
  readonly seed?: number;
}

/** The cases of the suite, those left out that need what the harness does not have. Each runs in a place of its own. */
export function storageSuite<Place>(
  harness: StorageHarness<Place>,
  options: StorageSuiteOptions = {},
): readonly StorageCase[] {
  const { seed = Date.now() >>> 0 } = options;
  return [...PROMISE_CASES, ...SESSION_CASES, ...CONTENT_CASES, ...FAILING_READ_CASES, ...randomCases(seed)]
    .filter(({ needs }) => needs === undefined || Boolean(harness[needs]))
    .map(({ name, check }) => ({ name, run: () => Trial.run(harness, check) }));
}
