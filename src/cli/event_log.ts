import type { BrokerOptions } from "../broker/broker_options.ts";
import type { BrokerEvent, PacketEvent } from "../broker/events.ts";
import type { LogType } from "./config/logging_schema.ts";
import { eventLines, packetLines } from "./event_lines.ts";
import type { Log, LogFields, LogLine } from "./log.ts";

/** How a broker tells what happens to the log. @param refusals for what any client can cause */
export function eventLog(log: Log, refusals: LogLine): Pick<BrokerOptions, "onEvent" | "onPacket"> {
  const onEvent = (event: BrokerEvent) => {
    const lines = eventLines(event, log.hasConnectionMessages);
    const write = isRefusal(event) && !log.hasConnectionMessages ? refusals : log.line;
    for (const line of lines) write(line, typeOf(event), fieldsOf(event));
  };
  const onPacket = (event: PacketEvent) => {
    const type = packetType(event);
    if (log.has("debug")) { for (const line of packetLines(event)) log.line(line, "debug"); }
    else if (type !== undefined && log.has(type)) { for (const line of packetLines(event)) log.line(line, type); }
  };
  // Being told of every packet costs much of the speed: only where somebody reads it.
  return tellsOfPackets(log) ? { onEvent, onPacket } : { onEvent };
}

/** Whether some kind of line is about packets. */
export function tellsOfPackets({ types }: { readonly types: readonly LogType[] }): boolean {
  return types.some((type) => type === "debug" || type === "subscribe" || type === "unsubscribe");
}

function packetType({ direction, packet }: PacketEvent): LogType | undefined {
  if (direction === "sent") return undefined;
  return packet.type === "subscribe" || packet.type === "unsubscribe" ? packet.type : undefined;
}

function isRefusal({ kind }: BrokerEvent): boolean {
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

function fieldsOf(event: BrokerEvent): LogFields {
  return {
    event: event.kind,
    ..."peer" in event ? { address: event.peer.address, listener: event.peer.listener } : {},
    ..."clientId" in event ? { clientId: event.clientId } : {},
    ..."reasonCode" in event ? { reasonCode: event.reasonCode } : {},
  };
}
