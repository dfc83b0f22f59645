import { assertEquals } from "@std/assert";
import type { BrokerEvent, PacketEvent } from "../../mod.ts";
import { NO_PROPERTIES } from "../../src/codec/mod.ts";
import { authenticationRequest } from "../auth/authentication_request.ts";
import { eventLog, packetLog } from "../../src/cli/log/event_log.ts";
import { LOG_TYPES, loggingSchema, type LogType } from "../../src/cli/config/logging_settings.ts";
import { Log } from "../../src/cli/log/log.ts";
import { processIo } from "../../src/cli/program_io.ts";
import { SummarizedLog } from "../../src/cli/log/summarized_log.ts";

const PEER = { transport: "tcp", address: "192.0.2.1:4711", listener: "mqtt://0.0.0.0:1883" };
const { connect } = authenticationRequest({});
const CONNECTED: BrokerEvent = {
  kind: "clientConnected",
  peer: PEER,
  clientId: "c",
  principal: undefined,
  connect: { ...connect, protocolVersion: 4 },
  keepAliveSeconds: 60,
};
const OPTIONS = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
const SUBSCRIBED: PacketEvent = {
  direction: "received",
  peer: PEER,
  clientId: "c",
  protocolVersion: 4,
  packet: {
    type: "subscribe",
    packetIdentifier: 1,
    subscriptions: [{ topicFilter: "a/+", ...OPTIONS }, { topicFilter: "b", ...OPTIONS, qos: 0 }],
    properties: NO_PROPERTIES,
  },
};
const UNSUBSCRIBED: PacketEvent = {
  ...SUBSCRIBED,
  packet: { type: "unsubscribe", packetIdentifier: 2, topicFilters: ["b"], properties: NO_PROPERTIES },
};

const CONNECTED_LINE = "N New client connected from 192.0.2.1:4711 as c (p4, c1, k60).";
const SUBSCRIPTION_LINES = ["M/subscribe c 1 a/+", "M/subscribe c 0 b", "M/unsubscribe c b"];

const ROWS: readonly (readonly [types: readonly LogType[], lines: string[]])[] = [
  [["error", "warning", "notice", "information"], [CONNECTED_LINE]],
  [["notice", "debug"], [CONNECTED_LINE]],
  [["subscribe"], SUBSCRIPTION_LINES.slice(0, 2)],
  [LOG_TYPES, [CONNECTED_LINE, ...SUBSCRIPTION_LINES]],
];

for (const [types, lines] of ROWS) {
  Deno.test(`$SYS/broker/log tells of clients and subscriptions as mosquitto's does, with ${types.join(", ")}`, () => {
    const told: string[] = [];
    const configuration = { types: [...types], connectionMessages: true, timestamps: false, destinations: ["topic"] };
    const log = new Log(loggingSchema.parse(configuration), processIo());
    log.onTopic = (severity, line) => told.push(`${severity} ${line}`);
    const unlimited = new SummarizedLog(log.line);
    eventLog({ log, refusals: unlimited, denials: unlimited, errors: unlimited })(CONNECTED);
    for (const event of [SUBSCRIBED, UNSUBSCRIBED]) packetLog(log).onPacket?.(event);
    unlimited.close();
    assertEquals(told, lines);
  });
}
