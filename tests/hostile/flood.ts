// Program of the tests: a publisher that sends QoS 0 messages as fast as it can. Arguments: a port, a Client Identifier.
import { bytes, CONNACK, connect, publish, RawClient } from "../interop/raw_client.ts";

const [port = "0", clientId = ""] = Deno.args;
const client = await RawClient.open({ port: Number(port) });
await client.send(connect({ clientId }));
await client.expect(CONNACK);
const messages = bytes(publish({ topic: "load", payload: "0123456789" }).repeat(50_000));
console.log("flooding");
for (;;) await client.sendBytes(messages);
