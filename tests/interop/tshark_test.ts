import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { TestBroker } from "./broker_process.ts";
import { captureFile } from "./capture_file.ts";
import { interopTests } from "./interop_tests.ts";
import { MosquittoSub, publish } from "./mosquitto_clients.ts";
import { type Address, RawClient } from "./raw_client.ts";
import { RecordingProxy } from "./recording_proxy.ts";

const test = interopTests(["stdbuf", "mosquitto_pub", "mosquitto_sub", "tshark"]);
const MQTT_PORT = 1883;
const COMPLAINT = /Malformed|Dissector bug|Unknown|Invalid/;

test("seed 2-2, 2-3, 2-12: Wireshark shows what the article shows", async (broker) => {
  const shown = await dissected(broker, (proxy) =>
    publish(proxy, [
      ...["-V", "311", "-k", "60", "-i", "861694030142473", "-u", "libaineu2004", "-P", "12345678"],
      ...["-t", "test", "-m", "abc"],
    ]));
  for (const part of ["Connect Command", "Msg Len: 51", "Connect Ack", "Acknowledge Flags: 0x00", "Return Code: "]) {
    assertStringIncludes(shown, part);
  }
});

test("seed 2-12: what is said of a packet that is malformed is seen here", async (broker) => {
  const shown = await dissected(broker, async (proxy) => {
    using client = await RawClient.connect(proxy, { clientId: "client" });
    await client.send("30 03 0009 61");
    await client.closed();
  });
  assertMatch(shown, COMPLAINT);
});

const PACKETS = [
  ...["Connect Command", "Connect Ack", "Subscribe Request", "Subscribe Ack", "Publish Message", "Publish Ack"],
  ...["Publish Received", "Publish Release", "Publish Complete", "Disconnect Req"],
];

for (const version of ["mqttv31", "mqttv311", "mqttv5"]) {
  test(`seed 2-12: Wireshark knows every packet of a conversation, ${version}`, async (broker) => {
    const shown = await dissected(broker, (proxy) => converse(proxy, ["-V", version], broker));
    for (const packet of PACKETS) assertStringIncludes(shown, packet);
    assertEquals(shown.split("\n").filter((line) => COMPLAINT.test(line)), []);
  });
}

async function converse(proxy: Address, V: readonly string[], { named }: TestBroker): Promise<void> {
  const count = 4;
  const filter = ["-t", named("test/+"), "-q", "2", "-C", `${count}`];
  await using subscriber = await MosquittoSub.start(proxy, [...V, ...filter]);
  for (const qos of ["0", "1", "2"]) {
    await publish(proxy, [...V, "-t", named("test/a"), "-q", qos, "-m", `sent ${qos}`, "-r"]);
  }
  await publish(proxy, [...V, "-t", named("test/big"), "-q", "1", "-s"], "x".repeat(100_000));
  await subscriber.messages(count);
  await subscriber.ended();
}

/** What tshark says of all that is said to the broker in a conversation. */
async function dissected(broker: Address, converse: (proxy: Address) => Promise<void>): Promise<string> {
  const proxy = new RecordingProxy(broker);
  try {
    await converse(proxy);
  } finally {
    await proxy[Symbol.asyncDispose](); // Until the last of it has gone through.
  }
  const path = await Deno.makeTempFile({ suffix: ".pcap" });
  try {
    await Deno.writeFile(path, captureFile(proxy.segments, MQTT_PORT));
    const args = ["-r", path, "-d", `tcp.port==${MQTT_PORT},mqtt`, "-O", "mqtt"];
    const { success, stdout, stderr } = await new Deno.Command("tshark", { args }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(path);
  }
}
