// Program of the tests: opens connections as fast as it can, and closes each at once. Arguments: a port, and what each says
// before: "nothing", "connect" or "properties", which is a CONNECT of 126 KB with 18,000 of them.
import { bytes, connect } from "../interop/raw_client.ts";
import { writeAll } from "./sockets.ts";

const AT_ONCE = 500;
const PROPERTIES = 18_000;

const [port = "0", says = "nothing"] = Deno.args;
const first = firstBytes();
console.log("flooding");
await Promise.all(Array.from({ length: AT_ONCE }, open));

async function open(): Promise<never> {
  for (;;) {
    try {
      using conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
      if (first !== undefined) await writeAll(conn, first);
    } catch {
      // Refused, or out of ports for the moment: the next one may be let in.
    }
  }
}

function firstBytes(): Uint8Array | undefined {
  if (says === "nothing") return undefined;
  if (says === "connect") return bytes(connect({ clientId: "flood" }));
  return bytes(connect({ clientId: "flood", version: 5, properties: "26000161000162".repeat(PROPERTIES) }));
}
