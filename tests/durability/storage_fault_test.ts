/** One scenario, and a fault at each call of its storage. */

import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import type { Storage } from "../../mod.ts";
import { MemoryStorage } from "../../src/storage/mod.ts";
import { KvStorage } from "../../src/storage/deno_kv/deno_kv_storage.ts";
import type { KvDatabase } from "../../src/storage/deno_kv/rows.ts";
import { printFigure } from "../hostile/broker_child.ts";
import { type Fault, FAULTS } from "./faulty_storage.ts";
import { runFaultScenario } from "./fault_scenario.ts";
import { KvFile } from "./kv_file.ts";
import { inForm, IS_LONGEST } from "../form.ts";

const LEAST_CALLS = 60;

interface Kind {
  readonly name: string;
  /** Opens what the last one has kept. */
  readonly withStorage: (run: (open: () => Promise<Storage>) => Promise<void>) => Promise<void>;
}

const KINDS: Kind[] = [
  {
    name: "memory",
    async withStorage(run) {
      const storage = new MemoryStorage();
      await run(() => Promise.resolve(storage));
    },
  },
  {
    name: "Deno KV",
    async withStorage(run) {
      using kv = await Deno.openKv(":memory:");
      const database: KvDatabase = {
        get: (key) => kv.get(key),
        list: (selector, options) => kv.list(selector, options),
        atomic: () => kv.atomic(),
        close: () => {}, // It is opened again.
      };
      await run(() => KvStorage.over(database));
    },
  },
];
if (IS_LONGEST) {
  KINDS.push({
    name: "Deno KV in a file",
    async withStorage(run) {
      await using file = await KvFile.create();
      await run(() => KvStorage.open(file.path));
    },
  });
}

/** All; or one that fails and one that crashes, in turn; or one of all. */
function faultsAt(call: number): readonly Fault[] {
  const every = inForm(6, 3, 1);
  return FAULTS.filter((_, index) => index % every === call % every);
}

for (const { name, withStorage } of KINDS) {
  Deno.test(`A fault at any call of the storage loses nothing that was acknowledged, and doubles no QoS 2: ${name}`, async () => {
    let calls = 0;
    await withStorage(async (open) => {
      calls = await runFaultScenario(open, 0);
    });
    let runs = 0;
    const wrong: string[] = [];
    for (let call = 1; call <= calls; call++) {
      for (const fault of faultsAt(call)) {
        runs += 1;
        await withStorage(async (open) => {
          await runFaultScenario(open, call, fault);
        }).catch((error: Error) => wrong.push(`call ${call} ${fault}: ${error.message}`));
      }
    }
    printFigure(
      `${name}: ${calls} calls of the storage, ${runs} runs with a fault at one of them, ${wrong.length} wrong`,
    );
    assertEquals(wrong, []);
    assertGreaterOrEqual(calls, LEAST_CALLS);
  });
}
