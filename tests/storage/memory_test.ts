import { MemoryStorage } from "../../src/storage/mod.ts";
import { storageSuite } from "../../src/testing/storage_suite.ts";
import { givenSeed } from "../seeded.ts";

const HARNESS = { isDurable: false, create: () => undefined, open: () => new MemoryStorage() };

for (const { name, run } of storageSuite(HARNESS, givenSeed())) Deno.test(`MemoryStorage ${name}`, run);
