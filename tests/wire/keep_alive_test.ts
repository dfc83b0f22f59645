import { ALL_VERSIONS, conversationTests } from "./conversation.ts";

conversationTests([
  {
    name: "CONNECT must be complete when connectTimeoutMs has passed, however its bytes come",
    versions: ALL_VERSIONS,
    limits: { connectTimeoutMs: 10_000 },
    steps: [
      "b connects",
      "a > 10",
      "5 s pass",
      "a > 20 00",
      "4.9 s pass",
      "a > 04",
      "b quiet",
      "100 ms pass",
      "a closed",
      "b quiet",
    ],
  },
  {
    name:
      "One and a half times Keep Alive without a packet ends the connection within 500 ms, MQTT 5 is told 0x8D [MQTT-3.1.2-22]",
    versions: ALL_VERSIONS,
    steps: [
      "a > 10 [ @ 02 000a {} 'a' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "14.9 s pass",
      "a quiet",
      "14.9 s pass",
      "a > 30 [ 'x' {} ]", // Any packet will do.
      "a quiet",
      "15.5 s pass",
      "a told e0 8d",
    ],
  },
  {
    name: "A packet that comes in parts keeps the connection alive: a large one may take long",
    versions: ALL_VERSIONS,
    steps: [
      "a > 10 [ @ 02 000a {} 'a' ]",
      "a < 20 [ 00 00 { LIMITS } ]",
      "b connects",
      "10 s pass",
      "a > 30",
      "b quiet",
      "14 s pass",
      "a > 04 'x'",
      "b quiet",
      "14 s pass",
      (conversation) => conversation.run(conversation.version === 5 ? "a > 00" : 'a > "1"'),
      "a quiet",
      "15.5 s pass",
      "a told e0 8d",
    ],
  },
  {
    name: "Keep Alive 0 turns it off (section 3.1.2.10)",
    versions: ALL_VERSIONS,
    steps: ["a connects", "100000 s pass", "a quiet"],
  },
  {
    name: "Server Keep Alive holds for the client [MQTT-3.2.2-21]",
    versions: [5],
    limits: { maximumKeepAliveSeconds: 10 },
    steps: [
      "a > 10 [ @ 02 003c {} 'a' ]",
      "a < 20 [ 00 00 { 13 000a LIMITS } ]",
      "14.9 s pass",
      "a quiet",
      "15.5 s pass",
      "a told e0 8d",
    ],
  },
  {
    name: "Keep Alive before MQTT 5 is what the client asked for, whatever the limit",
    versions: [3, 4],
    limits: { maximumKeepAliveSeconds: 10 },
    steps: ["a > 10 [ @ 02 003c 'a' ]", "a < 20 02 00 00", "89 s pass", "a quiet", "90.5 s pass", "a closed"],
  },
]);
