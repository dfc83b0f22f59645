import type { PacketEvent } from "../../broker/events.ts";
import type { Packet, ProtocolVersion } from "../../codec/packet.ts";
import { printable } from "../../codec/printable.ts";
import { connackReturnCode, ReasonCode } from "../../codec/reason_code.ts";

/** Lines for a packet, in the words of `mosquitto -v`. Payloads are not shown. */
export function packetLines({ direction, peer, clientId, protocolVersion, packet }: PacketEvent): string[] {
  const isReceived = direction === "received";
  if (isReceived && packet.type === "connect") return []; // Logged once it is accepted.
  const name = packet.type.toUpperCase();
  const head = isReceived ? `Received ${name} from` : `Sending ${name} to`;
  const facts = packetFacts(packet, protocolVersion);
  const who = clientId === "" ? peer.address : printable(clientId);
  const line = `${head} ${who}${facts === "" ? "" : ` (${facts})`}`;
  if (packet.type === "subscribe") {
    return [line, ...packet.subscriptions.map(({ topicFilter, qos }) => `\t${printable(topicFilter)} (QoS ${qos})`)];
  }
  if (packet.type === "unsubscribe") {
    return [line, ...packet.topicFilters.map((topicFilter) => `\t${printable(topicFilter)}`)];
  }
  return [line];
}

/** Lines for subscribing and unsubscribing, like those of mosquitto's `log_type subscribe`. */
export function subscriptionLines({ clientId, packet }: PacketEvent): string[] {
  const who = printable(clientId);
  if (packet.type === "subscribe") {
    return packet.subscriptions.map(({ topicFilter, qos }) => `${who} ${qos} ${printable(topicFilter)}`);
  }
  return packet.type === "unsubscribe" ? packet.topicFilters.map((filter) => `${who} ${printable(filter)}`) : [];
}

function packetFacts(packet: Packet, protocolVersion: ProtocolVersion): string {
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
    case "connack": {
      const code = protocolVersion === 5 ? packet.reasonCode : connackReturnCode(packet.reasonCode);
      return `${packet.sessionPresent ? 1 : 0}, ${code}`;
    }
    case "disconnect":
      return packet.reasonCode === ReasonCode.Success ? "" : `rc${packet.reasonCode}`;
    default:
      return "";
  }
}
