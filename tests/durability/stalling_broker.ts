// Program of the tests: a broker on a storage that is slow, in a process of its own. Argument: how many changes it keeps in
// a second. Standard input: "stall MS" has no commit come through for so long; "figures" is answered with a line of JSON.
import { TextLineStream } from "@std/streams";
import { Broker, listenTcp } from "../../mod.ts";
import { heldBytes } from "../hostile/held_bytes.ts";
import { SlowStorage } from "./slow_storage.ts";

const storage = new SlowStorage(Number(Deno.args[0] ?? Infinity));
const broker = await Broker.open({
  storage,
  limits: { maximumQueuedMessages: Infinity, maximumQueuedBytes: Infinity },
  onEvent: (event) => {
    if (event.kind === "unexpectedError") console.error("Error:", event.error);
  },
});
const listener = listenTcp({ port: 0 });
console.error(`listening on ${listener.url}`);
const accepting = (async () => {
  for await (const transport of listener) broker.serve(transport); // Never rejects.
})();
for await (const line of Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
  const [command, argument] = line.split(" ");
  if (command === "stall") storage.stall(Number(argument));
  else {console.log(
      JSON.stringify({ ...storage.figures, connections: broker.metrics.connections, heldBytes: heldBytes() }),
    );}
}
listener.close();
await broker.close();
await accepting;
