/**
 * What MQTT 3.1 (`MQIsdp`, Protocol Level 3) has otherwise than 3.1.1. What both have in common is in the other files,
 * whose rows run with it too.
 */

import { assertEquals } from "@std/assert";
import type { Authorizer } from "../../mod.ts";
import type { AuthenticationRequest } from "../../src/auth/mod.ts";
import { conversationTests, converse } from "./conversation.ts";

const NOT_SECRET: Authorizer = { authorize: ({ topic }) => topic !== "secret" };

conversationTests([
  {
    name: "A Client Identifier of one character is accepted (MQTT 3.1, section 3.1)",
    versions: [3],
    steps: ["a > 10 [ 'MQIsdp' 03 02 0000 'a' ]", "a < 20 02 00 00"],
  },
  {
    name:
      "A Client Identifier longer than the 23 characters of MQTT 3.1 is accepted: mosquitto takes it, and its bridges have one",
    versions: [3],
    steps: [
      "a > 10 [ @ 00 0000 'abcdefghijklmnopqrstuvwx' ]",
      "a < 20 02 00 00",
      "a drops",
      "b > 10 [ @ 02 0000 'bridge-of-a-host-with-a-name-of-forty-characters' ]",
      "b < 20 02 00 00",
    ],
  },
  {
    name: "Two Client Identifiers with the same 23 characters are two clients",
    versions: [3],
    steps: [
      "a > 10 [ @ 02 0000 'abcdefghijklmnopqrstuvwx' ]",
      "a < 20 02 00 00",
      "b > 10 [ @ 02 0000 'abcdefghijklmnopqrstuvwy' ]",
      "b < 20 02 00 00",
      "a quiet",
    ],
  },
  {
    name: "An empty Client Identifier is refused with 0x02 whatever Clean Session is (MQTT 3.1, section 3.2)",
    versions: [3],
    steps: [
      "a > 10 [ @ 02 0000 '' ]",
      "a < 20 02 00 02",
      "a closed",
      "b > 10 [ @ 00 0000 '' ]",
      "b < 20 02 00 02",
      "b closed",
    ],
  },
  {
    name: "MQIsdp with another Protocol Level, and MQTT with 3, are refused with 0x01 (MQTT 3.1, section 3.2)",
    versions: [3],
    steps: [
      ...["00", "04", "05", "06", "7f"].flatMap((level) => [
        `level${level} > 10 [ 'MQIsdp' ${level} 02 0000 'a' ]`,
        `level${level} < 20 02 00 01`,
        `level${level} closed`,
      ]),
      "a > 10 [ 'MQIsdp' 04 02 0000 'a' ]",
      "a < 20 02 00 01",
      "a closed",
      "b > 10 [ 'MQTT' 03 02 0000 'b' ]",
      "b < 20 02 00 01",
      "b closed",
    ],
  },
  {
    name: "Bits that are not used may be 1: in the first byte, and in Connect Flags (MQTT 3.1, sections 2.1 and 3.1)",
    versions: [3],
    steps: [
      "a > 1f [ @ 03 0000 'a' ]",
      "a < 20 02 00 00",
      "a > 8b [ 0001 't' 01 ]",
      "a < 90 [ 0001 01 ]",
      "a > cf 00",
      "a < d0 00",
      "a > ab [ 0002 't' ]",
      "a < b0 [ 0002 ]",
      "a > ef 00",
      "a closed",
    ],
  },
  {
    name: "Will QoS and Will Retain without Will Flag are disregarded (MQTT 3.1, section 3.1); 3.1.1 refuses them",
    versions: [3],
    steps: [
      "a > 10 [ @ 3a 0000 'a' ]",
      "a < 20 02 00 00",
      "a quiet",
      "b > 10 [ 'MQTT' 04 3a 0000 'b' ]",
      "b closed",
    ],
  },
  {
    name: "CONNACK does not say that a session is present: its first byte is reserved (MQTT 3.1, section 3.2)",
    versions: [3],
    steps: [
      "s > 10 [ @ 00 0000 's' ]",
      "s < 20 02 00 00",
      "s > 82 [ 0001 'x' 01 ]",
      "s < 90 [ 0001 01 ]",
      "s drops",
      "p connects v5",
      "p > 32 [ 'x' 0001 {} \"1\" ]",
      "p < 40 [ 0001 ]",
      "s2 > 10 [ @ 00 0000 's' ]",
      "s2 < 20 02 00 00 32 [ 'x' 0001 \"1\" ]",
      "s2 > 40 [ 0001 ]",
      "s2 drops",
      "s3 > 10 [ 'MQTT' 04 00 0000 's' ]",
      "s3 < 20 02 01 00",
    ],
  },
  {
    name:
      "SUBSCRIBE and UNSUBSCRIBE with DUP are answered as any other (MQTT 3.1, section 2.1); 3.1.1 ends the connection",
    versions: [3],
    steps: [
      "s connects",
      "s > 82 [ 0001 'x' 01 ] 8a [ 0001 'x' 01 ]",
      "s < 90 [ 0001 01 ] 90 [ 0001 01 ]",
      "s > 30 [ 'x' \"1\" ]",
      "s < 30 [ 'x' \"1\" ]",
      "s > a2 [ 0002 'x' ] aa [ 0002 'x' ]",
      "s < b0 02 0002 b0 02 0002",
      "s > 30 [ 'x' \"2\" ]",
      "t connects v4",
      "t > 8a [ 0001 'x' 01 ]",
      "t closed",
    ],
  },
  {
    name:
      "PUBLISH with DUP is not delivered again before PUBREL, which may have DUP itself (MQTT 3.1, sections 2.1 and 4.1)",
    versions: [3],
    steps: [
      "s connects",
      "s > 82 [ 0001 'x' 00 ]",
      "s < 90 [ 0001 00 ]",
      "p connects",
      "p > 34 [ 'x' 0001 \"1\" ] 3c [ 'x' 0001 \"1\" ] 6a 02 0001 6a 02 0001",
      "p < 50 02 0001 50 02 0001 70 02 0001 70 02 0001",
      "s < 30 [ 'x' \"1\" ]",
      "p > 3c [ 'x' 0001 \"2\" ]",
      "p < 50 02 0001",
      "s < 30 [ 'x' \"2\" ]",
    ],
  },
  ...["80 [ 0001 'x' 00 ]", "84 [ 0001 'x' 00 ]", "a0 [ 0001 'x' ]", "60 02 0001"].map((packet) => ({
    name: `A packet that must have QoS 1 and has another ends the connection (MQTT 3.1, section 2.1): ${packet}`,
    versions: [3] as const,
    steps: ["a connects", `a > ${packet}`, "a closed"],
  })),
  {
    name: "What MQTT 5 says beside the message does not reach a client of 3.1",
    versions: [3],
    steps: [
      "s connects",
      "s > 82 [ 0001 'x' 01 ]",
      "s < 90 [ 0001 01 ]",
      "p connects v5",
      "p > 33 [ 'x' 0001 { 01 01 02 00000e10 03 'text/plain' 26 'unit' 'degree' } \"21\" ]",
      "p < 40 [ 0001 ]",
      "s < 32 [ 'x' 0001 \"21\" ]",
      "s > 40 02 0001 82 [ 0002 'x' 00 ]",
      "s < 90 [ 0002 00 ] 31 [ 'x' \"21\" ]",
    ],
  },
  {
    name: "AUTH is no packet of MQTT 3.1: it ends the connection",
    versions: [3],
    steps: ["a connects", "a > f0 00", "a closed"],
  },
]);

for (
  const { hex, expected } of [
    { hex: "c2 0000 'a'", expected: [undefined, undefined] },
    { hex: "c2 0000 'a' 'ann'", expected: ["ann", undefined] },
    { hex: "82 0000 'a'", expected: [undefined, undefined] },
    {
      hex: "c2 0000 'a' 'a user name above 12 characters' 'secret'",
      expected: ["a user name above 12 characters", "secret"],
    },
    { hex: "ce 0000 'a' 'w' 'gone'", expected: [undefined, undefined] },
  ]
) {
  Deno.test(`User Name and Password may be missing where their flags are set (MQTT 3.1, section 3.1): ${hex}`, async () => {
    const requests: AuthenticationRequest[] = [];
    const authenticator = {
      authenticate(request: AuthenticationRequest) {
        requests.push(request);
        return { isAccepted: true } as const;
      },
    };
    await converse(3, { authenticator }, (conversation) =>
      conversation.run(
        `a > 10 [ 'MQIsdp' 03 ${hex} ]`,
        "a < 20 02 00 00",
      ));
    const [connect] = requests.map((request) => request.connect);
    const password = connect?.password && new TextDecoder().decode(connect.password);
    assertEquals([requests.length, connect?.userName, password], [1, ...expected]);
  });
}

for (
  const { reasonCode, returnCode } of [{ reasonCode: 0x86, returnCode: 4 }, {
    reasonCode: 0x87,
    returnCode: 5,
  }] as const
) {
  Deno.test(`A client that is not let in is refused with 0x0${returnCode} (MQTT 3.1, section 3.2)`, () => {
    const authenticator = { authenticate: () => ({ isAccepted: false, reasonCode } as const) };
    return converse(3, { authenticator }, (conversation) =>
      conversation.run(
        "a > 10 [ @ c2 0000 'a' 'ann' 'secret' ]",
        `a < 20 02 00 0${returnCode}`,
        "a closed",
      ));
  });
}

Deno.test("A SUBSCRIBE that is not allowed is acknowledged with the QoS it asks for, and has no effect: MQTT 3.1 has no code for it", () =>
  converse(3, { authorizer: NOT_SECRET }, (conversation) =>
    conversation.run(
      "p connects v5",
      "p > 33 [ 'open' 0001 {} \"1\" ]",
      "p < 40 [ 0001 <10> ]",
      "s connects",
      "s > 82 [ 0001 'secret' 00 'open' 01 'secret' 02 ]",
      "s < 90 [ 0001 00 01 02 ] 33 [ 'open' 0001 \"1\" ]",
      "s > 40 02 0001",
      () => conversation.broker.publish("secret", "2", { qos: 1 }),
      "s quiet",
      "t connects v4",
      "t > 82 [ 0001 'secret' 01 ]",
      "t < 90 [ 0001 80 ]",
    )));

Deno.test("A PUBLISH that is not allowed is acknowledged as its QoS demands, and goes to nobody: MQTT 3.1 has no code for it", () =>
  converse(
    3,
    { authorizer: { authorize: ({ action, topic }) => action === "subscribe" || topic !== "secret" } },
    (conversation) =>
      conversation.run(
        "s connects",
        "s > 82 [ 0001 'secret' 01 ]",
        "s < 90 [ 0001 01 ]",
        "p connects",
        "p > 30 [ 'secret' \"0\" ] 32 [ 'secret' 0001 \"1\" ] 35 [ 'secret' 0002 \"2\" ]",
        "p < 40 02 0001 50 02 0002",
        "p > 62 02 0002",
        "p < 70 02 0002",
        "s quiet",
      ),
  ));
