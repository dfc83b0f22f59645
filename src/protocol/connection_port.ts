import type { Packet, ProtocolVersion, PublishPacket } from "../codec/packet.ts";
import { type ApplicationMessage, type FrameEncoders, packetIdentifierOffset } from "./message.ts";
import type { QueuedMessage } from "./message_queue.ts";
import type { Outbox } from "./outbox.ts";
import type { OutgoingTopicAliases } from "./publish_rules.ts";

/** Connection as its session sees it. */
export interface ConnectionPort {
  readonly version: ProtocolVersion;
  readonly outbox: Outbox;
  /** Receive Maximum of the client (MQTT 5, section 3.1.2.11.3); 65,535 before MQTT 5. */
  readonly receiveMaximum: number;
  /** Maximum Packet Size of the client, in bytes (section 3.1.2.11.4); Infinity when it said none. */
  readonly maximumPacketBytes: number;
  readonly aliases: OutgoingTopicAliases;
  /** Appends a packet, with a Topic Alias where there is one; false: it is larger than the client accepts. */
  send(packet: Packet, heldUntil?: number): boolean;
  /** Whether so much waits to be written that nothing should be added. */
  readonly isFull: boolean;
  /** Since when the piece that is being written has been: it has made no progress since then. Infinity: none is. */
  readonly writingSinceMs: number;
  /** Calls `pump` again in a later turn: what is left would hold up others. */
  pumpLater(): void;
  /** Whether {@linkcode ConnectionPort.pumpLater} has been called for a turn that is still to come. */
  readonly isPumpLater: boolean;
  /** Reports that something waits in the outbox, or that the session wants a page. */
  wake(): void;
  /** Called for each packet that goes to the client; `undefined`: no listener. */
  readonly onSent: ((packet: Packet) => void) | undefined;
}

/** Sends a message with QoS 0; false: it is larger than the client accepts, and left out. [MQTT-3.1.2-24] */
export function sendQos0(
  port: ConnectionPort,
  encoders: FrameEncoders,
  message: ApplicationMessage,
  retain: boolean,
  subscriptionIdentifiers: readonly number[],
  nowMs: number,
): boolean {
  if (isOwn(port, subscriptionIdentifiers)) {
    const packet = message.packet(0, retain, nowMs);
    return port.send(withSubscriptionIdentifiers(packet, port, subscriptionIdentifiers));
  }
  const { outbox, version } = port;
  const wire = retain ? undefined : message.wireFrame(version);
  if (wire !== undefined) {
    if (wire.end - wire.start > port.maximumPacketBytes) return false;
    outbox.pushShared(wire.buffer, wire.start, wire.end, message.payload.length);
  } else if (!message.isShared) {
    return port.send(message.packet(0, retain, nowMs)); // A frame of its own would be one more copy, and be kept.
  } else {
    const frame = message.frame(encoders, version, 0, retain, nowMs);
    if (frame.length > port.maximumPacketBytes) return false;
    outbox.pushShared(frame.buffer, frame.byteOffset, frame.byteOffset + frame.length, message.payload.length);
  }
  port.wake();
  port.onSent?.(message.packet(0, retain, nowMs));
  return true;
}

/** Sends a message with QoS 0 that has waited; false: as {@linkcode sendQos0}. */
export function sendQueuedQos0(
  port: ConnectionPort,
  message: ApplicationMessage,
  { retain, subscriptionIdentifiers }: Pick<QueuedMessage, "retain" | "subscriptionIdentifiers">,
  heldUntil: number,
  nowMs: number,
): boolean {
  return port.send(
    withSubscriptionIdentifiers(message.packet(0, retain, nowMs), port, subscriptionIdentifiers),
    heldUntil,
  );
}

/** Sends a message that has a Packet Identifier; false: it is larger than the client accepts, and left out. */
export function sendIdentified(
  port: ConnectionPort,
  encoders: FrameEncoders,
  message: ApplicationMessage,
  entry: QueuedMessage,
  dup: boolean,
  heldUntil: number,
  nowMs: number,
): boolean {
  const { qos, retain, packetIdentifier, subscriptionIdentifiers } = entry;
  if (!message.isShared || isOwn(port, subscriptionIdentifiers)) {
    const packet = { ...message.packet(qos, retain, nowMs), packetIdentifier, dup };
    return port.send(withSubscriptionIdentifiers(packet, port, subscriptionIdentifiers), heldUntil);
  }
  const frame = message.frame(encoders, port.version, qos, retain, nowMs);
  if (frame.length > port.maximumPacketBytes) return false;
  const offset = packetIdentifierOffset(frame);
  port.outbox.pushPublish(frame, message.payload.length, offset, packetIdentifier, dup, heldUntil);
  port.wake();
  port.onSent?.({ ...message.packet(qos, retain, nowMs), packetIdentifier, dup });
  return true;
}

/** Whether the PUBLISH has something that no other subscriber gets. */
function isOwn(port: ConnectionPort, subscriptionIdentifiers: readonly number[]): boolean {
  return port.aliases.maximum > 0 || (subscriptionIdentifiers.length > 0 && port.version === 5);
}

function withSubscriptionIdentifiers(
  packet: PublishPacket,
  port: ConnectionPort,
  subscriptionIdentifiers: readonly number[],
): PublishPacket {
  if (subscriptionIdentifiers.length === 0 || port.version < 5) return packet;
  return { ...packet, properties: { ...packet.properties, subscriptionIdentifiers } }; // [MQTT-3.3.4-3]
}
