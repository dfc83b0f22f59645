/** Opens a file of Deno KV in a process with permissions of its own, and closes it unless it is to stay. */

import { DenoKvStorage } from "../../src/storage/deno_kv/deno_kv_storage.ts";

const [path = "", stay] = Deno.args;
try {
  const storage = await DenoKvStorage.open(path);
  if (stay === undefined) await storage.close();
  console.log("opened");
  if (stay !== undefined) setInterval(() => {}, 1_000); // Until it is killed.
} catch (error) {
  console.log(error instanceof Error ? error.message : String(error));
}
