import { conversationTests } from "./conversation.ts";

const SUBSCRIBED = ["s connects", "s > 82 [ 0001 [] '#' 00 ]", "s < 90 [ 0001 [] 00 ]"];
const WITH_ALIASES = [
  "s > 10 [ @ 02 0000 { 22 0002 } 's' ]",
  "s < 20 [ 00 00 { LIMITS } ]",
  "s > 82 [ 0001 [] '#' 01 ]",
  "s < 90 [ 0001 [] 01 ]",
];

conversationTests([
  {
    name: "A Topic Alias of a client stands for its topic, and is not passed on [MQTT-3.3.2-12] [MQTT-3.3.2-7]",
    versions: [5],
    limits: { topicAliasMaximum: 2 },
    steps: [
      ...SUBSCRIBED,
      "p connects",
      "p > 30 [ 'a' [ 23 0001 ] \"1\" ] 30 [ '' [ 23 0001 ] \"2\" ] 30 [ 'b' [ 23 0002 ] \"3\" ]",
      "p > 30 [ '' [ 23 0001 ] \"4\" ] 30 [ 'c' [ 23 0001 ] \"5\" ] 30 [ '' [ 23 0001 ] \"6\" ] 30 [ '' [ 23 0002 ] \"7\" ]",
      "s < 30 [ 'a' [] \"1\" ] 30 [ 'a' [] \"2\" ] 30 [ 'b' [] \"3\" ] 30 [ 'a' [] \"4\" ]",
      "s < 30 [ 'c' [] \"5\" ] 30 [ 'c' [] \"6\" ] 30 [ 'b' [] \"7\" ]",
    ],
  },
  {
    name: "A Topic Alias goes with the other properties",
    versions: [5],
    steps: [
      ...SUBSCRIBED,
      "p connects",
      "p > 30 [ 'a' [ 23 0001 ] ] 30 [ '' [ 23 0001 26 'k' 'v' ] ]",
      "s < 30 [ 'a' [] ] 30 [ 'a' [ 26 'k' 'v' ] ]",
    ],
  },
  {
    name: "Topic Alias 0 ends the connection with 0x94 [MQTT-3.3.2-8]",
    versions: [5],
    steps: ["p connects", "p > 30 [ 'a' [ 23 0000 ] ]", "p told e0 94"],
  },
  {
    name: "A Topic Alias above the maximum ends the connection with 0x94 [MQTT-3.3.2-9]",
    versions: [5],
    limits: { topicAliasMaximum: 2 },
    steps: ["p connects", "p > 30 [ 'a' [ 23 0003 ] ]", "p told e0 94"],
  },
  {
    name: "A Topic Alias without a topic ends the connection with 0x82 (section 3.3.2.3.4)",
    versions: [5],
    steps: ["p connects", "p > 30 [ '' [ 23 0001 ] ]", "p told e0 82"],
  },
  {
    name: "A PUBLISH without topic and without Topic Alias ends the connection with 0x82 (section 3.3.2.1)",
    versions: [5],
    steps: ["p connects", "p > 30 [ '' [] ]", "p told e0 82"],
  },
  {
    name: "Topic Aliases end with the connection [MQTT-3.3.2-7]",
    versions: [5],
    steps: [
      "p connects durable",
      "p > 30 [ 'a' [ 23 0001 ] ]",
      "p quiet",
      "p drops",
      "p2 resumes",
      "p2 > 30 [ '' [ 23 0001 ] ]",
      "p2 told e0 82",
    ],
  },
  {
    name: "The broker uses Topic Aliases up to the maximum of the client [MQTT-3.3.2-11] [MQTT-3.1.2-26]",
    versions: [5],
    steps: [
      ...WITH_ALIASES,
      "p connects",
      "p > 30 [ 'a' [] \"1\" ] 30 [ 'b' [] \"2\" ] 30 [ 'c' [] \"3\" ]",
      "s < 30 [ 'a' [ 23 0001 ] \"1\" ] 30 [ 'b' [ 23 0002 ] \"2\" ] 30 [ 'c' [] \"3\" ]",
      "p > 30 [ 'a' [ 26 'k' 'v' ] \"4\" ] 32 [ 'b' 0001 [] \"5\" ] 30 [ 'c' [] \"6\" ]",
      "p < 40 [ 0001 ]",
      "s < 30 [ '' [ 23 0001 26 'k' 'v' ] \"4\" ] 32 [ '' 0001 [ 23 0002 ] \"5\" ] 30 [ 'c' [] \"6\" ]",
    ],
  },
  {
    name: "The broker uses none when the client said none [MQTT-3.1.2-27]",
    versions: [5],
    steps: [
      ...SUBSCRIBED,
      "p connects",
      "p > 30 [ 'a' [] ] 30 [ 'a' [] ]",
      "s < 30 [ 'a' [] ] 30 [ 'a' [] ]",
    ],
  },
  {
    name: "A message that is too large for the client leaves no Topic Alias behind [MQTT-3.1.2-24] (section 3.3.2.3.4)",
    versions: [5],
    steps: [
      "s > 10 [ @ 02 0000 { 22 0002 27 00000014 } 's' ]",
      "s < 20 [ 00 00 { LIMITS } ]",
      "s > 82 [ 0001 [] '#' 00 ]",
      "s < 90 [ 0001 [] 00 ]",
      "p connects",
      "p > 30 [ 'a' [] \"more than twenty bytes\" ] 30 [ 'a' [] \"2\" ] 30 [ 'a' [] \"3\" ]",
      "s < 30 [ 'a' [] \"2\" ] 30 [ 'a' [] \"3\" ]",
    ],
  },
  {
    name: "Topic Aliases of the broker begin anew on each connection [MQTT-3.3.2-7]",
    versions: [5],
    steps: [
      "s > 10 [ @ 02 0000 { 11 00000e10 22 0002 } 's' ]",
      "s < 20 [ 00 00 { LIMITS } ]",
      "s > 82 [ 0001 [] '#' 01 ]",
      "s < 90 [ 0001 [] 01 ]",
      "p connects",
      "p > 32 [ 'a' 0001 [] \"1\" ] 32 [ 'a' 0002 [] \"2\" ]",
      "p < 40 [ 0001 ] 40 [ 0002 ]",
      "s < 32 [ 'a' 0001 [ 23 0001 ] \"1\" ] 32 [ '' 0002 [ 23 0001 ] \"2\" ]",
      "s drops",
      "s2 > 10 [ @ 00 0000 { 11 00000e10 22 0002 } 's' ]",
      "s2 < 20 [ 01 00 { LIMITS } ] 3a [ 'a' 0001 [ 23 0001 ] \"1\" ] 3a [ '' 0002 [ 23 0001 ] \"2\" ]",
    ],
  },
  {
    name: "A Will is sent with Topic Alias and Subscription Identifier like any message",
    versions: [5],
    steps: [
      "s > 10 [ @ 02 0000 { 22 0002 } 's' ]",
      "s < 20 [ 00 00 { LIMITS } ]",
      "s > 82 [ 0001 [ 0b 09 ] 'w' 00 ]",
      "s < 90 [ 0001 [] 00 ]",
      "a > 10 [ @ 06 0000 {} 'a' {} 'w' 'gone' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "a drops",
      "s < 30 [ 'w' [ 0b 09 23 0001 ] \"gone\" ]",
    ],
  },
]);
