import type { Properties } from "./property.ts";
import type { ReasonCode } from "./reason_code.ts";

/** Protocol level of CONNECT: 3 is MQTT 3.1 (`MQIsdp`), 4 is MQTT 3.1.1, 5 is MQTT 5. */
export type ProtocolVersion = 3 | 4 | 5;
/** Quality of Service (MQTT 5, section 4.3): 0 at most once, 1 at least once, 2 exactly once. */
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
/** Name of an MQTT Control Packet type, the `type` of a {@linkcode Packet}. */
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
  /** Type of the packet. */
  readonly type: "connect";
  /** Version that the client speaks. */
  readonly protocolVersion: ProtocolVersion;
  /** The bridge bit: protocol level with 0x80, as bridges of other brokers send it. */
  readonly isBridge: boolean;
  /** Clean Start (section 3.1.2.4), Clean Session before MQTT 5. */
  readonly cleanStart: boolean;
  /** Keep Alive in seconds; 0 turns it off. */
  readonly keepAliveSeconds: number;
  /** Client Identifier; empty if the server is to assign one. */
  readonly clientId: string;
  /** Message that is published when the connection ends without DISCONNECT. */
  readonly will: Will | undefined;
  /** User Name (section 3.1.3.5). */
  readonly userName: string | undefined;
  /** Password (section 3.1.3.6). */
  readonly password: Uint8Array | undefined;
  /** Properties; empty before MQTT 5. */
  readonly properties: Properties;
}

/** The Will of CONNECT (section 3.1.2.5). */
export interface Will {
  /** Topic Name that it is published to. */
  readonly topic: string;
  /** Payload; from the decoder a view on shared bytes. Copy it to keep it. */
  readonly payload: Uint8Array;
  /** QoS that it is published with. */
  readonly qos: QoS;
  /** Whether it is published as a retained message. */
  readonly retain: boolean;
  /** Will Properties (section 3.1.3.2), such as `willDelayInterval`; empty before MQTT 5. */
  readonly properties: Properties;
}

/** CONNACK (section 3.2). */
export interface ConnackPacket {
  /** Type of the packet. */
  readonly type: "connack";
  /** Whether the server has a session of this client (section 3.2.2.1.1); false in 3.1, which cannot say it. */
  readonly sessionPresent: boolean;
  /** Reason Code. Of an older version it is the one of MQTT 5 that means the same. */
  readonly reasonCode: ReasonCode;
  /** Properties; empty before MQTT 5. */
  readonly properties: Properties;
}

/** PUBLISH (section 3.3). */
export interface PublishPacket {
  /** Type of the packet. */
  readonly type: "publish";
  /** DUP: whether it may have been sent before (section 3.3.1.1). */
  readonly dup: boolean;
  /** QoS of this delivery. */
  readonly qos: QoS;
  /** RETAIN: whether the server is to keep it, or kept it (section 3.3.1.3). */
  readonly retain: boolean;
  /** Topic Name; empty if a Topic Alias replaces it. */
  readonly topic: string;
  /** Packet Identifier, 1 to 65,535; 0 with QoS 0, which has none. */
  readonly packetIdentifier: number;
  /** Properties; empty before MQTT 5. */
  readonly properties: Properties;
  /** Payload; from the decoder a view on shared bytes. Copy it to keep it. */
  readonly payload: Uint8Array;
  /**
   * Size of the packet as it came from the wire; its payload is then the last part of those bytes. Set by the decoder,
   * ignored by the encoder, absent from packets made by hand.
   */
  readonly wireBytes?: number;
}

/** PUBACK, PUBREC, PUBREL or PUBCOMP: they have the same fields. */
export interface Acknowledgement<Type extends string> {
  /** Type of the packet. */
  readonly type: Type;
  /** Packet Identifier, 1 to 65,535. */
  readonly packetIdentifier: number;
  /** Reason Code. Of an older version it is the one of MQTT 5 that means the same. */
  readonly reasonCode: ReasonCode;
  /** Properties; empty before MQTT 5. */
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
  /** Type of the packet. */
  readonly type: "subscribe";
  /** Packet Identifier, 1 to 65,535. */
  readonly packetIdentifier: number;
  /** Topic Filters with their options, at least one. */
  readonly subscriptions: readonly SubscribeEntry[];
  /** Properties; empty before MQTT 5. */
  readonly properties: Properties;
}

/** A Topic Filter and its Subscription Options (section 3.8.3.1). Before MQTT 5 only `qos` is sent. */
export interface SubscribeEntry {
  /** Topic Filter, with wildcards and `$share` where it has them. */
  readonly topicFilter: string;
  /** Highest QoS of the messages. */
  readonly qos: QoS;
  /** No Local: whether to leave out messages that this client publishes itself. */
  readonly noLocal: boolean;
  /** Retain As Published: whether RETAIN stays as it was published. */
  readonly retainAsPublished: boolean;
  /** Retain Handling: when retained messages are sent. */
  readonly retainHandling: RetainHandling;
}
/** 0: send retained messages at each SUBSCRIBE; 1: only when the subscription is new; 2: never. */
export type RetainHandling = 0 | 1 | 2;

/** SUBACK (section 3.9). */
export interface SubackPacket {
  /** Type of the packet. */
  readonly type: "suback";
  /** Packet Identifier, 1 to 65,535. */
  readonly packetIdentifier: number;
  /** Reason Code for each Topic Filter of the SUBSCRIBE, in its order. */
  readonly reasonCodes: readonly ReasonCode[];
  /** Properties; empty before MQTT 5. */
  readonly properties: Properties;
}

/** UNSUBSCRIBE (section 3.10). */
export interface UnsubscribePacket {
  /** Type of the packet. */
  readonly type: "unsubscribe";
  /** Packet Identifier, 1 to 65,535. */
  readonly packetIdentifier: number;
  /** Topic Filters to end, at least one. */
  readonly topicFilters: readonly string[];
  /** Properties; empty before MQTT 5. */
  readonly properties: Properties;
}

/** UNSUBACK (section 3.11). */
export interface UnsubackPacket {
  /** Type of the packet. */
  readonly type: "unsuback";
  /** Packet Identifier, 1 to 65,535. */
  readonly packetIdentifier: number;
  /** Reason Code for each Topic Filter of the UNSUBSCRIBE, in its order; empty before MQTT 5. */
  readonly reasonCodes: readonly ReasonCode[];
  /** Properties; empty before MQTT 5. */
  readonly properties: Properties;
}

/** PINGREQ (section 3.12). */
export interface PingreqPacket {
  /** Type of the packet. */
  readonly type: "pingreq";
}

/** PINGRESP (section 3.13). */
export interface PingrespPacket {
  /** Type of the packet. */
  readonly type: "pingresp";
}

/** DISCONNECT (section 3.14). */
export interface DisconnectPacket {
  /** Type of the packet. */
  readonly type: "disconnect";
  /** Reason Code. Of an older version it is the one of MQTT 5 that means the same. */
  readonly reasonCode: ReasonCode;
  /** Properties; empty before MQTT 5. */
  readonly properties: Properties;
}

/** AUTH (section 3.15), MQTT 5 only. */
export interface AuthPacket {
  /** Type of the packet. */
  readonly type: "auth";
  /** Reason Code. Of an older version it is the one of MQTT 5 that means the same. */
  readonly reasonCode: ReasonCode;
  /** Properties; empty before MQTT 5. */
  readonly properties: Properties;
}

/** Ends a `switch` over a closed set: a forgotten case does not compile. */
export function unreachable(value: never): never {
  throw new TypeError(
    `Cannot handle "${JSON.stringify(value)}": the switch over its kinds is not complete`,
  );
}
