import { assertEquals } from "@std/assert";
import { ReasonCode } from "../../mod.ts";
import type { AuthenticationStep } from "../../src/auth/mod.ts";
import { type Conversation, conversationTests, converse, type Row } from "./conversation.ts";

/** PUBLISH packets that end the connection of a client, with the Reason Code that it is told. */
const REFUSED_PACKETS: readonly (readonly [subject: string, hex: string, reasonCode: string])[] = [
  ["A Response Topic that is not UTF-8 [MQTT-3.3.2-13]", "30 [ 'x' [ 08 0002 c328 ] ]", "81"],
  ["A Response Topic with a wildcard [MQTT-3.3.2-14]", "30 [ 'x' [ 08 'r/+' ] ]", "82"],
  ["A Content Type that is not UTF-8 [MQTT-3.3.2-19]", "30 [ 'x' [ 03 0002 c328 ] ]", "81"],
  ["A name of a User Property that is not UTF-8 [MQTT-1.5.7-1]", "30 [ 'x' [ 26 0002 c328 'v' ] ]", "81"],
  ["A value of a User Property that is not UTF-8 [MQTT-1.5.7-1]", "30 [ 'x' [ 26 'k' 0002 c328 ] ]", "81"],
  ["A property that comes twice (section 2.2.2.2)", "30 [ 'x' [ 03 'a' 03 'a' ] ]", "82"],
  ["A property of another packet (section 2.2.2.2)", "30 [ 'x' [ 11 00000001 ] ]", "81"],
  ["Payload Format Indicator 2 (section 3.3.2.3.2)", "30 [ 'x' [ 01 02 ] ]", "82"],
  ["A Property Length that is longer than it needs to be [MQTT-1.5.5-1]", "30 05 'x' 8000", "81"],
  ["PUBLISH without a Property Length [MQTT-2.2.2-1]", "30 03 'x'", "81"],
  ["A wildcard in a topic with a Topic Alias [MQTT-3.3.2-2]", "30 [ '#' [ 23 0001 ] ]", "90"],
  ["Reserved bits of Subscription Options [MQTT-3.8.3-5]", "82 [ 0001 [] 'x' 40 ]", "81"],
  ["Two Subscription Identifiers in SUBSCRIBE (section 3.8.2.1.2)", "82 [ 0001 [ 0b 01 0b 02 ] 'x' 00 ]", "82"],
  ["AUTH with flags 0001 [MQTT-3.15.1-1]", "f1 00", "81"],
  ["A PUBACK with a Reason Code that it does not have [MQTT-3.4.2-1]", "40 [ 0001 92 ]", "82"],
  ["DISCONNECT with a Reason Code that it does not have [MQTT-3.14.2-1]", "e0 01 01", "82"],
  ...["$share/g", "$share//x", "$share/+/x", "$share/g#/x", "$share/g/"].map((filter) =>
    [`Topic Filter "${filter}" [MQTT-4.8.2-1] [MQTT-4.8.2-2]`, `82 [ 0001 [] '${filter}' 00 ]`, "8f"] as const
  ),
];

const RETAINED = ["p connects", "p > 33 [ 'r/1' 0001 [] \"one\" ]", "p < 40 [ 0001 10 ]"];

conversationTests([
  ...REFUSED_PACKETS.map(([subject, hex, reasonCode]): Row => ({
    name: `${subject} ends the connection`,
    versions: [5],
    steps: ["a connects", `a > ${hex} c0 00`, `a told e0 ${reasonCode}`],
  })),
  {
    name: "Another Protocol Name than MQTT ends the connection without a word [MQTT-3.1.2-1]",
    versions: [5],
    steps: ["a > 10 [ 'HTTP' 05 02 0000 [] 'a' ]", "a closed"],
  },
  {
    name: "No Response Information for a client that asks for none [MQTT-3.1.2-28]",
    versions: [5],
    steps: ["a > 10 [ @ 02 0000 [ 19 00 ] 'a' ]", "a < 20 [ 00 00 [ LIMITS ] ]"],
  },
  {
    name: "With Request Problem Information 0 no answer has a Reason String or User Property [MQTT-3.1.2-29]",
    versions: [5],
    limits: { maximumSubscriptions: 1 },
    options: { enhancedAuthenticators: [{ method: "M", begin: () => ({ next: twoSteps() }) }] },
    steps: [
      "s > 10 [ @ 02 0000 [ 15 'M' 17 00 ] 's' ]",
      "s < f0 [ 18 [ 15 'M' ] ]",
      "s > f0 [ 18 [ 15 'M' ] ]",
      "s < 20 [ 00 00 [ 15 'M' LIMITS ] ]",
      "s > 82 [ 0001 [] 'x' 02 'y' 02 ] a2 [ 0002 [] 'none' ]",
      "s < 90 [ 0001 [] 02 97 ] b0 [ 0002 [] 11 ]",
      "s > 32 [ '$SYS/x' 0001 [] ] 34 [ '$SYS/x' 0002 [] ] 62 [ 0003 ] 50 [ 0004 ]",
      "s < 40 [ 0001 87 ] 50 [ 0002 87 ] 70 [ 0003 92 ] 62 [ 0004 92 ]",
      "s > 30 [ 'x' [ 26 'k' 'v' ] ]", // They are the publisher's.
      "s < 30 [ 'x' [ 26 'k' 'v' ] ]",
      "s > 34 [ 'x' 0005 [] ]",
      "s < 50 [ 0005 ] 34 [ 'x' 0001 [] ]",
      "s > 62 [ 0005 ] 50 [ 0001 ]",
      "s < 70 [ 0005 ] 62 [ 0001 ]",
      "s > f0 [ 19 [ 15 'M' ] ]",
      "s < f0 [ 18 [ 15 'M' ] ]",
      "s > f0 [ 18 [ 15 'M' ] ]",
      "s < f0 [ 00 [ 15 'M' ] ]",
    ],
  },
  ...["00", "18"].map((reasonCode): Row => ({
    name: `AUTH ${reasonCode} outside of an exchange is a Protocol Error [MQTT-4.12.1-1]`,
    versions: [5],
    options: { enhancedAuthenticators: [{ method: "M", begin: () => ({ next: () => ({ kind: "accepted" }) }) }] },
    steps: [
      "s > 10 [ @ 02 0000 [ 15 'M' ] 's' ]",
      "s < 20 [ 00 00 [ 15 'M' LIMITS ] ]",
      `s > f0 [ ${reasonCode} [ 15 'M' ] ]`,
      "s told e0 82",
    ],
  })),
  {
    name: "User Properties of a Will keep their order [MQTT-3.1.3-10]",
    versions: [5],
    steps: [
      "s connects",
      "s > 82 [ 0001 [] 'w' 00 ]",
      "s < 90 [ 0001 [] 00 ]",
      "a > 10 [ @ 06 0000 [] 'a' [ 26 'b' '1' 26 'a' '2' 26 'b' '1' 26 'a' '1' ] 'w' 'gone' ]",
      "a < 20 [ 00 00 [ LIMITS ] ]",
      "a drops",
      "s < 30 [ 'w' [ 26 'b' '1' 26 'a' '2' 26 'b' '1' 26 'a' '1' ] \"gone\" ]",
    ],
  },
  {
    name: "Topic Alias Maximum 0 allows none [MQTT-3.2.2-18]",
    versions: [5],
    limits: { topicAliasMaximum: 0 },
    steps: ["a connects", "a > 30 [ 'x' [ 23 0001 ] ]", "a told e0 94"],
  },
  {
    name:
      "Properties are unaltered behind a queue, and sent again unaltered [MQTT-3.3.2-15] [MQTT-3.3.2-17] [MQTT-3.3.2-18]",
    versions: [5],
    steps: [
      "s connects durable",
      "s > 82 [ 0001 [ 0b 05 ] 'x' 01 ]",
      "s < 90 [ 0001 [] 01 ]",
      "s drops",
      "p connects",
      "p > 32 [ 'x' 0001 [ 01 01 03 'text' 08 'reply' 09 0002 00ff 26 'b' '1' 26 'a' '2' 26 'b' '1' 26 'a' '1' ] \"hi\" ]",
      "p < 40 [ 0001 ]",
      "s2 resumes",
      "s2 < 32 [ 'x' 0001 [ 01 01 03 'text' 08 'reply' 09 0002 00ff 0b 05 26 'b' '1' 26 'a' '2' 26 'b' '1' 26 'a' '1' ] \"hi\" ]",
      "s2 drops",
      "s3 resumes",
      "s3 < 3a [ 'x' 0001 [ 01 01 03 'text' 08 'reply' 09 0002 00ff 0b 05 26 'b' '1' 26 'a' '2' 26 'b' '1' 26 'a' '1' ] \"hi\" ]",
    ],
  },
  {
    name: "Each of several copies has the Subscription Identifier of its own subscription [MQTT-3.3.4-5]",
    versions: [5],
    steps: [
      "s connects",
      "s > 82 [ 0001 [ 0b 01 ] 'x' 00 ] 82 [ 0002 [ 0b 02 ] '$share/g/x' 00 ]",
      "s < 90 [ 0001 [] 00 ] 90 [ 0002 [] 00 ]",
      "s > 30 [ 'x' [] ]",
      "s < 30 [ 'x' [ 0b 01 ] ] 30 [ 'x' [ 0b 02 ] ]",
    ],
  },
  {
    name: "Retain Handling 1 brings none to a subscription of the session that is resumed [MQTT-3.3.1-10]",
    versions: [5],
    steps: [
      ...RETAINED,
      "s connects durable",
      "s > 82 [ 0001 [] 'r/1' 10 ]",
      "s < 90 [ 0001 [] 00 ] 31 [ 'r/1' [] \"one\" ]",
      "s drops",
      "s2 resumes",
      "s2 > 82 [ 0001 [] 'r/1' 11 ]",
      "s2 < 90 [ 0001 [] 01 ]",
    ],
  },
  {
    name: "Retain Handling 0 brings them each time, 2 never, whatever was before [MQTT-3.3.1-9] [MQTT-3.3.1-11]",
    versions: [5],
    steps: [
      ...RETAINED,
      "s connects",
      "s > 82 [ 0001 [] 'r/1' 20 ] 82 [ 0002 [] 'r/1' 00 ] 82 [ 0003 [] 'r/1' 20 ] 82 [ 0004 [] 'r/1' 00 ]",
      "s < 90 [ 0001 [] 00 ] 90 [ 0002 [] 00 ] 31 [ 'r/1' [] \"one\" ]",
      "s < 90 [ 0003 [] 00 ] 90 [ 0004 [] 00 ] 31 [ 'r/1' [] \"one\" ]",
    ],
  },
  {
    name: "A retained message larger than the client accepts is left out, and the others come [MQTT-3.1.2-25]",
    versions: [5],
    steps: [
      "p connects",
      `p > 31 [ 'r/1' [] "${"l".repeat(40)}" ] 31 [ 'r/2' [] "ok" ]`,
      "p quiet",
      "s > 10 [ @ 02 0000 [ 27 00000020 ] 's' ]",
      "s < 20 [ 00 00 [ LIMITS ] ]",
      "s > 82 [ 0001 [] 'r/+' 01 ]",
      "s < 90 [ 0001 [] 01 ] 31 [ 'r/2' [] \"ok\" ]",
    ],
  },
  {
    name: "A message that waited and is larger than the client now accepts is left out [MQTT-3.1.2-24] [MQTT-3.1.2-25]",
    versions: [5],
    steps: [
      "s connects durable",
      "s > 82 [ 0001 [] 'x' 02 ]",
      "s < 90 [ 0001 [] 02 ]",
      "p connects",
      `p > 34 [ 'x' 0001 [] "${"1".repeat(40)}" ]`,
      "p < 50 [ 0001 ]",
      `s < 34 [ 'x' 0001 [] "${"1".repeat(40)}" ]`,
      "s drops",
      `p > 34 [ 'x' 0002 [] "${"2".repeat(40)}" ] 34 [ 'x' 0003 [] "3" ]`,
      "p < 50 [ 0002 ] 50 [ 0003 ]",
      "s2 > 10 [ @ 00 0000 [ 11 00000e10 27 00000020 ] 's' ]",
      // They count as sent; the client may have the first one, whose identifier is free when PUBCOMP has come.
      "s2 < 20 [ 01 00 [ LIMITS ] ] 62 [ 0001 ] 34 [ 'x' 0003 [] \"3\" ]",
      "s2 drops",
      "s3 resumes",
      "s3 < 62 [ 0001 ] 3c [ 'x' 0003 [] \"3\" ]",
      "s3 > 70 [ 0001 92 ]",
      "s3 drops",
      "s4 resumes",
      "s4 < 3c [ 'x' 0003 [] \"3\" ]",
    ],
  },
  {
    name: "QoS 2 goes its four steps also when the Message Expiry Interval has passed [MQTT-4.3.3-7] [MQTT-4.3.3-13]",
    versions: [5],
    steps: [
      "s connects",
      "s > 82 [ 0001 [] 'x' 02 ]",
      "s < 90 [ 0001 [] 02 ]",
      "p connects",
      "p > 34 [ 'x' 0001 [ 02 00000001 ] ]",
      "p < 50 [ 0001 ]",
      "s < 34 [ 'x' 0001 [ 02 00000001 ] ]",
      "5 s pass",
      "p > 62 [ 0001 ]",
      "p < 70 [ 0001 ]",
      "s > 50 [ 0001 ]",
      "s < 62 [ 0001 ]",
      "s > 70 [ 0001 ]",
    ],
  },
  {
    name: "A message that is repeated when it has expired goes to nobody again [MQTT-4.3.3-13]",
    versions: [5],
    steps: [
      "p connects durable",
      "p > 34 [ 'x' 0001 [ 02 00000001 ] ]",
      "p < 50 [ 0001 10 ]",
      "p drops",
      "5 s pass",
      "p2 resumes",
      "s connects",
      "s > 82 [ 0001 [] 'x' 02 ]",
      "s < 90 [ 0001 [] 02 ]",
      "p2 > 3c [ 'x' 0001 [ 02 00000001 ] ] 62 [ 0001 ]",
      "p2 < 50 [ 0001 ] 70 [ 0001 ]",
    ],
  },
  {
    name: "A message whose PUBACK or PUBREC is an error is not sent again [MQTT-4.4.0-2]",
    versions: [5],
    steps: [
      "s connects durable",
      "s > 82 [ 0001 [] 'x' 02 ]",
      "s < 90 [ 0001 [] 02 ]",
      "p connects",
      "p > 32 [ 'x' 0001 [] \"1\" ] 34 [ 'x' 0002 [] \"2\" ] 32 [ 'x' 0003 [] \"3\" ]",
      "p < 40 [ 0001 ] 50 [ 0002 ] 40 [ 0003 ]",
      "s < 32 [ 'x' 0001 [] \"1\" ] 34 [ 'x' 0002 [] \"2\" ] 32 [ 'x' 0003 [] \"3\" ]",
      "s > 40 [ 0001 80 ] 50 [ 0002 97 ]",
      "s quiet",
      "s drops",
      "s2 resumes",
      "s2 < 3a [ 'x' 0003 [] \"3\" ]",
    ],
  },
  {
    name: "A message that one member of a Shared Subscription refuses goes to no other [MQTT-4.8.2-6]",
    versions: [5],
    steps: [
      ...["s", "t"].flatMap((member) => [
        `${member} connects`,
        `${member} > 82 [ 0001 [] '$share/g/x' 02 ]`,
        `${member} < 90 [ 0001 [] 02 ]`,
      ]),
      "p connects",
      "p > 32 [ 'x' 0001 [] \"1\" ] 34 [ 'x' 0002 [] \"2\" ]",
      "p < 40 [ 0001 ] 50 [ 0002 ]",
      "s < 32 [ 'x' 0001 [] \"1\" ]",
      "t < 34 [ 'x' 0001 [] \"2\" ]",
      "s > 40 [ 0001 97 ]",
      "t > 50 [ 0001 97 ]",
      "s quiet",
      "t quiet",
    ],
  },
  {
    name: "Each member of a Shared Subscription gets its own Subscription Identifier [MQTT-3.3.4-3]",
    versions: [5],
    steps: [
      "s connects",
      "s > 82 [ 0001 [ 0b 01 ] '$share/g/x' 00 ]",
      "s < 90 [ 0001 [] 00 ]",
      "t connects",
      "t > 82 [ 0001 [ 0b 02 ] '$share/g/x' 00 ]",
      "t < 90 [ 0001 [] 00 ]",
      "p connects",
      "p > 30 [ 'x' [] \"1\" ] 30 [ 'x' [] \"2\" ]",
      "s < 30 [ 'x' [ 0b 01 ] \"1\" ]",
      "t < 30 [ 'x' [ 0b 02 ] \"2\" ]",
    ],
  },
  {
    name: "No Local holds for the Will and for retained messages of the same client too [MQTT-3.8.3-3]",
    versions: [5],
    steps: [
      "a > 10 [ @ 0e 0000 [ 11 00000064 ] 'a' [ 18 00000005 ] 'w' 'gone' ]",
      "a < 20 [ 00 00 [ LIMITS ] ]",
      "a > 82 [ 0001 [] 'w' 05 ] 33 [ 'r' 0001 [] \"mine\" ] 82 [ 0002 [] 'r' 05 ] 82 [ 0003 [] 'r/#' 01 ]",
      "a < 90 [ 0001 [] 01 ] 40 [ 0001 10 ] 90 [ 0002 [] 01 ] 90 [ 0003 [] 01 ] 33 [ 'r' 0001 [] \"mine\" ]",
      "a > 40 [ 0001 ]",
      "a drops",
      "5 s pass",
      "a2 > 10 [ @ 00 0000 [ 11 00000064 ] 'a' ]",
      "a2 < 20 [ 01 00 [ LIMITS ] ]",
    ],
  },
  {
    name: "A takeover publishes a Will without Will Delay Interval, though the session goes on [MQTT-3.1.2-8]",
    versions: [5],
    steps: [
      "s connects",
      "s > 82 [ 0001 [] 'w' 00 ]",
      "s < 90 [ 0001 [] 00 ]",
      "a > 10 [ @ 06 0000 [ 11 00000064 ] 'a' [] 'w' 'gone' ]",
      "a < 20 [ 00 00 [ LIMITS ] ]",
      "a2 > 10 [ @ 00 0000 [ 11 00000064 ] 'a' ]",
      "a2 < 20 [ 01 00 [ LIMITS ] ]",
      "a told e0 8e",
      "s < 30 [ 'w' [] \"gone\" ]",
    ],
  },
  {
    name: "DISCONNECT that ends the session publishes the Will that it keeps at once [MQTT-3.1.2-8]",
    versions: [5],
    steps: [
      "s connects",
      "s > 82 [ 0001 [] 'w' 00 ]",
      "s < 90 [ 0001 [] 00 ]",
      "a > 10 [ @ 06 0000 [ 11 00000064 ] 'a' [ 18 0000000a ] 'w' 'gone' ]",
      "a < 20 [ 00 00 [ LIMITS ] ]",
      "a > e0 [ 04 [ 11 00000000 ] ]",
      "a closed",
      "s < 30 [ 'w' [] \"gone\" ]",
    ],
  },
  {
    name:
      "Without Session Expiry Interval the session ends with its connection, with 1 second it does not [MQTT-3.1.2-23]",
    versions: [5],
    steps: [
      "s > 10 [ @ 00 0000 [ 11 00000001 ] 's' ]",
      "s < 20 [ 00 00 [ LIMITS ] ]",
      "s drops",
      "s2 > 10 [ @ 00 0000 [] 's' ]",
      "s2 < 20 [ 01 00 [ LIMITS ] ]",
      "s2 drops",
      "s3 > 10 [ @ 00 0000 [] 's' ]",
      "s3 < 20 [ 00 00 [ LIMITS ] ]",
    ],
  },
  {
    name:
      "DISCONNECT 0x8B says that the server shuts down, and has no Session Expiry Interval [MQTT-3.14.2-1] [MQTT-3.14.2-2]",
    versions: [5],
    steps: [
      "a connects durable",
      (conversation: Conversation) => {
        conversation.broker.close().catch((error: unknown) => conversation.errors.push(error));
      },
      "a told e0 8b",
    ],
  },
  {
    name: "DISCONNECT 0x98 says that the operator ended the connection [MQTT-3.14.2-1]",
    versions: [5],
    steps: [
      "a connects",
      ({ broker }) => assertEquals(broker.disconnect({ clientId: "a" }), 1),
      "a told e0 98",
    ],
  },
  {
    name: "Nothing comes behind DISCONNECT of the server, which closes [MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT-4.13.2-1]",
    versions: [5],
    steps: [
      "a connects",
      "a > 82 [ 0001 [] 'x' 01 ]",
      "a < 90 [ 0001 [] 01 ]",
      "p connects",
      "a > d0 00 32 [ 'x' 0001 [] ] c0 00",
      "p > 30 [ 'x' [] ]",
      "a told e0 82",
    ],
  },
]);

/** An exchange that wants to hear once more, then accepts. */
function twoSteps(): () => AuthenticationStep {
  let isAsked = false;
  return () => {
    isAsked = !isAsked;
    return { kind: isAsked ? "continue" : "accepted" };
  };
}

Deno.test("All 65,535 Packet Identifiers can be in flight, and none is used twice [MQTT-2.2.1-4] [MQTT-4.3.2-1] v5", () =>
  converse(5, { limits: { maximumInflight: 65_535, maximumQueuedMessages: 70_000 } }, async (conversation) => {
    await conversation.run("s connects", "s > 82 [ 0001 [] 'x' 01 ]", "s < 90 [ 0001 [] 01 ]", "p connects");
    const hex = (identifier: number) => identifier.toString(16).padStart(4, "0");
    for (let first = 1; first <= 65_535; first += 4_369) {
      const identifiers = Array.from({ length: 4_369 }, (_, index) => hex(first + index));
      // "p" uses them anew each time: they are answered at once.
      await conversation.run(
        `p > ${identifiers.map((identifier) => `32 [ 'x' ${identifier} [] ]`).join(" ")}`,
        `p < ${identifiers.map((identifier) => `40 [ ${identifier} ]`).join(" ")}`,
        `s < ${identifiers.map((identifier) => `32 [ 'x' ${identifier} [] ]`).join(" ")}`,
      );
    }
    await conversation.run("p > 32 [ 'x' 0001 [] \"waits\" ]", "p < 40 [ 0001 ]", "s quiet");
    await conversation.run("s > 40 [ 1234 ]", "s < 32 [ 'x' 1234 [] \"waits\" ]");
  }));

Deno.test("DISCONNECT says 0x87 when authenticating again fails with a code of CONNACK alone [MQTT-4.12.1-2] [MQTT-3.14.2-1] v5", () => {
  const answers: AuthenticationStep[] = [
    { kind: "accepted" },
    { kind: "refused", reasonCode: ReasonCode.BadUserNameOrPassword, reason: "no such user" },
  ];
  const next = () => answers.shift() ?? { kind: "refused", reason: "asked too often" } as const;
  const enhancedAuthenticators = [{ method: "M", begin: () => ({ next }) }];
  return converse(5, { enhancedAuthenticators }, (conversation) =>
    conversation.run(
      "a > 10 [ @ 02 0000 [ 15 'M' ] 'a' ]",
      "a < 20 [ 00 00 [ 15 'M' LIMITS ] ]",
      "a > f0 [ 19 [ 15 'M' ] ]",
      "a told e0 87",
    ));
});
