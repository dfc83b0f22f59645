/**
 * Reason Codes of MQTT 5 (section 2.4) and their counterparts in MQTT 3.1.1.
 */

/** Reason Codes by their names in the specification (MQTT 5, section 2.4). */
export const ReasonCode = {
  /** Success; also Normal disconnection and Granted QoS 0. */
  Success: 0x00,
  GrantedQos1: 0x01,
  GrantedQos2: 0x02,
  DisconnectWithWillMessage: 0x04,
  NoMatchingSubscribers: 0x10,
  NoSubscriptionExisted: 0x11,
  ContinueAuthentication: 0x18,
  ReAuthenticate: 0x19,
  UnspecifiedError: 0x80,
  MalformedPacket: 0x81,
  ProtocolError: 0x82,
  ImplementationSpecificError: 0x83,
  UnsupportedProtocolVersion: 0x84,
  ClientIdentifierNotValid: 0x85,
  BadUserNameOrPassword: 0x86,
  NotAuthorized: 0x87,
  ServerUnavailable: 0x88,
  ServerBusy: 0x89,
  Banned: 0x8a,
  ServerShuttingDown: 0x8b,
  BadAuthenticationMethod: 0x8c,
  KeepAliveTimeout: 0x8d,
  SessionTakenOver: 0x8e,
  TopicFilterInvalid: 0x8f,
  TopicNameInvalid: 0x90,
  PacketIdentifierInUse: 0x91,
  PacketIdentifierNotFound: 0x92,
  ReceiveMaximumExceeded: 0x93,
  TopicAliasInvalid: 0x94,
  PacketTooLarge: 0x95,
  MessageRateTooHigh: 0x96,
  QuotaExceeded: 0x97,
  AdministrativeAction: 0x98,
  PayloadFormatInvalid: 0x99,
  RetainNotSupported: 0x9a,
  QosNotSupported: 0x9b,
  UseAnotherServer: 0x9c,
  ServerMoved: 0x9d,
  SharedSubscriptionsNotSupported: 0x9e,
  ConnectionRateExceeded: 0x9f,
  MaximumConnectTime: 0xa0,
  SubscriptionIdentifiersNotSupported: 0xa1,
  WildcardSubscriptionsNotSupported: 0xa2,
} as const;
/** Reason Code of MQTT 5. */
export type ReasonCode = typeof ReasonCode[keyof typeof ReasonCode];

/** Packets with a Reason Code, as rows of the table below. */
export type ReasonCodePacket =
  | "connack"
  | "puback"
  | "pubrec"
  | "pubrel"
  | "pubcomp"
  | "suback"
  | "unsuback"
  | "disconnect"
  | "auth";

// deno-fmt-ignore
const ALLOWED_REASON_CODES: { readonly [packet in ReasonCodePacket]: ReadonlySet<number> } = {
  connack: new Set([
    0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c,
    0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
  ]), // MQTT-3.2.2-8
  puback: new Set([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]), // MQTT-3.4.2-1
  pubrec: new Set([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]), // MQTT-3.5.2-1
  pubrel: new Set([0x00, 0x92]), // MQTT-3.6.2-1
  pubcomp: new Set([0x00, 0x92]), // MQTT-3.7.2-1
  suback: new Set([0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2]), // MQTT-3.9.3-2
  unsuback: new Set([0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91]), // MQTT-3.11.3-2
  disconnect: new Set([
    0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94,
    0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
  ]), // MQTT-3.14.2-1; 0x8c is in the table of section 2.4 only.
  auth: new Set([0x00, 0x18, 0x19]), // MQTT-3.15.2-1
};

/** Whether this packet may have this Reason Code (MQTT 5, section 2.4). */
export function isReasonCodeOf(
  packet: ReasonCodePacket,
  code: number,
): code is ReasonCode {
  return ALLOWED_REASON_CODES[packet].has(code);
}

/** Name of a Reason Code for logs: `NotAuthorized`, or `0xf0` for a code without a name. */
export function reasonCodeName(code: number): string {
  for (const [name, value] of Object.entries(ReasonCode)) {
    if (value === code) return name;
  }
  return `0x${code.toString(16).padStart(2, "0")}`;
}

/**
 * CONNACK return code of MQTT 3.1.1 (section 3.2.2.3) for a Reason Code; `undefined`: none fits, close without CONNACK.
 */
export function connackReturnCode(code: ReasonCode): number | undefined {
  switch (code) {
    case ReasonCode.Success:
      return 0;
    case ReasonCode.UnsupportedProtocolVersion:
      return 1;
    case ReasonCode.ClientIdentifierNotValid:
      return 2;
    case ReasonCode.ServerUnavailable:
    case ReasonCode.ServerBusy:
    case ReasonCode.QuotaExceeded:
    case ReasonCode.ConnectionRateExceeded:
    case ReasonCode.UseAnotherServer:
    case ReasonCode.ServerMoved:
      return 3;
    case ReasonCode.BadUserNameOrPassword:
      return 4;
    case ReasonCode.NotAuthorized:
    case ReasonCode.Banned:
    case ReasonCode.BadAuthenticationMethod:
      return 5;
    default:
      return undefined; // [MQTT-3.2.2-6] of 3.1.1
  }
}

/** Reason Code for a CONNACK return code of MQTT 3.1.1; `undefined` if it is reserved. */
export function connackReasonCode(returnCode: number): ReasonCode | undefined {
  switch (returnCode) {
    case 0:
      return ReasonCode.Success;
    case 1:
      return ReasonCode.UnsupportedProtocolVersion;
    case 2:
      return ReasonCode.ClientIdentifierNotValid;
    case 3:
      return ReasonCode.ServerUnavailable;
    case 4:
      return ReasonCode.BadUserNameOrPassword;
    case 5:
      return ReasonCode.NotAuthorized;
    default:
      return undefined;
  }
}
