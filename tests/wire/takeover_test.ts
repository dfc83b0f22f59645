import { conversationTests } from "./conversation.ts";

const DURABLE = (qos: number) => [
  "s connects durable",
  `s > 82 [ 0001 {} 'x' 0${qos} ]`,
  `s < 90 [ 0001 {} 0${qos} ]`,
];

conversationTests([
  {
    name: "A second connection with the same Client Identifier takes the session over [MQTT-3.1.4-3]",
    versions: [3, 4],
    steps: ["s connects durable", "s2 resumes", "s closed", "s2 quiet"],
  },
  {
    name: "The client that is taken over is told 0x8E [MQTT-3.1.4-3]",
    versions: [5],
    steps: ["s connects durable", "s2 resumes", "s told e0 8e", "s2 quiet"],
  },
  {
    name: "A takeover with Clean Start begins a new session [MQTT-3.1.2-4]",
    versions: [5],
    steps: [...DURABLE(1), "s2 connects", "s told e0 8e", "s2 > 32 [ 'x' 0001 [] ]", "s2 < 40 [ 0001 10 ]"],
  },
  {
    name: "Messages in flight go to the connection that takes over",
    versions: [5],
    steps: [
      ...DURABLE(2),
      "p connects",
      "p > 32 [ 'x' 0001 {} \"1\" ] 34 [ 'x' 0002 {} \"2\" ]",
      "p < 40 [ 0001 ] 50 [ 0002 ]",
      "s < 32 [ 'x' 0001 {} \"1\" ] 34 [ 'x' 0002 {} \"2\" ]",
      "s2 resumes",
      "s told e0 8e",
      "s2 < 3a [ 'x' 0001 {} \"1\" ] 3c [ 'x' 0002 {} \"2\" ]",
    ],
  },
  {
    name: "A takeover of a clean session finds none [MQTT-3.1.2-6]",
    versions: [4],
    steps: ["s connects", "s2 connects durable", "s closed"],
  },
]);
