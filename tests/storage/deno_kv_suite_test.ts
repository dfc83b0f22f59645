import { KvStorage } from "../../src/storage/deno_kv/deno_kv_storage.ts";
import { type StorageHarness, storageSuite } from "../../src/testing/storage_suite.ts";
import { givenSeed, Seeded } from "../seeded.ts";
import { MortalKv } from "./mortal_kv.ts";

const FILE: StorageHarness<string> = {
  isDurable: true,
  create: () => Deno.makeTempDir(),
  open: (folder) => KvStorage.open(`${folder}/brooklet.kv`, 20),
  lose: (_, folder) => Deno.remove(`${folder}/brooklet.kv`),
  remove: (folder) => Deno.remove(folder, { recursive: true }),
};

/** A database, and the last who uses it. */
interface MortalPlace {
  readonly kv: Deno.Kv;
  readonly random: Seeded;
  user: MortalKv;
}

const MORTAL: StorageHarness<MortalPlace> = {
  isDurable: true,
  create: async () => {
    const kv = await Deno.openKv(":memory:");
    const random = new Seeded(givenSeed().seed ?? 1);
    return { kv, random, user: new MortalKv(kv, random) };
  },
  open: (place) => {
    place.user = new MortalKv(place.kv, place.random);
    return KvStorage.over(place.user);
  },
  crash: (_, { user }) => {
    user.isDead = true;
  },
  failNextCommit: (_, { user }) => {
    user.failsNext = true;
  },
  remove: ({ kv }) => kv.close(),
};

for (const { name, run } of storageSuite(FILE, givenSeed())) Deno.test(`DenoKvStorage in a file ${name}`, run);
for (const { name, run } of storageSuite(MORTAL, givenSeed())) {
  Deno.test(`DenoKvStorage whose process may end at any time ${name}`, run);
}
