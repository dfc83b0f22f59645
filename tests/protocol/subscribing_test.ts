/** SUBSCRIBE and UNSUBSCRIBE, up to their acknowledgements and the retained messages after them. */

import { assert, assertEquals } from "@std/assert";
import { ALL_VERSIONS, type Dialogue, dialogueTests, type Step } from "./dialogue.ts";

const MANY = Array.from({ length: 130 }, (_, index) => `'${index.toString(16).padStart(4, "0")}'`);
/** Topic Filters with QoS 0. */
const MANY_ENTRIES = MANY.map((topicFilter) => `${topicFilter} 00`).join(" ");
const DENIED = (topic: string) => ({
  authorize: (ask: { kind: string; request?: { topic: string } }) =>
    ({ kind: "authorize", isAllowed: ask.request?.topic !== topic }) as const,
});

dialogueTests([
  {
    name: "SUBSCRIBE is answered with one code for each Topic Filter, in order [MQTT-3.8.4-1] [MQTT-3.8.4-6]",
    versions: ALL_VERSIONS,
    steps: [
      "connects",
      "> 82 [ 0007 {} 'x' 00 'y' 01 'a/#' 02 ]",
      "< 90 [ 0007 {} 00 01 02 ]",
      subscribed("x 0", "y 1", "a/# 2"),
      "writes nothing",
    ],
  },
  {
    name: "A subscription is granted no more than Maximum QoS [MQTT-3.2.2-10] [MQTT-3.8.4-8]",
    versions: ALL_VERSIONS,
    limits: { maximumQos: 1 },
    steps: ["connects", "> 82 [ 0007 {} 'x' 02 'y' 00 ]", "< 90 [ 0007 {} 01 00 ]", subscribed("x 1", "y 0")],
  },
  {
    name: "A subscription replaces the one with its Topic Filter [MQTT-3.8.4-3]",
    versions: ALL_VERSIONS,
    limits: { maximumSubscriptions: 1 },
    steps: [
      "connects",
      "> 82 [ 0001 {} 'x' 02 ]",
      "< 90 [ 0001 {} 02 ]",
      "> 82 [ 0002 {} 'x' 00 'x' 01 ]",
      "< 90 [ 0002 {} 00 01 ]",
      subscribed("x 1"),
    ],
  },
  ...[["sport#", "8f"], ["a/+b", "8f"], ["#/a", "8f"]].map(([topicFilter, code]) => ({
    name: `"${topicFilter}" is no Topic Filter: nothing of its SUBSCRIBE is subscribed [MQTT-4.7.1-1] [MQTT-4.7.1-2]`,
    versions: ALL_VERSIONS,
    steps: ["connects", `> 82 [ 0007 {} 'x' 00 '${topicFilter}' 00 ]`, `told e0 ${code}`, subscribed()],
  })),
  ...["$share/g", "$share//x", "$share/g/", "$share/+/x", "$share/g#/x"].map((topicFilter) => ({
    name: `"${topicFilter}" is no Shared Subscription [MQTT-4.8.2-1] [MQTT-4.8.2-2]`,
    versions: ALL_VERSIONS,
    steps: ["connects", `> 82 [ 0007 {} '${topicFilter}' 00 ]`, "told e0 8f", subscribed()],
  })),
  {
    name: "No Local on a Shared Subscription ends the connection [MQTT-3.8.3-4]",
    versions: [5],
    steps: ["connects", "> 82 [ 0007 {} '$share/g/x' 04 ]", "told e0 82", subscribed()],
  },
  {
    name: "A subscription has its options and its Subscription Identifier (sections 3.8.2.1.2 and 3.8.3.1)",
    versions: [5],
    steps: [
      "connects",
      "> 82 [ 0007 [ 0b 8001 ] 'x' 2d '$share/g/y' 08 ] 82 [ 0008 {} 'z' 00 ]",
      "< 90 [ 0007 {} 01 00 ] 90 [ 0008 {} 00 ]",
      ({ session }) => {
        const options = [...session.subscriptions.values()].map(({ filter: _, ...rest }) => rest);
        assertEquals(options, [
          { qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2, subscriptionIdentifier: 128 },
          { qos: 0, noLocal: false, retainAsPublished: true, retainHandling: 0, subscriptionIdentifier: 128 },
          { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0, subscriptionIdentifier: undefined },
        ]);
      },
    ],
  },
  {
    name: "A bridge of before MQTT 5 subscribes with No Local and Retain As Published",
    versions: [3, 4],
    steps: [
      (dialogue) => dialogue.run(`> 10 [ ${dialogue.version === 3 ? "'MQIsdp' 83" : "'MQTT' 84"} 02 0000 'a' ]`),
      "< 20 [ 00 00 ]",
      "> 82 [ 0007 'x' 01 ]",
      "< 90 [ 0007 01 ]",
      ({ session }) => {
        const { noLocal, retainAsPublished } = session.subscriptions.get("x") ?? {};
        assertEquals([noLocal, retainAsPublished], [true, true]);
      },
    ],
  },
  {
    name: "One subscription more than the limit is refused, and a further one of those that there are is not",
    versions: [5],
    limits: { maximumSubscriptions: 2 },
    steps: [
      "connects",
      "> 82 [ 0007 {} 'x' 00 'y' 00 'z' 00 'x' 01 ]",
      "< 90 [ 0007 {} 00 00 97 01 ]",
      subscribed("x 1", "y 0"),
    ],
  },
  {
    name: "3.1.1 reads that a subscription failed, and the host hears which limit refused it",
    versions: [4],
    limits: { maximumSubscriptions: 1 },
    steps: [
      "connects",
      "> 82 [ 0007 'x' 00 'y' 01 ]",
      "< 90 [ 0007 00 80 ]",
      subscribed("x 0"),
      ({ host }) => assertEquals(host.refused, ["a y maximumSubscriptions"]),
    ],
  },
  {
    name: "3.1 reads of a denied subscription the QoS that it asked for (3.1, section 3.8)",
    versions: [3],
    host: { asksAuthorizer: true },
    answers: DENIED("y"),
    steps: ["connects", "> 82 [ 0007 'x' 00 'y' 01 ]", "< 90 [ 0007 00 01 ]", subscribed("x 0")],
  },
  {
    name: "3.1 is disconnected where a limit refuses a subscription",
    versions: [3],
    limits: { maximumSubscriptions: 1 },
    steps: [
      "connects",
      "> 82 [ 0007 'x' 00 'y' 01 ]",
      "told e0 97",
      ({ host }) => assertEquals(host.refused, ["a y maximumSubscriptions"]),
    ],
  },
  {
    name: "A Topic Filter longer or deeper than the limits is refused, the others are not",
    versions: [5],
    limits: { maximumTopicLength: 5, maximumTopicLevels: 3 },
    steps: [
      "connects",
      "> 82 [ 0007 {} 'abcde' 00 'abcdef' 00 'a/b/c' 00 '////' 00 ]",
      "< 90 [ 0007 {} 00 8f 00 8f ]",
      subscribed("abcde 0", "a/b/c 0"),
    ],
  },
  {
    name: "A session that lives on keeps its subscriptions, and SUBACK leaves after that",
    versions: ALL_VERSIONS,
    steps: [
      "connects durable",
      durableUpTo(1),
      "> 82 [ 0007 {} 'x' 01 'y' 02 ]",
      "held",
      durableUpTo(2),
      "< 90 [ 0007 {} 01 02 ]",
      "writes begin, subscribed x QoS 1, end, begin, subscribed y QoS 2, end", // No retained message is due.
    ],
  },
  {
    name: "While the storage keeps nothing, a session that lives on can subscribe to nothing",
    versions: [5],
    host: { isKeeping: false },
    steps: ["connects durable", "> 82 [ 0007 {} 'x' 00 ]", "< 90 [ 0007 {} 97 ]", "writes nothing", subscribed()],
  },
  {
    name: "While the storage keeps nothing, a session that ends with its connection can subscribe",
    versions: ALL_VERSIONS,
    host: { isKeeping: false },
    steps: ["connects", "> 82 [ 0007 {} 'x' 00 ]", "< 90 [ 0007 {} 00 ]", subscribed("x 0")],
  },
  {
    name: "A subscription for which there is no room among those that are kept is refused, and counted",
    versions: [5],
    steps: [
      "connects durable",
      ({ holding }) => holding.most = holding.bytes + 1_000,
      "> 82 [ 0007 {} 'x' 00 'y' 00 'z' 00 ]",
      "< 90 [ 0007 {} 00 00 97 ]",
      ({ holding }) => assertEquals(holding.refusals, ["subscriptions maximumSessionBytes"]),
      subscribed("x 0", "y 0"),
    ],
  },
  {
    name: "The authorizer is asked about each Topic Filter, and each has its answer [MQTT-3.8.4-5]",
    versions: [5],
    host: { asksAuthorizer: true },
    answers: DENIED("y"),
    steps: [
      "connects",
      "> 82 [ 0007 {} 'x' 01 'y' 01 'z' 01 ]",
      "asks authorize subscribe x, turn, authorize subscribe y, turn, authorize subscribe z, turn",
      "< 90 [ 0007 {} 01 87 01 ]",
      subscribed("x 1", "z 1"),
    ],
  },
  {
    name: "The authorizer is asked about the topics of a Shared Subscription, with the QoS that is asked for",
    versions: [5],
    host: { asksAuthorizer: true },
    limits: { maximumQos: 1 },
    answers: { authorize: () => undefined },
    steps: [
      "connects",
      "> 82 [ 0007 {} '$share/g/a/+' 02 ]",
      ({ open }) => {
        assert(open?.kind === "authorize");
        const { action, topic, qos, retain, clientId } = open.request;
        assertEquals({ action, topic, qos, retain, clientId }, {
          action: "subscribe",
          topic: "a/+",
          qos: 2,
          retain: false,
          clientId: "a",
        });
      },
      "quiet",
    ],
  },
  {
    name:
      "The authorizer is not asked about what is refused anyway, nor more often than a session may have subscriptions",
    versions: [5],
    host: { asksAuthorizer: true },
    limits: { maximumSubscriptions: 2, maximumTopicLevels: 2 },
    answers: DENIED("x"),
    steps: [
      "connects",
      "> 82 [ 0007 {} 'a/b/c' 00 'x' 00 'y' 00 'z' 00 'y' 01 ]",
      "asks authorize subscribe x, turn, authorize subscribe y, turn, authorize subscribe y, turn",
      "< 90 [ 0007 {} 8f 87 00 97 01 ]",
      subscribed("y 1"),
    ],
  },
  {
    name: "Topic Filters that the authorizer allows count once",
    versions: [5],
    host: { asksAuthorizer: true },
    limits: { maximumSubscriptions: 3 },
    steps: [
      "connects",
      "> 82 [ 0007 {} 'x' 00 'y' 00 'z' 00 '1' 00 ]",
      "< 90 [ 0007 {} 00 00 00 97 ]",
      subscribed("x 0", "y 0", "z 0"),
    ],
  },
  {
    name: "SUBSCRIBE lets others have their turn after 64 Topic Filters looked at, and after 64 subscribed",
    versions: ALL_VERSIONS,
    steps: [
      "connects",
      `> 82 [ 0007 {} ${MANY_ENTRIES} ]`,
      "asks turn, turn, turn, turn",
      `< 90 [ 0007 {} ${"00 ".repeat(MANY.length)} ]`,
      ({ session }) => assertEquals(session.subscriptions.size, MANY.length),
    ],
  },
  {
    name: "A Topic Filter that is none ends the connection from a later turn too",
    versions: ALL_VERSIONS,
    steps: ["connects", `> 82 [ 0007 {} ${MANY_ENTRIES} 'a#' 00 ]`, "asks turn, turn", "told e0 8f", subscribed()],
  },
  {
    name: "A subscription gets the retained messages that it matches, after SUBACK (section 3.3.1.3)",
    versions: ALL_VERSIONS,
    host: { retainedTopics: ["x", "x/y", "z"] },
    steps: [
      "connects",
      "> 82 [ 0007 {} 'x/#' 00 'z' 00 ]",
      "< 90 [ 0007 {} 00 00 ] 31 [ 'x' {} \"x\" ] 31 [ 'x/y' {} \"x/y\" ] 31 [ 'z' {} \"z\" ]",
    ],
  },
  {
    name: "Retained messages come as Retain Handling says [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]",
    versions: [5],
    host: { retainedTopics: ["x", "y", "z"] },
    steps: [
      "connects",
      "> 82 [ 0001 {} 'x' 00 'y' 10 'z' 20 ]",
      "< 90 [ 0001 {} 00 00 00 ] 31 [ 'x' {} \"x\" ] 31 [ 'y' {} \"y\" ]",
      "> 82 [ 0002 {} 'x' 00 'y' 10 'z' 20 ]",
      "< 90 [ 0002 {} 00 00 00 ] 31 [ 'x' {} \"x\" ]",
      "> a2 [ 0003 {} 'y' ]",
      "< b0 [ 0003 {} 00 ]",
      "> 82 [ 0004 {} 'y' 10 ]",
      "< 90 [ 0004 {} 00 ] 31 [ 'y' {} \"y\" ]",
    ],
  },
  {
    name: "A Shared Subscription gets no retained messages (section 4.8.2)",
    versions: ALL_VERSIONS,
    host: { retainedTopics: ["x"] },
    steps: ["connects", "> 82 [ 0007 {} '$share/g/x' 00 ]", "< 90 [ 0007 {} 00 ]", "quiet"],
  },
  {
    name: "A subscription that is refused gets no retained messages",
    versions: [5],
    host: { retainedTopics: ["x"], asksAuthorizer: true },
    answers: DENIED("x"),
    steps: ["connects", "> 82 [ 0007 {} 'x' 00 ]", "< 90 [ 0007 {} 87 ]", "quiet"],
  },
  {
    name: "UNSUBSCRIBE is answered for each Topic Filter, in order [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.10.4-6]",
    versions: ALL_VERSIONS,
    steps: [
      "connects",
      "> 82 [ 0001 {} 'x' 00 'X' 00 'a/+' 00 ]",
      "< 90 [ 0001 {} 00 00 00 ]",
      "> a2 [ 0002 {} 'x' 'y' 'a/b' 'x' 'a/+' ]",
      "< b0 [ 0002 {} <00 11 11 11 00> ]",
      subscribed("X 0"),
    ],
  },
  {
    name: "A session that lives on keeps that a subscription has ended, and UNSUBACK leaves after that",
    versions: ALL_VERSIONS,
    steps: [
      "connects durable",
      "> 82 [ 0001 {} '$share/g/x' 00 ]",
      "< 90 [ 0001 {} 00 ]",
      "writes subscribed $share/g/x QoS 0",
      durableUpTo(1),
      "> a2 [ 0002 {} 'y' '$share/g/x' ]",
      "held",
      durableUpTo(2),
      "< b0 [ 0002 {} <11 00> ]",
      "writes unsubscribed $share/g/x",
    ],
  },
  {
    name: "UNSUBACK of a session that ends with its connection waits for nothing",
    versions: ALL_VERSIONS,
    steps: [
      "connects",
      ({ host }) => host.log.write({ kind: "sessionEnded", clientId: "other" }),
      durableUpTo(0),
      "> 82 [ 0001 {} 'x' 00 ] a2 [ 0002 {} 'x' ]",
      "< 90 [ 0001 {} 00 ] b0 [ 0002 {} <00> ]",
    ],
  },
  {
    name: "UNSUBSCRIBE with a Topic Filter that is none ends the connection, and no subscription",
    versions: ALL_VERSIONS,
    steps: [
      "connects",
      "> 82 [ 0001 {} 'x' 00 ]",
      "< 90 [ 0001 {} 00 ]",
      "> a2 [ 0002 {} 'x' 'a#' ]",
      "told e0 8f",
      subscribed("x 0"),
    ],
  },
  {
    name: "UNSUBSCRIBE with a first Topic Filter that is none ends the connection",
    versions: ALL_VERSIONS,
    steps: ["connects", "> a2 [ 0002 {} 'a#' 'x' ]", "told e0 8f"],
  },
  {
    name: "Retained messages that wait for a subscription end with it [MQTT-3.10.4-2]",
    versions: ALL_VERSIONS,
    limits: { maximumInflight: 1 },
    host: { retainedTopics: ["x/1", "x/2"] },
    steps: [
      "connects",
      "> 82 [ 0001 {} 'x/+' 01 ]",
      "< 90 [ 0001 {} 01 ] 33 [ 'x/1' 0001 {} \"x/1\" ]",
      "> a2 [ 0002 {} 'x/+' ]",
      "< b0 [ 0002 {} <00> ]",
      "> 40 [ 0001 ]",
      "quiet",
    ],
  },
  {
    name: "UNSUBSCRIBE lets others have their turn after 64 Topic Filters",
    versions: ALL_VERSIONS,
    steps: [
      "connects",
      `> a2 [ 0002 {} ${MANY.join(" ")} ]`,
      "asks turn, turn, turn, turn",
      `< b0 [ 0002 {} <${"11 ".repeat(MANY.length)}> ]`,
    ],
  },
  {
    name: "The broker hears of each subscription, and of its end",
    versions: ALL_VERSIONS,
    steps: [
      "connects",
      "> 82 [ 0001 {} 'x' 00 'y' 00 ] a2 [ 0002 {} 'x' 'z' ]",
      ({ host }) => assertEquals(host.routes, ["+x", "+y", "-x"]),
      "< 90 [ 0001 {} 00 00 ] b0 [ 0002 {} <00 11> ]",
    ],
  },
]);

/** The session has exactly these, each a Topic Filter and its QoS. */
function subscribed(...wanted: string[]): Step {
  return ({ session }: Dialogue) => {
    const subscriptions = [...session.subscriptions.values()];
    assertEquals(subscriptions.map(({ filter, qos }) => `${filter.topicFilter} ${qos}`), wanted);
  };
}

function durableUpTo(sequence: number): Step {
  return (dialogue) => dialogue.durableSequence = sequence;
}
