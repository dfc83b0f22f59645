/** What MQTT.js does over one transport, part by part. Deno runs it as it is, Node without its types. */
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import process from "node:process";
import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from "mqtt";

const [url = "", version = "4", authorityPath = "", prefix = "", part = "conversation"] = process.argv.slice(2);
const protocolVersion = version === "5" ? 5 : 4;

/** A client with what it got; `received` resolves as soon as there are so many. */
interface Receiver {
  readonly client: MqttClient;
  readonly packets: IPublishPacket[];
  received(count: number): Promise<void>;
}

tell("runtime", ["Deno" in globalThis ? "Deno" : "Node"]);
if (part === "will") await stayWithWill();
else await converse();

async function converse(): Promise<void> {
  await everyQos();
  await retained();
  await durableSession();
  await bigMessage();
  await manyMessages();
}

async function everyQos(): Promise<void> {
  const { client, packets, received } = await open();
  await client.subscribeAsync(`${prefix}qos/+`, { qos: 2 });
  for (const qos of [0, 1, 2] as const) await client.publishAsync(`${prefix}qos/a`, `sent ${qos}`, { qos });
  await received(3);
  tell("QoS", packets.map(({ payload, qos }) => `${payload} got ${qos}`));
  await client.endAsync();
}

async function retained(): Promise<void> {
  const publisher = await open();
  await publisher.client.publishAsync(`${prefix}kept`, "kept", { qos: 1, retain: true });
  const late = await open();
  await late.client.subscribeAsync(`${prefix}kept`, { qos: 1 });
  await late.received(1);
  await publisher.client.publishAsync(`${prefix}kept`, "", { qos: 1, retain: true });
  await late.received(2);
  tell("retained", late.packets.map(({ payload, retain }) => `${payload} ${retain}`));
  await Promise.all([publisher.client.endAsync(), late.client.endAsync()]);
}

async function durableSession(): Promise<void> {
  const durable: IClientOptions = {
    clientId: `${prefix}durable`,
    clean: false,
    ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 3_600 } } : {}),
  };
  const first = await open(durable);
  await first.client.subscribeAsync(`${prefix}queue`, { qos: 1 });
  await first.client.endAsync();
  const publisher = await open();
  for (const payload of ["one", "two", "three"]) {
    await publisher.client.publishAsync(`${prefix}queue`, payload, { qos: 1 });
  }
  const second = await open(durable);
  await second.received(3);
  tell("session", second.packets.map(({ payload }) => `${payload}`));
  await Promise.all([publisher.client.endAsync(), second.client.endAsync()]);
}

async function bigMessage(): Promise<void> {
  const { client, packets, received } = await open();
  const sent = Buffer.alloc(1_000_000, "0123456789abcdefghi");
  await client.subscribeAsync(`${prefix}big`, { qos: 1 });
  await client.publishAsync(`${prefix}big`, sent, { qos: 1 });
  await received(1);
  tell("1 MB", packets.map(({ payload }) => sent.equals(Buffer.from(payload))));
  await client.endAsync();
}

async function manyMessages(): Promise<void> {
  const { client, packets, received } = await open();
  const sent = Array.from({ length: 1_000 }, (_, index) => `${index}`);
  await client.subscribeAsync(`${prefix}many`, { qos: 1 });
  await Promise.all(sent.map((payload) => client.publishAsync(`${prefix}many`, payload, { qos: 1 })));
  await received(sent.length);
  const inOrder = packets.filter(({ payload }, index) => `${payload}` === sent[index]);
  tell("in order", [packets.length, inOrder.length]);
  await client.endAsync();
}

/** Until it is killed. */
async function stayWithWill(): Promise<void> {
  await open({ will: { topic: `${prefix}will`, payload: Buffer.from("gone"), qos: 1, retain: false } });
  tell("connected", []);
}

async function open(options: IClientOptions = {}): Promise<Receiver> {
  const client = connect(url, {
    protocolVersion,
    reconnectPeriod: 0,
    ...(authorityPath === "" ? {} : { ca: readFileSync(authorityPath) }),
    ...options,
  });
  const packets: IPublishPacket[] = [];
  // Before CONNACK is read: what a session has queued comes in the same segment.
  client.on("message", (_topic, _payload, packet) => packets.push(packet));
  await new Promise<unknown>((resolve, reject) => client.once("connect", resolve).once("error", reject));
  const received = async (count: number): Promise<void> => {
    while (packets.length < count) await new Promise((resolve) => client.once("message", resolve));
  };
  return { client, packets, received };
}

function tell(what: string, values: readonly unknown[]): void {
  console.log(`${what}: ${JSON.stringify(values)}`);
}
