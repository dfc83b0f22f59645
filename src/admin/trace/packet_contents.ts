/**
 * Facts of packets that a trace needs, read from the bytes without decoding them: a client can fill a chunk with packets
 * that take long to decode. The broker decodes those in several turns; a tap has only one.
 */

import { ByteReader } from "../../codec/byte_reader.ts";
import { fixedHeaderBytes } from "../../codec/fixed_header.ts";
import { malformed, MqttError } from "../../codec/mqtt_error.ts";
import { unreachable } from "../../codec/packet.ts";
import { PROPERTIES_BY_IDENTIFIER, type PropertyDefinition } from "../../codec/property.ts";
import type { ToldPacket } from "./tapped_side.ts";
import type { TopicTarget } from "./trace_target.ts";

/** Names in CONNECT, as far as they can be read. */
export interface ConnectNames {
  readonly protocolVersion?: number;
  readonly clientId?: string;
  readonly userName?: string;
}

/** Topic of a PUBLISH: the range of its bytes, empty behind a Topic Alias. */
export interface PublishTopic {
  readonly start: number;
  readonly end: number;
  readonly alias: number | undefined;
}

const BRIDGE_BIT = 0x80;
const USER_NAME = 0x80;
const WILL = 0x04;
const QOS = 0x06;
/** Characters of the topics behind the aliases of one side that are remembered. */
const MOST_ALIAS_CHARACTERS = 65_536;
/** Topic Filters of a packet to look at; one with more is taken to be about every topic. */
const MOST_FILTERS = 1_000;
const UTF8_DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** Names in a CONNECT (section 3.1), which may be cut or malformed. */
export function connectNames(packet: ToldPacket): ConnectNames {
  let names: ConnectNames = {};
  reading(packet, (reader) => {
    reader.string("Protocol Name");
    const protocolVersion = reader.byte("Protocol Version") & ~BRIDGE_BIT;
    names = { protocolVersion };
    const flags = reader.byte("Connect Flags");
    reader.uint16("Keep Alive");
    if (protocolVersion === 5) skipProperties(reader);
    const clientId = reader.string("Client Identifier");
    names = { protocolVersion, clientId };
    if ((flags & USER_NAME) === 0) return;
    if ((flags & WILL) !== 0) {
      if (protocolVersion === 5) skipProperties(reader);
      reader.binary("Will Topic");
      reader.binary("Will Payload");
    }
    names = { protocolVersion, clientId, userName: reader.string("User Name") };
  });
  return names;
}

/** Topic of a PUBLISH (section 3.3.2); `undefined` if it cannot be read. */
export function publishTopic(packet: ToldPacket, protocolVersion: number | undefined): PublishTopic | undefined {
  let topic: PublishTopic | undefined;
  reading(packet, (reader) => {
    const { bytes } = reader;
    const { length, byteOffset } = reader.binary("Topic Name");
    const start = byteOffset - bytes.byteOffset;
    topic = { start, end: start + length, alias: undefined };
    if (protocolVersion !== 5) return;
    if (((bytes[packet.start] ?? 0) & QOS) !== 0) reader.uint16("Packet Identifier");
    topic = { ...topic, alias: topicAliasOf(reader) };
  });
  return topic;
}

/** Whether a SUBSCRIBE or UNSUBSCRIBE has a Topic Filter that overlaps one. */
export function hasTopicFilter(
  packet: ToldPacket,
  target: TopicTarget,
  protocolVersion: number | undefined,
  hasOptions: boolean,
): boolean {
  let isFound = false;
  reading(packet, (reader) => {
    reader.uint16("Packet Identifier");
    if (protocolVersion === 5) skipProperties(reader);
    for (let count = 0; !isFound && reader.remaining > 0; count++) {
      isFound = count >= MOST_FILTERS || target.overlaps(reader.string("Topic Filter"));
      if (hasOptions) reader.byte("Subscription Options");
    }
  });
  return isFound;
}

/** Topics behind the Topic Aliases of one side (MQTT 5, section 3.3.2.3.4). */
export class SideAliases {
  readonly #topics = new Map<number, string>();
  #characters = 0;

  /** Remembers the topic of a PUBLISH that has both; gives the topic of one that has the alias alone. */
  resolve({ bytes }: ToldPacket, { start, end, alias }: PublishTopic): string | undefined {
    if (alias === undefined) return undefined;
    if (start === end) return this.#topics.get(alias);
    const topic = UTF8_DECODER.decode(bytes.subarray(start, end));
    this.#characters += topic.length - (this.#topics.get(alias)?.length ?? 0);
    this.#topics.set(alias, topic);
    if (this.#characters > MOST_ALIAS_CHARACTERS) {
      this.#topics.clear();
      this.#characters = 0;
    }
    return undefined;
  }
}

/** Reads the body of a packet as far as it goes. */
function reading({ bytes, start, end }: ToldPacket, read: (reader: ByteReader) => void): void {
  try {
    const headerBytes = fixedHeaderBytes(bytes, start, end);
    if (headerBytes !== undefined) read(new ByteReader(bytes, start + headerBytes, end));
  } catch (error) {
    if (!(error instanceof MqttError)) throw error; // It is cut, or malformed.
  }
}

function skipProperties(reader: ByteReader): void {
  reader.view(reader.varint("Property Length"), "properties");
}

/** Topic Alias among the properties of a PUBLISH (MQTT 5, section 3.3.2.3.4). */
function topicAliasOf(reader: ByteReader): number | undefined {
  const end = reader.varint("Property Length") + reader.position;
  while (reader.position < end) {
    const definition = PROPERTIES_BY_IDENTIFIER[reader.varint("identifier")];
    if (definition === undefined) return undefined; // Malformed.
    if (definition.name === "topicAlias") return reader.uint16("Topic Alias");
    skipValue(reader, definition);
  }
  return undefined;
}

function skipValue(reader: ByteReader, { type }: PropertyDefinition): void {
  switch (type) {
    case "flag":
      reader.byte("value");
      return;
    case "uint16":
    case "positiveUint16":
      reader.uint16("value");
      return;
    case "uint32":
    case "positiveUint32":
      reader.uint32("value");
      return;
    case "positiveVarint":
      reader.varint("value");
      return;
    case "string":
    case "topic":
    case "binary":
      skipText(reader);
      return;
    case "pair":
      skipText(reader);
      skipText(reader);
      return;
    default:
      unreachable(type);
  }
}

function skipText(reader: ByteReader): void {
  const length = reader.uint16("length");
  if (length > reader.remaining) throw malformed("A property reaches beyond the end of the packet", "MQTT 2.1.4");
  reader.position += length;
}
