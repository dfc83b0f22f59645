/**
 * Fields of a dissected packet, in the words of Wireshark 4: names, value names and bit lines are what its users know, and
 * what articles show. Sections are those of the version of the packet.
 */

import {
  ACKNOWLEDGEMENT_WORDS,
  DISCONNECT_WORDS,
  PROPERTY_WORDS,
  REASON_WORDS,
  SUBACK_WORDS,
  UNSUBACK_WORDS,
  type Words,
} from "./wireshark_words.ts";

/** Value of a field; bytes are a view on the packet. */
export type FieldValue = number | boolean | string | Uint8Array | undefined;

/** Part of a packet that has a meaning of its own. */
export interface Field {
  /** Text before the colon: `Keep Alive`, or with its bits `...0 0... = QoS Level`. */
  readonly label: string;
  /** Text after the colon; undefined for a group such as `Properties`. */
  readonly shown: string | undefined;
  /** Name in Wireshark's filters, such as `mqtt.kalive`. */
  readonly abbreviation: Abbreviation;
  readonly value: FieldValue;
  /** Range in the packet, the end exclusive. */
  readonly start: number;
  readonly end: number;
  /** Where the specification describes it, such as `MQTT 5 3.1.2.10`. */
  readonly section: string;
  /** Whether the field is concluded and not in the packet, such as the topic of a Topic Alias. */
  readonly isGenerated?: boolean;
  readonly children: readonly Field[];
}

interface FieldDefinition {
  readonly name: string;
  /** In MQTT 5, and in 3.1.1 where it differs. `~` is the number of the packet, which is that of its section. */
  readonly section: string | readonly [string, string];
  readonly words?: Words;
  readonly isHex?: boolean;
  readonly isFlag?: boolean;
  /** Bits of a byte. */
  readonly mask?: number;
}

const QOS_WORDS: Words = {
  0: "At most once delivery (Fire and Forget)",
  1: "At least once delivery (Acknowledged deliver)",
  2: "Exactly once delivery (Assured Delivery)",
  3: "Reserved",
};
/** Names of packets by their type. */
export const PACKET_WORDS: Words = {
  0: "Reserved",
  1: "Connect Command",
  2: "Connect Ack",
  3: "Publish Message",
  4: "Publish Ack",
  5: "Publish Received",
  6: "Publish Release",
  7: "Publish Complete",
  8: "Subscribe Request",
  9: "Subscribe Ack",
  10: "Unsubscribe Request",
  11: "Unsubscribe Ack",
  12: "Ping Request",
  13: "Ping Response",
  14: "Disconnect Req",
  15: "Authentication Exchange",
};
const VERSION_WORDS: Words = {
  3: "MQTT v3.1",
  4: "MQTT v3.1.1",
  5: "MQTT v5.0",
  0x83: "MQTT v3.1 of a bridge",
  0x84: "MQTT v3.1.1 of a bridge",
};
const RETURN_CODE_WORDS: Words = {
  0: "Connection Accepted",
  1: "Connection Refused: unacceptable protocol version",
  2: "Connection Refused: identifier rejected",
  3: "Connection Refused: server unavailable",
  4: "Connection Refused: bad user name or password",
  5: "Connection Refused: not authorized",
};
const RETAIN_HANDLING_WORDS: Words = {
  0: "Send msgs at subscription time",
  1: "Send msgs if subscription does not exist",
  2: "Do not send msgs at subscription time",
  3: "Reserved",
};

const TYPE_SECTION = ["2.1.2", "2.2.1"] as const;
const FLAGS_SECTION = ["2.1.3", "2.2.2"] as const;
const REASON_CODE_SECTION = "3.~.2.1";

// deno-fmt-ignore
const FIELDS = {
  "mqtt.hdrflags": { name: "Header Flags", section: ["2.1.1", "2.2"], isHex: true },
  "mqtt.msgtype": { name: "Message Type", section: TYPE_SECTION, words: PACKET_WORDS, mask: 0xf0 },
  "mqtt.hdr_reserved": { name: "Reserved", section: FLAGS_SECTION, mask: 0x0f },
  "mqtt.retain_reserved": { name: "Reserved", section: FLAGS_SECTION, mask: 0x01 },
  "mqtt.dupflag": { name: "DUP Flag", section: "3.3.1.1", isFlag: true, mask: 0x08 },
  "mqtt.qos": { name: "QoS Level", section: "3.3.1.2", words: QOS_WORDS, mask: 0x06 },
  "mqtt.retain": { name: "Retain", section: "3.3.1.3", isFlag: true, mask: 0x01 },
  "mqtt.len": { name: "Msg Len", section: ["2.1.4", "2.2.3"] },
  "mqtt.proto_len": { name: "Protocol Name Length", section: "3.1.2.1" },
  "mqtt.protoname": { name: "Protocol Name", section: "3.1.2.1" },
  "mqtt.ver": { name: "Version", section: "3.1.2.2", words: VERSION_WORDS },
  "mqtt.conflags": { name: "Connect Flags", section: "3.1.2.3", isHex: true },
  "mqtt.conflag.uname": { name: "User Name Flag", section: "3.1.2.8", isFlag: true, mask: 0x80 },
  "mqtt.conflag.passwd": { name: "Password Flag", section: "3.1.2.9", isFlag: true, mask: 0x40 },
  "mqtt.conflag.retain": { name: "Will Retain", section: "3.1.2.7", isFlag: true, mask: 0x20 },
  "mqtt.conflag.qos": { name: "QoS Level", section: "3.1.2.6", words: QOS_WORDS, mask: 0x18 },
  "mqtt.conflag.willflag": { name: "Will Flag", section: "3.1.2.5", isFlag: true, mask: 0x04 },
  "mqtt.conflag.cleansess": { name: "Clean Session Flag", section: "3.1.2.4", isFlag: true, mask: 0x02 },
  "mqtt.conflag.reserved": { name: "(Reserved)", section: "3.1.2.3", isFlag: true, mask: 0x01 },
  "mqtt.kalive": { name: "Keep Alive", section: "3.1.2.10" },
  "mqtt.clientid_len": { name: "Client ID Length", section: "3.1.3.1" },
  "mqtt.clientid": { name: "Client ID", section: "3.1.3.1" },
  "mqtt.will_properties": { name: "Will Properties", section: "3.1.3.2" },
  "mqtt.willtopic_len": { name: "Will Topic Length", section: ["3.1.3.3", "3.1.3.2"] },
  "mqtt.willtopic": { name: "Will Topic", section: ["3.1.3.3", "3.1.3.2"] },
  "mqtt.willmsg_len": { name: "Will Message Length", section: ["3.1.3.4", "3.1.3.3"] },
  "mqtt.willmsg": { name: "Will Message", section: ["3.1.3.4", "3.1.3.3"] },
  "mqtt.username_len": { name: "User Name Length", section: ["3.1.3.5", "3.1.3.4"] },
  "mqtt.username": { name: "User Name", section: ["3.1.3.5", "3.1.3.4"] },
  "mqtt.passwd_len": { name: "Password Length", section: ["3.1.3.6", "3.1.3.5"] },
  "mqtt.passwd": { name: "Password", section: ["3.1.3.6", "3.1.3.5"] },
  "mqtt.conack.flags": { name: "Acknowledge Flags", section: "3.2.2.1", isHex: true },
  "mqtt.conack.flags.reserved": { name: "Reserved", section: "3.2.2.1", isFlag: true, mask: 0xfe },
  "mqtt.conack.flags.sp": { name: "Session Present", section: ["3.2.2.1.1", "3.2.2.2"], isFlag: true, mask: 0x01 },
  "mqtt.conack.val": { name: "Return Code", section: ["3.2.2.2", "3.2.2.3"], words: RETURN_CODE_WORDS },
  "mqtt.topic_len": { name: "Topic Length", section: "3.~.3" },
  "mqtt.topic": { name: "Topic", section: "3.~.3" },
  "mqtt.msgid": { name: "Message Identifier", section: "3.~.2" },
  "mqtt.msg": { name: "Message", section: "3.3.3" },
  "mqtt.sub.qos": { name: "Requested QoS", section: "3.8.3", words: QOS_WORDS },
  "mqtt.subscription_options": { name: "Subscription Options", section: "3.8.3.1", isHex: true },
  "mqtt.subscription_options_reserved": { name: "Reserved", section: "3.8.3.1", isHex: true, mask: 0xc0 },
  "mqtt.subscription_options_retain": { name: "Retain Handling", section: "3.8.3.1", words: RETAIN_HANDLING_WORDS, mask: 0x30 },
  "mqtt.subscription_options_rap": { name: "Retain As Published", section: "3.8.3.1", isFlag: true, mask: 0x08 },
  "mqtt.subscription_options_nl": { name: "No Local", section: "3.8.3.1", isFlag: true, mask: 0x04 },
  "mqtt.subscription_options_qos": { name: "QoS", section: "3.8.3.1", words: QOS_WORDS, mask: 0x03 },
  "mqtt.suback.qos": { name: "Granted QoS", section: "3.9.3", words: { ...QOS_WORDS, 128: "Failure" } },
  "mqtt.connack.reason_code": { name: "Reason Code", section: "3.2.2.2", words: REASON_WORDS },
  "mqtt.puback.reason_code": { name: "Reason Code", section: REASON_CODE_SECTION, words: ACKNOWLEDGEMENT_WORDS },
  "mqtt.pubrec.reason_code": { name: "Reason Code", section: REASON_CODE_SECTION, words: ACKNOWLEDGEMENT_WORDS },
  "mqtt.pubrel.reason_code": { name: "Reason Code", section: REASON_CODE_SECTION, words: REASON_WORDS },
  "mqtt.pubcomp.reason_code": { name: "Reason Code", section: REASON_CODE_SECTION, words: REASON_WORDS },
  "mqtt.suback.reason_code": { name: "Reason Code", section: "3.9.3", words: SUBACK_WORDS },
  "mqtt.unsuback.reason_code": { name: "Reason Code", section: "3.11.3", words: UNSUBACK_WORDS },
  "mqtt.disconnect.reason_code": { name: "Reason Code", section: REASON_CODE_SECTION, words: DISCONNECT_WORDS },
  "mqtt.auth.reason_code": { name: "Reason Code", section: REASON_CODE_SECTION, words: REASON_WORDS },
  "mqtt.properties": { name: "Properties", section: "2.2.2" },
  "mqtt.property_len": { name: "Total Length", section: "2.2.2.1" },
  "mqtt.property_id": { name: "ID", section: "2.2.2.2", words: PROPERTY_WORDS, isHex: true },
  "mqtt.prop_number": { name: "Value", section: "2.2.2.2" },
  "mqtt.property.content_type": { name: "Content Type", section: "3.3.2.3.9" },
  "mqtt.property.max_qos": { name: "QoS", section: "3.2.2.3.4", words: QOS_WORDS },
  "mqtt.property.topic_alias": { name: "Topic Alias", section: "3.3.2.3.4" },
  "mqtt.prop_unknown": { name: "Unknown Property", section: "2.2.2.2" },
  "mqtt.prop_string_len": { name: "Length", section: "2.2.2.2" },
  "mqtt.prop_string": { name: "Value", section: "2.2.2.2" },
  "mqtt.prop_key_len": { name: "Key Length", section: "2.2.2.2" },
  "mqtt.prop_key": { name: "Key", section: "2.2.2.2" },
  "mqtt.prop_value_len": { name: "Value Length", section: "2.2.2.2" },
  "mqtt.prop_value": { name: "Value", section: "2.2.2.2" },
} as const satisfies Readonly<Record<string, FieldDefinition>>;
/** Name of a field in Wireshark's filters. */
export type Abbreviation = keyof typeof FIELDS;

/** Bytes of a text or payload that Wireshark shows in a line. */
const MOST_SHOWN_BYTES = 36;
const MOST_LINE_BYTES = 239;
const TRUNCATED_LINE_BYTES = 238;
const TRUNCATED = " [truncated]";
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const ENCODER = new TextEncoder();
const ESCAPES: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

/** Signal that a packet ends within a field. */
export class CutShort extends Error {}

/** Cursor over a packet that collects the fields it reads. */
export class FieldReader {
  position = 0;
  /** Version of the packet; CONNECT says it itself. */
  version: number | undefined;
  #fields: Field[];

  constructor(
    readonly bytes: Uint8Array,
    readonly end: number,
    version: number | undefined,
    fields: Field[],
  ) {
    this.version = version;
    this.#fields = fields;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  /** Integer of 1, 2 or 4 bytes. */
  uint(abbreviation: Abbreviation, byteCount: 1 | 2 | 4): number {
    this.#need(byteCount);
    let value = 0;
    for (let index = 0; index < byteCount; index++) value = value * 256 + (this.bytes[this.position + index] as number); // Needed.
    const definition = definitionOf(abbreviation);
    const shown = numberText(definition, value, byteCount * 2);
    this.#add(abbreviation, byteCount, definition.isFlag ? value !== 0 : value, shown);
    return value;
  }

  /** Variable Byte Integer; a longer one than is allowed is read as far as Wireshark does. */
  varint(abbreviation: Abbreviation): number {
    const start = this.position;
    const value = this.peekVarint();
    const byteCount = this.position - start;
    this.position = start;
    this.#add(abbreviation, byteCount, value, `${value}`);
    return value;
  }

  /** Value of a Variable Byte Integer, without a field. */
  peekVarint(): number {
    let value = 0;
    for (let factor = 1, byte = 0x80; byte > 0x7f && factor < 2 ** 63; factor *= 128) {
      this.#need(1);
      byte = this.bytes[this.position++] as number; // Needed.
      value += (byte & 0x7f) * factor;
    }
    return value;
  }

  /** Text or Binary Data after its length of two bytes; shown as text either way, as Wireshark does. */
  text(lengthAbbreviation: Abbreviation, abbreviation: Abbreviation, isOmittedIfEmpty = false): string {
    const length = this.uint(lengthAbbreviation, 2);
    return isOmittedIfEmpty && length === 0 ? "" : this.textOf(abbreviation, length);
  }

  /** Text of a known length. */
  textOf(abbreviation: Abbreviation, length: number): string {
    const available = Math.min(length, this.remaining);
    const text = DECODER.decode(this.bytes.subarray(this.position, this.position + available));
    this.#add(abbreviation, available, text, escaped(text));
    if (available < length) throw new CutShort();
    return text;
  }

  /** Text with its length as one field. */
  countedText(abbreviation: Abbreviation): void {
    this.#need(2);
    const length = (this.bytes[this.position] as number) << 8 | (this.bytes[this.position + 1] as number); // Needed.
    const available = Math.min(length, this.remaining - 2);
    const text = DECODER.decode(this.bytes.subarray(this.position + 2, this.position + 2 + available));
    this.#add(abbreviation, 2 + available, text, escaped(text));
    if (available < length) throw new CutShort();
  }

  /** Bytes of a known length. */
  payload(abbreviation: Abbreviation, length: number): void {
    const available = Math.min(length, this.remaining);
    const view = this.bytes.subarray(this.position, this.position + available);
    this.#add(abbreviation, available, view, bytesText(view));
    if (available < length) throw new CutShort();
  }

  /** A byte of flags, with a line for each. */
  flags(abbreviation: Abbreviation, parts: readonly Abbreviation[]): number {
    this.#need(1);
    const start = this.position;
    const byte = this.bytes[start] as number; // Needed.
    let shown = hex(byte, 2);
    const children = parts.map((part): Field => {
      const definition = definitionOf(part);
      const { name, mask = 0xff, isFlag, words } = definition;
      const value = (byte & mask) / (mask & -mask);
      if (isFlag && value !== 0) shown += `, ${name}`;
      else if (words !== undefined) shown += `, ${name}: ${words[value] ?? "Unknown"}`;
      return {
        label: `${bits(byte, mask)} = ${name}`,
        shown: numberText(definition, value, 1), // The only bits shown in hex are two.
        abbreviation: part,
        value: isFlag ? value !== 0 : value,
        start,
        end: start + 1,
        section: this.#section(definition),
        children: [],
      };
    });
    this.#add(abbreviation, 1, byte, shown, children);
    return byte;
  }

  /** A field that is concluded and has no bytes. */
  generated(abbreviation: Abbreviation, value: string): void {
    this.#add(abbreviation, 0, value, escaped(value), [], true);
  }

  /** Reads a group, whose fields become children of one that spans them and is at most `length` bytes long. */
  group(abbreviation: Abbreviation, length: number, read: () => void): void {
    const outer = this.#fields;
    const children: Field[] = [];
    const start = this.position;
    const definition = definitionOf(abbreviation);
    outer.push({
      label: definition.name,
      shown: undefined,
      abbreviation,
      value: undefined,
      start,
      end: Math.min(start + length, this.end),
      section: this.#section(definition),
      children,
    });
    this.#fields = children;
    read(); // Nothing is read after a failure, so the outer fields are not needed then.
    this.#fields = outer;
  }

  #add(
    abbreviation: Abbreviation,
    byteCount: number,
    value: FieldValue,
    shown: string,
    children: readonly Field[] = [],
    isGenerated = false,
  ): void {
    const definition = definitionOf(abbreviation);
    const start = this.position;
    const [label, fitting] = fittingLine(definition.name, shown);
    this.#fields.push({
      label,
      shown: fitting,
      abbreviation,
      value,
      start,
      end: start + byteCount,
      section: this.#section(definition),
      ...isGenerated ? { isGenerated } : {},
      children,
    });
    this.position = start + byteCount;
  }

  #need(count: number): void {
    if (this.remaining < count) throw new CutShort();
  }

  /** Section of the version of the packet; MQTT 3.1 has one section a packet. */
  #section({ section }: FieldDefinition): string {
    const [own, older] = typeof section === "string" ? [section, section] : section;
    const type = `${(this.bytes[0] ?? 0) >> 4}`;
    if (this.version === 5) return `MQTT 5 ${own.replace("~", type)}`;
    const number = older.replace("~", type);
    return this.version === 3 ? `MQTT 3.1 ${number.split(".").slice(0, 2).join(".")}` : `MQTT 3.1.1 ${number}`;
  }
}

/** Line of a field as Wireshark prints it. */
export function fieldLine({ label, shown, isGenerated }: Field): string {
  const line = shown === undefined ? label : `${label}: ${shown}`;
  return isGenerated ? `[${line}]` : line;
}

function definitionOf(abbreviation: Abbreviation): FieldDefinition {
  return FIELDS[abbreviation];
}

function numberText({ words, isHex, isFlag }: FieldDefinition, value: number, hexDigits: number): string {
  if (isFlag) return value === 0 ? "Not set" : "Set";
  const digits = isHex ? hex(value, hexDigits) : `${value}`;
  return words === undefined ? digits : `${words[value] ?? "Unknown"} (${digits})`;
}

function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, "0")}`;
}

function bits(byte: number, mask: number): string {
  let text = "";
  for (let bit = 7; bit >= 0; bit--) {
    text += (mask >> bit & 1) === 0 ? "." : `${byte >> bit & 1}`;
    if (bit === 4) text += " ";
  }
  return text;
}

function bytesText(bytes: Uint8Array): string {
  if (bytes.length === 0) return "<MISSING>";
  let text = "";
  for (const byte of bytes.subarray(0, MOST_SHOWN_BYTES)) text += byte.toString(16).padStart(2, "0");
  return bytes.length > MOST_SHOWN_BYTES ? `${text}…` : text;
}

/** Text with characters that cannot be seen written as Wireshark does. */
function escaped(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cn}\p{Cs}]/gu, (character) => {
    const known = ESCAPES[character];
    if (known !== undefined) return known;
    const code = character.codePointAt(0) ?? 0; // It has a character.
    if (code < 0x80) return `\\${code.toString(8).padStart(3, "0")}`;
    const digits = code.toString(16).toUpperCase();
    return code > 0xffff ? `\\U${digits.padStart(8, "0")}` : `\\u${digits.padStart(4, "0")}`;
  });
}

/** Label and text, the text cut where Wireshark cuts a line. */
function fittingLine(name: string, shown: string): [string, string] {
  if (shown.length * 3 <= MOST_LINE_BYTES - name.length) return [name, shown]; // At most three bytes a code unit.
  if (name.length + 2 + ENCODER.encode(shown).length <= MOST_LINE_BYTES) return [name, shown];
  const room = new Uint8Array(TRUNCATED_LINE_BYTES - name.length - TRUNCATED.length - 2);
  return [name + TRUNCATED, shown.slice(0, ENCODER.encodeInto(shown, room).read)];
}
