import { assertEquals } from "@std/assert";
import { Client, type ConnectOptions, type ServerAddress } from "../../src/client/mod.ts";
import { within } from "../deadline.ts";

/** What any server has to do for a client, over any transport. */
export async function exchange(
  address: ServerAddress,
  options: ConnectOptions,
  { largeBytes = 300_000, burstMessages = 3_000 } = {},
): Promise<void> {
  const large = "x".repeat(largeBytes);
  await using publisher = await Client.connect(address, options);
  await using subscriber = await Client.connect(address, options);
  await publisher.publish("exchange/retained", "kept", { qos: 1, retain: true });
  const subscription = await subscriber.subscribe("exchange/#", { qos: 2 });
  const next = async () => (await within(subscription.next(), "a message")).value;
  const retained = await next();
  assertEquals([retained?.topic, retained?.text(), retained?.retain], ["exchange/retained", "kept", true]);
  await publisher.publish("exchange/retained", "", { qos: 1, retain: true });
  assertEquals((await next())?.text(), "");
  for (const qos of [0, 1, 2] as const) {
    for (const text of ["é", "", large]) await publisher.publish(`exchange/${qos}`, text, { qos });
  }
  for (const qos of [0, 1, 2] as const) {
    for (const text of ["é", "", large]) {
      const message = await next();
      assertEquals([message?.topic, message?.qos, message?.retain], [`exchange/${qos}`, qos, false]);
      assertEquals(message?.text() === text, true);
    }
  }
  if (options.protocolVersion === 5) {
    const properties = { contentType: "t", userProperties: [["k", "v"]] as const, messageExpiryInterval: 60 };
    await publisher.publish("exchange/p", "", { properties });
    const received = (await next())?.properties;
    assertEquals([received?.contentType, received?.userProperties], ["t", [["k", "v"]]]);
  }
  await within(burst(publisher, next, burstMessages), "a burst", 20_000);
  await within(subscription.unsubscribe(), "UNSUBACK");
}

/** More than fits into any window or buffer at once. */
async function burst(
  publisher: Client,
  next: () => Promise<{ text(): string } | undefined>,
  count: number,
): Promise<void> {
  const published = Promise.all(
    Array.from({ length: count }, (_, index) => publisher.publish("exchange/burst", `${index}`, { qos: 1 })),
  );
  for (let index = 0; index < count; index++) assertEquals((await next())?.text(), `${index}`);
  await published;
}

/** Subscriptions that overlap, in one client and in one subscription, each get a message once. */
export async function getsEachMessageOnce(connect: () => Promise<Client>): Promise<void> {
  await using client = await connect();
  await using publisher = await connect();
  const subscriptions = [
    await client.subscribe("home/#", { qos: 1 }),
    await client.subscribe("home/lamp"),
    await client.subscribe(["home/+", "home/lamp", "#"], { qos: 0 }),
  ];
  const texts = ["on", "on", "off", "on", "end"];
  for (const [index, text] of texts.entries()) {
    await publisher.publish("home/lamp", text, { qos: index % 3 as 0 | 1 | 2 }); // 0, 1 or 2.
  }
  for (const subscription of subscriptions) {
    const got: (string | undefined)[] = [];
    while (got.length < texts.length) got.push((await within(subscription.next(), "a message")).value?.text());
    assertEquals(got, texts, subscription.topicFilters.join(" "));
  }
}
