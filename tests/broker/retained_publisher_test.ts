/** Who published a retained message is checked by the rules of now, behind a restart too; and the client of a stored Will. */

import { assertEquals } from "@std/assert";
import type { Authenticator, Authorizer, BrokerEvent, Storage } from "../../mod.ts";
import { AccessControl, type AccessRules } from "../../src/auth/mod.ts";
import { type Change, DenoKvStorage, MemoryStorage } from "../../src/storage/mod.ts";
import { message } from "../../src/testing/storage_suite/changes.ts";
import { eventually } from "../deadline.ts";
import { converse, type Step } from "../wire/conversation.ts";

/** The user name is the principal; Ann has a role, and a token that lets her write to `granted`. */
const authenticator: Authenticator = {
  authenticate: ({ connect: { userName = "" } }) => ({
    isAccepted: true,
    principal: userName,
    ...userName === "ann" ? { roles: ["writer"], grants: [{ access: "write", topicFilter: "granted" }] } : {},
  }),
};

const RULES: AccessRules = {
  roles: [{ name: "writer", rules: [{ access: "write", topic: "r/#" }] }],
  users: [{ name: "ann", rules: [{ access: "write", topic: "u/#" }] }],
  everyone: [{ access: "read", topic: "#" }, { access: "write", topic: "free" }],
};
const WITHOUT_ROLE: AccessRules = { ...RULES, roles: [] };
const PUBLISHES = [
  connects("p", "ann"),
  "p < 20 [ 00 00 { LIMITS } ]",
  "p > 33 [ 'r/1' 0001 {} \"1\" ] 33 [ 'u/1' 0002 {} \"2\" ] 33 [ 'granted' 0003 {} \"3\" ] 33 [ 'free' 0004 {} \"4\" ]",
  "p < 40 [ 0001 <10> ] 40 [ 0002 <10> ] 40 [ 0003 <10> ] 40 [ 0004 <10> ]",
];
const SUBSCRIBES = [
  connects("s", "sue"),
  "s < 20 [ 00 00 { LIMITS } ]",
  "s > 82 [ 0001 {} '#' 00 ]",
  "s < 90 [ 0001 {} 00 ]",
];
const ALL = [
  "s < 31 [ 'r/1' {} \"1\" ]",
  "s < 31 [ 'u/1' {} \"2\" ]",
  "s < 31 [ 'granted' {} \"3\" ]",
  "s < 31 [ 'free' {} \"4\" ]",
];

for (const version of [4, 5] as const) {
  Deno.test(`A retained message does not go to new subscriptions while its publisher may not publish it v${version}`, () => {
    const authorizer = new AccessControl(RULES);
    const told: unknown[] = [];
    const onEvent = (event: BrokerEvent) => {
      if (event.kind === "retainedWithheld") told.push([event.clientId, event.principal, event.topic, event.qos]);
    };
    return converse(version, { authenticator, authorizer, onEvent }, (conversation) =>
      conversation.run(
        ...PUBLISHES,
        "p disconnects",
        ...SUBSCRIBES,
        ...ALL,
        () => authorizer.replace(WITHOUT_ROLE),
        "s > 82 [ 0001 {} '#' 00 ]",
        "s < 90 [ 0001 {} 00 ]",
        ...ALL.slice(1),
        "s > 82 [ 0001 {} 'r/1' 00 ]",
        "s < 90 [ 0001 {} 00 ]",
        "s quiet",
        () => assertEquals(told, [["p", "ann", "r/1", 1], ["p", "ann", "r/1", 1]]), // For each subscription.
        () => authorizer.replace(RULES), // It was not forgotten.
        "s > 82 [ 0001 {} 'r/1' 00 ]",
        "s < 90 [ 0001 {} 00 ]",
        ALL[0] as string, // There are four.
      ));
  });
}

const STORAGES: Readonly<Record<string, (path: string) => () => Promise<Storage>>> = {
  "in memory": () => {
    const storage = new MemoryStorage();
    return () => Promise.resolve(storage);
  },
  "in Deno KV": (path) => () => DenoKvStorage.open(`${path}/brooklet.kv`),
};

for (const [where, prepare] of Object.entries(STORAGES)) {
  Deno.test(`Behind a restart with a storage ${where} publishers have the roles and rights that they had`, async () => {
    const path = await Deno.makeTempDir();
    try {
      const open = prepare(path);
      const talk = async (rules: AccessRules, steps: readonly string[]) =>
        await converse(
          5,
          { storage: await open(), authenticator, authorizer: new AccessControl(rules) },
          (conversation) => conversation.run(...steps),
        );
      await talk(RULES, PUBLISHES);
      await talk(RULES, [...SUBSCRIBES, ...inOrderOf(where)]);
      await talk(WITHOUT_ROLE, [...SUBSCRIBES, ...inOrderOf(where).filter((step) => !step.includes("r/1"))]);
    } finally {
      await Deno.remove(path, { recursive: true });
    }
  });

  Deno.test(`Behind a restart with a storage ${where} a Will is authorized with the roles that its client had`, async () => {
    const path = await Deno.makeTempDir();
    try {
      const open = prepare(path);
      const willOf = (topic: string, clientId: string) => [
        // Session Expiry Interval 3,600 s, Will Delay Interval 10 s, retained.
        `${clientId} > 10 [ @ a6 0000 { 11 00000e10 } '${clientId}' { 18 0000000a } '${topic}' 'gone' 'ann' ]`,
        `${clientId} < 20 [ 00 00 { LIMITS } ]`,
        `${clientId} drops`,
      ];
      const talk = async (rules: AccessRules, ...steps: readonly Step[]) =>
        await converse(
          5,
          { storage: await open(), authenticator, authorizer: new AccessControl(rules) },
          (conversation) => conversation.run(...steps),
        );
      await talk(RULES, ...willOf("r/will", "a"), ...willOf("u/will", "b"));
      await talk(RULES, "1 ms pass"); // Its deadline is another one, its client the same.
      // A busy broker publishes Wills that are due in several turns.
      const published: Step = ({ broker }) =>
        eventually(() => ["r/will", "u/will"].every((topic) => broker.retained(topic) !== undefined), "both Wills");
      await talk(
        RULES,
        "20 s pass",
        published,
        ...SUBSCRIBES,
        "s < 31 [ 'r/will' {} \"gone\" ] 31 [ 'u/will' {} \"gone\" ]",
      );
      // Whoever published them is known for these too.
      await talk(WITHOUT_ROLE, ...SUBSCRIBES, "s < 31 [ 'u/will' {} \"gone\" ]");
      await talk(RULES, ...willOf("r/late", "c"));
      await talk(WITHOUT_ROLE, "20 s pass", ...SUBSCRIBES, "s < 31 [ 'u/will' {} \"gone\" ]");
    } finally {
      await Deno.remove(path, { recursive: true });
    }
  });
}

Deno.test("What nobody knows the publisher of is delivered: of an earlier version, and of the broker's own process", async () => {
  const storage = new MemoryStorage();
  const kept = (publisher: string | undefined, topic: string): Change => (
    { kind: "retained", topic, message: message("1", { topic, publisher, retain: true }) }
  );
  storage.commit([kept("p", "r/1"), kept(undefined, "r/2")]);
  await converse(
    5,
    { storage, authenticator, authorizer: new AccessControl(WITHOUT_ROLE) },
    (conversation) =>
      conversation.run(
        ({ broker }) => broker.publish("r/3", "1", { retain: true }),
        ...SUBSCRIBES,
        "s < 31 [ 'r/1' [] \"1\" ] 31 [ 'r/2' [] \"1\" ] 31 [ 'r/3' [] \"1\" ]",
      ),
  );
});

Deno.test("Without checksRetainedPublisher, or a hook that can be asked, retained messages stay for all who may read them", async () => {
  const control = new AccessControl(RULES);
  const withoutHook: Authorizer = { authorize: (request) => control.authorize(request) };
  for (const options of [{ authorizer: control, checksRetainedPublisher: false }, { authorizer: withoutHook }]) {
    control.replace(RULES);
    await converse(
      5,
      { authenticator, ...options },
      (conversation) => conversation.run(...PUBLISHES, () => control.replace(WITHOUT_ROLE), ...SUBSCRIBES, ...ALL),
    );
  }
});

Deno.test("A hook that throws about a publisher has refused its message, and is told as an error", () => {
  const authorizer: Authorizer = {
    authorize: () => true,
    mayStillPublish({ topic, action, clientId, principal, roles, qos, retain }) {
      assertEquals([action, clientId, principal, roles, qos, retain], ["publish", "p", "ann", ["writer"], 1, true]);
      if (topic === "r/1") throw new Error("the rules cannot be read");
      return true;
    },
  };
  return converse(
    5,
    { authenticator, authorizer },
    (conversation) => conversation.run(...PUBLISHES, ...SUBSCRIBES, ...ALL.slice(1)),
    1,
  );
});

Deno.test("A reader in the broker's own process gets no retained message either whose publisher may not publish it", () => {
  const authorizer = new AccessControl(RULES);
  return converse(5, { authenticator, authorizer }, async (conversation) => {
    await conversation.run(...PUBLISHES, () => authorizer.replace(WITHOUT_ROLE));
    const reader = conversation.broker.subscribe("#");
    const topics = [await reader.next(), await reader.next(), await reader.next()].map(({ value }) => value?.topic);
    assertEquals(topics, ["u/1", "granted", "free"]);
  });
});

Deno.test("Many retained messages whose publisher may not publish them hold nobody up", () => {
  const isRefused = (topic: string) => topic.startsWith("many/");
  const authorizer: Authorizer = { authorize: () => true, mayStillPublish: ({ topic }) => !isRefused(topic) };
  return converse(4, { authorizer }, async (conversation) => {
    await conversation.run("p connects");
    for (let index = 0; index < 20_000; index += 500) {
      const packets = Array.from({ length: 500 }, (_, at) => `31 [ 'many/${index + at}' "1" ]`);
      await conversation.run(`p > ${packets.join(" ")}`, "p quiet");
    }
    await conversation.run(
      "p > 31 [ 'z' \"1\" ]",
      "p quiet",
      "s connects",
      "s > 82 [ 0001 '#' 00 ] c0 00",
      "s < 90 [ 0001 00 ] d0 00 31 [ 'z' \"1\" ]", // PINGRESP comes before all were looked at.
    );
  });
});

/** Deno KV gives them by topic. */
function inOrderOf(where: string): readonly string[] {
  return where === "in memory"
    ? ALL
    : ["free", "granted", "r/1", "u/1"].map((topic) => ALL.find((step) => step.includes(topic)) ?? "");
}

/** CONNECT with Clean Start. */
function connects(client: string, userName: string): string {
  return `${client} > 10 [ @ 82 0000 {} '${client}' '${userName}' ]`;
}
