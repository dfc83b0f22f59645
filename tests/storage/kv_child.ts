/** Keeps a message in the file that is its argument, says so, and waits to be killed. */

import { DenoKvStorage } from "../../src/storage/mod.ts";
import { message, queued, started } from "./kv_changes.ts";

const [path = ""] = Deno.args;
const storage = await DenoKvStorage.open(path);
await storage.commit([started("c"), queued("c", 1, message("one"))]);
console.log("kept");
await Deno.stdin.readable.pipeTo(new WritableStream());
