import { assert, assertEquals } from "@std/assert";
import type { TestBroker } from "./broker_process.ts";
import { bytes, connect, DISCONNECT, publish, type PublishOptions, RawClient, subscribe } from "./raw_client.ts";

/** Connects, expects this CONNACK, and ends without DISCONNECT. */
export async function inOneConnection(
  broker: TestBroker,
  options: { clientId: string; cleanStart: boolean },
  connack: string,
  run: (client: RawClient) => Promise<void>,
): Promise<void> {
  using client = await RawClient.open(broker);
  await client.send(connect(options));
  await client.expect(connack);
  await run(client);
}

export async function subscribed(broker: TestBroker, filter: string, qos: 0 | 1 | 2): Promise<RawClient> {
  const client = await RawClient.connect(broker, { clientId: `subscriber of ${filter} ${crypto.randomUUID()}` });
  await client.send(subscribe(1, filter, qos));
  await client.expect(`90 03 0001 0${qos}`);
  return client;
}

/** Publishes on a connection of its own; when it returns, the broker has taken the message. */
export async function publishOnce(broker: TestBroker, message: PublishOptions): Promise<void> {
  using client = await RawClient.connect(broker, { clientId: "once" });
  await client.send(publish(message));
  if (message.qos === 1) await client.expect("40 02 0001");
  if (message.qos === 2) {
    await client.expect("50 02 0001");
    await client.send("62 02 0001");
    await client.expect("70 02 0001");
  }
  await client.send(DISCONNECT);
  assertEquals(await client.closed(), "");
}

/** Packet Identifier of a PUBLISH with QoS 1 or 2 and less than 128 bytes. */
export function packetIdentifierOf(received: string): string {
  const topicLength = Number.parseInt(received.slice(4, 8), 16);
  return received.slice(8 + topicLength * 2, 12 + topicLength * 2);
}

/** Takes one PUBLISH of this QoS with its whole handshake and gives its payload. */
export async function deliver(client: RawClient, qos: 0 | 1 | 2): Promise<string> {
  const received = await client.packet();
  const topicLength = Number.parseInt(received.slice(4, 8), 16);
  assertEquals(received.slice(0, 2), `3${qos * 2}`);
  const rest = received.slice(8 + topicLength * 2);
  const identifier = qos === 0 ? "" : rest.slice(0, 4);
  if (qos === 1) await client.send(`4002${identifier}`);
  if (qos === 2) {
    await client.send(`5002${identifier}`);
    await client.expect(`6202${identifier}`);
    await client.send(`7002${identifier}`);
  }
  const payload = bytes(rest.slice(identifier.length));
  assert(payload.length < 100, "only short payloads have a header of two bytes");
  return new TextDecoder().decode(payload);
}
