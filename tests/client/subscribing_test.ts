import { assertEquals, assertRejects } from "@std/assert";
import { Broker } from "../../mod.ts";
import { Client, type ClientSubscription, RefusedError } from "../../src/client/mod.ts";
import { MqttError } from "../../src/codec/mod.ts";
import { within } from "../deadline.ts";
import { getsEachMessageOnce } from "./exchange.ts";
import { ACCEPTED, ACCEPTED_311, connected, converse, RESUMED } from "./scripted_server.ts";

async function texts(subscription: ClientSubscription, count: number): Promise<string[]> {
  const got: string[] = [];
  while (got.length < count) {
    const { value, done } = await within(subscription.next(), `${count} messages, got ${got.join()}`);
    if (done) break;
    got.push(value.text());
  }
  return got;
}

Deno.test("Client.subscribe() sends its options and gives the answer (section 3.8)", async () => {
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const subscribing = client.subscribe(["a/+", "$share/g/b"], {
      qos: 1,
      retainAsPublished: true,
      retainHandling: 2,
      properties: { userProperties: [["k", "v"]] },
    });
    await peer.expect("82 [ 0001 [ 0b 01 26 'k' 'v' ] 'a/+' 29 '$share/g/b' 29 ]");
    peer.send("90 [ 0001 [ 1f 'partly' ] 01 87 ]");
    const { suback, topicFilters } = await subscribing;
    assertEquals(topicFilters, ["a/+", "$share/g/b"]);
    assertEquals([...suback.reasonCodes], [1, 0x87]);
    assertEquals(suback.properties.reasonString, "partly");
  });
});

Deno.test("Client.subscribe() rejects when the server refuses all of it (section 3.9.3)", async () => {
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const subscribing = client.subscribe(["a", "b"], { noLocal: true });
    await peer.expect("82 [ 0001 [ 0b 01 ] 'a' 06 'b' 06 ]");
    peer.send("90 [ 0001 00 87 97 ]");
    const error = await assertRejects(() => subscribing, RefusedError, 'Cannot subscribe to "a", "b"');
    assertEquals(error.reasonCode, 0x87);
  });
  await converse({ protocolVersion: 4 }, ACCEPTED_311, async ({ client, peer }) => {
    const subscribing = client.subscribe("a");
    await peer.expect("82 [ 0001 'a' 02 ]");
    peer.send("90 [ 0001 80 ]");
    assertEquals((await assertRejects(() => subscribing, RefusedError)).reasonCode, 0x80);
  });
});

for (const filter of ["", "a/#/b", "a+", "$share/g"]) {
  Deno.test(`Client.subscribe() refuses "${filter}" itself (section 4.7)`, async () => {
    await converse({}, ACCEPTED, async ({ client, peer }) => {
      await assertRejects(() => client.subscribe(filter), RangeError, "is not a Topic Filter");
      await peer.quiet();
    });
  });
}

const ENDS: readonly { name: string; end: (subscription: ClientSubscription) => Promise<unknown> }[] = [
  { name: "left", end: (subscription) => subscription.return() },
  { name: "unsubscribed", end: (subscription) => subscription.unsubscribe() },
  { name: "disposed", end: (subscription) => subscription[Symbol.asyncDispose]() },
];

for (const { name, end } of ENDS) {
  Deno.test(`a subscription that is ${name} is unsubscribed, and ends (section 3.10)`, async () => {
    await converse({}, ACCEPTED, async ({ client, peer }) => {
      const subscribing = client.subscribe("a");
      await peer.packet();
      peer.send("90 [ 0001 00 02 ]");
      const subscription = await subscribing;
      const ended = end(subscription);
      await peer.expect("a2 [ 0002 00 'a' ]");
      peer.send("b0 [ 0002 00 00 ]");
      await within(ended, "UNSUBACK");
      assertEquals(await texts(subscription, 1), []);
    });
  });
}

Deno.test("a reader that waits sees the end when the subscription is unsubscribed", async () => {
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const subscribing = client.subscribe("a");
    await peer.packet();
    peer.send("90 [ 0001 00 02 ]");
    const subscription = await subscribing;
    const reading = texts(subscription, 1);
    const ended = subscription.unsubscribe();
    assertEquals(await reading, []);
    await peer.expect("a2 [ 0002 00 'a' ]");
    peer.send("b0 [ 0002 00 00 ]");
    await ended;
  });
});

Deno.test("Client.unsubscribe() says what it is given, and gives what the server answers (section 3.10)", async () => {
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const unsubscribing = client.unsubscribe(["a", "b/#"], { properties: { userProperties: [["k", "v"]] } });
    await peer.expect("a2 [ 0001 [ 26 'k' 'v' ] 'a' 'b/#' ]");
    peer.send("b0 [ 0001 00 00 11 ]");
    assertEquals([...(await unsubscribing)?.reasonCodes ?? []], [0x00, 0x11]);
  });
});

Deno.test("a Topic Filter is unsubscribed when the last of its subscriptions ends", async () => {
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const both = [client.subscribe("a"), client.subscribe("a")];
    await peer.packet();
    await peer.packet();
    peer.send("90 [ 0001 00 02 ] 90 [ 0002 00 02 ]");
    const [first, second] = await Promise.all(both);
    peer.send(`30 [ 'a' [ 0b 02 ] "x" ]`); // The second SUBSCRIBE took the place of the first.
    assertEquals(first && await texts(first, 1), ["x"]);
    assertEquals(second && await texts(second, 1), ["x"]);
    await first?.unsubscribe();
    await peer.quiet();
    const ended = second?.unsubscribe();
    await peer.expect("a2 [ 0003 00 'a' ]");
    peer.send("b0 [ 0003 00 00 ]");
    await ended;
  });
});

Deno.test("Client.unsubscribe() ends what an earlier client left in the session (section 3.10)", async () => {
  await converse({ cleanStart: false }, RESUMED, async ({ client, peer }) => {
    const unsubscribing = client.unsubscribe(["a", "b"]);
    await peer.expect("a2 [ 0001 00 'a' 'b' ]");
    peer.send("b0 [ 0001 00 00 11 ]");
    assertEquals([...(await unsubscribing)?.reasonCodes ?? []], [0, 0x11]);
    await assertRejects(() => client.unsubscribe([]), RangeError);
  });
});

Deno.test("overlapping subscriptions each get what the server sends for them [MQTT-3.3.4-5]", async () => {
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const subscribing = [client.subscribe("a/+"), client.subscribe("a/#")];
    await peer.expect("82 [ 0001 [ 0b 01 ] 'a/+' 02 ] 82 [ 0002 [ 0b 02 ] 'a/#' 02 ]");
    peer.send("90 [ 0001 00 02 ] 90 [ 0002 00 02 ]");
    const [plus, hash] = await Promise.all(subscribing);
    peer.send(`30 [ 'a/b' [ 0b 01 ] "copy of plus" ] 30 [ 'a/b' [ 0b 02 ] "copy of hash" ]`);
    peer.send(`30 [ 'a/b' [ 0b 01 0b 02 ] "both" ] 30 [ 'a/b/c' [ 0b 02 ] "deep" ] 30 [ 'a/b' 00 "unnamed" ]`);
    assertEquals(plus && await texts(plus, 3), ["copy of plus", "both", "unnamed"]);
    assertEquals(hash && await texts(hash, 4), ["copy of hash", "both", "deep", "unnamed"]);
    void client.close();
  });
});

Deno.test("Topic Filters of a subscription that overlap are asked for apart, and bring each message once", async () => {
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const subscribing = client.subscribe(["a/#", "b", "a/b", "a/#"], { qos: 1 });
    await peer.expect("82 [ 0001 [ 0b 01 ] 'a/#' 01 'b' 01 'a/#' 01 ] 82 [ 0002 [ 0b 02 ] 'a/b' 01 ]");
    peer.send("90 [ 0001 00 01 87 01 ] 90 [ 0002 00 00 ]");
    const subscription = await subscribing;
    assertEquals([...subscription.suback.reasonCodes], [1, 0x87, 0, 1]);
    peer.send(`32 [ 'a/b' 0001 [ 0b 01 ] "1" ] 32 [ 'a/b' 0002 [ 0b 02 ] "1" ]`);
    await peer.expect("40 [ 0001 ] 40 [ 0002 ]"); // The copy too.
    peer.send(`30 [ 'a/b' [ 0b 02 ] "1" ] 30 [ 'a/b' [ 0b 01 ] "1" ]`); // The same once more, the other way round.
    peer.send(`30 [ 'a/b' [ 0b 01 0b 02 ] "1" ] 30 [ 'a/b' [ 0b 01 0b 02 ] "1" ]`); // From a server with one copy.
    peer.send(`30 [ 'a/b' [ 0b 02 ] "2" ] 30 [ 'a/b' [ 0b 02 ] "2" ]`); // It has lost the other filter.
    peer.send(`30 [ 'a/c' [ 0b 01 ] "3" ]`);
    assertEquals(await texts(subscription, 7), ["1", "1", "1", "1", "2", "2", "3"]);
  });
});

Deno.test("Topic Filters that were asked for apart are all asked for again where the server lost the session", async () => {
  await converse({}, ACCEPTED, async ({ client, server, peer }) => {
    const subscribing = client.subscribe(["a/#", "a/b"]);
    await peer.expect("82 [ 0001 [ 0b 01 ] 'a/#' 02 ] 82 [ 0002 [ 0b 02 ] 'a/b' 02 ]");
    peer.send("90 [ 0001 00 02 ]"); // And no answer to the second.
    await peer.quiet(); // It is read.
    await peer.drop();
    const again = await server.connection();
    await again.accept(ACCEPTED);
    await again.expect("82 [ 0003 [ 0b 01 ] 'a/#' 02 ] 82 [ 0004 [ 0b 02 ] 'a/b' 02 ]");
    again.send("90 [ 0003 00 02 ] 90 [ 0004 00 87 ]");
    const subscription = await subscribing;
    assertEquals([...subscription.suback.reasonCodes], [2, 0x87]);
    again.send(`30 [ 'a/b' [ 0b 01 ] "1" ]`);
    assertEquals(await texts(subscription, 1), ["1"]);
  });
});

for (const overlappingSubscriptions of ["each", "once"] as const) {
  Deno.test(`overlapping subscriptions of Client get each message once from a broker with ${overlappingSubscriptions}`, async () => {
    await using broker = await Broker.open({ overlappingSubscriptions });
    await getsEachMessageOnce(() => Client.connect(broker));
  });
}

Deno.test("overlapping subscriptions of 3.1.1 get what matches", async () => {
  await converse({ protocolVersion: 4 }, ACCEPTED_311, async ({ client, peer }) => {
    const subscribing = [client.subscribe("a/+"), client.subscribe("#")];
    await peer.expect("82 [ 0001 'a/+' 02 ] 82 [ 0002 '#' 02 ]");
    peer.send("90 [ 0001 02 ] 90 [ 0002 02 ]");
    const [plus, hash] = await Promise.all(subscribing);
    peer.send(`30 [ 'a/b' "1" ] 30 [ 'c' "2" ]`);
    assertEquals(plus && await texts(plus, 1), ["1"]);
    assertEquals(hash && await texts(hash, 2), ["1", "2"]);
    void client.close();
  });
});

Deno.test("Client sends no Subscription Identifier where the server has none (section 3.2.2.3.12)", async () => {
  await converse({}, "20 [ 00 00 [ 29 00 ] ]", async ({ client, peer }) => {
    void client.subscribe("a").catch(() => {}); // The end of the client.
    await peer.expect("82 [ 0001 00 'a' 02 ]");
  });
});

Deno.test("Client subscribes again where the server has lost the session, and only there", async () => {
  await converse({}, ACCEPTED, async ({ client, server, peer }) => {
    const subscribing = client.subscribe("a");
    await peer.packet();
    peer.send("90 [ 0001 00 02 ]");
    const subscription = await subscribing;
    await peer.drop();
    const second = await server.connection();
    await second.accept(RESUMED);
    await connected(client);
    await second.quiet();
    await second.drop();
    const third = await server.connection();
    await third.accept(ACCEPTED);
    await third.expect("82 [ 0002 [ 0b 01 ] 'a' 02 ]");
    third.send(`90 [ 0002 00 02 ] 30 [ 'a' 00 "again" ]`);
    assertEquals(await texts(subscription, 1), ["again"]);
    await third.drop();
    const fourth = await server.connection();
    await fourth.accept(ACCEPTED);
    await fourth.packet();
    fourth.send("90 [ 0003 00 87 ]");
    const error = await assertRejects(() => texts(subscription, 1), RefusedError);
    assertEquals(error.reasonCode, 0x87);
  });
});

Deno.test("what is subscribed and unsubscribed without connection is asked on the next one", async () => {
  await converse({}, ACCEPTED, async ({ client, server, peer }) => {
    const first = client.subscribe("a");
    await peer.packet();
    peer.send("90 [ 0001 00 02 ]");
    const subscription = await first;
    const cut = client.subscribe("b");
    await peer.packet();
    await peer.drop();
    const second = await server.connection();
    await subscription.unsubscribe();
    const later = client.subscribe("c");
    await second.accept(RESUMED);
    await second.expect("82 [ 0003 [ 0b 02 ] 'b' 02 ] a2 [ 0004 00 'a' ] 82 [ 0005 [ 0b 03 ] 'c' 02 ]");
    second.send("90 [ 0003 00 02 ] b0 [ 0004 00 00 ] 90 [ 0005 00 02 ]");
    await within(Promise.all([cut, later]), "SUBACK");
  });
});

Deno.test("the signal of a subscription ends it, also while it is being made", async () => {
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const controller = new AbortController();
    const made = client.subscribe("a", { signal: controller.signal });
    await peer.packet();
    peer.send("90 [ 0001 00 02 ]");
    const subscription = await made;
    const making = client.subscribe("b", { signal: controller.signal });
    const rejected = assertRejects(() => making, MqttError, "enough");
    await peer.packet();
    controller.abort(new MqttError("enough", 0x80, "none"));
    await peer.expect("a2 [ 0003 00 'a' ] a2 [ 0004 00 'b' ]");
    peer.send("b0 [ 0003 00 00 ] b0 [ 0004 00 00 ]");
    await rejected;
    await assertRejects(() => texts(subscription, 1), MqttError, "enough");
    await assertRejects(() => client.subscribe("c", { signal: controller.signal }), MqttError, "enough");
  });
});

Deno.test("Client ends the connection when SUBACK has too few Reason Codes [MQTT-3.8.4-6]", async () => {
  await converse({}, ACCEPTED, async ({ client, peer }) => {
    const subscribing = client.subscribe(["a", "b"]);
    await peer.packet();
    peer.send("90 [ 0001 00 02 ]");
    await peer.expect("e0 [ 82 ]");
    await peer.drop();
    await assertRejects(() => subscribing, MqttError);
  });
});
