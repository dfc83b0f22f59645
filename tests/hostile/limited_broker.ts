// Program of the tests: a broker with limits of its own, given as JSON, in a process of its own. It answers each line of
// standard input with its metrics, as a line of JSON, with what it holds of memory once what it does not need is collected.
import { TextLineStream } from "@std/streams";
import { Broker, listenTcp } from "../../mod.ts";

const broker = await Broker.open({
  limits: JSON.parse(Deno.args[0] ?? "{}"),
  onEvent: (event) => {
    if (event.kind === "unexpectedError") console.error("Error:", event.error);
  },
});
const listener = listenTcp({ port: 0 });
console.error(`listening on ${listener.url}`);
const accepting = (async () => {
  for await (const transport of listener) broker.serve(transport); // Never rejects.
})();
for await (const _ of Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
  console.log(JSON.stringify({ ...broker.metrics, heldBytes: heldBytes() }));
}
listener.close();
await broker.close();
await accepting;

function heldBytes(): number {
  const collectGarbage: unknown = Reflect.get(globalThis, "gc"); // There with --v8-flags=--expose-gc.
  if (typeof collectGarbage === "function") collectGarbage();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
