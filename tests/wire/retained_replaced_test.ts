/** Retained messages that wait while their subscription is replaced or ends (MQTT 5, section 3.8.4). */

import { ALL_VERSIONS, conversationTests } from "./conversation.ts";

const ONE = ["p connects", "p > 33 [ 'r/1' 0001 {} \"one\" ]", "p < 40 [ 0001 <10> ]"];
const THREE = [
  ...ONE,
  "p > 33 [ 'r/2' 0002 {} \"two\" ] 33 [ 'r/3' 0003 {} \"three\" ]",
  "p < 40 [ 0002 <10> ] 40 [ 0003 <10> ]",
];
/** A client that takes one message at a time. */
const SLOW = ["s > 10 [ @ 02 0000 { 21 0001 } 's' ]", "s < 20 [ 00 00 { LIMITS } ]"];
/** r/1 is on its way, r/2 and r/3 wait. */
const WAITING = [
  ...THREE,
  ...SLOW,
  "s > 82 [ 0001 {} 'r/#' 01 ]",
  "s < 90 [ 0001 {} 01 ] 33 [ 'r/1' 0001 {} \"one\" ]",
];

conversationTests([
  {
    name: "One SUBSCRIBE with the same Topic Filter twice brings the retained messages twice [MQTT-3.8.4-5]",
    versions: ALL_VERSIONS,
    steps: [
      ...ONE,
      "s connects",
      "s > 82 [ 0001 {} 'r/1' 00 'r/1' 00 ]",
      "s < 90 [ 0001 {} 00 00 ] 31 [ 'r/1' {} \"one\" ] 31 [ 'r/1' {} \"one\" ]",
    ],
  },
  {
    name: "One SUBSCRIBE with the same Topic Filter and Retain Handling 1 twice brings them once [MQTT-3.8.4-5]",
    versions: [5],
    steps: [
      ...ONE,
      "s > 10 [ @ 02 0000 {} 's' ] 82 [ 0001 [] 'r/1' 10 'r/1' 10 ]",
      "s < 20 [ 00 00 { LIMITS } ] 90 [ 0001 [] 00 00 ] 31 [ 'r/1' [] \"one\" ]",
    ],
  },
  {
    name: "One SUBSCRIBE with Retain Handling 0 and then 2 for a Topic Filter brings them once [MQTT-3.8.4-5]",
    versions: [5],
    steps: [
      ...ONE,
      "s connects",
      "s > 82 [ 0001 [] 'r/1' 00 'r/1' 20 ]",
      "s < 90 [ 0001 [] 00 00 ] 31 [ 'r/1' [] \"one\" ]",
      "s > 82 [ 0002 [] 'r/+' 22 'r/+' 02 ]",
      "s < 90 [ 0002 [] 02 02 ] 33 [ 'r/1' 0001 [] \"one\" ]",
      "s > 40 [ 0001 ]",
    ],
  },
  {
    name: "A SUBSCRIBE that is repeated with Retain Handling 0 brings the rest, then all of them again [MQTT-3.8.4-4]",
    versions: [5],
    steps: [
      ...WAITING,
      "s > 82 [ 0002 [] 'r/#' 01 ]",
      "s < 90 [ 0002 [] 01 ]",
      "s > 40 [ 0001 ]",
      "s < 33 [ 'r/2' 0002 [] \"two\" ]",
      "s > 40 [ 0002 ]",
      "s < 33 [ 'r/3' 0003 [] \"three\" ]",
      "s > 40 [ 0003 ]",
      "s < 33 [ 'r/1' 0004 [] \"one\" ]",
      "s > 40 [ 0004 ]",
      "s < 33 [ 'r/2' 0005 [] \"two\" ]",
      "s > 40 [ 0005 ]",
      "s < 33 [ 'r/3' 0006 [] \"three\" ]",
      "s > 40 [ 0006 ]",
    ],
  },
  {
    name: "Before MQTT 5 a SUBSCRIBE that is repeated brings the rest, then all again [MQTT-3.8.4-3 of 3.1.1]",
    versions: [3, 4],
    limits: { maximumInflight: 1 },
    steps: [
      ...ONE,
      "p > 33 [ 'r/2' 0002 {} \"two\" ]",
      "p < 40 [ 0002 ]",
      "s connects",
      "s > 82 [ 0001 {} 'r/#' 01 ]",
      "s < 90 [ 0001 {} 01 ] 33 [ 'r/1' 0001 {} \"one\" ]",
      "s > 82 [ 0002 {} 'r/#' 01 ]",
      "s < 90 [ 0002 {} 01 ]",
      "s > 40 [ 0001 ]",
      "s < 33 [ 'r/2' 0002 {} \"two\" ]",
      "s > 40 [ 0002 ]",
      "s < 33 [ 'r/1' 0003 {} \"one\" ]",
      "s > 40 [ 0003 ]",
      "s < 33 [ 'r/2' 0004 {} \"two\" ]",
      "s > 40 [ 0004 ]",
    ],
  },
  ...([["1", 0x10], ["2", 0x20]] as const).map(([handling, options]) => ({
    name:
      `A SUBSCRIBE that is repeated with Retain Handling ${handling} leaves what waits to come [MQTT-3.8.4-4] [MQTT-3.3.1-10]`,
    versions: [5] as const,
    steps: [
      ...WAITING,
      `s > 82 [ 0002 [] 'r/#' ${(options + 1).toString(16)} ]`,
      "s < 90 [ 0002 [] 01 ]",
      "s > 40 [ 0001 ]",
      "s < 33 [ 'r/2' 0002 [] \"two\" ]",
      "s > 40 [ 0002 ]",
      "s < 33 [ 'r/3' 0003 [] \"three\" ]",
      "s > 40 [ 0003 ]",
    ],
  })),
  {
    name: "What waits comes with QoS and Subscription Identifier of the subscription that replaces [MQTT-3.8.4-4]",
    versions: [5],
    steps: [
      "p connects",
      "p > 35 [ 'r/1' 0001 {} \"1\" ] 62 [ 0001 ] 35 [ 'r/2' 0001 {} \"2\" ] 62 [ 0001 ]",
      "p < 50 [ 0001 10 ] 70 [ 0001 ] 50 [ 0001 10 ] 70 [ 0001 ]",
      "p > 35 [ 'r/3' 0001 {} \"3\" ] 62 [ 0001 ] 35 [ 'r/4' 0001 {} \"4\" ] 62 [ 0001 ]",
      "p < 50 [ 0001 10 ] 70 [ 0001 ] 50 [ 0001 10 ] 70 [ 0001 ]",
      ...SLOW,
      "s > 82 [ 0001 [ 0b 01 ] 'r/#' 01 ]",
      "s < 90 [ 0001 [] 01 ] 33 [ 'r/1' 0001 [ 0b 01 ] \"1\" ]",
      "s > 82 [ 0002 [ 0b 02 ] 'r/#' 12 ]",
      "s < 90 [ 0002 [] 02 ]",
      "s > 40 [ 0001 ]",
      "s < 35 [ 'r/2' 0002 [ 0b 02 ] \"2\" ]",
      "s > 82 [ 0003 [] 'r/#' 18 ]", // Retain As Published changes nothing: they are retained.
      "s < 90 [ 0003 [] 00 ] 31 [ 'r/3' [] \"3\" ] 31 [ 'r/4' [] \"4\" ]",
      "s > 50 [ 0002 ]",
      "s < 62 [ 0002 ]",
      "s > 70 [ 0002 ]",
    ],
  },
  {
    name: "No Local of the subscription that replaces holds for what waits [MQTT-3.8.3-3]",
    versions: [5],
    steps: [
      ...SLOW,
      "s > 33 [ 'r/1' 0001 [] \"1\" ] 33 [ 'r/2' 0002 [] \"2\" ]",
      "s < 40 [ 0001 10 ] 40 [ 0002 10 ]",
      "s > 82 [ 0001 [] 'r/#' 01 ]",
      "s < 90 [ 0001 [] 01 ] 33 [ 'r/1' 0001 [] \"1\" ]",
      "s > 82 [ 0002 [] 'r/#' 15 ]",
      "s < 90 [ 0002 [] 01 ]",
      "s > 40 [ 0001 ]",
    ],
  },
  {
    name: "What waits does not come after UNSUBSCRIBE, also where the client subscribes again [MQTT-3.10.4-2]",
    versions: [5],
    steps: [
      ...WAITING,
      "s > a2 [ 0002 [] 'r/#' ] 82 [ 0003 [] 'r/#' 21 ]",
      "s < b0 [ 0002 [] 00 ] 90 [ 0003 [] 01 ]",
      "s > 40 [ 0001 ]",
      "s quiet",
      "s > a2 [ 0004 [] 'r/#' ] 82 [ 0005 [] 'r/#' 11 ]",
      "s < b0 [ 0004 [] 00 ] 90 [ 0005 [] 01 ] 33 [ 'r/1' 0002 [] \"one\" ]",
      "s > a2 [ 0006 [] 'r/#' ] 82 [ 0007 [] 'r/#' 11 ]",
      "s < b0 [ 0006 [] 00 ] 90 [ 0007 [] 01 ]",
      "s > 40 [ 0002 ]",
      "s < 33 [ 'r/1' 0003 [] \"one\" ]", // Once for the subscription that there is.
      "s > 40 [ 0003 ]",
      "s < 33 [ 'r/2' 0004 [] \"two\" ]",
      "s > 40 [ 0004 ]",
      "s < 33 [ 'r/3' 0005 [] \"three\" ]",
      "s > 40 [ 0005 ]",
    ],
  },
  {
    name: "What waits for one Topic Filter is left alone when another one is subscribed or ends",
    versions: [5],
    steps: [
      ...WAITING,
      "s > 82 [ 0002 [] 'r/2' 01 ] a2 [ 0003 [] 'r/2' ]",
      "s < 90 [ 0002 [] 01 ] b0 [ 0003 [] 00 ]",
      "s > 40 [ 0001 ]",
      "s < 33 [ 'r/2' 0002 [] \"two\" ]",
      "s > 40 [ 0002 ]",
      "s < 33 [ 'r/3' 0003 [] \"three\" ]",
      "s > 40 [ 0003 ]",
    ],
  },
  {
    name: "What waits comes to the connection that takes the session over, by the subscription that it replaces",
    versions: [5],
    steps: [
      ...THREE,
      "s > 10 [ @ 02 0000 { 11 00000e10 21 0001 } 's' ]",
      "s < 20 [ 00 00 { LIMITS } ]",
      "s > 82 [ 0001 [] 'r/#' 01 ]",
      "s < 90 [ 0001 [] 01 ] 33 [ 'r/1' 0001 [] \"one\" ]",
      "t > 10 [ @ 00 0000 { 11 00000e10 21 0001 } 's' ]",
      "t < 20 [ 01 00 { LIMITS } ] 3b [ 'r/1' 0001 [] \"one\" ]",
      "s told e0 8e",
      "t > 82 [ 0002 [] 'r/#' 10 ]",
      "t < 90 [ 0002 [] 00 ] 31 [ 'r/2' [] \"two\" ] 31 [ 'r/3' [] \"three\" ]",
      "t > 40 [ 0001 ]",
    ],
  },
]);
