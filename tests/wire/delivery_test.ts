/** What a broker can do otherwise than the standard has it: queue QoS 0, and send with a higher QoS. */

import type { BrokerOptions } from "../../mod.ts";
import { DenoKvStorage } from "../../src/storage/mod.ts";
import { ALL_VERSIONS, converse, type Step } from "./conversation.ts";

interface Row extends BrokerOptions {
  readonly name: string;
  readonly steps: readonly Step[];
}

const ROWS: readonly Row[] = [
  {
    name: "Messages with QoS 0 wait for a session without connection, in order with others, and come once",
    queuesQos0Messages: true,
    steps: [
      "s connects durable",
      "s > 82 [ 0001 {} 'x' 01 ]",
      "s < 90 [ 0001 {} 01 ]",
      "s drops",
      "p connects",
      "p > 30 [ 'x' {} \"1\" ] 32 [ 'x' 0001 {} \"2\" ] 30 [ 'x' {} \"3\" ]",
      "p < 40 [ 0001 ]",
      "s2 resumes",
      "s2 < 30 [ 'x' {} \"1\" ] 32 [ 'x' 0001 {} \"2\" ] 30 [ 'x' {} \"3\" ]",
      "s2 drops",
      "s3 resumes",
      "s3 < 3a [ 'x' 0001 {} \"2\" ]",
      "p > 30 [ 'x' {} \"4\" ]",
      "s3 < 30 [ 'x' {} \"4\" ]",
    ],
  },
  {
    name: "Messages with QoS 0 that come while others wait do not overtake these",
    queuesQos0Messages: true,
    limits: { maximumInflight: 1 },
    steps: [
      "s connects durable",
      "s > 82 [ 0001 {} 'x' 01 ]",
      "s < 90 [ 0001 {} 01 ]",
      "s drops",
      "p connects",
      "p > 32 [ 'x' 0001 {} \"1\" ] 30 [ 'x' {} \"2\" ]",
      "p < 40 [ 0001 ]",
      "s2 resumes",
      "s2 < 32 [ 'x' 0001 {} \"1\" ]",
      "p > 30 [ 'x' {} \"3\" ]",
      "p quiet",
      "s2 quiet",
      "s2 > 40 [ 0001 ]",
      "s2 < 30 [ 'x' {} \"2\" ] 30 [ 'x' {} \"3\" ]",
      "p > 30 [ 'x' {} \"4\" ]",
      "s2 < 30 [ 'x' {} \"4\" ]",
    ],
  },
  {
    name: "Retained messages with QoS 0 wait where they are retained, and not in a queue that is full",
    queuesQos0Messages: true,
    limits: { maximumInflight: 1, maximumQueuedBytes: 600 },
    steps: [
      "p connects",
      "p > 31 [ 'r/1' {} \"1\" ] 31 [ 'r/2' {} \"2\" ] 31 [ 'r/3' {} \"3\" ]",
      "p quiet",
      "s connects durable",
      "s > 82 [ 0001 {} 'x' 01 ]",
      "s < 90 [ 0001 {} 01 ]",
      "p > 32 [ 'x' 0001 {} \"1\" ] 32 [ 'x' 0002 {} \"2\" ]",
      "p < 40 [ 0001 ] 40 [ 0002 ]",
      "s < 32 [ 'x' 0001 {} \"1\" ]",
      "s > 82 [ 0002 {} 'r/#' 00 ]",
      "s < 90 [ 0002 {} 00 ]",
      "s > 40 [ 0001 ]",
      "s < 32 [ 'x' 0002 {} \"2\" ] 31 [ 'r/1' {} \"1\" ] 31 [ 'r/2' {} \"2\" ] 31 [ 'r/3' {} \"3\" ]",
      "s > 40 [ 0002 ]",
    ],
  },
  {
    name: "Messages with QoS 0 that wait count against maximumQueuedMessages",
    queuesQos0Messages: true,
    limits: { maximumQueuedMessages: 1 },
    steps: [
      "s connects durable",
      "s > 82 [ 0001 {} 'x' 01 ]",
      "s < 90 [ 0001 {} 01 ]",
      "s drops",
      "p connects",
      "p > 30 [ 'x' {} \"1\" ] 30 [ 'x' {} \"2\" ] c0 []",
      "p < d0 []",
      "s2 resumes",
      "s2 < 30 [ 'x' {} \"1\" ]",
    ],
  },
  {
    name: "A message goes out with the QoS of its subscription where that is wanted, and never with a higher one",
    upgradesOutgoingQos: true,
    steps: [
      "a connects",
      "a > 82 [ 0001 {} 'x' 01 ]",
      "a < 90 [ 0001 {} 01 ]",
      "b connects",
      "b > 82 [ 0001 {} 'x' 02 ]",
      "b < 90 [ 0001 {} 02 ]",
      "p connects",
      "p > 82 [ 0001 {} 'x' 00 ]",
      "p < 90 [ 0001 {} 00 ]",
      "p > 30 [ 'x' {} \"1\" ]",
      "p < 30 [ 'x' {} \"1\" ]",
      "a < 32 [ 'x' 0001 {} \"1\" ]",
      "b < 34 [ 'x' 0001 {} \"1\" ]",
      "b > 50 [ 0001 ]",
      "b < 62 [ 0001 ]",
      "p > 34 [ 'x' 0001 {} \"2\" ]",
      "p < 50 [ 0001 ] 30 [ 'x' {} \"2\" ]",
      "a < 32 [ 'x' 0002 {} \"2\" ]",
      "b < 34 [ 'x' 0002 {} \"2\" ]",
    ],
  },
];

for (const { name, steps, ...options } of ROWS) {
  for (const version of ALL_VERSIONS) {
    Deno.test(`${name} v${version}`, () => converse(version, options, (conversation) => conversation.run(...steps)));
  }
}

Deno.test("Messages with QoS 0 that wait outlive the broker, once", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const inTurn = async (...steps: readonly Step[]) => {
      const storage = await DenoKvStorage.open(`${folder}/a.kv`);
      await converse(5, { storage, queuesQos0Messages: true }, (conversation) => conversation.run(...steps));
    };
    await inTurn(
      "s connects durable",
      "s > 82 [ 0001 {} 'x' 01 ]",
      "s < 90 [ 0001 {} 01 ]",
      "s drops",
      "p connects",
      "p > 30 [ 'x' {} \"1\" ] 32 [ 'x' 0001 {} \"2\" ]",
      "p < 40 [ 0001 ]",
    );
    await inTurn("s resumes", "s < 30 [ 'x' {} \"1\" ] 32 [ 'x' 0001 {} \"2\" ]", "s > 40 [ 0001 ]", "s drops");
    await inTurn("s resumes");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
