/** Copies of a message that several subscriptions of one client match (MQTT 5, section 3.3.4). */

import type { BrokerOptions } from "../../mod.ts";
import { DenoKvStorage, MemoryStorage } from "../../src/storage/mod.ts";
import { conversationTests, converse, type Row, type Step } from "./conversation.ts";

/** `a/#` with QoS 0, `a/+` with QoS 2 and `a/b` with QoS 1, each with an identifier. */
const THREE = [
  "s > 82 [ 0001 [ 0b 01 ] 'a/#' 00 ] 82 [ 0002 [ 0b 02 ] 'a/+' 02 ] 82 [ 0003 [ 0b ff7f ] 'a/b' 01 ]",
  "s < 90 [ 0001 [] 00 ] 90 [ 0002 [] 02 ] 90 [ 0003 [] 01 ]",
];
const TWO = [
  "s > 82 [ 0001 [ 0b 01 ] 'a/#' 01 ] 82 [ 0002 [ 0b 02 ] 'a/b' 01 ]",
  "s < 90 [ 0001 [] 01 ] 90 [ 0002 [] 01 ]",
];

conversationTests([
  {
    name: "Each of several copies has the QoS and the Subscription Identifier of its own subscription [MQTT-3.3.4-5]",
    versions: [5],
    steps: [
      "s connects",
      ...THREE,
      "p connects",
      "p > 34 [ 'a/b' 0001 [] \"hi\" ]",
      "p < 50 [ 0001 ]",
      "s < 30 [ 'a/b' [ 0b 01 ] \"hi\" ]",
      "s < 34 [ 'a/b' 0001 [ 0b 02 ] \"hi\" ]", // The highest of all. [MQTT-3.3.4-2]
      "s < 32 [ 'a/b' 0002 [ 0b ff7f ] \"hi\" ]",
      "p > 30 [ 'a/c' [] ]",
      "s < 30 [ 'a/c' [ 0b 01 ] ] 30 [ 'a/c' [ 0b 02 ] ]",
      "p > 30 [ 'a' [] ]",
      "s < 30 [ 'a' [ 0b 01 ] ]",
    ],
  },
  {
    name: "Copies of a QoS 2 message are acknowledged each by its own Packet Identifier, within Receive Maximum",
    versions: [5],
    steps: [
      "s > 10 [ @ 02 0000 [ 21 0001 ] 's' ]",
      "s < 20 [ 00 00 [ LIMITS ] ]",
      "s > 82 [ 0001 [ 0b 01 ] 'a/#' 02 ] 82 [ 0002 [ 0b 02 ] 'a/b' 02 ]",
      "s < 90 [ 0001 [] 02 ] 90 [ 0002 [] 02 ]",
      "p connects",
      "p > 34 [ 'a/b' 0001 [] ]",
      "p < 50 [ 0001 ]",
      "s < 34 [ 'a/b' 0001 [ 0b 01 ] ]",
      "s > 50 [ 0001 ]",
      "s < 62 [ 0001 ]",
      "s quiet",
      "s > 70 [ 0001 ]",
      "s < 34 [ 'a/b' 0002 [ 0b 02 ] ]",
    ],
  },
  {
    name: "Subscriptions with the same identifier share a copy, with their highest QoS and the identifier once",
    versions: [5],
    steps: [
      "s connects",
      "s > 82 [ 0001 [ 0b 07 ] 'a/#' 00 'a/+' 01 ] 82 [ 0002 [ 0b 08 ] 'a/b' 00 ]",
      "s < 90 [ 0001 [] 00 01 ] 90 [ 0002 [] 00 ]",
      "p connects",
      "p > 34 [ 'a/b' 0001 [] ]",
      "p < 50 [ 0001 ]",
      "s < 32 [ 'a/b' 0001 [ 0b 07 ] ] 30 [ 'a/b' [ 0b 08 ] ]",
    ],
  },
  {
    name: "Subscriptions without an identifier share a copy of their own",
    versions: [5],
    steps: [
      "s connects",
      "s > 82 [ 0001 [] 'a/#' 00 '#' 01 ] 82 [ 0002 [ 0b 08 ] 'a/b' 00 ]",
      "s < 90 [ 0001 [] 00 01 ] 90 [ 0002 [] 00 ]",
      "p connects",
      "p > 34 [ 'a/b' 0001 [] ]",
      "p < 50 [ 0001 ]",
      "s < 32 [ 'a/b' 0001 [] ] 30 [ 'a/b' [ 0b 08 ] ]",
    ],
  },
  {
    name: "No Local and Retain As Published hold for the copy of their own subscription [MQTT-3.8.3-3] [MQTT-3.3.1-13]",
    versions: [5],
    steps: [
      "s connects",
      // No Local; Retain As Published; neither.
      "s > 82 [ 0001 [ 0b 01 ] 'a/#' 04 ] 82 [ 0002 [ 0b 02 ] 'a/+' 08 ] 82 [ 0003 [ 0b 03 ] 'a/b' 00 ]",
      "s < 90 [ 0001 [] 00 ] 90 [ 0002 [] 00 ] 90 [ 0003 [] 00 ]",
      "s > 31 [ 'a/b' [] \"1\" ]",
      "s < 31 [ 'a/b' [ 0b 02 ] \"1\" ] 30 [ 'a/b' [ 0b 03 ] \"1\" ]",
      "p connects",
      "p > 30 [ 'a/b' [] \"2\" ]",
      "s < 30 [ 'a/b' [ 0b 01 ] \"2\" ] 30 [ 'a/b' [ 0b 02 ] \"2\" ] 30 [ 'a/b' [ 0b 03 ] \"2\" ]",
    ],
  },
  ...(["each", "once"] as const).map((overlappingSubscriptions): Row => ({
    name:
      `No Local keeps back only what its own subscription says of a message, with ${overlappingSubscriptions} [MQTT-3.8.3-3]`,
    versions: [5],
    options: { overlappingSubscriptions },
    steps: [
      "s connects",
      "s > 82 [ 0001 [ 0b 01 ] 'a/b' 0e 'a/+' 00 ] 82 [ 0002 [] 'c/d' 0e 'c/+' 01 ]",
      "s < 90 [ 0001 [] 02 00 ] 90 [ 0002 [] 02 01 ]",
      "s > 35 [ 'a/b' 0001 [] \"1\" ] 35 [ 'c/d' 0002 [] \"1\" ]",
      "s < 50 [ 0001 ] 30 [ 'a/b' [ 0b 01 ] \"1\" ] 50 [ 0002 ] 32 [ 'c/d' 0001 [] \"1\" ]",
      "p connects",
      "p > 35 [ 'a/b' 0001 [] \"2\" ]",
      "p < 50 [ 0001 ]",
      `s < 35 [ 'a/b' 0002 [ 0b 01 ${overlappingSubscriptions === "once" ? "0b 01" : ""} ] "2" ]`,
    ],
  })),
  {
    name: "A subscription that ends takes its copy with it, one that is made again brings its new identifier",
    versions: [5],
    steps: [
      "s connects",
      ...TWO,
      "s > 30 [ 'a/b' [] ]",
      "s < 30 [ 'a/b' [ 0b 01 ] ] 30 [ 'a/b' [ 0b 02 ] ]",
      "s > 82 [ 0003 [ 0b 01 ] 'a/b' 00 ]",
      "s < 90 [ 0003 [] 00 ]",
      "s > 30 [ 'a/b' [] ]",
      "s < 30 [ 'a/b' [ 0b 01 ] ]",
      "s > 82 [ 0004 [ 0b 03 ] 'a/b' 00 ] a2 [ 0005 [] 'a/#' ]",
      "s < 90 [ 0004 [] 00 ] b0 [ 0005 [] 00 ]",
      "s > 30 [ 'a/b' [] ]",
      "s < 30 [ 'a/b' [ 0b 03 ] ]",
    ],
  },
  {
    name: "A client with its copies stands beside others that each get one",
    versions: [5],
    steps: [
      "s connects",
      ...TWO,
      "o connects v4",
      "o > 82 [ 0001 'a/#' 00 'a/b' 01 ]",
      "o < 90 [ 0001 00 01 ]",
      "p connects",
      "p > 32 [ 'a/b' 0001 [] ]",
      "p < 40 [ 0001 ]",
      "s < 32 [ 'a/b' 0001 [ 0b 01 ] ] 32 [ 'a/b' 0002 [ 0b 02 ] ]",
      "o < 32 [ 'a/b' 0001 ]",
    ],
  },
  {
    name: "A subscription that was refused has no copy",
    versions: [5],
    options: { authorizer: { authorize: ({ topic }) => topic !== "a/+" } },
    steps: [
      "s connects",
      "s > 82 [ 0001 [ 0b 01 ] 'a/+' 00 ] 82 [ 0002 [ 0b 02 ] 'a/b' 00 ]",
      "s < 90 [ 0001 [] 87 ] 90 [ 0002 [] 00 ]",
      "s > 30 [ 'a/b' [] ]",
      "s < 30 [ 'a/b' [ 0b 02 ] ]",
    ],
  },
]);

const STORAGES = { memory: () => new MemoryStorage(), "Deno KV": () => DenoKvStorage.open(":memory:") } as const;
for (const [name, open] of Object.entries(STORAGES)) {
  Deno.test(`Copies wait for a session in ${name}, come in order and again with their own identifiers`, async () => {
    const options: BrokerOptions = { storage: await open(), queuesQos0Messages: true };
    const steps: readonly Step[] = [
      "s connects durable",
      ...THREE,
      "s drops",
      "p connects",
      "p > 34 [ 'a/b' 0001 [] \"1\" ] 32 [ 'a/c' 0002 [] \"2\" ]",
      "p < 50 [ 0001 ] 40 [ 0002 ]",
      "s2 resumes",
      "s2 < 30 [ 'a/b' [ 0b 01 ] \"1\" ] 34 [ 'a/b' 0001 [ 0b 02 ] \"1\" ] 32 [ 'a/b' 0002 [ 0b ff7f ] \"1\" ]",
      "s2 < 30 [ 'a/c' [ 0b 01 ] \"2\" ] 32 [ 'a/c' 0003 [ 0b 02 ] \"2\" ]",
      "s2 > 40 [ 0003 ]",
      "s2 drops",
      "s3 resumes",
      "s3 < 3c [ 'a/b' 0001 [ 0b 02 ] \"1\" ] 3a [ 'a/b' 0002 [ 0b ff7f ] \"1\" ]",
    ];
    await converse(5, options, (conversation) => conversation.run(...steps));
  });
}
