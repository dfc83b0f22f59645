/** A connection that is closing: nothing follows its last packet, and messages wait in its session. [MQTT-3.14.4-1] */

import type { PacketEvent, QoS } from "../../mod.ts";
import { GatedStorage } from "../storage/gated_storage.ts";
import { ALL_VERSIONS, type Conversation, converse, type Step } from "./conversation.ts";

const SUBSCRIBER = ["s connects durable", "s > 82 [ 0001 {} 'x' 02 ]", "s < 90 [ 0001 {} 02 ]"];

/** Ends the connection of "s" for the operator, and publishes before it has gone. */
function publishedWhileClosing(...messages: readonly { readonly qos: QoS; readonly payload: string }[]): Step {
  return async ({ broker }) => {
    broker.disconnect({ clientId: "s" });
    await Promise.all(messages.map(({ qos, payload }) => broker.publish("x", payload, { qos })));
  };
}

interface ClosingRow {
  readonly name: string;
  readonly steps: readonly Step[];
}

const ROWS: readonly ClosingRow[] = [
  {
    name: "QoS 0 does not follow DISCONNECT",
    steps: [
      "s connects",
      "s > 82 [ 0001 {} 'x' 02 ]",
      "s < 90 [ 0001 {} 02 ]",
      publishedWhileClosing({ qos: 0, payload: "late" }, { qos: 1, payload: "late" }, { qos: 2, payload: "late" }),
      "s told e0 98",
    ],
  },
  {
    name: "QoS 1 and 2 wait in a session that lives on, not sent yet [MQTT-3.3.1-1]",
    steps: [
      ...SUBSCRIBER,
      publishedWhileClosing({ qos: 0, payload: "lost" }, { qos: 1, payload: "1" }, { qos: 2, payload: "2" }),
      "s told e0 98",
      "s2 resumes",
      "s2 < 32 [ 'x' 0001 {} \"1\" ] 34 [ 'x' 0002 {} \"2\" ]",
    ],
  },
  {
    name: "Messages behind those that wait for Receive Maximum stay in order",
    steps: [
      ...SUBSCRIBER,
      ({ broker }) => broker.publish("x", "1", { qos: 1 }),
      ({ broker }) => broker.publish("x", "2", { qos: 1 }),
      "s < 32 [ 'x' 0001 {} \"1\" ]", // With maximumInflight 1 the second one waits.
      publishedWhileClosing({ qos: 1, payload: "3" }),
      "s told e0 98",
      "s2 resumes",
      "s2 < 3a [ 'x' 0001 {} \"1\" ]",
      "s2 > 40 [ 0001 ]",
      "s2 < 32 [ 'x' 0002 {} \"2\" ]",
      "s2 > 40 [ 0002 ]",
      "s2 < 32 [ 'x' 0003 {} \"3\" ]",
    ],
  },
  {
    name: "A Shared Subscription brings the message to another member",
    steps: [
      "s connects",
      "s > 82 [ 0001 {} '$share/g/x' 02 ]",
      "s < 90 [ 0001 {} 02 ]",
      "t connects",
      "t > 82 [ 0001 {} '$share/g/x' 02 ]",
      "t < 90 [ 0001 {} 02 ]",
      publishedWhileClosing({ qos: 1, payload: "1" }, { qos: 1, payload: "2" }),
      "s told e0 98",
      "t < 32 [ 'x' 0001 {} \"1\" ] 32 [ 'x' 0002 {} \"2\" ]",
    ],
  },
  {
    name: "A Shared Subscription brings the message to a member that lives on, where the other one ends",
    steps: [
      "s connects",
      "s > 82 [ 0001 {} '$share/g/x' 02 ]",
      "s < 90 [ 0001 {} 02 ]",
      "t connects durable",
      "t > 82 [ 0001 {} '$share/g/x' 02 ]",
      "t < 90 [ 0001 {} 02 ]",
      "t drops",
      publishedWhileClosing({ qos: 1, payload: "1" }, { qos: 1, payload: "2" }),
      "s told e0 98",
      "t2 resumes",
      "t2 < 32 [ 'x' 0001 {} \"1\" ]",
      "t2 > 40 [ 0001 ]",
      "t2 < 32 [ 'x' 0002 {} \"2\" ]",
    ],
  },
  {
    name: "The Will of a client that breaks the rules does not follow the DISCONNECT of another one",
    steps: [
      ...["a", "b"].flatMap((name) => [
        `${name} > 10 [ @ 06 0000 {} '${name}' {} 'w' '${name}' ]`,
        `${name} < 20 [ 00 00 { LIMITS } ]`,
        `${name} > 82 [ 0001 {} 'w' 00 ]`,
        `${name} < 90 [ 0001 {} 00 ]`,
      ]),
      (conversation) => {
        for (const name of ["a", "b"]) {
          conversation.client(name).send(conversation.bytes(`10 [ @ 02 0000 {} '${name}' ]`));
        }
      },
      "a told e0 82",
      "b told e0 82",
    ],
  },
  {
    name: "The Will of a client whose Keep Alive has passed does not follow the DISCONNECT of another one",
    steps: [
      ...["a", "b"].flatMap((name) => [
        `${name} > 10 [ @ 06 000a {} '${name}' {} 'w' '${name}' ]`,
        `${name} < 20 [ 00 00 { LIMITS } ]`,
        `${name} > 82 [ 0001 {} 'w' 00 ]`,
        `${name} < 90 [ 0001 {} 00 ]`,
      ]),
      "16 s pass",
      "a told e0 8d",
      "b told e0 8d",
    ],
  },
  {
    name: "The Will of the client that is taken over does not reach it",
    steps: [
      "a > 10 [ @ 06 0000 {} 'a' {} 'w' 'gone' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "a > 82 [ 0001 {} 'w' 01 ]",
      "a < 90 [ 0001 {} 01 ]",
      "a2 connects",
      "a told e0 8e",
    ],
  },
  {
    name: "Nothing follows the DISCONNECT of a server that is shutting down",
    steps: [
      "s connects",
      "s > 82 [ 0001 {} '$SYS/broker/uptime' 00 ]",
      "s < 90 [ 0001 {} 00 ] 31 [ '$SYS/broker/uptime' {} \"0 seconds\" ]",
      (conversation) => {
        conversation.closing = conversation.broker.close();
        conversation.pass(1_000); // The topics of the broker tell what has changed.
      },
      "s told e0 8b",
      ({ closing }) => closing,
    ],
  },
  {
    name: "Nothing follows the DISCONNECT of the client",
    steps: [
      ...SUBSCRIBER,
      "s > e0 00 30 [ 'x' {} \"0\" ] 32 [ 'x' 0001 {} \"1\" ] c0 00",
      "s closed",
      "s2 resumes",
    ],
  },
];

for (const { name, steps } of ROWS) {
  for (const version of ALL_VERSIONS) {
    Deno.test(`${name} [MQTT-3.14.4-1] v${version}`, () =>
      converse(
        version,
        { limits: name.includes("Receive Maximum") ? { maximumInflight: 1 } : {}, sysIntervalMs: 1_000 },
        (conversation: Conversation) => conversation.run(...steps),
      ));
  }
}

Deno.test("PUBACK that waits for the storage leaves before the DISCONNECT that follows it [MQTT-3.14.4-1]", async () => {
  const storage = new GatedStorage();
  await converse(5, { storage }, async (conversation) => {
    await conversation.run(
      ...SUBSCRIBER,
      "s disconnects",
      "p connects",
      () => storage.isGated = true,
      "p > 32 [ 'x' 0007 {} ]",
    );
    const commit = await storage.nextCommit();
    await conversation.run(
      ({ broker }) => broker.disconnect({ clientId: "p" }),
      () => commit.keep(),
      "p < 40 [ 0007 ]",
      "p told e0 98",
      () => storage.open(),
    );
  });
});

Deno.test("A hook that ends the connection at the first message leaves the others to the session [MQTT-3.14.4-1]", async () => {
  let isEnding = false;
  let end = () => {};
  const onPacket = ({ direction, packet }: PacketEvent) => {
    if (isEnding && direction === "sent" && packet.type === "publish") end();
  };
  await converse(5, { onPacket }, async (conversation) => {
    const { broker } = conversation;
    end = () => broker.disconnect({ clientId: "s" });
    await conversation.run(...SUBSCRIBER, "s drops");
    for (const payload of ["1", "2", "3"]) await broker.publish("x", payload, { qos: 1 });
    await conversation.run(
      () => isEnding = true,
      "s2 resumes",
      "s2 < 32 [ 'x' 0001 {} \"1\" ]",
      "s2 told e0 98",
      "s3 > 10 [ @ 00 0000 { 11 00000e10 } 's' ]",
      "s3 < 20 [ 01 00 { LIMITS } ] 3a [ 'x' 0001 {} \"1\" ]",
      "s3 told e0 98",
      () => isEnding = false,
      "s4 resumes",
      "s4 < 3a [ 'x' 0001 {} \"1\" ] 32 [ 'x' 0002 {} \"2\" ] 32 [ 'x' 0003 {} \"3\" ]",
    );
  });
});
