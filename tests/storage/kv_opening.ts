/** Opens a file of Deno KV and closes it, in a process with permissions of its own. */

import { DenoKvStorage } from "../../src/storage/deno_kv.ts";

const [path = ""] = Deno.args;
try {
  await (await DenoKvStorage.open(path)).close();
  console.log("opened");
} catch (error) {
  console.log(error instanceof Error ? error.message : String(error));
}
