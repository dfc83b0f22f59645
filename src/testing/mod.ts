/**
 * Suites for tests: {@linkcode storageSuite} checks each promise of the storage contract, and a case that throws names the
 * broken promise. It needs no test framework: pass each case to yours, as `Deno.test(name, run)`, or just run it.
 *
 * @example
 * ```ts
 * import { MemoryStorage } from "@brooklet/brooklet/storage";
 * import { storageSuite } from "@brooklet/brooklet/testing";
 *
 * const harness = { isDurable: false, create: () => undefined, open: () => new MemoryStorage() };
 * for (const { run } of storageSuite(harness)) await run();
 * ```
 *
 * @module
 */

export type { Storage } from "../storage/storage.ts";
export { type StorageCase, type StorageHarness, storageSuite, type StorageSuiteOptions } from "./storage_suite.ts";
