/**
 * The broker without any socket: it is a part of this program, and a client of any kind talks to it over streams.
 *
 * Run: deno run examples/in_process.ts
 */

import { Broker, memoryTransport } from "@brooklet/brooklet";
import { PacketDecoderStream, PacketEncoder } from "@brooklet/brooklet/codec";

await using broker = await Broker.open();

// Read and publish as a part of the program.
const doors = broker.subscribe("door/+");
await broker.publish("door/1", "open");
const { value: message } = await doors.next();
console.log(message?.topic, message?.text());

// Or speak MQTT to it, over a pair of streams.
const { server, client } = memoryTransport();
const served = broker.serve(server); // Never rejects.
const encoder = new PacketEncoder({ protocolVersion: 5 });
const writer = client.writable.getWriter();
await writer.write(encoder.encodeBatch([
  {
    type: "connect",
    protocolVersion: 5,
    isBridge: false,
    cleanStart: true,
    keepAliveSeconds: 0,
    clientId: "in-process",
    will: undefined,
    userName: undefined,
    password: undefined,
    properties: {},
  },
  {
    type: "publish",
    dup: false,
    qos: 0,
    retain: false,
    topic: "door/2",
    packetIdentifier: 0,
    properties: {},
    payload: new TextEncoder().encode("closed"),
  },
  { type: "disconnect", reasonCode: 0, properties: {} },
]));
for await (const batch of client.readable.pipeThrough(new PacketDecoderStream({ protocolVersion: 5 }))) {
  for (const packet of batch) console.log(packet.type);
}
await served;
const { value: second } = await doors.next();
console.log(second?.topic, second?.text());
