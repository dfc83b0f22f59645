/** PUBLISH packets into the outbox of one connection, from frames that many connections share wherever they can be. */

import type { PublishPacket } from "../codec/packet.ts";
import { type ApplicationMessage, type FrameEncoders, packetIdentifierOffset } from "./message.ts";
import type { QueuedMessage } from "./inflight.ts";
import type { SessionLink } from "./session.ts";

/** Sends a message with QoS 0; false: it is larger than the client accepts, and left out. [MQTT-3.1.2-24] */
export function sendQos0(
  link: SessionLink,
  encoders: FrameEncoders,
  message: ApplicationMessage,
  retain: boolean,
  subscriptionIdentifiers: readonly number[],
  nowMs: number,
): boolean {
  if (isOwn(link, subscriptionIdentifiers)) {
    const packet = message.packet(0, retain, nowMs);
    return link.send(withSubscriptionIdentifiers(packet, link, subscriptionIdentifiers));
  }
  const { outbox, version } = link;
  const wire = retain ? undefined : message.wireFrame(version);
  if (wire !== undefined) {
    if (wire.end - wire.start > link.maximumPacketBytes) return false;
    outbox.pushShared(wire.buffer, wire.start, wire.end, message.payload.length);
  } else if (!message.isShared) {
    return link.send(message.packet(0, retain, nowMs)); // A frame of its own would be one more copy, and be kept.
  } else {
    const frame = message.frame(encoders, version, 0, retain, nowMs);
    if (frame.length > link.maximumPacketBytes) return false;
    outbox.pushShared(frame.buffer, frame.byteOffset, frame.byteOffset + frame.length, message.payload.length);
  }
  link.wake();
  link.onSent?.(message.packet(0, retain, nowMs));
  return true;
}

/** The same for one that has waited. */
export function sendQueuedQos0(
  link: SessionLink,
  message: ApplicationMessage,
  { retain, subscriptionIdentifiers }: Pick<QueuedMessage, "retain" | "subscriptionIdentifiers">,
  heldUntil: number,
  nowMs: number,
): boolean {
  return link.send(
    withSubscriptionIdentifiers(message.packet(0, retain, nowMs), link, subscriptionIdentifiers),
    heldUntil,
  );
}

/** Sends a message that has a Packet Identifier; false: it is larger than the client accepts, and left out. */
export function sendIdentified(
  link: SessionLink,
  encoders: FrameEncoders,
  message: ApplicationMessage,
  entry: QueuedMessage,
  dup: boolean,
  heldUntil: number,
  nowMs: number,
): boolean {
  const { qos, retain, packetIdentifier, subscriptionIdentifiers } = entry;
  if (!message.isShared || isOwn(link, subscriptionIdentifiers)) {
    const packet = { ...message.packet(qos, retain, nowMs), packetIdentifier, dup };
    return link.send(withSubscriptionIdentifiers(packet, link, subscriptionIdentifiers), heldUntil);
  }
  const frame = message.frame(encoders, link.version, qos, retain, nowMs);
  if (frame.length > link.maximumPacketBytes) return false;
  const offset = packetIdentifierOffset(frame);
  link.outbox.pushPublish(frame, message.payload.length, offset, packetIdentifier, dup, heldUntil);
  link.wake();
  link.onSent?.({ ...message.packet(qos, retain, nowMs), packetIdentifier, dup });
  return true;
}

/** Whether the PUBLISH has something that no other subscriber gets. */
function isOwn(link: SessionLink, subscriptionIdentifiers: readonly number[]): boolean {
  return link.aliases.maximum > 0 || (subscriptionIdentifiers.length > 0 && link.version === 5);
}

function withSubscriptionIdentifiers(
  packet: PublishPacket,
  link: SessionLink,
  subscriptionIdentifiers: readonly number[],
): PublishPacket {
  if (subscriptionIdentifiers.length === 0 || link.version < 5) return packet;
  return { ...packet, properties: { ...packet.properties, subscriptionIdentifiers } }; // [MQTT-3.3.4-3]
}
