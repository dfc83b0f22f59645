/**
 * Table of the properties of MQTT 5 (section 2.2.2.2): identifier, name, type, packets, places where it is repeatable.
 * A new property needs a row here and a field in {@linkcode Properties}.
 */

/** Name and value, both UTF-8 Encoded Strings. Order and duplicates are kept (section 1.5.7). */
export type UserProperty = readonly [name: string, value: string];

/** Properties by the names of the specification, absent unless given. Intervals are in seconds, sizes in bytes. */
export interface Properties {
  /** 1: the payload is UTF-8; 0: bytes without a format (section 3.3.2.3.2). */
  payloadFormatIndicator?: number;
  /** Lifetime of a message, in seconds (section 3.3.2.3.3). */
  messageExpiryInterval?: number;
  /** Description of the payload, such as a MIME type (section 3.3.2.3.9). */
  contentType?: string;
  /** Topic Name for a response (section 3.3.2.3.5). */
  responseTopic?: string;
  /** Bytes by which the requester knows the response (section 3.3.2.3.6). */
  correlationData?: Uint8Array;
  /** Identifiers, 1 to 268,435,455: one in SUBSCRIBE; in PUBLISH one for each matching subscription that has one. */
  subscriptionIdentifiers?: readonly number[];
  /** Time for which a session outlives its connection, in seconds; 4,294,967,295: for good (section 3.1.2.11.2). */
  sessionExpiryInterval?: number;
  /** Client Identifier that the server assigned (section 3.2.2.3.7). */
  assignedClientIdentifier?: string;
  /** Keep Alive that the server wants, in seconds (section 3.2.2.3.14). */
  serverKeepAlive?: number;
  /** Name of the Authentication Method (section 4.12). */
  authenticationMethod?: string;
  /** Authentication Data, as the method defines it (section 4.12). */
  authenticationData?: Uint8Array;
  /** 0: Reason Strings and User Properties only where they matter (section 3.1.2.11.7). */
  requestProblemInformation?: number;
  /** Delay of the Will, in seconds (section 3.1.3.2.2). */
  willDelayInterval?: number;
  /** 1: CONNACK may have Response Information (section 3.1.2.11.6). */
  requestResponseInformation?: number;
  /** Base of response topics for this client (section 3.2.2.3.15). */
  responseInformation?: string;
  /** Another server to use (section 4.11). */
  serverReference?: string;
  /** Reason in words, for people (section 4.13). */
  reasonString?: string;
  /** Number of messages with QoS 1 and 2 that may be unacknowledged (section 3.1.2.11.3). */
  receiveMaximum?: number;
  /** Highest Topic Alias that is accepted (section 3.1.2.11.5). */
  topicAliasMaximum?: number;
  /** Number in place of the Topic Name (section 3.3.2.3.4). */
  topicAlias?: number;
  /** Highest QoS that the server accepts, 0 or 1 (section 3.2.2.3.4). */
  maximumQos?: number;
  /** 0: the server retains no messages (section 3.2.2.3.5). */
  retainAvailable?: number;
  /** User Properties, in their order (section 3.3.2.3.7). */
  userProperties?: readonly UserProperty[];
  /** Largest packet that is accepted, in bytes (section 3.1.2.11.4). */
  maximumPacketSize?: number;
  /** 0: the server has no wildcard subscriptions (section 3.2.2.3.11). */
  wildcardSubscriptionAvailable?: number;
  /** 0: the server has no Subscription Identifiers (section 3.2.2.3.12). */
  subscriptionIdentifiersAvailable?: number;
  /** 0: the server has no Shared Subscriptions (section 3.2.2.3.13). */
  sharedSubscriptionAvailable?: number;
}

/** Places of properties: a packet, or the Will in CONNECT. */
export const PropertyPlace = {
  connect: 1 << 0,
  will: 1 << 1,
  connack: 1 << 2,
  publish: 1 << 3,
  puback: 1 << 4,
  pubrec: 1 << 5,
  pubrel: 1 << 6,
  pubcomp: 1 << 7,
  subscribe: 1 << 8,
  suback: 1 << 9,
  unsubscribe: 1 << 10,
  unsuback: 1 << 11,
  disconnect: 1 << 12,
  auth: 1 << 13,
} as const;
export type PropertyPlace = keyof typeof PropertyPlace;

/** Types of values (sections 1.5 and 2.2.2.2); `flag` is a byte that must be 0 or 1, `positive*` must not be 0. */
export type PropertyType =
  | "flag"
  | "uint16"
  | "positiveUint16"
  | "uint32"
  | "positiveUint32"
  | "positiveVarint"
  | "string"
  | "topic"
  | "binary"
  | "pair";

/** Row of the table. */
export interface PropertyDefinition {
  readonly identifier: number;
  readonly name: keyof Properties;
  readonly type: PropertyType;
  /** Bits of {@linkcode PropertyPlace}. */
  readonly places: number;
  /** Places where it may occur more than once; elsewhere that is a Protocol Error. */
  readonly repeatable: number;
}

const ALL_PLACES = (1 << 14) - 1;
const { connect, will, connack, publish, puback, pubrec, pubrel, pubcomp } = PropertyPlace;
const { subscribe, suback, unsuback, disconnect, auth } = PropertyPlace;
const WITH_REASON = connack | puback | pubrec | pubrel | pubcomp | suback |
  unsuback | disconnect | auth;

// deno-fmt-ignore
const DEFINITIONS: readonly PropertyDefinition[] = [
  row(0x01, "payloadFormatIndicator", "flag", publish | will),
  row(0x02, "messageExpiryInterval", "uint32", publish | will),
  row(0x03, "contentType", "string", publish | will),
  row(0x08, "responseTopic", "topic", publish | will),
  row(0x09, "correlationData", "binary", publish | will),
  row(0x0b, "subscriptionIdentifiers", "positiveVarint", publish | subscribe, publish),
  row(0x11, "sessionExpiryInterval", "uint32", connect | connack | disconnect),
  row(0x12, "assignedClientIdentifier", "string", connack),
  row(0x13, "serverKeepAlive", "uint16", connack),
  row(0x15, "authenticationMethod", "string", connect | connack | auth),
  row(0x16, "authenticationData", "binary", connect | connack | auth),
  row(0x17, "requestProblemInformation", "flag", connect),
  row(0x18, "willDelayInterval", "uint32", will),
  row(0x19, "requestResponseInformation", "flag", connect),
  row(0x1a, "responseInformation", "string", connack),
  row(0x1c, "serverReference", "string", connack | disconnect),
  row(0x1f, "reasonString", "string", WITH_REASON),
  row(0x21, "receiveMaximum", "positiveUint16", connect | connack),
  row(0x22, "topicAliasMaximum", "uint16", connect | connack),
  row(0x23, "topicAlias", "uint16", publish), // The connection refuses 0 with Topic Alias invalid.
  row(0x24, "maximumQos", "flag", connack),
  row(0x25, "retainAvailable", "flag", connack),
  row(0x26, "userProperties", "pair", ALL_PLACES, ALL_PLACES),
  row(0x27, "maximumPacketSize", "positiveUint32", connect | connack),
  row(0x28, "wildcardSubscriptionAvailable", "flag", connack),
  row(0x29, "subscriptionIdentifiersAvailable", "flag", connack),
  row(0x2a, "sharedSubscriptionAvailable", "flag", connack),
];

/** Rows by identifier; identifiers are below 0x2b, and a hole is an identifier that does not exist. */
export const PROPERTIES_BY_IDENTIFIER: readonly (PropertyDefinition | undefined)[] = Array.from(
  { length: 0x2b },
  (_, identifier) => DEFINITIONS.find((definition) => definition.identifier === identifier),
);

/** Rows in the order of identifiers, which is the order in which properties are written. */
export const PROPERTY_DEFINITIONS: readonly PropertyDefinition[] = DEFINITIONS;

/** Empty properties; shared, so that packets without properties cost no object. */
export const NO_PROPERTIES: Properties = Object.freeze({});

/** Whether there is any property. */
export function hasProperties(properties: Properties): boolean {
  if (properties === NO_PROPERTIES) return false;
  for (const name in properties) {
    if (properties[name as keyof Properties] !== undefined) return true; // Its own keys.
  }
  return false;
}

function row(
  identifier: number,
  name: keyof Properties,
  type: PropertyType,
  places: number,
  repeatable = 0,
): PropertyDefinition {
  return { identifier, name, type, places, repeatable };
}
