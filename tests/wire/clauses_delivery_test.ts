/** Clauses of delivery that speak of all clients, of each kind of answer, or of each place in a Topic Filter. */

import { ALL_VERSIONS, conversationTests, type Row } from "./conversation.ts";

/** Filters with `+` at each of their levels, a topic that matches, and one that differs where `+` does not stand. */
const PLUS: readonly (readonly [filter: string, matching: string, other: string])[] = [
  ["+", "a", "a/b"],
  ["+/b/c", "x/b/c", "x/y/c"],
  ["b/+/c", "b/x/c", "b/x/y"],
  ["c/b/+", "c/b/x", "c/x/x"],
  ["d/b/c/+", "d/b/c/", "d/b/c"],
  ["e/+/c/+/e/+", "e/1/c/2/e/3", "e/1/2/c/e/3"],
  ["+/f/+", "/f/", "/f"],
  ["g/+/#", "g/x", "g"],
  ["/+", "/h", "h/"],
];
const PLUS_WITH_OTHERS = ["+a", "a+", "b/+a", "b/a+/c", "++", "+/++", "+#", "a/#+"];

conversationTests([
  {
    name: "PUBACK and PUBREC refuse a message with the Reason Code of what is wrong [MQTT-3.4.2-1] [MQTT-3.5.2-1]",
    versions: [5],
    limits: { maximumPayloadBytes: 4, maximumRetainedMessages: 1 },
    options: { checksPayloadFormat: true, authorizer: { authorize: ({ topic }) => topic !== "denied" } },
    steps: [
      "s connects",
      "s > 82 [ 0001 [] 'read' 00 ]",
      "s < 90 [ 0001 [] 00 ]",
      "p connects",
      "p > 32 [ 'read' 0001 [] ] 34 [ 'read' 0002 [] ]",
      "p < 40 [ 0001 ] 50 [ 0002 ]",
      "s < 30 [ 'read' [] ] 30 [ 'read' [] ]",
      "p > 32 [ 'none' 0001 [] ] 34 [ 'none' 0003 [] ]",
      "p < 40 [ 0001 10 ] 50 [ 0003 10 ]", // No matching subscribers.
      "p > 32 [ 'read' 0001 [] \"12345\" ] 34 [ 'read' 0004 [] \"12345\" ]",
      "p < 40 [ 0001 83 ] 50 [ 0004 83 ]", // Too large, which no other code says.
      "p > 32 [ 'denied' 0001 [] ] 34 [ 'denied' 0004 [] ]",
      "p < 40 [ 0001 87 ] 50 [ 0004 87 ]",
      "p > 32 [ 'read' 0001 [ 01 01 ] ff ] 34 [ 'read' 0004 [ 01 01 ] ff ]",
      "p < 40 [ 0001 99 ] 50 [ 0004 99 ]",
      "p > 33 [ 'kept' 0001 [] \"1\" ] 33 [ 'more' 0001 [] \"1\" ] 35 [ 'more' 0004 [] \"1\" ]",
      "p < 40 [ 0001 10 ] 40 [ 0001 97 ] 50 [ 0004 97 ]",
    ],
  },
  {
    name: "QoS 0 is not answered, also where it is refused [MQTT-4.3.1-1]",
    versions: ALL_VERSIONS,
    limits: { maximumPayloadBytes: 4, maximumRetainedMessages: 1 },
    options: { authorizer: { authorize: ({ topic }) => topic !== "denied" } },
    steps: [
      "p connects",
      "p > 30 [ 'none' {} ] 30 [ 'none' {} \"12345\" ] 30 [ 'denied' {} ] 30 [ '$SYS/x' {} ]",
      "p > 31 [ 'kept' {} \"1\" ] 31 [ 'more' {} \"1\" ]",
    ],
  },
  {
    name: "QoS 2 PUBLISH that is repeated without DUP is answered and not delivered again [MQTT-4.3.3-10]",
    versions: ALL_VERSIONS,
    steps: [
      "s connects",
      "s > 82 [ 0001 {} 'x' 00 ]",
      "s < 90 [ 0001 {} 00 ]",
      "p connects",
      "p > 34 [ 'x' 0001 {} \"1\" ] 34 [ 'x' 0001 {} \"2\" ]",
      "p < 50 [ 0001 ] 50 [ 0001 ]",
      "s < 30 [ 'x' {} \"1\" ]",
      "p > 62 [ 0001 ]",
      "p < 70 [ 0001 ]",
    ],
  },
  {
    name: "A message that has expired when it comes is acknowledged as any other [MQTT-4.3.3-13]",
    versions: [5],
    steps: [
      "p connects",
      "p > 34 [ 'x' 0001 [ 02 00000000 ] ] 32 [ 'x' 0002 [ 02 00000000 ] ]",
      "p < 50 [ 0001 10 ] 40 [ 0002 10 ]",
      "p > 62 [ 0001 ]",
      "p < 70 [ 0001 ]",
    ],
  },
  ...([0, 1, 2] as const).map((qos): Row => ({
    name: `QoS ${qos} for several is left out for those that it is too large for [MQTT-3.1.2-24] [MQTT-3.1.2-25]`,
    versions: [5],
    steps: [
      "s > 10 [ @ 02 0000 [ 27 0000001a ] 's' ]",
      "s < 20 [ 00 00 [ LIMITS ] ]",
      ...["s", "t", "u"].flatMap((client) => [
        ...client === "s" ? [] : [`${client} connects`],
        `${client} > 82 [ 0001 [] 'x' 0${qos} ]`,
        `${client} < 90 [ 0001 [] 0${qos} ]`,
      ]),
      "p connects v4", // Its bytes are not what goes out.
      `p > 3${qos * 2} [ 'x' ${qos > 0 ? "0001" : ""} "${"l".repeat(30)}" ] 30 [ 'x' "short" ]`,
      ...qos > 0 ? [`p < ${qos === 1 ? 40 : 50} [ 0001 ]`] : [],
      ...["t", "u"].map((client) => `${client} < 3${qos * 2} [ 'x' ${qos > 0 ? "0001" : ""} [] "${"l".repeat(30)}" ]`),
      ...["s", "t", "u"].map((client) => `${client} < 30 [ 'x' [] "short" ]`),
    ],
  })),
  {
    name: "PUBREC with a Reason Code below 0x80 is answered with PUBREL, whatever it says [MQTT-4.3.3-4]",
    versions: [5],
    steps: [
      "s connects",
      "s > 82 [ 0001 [] 'x' 02 ]",
      "s < 90 [ 0001 [] 02 ]",
      "p connects",
      "p > 34 [ 'x' 0001 [] ] 34 [ 'x' 0002 [] ]",
      "p < 50 [ 0001 ] 50 [ 0002 ]",
      "s < 34 [ 'x' 0001 [] ] 34 [ 'x' 0002 [] ]",
      "s > 50 [ 0002 10 ]",
      "s < 62 [ 0002 ]",
      "s > 50 [ 0001 00 [ 1f 'fine' ] ]",
      "s < 62 [ 0001 ]",
      "s > 70 [ 0001 ] 70 [ 0002 ]",
    ],
  },
  {
    name: "Messages that wait come in the order in which they were published, each topic on its own [MQTT-4.6.0-6]",
    versions: ALL_VERSIONS,
    limits: { maximumInflight: 1 },
    steps: [
      "s connects",
      "s > 82 [ 0001 {} 'x' 01 'y' 02 ]",
      "s < 90 [ 0001 {} 01 02 ]",
      "p connects",
      "p > 32 [ 'x' 0001 {} \"1\" ] 34 [ 'y' 0002 {} \"2\" ] 32 [ 'x' 0003 {} \"3\" ]",
      "p < 40 [ 0001 ] 50 [ 0002 ] 40 [ 0003 ]",
      "s < 32 [ 'x' 0001 {} \"1\" ]",
      "s > 40 [ 0001 ]",
      "s < 34 [ 'y' 0002 {} \"2\" ]",
      "q connects", // Of another publisher, while others wait.
      "q > 32 [ 'x' 0001 {} \"4\" ]",
      "q < 40 [ 0001 ]",
      "s > 50 [ 0002 ]",
      "s < 62 [ 0002 ]",
      "s > 70 [ 0002 ]",
      "s < 32 [ 'x' 0003 {} \"3\" ]",
      "s > 40 [ 0003 ]",
      "s < 32 [ 'x' 0004 {} \"4\" ]",
    ],
  },
  {
    name: "A message is added to the session of each client that has subscribed to it, there or not [MQTT-4.5.0-1]",
    versions: ALL_VERSIONS,
    steps: [
      ...["a", "b", "c", "d"].map((client) => `${client} connects durable`),
      "e connects",
      "a > 82 [ 0001 {} 'x/y' 02 ]",
      "a < 90 [ 0001 {} 02 ]",
      "b > 82 [ 0001 {} 'x/#' 02 '+/y' 01 ]", // Once, though both match.
      "b < 90 [ 0001 {} 02 01 ]",
      "c > 82 [ 0001 {} '#' 01 ]",
      "c < 90 [ 0001 {} 01 ]",
      "d > 82 [ 0001 {} 'x' 02 ]",
      "d < 90 [ 0001 {} 02 ]",
      "e > 82 [ 0001 {} '+/y' 02 ]",
      "e < 90 [ 0001 {} 02 ]",
      "b drops",
      "c drops",
      "p connects",
      "p > 32 [ 'x/y' 0001 {} \"1\" ] 34 [ 'x/y' 0002 {} \"2\" ]",
      "p < 40 [ 0001 ] 50 [ 0002 ]",
      "a < 32 [ 'x/y' 0001 {} \"1\" ] 34 [ 'x/y' 0002 {} \"2\" ]",
      "e < 32 [ 'x/y' 0001 {} \"1\" ] 34 [ 'x/y' 0002 {} \"2\" ]",
      "b2 resumes",
      "b2 < 32 [ 'x/y' 0001 {} \"1\" ] 34 [ 'x/y' 0002 {} \"2\" ]",
      "c2 resumes",
      "c2 < 32 [ 'x/y' 0001 {} \"1\" ] 32 [ 'x/y' 0002 {} \"2\" ]",
    ],
  },
  ...PLUS.map(([filter, matching, other]) => ({
    name: `"${filter}" has \`+\` for a level of its own, wherever that is [MQTT-4.7.1-2] [MQTT-4.7.1-3 of 3.1.1]`,
    versions: ALL_VERSIONS,
    steps: [
      `p connects`,
      `p > 31 [ '${matching}' {} "kept" ] 31 [ '${other}' {} "no" ]`,
      "s connects",
      `s > 82 [ 0001 {} '${filter}' 00 ]`,
      "s < 90 [ 0001 {} 00 ]",
      `s < 31 [ '${matching}' {} "kept" ]`,
      `p > 30 [ '${other}' {} ] 30 [ '${matching}' {} ]`,
      `s < 30 [ '${matching}' {} ]`,
    ],
  })),
  ...["+", "a/+/b", "a+", "#", "a#b", `${"long/".repeat(100)}+`].map((topic): Row => ({
    name: `"${topic.slice(-9)}" is no Topic Name to publish to, and ends the connection [MQTT-3.3.2-2] [MQTT-4.7.0-1]`,
    versions: ALL_VERSIONS,
    steps: [
      ...["s", "t"].flatMap((client) => [`${client} connects`, `${client} > 30 [ '${topic}' {} ] c0 00`]), // Also twice.
      "s told e0 90",
      "t told e0 90",
    ],
  })),
  ...["04", "08", "10", "20", "40", "80"].map((options): Row => ({
    name:
      `The reserved bit ${options} of Subscription Options ends the connection [MQTT-3.8.3-5] [MQTT-3.8.3-4 of 3.1.1]`,
    versions: Number.parseInt(options, 16) < 0x40 ? [3, 4] : ALL_VERSIONS, // The others have a meaning in MQTT 5.
    steps: ["s connects", `s > 82 [ 0001 {} 'x' ${options} ] c0 00`, "s told e0 81"],
  })),
  ...PLUS_WITH_OTHERS.map((filter) => ({
    name: `"${filter}" has a wildcard beside others in a level: it ends the connection [MQTT-4.7.1-1] [MQTT-4.7.1-2]`,
    versions: ALL_VERSIONS,
    steps: ["s connects", `s > 82 [ 0001 {} '${filter}' 00 ] c0 00`, "s told e0 8f"],
  })),
]);
