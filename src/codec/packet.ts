import type { Properties } from "./property.ts";
import type { ReasonCode } from "./reason_code.ts";

/** Protocol level of CONNECT: 3 is MQTT 3.1 (`MQIsdp`), 4 is MQTT 3.1.1, 5 is MQTT 5. */
export type ProtocolVersion = 3 | 4 | 5;
export type QoS = 0 | 1 | 2;

/** Whether two bits are a QoS: 3 is not. */
export function isQoS(value: number): value is QoS {
  return value === 0 || value === 1 || value === 2;
}

/** MQTT Control Packet types, the upper four bits of the first byte (section 2.1.2). */
export const PacketType = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
} as const;
export type PacketType = keyof typeof PacketType;

/** Any MQTT Control Packet. Packets of older versions have the same type with fewer fields. */
export type Packet =
  | ConnectPacket
  | ConnackPacket
  | PublishPacket
  | PubackPacket
  | PubrecPacket
  | PubrelPacket
  | PubcompPacket
  | SubscribePacket
  | SubackPacket
  | UnsubscribePacket
  | UnsubackPacket
  | PingreqPacket
  | PingrespPacket
  | DisconnectPacket
  | AuthPacket;

/** CONNECT (section 3.1). */
export interface ConnectPacket {
  readonly type: "connect";
  readonly protocolVersion: ProtocolVersion;
  /** The bridge bit: protocol level with 0x80, as bridges of other brokers send it. */
  readonly isBridge: boolean;
  readonly cleanStart: boolean;
  /** Keep Alive in seconds; 0 turns it off. */
  readonly keepAliveSeconds: number;
  readonly clientId: string;
  readonly will: Will | undefined;
  readonly userName: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly properties: Properties;
}

/** The Will of CONNECT (section 3.1.2.5). */
export interface Will {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties: Properties;
}

/** CONNACK (section 3.2). */
export interface ConnackPacket {
  readonly type: "connack";
  readonly sessionPresent: boolean;
  readonly reasonCode: ReasonCode;
  readonly properties: Properties;
}

/** PUBLISH (section 3.3). */
export interface PublishPacket {
  readonly type: "publish";
  readonly dup: boolean;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Topic Name; empty if a Topic Alias replaces it. */
  readonly topic: string;
  /** Packet Identifier, 1 to 65,535; 0 with QoS 0, which has none. */
  readonly packetIdentifier: number;
  readonly properties: Properties;
  /** Payload; from the decoder a view on shared bytes. Copy it to keep it. */
  readonly payload: Uint8Array;
  /**
   * Size of the packet as it came from the wire; its payload is then the last part of those bytes. Set by the decoder,
   * ignored by the encoder, absent from packets made by hand.
   */
  readonly wireBytes?: number;
}

interface Acknowledgement<Type extends string> {
  readonly type: Type;
  readonly packetIdentifier: number;
  readonly reasonCode: ReasonCode;
  readonly properties: Properties;
}
/** PUBACK (section 3.4). */
export type PubackPacket = Acknowledgement<"puback">;
/** PUBREC (section 3.5). */
export type PubrecPacket = Acknowledgement<"pubrec">;
/** PUBREL (section 3.6). */
export type PubrelPacket = Acknowledgement<"pubrel">;
/** PUBCOMP (section 3.7). */
export type PubcompPacket = Acknowledgement<"pubcomp">;

/** SUBSCRIBE (section 3.8). */
export interface SubscribePacket {
  readonly type: "subscribe";
  readonly packetIdentifier: number;
  readonly subscriptions: readonly SubscribeEntry[];
  readonly properties: Properties;
}

/** A Topic Filter and its Subscription Options (section 3.8.3.1). Before MQTT 5 only `qos` is sent. */
export interface SubscribeEntry {
  readonly topicFilter: string;
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: RetainHandling;
}
/** 0: send retained messages at each SUBSCRIBE; 1: only when the subscription is new; 2: never. */
export type RetainHandling = 0 | 1 | 2;

/** SUBACK (section 3.9). */
export interface SubackPacket {
  readonly type: "suback";
  readonly packetIdentifier: number;
  /** Reason Code for each Topic Filter of the SUBSCRIBE, in its order. */
  readonly reasonCodes: readonly ReasonCode[];
  readonly properties: Properties;
}

/** UNSUBSCRIBE (section 3.10). */
export interface UnsubscribePacket {
  readonly type: "unsubscribe";
  readonly packetIdentifier: number;
  readonly topicFilters: readonly string[];
  readonly properties: Properties;
}

/** UNSUBACK (section 3.11). */
export interface UnsubackPacket {
  readonly type: "unsuback";
  readonly packetIdentifier: number;
  /** Reason Code for each Topic Filter of the UNSUBSCRIBE, in its order; empty before MQTT 5. */
  readonly reasonCodes: readonly ReasonCode[];
  readonly properties: Properties;
}

/** PINGREQ (section 3.12). */
export interface PingreqPacket {
  readonly type: "pingreq";
}

/** PINGRESP (section 3.13). */
export interface PingrespPacket {
  readonly type: "pingresp";
}

/** DISCONNECT (section 3.14). */
export interface DisconnectPacket {
  readonly type: "disconnect";
  readonly reasonCode: ReasonCode;
  readonly properties: Properties;
}

/** AUTH (section 3.15), MQTT 5 only. */
export interface AuthPacket {
  readonly type: "auth";
  readonly reasonCode: ReasonCode;
  readonly properties: Properties;
}

/** Ends a `switch` over a closed set: a forgotten case does not compile. */
export function unreachable(value: never): never {
  throw new TypeError(
    `Cannot handle "${JSON.stringify(value)}": the switch over its kinds is not complete`,
  );
}
