import { conversationTests, converse } from "./conversation.ts";

conversationTests([
  {
    name: "A Password without a User Name is refused without a word [MQTT-3.1.2-22 of 3.1.1]",
    versions: [3, 4],
    steps: ["a > 10 [ @ 42 0000 'a' 'pw' ]", "a closed"],
  },
  {
    name: "What no return code can say ends the connection without CONNACK [MQTT-3.2.2-6 of 3.1.1]",
    versions: [4],
    limits: { maximumTopicLevels: 2 },
    steps: ["a > 10 [ @ 06 0000 'a' 'w/1/2' 'gone' ]", "a closed"],
  },
  {
    name: "Clean Session 1 on a session of Clean Session 0 begins a new one, and keeps nothing [MQTT-3.1.2-6 of 3.1.1]",
    versions: [3, 4],
    steps: [
      "s connects durable",
      "s > 82 [ 0001 'x' 01 ]",
      "s < 90 [ 0001 01 ]",
      "s > 32 [ 'x' 0001 \"1\" ]",
      "s < 32 [ 'x' 0001 \"1\" ] 40 [ 0001 ]",
      "s drops",
      "s2 connects",
      "s2 > 82 [ 0001 'y' 01 ]",
      "s2 < 90 [ 0001 01 ]",
      "s2 drops",
      "s3 connects durable",
      "s3 > 30 [ 'x' ] 30 [ 'y' ]",
    ],
  },
  {
    name: "A session of Clean Session 0 is there whether the connection was lost or not [MQTT-3.1.2-4 of 3.1.1]",
    versions: [4],
    steps: [
      "s connects durable",
      "s > 82 [ 0001 'x' 01 ]",
      "s < 90 [ 0001 01 ]",
      "s disconnects",
      "p connects",
      "p > 32 [ 'x' 0001 \"1\" ]",
      "p < 40 [ 0001 ]",
      "s2 resumes",
      "s2 < 32 [ 'x' 0001 \"1\" ]",
      "s2 drops",
      "s3 resumes",
      "s3 < 3a [ 'x' 0001 \"1\" ]",
    ],
  },
  {
    name:
      "SUBACK has 0x80 for what is refused, and the QoS that is granted else [MQTT-3.9.3-2 of 3.1.1] [MQTT-3.8.4-5 of 3.1.1]",
    versions: [4],
    limits: { maximumSubscriptions: 3 },
    steps: [
      "s connects",
      "s > 82 [ 0001 'a' 00 'b' 01 'c' 02 'd' 02 ]",
      "s < 90 [ 0001 00 01 02 80 ]",
    ],
  },
]);

for (
  const [publish, answer] of [["32 [ 'x' 0001 ]", "40 [ 0001 ]"], [
    "34 [ 'x' 0002 ] 62 [ 0002 ]",
    "50 [ 0002 ] 70 [ 0002 ]",
  ]]
) {
  Deno.test(`A PUBLISH that is not allowed is answered with ${answer} and goes to nobody [MQTT-3.3.5-2 of 3.1.1] v4`, () =>
    converse(
      4,
      { authorizer: { authorize: ({ action }) => action === "subscribe" } },
      (conversation) =>
        conversation.run(
          "s connects",
          "s > 82 [ 0001 'x' 02 ]",
          "s < 90 [ 0001 02 ]",
          "p connects",
          `p > ${publish}`,
          `p < ${answer}`,
          "s quiet",
        ),
    ));
}
