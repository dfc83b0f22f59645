/**
 * The bridge bit: bridges of 3.1 and 3.1.1 set the upper bit of the Protocol Level, and the broker then does for each of
 * their subscriptions what MQTT 5 calls No Local and Retain As Published. mosquitto has it so; no specification does.
 */

import { conversationTests, type Row } from "./conversation.ts";

const LEVELS = [
  { version: 3, protocol: "'MQIsdp' 83" },
  { version: 4, protocol: "'MQTT' 84" },
] as const;

conversationTests(LEVELS.flatMap(({ version, protocol }): Row[] => {
  const versions = [version];
  const connects = (name: string, flags = "02", sessionPresent = "00") => [
    `${name} > 10 [ ${protocol} ${flags} 0000 'bridge' ]`,
    `${name} < 20 02 ${sessionPresent} 00`,
  ];
  const subscribes = (name: string) => [`${name} > 82 [ 0001 '#' 01 ]`, `${name} < 90 [ 0001 01 ]`];
  return [
    {
      name: "A bridge does not get its own messages, others do",
      versions,
      steps: [
        ...connects("b"),
        ...subscribes("b"),
        "s connects",
        ...subscribes("s"),
        "b > 32 [ 'x' 0001 \"1\" ] 30 [ 'y' \"2\" ]",
        "b < 40 02 0001",
        "s < 32 [ 'x' 0001 \"1\" ] 30 [ 'y' \"2\" ]",
        "s > 40 02 0001",
        "b quiet",
        "s > 30 [ 'x' \"3\" ]",
        "s < 30 [ 'x' \"3\" ]",
        "b < 30 [ 'x' \"3\" ]",
      ],
    },
    {
      name: "A bridge gets RETAIN as it was published, and retained messages as anybody",
      versions,
      steps: [
        "p connects",
        "p > 31 [ 'kept' \"1\" ]",
        "p quiet",
        ...connects("b"),
        "b > 82 [ 0001 '#' 01 ]",
        "b < 90 [ 0001 01 ] 31 [ 'kept' \"1\" ]",
        "p > 31 [ 'x' \"2\" ] 30 [ 'x' \"3\" ] 31 [ 'x' ]",
        "b < 31 [ 'x' \"2\" ] 30 [ 'x' \"3\" ] 31 [ 'x' ]",
      ],
    },
    {
      name: "The subscriptions of a bridge stay what they are with its session",
      versions,
      steps: [
        ...connects("b", "00"),
        ...subscribes("b"),
        "b drops",
        "p connects",
        "p > 33 [ 'x' 0001 \"1\" ]",
        "p < 40 02 0001",
        ...connects("b2", "00", version === 3 ? "00" : "01"),
        "b2 < 33 [ 'x' 0001 \"1\" ]",
        "b2 > 40 02 0001 32 [ 'y' 0001 \"2\" ]",
        "b2 < 40 02 0001",
      ],
    },
    {
      name: "A bridge may share a subscription, though No Local and shared exclude each other in MQTT 5",
      versions,
      steps: [
        ...connects("b"),
        "b > 82 [ 0001 '$share/bridges/x' 00 ]",
        "b < 90 [ 0001 00 ]",
        "p connects",
        "p > 30 [ 'x' \"1\" ]",
        "b < 30 [ 'x' \"1\" ]",
      ],
    },
    {
      name: "A bridge tells its state where only the server publishes otherwise, with its Will too",
      versions,
      steps: [
        "s connects",
        "s > 82 [ 0001 '$SYS/broker/connection/+/state' 01 ]",
        "s < 90 [ 0001 01 ]",
        `b > 10 [ ${protocol} 2e 0000 'bridge' '$SYS/broker/connection/bridge/state' '0' ]`,
        "b < 20 02 00 00",
        "b > 33 [ '$SYS/broker/connection/bridge/state' 0001 \"1\" ] 32 [ '$SYS/broker/uptime' 0002 \"1\" ]",
        "b < 40 02 0001 40 02 0002",
        "s < 32 [ '$SYS/broker/connection/bridge/state' 0001 \"1\" ]",
        "s > 40 02 0001",
        "b drops",
        "s < 32 [ '$SYS/broker/connection/bridge/state' 0002 \"0\" ]",
        "s > 40 02 0002 a2 [ 0003 '$SYS/broker/connection/+/state' ] 82 [ 0004 '$SYS/#' 00 ]",
        "s < b0 02 0003 90 [ 0004 00 ] 31 [ '$SYS/broker/connection/bridge/state' \"0\" ]",
      ],
    },
    {
      name: "A bridge has no more than 20 messages in flight, because mosquitto 2.0 loses what is beyond",
      versions,
      steps: [
        ...connects("b"),
        "b > 82 [ 0001 'x' 02 ]",
        "b < 90 [ 0001 02 ]",
        "p connects v5",
        ...numbers(22).flatMap((n) => [`p > 32 [ 'x' 00${n} {} ]`, `p < 40 [ 00${n} ]`]),
        ...numbers(20).map((n) => `b < 32 [ 'x' 00${n} ]`),
        "b quiet",
        "b > 40 02 0001",
        "b < 32 [ 'x' 0015 ]",
        "b > 40 02 0002",
        "b < 32 [ 'x' 0016 ]",
        "b quiet",
      ],
    },
  ];
}));

conversationTests([{
  name: "The bridge bit says nothing in MQTT 5, where a bridge says so in SUBSCRIBE",
  versions: [5],
  steps: [
    "b > 10 [ 'MQTT' 85 02 0000 {} 'bridge' ]",
    "b < 20 [ 00 00 { LIMITS } ]",
    "b > 82 [ 0001 {} 'x' 00 ]",
    "b < 90 [ 0001 {} 00 ]",
    "b > 31 [ 'x' {} \"1\" ]",
    "b < 30 [ 'x' {} \"1\" ]",
  ],
}]);

/** From 1, as bytes in hex. */
function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, index) => (index + 1).toString(16).padStart(2, "0"));
}
