// Program of the tests: 50 clients that are connected subscribe to `#` in the same moment, and read what comes. Argument: a
// port.
import { bytes, CONNACK, connect, packet, text, uint16 } from "../interop/raw_client.ts";
import { readToEnd, writeAll } from "./sockets.ts";

const CLIENTS = 50;

const [port = "0"] = Deno.args;
const clients = await Promise.all(Array.from({ length: CLIENTS }, (_, index) => open(`reader ${index}`)));
const subscribe = bytes(packet("82", uint16(1), `${text("#")}00`));
await Promise.all(clients.map((client) => writeAll(client, subscribe)));
console.log("flooding");
await Promise.all(clients.map(readToEnd));

async function open(clientId: string): Promise<Deno.Conn> {
  const client = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  await writeAll(client, bytes(connect({ clientId, keepAliveSeconds: 0 })));
  await client.read(bytes(CONNACK)); // Into a buffer of its size.
  return client;
}
