import { ALL_VERSIONS, conversationTests } from "./conversation.ts";

const WATCHER = ["s connects", "s > 82 [ 0001 {} 'w' 02 ]", "s < 90 [ 0001 {} 02 ]"];
/** Clean Start, Will "gone" to "w" with QoS 0. */
const WITH_WILL = ["a > 10 [ @ 06 000a {} 'a' {} 'w' 'gone' ]", "a < 20 [ 00 00 { LIMITS } ]"];
const WILL = "s < 30 [ 'w' {} \"gone\" ]";

conversationTests([
  {
    name: "The Will is published when the connection is lost [MQTT-3.1.2-8]",
    versions: ALL_VERSIONS,
    steps: [...WATCHER, ...WITH_WILL, "a drops", WILL],
  },
  {
    name: "DISCONNECT removes the Will [MQTT-3.14.4-3] [MQTT-3.1.2-10]",
    versions: ALL_VERSIONS,
    steps: [...WATCHER, ...WITH_WILL, "a disconnects", "s quiet"],
  },
  {
    name: "DISCONNECT with 0x04 keeps the Will (section 3.14.2.1)",
    versions: [5],
    steps: [...WATCHER, ...WITH_WILL, "a > e0 01 04", "a closed", WILL],
  },
  {
    name: "DISCONNECT with an error keeps the Will [MQTT-3.1.2-8]",
    versions: [5],
    steps: [...WATCHER, ...WITH_WILL, "a > e0 01 80", "a closed", WILL],
  },
  {
    name: "The Will is published when Keep Alive has passed [MQTT-3.1.2-22]",
    versions: ALL_VERSIONS,
    steps: [...WATCHER, ...WITH_WILL, "14.9 s pass", "s quiet", "0.6 s pass", WILL, "a told e0 8d"],
  },
  {
    name: "The Will is published when the client sends what is malformed [MQTT-3.1.2-8]",
    versions: ALL_VERSIONS,
    steps: [...WATCHER, ...WITH_WILL, "a > 36 00", WILL, "a told e0 81"],
  },
  {
    name: "The Will is published when the session is taken over [MQTT-3.1.2-8]",
    versions: ALL_VERSIONS,
    steps: [...WATCHER, ...WITH_WILL, "a2 connects", WILL, "a told e0 8e"],
  },
  {
    name: "The Will is published once [MQTT-3.1.2-10]",
    versions: ALL_VERSIONS,
    steps: [...WATCHER, ...WITH_WILL, "a drops", WILL, "a2 connects durable", "a2 drops", "a3 resumes", "s quiet"],
  },
  {
    name: "A CONNECT that is refused publishes no Will",
    versions: [4],
    steps: [...WATCHER, "a > 10 [ @ 04 000a '' 'w' 'gone' ]", "a < 20 02 00 02", "a closed", "s quiet"],
  },
  {
    name: "The Will has its QoS and is answered as any message [MQTT-3.1.2-12]",
    versions: ALL_VERSIONS,
    steps: [
      ...WATCHER,
      "a > 10 [ @ 16 0000 {} 'a' {} 'w' 'gone' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "a drops",
      "s < 34 [ 'w' 0001 {} \"gone\" ]",
    ],
  },
  {
    name: "A Will with Will Retain is kept [MQTT-3.1.2-15]",
    versions: ALL_VERSIONS,
    steps: [
      "a > 10 [ @ 26 0000 {} 'a' {} 'w' 'gone' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "a drops",
      "s connects",
      "s > 82 [ 0001 {} 'w' 00 ]",
      "s < 90 [ 0001 {} 00 ] 31 [ 'w' {} \"gone\" ]",
    ],
  },
  {
    name: "A Will without Will Retain is not kept [MQTT-3.1.2-14]",
    versions: ALL_VERSIONS,
    steps: [...WITH_WILL, "a drops", ...WATCHER],
  },
  {
    name: "A Will with an empty payload and Will Retain removes the retained message [MQTT-3.3.1-6]",
    versions: ALL_VERSIONS,
    steps: [
      "p connects",
      "p > 31 [ 'w' {} \"here\" ]",
      "p quiet",
      "a > 10 [ @ 26 0000 {} 'a' {} 'w' '' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "a drops",
      ...WATCHER,
    ],
  },
  {
    name: "The Will goes out with its properties (section 3.1.3.2)",
    versions: [5],
    steps: [
      ...WATCHER,
      "a > 10 [ @ 06 0000 {} 'a' { 01 01 02 0000000a 03 'text' 08 'r' 09 'c' 26 'k' 'v' } 'w' 'gone' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "a drops",
      "s < 30 [ 'w' { 01 01 02 0000000a 03 'text' 08 'r' 09 'c' 26 'k' 'v' } \"gone\" ]",
    ],
  },
  {
    name: "The Will waits for its Will Delay Interval [MQTT-3.1.2-8]",
    versions: [5],
    steps: [
      ...WATCHER,
      "a > 10 [ @ 06 0000 { 11 00000064 } 'a' { 18 0000000a } 'w' 'gone' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "a drops",
      "9.9 s pass",
      "s quiet",
      "0.1 s pass",
      WILL,
    ],
  },
  {
    name:
      "A Will that has come after its delay does not come again when its session ends or is resumed [MQTT-3.1.2-10]",
    versions: [5],
    steps: [
      ...WATCHER,
      ...["a", "b"].flatMap((client) => [
        `${client} > 10 [ @ 06 0000 { 11 00000064 } '${client}' { 18 0000000a } 'w' 'gone' ]`,
        `${client} < 20 [ 00 00 { LIMITS } ]`,
        `${client} drops`,
      ]),
      "10 s pass",
      WILL,
      WILL,
      "a2 > 10 [ @ 00 0000 {} 'a' ]",
      "a2 < 20 [ 01 00 { LIMITS } ]",
      "a2 drops",
      "100 s pass",
      "b2 > 10 [ @ 00 0000 {} 'b' ]",
      "b2 < 20 [ 00 00 { LIMITS } ]",
      "s quiet",
    ],
  },
  {
    name: "A client that is back before the Will Delay Interval has passed publishes no Will [MQTT-3.1.3-9]",
    versions: [5],
    steps: [
      ...WATCHER,
      "a > 10 [ @ 06 0000 { 11 00000064 } 'a' { 18 0000000a } 'w' 'gone' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "a drops",
      "9 s pass",
      "a2 > 10 [ @ 00 0000 { 11 00000064 } 'a' ]",
      "a2 < 20 [ 01 00 { LIMITS } ]",
      "200 s pass",
      "a2 drops",
      "s quiet",
    ],
  },
  {
    name: "The Will is published when the session ends before its Will Delay Interval [MQTT-3.1.2-8]",
    versions: [5],
    steps: [
      ...WATCHER,
      "a > 10 [ @ 06 0000 { 11 00000005 } 'a' { 18 0000000a } 'w' 'gone' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "a drops",
      "4.9 s pass",
      "s quiet",
      "0.1 s pass",
      WILL,
      "10 s pass",
      "s quiet",
    ],
  },
  {
    name: "A Will Delay Interval longer than a session that ends at once does not delay [MQTT-3.1.2-8]",
    versions: [5],
    steps: [
      ...WATCHER,
      "a > 10 [ @ 06 0000 {} 'a' { 18 0000000a } 'w' 'gone' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "a drops",
      WILL,
    ],
  },
  {
    name: "Clean Start ends the session, and so publishes a Will that waits [MQTT-3.1.2-8]",
    versions: [5],
    steps: [
      ...WATCHER,
      "a > 10 [ @ 06 0000 { 11 00000064 } 'a' { 18 0000000a } 'w' 'gone' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "a drops",
      "a2 connects",
      WILL,
    ],
  },
  {
    name: "A takeover within the session keeps a Will with Will Delay Interval back [MQTT-3.1.3-9]",
    versions: [5],
    steps: [
      ...WATCHER,
      "a > 10 [ @ 06 0000 { 11 00000064 } 'a' { 18 0000000a } 'w' 'gone' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "a2 > 10 [ @ 00 0000 { 11 00000064 } 'a' ]",
      "a2 < 20 [ 01 00 { LIMITS } ]",
      "a told e0 8e",
      "100 s pass",
      "s quiet",
    ],
  },
  {
    name: "The lifetime of a Will begins when it is published (section 3.1.3.2.4)",
    versions: [5],
    steps: [
      ...WATCHER,
      "a > 10 [ @ 06 0000 { 11 00000064 } 'a' { 18 0000000a 02 00000005 } 'w' 'gone' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "a drops",
      "10 s pass",
      "s < 30 [ 'w' { 02 00000005 } \"gone\" ]",
    ],
  },
  {
    name: "A Will cannot go to a topic of the server: $SYS/ (section 4.7.2)",
    versions: ALL_VERSIONS,
    steps: [
      "s connects",
      "s > 82 [ 0001 {} '$SYS/#' 00 ]",
      "s < 90 [ 0001 {} 00 ]",
      "a > 10 [ @ 06 0000 {} 'a' {} '$SYS/x' 'gone' ]",
      (conversation) => conversation.client("a").takePacket(), // Refused at once or not.
      "a drops",
      "s quiet",
    ],
  },
  {
    name: "A Will whose topic has too many levels is refused or not published, as PUBLISH would be",
    versions: ALL_VERSIONS,
    limits: { maximumTopicLevels: 2 },
    steps: [
      "s connects",
      "s > 82 [ 0001 {} 'w/#' 00 ]",
      "s < 90 [ 0001 {} 00 ]",
      "a > 10 [ @ 06 0000 {} 'a' {} 'w/1/2' 'gone' ]",
      "s quiet",
      "a drops",
      "s quiet",
    ],
  },
]);
