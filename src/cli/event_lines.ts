import type { BrokerEvent, PacketEvent } from "../broker/events.ts";
import type { ConnectPacket, Packet } from "../codec/packet.ts";
import { unreachable } from "../codec/packet.ts";
import { ReasonCode, reasonCodeName } from "../codec/reason_code.ts";
import { printable } from "./log.ts";

/**
 * Lines for an event, in the words of `mosquitto -v`, which people search for. Without `isVerbose` only what an operator
 * should look at.
 */
export function eventLines(event: BrokerEvent, isVerbose: boolean): string[] {
  switch (event.kind) {
    case "connectionOpened":
      return isVerbose ? [`New connection from ${event.peer.address} on port ${portOf(event.peer.listener)}.`] : [];
    case "clientConnected":
      return isVerbose
        ? clientConnectedLines(event.peer.address, event.clientId, event.connect, event.keepAliveSeconds)
        : [];
    case "clientTakenOver":
      return isVerbose ? [`Client ${printable(event.clientId)} already connected, closing old connection.`] : [];
    case "connectionClosed":
      return connectionClosedLines(event, isVerbose);
    case "connectionRefused":
      return [`Connection from ${event.peer.address} refused: ${event.reason}.`];
    case "commitFailed":
      return [
        `Error: changes could not be stored, clients that waited for them are disconnected: ${errorText(event.error)}`,
      ];
    case "unexpectedError":
      return [`Error: ${errorText(event.error)}`];
    default:
      return unreachable(event);
  }
}

/** Lines for a packet, in the words of `mosquitto -v`. Payloads are not shown. */
export function packetLines({ direction, clientId, packet }: PacketEvent): string[] {
  const isReceived = direction === "received";
  if (isReceived && packet.type === "connect") return []; // Said once it is accepted.
  const name = packet.type.toUpperCase();
  const head = isReceived ? `Received ${name} from` : `Sending ${name} to`;
  const facts = packetFacts(packet);
  const line = `${head} ${printable(clientId)}${facts === "" ? "" : ` (${facts})`}`;
  if (packet.type === "subscribe") {
    return [line, ...packet.subscriptions.map(({ topicFilter, qos }) => `\t${printable(topicFilter)} (QoS ${qos})`)];
  }
  if (packet.type === "unsubscribe") {
    return [line, ...packet.topicFilters.map((topicFilter) => `\t${printable(topicFilter)}`)];
  }
  return [line];
}

function clientConnectedLines(
  address: string,
  clientId: string,
  connect: ConnectPacket,
  keepAliveSeconds: number,
): string[] {
  const { protocolVersion, cleanStart, userName, will } = connect;
  const facts = [`p${protocolVersion}`, `c${cleanStart ? 1 : 0}`, `k${keepAliveSeconds}`];
  if (userName !== undefined) facts.push(`u'${printable(userName)}'`);
  const lines = [`New client connected from ${address} as ${printable(clientId)} (${facts.join(", ")}).`];
  if (will === undefined) return [...lines, "No will message specified."];
  lines.push(`Will message specified (${will.payload.length} bytes) (r${will.retain ? 1 : 0}, q${will.qos}).`);
  return [...lines, `\t${printable(will.topic)}`];
}

function connectionClosedLines(
  event: Extract<BrokerEvent, { kind: "connectionClosed" }>,
  isVerbose: boolean,
): string[] {
  const { peer, isByClient, reasonCode, reason } = event;
  const who = event.clientId === "" ? peer.address : printable(event.clientId);
  if (isByClient) {
    const why = reasonCode === ReasonCode.Success ? "" : ` (${reasonCodeName(reasonCode)})`;
    return isVerbose ? [`Client ${who} disconnected${why}.`] : [];
  }
  switch (reasonCode) {
    case ReasonCode.KeepAliveTimeout:
      return isVerbose ? [`Client ${who} has exceeded timeout, disconnecting.`] : [];
    case ReasonCode.UnspecifiedError:
      return isVerbose ? [`Client ${who} closed its connection: ${reason}.`] : [];
    case ReasonCode.SessionTakenOver:
    case ReasonCode.ServerShuttingDown:
      return isVerbose ? [`Client ${who} disconnected: ${printable(reason)}.`] : [];
    default:
      return [`Client ${who} [${peer.address}] disconnected by the server: ${printable(reason)}.`];
  }
}

function packetFacts(packet: Packet): string {
  switch (packet.type) {
    case "publish": {
      const { dup, qos, retain, packetIdentifier, topic, payload } = packet;
      const flags = `d${dup ? 1 : 0}, q${qos}, r${retain ? 1 : 0}, m${packetIdentifier}`;
      return `${flags}, '${printable(topic)}', ... (${payload.length} bytes)`;
    }
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp":
      return `m${packet.packetIdentifier}, rc${packet.reasonCode}`;
    case "connack":
      return `${packet.sessionPresent ? 1 : 0}, ${packet.reasonCode}`;
    case "disconnect":
      return packet.reasonCode === ReasonCode.Success ? "" : `rc${packet.reasonCode}`;
    default:
      return "";
  }
}

function portOf(listener: string): string {
  return /:(\d+)$/.exec(listener)?.[1] ?? listener;
}

function errorText(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${printable(error.message)}` : printable(String(error));
}
