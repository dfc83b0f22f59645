/** PUBLISH and PUBREL of a client, up to the router and back. */

import { assert, assertEquals } from "@std/assert";
import { Message } from "../../src/codec/message.ts";
import type { ReviewedMessage } from "../../src/protocol/connection_host.ts";
import { settingsWith } from "../../src/protocol/setting_table.ts";
import { ALL_VERSIONS, type Dialogue, dialogueTests, type Row, type Step } from "./dialogue.ts";

/** PUBLISH with QoS 1 and 2, what acknowledges it, and where the Reason Code of that stands. */
const QOS_1 = "32 [ 'x' 0009 {} \"m\" ]";
const QOS_2 = "34 [ 'x' 0009 {} \"m\" ]";
const TOO_MANY = "y".repeat(5);

dialogueTests([
  {
    name: "PUBLISH with QoS 0 is published and not acknowledged [MQTT-4.3.1-1]",
    versions: ALL_VERSIONS,
    steps: ["connects", "> 30 [ 'x' {} \"m\" ]", 'publishes x "m"', "quiet", "writes nothing", "asks "],
  },
  {
    name: "PUBLISH with QoS 1 is published, then acknowledged with its Packet Identifier [MQTT-4.3.2-4]",
    versions: ALL_VERSIONS,
    steps: ["connects", `> ${QOS_1}`, 'publishes x "m" QoS 1', "< 40 [ 0009 ]", "writes nothing"],
  },
  {
    name: "PUBLISH with QoS 1 that is repeated is published again [MQTT-4.3.2-5]",
    versions: ALL_VERSIONS,
    steps: [
      "connects",
      `> ${QOS_1} 3a [ 'x' 0009 {} \"m\" ]`,
      'publishes x "m" QoS 1',
      'publishes x "m" QoS 1',
      "< 40 [ 0009 ] 40 [ 0009 ]",
    ],
  },
  {
    name: "PUBLISH with QoS 2 is published once, until PUBREL [MQTT-4.3.3-8] [MQTT-4.3.3-10] [MQTT-4.3.3-11]",
    versions: ALL_VERSIONS,
    steps: [
      "connects",
      `> ${QOS_2}`,
      'publishes x "m" QoS 2',
      "< 50 [ 0009 ]",
      "> 3c [ 'x' 0009 {} \"m\" ]",
      "publishes nothing",
      "< 50 [ 0009 ]",
      "> 62 [ 0009 ]",
      "< 70 [ 0009 ]",
      `> ${QOS_2}`,
      'publishes x "m" QoS 2',
      "< 50 [ 0009 ]",
    ],
  },
  {
    name: "PUBREL for an identifier that is not in use says so, from MQTT 5 on (section 3.7.2.1)",
    versions: ALL_VERSIONS,
    steps: ["connects", "> 62 [ 0009 ]", "< 70 [ 0009 <92> ]", "writes nothing"],
  },
  {
    name: "A session that ends with its connection keeps no Packet Identifier",
    versions: ALL_VERSIONS,
    steps: ["connects", `> ${QOS_2}`, 'publishes x "m" QoS 2', "< 50 [ 0009 ]", "writes begin, end"],
  },
  {
    name: "A session that lives on keeps the Packet Identifier with the message [MQTT-4.3.3-10]",
    versions: ALL_VERSIONS,
    host: { keptTopics: ["x"] },
    steps: [
      "connects durable",
      `> ${QOS_2}`,
      'publishes x "m" QoS 2',
      "writes begin, accepted #9, retained, end",
      "< 50 [ 0009 ]",
      "> 62 [ 0009 ]",
      "writes released #9",
      "< 70 [ 0009 ]",
      "> 62 [ 0009 ]",
      "writes nothing",
      "< 70 [ 0009 <92> ]",
    ],
  },
  {
    name: "PUBREC and PUBCOMP leave when the identifier is kept, and is not any more",
    versions: ALL_VERSIONS,
    steps: [
      "connects durable",
      durableUpTo(0),
      `> ${QOS_2}`,
      'publishes x "m" QoS 2',
      "held",
      durableUpTo(1),
      "< 50 [ 0009 ]",
      "> 62 [ 0009 ]",
      "held",
      durableUpTo(2),
      "< 70 [ 0009 ]",
    ],
  },
  {
    name: "PUBREC of a PUBLISH that is repeated leaves when all that was written is kept",
    versions: ALL_VERSIONS,
    steps: [
      "connects durable",
      durableUpTo(0),
      `> ${QOS_2} 3c [ 'x' 0009 {} \"m\" ]`,
      'publishes x "m" QoS 2',
      durableUpTo(1),
      "< 50 [ 0009 ] 50 [ 0009 ]",
      ({ host }) => host.log.write({ kind: "sessionEnded", clientId: "other" }),
      "> 3c [ 'x' 0009 {} \"m\" ]",
      "held",
      durableUpTo(2),
      "< 50 [ 0009 ]",
    ],
  },
  {
    name: "PUBACK leaves when the message is kept for its subscribers",
    versions: ALL_VERSIONS,
    host: { keptTopics: ["x"] },
    steps: [
      "connects",
      durableUpTo(0),
      `> ${QOS_1}`,
      'publishes x "m" QoS 1',
      "held",
      durableUpTo(1),
      "< 40 [ 0009 ]",
    ],
  },
  {
    name: "PUBACK of a message that nobody keeps waits for nothing",
    versions: ALL_VERSIONS,
    steps: [
      "connects",
      ({ host }) => host.log.write({ kind: "sessionEnded", clientId: "other" }),
      durableUpTo(0),
      `> ${QOS_1}`,
      'publishes x "m" QoS 1',
      "< 40 [ 0009 ]",
    ],
  },
  {
    name: "PUBACK of a retained message waits for changes of before: one may have removed what it would have replaced",
    versions: ALL_VERSIONS,
    steps: [
      "connects",
      ({ host }) => host.log.write({ kind: "sessionEnded", clientId: "other" }),
      durableUpTo(0),
      "> 33 [ 'x' 0009 {} ]",
      'publishes x "" QoS 1 retain',
      "held",
      durableUpTo(1),
      "< 40 [ 0009 ]",
    ],
  },
  {
    name: "A client that gets its own message with QoS 2 gets PUBREC first",
    versions: ALL_VERSIONS,
    steps: [
      "connects",
      delivering,
      `> ${QOS_2}`,
      'publishes x "m" QoS 2',
      "< 50 [ 0009 ] 30 [ 'x' {} \"m\" ]",
    ],
  },
  {
    name: "The Reason Code of the router is told from MQTT 5 on (sections 3.4.2.1 and 3.5.2.1)",
    versions: ALL_VERSIONS,
    host: { routed: 0x10 },
    steps: [
      "connects",
      `> ${QOS_1} ${QOS_2}`,
      'publishes x "m" QoS 1',
      'publishes x "m" QoS 2',
      "< 40 [ 0009 <10> ] 50 [ 0009 <10> ]",
    ],
  },
  {
    name: "A message with QoS 2 that the router refuses frees its identifier [MQTT-4.3.3-9]",
    versions: [5],
    host: { routed: 0x97 },
    steps: [
      "connects durable",
      `> ${QOS_2}`,
      'publishes x "m" QoS 2',
      "< 50 [ 0009 97 ]",
      "writes begin, accepted #9, end, released #9",
      `> ${QOS_2}`,
      'publishes x "m" QoS 2',
      "< 50 [ 0009 97 ]",
      "writes begin, accepted #9, end, released #9",
      "> 62 [ 0009 ]",
      "< 70 [ 0009 92 ]",
    ],
  },
  {
    name: "A message with QoS 2 that fails without a better reason frees its identifier [MQTT-4.3.3-9]",
    versions: [5],
    host: { routed: 0x80 },
    steps: ["connects", `> ${QOS_2}`, 'publishes x "m" QoS 2', "< 50 [ 0009 80 ]", "> 62 [ 0009 ]", "< 70 [ 0009 92 ]"],
  },
  {
    name: "A message that the router refuses takes no place of Receive Maximum [MQTT-4.3.3-9]",
    versions: [5],
    limits: { receiveMaximum: 1 },
    host: { routed: 0x97 },
    steps: [
      "connects",
      `> ${QOS_2} 34 [ 'x' 000a {} \"m\" ]`,
      'publishes x "m" QoS 2',
      'publishes x "m" QoS 2',
      "< 50 [ 0009 97 ] 50 [ 000a 97 ]",
    ],
  },
  {
    name: "More messages with QoS 2 than Receive Maximum end the connection [MQTT-3.3.4-7]",
    versions: [5],
    limits: { receiveMaximum: 2 },
    steps: [
      "connects",
      "> 34 [ 'x' 0001 {} ] 34 [ 'x' 0002 {} ]",
      'publishes x "" QoS 2',
      'publishes x "" QoS 2',
      "< 50 [ 0001 ] 50 [ 0002 ]",
      "> 34 [ 'x' 0003 {} ]",
      "told e0 93",
    ],
  },
  {
    name: "PUBREL frees a place of Receive Maximum, and a repeated PUBLISH or QoS 1 takes none [MQTT-3.3.4-7]",
    versions: [5],
    limits: { receiveMaximum: 1 },
    steps: [
      "connects",
      "> 34 [ 'x' 0001 {} ] 3c [ 'x' 0001 {} ] 32 [ 'x' 0002 {} ] 30 [ 'x' {} ]",
      'publishes x "" QoS 2',
      'publishes x "" QoS 1',
      'publishes x ""',
      "< 50 [ 0001 ] 50 [ 0001 ] 40 [ 0002 ]",
      "> 62 [ 0001 ] 34 [ 'x' 0003 {} ]",
      'publishes x "" QoS 2',
      "< 70 [ 0001 ] 50 [ 0003 ]",
    ],
  },
  {
    name: "Before MQTT 5 there is no Receive Maximum",
    versions: [3, 4],
    limits: { receiveMaximum: 1 },
    steps: [
      "connects",
      "> 34 [ 'x' 0001 ] 34 [ 'x' 0002 ]",
      'publishes x "" QoS 2',
      'publishes x "" QoS 2',
      "< 50 [ 0001 ] 50 [ 0002 ]",
    ],
  },
  {
    name: "A Topic Name as long as the limit is published",
    versions: ALL_VERSIONS,
    limits: { maximumTopicLength: 4 },
    steps: ["connects", "> 30 [ 'yyyy' {} ]", 'publishes yyyy ""'],
  },
  {
    name: "A Topic Name longer than the limit ends the connection",
    versions: ALL_VERSIONS,
    limits: { maximumTopicLength: 4 },
    steps: ["connects", `> 30 [ '${TOO_MANY}' {} ]`, "told e0 90"],
  },
  {
    name: "A Topic Name with as many levels as the limit is published",
    versions: ALL_VERSIONS,
    limits: { maximumTopicLevels: 3 },
    steps: ["connects", "> 30 [ 'a//' {} ]", 'publishes a// ""'],
  },
  {
    name: "A Topic Name with more levels than the limit ends the connection",
    versions: ALL_VERSIONS,
    limits: { maximumTopicLevels: 3 },
    steps: ["connects", "> 30 [ 'a///' {} ]", "told e0 90"],
  },
  {
    name: "QoS above Maximum QoS ends the connection [MQTT-3.2.2-11]",
    versions: ALL_VERSIONS,
    limits: { maximumQos: 0 },
    steps: ["connects", `> ${QOS_1}`, "told e0 9b"],
  },
  {
    name: "QoS of Maximum QoS is published",
    versions: ALL_VERSIONS,
    limits: { maximumQos: 1 },
    steps: ["connects", `> ${QOS_1}`, 'publishes x "m" QoS 1', "< 40 [ 0009 ]"],
  },
  {
    name: "RETAIN ends the connection where there are no retained messages [MQTT-3.2.2-14]",
    versions: ALL_VERSIONS,
    limits: { maximumRetainedMessages: 0 },
    steps: ["connects", "> 30 [ 'x' {} ]", 'publishes x ""', "> 31 [ 'x' {} ]", "told e0 9a"],
  },
  {
    name: "A payload above the limit is acknowledged and not published, with QoS 2 never",
    versions: ALL_VERSIONS,
    limits: { maximumPayloadBytes: 3 },
    steps: [
      "connects",
      "> 30 [ 'x' {} \"1234\" ] 32 [ 'x' 0001 {} \"1234\" ] 34 [ 'x' 0002 {} \"1234\" ]",
      "publishes nothing",
      "< 40 [ 0001 <83> ] 50 [ 0002 <83> ]",
      "> 32 [ 'x' 0003 {} \"123\" ]",
      'publishes x "123" QoS 1',
      "< 40 [ 0003 ]",
    ],
  },
  {
    name: "A message is asked about before it is published",
    versions: ALL_VERSIONS,
    host: { asksAuthorizer: true },
    steps: [
      "connects",
      `> 30 [ 'a/b' {} ] ${QOS_1}`,
      "asks authorize publish a/b, authorize publish x",
      'publishes a/b ""',
      'publishes x "m" QoS 1',
      "< 40 [ 0009 ]",
    ],
  },
  {
    name: "The authorizer hears who publishes what",
    versions: ALL_VERSIONS,
    host: { asksAuthorizer: true, asksAuthenticator: true },
    answers: { authorize: () => undefined },
    steps: [
      "connects",
      "> 33 [ 'x' 0009 {} ]",
      ({ open }) => {
        assertEquals(open?.kind === "authorize" && open.request, {
          action: "publish",
          topic: "x",
          qos: 1,
          retain: true,
          clientId: "a",
          principal: "someone",
          roles: [],
          grants: [],
          listener: "mqtt://here",
        });
      },
    ],
  },
  {
    name: "A message that is denied is acknowledged and not published [MQTT-3.3.5-2 of 3.1.1]",
    versions: ALL_VERSIONS,
    host: { asksAuthorizer: true },
    answers: { authorize: () => ({ kind: "authorize", isAllowed: false }) },
    steps: [
      "connects durable",
      durableUpTo(0),
      `> 30 [ 'x' {} ] ${QOS_1} ${QOS_2}`,
      "publishes nothing",
      "writes nothing",
      "< 40 [ 0009 <87> ] 50 [ 0009 <87> ]",
    ],
  },
  {
    name: "A message that is denied ends a connection of before MQTT 5 where that is asked for [MQTT-3.3.5-2 of 3.1.1]",
    versions: ALL_VERSIONS,
    host: { asksAuthorizer: true, settings: settingsWith({ deniedPublish: "close" }) },
    answers: { authorize: () => ({ kind: "authorize", isAllowed: false }) },
    steps: [
      "connects",
      `> ${QOS_1}`,
      (dialogue) => dialogue.run(...(dialogue.version === 5 ? ["< 40 [ 0009 87 ]", "quiet"] : ["closed 87"])),
    ],
  },
  {
    name: "The time of the answer is the time of a message that was asked about",
    versions: ALL_VERSIONS,
    host: { asksAuthorizer: true },
    answers: { authorize: () => undefined },
    steps: [
      "connects",
      "> 30 [ 'x' {} ]",
      (dialogue) => {
        dialogue.nowMs = 5_000;
        dialogue.answer({ kind: "authorize", isAllowed: true });
        assertEquals(dialogue.host.published.map(({ nowMs }) => nowMs), [5_000]);
      },
      'publishes x ""',
    ],
  },
  ...["$SYS", "$SYS/x", "$share/a", "$share/"].map((topic) => ({
    name: `A message to ${topic} is denied, whatever the authorizer says (sections 4.7.2 and 4.8.2)`,
    versions: ALL_VERSIONS,
    steps: [
      "connects",
      `> 32 [ '${topic}' 0009 {} ]`,
      "publishes nothing",
      "< 40 [ 0009 <87> ]",
      ({ loop }: Dialogue) =>
        assertEquals(loop.denials.map(({ action, topic }) => [action, topic]), [["publish", topic]]),
    ],
  })),
  ...["$SYSTEM", "$share", "$a/b", "$SYS/broker/connection/b/state"].map((topic) => ({
    name: `A message to ${topic} is published`,
    versions: ALL_VERSIONS,
    steps: ["connects", `> 30 [ '${topic}' {} ]`, `publishes ${topic} ""`],
  })),
  {
    name: "A payload that is not what its indicator says is refused where that is checked (section 3.3.2.3.2)",
    versions: [5],
    host: { settings: settingsWith({ checksPayloadFormat: true }) },
    steps: [
      "connects",
      "> 32 [ 'x' 0001 [ 01 01 ] c3 ] 34 [ 'x' 0002 [ 01 01 ] c3 ]",
      "< 40 [ 0001 99 ] 50 [ 0002 99 ]",
      "> 32 [ 'x' 0003 [ 01 00 ] c3 ] 32 [ 'x' 0004 [ 01 01 ] c3 a4 ]",
      'publishes x "\ufffd" QoS 1',
      'publishes x "\u00e4" QoS 1',
      "< 40 [ 0003 ] 40 [ 0004 ]",
      "> 30 [ 'x' [ 01 01 ] c3 ]",
      "told e0 99",
    ],
  },
  {
    name: "A payload is not looked at where its indicator is not checked",
    versions: [5],
    steps: ["connects", "> 30 [ 'x' [ 01 01 ] c3 ]", 'publishes x "\ufffd"'],
  },
  {
    name: "While the storage keeps nothing, a message that it would have to keep is refused from MQTT 5 on",
    versions: [5],
    host: { isKeeping: false, keptTopics: ["kept"] },
    steps: [
      "connects",
      "> 33 [ 'x' 0001 {} ] 32 [ 'kept' 0002 {} ] 35 [ 'x' 0003 {} ]",
      "publishes nothing",
      "< 40 [ 0001 97 ] 40 [ 0002 97 ] 50 [ 0003 97 ]",
    ],
  },
  {
    name: "While the storage keeps nothing, what it need not keep is published",
    versions: ALL_VERSIONS,
    host: { isKeeping: false },
    steps: [
      "connects",
      "> 31 [ 'x' {} ] 32 [ 'x' 0001 {} ] 34 [ 'x' 0002 {} ]",
      'publishes x "" retain',
      'publishes x "" QoS 1',
      'publishes x "" QoS 2',
      "< 40 [ 0001 ] 50 [ 0002 ]",
      "asks ",
    ],
  },
  {
    name: "While the storage keeps nothing, QoS 2 of a session that lives on is refused from MQTT 5 on",
    versions: [5],
    host: { isKeeping: false },
    steps: ["connects durable", `> ${QOS_2}`, "publishes nothing", "< 50 [ 0009 97 ]"],
  },
  {
    name: "Before MQTT 5 a message waits until the storage keeps again",
    versions: [3, 4],
    host: { isKeeping: false },
    answers: { storage: () => undefined },
    steps: [
      "connects",
      "> 33 [ 'x' 0009 ]",
      "asks storage",
      "publishes nothing",
      "quiet",
      (dialogue) => {
        dialogue.host.isKeeping = true;
        dialogue.answer({ kind: "storage", isKeeping: true });
      },
      'publishes x "" QoS 1 retain',
      "< 40 [ 0009 ]",
    ],
  },
  {
    name: "Before MQTT 5 a message that the storage does not keep in time ends the connection",
    versions: [3, 4],
    host: { isKeeping: false },
    steps: ["connects", "> 33 [ 'x' 0009 ]", "asks storage", "closed 97"],
  },
  {
    name: "A message for a subscriber that is behind waits for it, neither published nor acknowledged",
    versions: ALL_VERSIONS,
    host: { behindSubscriber: { isFarBehind: () => true } },
    answers: { subscriber: () => undefined },
    steps: [
      "connects",
      `> ${QOS_1}`,
      "asks subscriber",
      "publishes nothing",
      "quiet",
      ({ open, host }) => assert(open?.kind === "subscriber" && open.subscriber === host.behindSubscriber),
      // Another one may be behind: it is looked for again.
      (dialogue) => dialogue.answer({ kind: "subscriber", isOver: false }),
      "asks subscriber",
      "publishes nothing",
      (dialogue) => {
        dialogue.host.behindSubscriber = undefined;
        dialogue.nowMs = 9_000;
        dialogue.answer({ kind: "subscriber", isOver: false });
        assertEquals(dialogue.host.published.map(({ nowMs }) => nowMs), [9_000]);
      },
      'publishes x "m" QoS 1',
      "< 40 [ 0009 ]",
    ],
  },
  {
    name: "A message is published when the time is over for which publishers wait",
    versions: ALL_VERSIONS,
    host: { behindSubscriber: { isFarBehind: () => true } },
    steps: ["connects", `> ${QOS_1}`, "asks subscriber", 'publishes x "m" QoS 1', "< 40 [ 0009 ]"],
  },
  {
    name: "Nothing waits for a subscriber that would not be published anyway",
    versions: ALL_VERSIONS,
    host: { behindSubscriber: { isFarBehind: () => true } },
    steps: ["connects", "> 32 [ '$SYS/x' 0009 {} ]", "asks ", "< 40 [ 0009 <87> ]"],
  },
  {
    name: "The router may refuse messages with QoS 1 and 2 of MQTT 5 alone: only that hears it",
    versions: ALL_VERSIONS,
    steps: [
      "connects",
      `> 30 [ 'x' {} ] ${QOS_1} ${QOS_2}`,
      ({ host, version }) => {
        const isTold = version === 5;
        assertEquals(host.published.splice(0).map((published) => published.isTold), [false, isTold, isTold]);
      },
      "< 40 [ 0009 ] 50 [ 0009 ]",
    ],
  },
  {
    name: "A message has its publisher, the time of its expiry and its properties",
    versions: [5],
    steps: [
      "connects",
      "> 30 [ 'x' [ 02 00000005 03 't' 26 'k' 'v' ] ]",
      ({ host, nowMs }) => {
        const { publisher, expiresAtMs, properties } = host.published[0]?.message ?? {};
        assertEquals({ publisher, expiresAtMs, properties }, {
          publisher: "a",
          expiresAtMs: nowMs + 5_000,
          properties: { messageExpiryInterval: 5, contentType: "t", userProperties: [["k", "v"]] },
        });
      },
      'publishes x ""',
    ],
  },
  {
    name: "A Topic Alias stands for the topic that was sent with it last [MQTT-3.3.2-12]",
    versions: [5],
    limits: { topicAliasMaximum: 2 },
    steps: [
      "connects",
      "> 30 [ 'x' [ 23 0001 ] ] 30 [ 'y' [ 23 0002 ] ] 30 [ '' [ 23 0001 ] ] 30 [ '' [ 23 0002 ] ]",
      ...["x", "y", "x", "y"].map((topic) => `publishes ${topic} ""`),
      "> 30 [ 'z' [ 23 0001 ] ] 30 [ '' [ 23 0001 ] ]",
      'publishes z ""',
      'publishes z ""',
    ],
  },
  {
    name: "A Topic Alias is not passed on [MQTT-3.3.2-7]",
    versions: [5],
    steps: [
      "connects",
      "> 30 [ 'x' [ 23 0001 03 't' ] ]",
      ({ host }) => assertEquals(host.published[0]?.message.properties, { contentType: "t" }),
      'publishes x ""',
    ],
  },
  ...["0000", "0003", "ffff"].map((alias) => ({
    name: `Topic Alias ${alias} beyond Topic Alias Maximum 2 ends the connection [MQTT-3.3.2-8] [MQTT-3.3.2-9]`,
    versions: [5] as const,
    limits: { topicAliasMaximum: 2 },
    steps: ["connects", `> 30 [ 'x' [ 23 ${alias} ] ]`, "told e0 94"],
  })),
  {
    name: "A Topic Alias that has no topic yet ends the connection (section 3.3.2.3.4)",
    versions: [5],
    steps: ["connects", "> 30 [ 'x' [ 23 0001 ] ]", 'publishes x ""', "> 30 [ '' [ 23 0002 ] ]", "told e0 82"],
  },
  {
    name: "A Subscription Identifier in PUBLISH of a client ends the connection [MQTT-3.3.4-6]",
    versions: [5],
    steps: ["connects", "> 30 [ 'x' [ 0b 01 ] ]", "told e0 82"],
  },
  {
    name: "The limits of a topic hold for that of a Topic Alias too",
    versions: [5],
    limits: { maximumTopicLength: 4 },
    steps: ["connects", `> 30 [ '${TOO_MANY}' [ 23 0001 ] ]`, "told e0 90"],
  },
]);

function durableUpTo(sequence: number): Step {
  return (dialogue) => dialogue.durableSequence = sequence;
}

/** The router gives each message back to its publisher, with QoS 0. */
function delivering({ host, session, nowMs }: Dialogue): void {
  const publish = host.publish.bind(host);
  const options = { qos: 0, retainAsPublished: false, subscriptionIdentifiers: [] } as const;
  host.publish = (message, publisher, ...rest) => {
    session.deliver(message, options, nowMs);
    return publish(message, publisher, ...rest);
  };
}

/** Answers of the app to what it is asked about: the message with these fields in place of its own. */
function reviewed(change: Partial<Message> | "dropped" | "failed"): NonNullable<Row["answers"]> {
  return {
    review: (ask) => ({
      kind: "review",
      reviewed: typeof change === "string" || ask.kind !== "review"
        ? change as ReviewedMessage
        : new Message({ ...ask.message, ...change }),
    }),
  };
}

const REVIEWS = { reviewsMessages: true };

dialogueTests([
  {
    name: "What the app gives is published in place of the message, with the publisher's QoS and identifier",
    versions: ALL_VERSIONS,
    host: REVIEWS,
    answers: reviewed({ topic: "y/1", payload: Uint8Array.of(0x6e), retain: true }),
    steps: [
      "connects",
      `> 30 [ 'x' {} \"m\" ] ${QOS_1} 34 [ 'x' 000a {} \"m\" ]`,
      "asks review x, review x, review x",
      ({ host }) => {
        assertEquals(
          host.published.splice(0).map(({ message: { topic, qos, retain, payload } }) =>
            `${topic} ${qos} ${retain} ${payload.toHex()}`
          ),
          ["y/1 0 true 6e", "y/1 1 true 6e", "y/1 2 true 6e"],
        );
      },
      "< 40 [ 0009 ] 50 [ 000a ]",
    ],
  },
  {
    name: "The app sees no Topic Alias, and the topic that it stands for [MQTT-3.3.2-7]",
    versions: [5],
    host: REVIEWS,
    steps: [
      "connects",
      "> 30 [ 'x' [ 23 0001 03 'text' ] ] 30 [ '' [ 23 0001 ] ]",
      "asks review x, review x",
      ({ host }) =>
        assertEquals(host.published.splice(0).map(({ message }) => message.properties), [{ contentType: "text" }, {}]),
    ],
  },
  {
    name: "The authorizer is asked about what the app gives, not about what came",
    versions: ALL_VERSIONS,
    host: { ...REVIEWS, asksAuthorizer: true },
    answers: reviewed({ topic: "y" }),
    steps: ["connects", `> ${QOS_1}`, "asks review x, authorize publish y", 'publishes y "m" QoS 1', "< 40 [ 0009 ]"],
  },
  {
    name: "A message that the app drops goes to nobody, and is acknowledged, with QoS 2 once [MQTT-4.3.3-10]",
    versions: ALL_VERSIONS,
    host: REVIEWS,
    answers: reviewed("dropped"),
    steps: [
      "connects",
      `> 30 [ 'x' {} ] ${QOS_1} 34 [ 'x' 000a {} \"m\" ]`,
      "asks review x, review x, review x",
      "publishes nothing",
      "< 40 [ 0009 ] 50 [ 000a ]",
      "> 3c [ 'x' 000a {} \"m\" ] 62 [ 000a ]",
      "asks ",
      "< 50 [ 000a ] 70 [ 000a ]",
    ],
  },
  {
    name: "A message that the app cannot look at is not published: MQTT 5 is told 0x83",
    versions: [5],
    host: REVIEWS,
    answers: reviewed("failed"),
    steps: [
      "connects",
      `> 30 [ 'x' {} ] ${QOS_1} 34 [ 'x' 000a {} \"m\" ]`,
      "publishes nothing",
      "< 40 [ 0009 83 ] 50 [ 000a 83 ]",
    ],
  },
  {
    name: "A message that the app cannot look at ends the connection before MQTT 5",
    versions: [3, 4],
    host: REVIEWS,
    answers: reviewed("failed"),
    steps: ["connects", `> ${QOS_1}`, "publishes nothing", "closed 83"],
  },
  {
    name: "A topic of the app beyond the limits of topics is not published",
    versions: [5],
    host: REVIEWS,
    limits: { maximumTopicLevels: 2 },
    answers: reviewed({ topic: "a/b/c" }),
    steps: ["connects", `> ${QOS_1}`, "publishes nothing", "< 40 [ 0009 83 ]"],
  },
  {
    name: "A topic of the server is not published to, whoever names it",
    versions: [5],
    host: REVIEWS,
    answers: reviewed({ topic: "$SYS/x" }),
    steps: ["connects", `> ${QOS_1}`, "publishes nothing", "< 40 [ 0009 87 ]"],
  },
]);
