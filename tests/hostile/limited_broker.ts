// Program of the tests: a broker with limits of its own, in a process of its own. Arguments: the limits as JSON, the path of a
// database, or nothing if it is to have none, and how many access rules of a plant it is to have. It answers each line of
// standard input with its metrics, as a line of JSON, with what it holds of memory once what it does not need is collected,
// and how long its event loop was held since it was asked last.
import { TextLineStream } from "@std/streams";
import { Broker, listenTcp } from "../../mod.ts";
import { AccessControl } from "../../src/auth/mod.ts";
import { DenoKvStorage } from "../../src/storage/mod.ts";
import { heldBytes } from "./held_bytes.ts";
import { Stalls } from "./stalls.ts";

const [limits = "{}", path = "", rules = "0"] = Deno.args;
const everyone = Array.from(
  { length: Number(rules) },
  (_, index) => ({ access: "read", pattern: `plant/${index}/%c/#` } as const),
);
const broker = await Broker.open({
  limits: JSON.parse(limits),
  ...(path === "" ? {} : { storage: await DenoKvStorage.open(path) }),
  ...(everyone.length === 0 ? {} : { authorizer: new AccessControl({ everyone }) }),
  onEvent: (event) => {
    if (event.kind === "unexpectedError") console.error("Error:", event.error);
  },
});
const listener = listenTcp({ port: 0 });
console.error(`listening on ${listener.url}`);
const stalls = new Stalls();
const accepting = (async () => {
  for await (const transport of listener) broker.serve(transport); // Never rejects.
})();
for await (const _ of Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
  const stallMs = stalls.takeMs();
  console.log(JSON.stringify({ ...broker.metrics, heldBytes: heldBytes(), stallMs }));
  stalls.takeMs(); // Collecting garbage is what was asked for.
}
stalls.close();
listener.close();
await broker.close();
await accepting;
