import { LARGEST_PACKET_BYTES } from "../codec/decoder.ts";
import type { ConnectPacket, Will } from "../codec/packet.ts";
import type { Properties } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { Limits } from "./limits.ts";
import {
  beyondService,
  beyondTopicLimits,
  isBeyondTopicLimits,
  isOfItsFormat,
  isServerTopic,
  reasonOf,
} from "./publish_rules.ts";

// mosquitto's bridge acknowledges more QoS 2 messages than this and loses them. (2.0.11, 2026-11)
const BRIDGE_RECEIVE_MAXIMUM = 20;

/** Terms of a connection: CONNECT and the limits of the broker put together (MQTT 5, section 3.1 and 3.2). */
export interface ConnectionTerms {
  /** Assigned by the broker when the client gave none. */
  readonly clientId: string;
  readonly isAssignedClientId: boolean;
  readonly sessionExpirySeconds: number;
  /** 0: off. */
  readonly keepAliveSeconds: number;
  /** Towards the client. */
  readonly receiveMaximum: number;
  /** Towards the client; Infinity when it said none. */
  readonly maximumPacketBytes: number;
  /** Towards the client. */
  readonly topicAliasMaximum: number;
  /** Whether reason strings and user properties may go with any packet (section 3.1.2.11.7). */
  readonly requestsProblemInformation: boolean;
}

/** Reason for which a CONNECT is refused. */
export interface Refusal {
  readonly reasonCode: ReasonCode;
  readonly reason: string;
}

/**
 * Terms of a connection, or why it is refused.
 *
 * @param checksPayloadFormat whether a Will Payload has to be what its Payload Format Indicator says
 */
export function negotiate(
  connect: ConnectPacket,
  limits: Limits,
  checksPayloadFormat: boolean,
  newClientId: () => string,
): ConnectionTerms | Refusal {
  const { properties } = connect;
  const refusal = clientIdRefusal(connect, limits) ??
    (connect.will === undefined ? undefined : willRefusal(connect.will, limits, checksPayloadFormat));
  if (refusal !== undefined) return refusal;
  const isAssignedClientId = connect.clientId === ""; // [MQTT-3.1.3-6]
  return {
    clientId: isAssignedClientId ? newClientId() : connect.clientId,
    isAssignedClientId,
    sessionExpirySeconds: sessionExpirySeconds(connect, limits),
    keepAliveSeconds: keepAliveSeconds(connect, limits),
    receiveMaximum: properties.receiveMaximum ?? (connect.isBridge ? BRIDGE_RECEIVE_MAXIMUM : 65_535),
    maximumPacketBytes: properties.maximumPacketSize ?? Infinity,
    topicAliasMaximum: Math.min(properties.topicAliasMaximum ?? 0, limits.topicAliasMaximum),
    requestsProblemInformation: properties.requestProblemInformation !== 0,
  };
}

function clientIdRefusal(
  { protocolVersion, clientId, cleanStart }: ConnectPacket,
  { maximumClientIdLength }: Limits,
): Refusal | undefined {
  if (clientId === "" && protocolVersion < 5 && (!cleanStart || protocolVersion === 3)) {
    // [MQTT-3.1.3-8] of 3.1.1; 3.1 has no empty identifiers.
    const reason = "a Client Identifier is needed unless Clean Session is 1 and the version is 3.1.1 or later";
    return { reasonCode: ReasonCode.ClientIdentifierNotValid, reason };
  }
  if (clientId.length > maximumClientIdLength) {
    const reason = `the Client Identifier is longer than ${maximumClientIdLength} characters`;
    return { reasonCode: ReasonCode.ClientIdentifierNotValid, reason };
  }
  return undefined;
}

function willRefusal(will: Will, limits: Limits, checksPayloadFormat: boolean): Refusal | undefined {
  const { topic, payload, properties } = will;
  if (isBeyondTopicLimits(topic, limits)) {
    return { reasonCode: ReasonCode.TopicNameInvalid, reason: `Will Topic: ${beyondTopicLimits(limits)}` };
  }
  if (isServerTopic(topic)) {
    return { reasonCode: ReasonCode.NotAuthorized, reason: "Will Topic: no client publishes there" };
  }
  if (payload.length > limits.maximumPayloadBytes) {
    const reason = `Will Payload: it is larger than ${limits.maximumPayloadBytes} bytes`;
    return { reasonCode: ReasonCode.PacketTooLarge, reason };
  }
  const notOffered = beyondService(will, limits); // [MQTT-3.2.2-12] [MQTT-3.2.2-13]
  if (notOffered !== undefined) return { reasonCode: notOffered, reason: `Will: ${reasonOf(notOffered, limits)}` };
  if (checksPayloadFormat && !isOfItsFormat(payload, properties)) {
    const reason = "Will Payload is not UTF-8 as its indicator says";
    return { reasonCode: ReasonCode.PayloadFormatInvalid, reason };
  }
  return undefined;
}

/** Properties of a CONNACK with Success: all that differs from what the client takes for granted. */
export function connackProperties(connect: ConnectPacket, terms: ConnectionTerms, limits: Limits): Properties {
  const properties: Properties = {
    receiveMaximum: limits.receiveMaximum,
    topicAliasMaximum: limits.topicAliasMaximum,
  };
  if (limits.maximumPacketBytes < LARGEST_PACKET_BYTES) properties.maximumPacketSize = limits.maximumPacketBytes;
  if (limits.maximumQos < 2) properties.maximumQos = limits.maximumQos; // [MQTT-3.2.2-9]
  if (limits.maximumRetainedMessages === 0) properties.retainAvailable = 0;
  if (terms.isAssignedClientId) properties.assignedClientIdentifier = terms.clientId; // [MQTT-3.2.2-16]
  if (terms.keepAliveSeconds !== connect.keepAliveSeconds) properties.serverKeepAlive = terms.keepAliveSeconds;
  if (terms.sessionExpirySeconds !== (connect.properties.sessionExpiryInterval ?? 0)) {
    properties.sessionExpiryInterval = terms.sessionExpirySeconds;
  }
  return properties;
}

function sessionExpirySeconds(connect: ConnectPacket, limits: Limits): number {
  // Clean Session 0 before MQTT 5 is a session without end, 1 one that ends with its connection (section 3.1.2.11.2).
  const asked = connect.protocolVersion === 5
    ? connect.properties.sessionExpiryInterval ?? 0
    : connect.cleanStart
    ? 0
    : limits.maximumSessionExpirySeconds;
  return Math.min(asked, limits.maximumSessionExpirySeconds);
}

function keepAliveSeconds(connect: ConnectPacket, limits: Limits): number {
  const { maximumKeepAliveSeconds: most } = limits;
  const asked = connect.keepAliveSeconds;
  if (most === 0 || connect.protocolVersion < 5) return asked; // [MQTT-3.2.2-22]
  return asked === 0 ? most : Math.min(asked, most);
}
