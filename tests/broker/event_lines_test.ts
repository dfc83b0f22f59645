import { assertEquals } from "@std/assert";
import type { BrokerEvent } from "../../mod.ts";
import { authenticationRequest } from "../auth/authentication_request.ts";
import { eventLines } from "../../src/broker/event_lines.ts";

const PEER = { transport: "tcp", address: "192.0.2.1:4711", listener: "mqtt://0.0.0.0:1883" };
const DENIED = { kind: "accessDenied", peer: PEER, clientId: "c", qos: 1, retain: false } as const;

const NOT_RETAINED = {
  kind: "retainedRefused",
  clientId: "c",
  principal: undefined,
  topic: "a/b",
  qos: 0,
} as const;
const CONNECTED = { kind: "clientConnected", peer: PEER, clientId: "c", keepAliveSeconds: 60 } as const;
const { connect } = authenticationRequest({ userName: "a.secret.token" });

const ROWS: readonly (readonly [name: string, event: BrokerEvent, lines: string[]])[] = [
  [
    "a PUBLISH that is denied",
    { ...DENIED, action: "publish", topic: "a/b", principal: "ann" },
    ["Denied PUBLISH from c (q1, r0, u'ann', 'a/b')."],
  ],
  [
    "a SUBSCRIBE that is denied to nobody known",
    { ...DENIED, action: "subscribe", topic: "a/#", principal: undefined },
    ["Denied SUBSCRIBE from c (q1, 'a/#')."],
  ],
  [
    "a client whose user name is a token by its principal",
    { ...CONNECTED, connect, principal: "ann" },
    ["New client connected from 192.0.2.1:4711 as c (p5, c1, k60, u'ann').", "No will message specified."],
  ],
  [
    "a client without a principal by its user name",
    { ...CONNECTED, connect: { ...connect, userName: "bob" }, principal: undefined },
    ["New client connected from 192.0.2.1:4711 as c (p5, c1, k60, u'bob').", "No will message specified."],
  ],
  [
    "a client that reads too slowly, with the limit",
    { kind: "clientBehind", clientId: "c\n", isConnected: true, limit: "maximumBacklogBytes", value: 67_108_864 },
    [
      "Client c\\u{a} does not take its messages as fast as they come: some are dropped (maximumBacklogBytes, which is " +
      "67108864, may be raised).",
    ],
  ],
  [
    "a client that is away for too long, with the limit",
    { kind: "clientBehind", clientId: "c", isConnected: false, limit: "maximumQueuedMessages", value: 1_000 },
    ["Client c is away, and its queue is full: some are dropped (maximumQueuedMessages, which is 1000, may be raised)."],
  ],
  [
    "a subscription above a limit, with the limit",
    {
      kind: "subscriptionRefused",
      clientId: "c",
      principal: "ann",
      topicFilter: "a/\n",
      limit: "maximumSubscriptions",
      value: 100_000,
    },
    [
      "Refused the subscription of c (u'ann') to 'a/\\u{a}': it exceeds maximumSubscriptions, which is 100000 and may be " +
      "raised. Others of this client are not logged.",
    ],
  ],
  [
    "a wall clock that was set back",
    { kind: "wallClockSet", byMs: -7_199_960 },
    ["The wall clock was set back by 7200.0 s."],
  ],
  [
    "a wall clock that was set forward",
    { kind: "wallClockSet", byMs: 1_500 },
    ["The wall clock was set forward by 1.5 s, or the machine slept."],
  ],
  [
    "a broker that stood still",
    { kind: "stoodStill", ms: 30_040 },
    ["The broker stood still for 30.0 s: it was stopped, or the machine is overloaded."],
  ],
  [
    "a Will that is denied when it is due",
    { kind: "willDenied", clientId: "c\n", qos: 0, retain: true, topic: "a/b", principal: "ann" },
    ["Denied the Will of c\\u{a} (q0, r1, u'ann', 'a/b')."],
  ],
  [
    "a topic that is long, by its beginning",
    { ...DENIED, action: "publish", topic: "a".repeat(65_535), principal: undefined },
    [`Denied PUBLISH from c (q1, r0, '${"a".repeat(1_000)}... (65535 characters)').`],
  ],
  [
    "a retained message that is withheld",
    { kind: "retainedWithheld", clientId: "c", qos: 1, topic: "a/b", principal: undefined },
    ["Withheld the retained message of c (q1, 'a/b'): its publisher may not publish it any more."],
  ],
  [
    "what the bounds of sessions refused",
    {
      kind: "sessionsFull",
      clients: 3,
      subscriptions: 2,
      messages: 1,
      limit: "maximumSessionsPerAddress",
      clientId: "c",
      principal: undefined,
      network: "192.0.2.1",
    },
    [
      "Sessions are at their bound: 3 clients, 2 subscriptions and 1 messages were refused, the last one of c (192.0.2.1), " +
      "for the limit maximumSessionsPerAddress is reached.",
    ],
  ],
  [
    "a message that could not be retained",
    { ...NOT_RETAINED, obstacle: "maximumRetainedBytes", isDelivered: true },
    [
      "Delivered but did not retain the message of c (q0, r1, 'a/b'): the limit maximumRetainedBytes is reached. " +
      "Others of this client are only counted.",
    ],
  ],
  [
    "a message that was refused because it could not be retained",
    { ...NOT_RETAINED, obstacle: "storage", isDelivered: false },
    [
      "Refused the message of c (q0, r1, 'a/b'): the storage has too much to do. " +
      "Others of this client are only counted.",
    ],
  ],
  [
    "a subscription of a client whose principal is a token",
    { kind: "subscriptionLost", peer: PEER, clientId: "c", principal: "eyJh.e30.c2ln", topicFilter: "a/#" },
    ["Ended the subscription of c (u'(token)') to 'a/#': the rules do not allow it any more."],
  ],
  [
    "a subscription that has ended",
    { kind: "subscriptionLost", peer: PEER, clientId: "c", principal: "ann\r", topicFilter: "a/#" },
    ["Ended the subscription of c (u'ann\\u{d}') to 'a/#': the rules do not allow it any more."],
  ],
  [
    "a connection over WebSocket, whose listener has a path",
    { kind: "connectionOpened", peer: { ...PEER, listener: "ws://[::]:8083/mqtt" } },
    ["New connection from 192.0.2.1:4711 on port 8083."],
  ],
  [
    "a connection over a socket without port",
    { kind: "connectionOpened", peer: { ...PEER, listener: "unix:/run/brooklet" } },
    ["New connection from 192.0.2.1:4711 on port unix:/run/brooklet."],
  ],
];

for (const [name, event, lines] of ROWS) {
  Deno.test(`The log tells of ${name}`, () => assertEquals(eventLines(event, true), lines));
}
