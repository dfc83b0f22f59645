/** Faults of a packet: where they are, and what the broker does about them. The verdict is that of its own decoder. */

import { ByteReader } from "../../codec/byte_reader.ts";
import { UnsupportedProtocolVersionError } from "../../codec/connect_body.ts";
import { PacketDecoder } from "../../codec/decoder.ts";
import { MqttError } from "../../codec/mqtt_error.ts";
import { PacketType, type ProtocolVersion } from "../../codec/packet.ts";
import { type OtherPacketType, readPacketBody } from "../../codec/packet_body.ts";
import { readProperties } from "../../codec/properties_codec.ts";
import { isReasonCodeOf, ReasonCode } from "../../codec/reason_code.ts";
import type { Abbreviation, Field } from "./dissector_fields.ts";
import { REASON_WORDS } from "./wireshark_words.ts";

/** Fault that ends a connection. */
export interface Flaw {
  /** Range of the bytes that are wrong, the end exclusive; empty where bytes are missing. */
  readonly start: number;
  readonly end: number;
  /** Fault, Reason Code and clause in words. */
  readonly message: string;
  readonly reasonCode: ReasonCode;
  /** Violated statement, or the section if it has none, such as `MQTT-3.3.1-4`. */
  readonly clause: string;
  /** Answer of this broker; undefined for what it sent itself. */
  readonly answer: string | undefined;
}

interface Context {
  readonly protocolVersion?: number | undefined;
  readonly isSent?: boolean;
  readonly isFirst?: boolean;
}

const STRING_CLAUSES: ReadonlySet<string> = new Set(["MQTT-1.5.4-1", "MQTT-1.5.4-2"]);
/** Clauses of the first byte of a packet. */
const FIRST_BYTE_CLAUSES: ReadonlySet<string> = new Set([
  "MQTT-2.1.3-1",
  "MQTT-3.1.0-1",
  "MQTT-3.3.1-2",
  "MQTT-3.3.1-4",
]);
/** Fields that are wrong where the decoder has read on before it says so. */
const NAMED_FIELDS: Readonly<Record<string, Abbreviation>> = {
  "MQTT-3.1.2-3": "mqtt.conflags",
  "MQTT-3.1.2-11": "mqtt.conflags",
  "MQTT-3.1.2-12": "mqtt.conflags",
  "MQTT-3.1.2-13": "mqtt.conflags",
  "MQTT-3.1.2-22": "mqtt.conflags",
  "MQTT-2.3.1-1": "mqtt.msgid",
};
/** Fields of PUBLISH that its clauses are about. */
const PUBLISH_FIELDS: Readonly<Record<string, Abbreviation>> = {
  "MQTT-3.3.2-1": "mqtt.topic_len",
  "MQTT 3.3.2.1": "mqtt.topic_len",
  "MQTT-1.5.4-1": "mqtt.topic",
  "MQTT-1.5.4-2": "mqtt.topic",
};

/**
 * Fault of a packet, if it has one; of an incomplete one, what is wrong whatever follows.
 *
 * @param rest position after the last field, if all fields are there
 */
export function flawOf(
  bytes: Uint8Array,
  fields: readonly Field[],
  context: Context,
  rest: number | undefined,
): Flaw | undefined {
  const version = knownVersion(context.protocolVersion);
  const isFirst = context.isFirst ?? (version === undefined && bytes[0] !== undefined && bytes[0] >> 4 === 1);
  if (!isFirst && version === undefined) return undefined; // Without the CONNECT nothing can be said.
  const decoder = new PacketDecoder(isFirst || version === undefined ? {} : { protocolVersion: version });
  const item = decoder.decode(bytes)[0];
  if (item === undefined) return undefined;
  if (item.type !== "malformed") return undefined;
  const { error } = item;
  const [start, end] = rangeOf(error, bytes, fields, version ?? decoder.protocolVersion, rest);
  return {
    start,
    end,
    message: error.message,
    reasonCode: error.reasonCode,
    clause: error.clause,
    answer: context.isSent ? undefined : answerTo(error, isFirst, version ?? item.protocolVersion),
  };
}

function knownVersion(version: number | undefined): ProtocolVersion | undefined {
  return version === 3 || version === 4 || version === 5 ? version : undefined;
}

/** Answer to a packet that the decoder refuses, as a connection gives it. */
function answerTo(error: MqttError, isFirst: boolean, version: ProtocolVersion | undefined): string {
  const said = (packet: string, code: number) =>
    `${packet} 0x${code.toString(16).padStart(2, "0")} (${
      REASON_WORDS[code] ?? "Unknown"
    }), then the connection closes`;
  if (isFirst && error instanceof UnsupportedProtocolVersionError) { // [MQTT-3.1.2-2]
    return error.level > 5 && !error.isMqisdp
      ? said("CONNACK", error.reasonCode)
      : "CONNACK 0x01 (unacceptable protocol version), then the connection closes";
  }
  if (version !== 5) return "the connection closes without an answer"; // 3.1.1 has no way to say why.
  if (isFirst) return said("CONNACK", error.reasonCode);
  return said(
    "DISCONNECT",
    isReasonCodeOf("disconnect", error.reasonCode) ? error.reasonCode : ReasonCode.ProtocolError,
  );
}

function rangeOf(
  error: MqttError,
  bytes: Uint8Array,
  fields: readonly Field[],
  version: ProtocolVersion | undefined,
  rest: number | undefined,
): [number, number] {
  const { clause } = error;
  if (FIRST_BYTE_CLAUSES.has(clause)) return [0, 1];
  const length = named("mqtt.len", fields);
  if (length === undefined || length.end > 5 || (length.end > 2 && bytes[length.end - 1] === 0)) {
    return [1, length?.end ?? bytes.length]; // A Remaining Length of more bytes than are allowed, or needed.
  }
  const type = (bytes[0] ?? 0) >> 4;
  const isPublish = type === PacketType.publish;
  const abbreviation = NAMED_FIELDS[clause] ?? (isPublish ? PUBLISH_FIELDS[clause] : undefined);
  const position = failedAt(type, bytes, length.end, fields, version);
  let wrong = abbreviation === undefined ? undefined : named(abbreviation, fields);
  if (wrong !== undefined && STRING_CLAUSES.has(clause) && wrongCharacter(bytes, wrong) === undefined) {
    wrong = undefined;
  }
  if (wrong === undefined && rest !== undefined && position === rest && rest < bytes.length) {
    return [rest, bytes.length]; // Bytes after the last field.
  }
  wrong ??= innermost(fields, position - 1);
  if (wrong === undefined || abbreviation === "mqtt.msgid" && wrong.abbreviation !== abbreviation) {
    const start = fields.at(-1)?.end ?? length.end; // Bytes are missing.
    return start < bytes.length ? [start, bytes.length] : [length.start, length.end];
  }
  const at = STRING_CLAUSES.has(clause) ? wrongCharacter(bytes, wrong) : undefined;
  return at === undefined ? [wrong.start, wrong.end] : [at, at + 1];
}

function named(abbreviation: Abbreviation, fields: readonly Field[]): Field | undefined {
  return fields.find((field) => field.abbreviation === abbreviation);
}

/** Position of the broker's reader when it gave up. */
function failedAt(
  type: number,
  bytes: Uint8Array,
  body: number,
  fields: readonly Field[],
  version: ProtocolVersion | undefined,
): number {
  const isPublish = type === PacketType.publish;
  const properties = fields.find(({ abbreviation }) => abbreviation === "mqtt.properties");
  const lastBefore = fields.findLast(({ abbreviation }) => /^mqtt\.(?:topic|topic_len|msgid)$/.test(abbreviation));
  const reader = new ByteReader(bytes, isPublish ? properties?.start ?? lastBefore?.end ?? body : body, bytes.length);
  try {
    if (isPublish) readProperties(reader, "publish");
    else readPacketBody(packetTypeOf(type), reader, version ?? 4);
  } catch (error) {
    if (!(error instanceof MqttError)) throw error;
  }
  return reader.position;
}

function packetTypeOf(type: number): OtherPacketType {
  const names = Object.keys(PacketType) as PacketType[]; // Object.keys of a constant gives its keys.
  const name = names.find((name) => PacketType[name] === type);
  return name === undefined || name === "publish" ? "pingreq" : name; // The decoder knows the type.
}

function innermost(fields: readonly Field[], byte: number): Field | undefined {
  const field = fields.findLast(({ start, end }) => start <= byte && byte < end);
  return field && (innermost(field.children, byte) ?? field);
}

/** First byte of a field that is no UTF-8 Encoded String: U+0000, or where the text stops being well-formed. */
function wrongCharacter(bytes: Uint8Array, { start, end }: Field): number | undefined {
  const nul = bytes.subarray(start, end).indexOf(0);
  if (nul !== -1) return start + nul;
  let good = start;
  let bad = end + 1;
  while (bad - good > 1) { // Every beginning of a good beginning is good.
    const middle = good + bad >> 1;
    if (isBeginning(bytes.subarray(start, middle))) good = middle;
    else bad = middle;
  }
  return bad <= end ? bad - 1 : isBeginning(bytes.subarray(start, end), false) ? undefined : end - 1;
}

/** Whether bytes are well-formed UTF-8, or a beginning of it if more may follow. */
function isBeginning(bytes: Uint8Array, mayContinue = true): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: mayContinue });
    return true;
  } catch {
    return false; // A fatal TextDecoder throws only for ill-formed UTF-8.
  }
}
