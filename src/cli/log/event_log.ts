import type { BrokerEvent } from "../../broker/events.ts";
import type { BrokerOptions } from "../../broker/options.ts";
import type { LogArea, LogType } from "../config/logging_settings.ts";
import { helpOf } from "../../broker/event_help.ts";
import { eventLines, shownUserName } from "../../broker/event_lines.ts";
import { packetLines, subscriptionLines } from "./packet_lines.ts";
import type { Log, LogFields } from "./log.ts";
import type { SummarizedLog } from "./summarized_log.ts";

const PACKETS = { area: "packets" } as const;
/** Events that each of many clients can cause once. */
const TOLD_ONCE_A_CLIENT: ReadonlySet<BrokerEvent["kind"]> = new Set([
  "retainedRefused",
  "clientBehind",
  "subscriptionRefused",
]);

/** Log, and summarized logs for lines that clients can cause. */
export interface Logs {
  readonly log: Log;
  /** Log of events that any client can cause. */
  readonly refusals: SummarizedLog;
  /** Log of denials, kept apart: clients that may connect do not hide those that may not. */
  readonly denials: SummarizedLog;
  /** Log of errors: a webhook that cannot be reached causes one for each client. */
  readonly errors: SummarizedLog;
}

/** Logs the events of a broker. */
export function eventLog(logs: Logs): (event: BrokerEvent) => void {
  const { log } = logs;
  return (event) => {
    const type = typeOf(event);
    if (!log.has(type, areaOf(event))) return;
    const [first, ...details] = eventLines(event, log.hasConnectionMessages);
    if (first === undefined) return;
    const fields = fieldsOf(event);
    (summaryOf(event, logs) ?? log).line(first, type, { ...fields, help: helpOf(event) });
    for (const line of details) log.line(line, "debug", fields); // mosquitto does so too.
  };
}

/** Logs packets, if the current log writes any: an event for each packet costs much of the speed. */
export function packetLog(log: Log): Pick<BrokerOptions, "onPacket"> {
  if (!log.tellsOfPackets) return {};
  return {
    onPacket: (event) => {
      if (log.has("debug", "packets")) { for (const line of packetLines(event)) log.line(line, "debug", PACKETS); }
      const { type } = event.packet;
      if (event.direction === "sent" || (type !== "subscribe" && type !== "unsubscribe")) return;
      if (log.has(type, "packets")) { for (const line of subscriptionLines(event)) log.line(line, type, PACKETS); }
    },
  };
}

/** Summarized log of an event that clients can cause without limit. */
function summaryOf(event: BrokerEvent, { log, refusals, denials, errors }: Logs): SummarizedLog | undefined {
  if (areaOf(event) === "access") return denials;
  if (event.kind === "unexpectedError") return errors;
  if (TOLD_ONCE_A_CLIENT.has(event.kind)) return refusals;
  return isRefusal(event, log) ? refusals : undefined;
}

/** Whether clients can cause the event without limit; if all connections are logged it is just one of those lines. */
function isRefusal({ kind }: BrokerEvent, log: Log): boolean {
  if (kind === "connectionRefused") return true; // No other line tells of such a connection.
  if (log.hasConnectionMessages) return false;
  return kind === "connectionClosed" || kind === "transportViolation";
}

function typeOf({ kind }: BrokerEvent): LogType {
  switch (kind) {
    case "commitFailed":
    case "storageLost":
    case "readFailed":
    case "unexpectedError":
      return "error";
    case "messagesDropped":
    case "retainedRefused":
    case "subscriptionRefused":
    case "wallClockSet":
    case "stoodStill":
    case "clientBehind":
      return "warning";
    default:
      return "notice";
  }
}

function areaOf({ kind }: BrokerEvent): LogArea {
  switch (kind) {
    case "accessDenied":
    case "willDenied":
    case "retainedWithheld":
    case "subscriptionLost":
      return "access";
    case "messagesDropped":
    case "retainedRefused":
    case "subscriptionRefused":
    case "clientBehind":
      return "delivery";
    case "commitFailed":
    case "storageLost":
    case "readFailed":
      return "storage";
    case "unexpectedError":
    case "wallClockSet":
    case "stoodStill":
      return "program";
    default:
      return "connections";
  }
}

function fieldsOf(event: BrokerEvent): LogFields {
  return {
    event: event.kind,
    area: areaOf(event),
    ..."peer" in event ? { address: event.peer.address, listener: event.peer.listener } : {},
    ..."clientId" in event ? { clientId: event.clientId } : {},
    ..."reasonCode" in event ? { reasonCode: event.reasonCode } : {},
    ..."principal" in event ? { principal: event.principal && shownUserName(event.principal) } : {},
    ..."action" in event ? { action: event.action } : {},
    ..."topic" in event ? { topic: event.topic, qos: event.qos } : {},
    ..."topicFilter" in event ? { topicFilter: event.topicFilter } : {},
  };
}
