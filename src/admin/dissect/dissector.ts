/**
 * Fields of one MQTT packet (3.1, 3.1.1, 5) with the bytes of each, as Wireshark 4 shows them. Bytes that no decoder accepts
 * are read as far as they go, and the fault is named with its bytes, its clause and the answer of the broker.
 *
 * ```text
 * 10 0d 00 04 4d 51 54 54 04 02 00 3c 00 01 61
 * |  |  |     |           |  |  |     |     Client ID: a
 * |  |  |     |           |  |  |     Client ID Length: 1
 * |  |  |     |           |  |  Keep Alive: 60
 * |  |  |     |           |  Connect Flags: 0x02, QoS Level: …, Clean Session Flag
 * |  |  |     |           Version: MQTT v3.1.1 (4)
 * |  |  |     Protocol Name: MQTT
 * |  |  Protocol Name Length: 4
 * |  Msg Len: 13
 * Header Flags: 0x10, Message Type: Connect Command
 * ```
 */

import { PacketType } from "../../codec/packet.ts";
import { ReasonCode } from "../../codec/reason_code.ts";
import { type Abbreviation, CutShort, type Field, fieldLine, FieldReader, PACKET_WORDS } from "./dissector_fields.ts";
import { type Flaw, flawOf } from "./dissector_flaw.ts";
import { type ReadProperties, readPropertyFields } from "./dissector_properties.ts";

export type { Abbreviation, Field, FieldValue } from "./dissector_fields.ts";
export type { Flaw } from "./dissector_flaw.ts";

/** Options of {@linkcode dissect}. */
export interface DissectOptions {
  /** Version of the connection: 3, 4 or 5. Unknown before CONNECT, which says it itself. */
  readonly protocolVersion?: number | undefined;
  /** Whether the broker sent the packet: then there is no answer to a fault. */
  readonly isSent?: boolean;
  /** Whether it is the first packet of its connection, which must be CONNECT. */
  readonly isFirst?: boolean;
  /** Topic that an earlier PUBLISH of the same side gave to a Topic Alias. */
  readonly topicOfAlias?: (alias: number) => string | undefined;
  /** Fault of the packet before its secrets were overwritten, see {@linkcode withoutSecrets}. */
  readonly flaw?: Flaw | undefined;
}

/** A dissected packet. */
export interface Dissection {
  /** Type of the packet by its number, 0 to 15. */
  readonly type: number;
  /** Name of the packet in Wireshark's words, such as `Connect Command`. */
  readonly name: string;
  readonly fields: readonly Field[];
  /** Version of the packet: that of the connection, or the one that CONNECT states. */
  readonly protocolVersion: number | undefined;
  /** Topic Alias of a PUBLISH. */
  readonly topicAlias: number | undefined;
  /** Ranges of the password and of Authentication Data, and of bytes that may hold them. */
  readonly secrets: readonly { readonly start: number; readonly end: number }[];
  /** Whether only the first bytes of the packet are there. */
  readonly isCut: boolean;
  /** Fault that ends the connection. */
  readonly flaw: Flaw | undefined;
}

/** Packets that may have a password or Authentication Data. */
const AUTHENTICATES: ReadonlySet<number> = new Set([PacketType.connect, PacketType.connack, PacketType.auth]);
const BRIDGE_BIT = 0x80;
/** Last fields before those whose place depends on others. */
const FIXED_FIELDS: readonly string[] = [
  "mqtt.len",
  "mqtt.kalive",
  "mqtt.conack.val",
  "mqtt.connack.reason_code",
  "mqtt.auth.reason_code",
];
/**
 * Flaws that leave no doubt where the fields of a packet are. A text or a topic that is wrong may have the bytes of other
 * fields, because its length is wrong.
 */
const FLAWS_OF_A_VALUE: ReadonlySet<string> = new Set(["MQTT-2.1.3-1"]);
const ASTERISK = 0x2a;

const PUBLISH_FLAGS = ["mqtt.msgtype", "mqtt.dupflag", "mqtt.qos", "mqtt.retain"] as const;
const REPEATED_FLAGS = ["mqtt.msgtype", "mqtt.dupflag", "mqtt.qos", "mqtt.retain_reserved"] as const;
const OTHER_FLAGS = ["mqtt.msgtype", "mqtt.hdr_reserved"] as const;
const CONNECT_FLAGS = [
  "mqtt.conflag.uname",
  "mqtt.conflag.passwd",
  "mqtt.conflag.retain",
  "mqtt.conflag.qos",
  "mqtt.conflag.willflag",
  "mqtt.conflag.cleansess",
  "mqtt.conflag.reserved",
] as const;
const SUBSCRIPTION_OPTIONS = [
  "mqtt.subscription_options_reserved",
  "mqtt.subscription_options_retain",
  "mqtt.subscription_options_rap",
  "mqtt.subscription_options_nl",
  "mqtt.subscription_options_qos",
] as const;

/** Dissects the bytes of one packet, or its first bytes; never throws. */
export function dissect(bytes: Uint8Array, options: DissectOptions = {}): Dissection {
  const first = bytes[0] ?? 0;
  const type = first >> 4;
  const fields: Field[] = [];
  const found: ReadProperties = { secrets: [] };
  const reader = new FieldReader(bytes, bytes.length, options.protocolVersion, fields);
  let packetBytes = Infinity;
  let isWhole = false;
  try {
    reader.flags("mqtt.hdrflags", headerFlags(type, options.protocolVersion));
    packetBytes = reader.varint("mqtt.len") + reader.position;
    readBody(type, first, reader, found, options);
    isWhole = true;
  } catch (error) {
    if (!(error instanceof CutShort)) throw error;
  }
  const isCut = packetBytes > bytes.length;
  const flaw = options.flaw ?? flawOf(bytes, fields, options, isWhole ? reader.position : undefined);
  if (!isWhole || reader.remaining > 0 || mayBeMisread(flaw)) {
    found.secrets.push({ start: endOfFixedFields(fields), end: bytes.length });
  }
  return {
    type,
    name: PACKET_WORDS[type] ?? "Reserved",
    fields,
    protocolVersion: reader.version,
    topicAlias: found.topicAlias,
    secrets: AUTHENTICATES.has(type) ? found.secrets : [],
    isCut,
    flaw,
  };
}

/**
 * Copy of a packet in which password and Authentication Data are asterisks, of the same length. The packet must be whole:
 * of one that is cut, or that may mean something else, all after Keep Alive or the Reason Code is asterisks. Gives its
 * fault too, which cannot be seen in the copy.
 */
export function withoutSecrets(
  bytes: Uint8Array,
  options: DissectOptions = {},
): { readonly bytes: Uint8Array; readonly flaw: Flaw | undefined } {
  const copy = bytes.slice();
  if (!AUTHENTICATES.has((bytes[0] ?? 0) >> 4)) return { bytes: copy, flaw: undefined };
  const { secrets, flaw } = dissect(bytes, options);
  for (const { start, end } of secrets) copy.fill(ASTERISK, start, end);
  return { bytes: copy, flaw };
}

/** Text of a packet as Wireshark copies it ("All Visible Selected Tree Items"). */
export function treeText({ name, fields }: Dissection): string {
  return [`MQ Telemetry Transport Protocol, ${name}`, ...lines(fields, "    ")].join("\n") + "\n";
}

/** Field that holds a byte, the innermost. */
export function fieldAt(fields: readonly Field[], byte: number): Field | undefined {
  for (const field of fields) {
    if (field.start <= byte && byte < field.end) return fieldAt(field.children, byte) ?? field;
  }
  return undefined;
}

function lines(fields: readonly Field[], indent: string): string[] {
  return fields.flatMap((field) => [indent + fieldLine(field), ...lines(field.children, `${indent}    `)]);
}

function headerFlags(type: number, version: number | undefined): readonly Abbreviation[] {
  if (type === PacketType.publish) return PUBLISH_FLAGS;
  const isRepeated = type === PacketType.pubrel || type === PacketType.subscribe || type === PacketType.unsubscribe;
  return version === 3 && isRepeated ? REPEATED_FLAGS : OTHER_FLAGS;
}

function readBody(
  type: number,
  first: number,
  reader: FieldReader,
  found: ReadProperties,
  options: DissectOptions,
): void {
  switch (type) {
    case PacketType.connect:
      return readConnect(reader, found);
    case PacketType.connack:
      return readConnack(reader, found);
    case PacketType.publish:
      return readPublish(first, reader, found, options);
    case PacketType.puback:
      return readAcknowledgement("mqtt.puback.reason_code", reader, found);
    case PacketType.pubrec:
      return readAcknowledgement("mqtt.pubrec.reason_code", reader, found);
    case PacketType.pubrel:
      return readAcknowledgement("mqtt.pubrel.reason_code", reader, found);
    case PacketType.pubcomp:
      return readAcknowledgement("mqtt.pubcomp.reason_code", reader, found);
    case PacketType.subscribe:
    case PacketType.unsubscribe:
      return readTopicFilters(type === PacketType.subscribe, reader, found);
    case PacketType.suback:
    case PacketType.unsuback:
      return readAnswers(type === PacketType.suback, reader, found);
    case PacketType.disconnect:
      return readReason("mqtt.disconnect.reason_code", reader, found);
    case PacketType.auth:
      return readReason("mqtt.auth.reason_code", reader, found);
    default: // PINGREQ and PINGRESP have no body, and types that do not exist have none that is known.
  }
}

function readConnect(reader: FieldReader, found: ReadProperties): void {
  reader.text("mqtt.proto_len", "mqtt.protoname");
  // The level is read twice: it says which sections its own fields are in.
  if (reader.remaining > 0) reader.version = (reader.bytes[reader.position] as number) & ~BRIDGE_BIT; // There is one.
  reader.uint("mqtt.ver", 1);
  const flags = reader.flags("mqtt.conflags", CONNECT_FLAGS);
  reader.uint("mqtt.kalive", 2);
  const hasProperties = reader.version === 5;
  if (hasProperties) readPropertyFields(reader, found);
  reader.text("mqtt.clientid_len", "mqtt.clientid");
  if ((flags & 0x04) !== 0) {
    if (hasProperties) readPropertyFields(reader, found, "mqtt.will_properties");
    reader.text("mqtt.willtopic_len", "mqtt.willtopic", true);
    reader.payload("mqtt.willmsg", reader.uint("mqtt.willmsg_len", 2));
  }
  if ((flags & 0x80) !== 0 && reader.remaining > 0) reader.text("mqtt.username_len", "mqtt.username");
  if ((flags & 0x40) === 0) return;
  if (reader.remaining > 0) {
    const start = reader.position + 2;
    try {
      reader.text("mqtt.passwd_len", "mqtt.passwd");
    } finally {
      found.secrets.push({ start, end: reader.position });
    }
  } else if (reader.version !== 3) {
    throw new CutShort(); // An earlier field may have it, by a wrong length. In MQTT 3.1 it may be missing.
  }
}

function readConnack(reader: FieldReader, found: ReadProperties): void {
  const isOld = reader.version === 3 || reader.version === 4;
  if (reader.version === 3) reader.uint("mqtt.conack.flags.reserved", 1);
  else reader.flags("mqtt.conack.flags", ["mqtt.conack.flags.reserved", "mqtt.conack.flags.sp"]);
  reader.uint(isOld ? "mqtt.conack.val" : "mqtt.connack.reason_code", 1);
  if (reader.version === 5) readPropertyFields(reader, found);
}

function readPublish(first: number, reader: FieldReader, found: ReadProperties, options: DissectOptions): void {
  const topic = reader.text("mqtt.topic_len", "mqtt.topic", true);
  if ((first & 0x06) !== 0) reader.uint("mqtt.msgid", 2);
  if (reader.version === 5) readPropertyFields(reader, found);
  if (topic === "" && found.topicAlias) {
    reader.generated("mqtt.topic", options.topicOfAlias?.(found.topicAlias) ?? "");
  }
  reader.payload("mqtt.msg", reader.remaining);
}

function readAcknowledgement(reasonCode: Abbreviation, reader: FieldReader, found: ReadProperties): void {
  reader.uint("mqtt.msgid", 2);
  readReason(reasonCode, reader, found);
}

/** Reason Code and properties, both of which may be missing; the older versions have none. */
function readReason(reasonCode: Abbreviation, reader: FieldReader, found: ReadProperties): void {
  if (reader.version !== 5 || reader.remaining === 0) return;
  reader.uint(reasonCode, 1);
  if (reader.remaining > 0) readPropertyFields(reader, found);
}

function readTopicFilters(isSubscribe: boolean, reader: FieldReader, found: ReadProperties): void {
  reader.uint("mqtt.msgid", 2);
  if (reader.version === 5) readPropertyFields(reader, found);
  while (reader.remaining > 0) {
    reader.text("mqtt.topic_len", "mqtt.topic", true);
    if (!isSubscribe) continue;
    if (reader.version === 5) reader.flags("mqtt.subscription_options", SUBSCRIPTION_OPTIONS);
    else reader.uint("mqtt.sub.qos", 1);
  }
}

function readAnswers(isSuback: boolean, reader: FieldReader, found: ReadProperties): void {
  reader.uint("mqtt.msgid", 2);
  const { version } = reader;
  if (version === 5) readPropertyFields(reader, found);
  else if (!isSuback) return;
  const older = version === 3 || version === 4;
  const answer = !isSuback ? "mqtt.unsuback.reason_code" : older ? "mqtt.suback.qos" : "mqtt.suback.reason_code";
  while (reader.remaining > 0) reader.uint(answer, 1);
}

/** Whether the fields of a packet may be other ones than were read, so that a secret may stand anywhere in what follows. */
function mayBeMisread(flaw: Flaw | undefined): boolean {
  return flaw !== undefined && !FLAWS_OF_A_VALUE.has(flaw.clause) && flaw.reasonCode !== ReasonCode.ProtocolError;
}

/** Position after the fields that have the same place in every packet of a type. */
function endOfFixedFields(fields: readonly Field[]): number {
  const protocol = fields.find(({ abbreviation }) => abbreviation === "mqtt.protoname")?.value;
  const isKnown = protocol === undefined || protocol === "MQTT" || protocol === "MQIsdp";
  const fixed = isKnown ? FIXED_FIELDS : ["mqtt.len"];
  return fields.findLast(({ abbreviation }) => fixed.includes(abbreviation))?.end ?? 2;
}
