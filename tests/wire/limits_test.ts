import { assertEquals, assertLess } from "@std/assert";
import { memoryTransport } from "../../mod.ts";
import { within } from "../deadline.ts";
import { ALL_VERSIONS, type Conversation, conversationTests } from "./conversation.ts";

/** Clients that do not read. */
const STUCK = new WeakMap<Conversation, { readonly served: Promise<void>; close(): void }>();

conversationTests([
  {
    name: "One subscription above the limit is refused with 0x97, in MQTT 3.1.1 with 0x80",
    versions: [4, 5],
    limits: { maximumSubscriptions: 2 },
    steps: [
      "s connects",
      "s > 82 [ 0001 {} 'a' 00 'b' 00 'c' 00 'a' 01 ]",
      (conversation) => conversation.run(`s < 90 [ 0001 {} 00 00 ${conversation.version === 5 ? "97" : "80"} 01 ]`),
      "s > a2 [ 0002 {} 'b' ] 82 [ 0003 {} 'c' 00 ]",
      "s < b0 [ 0002 {} <00> ] 90 [ 0003 {} 00 ]",
    ],
  },
  {
    name: "Subscriptions above maximumSubscriptionBytes are refused, to the byte; one that is replaced counts once",
    versions: [4, 5],
    limits: { maximumSubscriptionBytes: 2 * (300 + 150 + 1) }, // Two Topic Filters of one level and one character.
    steps: [
      "s connects durable",
      "s > 82 [ 0001 {} 'a' 00 'bb' 00 'b' 00 'c' 00 'a' 01 ]",
      (conversation) => {
        const refused = conversation.version === 5 ? "97" : "80";
        return conversation.run(`s < 90 [ 0001 {} 00 ${refused} 00 ${refused} 01 ]`);
      },
      "s drops", // Connected or not.
      "s resumes",
      (conversation) =>
        conversation.run(
          "s > 82 [ 0002 {} 'c' 00 ] a2 [ 0003 {} 'b' ] 82 [ 0004 {} 'c' 00 ]",
          `s < 90 [ 0002 {} ${conversation.version === 5 ? "97" : "80"} ] b0 [ 0003 {} <00> ] 90 [ 0004 {} 00 ]`,
        ),
    ],
  },
  {
    name: "A subscription above a limit ends a connection of MQTT 3.1, which would take it for granted",
    versions: [3],
    limits: { maximumSubscriptions: 2 },
    steps: [
      "s connects",
      "s > 82 [ 0001 'a' 00 'b' 00 ]",
      "s < 90 [ 0001 00 00 ]",
      "s > 82 [ 0002 'c' 00 ]",
      "s closed",
    ],
  },
  {
    name: "A Topic Filter with too many levels is refused with 0x8F, in MQTT 3.1.1 with 0x80",
    versions: [4, 5],
    limits: { maximumTopicLevels: 3 },
    steps: [
      "s connects",
      "s > 82 [ 0001 {} 'a/b/c' 00 'a/b/c/d' 00 '///' 00 'a/b/#' 00 ]",
      (conversation) => {
        const refused = conversation.version === 5 ? "8f" : "80";
        return conversation.run(`s < 90 [ 0001 {} 00 ${refused} ${refused} 00 ]`);
      },
    ],
  },
  {
    name: "A Topic Filter with too many levels ends a connection of MQTT 3.1",
    versions: [3],
    limits: { maximumTopicLevels: 3 },
    steps: ["s connects", "s > 82 [ 0001 'a/b/c/d' 00 ]", "s closed"],
  },
  {
    name: "A Topic Name with too many levels is refused with 0x90",
    versions: [5],
    limits: { maximumTopicLevels: 3 },
    steps: ["p connects", "p > 30 [ 'a/b/c' [] ]", "p quiet", "p > 30 [ 'a/b/c/d' [] ]", "p told e0 90"],
  },
  {
    name: "A Topic Name with too many levels ends the connection",
    versions: [3, 4],
    limits: { maximumTopicLevels: 3 },
    steps: ["p connects", "p > 30 [ 'a/b/c' ]", "p quiet", "p > 30 [ 'a/b/c/d' ]", "p closed"],
  },
  {
    name: "A Topic Name or Topic Filter that is too long is refused",
    versions: [5],
    limits: { maximumTopicLength: 4 },
    steps: [
      "p connects",
      "p > 82 [ 0001 [] 'abcd' 00 'abcde' 00 ]",
      "p < 90 [ 0001 [] 00 8f ]",
      "p > 30 [ 'abcd' [] ]",
      "p < 30 [ 'abcd' [] ]",
      "p > 30 [ 'abcde' [] ]",
      "p told e0 90",
    ],
  },
  {
    name: "A queue of maximumQueuedMessages drops what comes beyond and counts it",
    versions: ALL_VERSIONS,
    limits: { maximumQueuedMessages: 2 },
    steps: [
      "s connects durable",
      "s > 82 [ 0001 {} 'x' 01 ]",
      "s < 90 [ 0001 {} 01 ]",
      "s drops",
      "p connects",
      "p > 32 [ 'x' 0001 {} \"1\" ] 32 [ 'x' 0002 {} \"2\" ] 32 [ 'x' 0003 {} \"3\" ]",
      "p < 40 [ 0001 ] 40 [ 0002 ] 40 [ 0003 ]",
      ({ broker }) => assertEquals(broker.metrics.dropped.queueFull, 1),
      "s2 resumes",
      "s2 < 32 [ 'x' 0001 {} \"1\" ] 32 [ 'x' 0002 {} \"2\" ]",
    ],
  },
  {
    name: "Messages in flight when their client is lost count for maximumQueuedMessages",
    versions: ALL_VERSIONS,
    limits: { maximumQueuedMessages: 2 },
    steps: [
      "s connects durable",
      "s > 82 [ 0001 {} 'x' 01 ]",
      "s < 90 [ 0001 {} 01 ]",
      "p connects",
      "p > 32 [ 'x' 0001 {} \"1\" ] 32 [ 'x' 0002 {} \"2\" ]",
      "p < 40 [ 0001 ] 40 [ 0002 ]",
      "s < 32 [ 'x' 0001 {} \"1\" ] 32 [ 'x' 0002 {} \"2\" ]",
      "s drops",
      "p > 32 [ 'x' 0003 {} \"3\" ]",
      "p < 40 [ 0003 ]",
      ({ broker }) => assertEquals(broker.metrics.dropped.queueFull, 1),
      "s2 resumes",
      "s2 < 3a [ 'x' 0001 {} \"1\" ] 3a [ 'x' 0002 {} \"2\" ]",
      "s2 quiet",
    ],
  },
  {
    name: "A queue of maximumQueuedBytes drops what comes beyond and counts it",
    versions: ALL_VERSIONS,
    limits: { maximumQueuedBytes: 10 },
    steps: [
      "s connects durable",
      "s > 82 [ 0001 {} 'x' 01 ]",
      "s < 90 [ 0001 {} 01 ]",
      "s drops",
      "p connects",
      "p > 32 [ 'x' 0001 {} \"12345\" ] 32 [ 'x' 0002 {} \"1234\" ] 32 [ 'x' 0003 {} \"123\" ]",
      "p < 40 [ 0001 ] 40 [ 0002 ] 40 [ 0003 ]",
      ({ broker }) => assertEquals(broker.metrics.dropped.queueFull, 1),
      "s2 resumes",
      "s2 < 32 [ 'x' 0001 {} \"12345\" ] 32 [ 'x' 0002 {} \"123\" ]",
    ],
  },
  {
    name:
      "Without a backlog the queue of a client that is connected is limited in bytes alone, with 200 for each message",
    versions: ALL_VERSIONS,
    limits: { maximumQueuedMessages: 0, maximumQueuedBytes: 300, maximumInflight: 1, maximumBacklogBytes: 0 },
    steps: [
      "s connects",
      "s > 82 [ 0001 {} 'x' 01 ]",
      "s < 90 [ 0001 {} 01 ]",
      "p connects",
      "p > 32 [ 'x' 0001 {} \"1\" ] 32 [ 'x' 0002 {} \"2\" ] 32 [ 'x' 0003 {} \"3\" ]",
      "p < 40 [ 0001 ] 40 [ 0002 ] 40 [ 0003 ]",
      "s < 32 [ 'x' 0001 {} \"1\" ]",
      "s > 40 [ 0001 ]",
      "s < 32 [ 'x' 0002 {} \"2\" ]",
      "s > 40 [ 0002 ]",
      ({ broker }) => assertEquals(broker.metrics.dropped.queueFull, 1),
    ],
  },
  {
    name: "While maximumInflightBytes are in flight no further message is sent, and none is sent again",
    versions: ALL_VERSIONS,
    limits: { maximumInflightBytes: 10 },
    steps: [
      "s connects durable",
      "s > 82 [ 0001 {} 'x' 01 ]",
      "s < 90 [ 0001 {} 01 ]",
      "p connects",
      "p > 32 [ 'x' 0001 {} \"11111\" ] 32 [ 'x' 0002 {} \"22222\" ] 32 [ 'x' 0003 {} \"333333333333\" ]",
      "p < 40 [ 0001 ] 40 [ 0002 ] 40 [ 0003 ]",
      "s < 32 [ 'x' 0001 {} \"11111\" ] 32 [ 'x' 0002 {} \"22222\" ]",
      "s quiet",
      "s > 40 [ 0001 ]",
      "s < 32 [ 'x' 0003 {} \"333333333333\" ]",
      "p > 32 [ 'x' 0001 {} \"4\" ]",
      "p < 40 [ 0001 ]",
      "s drops",
      "s2 resumes",
      "s2 < 3a [ 'x' 0002 {} \"22222\" ] 3a [ 'x' 0003 {} \"333333333333\" ]",
      "s2 > 40 [ 0002 ]",
      "s2 quiet", // The last one alone is more.
      "s2 > 40 [ 0003 ]",
      "s2 < 32 [ 'x' 0004 {} \"4\" ]",
    ],
  },
  {
    name: "A retained message above maximumRetainedMessages is refused with 0x97, one that replaces is not",
    versions: ALL_VERSIONS,
    limits: { maximumRetainedMessages: 1 },
    steps: [
      "p connects",
      "p > 33 [ 'a' 0001 {} \"1\" ] 33 [ 'b' 0002 {} \"2\" ] 35 [ 'b' 0003 {} \"2\" ] 33 [ 'a' 0004 {} \"3\" ] 33 [ 'a' 0005 {} ]",
      "p < 40 [ 0001 <10> ] 40 [ 0002 <97> ] 50 [ 0003 <97> ] 40 [ 0004 <10> ] 40 [ 0005 <10> ]",
      "p > 33 [ 'b' 0006 {} \"2\" ]",
      "p < 40 [ 0006 <10> ]",
      "s connects",
      "s > 82 [ 0001 {} '#' 00 ]",
      "s < 90 [ 0001 {} 00 ] 31 [ 'b' {} \"2\" ]",
    ],
  },
  {
    name: "Above maximumRetainedMessages a message is delivered and acknowledged where its client cannot be told",
    versions: [3, 4],
    limits: { maximumRetainedMessages: 1 },
    steps: [
      "s connects",
      "s > 82 [ 0001 '#' 02 ]",
      "s < 90 [ 0001 02 ]",
      "p connects",
      "p > 33 [ 'a' 0001 \"1\" ]",
      "p < 40 [ 0001 ]",
      "s < 32 [ 'a' 0001 \"1\" ]",
      "p > 31 [ 'b' \"2\" ] 33 [ 'b' 0002 \"3\" ] 35 [ 'b' 0003 \"4\" ]",
      "p < 40 [ 0002 ] 50 [ 0003 ]",
      "s < 30 [ 'b' \"2\" ] 32 [ 'b' 0002 \"3\" ] 34 [ 'b' 0003 \"4\" ]",
      "p > 62 [ 0003 ]",
      "p < 70 [ 0003 ]",
      "s > 40 [ 0001 ] 40 [ 0002 ] 50 [ 0003 ]",
      "s < 62 [ 0003 ]",
      "s > 70 [ 0003 ]",
      "t connects",
      "t > 82 [ 0001 '#' 00 ]",
      "t < 90 [ 0001 00 ] 31 [ 'a' \"1\" ]",
      ({ broker }) => assertEquals(broker.metrics.retainedRefused, 3),
    ],
  },
  {
    name: "Above maximumRetainedMessages QoS 0 is delivered, and QoS 1 and 2 are refused and go to nobody",
    versions: [5],
    limits: { maximumRetainedMessages: 1 },
    steps: [
      "s connects",
      "s > 82 [ 0001 [] '#' 02 ]",
      "s < 90 [ 0001 [] 02 ]",
      "p connects",
      "p > 31 [ 'a' [] \"1\" ] 31 [ 'b' [] \"2\" ] 33 [ 'b' 0001 [] \"3\" ] 35 [ 'b' 0002 [] \"4\" ]",
      "p < 40 [ 0001 97 ] 50 [ 0002 97 ]",
      "s < 30 [ 'a' [] \"1\" ] 30 [ 'b' [] \"2\" ]",
      "s quiet",
      "t connects",
      "t > 82 [ 0001 [] '#' 00 ]",
      "t < 90 [ 0001 [] 00 ] 31 [ 'a' [] \"1\" ]",
      ({ broker }) => assertEquals(broker.metrics.retainedRefused, 3),
    ],
  },
  {
    name: "Above maximumRetainedMessages a Will with Will Retain is delivered",
    versions: ALL_VERSIONS,
    limits: { maximumRetainedMessages: 1 },
    steps: [
      "s connects",
      "s > 82 [ 0001 {} 'w' 01 ]",
      "s < 90 [ 0001 {} 01 ]",
      "p connects",
      "p > 31 [ 'a' {} \"1\" ]",
      "p quiet",
      "w > 10 [ @ 2e 003c {} 'w' {} 'w' 0004 676f6e65 ]",
      "w < 20 [ 00 00 <{ LIMITS }> ]",
      "w drops",
      "s < 32 [ 'w' 0001 {} \"gone\" ]",
      "s > 40 [ 0001 ]",
      "t connects",
      "t > 82 [ 0001 {} '#' 00 ]",
      "t < 90 [ 0001 {} 00 ] 31 [ 'a' {} \"1\" ]",
    ],
  },
  {
    name: "A message above maximumRetainedBytes is delivered, and the one that its topic had is retained no more",
    versions: ALL_VERSIONS,
    limits: { maximumRetainedBytes: 570 }, // Two topics of one level are 560.
    steps: [
      "s connects",
      "s > 82 [ 0001 {} 'a' 00 ]",
      "s < 90 [ 0001 {} 00 ]",
      "p connects",
      "p > 31 [ 'a' {} \"1\" ] 31 [ 'b' {} \"2\" ] 31 [ 'a' {} \"a longer one\" ]",
      "s < 30 [ 'a' {} \"1\" ] 30 [ 'a' {} \"a longer one\" ]",
      "t connects",
      "t > 82 [ 0001 {} '#' 00 ]",
      "t < 90 [ 0001 {} 00 ] 31 [ 'b' {} \"2\" ]",
      "p > 31 [ 'a' {} \"3\" ]", // There is room for it.
      "s < 30 [ 'a' {} \"3\" ]",
      "t < 30 [ 'a' {} \"3\" ]",
      "u connects",
      "u > 82 [ 0001 {} 'a' 00 ]",
      "u < 90 [ 0001 {} 00 ] 31 [ 'a' {} \"3\" ]",
    ],
  },
  {
    name: "A message that is refused above maximumRetainedBytes leaves the one that its topic has",
    versions: [5],
    limits: { maximumRetainedBytes: 290 },
    steps: [
      "p connects",
      "p > 33 [ 'a' 0001 [] \"1\" ] 33 [ 'a' 0002 [] \"a longer one\" ]",
      "p < 40 [ 0001 10 ] 40 [ 0002 97 ]",
      "t connects",
      "t > 82 [ 0001 [] 'a' 00 ]",
      "t < 90 [ 0001 [] 00 ] 31 [ 'a' [] \"1\" ]",
    ],
  },
  {
    name: "Retained messages above limits that were lowered can be replaced and removed",
    versions: [5],
    steps: [
      "p connects",
      "p > 33 [ 'a' 0001 [] \"one\" ] 33 [ 'b' 0002 [] \"two\" ]",
      "p < 40 [ 0001 10 ] 40 [ 0002 10 ]",
      ({ broker }) => broker.reload({ limits: { maximumRetainedMessages: 1, maximumRetainedBytes: 1 } }),
      "p > 33 [ 'a' 0003 [] \"1\" ] 33 [ 'a' 0004 [] \"22\" ] 33 [ 'b' 0005 [] ] 33 [ 'c' 0006 [] \"1\" ]",
      "p < 40 [ 0003 10 ] 40 [ 0004 97 ] 40 [ 0005 10 ] 40 [ 0006 97 ]",
      "t connects",
      "t > 82 [ 0001 [] '#' 00 ]",
      "t < 90 [ 0001 [] 00 ] 31 [ 'a' [] \"1\" ]",
    ],
  },
  {
    name:
      "Maximum QoS is announced, granted at most, and what is above it ends the connection with 0x9B [MQTT-3.2.2-9] [MQTT-3.2.2-10]",
    versions: [5],
    limits: { maximumQos: 1 },
    steps: [
      "a > 10 [ @ 02 003c {} 'a' ]",
      "a < 20 [ 00 00 { 21 ffff 22 000a 24 01 27 01000000 } ]",
      "a > 82 [ 0001 [] 'x' 02 ] 32 [ 'x' 0002 [] \"1\" ]",
      "a < 90 [ 0001 [] 01 ] 32 [ 'x' 0001 [] \"1\" ] 40 [ 0002 ]",
      "a > 34 [ 'x' 0003 [] ]",
      "a told e0 9b",
    ],
  },
  {
    name: "A QoS above Maximum QoS ends the connection before MQTT 5 too, and less is granted",
    versions: [3, 4],
    limits: { maximumQos: 0 },
    steps: ["a connects", "a > 82 [ 0001 'x' 02 ]", "a < 90 [ 0001 00 ]", "a > 32 [ 'x' 0003 ]", "a closed"],
  },
  {
    name: "A Will with a QoS above Maximum QoS is refused with 0x9B [MQTT-3.2.2-12]",
    versions: [5],
    limits: { maximumQos: 0 },
    steps: ["a > 10 [ @ 0e 003c {} 'a' {} 'w' 0000 ]", "a told 20 00 9b"],
  },
  {
    name: "Without retained messages that is announced, and RETAIN ends the connection with 0x9A [MQTT-3.2.2-14]",
    versions: [5],
    limits: { maximumRetainedMessages: 0 },
    steps: [
      "a > 10 [ @ 02 003c {} 'a' ]",
      "a < 20 [ 00 00 { 21 ffff 22 000a 25 00 27 01000000 } ]",
      "a > 31 [ 'x' [] \"1\" ]",
      "a told e0 9a",
    ],
  },
  {
    name: "Without retained messages a Will with RETAIN is refused with 0x9A [MQTT-3.2.2-13]",
    versions: [5],
    limits: { maximumRetainedMessages: 0 },
    steps: ["a > 10 [ @ 26 003c {} 'a' {} 'w' 0000 ]", "a told 20 00 9a"],
  },
  {
    name: "A payload above maximumPayloadBytes is acknowledged and not published, in MQTT 5 with 0x83",
    versions: ALL_VERSIONS,
    limits: { maximumPayloadBytes: 2 },
    steps: [
      "s connects",
      "s > 82 [ 0001 {} 'x' 00 ]",
      "s < 90 [ 0001 {} 00 ]",
      "p connects",
      "p > 32 [ 'x' 0001 {} \"123\" ] 32 [ 'x' 0002 {} \"12\" ]",
      "p < 40 [ 0001 <83> ] 40 [ 0002 ]",
      "s < 30 [ 'x' {} \"12\" ]",
    ],
  },
  {
    name: "A Will Payload above maximumPayloadBytes is refused with 0x95, and one of that size is not",
    versions: [5],
    limits: { maximumPayloadBytes: 2 },
    steps: [
      "a > 10 [ @ 06 003c {} 'a' {} 'w' 0003 313233 ]",
      "a told 20 00 95",
      "b > 10 [ @ 06 003c {} 'b' {} 'w' 0002 3132 ]",
      "b < 20 [ 00 00 { LIMITS } ]",
    ],
  },
  {
    name: "A Will Payload above maximumPayloadBytes ends the connection without a word [MQTT-3.2.2-6 of 3.1.1]",
    versions: [3, 4],
    limits: { maximumPayloadBytes: 2 },
    steps: ["a > 10 [ @ 06 003c 'a' 'w' 0003 313233 ]", "a closed"],
  },
  {
    name: "Without a limit CONNACK says no Maximum Packet Size (section 3.2.2.3.6)",
    versions: [5],
    limits: { maximumPacketBytes: 268_435_460 },
    steps: ["a > 10 [ @ 02 003c {} 'a' ]", "a < 20 [ 00 00 { 21 ffff 22 000a } ]"],
  },
  {
    name: "Retained messages above maximumRetainedBytes are refused with 0x97",
    versions: [5],
    limits: { maximumRetainedBytes: 570 }, // Two topics of one level are 560.
    steps: [
      "p connects",
      "p > 33 [ 'a' 0001 [] \"12345\" ] 33 [ 'b' 0002 [] \"1234\" ] 33 [ 'b' 0003 [] \"123\" ] 33 [ 'a' 0004 [] \"123456\" ]",
      "p < 40 [ 0001 10 ] 40 [ 0002 97 ] 40 [ 0003 10 ] 40 [ 0004 97 ]",
    ],
  },
  {
    name: "Messages above maximumMessagesPerSecond wait, those of a second may come at once, and nothing is lost",
    versions: ALL_VERSIONS,
    limits: { maximumMessagesPerSecond: 2, maximumExcessMs: 2_000 },
    steps: [
      "s connects",
      "s > 82 [ 0001 {} 'x' 00 ]",
      "s < 90 [ 0001 {} 00 ]",
      "p connects",
      "p > 32 [ 'x' 0001 {} ] 32 [ 'x' 0002 {} ] 32 [ 'x' 0003 {} ] 32 [ 'x' 0004 {} ] c0 []",
      "p < 40 [ 0001 ] 40 [ 0002 ]",
      "s < 30 [ 'x' {} ] 30 [ 'x' {} ]",
      "499 ms pass",
      "s quiet",
      "1 ms pass",
      "p < 40 [ 0003 ]",
      "s < 30 [ 'x' {} ]",
      "s quiet",
      "500 ms pass",
      "p < 40 [ 0004 ] d0 []",
      "s < 30 [ 'x' {} ]",
      "1 s pass", // Half a second of it is what it waits for its turn: it has slowed down.
      "p > 32 [ 'x' 0005 {} ] 32 [ 'x' 0006 {} ] 32 [ 'x' 0007 {} ]",
      "p < 40 [ 0005 ] 40 [ 0006 ]",
      "1.5 s pass", // More than maximumExcessMs since it was too fast the first time.
      "p < 40 [ 0007 ]",
      "s < 30 [ 'x' {} ] 30 [ 'x' {} ] 30 [ 'x' {} ]",
    ],
  },
  {
    name: "A client that is above maximumMessagesPerSecond for maximumExcessMs is disconnected with 0x97",
    versions: ALL_VERSIONS,
    limits: { maximumMessagesPerSecond: 1, maximumExcessMs: 1_500 },
    steps: [
      "p connects",
      "p > 32 [ 'x' 0001 {} ] 32 [ 'x' 0002 {} ] 32 [ 'x' 0003 {} ]",
      "p < 40 [ 0001 <10> ]",
      "1 s pass",
      "p < 40 [ 0002 <10> ]",
      "499 ms pass",
      "1 ms pass",
      "p told e0 97",
    ],
  },
  {
    name: "Bytes above maximumBytesPerSecond wait, and for maximumExcessMs at most",
    versions: ALL_VERSIONS,
    limits: { maximumBytesPerSecond: 1_000, maximumExcessMs: 3_000 },
    steps: [
      "s connects",
      "s > 82 [ 0001 {} 'x' 00 ]",
      "s < 90 [ 0001 {} 00 ]",
      "p connects",
      "1 s pass",
      `p > 30 [ 'x' {} "${"m".repeat(2_000)}" ]`,
      "s quiet", // By then it was read.
      "1 s pass",
      "s quiet",
      "1 s pass",
      `s < 30 [ 'x' {} "${"m".repeat(2_000)}" ]`,
      `p > 30 [ 'x' {} "${"m".repeat(4_000)}" ]`,
      "s quiet",
      "3 s pass",
      "p told e0 97",
      "s quiet",
    ],
  },
  {
    name: "A client that waits for its rate may be taken over meanwhile",
    versions: ALL_VERSIONS,
    limits: { maximumMessagesPerSecond: 1 },
    steps: [
      "p connects",
      "p > 32 [ 'x' 0001 {} ] 32 [ 'x' 0002 {} ]",
      "p < 40 [ 0001 <10> ]",
      "p2 connects",
      "p told e0 8e",
      "p2 quiet",
    ],
  },
  {
    name:
      "Without a backlog a client that does not read gets no more QoS 0 than maximumOutboxBytes, and holds up nobody",
    versions: ALL_VERSIONS,
    limits: { maximumOutboxBytes: 65_536, maximumBacklogBytes: 0 },
    steps: [
      "p connects",
      "p > 82 [ 0001 {} 'other' 00 ]",
      "p < 90 [ 0001 {} 00 ]",
      connectStuck,
      publishMuch,
      "p > 30 [ 'other' {} ]",
      "p < 30 [ 'other' {} ]",
      ({ broker }) => {
        const { qos0 } = broker.metrics.dropped;
        if (qos0 < 30 || qos0 > 50) throw new Error(`${qos0} of 100 messages of 1,024 bytes are dropped`);
      },
      (conversation) => STUCK.get(conversation)?.close(),
    ],
  },
  {
    name: "A client that does not read its PINGRESPs is not read from beyond maximumOutboxBytes, until it reads",
    versions: ALL_VERSIONS,
    limits: { maximumOutboxBytes: 1_024 },
    steps: [(conversation) => pingWithoutReading(conversation)],
  },
  {
    name: "A client that does not read is closed when writeTimeoutMs has passed",
    versions: ALL_VERSIONS,
    limits: { writeTimeoutMs: 30_000 },
    steps: [
      "p connects",
      connectStuck,
      publishMuch,
      "29.9 s pass",
      ({ broker }) => assertEquals(broker.metrics.connections, 2),
      "100 ms pass",
      waitForStuck,
      ({ broker }) => assertEquals(broker.metrics.connections, 1),
    ],
  },
]);

/** Connects a client, whose transport takes one chunk, and which reads nothing behind its SUBACK. */
async function connectStuck(conversation: Conversation): Promise<void> {
  const pair = memoryTransport(1);
  const { readable, writable } = pair.client;
  const served = conversation.broker.serve(pair.server);
  STUCK.set(conversation, { served, close: () => pair.client.close() });
  const writer = writable.getWriter();
  writer.closed.catch(() => {}); // The broker closes.
  await writer.write(conversation.bytes("10 [ @ 02 0000 {} 'stuck' ]"));
  const reader = readable.getReader();
  await reader.read();
  await writer.write(conversation.bytes("82 [ 0001 {} 'x' 00 ]"));
  await reader.read();
  reader.releaseLock();
}

/** 100 messages of 1,024 bytes, each with the publisher's turn over. */
async function publishMuch(conversation: Conversation): Promise<void> {
  for (let count = 0; count < 100; count++) {
    await conversation.run(`p > 30 [ 'x' {} "${"m".repeat(1_018)}" ]`, "p quiet");
  }
}

const PINGS = 50_000;
const PINGS_A_CHUNK = 500;

/** What it has sent and the broker has not taken waits in the transport. */
async function pingWithoutReading(conversation: Conversation): Promise<void> {
  const pair = memoryTransport(1);
  const { readable, writable } = pair.client;
  const served = conversation.broker.serve(pair.server);
  const writer = writable.getWriter();
  const reader = readable.getReader();
  await writer.write(conversation.bytes("10 [ @ 02 0000 {} 's' ]"));
  await reader.read();
  const pings = conversation.bytes("c0 00".repeat(PINGS_A_CHUNK));
  let taken = 0;
  const sending = (async () => {
    for (; taken < PINGS; taken += PINGS_A_CHUNK) await writer.write(pings);
  })();
  await new Promise((resolve) => setTimeout(resolve, 20));
  // A chunk that is written and one that waits, those of maximumOutboxBytes, and one more than that.
  assertLess(taken, 6 * PINGS_A_CHUNK);
  for (let answered = 0; answered < PINGS;) {
    const { value } = await within(reader.read(), `only ${answered} of ${PINGS} PINGRESPs came`);
    if (value === undefined) throw new Error("The connection ended");
    answered += value.length / 2;
  }
  await sending;
  pair.client.close();
  await served;
}

async function waitForStuck(conversation: Conversation): Promise<void> {
  await within(
    STUCK.get(conversation)?.served ?? Promise.resolve(),
    "the broker still serves the client that does not read",
  );
}
