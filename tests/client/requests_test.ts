import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Broker, type Properties } from "../../mod.ts";
import { Client, RefusedError } from "../../src/client/mod.ts";
import { ACCEPTED, ACCEPTED_311, converse } from "./scripted_server.ts";

/** Answers each request with its text and a mark, as many as there are; the last one is answered first. */
async function answering(client: Client, topic: string, count: number): Promise<() => Promise<void>> {
  const requests = await client.subscribe(topic);
  return async () => {
    const held: { topic: string; text: string; properties: Properties }[] = [];
    for await (const message of requests) {
      const { responseTopic = "", correlationData } = message.properties;
      held.push({
        topic: responseTopic,
        text: `${message.text()}!`,
        properties: correlationData === undefined ? {} : { correlationData },
      });
      if (held.length === count) break;
    }
    for (const { topic, text, properties } of held.reverse()) await client.publish(topic, text, { properties });
  };
}

Deno.test("Client.request() gives each request its own response (section 4.10)", async () => {
  await using broker = await Broker.open();
  await using responder = await Client.connect(broker);
  await using client = await Client.connect(broker);
  const answers = (await answering(responder, "question", 3))();
  const responses = ["a", "b", "c"].map((text) => client.request("question", text));
  assertEquals((await Promise.all(responses)).map((response) => response.text()), ["a!", "b!", "c!"]);
  await answers;
});

Deno.test("Client.request() asks on the topic of the server's Response Information (section 4.10.1)", async () => {
  await using broker = await Broker.open({ responseInformation: () => "answers" });
  await using responder = await Client.connect(broker);
  await using client = await Client.connect(broker, {
    clientId: "c/1",
    properties: { requestResponseInformation: 1 },
  });
  const answers = (await answering(responder, "question", 1))();
  assertEquals((await client.request("question", "x")).topic, "answers/c%2F1");
  await answers;
});

Deno.test("Client.request() rejects when no response comes in time, or its signal says so", async () => {
  await using broker = await Broker.open();
  await using client = await Client.connect(broker);
  const late = await assertRejects(() => client.request("question", "", { timeoutMs: 20 }), DOMException);
  assertEquals(late.name, "TimeoutError");
  assertMatch(late.message, /a response to "question"/);
  const signal = AbortSignal.abort(new RangeError("enough"));
  await assertRejects(() => client.request("question", "", { signal }), RangeError, "enough");
});

Deno.test("Client.request() rejects at once when the server knows that nobody gets it (section 3.4.2.1)", async () => {
  await using broker = await Broker.open();
  await using client = await Client.connect(broker);
  const error = await assertRejects(() => client.request("question", "", { qos: 1 }), RefusedError);
  assertEquals(error.reasonCode, 0x10);
});

Deno.test("Client.request() needs MQTT 5", async () => {
  await converse({ protocolVersion: 4 }, ACCEPTED_311, async ({ client }) => {
    await assertRejects(() => client.request("a", ""), TypeError, "MQTT 3.1.1");
  });
});

Deno.test("Client.request() uses the given Response Topic, and is rejected with the client", async () => {
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const properties = { correlationData: new Uint8Array([7]) };
    const response = client.request("q", "x", { responseTopic: "r", properties });
    await peer.expect("82 [ 0001 [ 0b 01 ] 'r' 22 ]");
    peer.send("90 [ 0001 00 02 ]");
    await peer.expect(`30 [ 'q' [ 08 'r' 09 0001 07 ] "x" ]`);
    const closing = client.close();
    await assertRejects(() => response, TypeError, "the client is closed");
    await peer.drop(); // Else it waits for what this server does not acknowledge.
    await closing;
  });
});
