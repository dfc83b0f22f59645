import type { BrokerOptions } from "../broker/broker_options.ts";
import type { BrokerEvent, PacketEvent } from "../broker/events.ts";
import type { LogArea, LogType } from "./config/logging_schema.ts";
import { eventLines, packetLines } from "./event_lines.ts";
import type { Log, LogFields, LogLine } from "./log.ts";
import { summarizedLog } from "./summarized_log.ts";

const PACKETS = { area: "packets" } as const;

/** How a broker tells what happens to the log. @param refusals for what any client can cause */
export function eventLog(log: Log, refusals: LogLine): Pick<BrokerOptions, "onEvent" | "onPacket"> {
  const denials = summarizedLog(log.line); // Of its own: clients that may connect do not hide those that may not.
  const onEvent = (event: BrokerEvent) => {
    const type = typeOf(event);
    if (!log.has(type, areaOf(event))) return;
    const fields = fieldsOf(event);
    const write = event.kind === "accessDenied" ? denials : isRefusal(event, log) ? refusals : log.line;
    for (const line of eventLines(event, log.hasConnectionMessages)) write(line, type, fields);
  };
  const onPacket = (event: PacketEvent) => {
    const type = packetType(event, log);
    if (type !== undefined) { for (const line of packetLines(event)) log.line(line, type, PACKETS); }
  };
  // Being told of every packet costs much of the speed: only where somebody reads it.
  return log.tellsOfPackets ? { onEvent, onPacket } : { onEvent };
}

/** `undefined`: it is not told. */
function packetType({ direction, packet: { type } }: PacketEvent, log: Log): LogType | undefined {
  if (log.has("debug", "packets")) return "debug";
  if (direction === "sent" || (type !== "subscribe" && type !== "unsubscribe")) return undefined;
  return log.has(type, "packets") ? type : undefined;
}

/** Whether clients can cause as many as they want; with lines for all that come and go it is one of them. */
function isRefusal({ kind }: BrokerEvent, log: Log): boolean {
  if (log.hasConnectionMessages) return false;
  return kind === "connectionClosed" || kind === "connectionRefused" || kind === "transportViolation";
}

function typeOf({ kind }: BrokerEvent): LogType {
  switch (kind) {
    case "commitFailed":
    case "readFailed":
    case "unexpectedError":
      return "error";
    case "messagesDropped":
      return "warning";
    default:
      return "notice";
  }
}

function areaOf({ kind }: BrokerEvent): LogArea {
  switch (kind) {
    case "accessDenied":
      return "access";
    case "messagesDropped":
      return "delivery";
    case "commitFailed":
    case "readFailed":
      return "storage";
    case "unexpectedError":
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
    ...event.kind === "accessDenied"
      ? { principal: event.principal, action: event.action, topic: event.topic, qos: event.qos }
      : {},
  };
}
