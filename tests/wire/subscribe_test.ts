import { ALL_VERSIONS, type Conversation, conversationTests } from "./conversation.ts";

const PUBLISHER = ["p connects"];

conversationTests([
  {
    name: "SUBSCRIBE is answered with a code for each Topic Filter, in order [MQTT-3.8.4-6] [MQTT-3.9.3-1]",
    versions: ALL_VERSIONS,
    steps: ["s connects", "s > 82 [ 1234 {} 'a' 00 'b' 02 'c' 01 ]", "s < 90 [ 1234 {} 00 02 01 ]"],
  },
  {
    name: "`+` stands for one level, `#` for any number and the parent [MQTT-4.7.1-1] [MQTT-4.7.1-2]",
    versions: ALL_VERSIONS,
    steps: [
      "s connects",
      "s > 82 [ 0001 {} 'a/+/c' 00 'sport/#' 00 ]",
      "s < 90 [ 0001 {} 00 00 ]",
      ...PUBLISHER,
      "p > 30 [ 'a/b/c' {} ] 30 [ 'a//c' {} ] 30 [ 'a/c' {} ] 30 [ 'a/b/b/c' {} ] 30 [ 'a/b' {} ]",
      "p > 30 [ 'sport' {} ] 30 [ 'sport/' {} ] 30 [ 'sport/a/b' {} ] 30 [ 'sports' {} ] 30 [ '/sport' {} ]",
      "s < 30 [ 'a/b/c' {} ] 30 [ 'a//c' {} ] 30 [ 'sport' {} ] 30 [ 'sport/' {} ] 30 [ 'sport/a/b' {} ]",
      "p quiet",
    ],
  },
  {
    name: "A filter that starts with a wildcard does not match topics that start with $ [MQTT-4.7.2-1]",
    versions: ALL_VERSIONS,
    steps: [
      "s connects",
      "s > 82 [ 0001 {} '#' 00 '+/x' 00 ]",
      "s < 90 [ 0001 {} 00 00 ]",
      "t connects",
      "t > 82 [ 0001 {} '$own/#' 00 ]",
      "t < 90 [ 0001 {} 00 ]",
      ...PUBLISHER,
      "p > 30 [ '$own/x' {} ]",
      "t < 30 [ '$own/x' {} ]",
    ],
  },
  {
    name: "An invalid Topic Filter ends the connection, MQTT 5 is told 0x8F [MQTT-4.7.1-1]",
    versions: [5],
    steps: ["s connects", "s > 82 [ 0001 {} 'a/b#' 00 ]", "s told e0 8f"],
  },
  ...["a/b#", "a/#/b", "a+", "+a", "$share/g", "$share//a", "$share/+/a"].map((filter) => ({
    name: `"${filter}" is not a Topic Filter [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.8.2-1] [MQTT-4.8.2-2]`,
    versions: [4] as const,
    steps: ["s connects", `s > 82 [ 0001 '${filter}' 00 ]`, "s closed"],
  })),
  {
    name: "Nothing of a SUBSCRIBE with an invalid Topic Filter holds",
    versions: [4],
    steps: [
      "s connects durable",
      "s > 82 [ 0001 'a' 01 'b#' 00 ]",
      "s closed",
      ...PUBLISHER,
      "p > 32 [ 'a' 0001 ]",
      "p < 40 [ 0001 ]",
      "s resumes",
    ],
  },
  {
    name: "Overlapping filters deliver one copy with the highest QoS [MQTT-3.3.4-2]",
    versions: ALL_VERSIONS,
    steps: [
      "s connects",
      "s > 82 [ 0001 {} 'a/b' 00 'a/+' 02 'a/#' 01 ]",
      "s < 90 [ 0001 {} 00 02 01 ]",
      ...PUBLISHER,
      "p > 34 [ 'a/b' 0001 {} ]",
      "p < 50 [ 0001 ]",
      "s < 34 [ 'a/b' 0001 {} ]",
    ],
  },
  {
    name: "One copy has the Subscription Identifiers of all matching subscriptions [MQTT-3.3.4-4]",
    versions: [5],
    options: { overlappingSubscriptions: "once" },
    steps: [
      "s connects",
      "s > 82 [ 0001 [ 0b 03 ] 'a/b' 00 ]",
      "s > 82 [ 0002 [ 0b ff7f ] 'a/+' 01 'a/#' 01 ]",
      "s > 82 [ 0003 [] '#' 00 ]",
      "s < 90 [ 0001 [] 00 ] 90 [ 0002 [] 01 01 ] 90 [ 0003 [] 00 ]",
      ...PUBLISHER,
      "p > 32 [ 'a/b' 0001 [] ]",
      "p < 40 [ 0001 ]",
      takesSubscriptionIdentifiers,
    ],
  },
  {
    name: "A Subscription Identifier comes with every message of its subscription, and ends with it [MQTT-3.3.4-3]",
    versions: [5],
    steps: [
      "s connects",
      "s > 82 [ 0001 [ 0b 07 ] 'a' 00 ]",
      "s < 90 [ 0001 [] 00 ]",
      "s > 30 [ 'a' [] \"1\" ]",
      "s < 30 [ 'a' [ 0b 07 ] \"1\" ]",
      "s > 82 [ 0002 [ 0b 08 ] 'a' 00 ]",
      "s < 90 [ 0002 [] 00 ]",
      "s > 30 [ 'a' [] \"2\" ]",
      "s < 30 [ 'a' [ 0b 08 ] \"2\" ]",
      "s > 82 [ 0003 [] 'a' 00 ]",
      "s < 90 [ 0003 [] 00 ]",
      "s > 30 [ 'a' [] \"3\" ]",
      "s < 30 [ 'a' [] \"3\" ]",
    ],
  },
  {
    name: "Subscription Identifier 0 is a Protocol Error (section 3.8.2.1.2)",
    versions: [5],
    steps: ["s connects", "s > 82 [ 0001 [ 0b 00 ] 'a' 00 ]", "s told e0 82"],
  },
  {
    name: "A SUBSCRIBE to the same Topic Filter replaces the subscription [MQTT-3.8.4-3]",
    versions: ALL_VERSIONS,
    steps: [
      "s connects",
      "s > 82 [ 0001 {} 'a' 02 ] 82 [ 0002 {} 'a' 00 ]",
      "s < 90 [ 0001 {} 02 ] 90 [ 0002 {} 00 ]",
      ...PUBLISHER,
      "p > 32 [ 'a' 0001 {} ]",
      "p < 40 [ 0001 ]",
      "s < 30 [ 'a' {} ]",
    ],
  },
  {
    name: "UNSUBSCRIBE stops delivery [MQTT-3.10.4-2] [MQTT-3.10.4-4]",
    versions: ALL_VERSIONS,
    steps: [
      "s connects",
      "s > 82 [ 0001 {} 'a' 00 'b/+' 00 'c' 00 ]",
      "s < 90 [ 0001 {} 00 00 00 ]",
      ...PUBLISHER,
      "p > 30 [ 'a' {} ] 30 [ 'b/1' {} ]",
      "s < 30 [ 'a' {} ] 30 [ 'b/1' {} ]",
      "s > a2 [ 4321 {} 'a' 'none' 'b/+' ]",
      "s < b0 [ 4321 {} <00 11 00> ]",
      "p > 30 [ 'a' {} ] 30 [ 'b/1' {} ] 30 [ 'c' {} ]",
      "s < 30 [ 'c' {} ]",
    ],
  },
  {
    name: "UNSUBSCRIBE compares character by character [MQTT-3.10.4-1]",
    versions: ALL_VERSIONS,
    steps: [
      "s connects",
      "s > 82 [ 0001 {} 'a/+' 00 ]",
      "s < 90 [ 0001 {} 00 ]",
      "s > a2 [ 0002 {} 'a/b' 'a/#' 'A/+' ]",
      "s < b0 [ 0002 {} <11 11 11> ]",
      "s > 30 [ 'a/b' {} ]",
      "s < 30 [ 'a/b' {} ]",
    ],
  },
  {
    name: "UNSUBSCRIBE does not stop a delivery that has begun [MQTT-3.10.4-3]",
    versions: ALL_VERSIONS,
    steps: [
      "s connects",
      "s > 82 [ 0001 {} 'a' 02 ]",
      "s < 90 [ 0001 {} 02 ]",
      ...PUBLISHER,
      "p > 34 [ 'a' 0001 {} ]",
      "p < 50 [ 0001 ]",
      "s < 34 [ 'a' 0001 {} ]",
      "s > a2 [ 0002 {} 'a' ]",
      "s < b0 [ 0002 {} <00> ]",
      "s > 50 [ 0001 ]",
      "s < 62 [ 0001 ]",
    ],
  },
  {
    name: "No Local keeps messages from their publisher, not from others [MQTT-3.8.3-3]",
    versions: [5],
    steps: [
      "s connects",
      "s > 82 [ 0001 [] 'a' 04 ]",
      "s < 90 [ 0001 [] 00 ]",
      ...PUBLISHER,
      "p > 82 [ 0001 [] 'a' 04 ]",
      "p < 90 [ 0001 [] 00 ]",
      "p > 30 [ 'a' [] ]",
      "s < 30 [ 'a' [] ]",
      "p quiet",
    ],
  },
  {
    name: "No Local of one filter leaves an overlapping one alone, with its QoS and identifier [MQTT-3.8.3-3]",
    versions: [5],
    steps: [
      "s connects",
      "s > 82 [ 0001 [ 0b 01 ] 'a' 06 ] 82 [ 0002 [ 0b 02 ] '+' 00 ]",
      "s < 90 [ 0001 [] 02 ] 90 [ 0002 [] 00 ]",
      "s > 30 [ 'a' [] ]",
      "s < 30 [ 'a' [ 0b 02 ] ]",
    ],
  },
  {
    name: "Reserved bits of Subscription Options are malformed [MQTT-3.8.3-5]",
    versions: [3, 4],
    steps: ["s connects", "s > 82 [ 0001 'a' 04 ]", "s closed"],
  },
  {
    name: "Names that mean something in JavaScript are names like any other",
    versions: ALL_VERSIONS,
    steps: [
      "s connects",
      "s > 82 [ 0001 {} '__proto__' 00 'constructor/+' 00 ]",
      "s < 90 [ 0001 {} 00 00 ]",
      "s > 30 [ '__proto__' {} ] 30 [ 'constructor/prototype' {} ] 30 [ 'toString' {} ]",
      "s < 30 [ '__proto__' {} ] 30 [ 'constructor/prototype' {} ]",
    ],
  },
]);

/** 3 once and 16,383 twice, in any order. */
async function takesSubscriptionIdentifiers(conversation: Conversation): Promise<void> {
  const client = conversation.client("s");
  const packet = await client.takePacket();
  const properties = Array.from(packet.subarray(10)).map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const identifiers = properties.match(/0bff7f|0b03/g)?.sort().join(" ");
  if (packet[9] !== 8 || identifiers !== "0b03 0bff7f 0bff7f") throw new Error(`got properties ${properties}`);
}
