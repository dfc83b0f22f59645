/** What a client may receive is checked for each message, however it comes to the client, and again after a change. */

import { assertEquals, assertLess } from "@std/assert";
import type { Authorizer } from "../../mod.ts";
import type { AccessRequest } from "../../src/auth/mod.ts";
import { MemoryStorage } from "../../src/storage/mod.ts";
import { ALL_VERSIONS, converse, type Step } from "../wire/conversation.ts";

/** Lets all clients do everything but receive these topics, and publish those. */
class Rules implements Authorizer {
  version = 0;
  readonly asked: string[] = [];
  readonly #mayNotReceive = new Set<string>();
  readonly #mayNotPublish = new Set<string>();

  constructor(...mayNotReceive: readonly string[]) {
    this.deny(...mayNotReceive);
  }

  /** Each as `client topic`. */
  deny(...mayNotReceive: readonly string[]): void {
    for (const denied of mayNotReceive) this.#mayNotReceive.add(denied);
    this.version += 1;
  }

  allow(mayReceive: string): void {
    this.#mayNotReceive.delete(mayReceive);
    this.version += 1;
  }

  denyPublish(topic: string): void {
    this.#mayNotPublish.add(topic);
  }

  authorize({ action, topic }: AccessRequest): boolean {
    return action !== "publish" || !this.#mayNotPublish.has(topic);
  }

  mayReceive({ action, clientId, topic, qos, retain }: AccessRequest): boolean {
    assertEquals([action, qos, retain], ["receive", 0, false]);
    this.asked.push(topic);
    return !this.#mayNotReceive.has(`${clientId} ${topic}`);
  }
}

interface Row {
  readonly name: string;
  readonly denied?: readonly string[];
  readonly steps: (rules: Rules) => readonly Step[];
}

const SUBSCRIBED = ["s connects", "s > 82 [ 0001 {} '#' 02 ]", "s < 90 [ 0001 {} 02 ]", "p connects"];
const DURABLE = ["s connects durable", "s > 82 [ 0001 {} '#' 02 ]", "s < 90 [ 0001 {} 02 ]", "p connects"];

const ROWS: readonly Row[] = [
  ...[0, 1, 2].map((qos): Row => ({
    name: `a message with QoS ${qos} to a wildcard`,
    denied: ["s b"],
    steps: () => [
      ...SUBSCRIBED,
      ({ broker }) => broker.publish("b", "no", { qos: qos as 0 | 1 | 2 }), // One of the three.
      ({ broker }) => broker.publish("a", ""),
      "s < 30 [ 'a' {} ]",
    ],
  })),
  {
    name: "a message to its exact topic",
    denied: ["s b"],
    steps: () => [
      "s connects",
      "s > 82 [ 0001 {} 'b' 01 ]",
      "s < 90 [ 0001 {} 01 ]",
      ({ broker }) => broker.publish("b", "", { qos: 1 }),
      "s quiet",
    ],
  },
  {
    name: "a message of the client's own",
    denied: ["s b"],
    steps: () => [...SUBSCRIBED, "s > 32 [ 'b' 0001 {} ]", "s < 40 [ 0001 ]", "s quiet"],
  },
  {
    name: "retained messages",
    denied: ["s b", "s c/1"],
    steps: () => [
      "p connects",
      "p > 31 [ 'a' {} \"1\" ] 31 [ 'b' {} \"2\" ] 31 [ 'c/1' {} \"3\" ] 31 [ 'd' {} \"4\" ]",
      "p quiet",
      "s connects",
      "s > 82 [ 0001 {} '+' 00 'b' 01 'c/#' 02 ]",
      "s < 90 [ 0001 {} 00 01 02 ] 31 [ 'a' {} \"1\" ] 31 [ 'd' {} \"4\" ]",
    ],
  },
  {
    name: "messages of a Shared Subscription, which go to a member that may get them",
    denied: ["s g/1"],
    steps: () => [
      ...["s", "t"].flatMap((name) => [
        `${name} connects`,
        `${name} > 82 [ 0001 {} '$share/g/#' 00 ]`,
        `${name} < 90 [ 0001 {} 00 ]`,
      ]),
      "p connects",
      "p > 30 [ 'g/1' {} ] 30 [ 'g/1' {} ] 30 [ 'g/1' {} ] 30 [ 'x' {} ] 30 [ 'x' {} ]",
      "t < 30 [ 'g/1' {} ] 30 [ 'g/1' {} ] 30 [ 'g/1' {} ] 30 [ 'x' {} ]",
      "s < 30 [ 'x' {} ]",
    ],
  },
  {
    name: "messages of a Shared Subscription of which no member may get them",
    denied: ["s g/1"],
    steps: () => [
      "s connects",
      "s > 82 [ 0001 {} '$share/g/#' 01 ]",
      "s < 90 [ 0001 {} 01 ]",
      "p connects",
      "p > 30 [ 'g/1' {} ]",
      "p quiet",
    ],
  },
  {
    name: "a topic that is denied while the client is connected",
    steps: (rules) => [
      ...SUBSCRIBED,
      "p > 30 [ 'b' {} ]",
      "s < 30 [ 'b' {} ]",
      () => rules.deny("s b"),
      "p > 30 [ 'b' {} ] 30 [ 'a' {} ]",
      "s < 30 [ 'a' {} ]",
    ],
  },
  {
    name: "messages that were queued for an offline session before the change",
    steps: (rules) => [
      ...DURABLE,
      "s disconnects",
      "p > 32 [ 'a' 0001 {} ] 32 [ 'b' 0002 {} ] 34 [ 'b' 0003 {} ] 32 [ 'a' 0004 {} \"2\" ]",
      "p < 40 [ 0001 ] 40 [ 0002 ] 50 [ 0003 ] 40 [ 0004 ]",
      () => rules.deny("s b"),
      "s resumes",
      "s < 32 [ 'a' 0001 {} ] 32 [ 'a' 0002 {} \"2\" ]",
      "s > 40 [ 0001 ] 40 [ 0002 ]",
      "s disconnects",
      "s resumes", // They are gone for good.
    ],
  },
  {
    name: "messages that come while the session is offline",
    denied: ["s b"],
    steps: () => [
      ...DURABLE,
      "s disconnects",
      "p > 32 [ 'b' 0001 {} ] 32 [ 'a' 0002 {} ]",
      "p < 40 [ 0001 ] 40 [ 0002 ]",
      "s resumes",
      "s < 32 [ 'a' 0001 {} ]",
    ],
  },
  {
    name: "messages that were sent, and would be sent again after the change",
    steps: (rules) => [
      ...DURABLE,
      "p > 32 [ 'b' 0001 {} ] 34 [ 'b' 0002 {} ] 32 [ 'a' 0003 {} ]",
      "p < 40 [ 0001 ] 50 [ 0002 ] 40 [ 0003 ]",
      "s < 32 [ 'b' 0001 {} ] 34 [ 'b' 0002 {} ] 32 [ 'a' 0003 {} ]",
      "s drops",
      () => rules.deny("s b"),
      "s resumes",
      // The client may have the one with QoS 2, and would take the next one with its identifier for the same. [MQTT-4.3.3-12]
      "s < 62 [ 0002 ] 3a [ 'a' 0003 {} ]",
      "s > 70 [ 0002 ]",
      "s drops",
      "s resumes",
      "s < 3a [ 'a' 0003 {} ]",
    ],
  },
  {
    name: "messages that would be sent again to a connection that takes over after the change",
    steps: (rules) => [
      ...DURABLE,
      "p > 32 [ 'b' 0001 {} ] 32 [ 'a' 0002 {} ]",
      "p < 40 [ 0001 ] 40 [ 0002 ]",
      "s < 32 [ 'b' 0001 {} ] 32 [ 'a' 0002 {} ]",
      () => rules.deny("s b"),
      "s2 resumes",
      "s told e0 8e",
      "s2 < 3a [ 'a' 0002 {} ]",
    ],
  },
];

for (const { name, denied = [], steps } of ROWS) {
  for (const version of ALL_VERSIONS) {
    Deno.test(`A client does not get what it may not receive: ${name} v${version}`, () => {
      const rules = new Rules(...denied);
      return converse(version, { authorizer: rules }, (conversation) => conversation.run(...steps(rules)));
    });
  }
}

Deno.test("Messages that wait for Receive Maximum are not sent after their topic is denied v5", () => {
  const rules = new Rules();
  return converse(5, { authorizer: rules }, (conversation) =>
    conversation.run(
      "s > 10 [ @ 02 0000 [ 21 0001 ] 's' ]",
      "s < 20 [ 00 00 [ LIMITS ] ]",
      "s > 82 [ 0001 [] '#' 01 ]",
      "s < 90 [ 0001 [] 01 ]",
      "p connects",
      "p > 32 [ 'a' 0001 [] ] 32 [ 'b' 0002 [] ] 32 [ 'a' 0003 [] ]",
      "p < 40 [ 0001 ] 40 [ 0002 ] 40 [ 0003 ]",
      "s < 32 [ 'a' 0001 [] ]",
      () => rules.deny("s b"),
      "s > 40 [ 0001 ]",
      "s < 32 [ 'a' 0002 [] ]",
      "s > 40 [ 0002 ]",
    ));
});

Deno.test("A message that is denied while it waits is gone from the storage, also when its topic is allowed again v5", () => {
  const rules = new Rules();
  return converse(5, { authorizer: rules }, (conversation) =>
    conversation.run(
      "s > 10 [ @ 00 0000 [ 11 00000e10 21 0001 ] 's' ]",
      "s < 20 [ 00 00 [ LIMITS ] ]",
      "s > 82 [ 0001 [] '#' 01 ]",
      "s < 90 [ 0001 [] 01 ]",
      "p connects",
      "p > 32 [ 'a' 0001 [] ] 32 [ 'b' 0002 [] \"no\" ] 32 [ 'c' 0003 [] ]",
      "p < 40 [ 0001 ] 40 [ 0002 ] 40 [ 0003 ]",
      "s < 32 [ 'a' 0001 [] ]",
      () => rules.deny("s b"),
      "s > 40 [ 0001 ]",
      "s < 32 [ 'c' 0002 [] ]",
      "s > 40 [ 0002 ]",
      "s drops",
      () => rules.allow("s b"),
      "s2 resumes",
      "s2 quiet",
    ));
});

Deno.test("A QoS 2 message that the client has got is completed after its topic is denied, with no more of it v5", () => {
  const rules = new Rules();
  return converse(5, { authorizer: rules }, (conversation) =>
    conversation.run(
      ...DURABLE,
      "p > 34 [ 'b' 0001 [] ]",
      "p < 50 [ 0001 ]",
      "s < 34 [ 'b' 0001 [] ]",
      "s > 50 [ 0001 ]",
      "s < 62 [ 0001 ]",
      "s drops",
      () => rules.deny("s b"),
      () => rules.denyPublish("b"),
      "s resumes",
      "s < 62 [ 0001 ]",
      "s > 70 [ 0001 ]",
      // The publisher's half was published when it was allowed, and is so once.
      "p > 62 [ 0001 ]",
      "p < 70 [ 0001 ]",
      "p > 34 [ 'b' 0001 [] ]",
      "p < 50 [ 0001 87 ]",
      "s quiet",
    ));
});

Deno.test("What is queued for a session that was restored is checked when its client is known v5", async () => {
  const storage = new MemoryStorage();
  await converse(
    5,
    { storage, authorizer: new Rules() },
    (conversation) => conversation.run(...DURABLE, "s disconnects"),
  );
  await converse(5, { storage, authorizer: new Rules("s b") }, (conversation) =>
    conversation.run(
      "p connects",
      "p > 32 [ 'b' 0001 [] ] 32 [ 'a' 0002 [] ]",
      "p < 40 [ 0001 ] 40 [ 0002 ]",
      "s resumes",
      "s < 32 [ 'a' 0001 [] ]",
    ));
});

Deno.test("An authorizer is asked once for each client and topic, until its version changes", () => {
  const rules = new Rules();
  return converse(4, { authorizer: rules }, (conversation) =>
    conversation.run(
      ...SUBSCRIBED,
      "p > 30 [ 'a' ] 30 [ 'a' ] 30 [ 'b' ] 30 [ 'a' ]",
      "s < 30 [ 'a' ] 30 [ 'a' ] 30 [ 'b' ] 30 [ 'a' ]",
      () => assertEquals(rules.asked.splice(0), ["a", "b"]),
      () => rules.deny(),
      "p > 30 [ 'a' ] 30 [ 'a' ]",
      "s < 30 [ 'a' ] 30 [ 'a' ]",
      () => assertEquals(rules.asked, ["a"]),
    ));
});

Deno.test("What an authorizer says about many topics is not remembered without bound", () => {
  const rules = new Rules();
  const topics = Array.from({ length: 200 }, (_, index) => `t/${index}`);
  return converse(4, { authorizer: rules }, (conversation) =>
    conversation.run(
      ...SUBSCRIBED,
      ...topics.flatMap((topic) => [`p > 30 [ '${topic}' ]`, `s < 30 [ '${topic}' ]`]),
      () => assertEquals(rules.asked.length, 200),
      "p > 30 [ 't/0' ]",
      "s < 30 [ 't/0' ]",
      () => assertEquals(rules.asked.length, 201), // It was forgotten.
    ));
});

Deno.test("An authorizer that throws about a delivery has refused it, and is told as an error", () => {
  const authorizer: Authorizer = {
    authorize: () => true,
    mayReceive({ topic }) {
      if (topic === "b") throw new Error("the rules cannot be read");
      return true;
    },
  };
  return converse(5, { authorizer }, (conversation) =>
    conversation.run(
      ...SUBSCRIBED,
      "p > 30 [ 'b' [] ] 30 [ 'a' [] ]",
      "s < 30 [ 'a' [] ]",
    ), 1);
});

Deno.test("Many retained messages that a client may not get hold nobody up", () => {
  const authorizer: Authorizer = { authorize: () => true, mayReceive: ({ topic }) => topic === "z" };
  return converse(4, { authorizer }, async (conversation) => {
    for (let index = 0; index < 20_000; index++) {
      await conversation.broker.publish(`r/${index}`, "1", { retain: true });
    }
    await conversation.run(
      ({ broker }) => broker.publish("z", "1", { retain: true }),
      "s connects",
      "s > 82 [ 0001 '#' 00 ] c0 00",
      "s < 90 [ 0001 00 ] d0 00 31 [ 'z' \"1\" ]", // PINGRESP comes before all were looked at.
    );
  });
});

Deno.test("Delivery is not asked about where the authorizer does not want to be", () =>
  converse(5, { authorizer: { authorize: () => true } }, async (conversation) => {
    await conversation.run(...SUBSCRIBED, "p > 30 [ 'b' [] ]", "s < 30 [ 'b' [] ]");
    assertLess(conversation.broker.metrics.dropped.qos0, 1);
  }));
