import { storageSuite } from "../../src/testing/storage_suite.ts";
import { givenSeed } from "../seeded.ts";
import { logHarness, LogStorage } from "./log_storage.ts";

for (const { name, run } of storageSuite(logHarness((log) => new LogStorage(log)), givenSeed())) {
  Deno.test(`LogStorage ${name}`, run);
}
