import { Broker } from "../src/broker/broker.ts";
import type { QoS } from "../src/codec/packet.ts";
import { NO_PROPERTIES } from "../src/codec/property.ts";
import { bytesOf, PipeClient, publishBytes } from "./pipe_client.ts";

const MESSAGES = 1_000;
const PAYLOAD_BYTES = 64;
/** As many as the broker sends without an acknowledgement. */
const IN_FLIGHT = 100;
const ACKNOWLEDGEMENT_BYTES = 4;
const PINGREQ = bytesOf({ type: "pingreq" });
const QOS: readonly QoS[] = [0, 1, 2];

const broker = await Broker.open();

for (const qos of QOS) {
  const topic = `in/${qos}`;
  const client = await PipeClient.connect(broker, `in-${qos}`);
  const { bytes } = publishBytes(topic, qos, PAYLOAD_BYTES, MESSAGES);
  const releases = acknowledgements("pubrel", Array.from({ length: MESSAGES }, (_, index) => index + 1));
  Deno.bench(`${MESSAGES} PUBLISH QoS ${qos} of a client`, { group: "in", baseline: qos === 0 }, async () => {
    await client.write(bytes.slice());
    if (qos === 0) {
      await client.write(PINGREQ); // Behind all the others.
      await client.read(2);
    } else {
      await client.read(MESSAGES * ACKNOWLEDGEMENT_BYTES); // PUBACK or PUBREC
    }
    if (qos < 2) return;
    await client.write(releases);
    await client.read(MESSAGES * ACKNOWLEDGEMENT_BYTES); // PUBCOMP
  });
}

for (const qos of QOS) {
  const topic = `out/${qos}`;
  const client = await PipeClient.connect(broker, `out-${qos}`);
  await client.subscribe(topic, qos);
  const { frameBytes } = publishBytes(topic, qos, PAYLOAD_BYTES, 1);
  const payload = new Uint8Array(PAYLOAD_BYTES);
  Deno.bench(`${MESSAGES} PUBLISH QoS ${qos} to a client`, { group: "out", baseline: qos === 0 }, async () => {
    for (let done = 0; done < MESSAGES; done += IN_FLIGHT) {
      const publishing = Array.from({ length: IN_FLIGHT }, () => broker.publish(topic, payload, { qos }));
      const chunks = await client.read(frameBytes * IN_FLIGHT);
      await Promise.all(publishing);
      if (qos === 0) continue;
      const identifiers = identifiersIn(chunks, frameBytes, topic);
      await client.write(acknowledgements(qos === 1 ? "puback" : "pubrec", identifiers));
      if (qos === 2) {
        await client.read(IN_FLIGHT * ACKNOWLEDGEMENT_BYTES); // PUBREL
        await client.write(acknowledgements("pubcomp", identifiers));
      }
    }
  });
}

/** Packet Identifiers of PUBLISH packets that all have the same length. */
function identifiersIn(chunks: readonly Uint8Array[], frameBytes: number, topic: string): number[] {
  const bytes = Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
  const view = new DataView(bytes.buffer);
  const place = 2 + 2 + topic.length;
  return Array.from({ length: bytes.length / frameBytes }, (_, index) => view.getUint16(index * frameBytes + place));
}

function acknowledgements(
  type: "puback" | "pubrec" | "pubrel" | "pubcomp",
  identifiers: readonly number[],
): Uint8Array {
  return Uint8Array.from(
    identifiers.flatMap((packetIdentifier) => [
      ...bytesOf({ type, packetIdentifier, reasonCode: 0, properties: NO_PROPERTIES }),
    ]),
  );
}
