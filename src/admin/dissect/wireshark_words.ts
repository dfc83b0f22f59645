/** Names of Reason Codes and properties in the words of Wireshark 4, which differ from those of the specification in places. */

/** Names by number. */
export type Words = Readonly<Record<number, string>>;

/** Reason Codes of failures. Wireshark lacks a few of them in some packets, and calls them Unknown there. */
// deno-fmt-ignore
const FAILURES: Words = {
  0x80: "Unspecified error",
  0x81: "Malformed Packet",
  0x82: "Protocol Error",
  0x83: "Implementation specific error",
  0x84: "Unsupported Protocol Version",
  0x85: "Client Identifier not valid",
  0x86: "Bad User Name or Password",
  0x87: "Not authorized",
  0x88: "Server unavailable",
  0x89: "Server busy",
  0x8a: "Banned",
  0x8b: "Server shutting down",
  0x8c: "Bad authentication method",
  0x8d: "Keep Alive timeout",
  0x8e: "Session taken over",
  0x8f: "Topic Filter invalid",
  0x90: "Topic Name invalid",
  0x91: "Packet Identifier in use",
  0x92: "Packet Identifier not found",
  0x93: "Receive Maximum exceeded",
  0x94: "Topic Alias invalid",
  0x95: "Packet too large",
  0x96: "Message rate too high",
  0x97: "Quota exceeded",
  0x98: "Administrative action",
  0x99: "Payload format invalid",
  0x9a: "Retain not supported",
  0x9b: "QoS not supported",
  0x9c: "Use another server",
  0x9d: "Server moved",
  0x9e: "Shared Subscription not supported",
  0x9f: "Connection rate exceeded",
  0xa0: "Maximum connect time",
  0xa1: "Subscription Identifiers not supported",
  0xa2: "Wildcard Subscription not supported",
};

/** Reason Codes of CONNACK, PUBREL, PUBCOMP and AUTH. */
export const REASON_WORDS: Words = { 0: "Success", 24: "Continue authentication", 25: "Re-authenticate", ...FAILURES };
/** Reason Codes of PUBACK and PUBREC. */
export const ACKNOWLEDGEMENT_WORDS: Words = { 0: "Success", 16: "No matching subscribers", ...FAILURES };
/** Reason Codes of SUBACK. */
export const SUBACK_WORDS: Words = { 0: "Granted QoS 0", 1: "Granted QoS 1", 2: "Granted QoS 2", ...FAILURES };
/** Reason Codes of UNSUBACK. */
export const UNSUBACK_WORDS: Words = { 0: "Success", 17: "No subscription existed", ...FAILURES };
/** Reason Codes of DISCONNECT. */
export const DISCONNECT_WORDS: Words = { 0: "Normal disconnection", 4: "Disconnect with Will Message", ...FAILURES };
/** Properties by their identifiers. */
// deno-fmt-ignore
export const PROPERTY_WORDS: Words = {
  0x01: "Payload Format Indicator",
  0x02: "Publication Expiry Interval",
  0x03: "Content Type",
  0x08: "Response Topic",
  0x09: "Correlation Data",
  0x0b: "Subscription Identifier",
  0x11: "Session Expiry Interval",
  0x12: "Assigned Client Identifier",
  0x13: "Server Keep Alive",
  0x15: "Authentication Method",
  0x16: "Authentication Data",
  0x17: "Request Problem Information",
  0x18: "Will Delay Interval",
  0x19: "Request Response Information",
  0x1a: "Response Information",
  0x1c: "Server Reference",
  0x1f: "Reason String",
  0x21: "Receive Maximum",
  0x22: "Topic Alias Maximum",
  0x23: "Topic Alias",
  0x24: "Maximum QoS",
  0x25: "Retain Available",
  0x26: "User Property",
  0x27: "Maximum Packet Size",
  0x28: "Wildcard Subscription Available",
  0x29: "Subscription Identifier Available",
  0x2a: "Shared Subscription Available",
};
