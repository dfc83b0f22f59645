/**
 * Packets of one connection in their order: the version that CONNECT stated, topics behind Topic Aliases, and which packet
 * answers which.
 *
 * ```text
 * 1 ▸ PUBLISH test/hello (alias 1) · 5 B · QoS 1 · id 7
 * 2 ◂ PUBACK id 7                                          answers 1, after 0.4 ms
 * 3 ▸ PUBLISH test/hello (alias 1) · 5 B · QoS 0            the topic is that of 1
 * ```
 */

import { PacketType } from "../../codec/packet.ts";
import { ReasonCode } from "../../codec/reason_code.ts";
import { dissect, type Dissection, type DissectOptions, type Field, type Flaw } from "./dissector.ts";
import type { Piece } from "./frames.ts";
import { type Summary, summaryOf } from "./summary.ts";

/** Packet as a trace has it. */
export interface TracedPacket {
  /** Epoch milliseconds. */
  readonly timeMs: number;
  /** Whether the broker sent it. */
  readonly isSent: boolean;
  /** The bytes, or the first of them that were kept. */
  readonly bytes: Uint8Array;
  readonly wireBytes?: number | undefined;
  /** Frames or reads that it came in. */
  readonly pieces?: readonly Piece[] | undefined;
  /** Fault of the packet before its secrets were overwritten. */
  readonly flaw?: Flaw | undefined;
  /** Number of its record in a trace, by which a list finds the row of a packet. */
  readonly record?: number | undefined;
  /** Topic behind the Topic Alias of a PUBLISH, where it is known without the PUBLISH that gave it. */
  readonly topic?: string | undefined;
}

/** Packet within its conversation. */
export interface Entry extends TracedPacket {
  /** Number in the conversation, 1 for the first packet. */
  readonly number: number;
  readonly summary: Summary;
  /** Context in which the packet is dissected, again if need be: a list keeps no trees. */
  readonly context: DissectOptions;
  /** Packet that this one answers. */
  readonly answers: Entry | undefined;
  /** Packet that answers this one; set when it comes. */
  answeredBy: Entry | undefined;
}

const ASSIGNED_CLIENT_IDENTIFIER = 0x12;

/** One connection. */
export class Conversation {
  #count = 0;
  #version: number | undefined;
  #clientId: string | undefined;
  /** Topics by alias, of the packets of each side. */
  readonly #sentAliases = new Map<number, string>();
  readonly #receivedAliases = new Map<number, string>();
  /** Last packet of each exchange that is not over. */
  readonly #open = new Map<string, Entry>();

  /** Version that CONNECT stated, once it is known. */
  get protocolVersion(): number | undefined {
    return this.#version;
  }

  /** Client Identifier of CONNECT, or the one that CONNACK assigned; undefined before. */
  get clientId(): string | undefined {
    return this.#clientId;
  }

  /**
   * Begins a conversation.
   *
   * @param isFromStart whether its first packet is the first of the connection, which must be CONNECT
   * @param protocolVersion of a connection whose CONNECT was before
   */
  constructor(readonly isFromStart = true, protocolVersion?: number) {
    this.#version = protocolVersion;
  }

  /** Takes the next packet, in the order in which they were sent. */
  add(packet: TracedPacket): Entry {
    const { bytes, isSent, flaw } = packet;
    const aliases = isSent ? this.#sentAliases : this.#receivedAliases;
    let topic: string | undefined;
    const options: DissectOptions = {
      protocolVersion: this.#version,
      isSent,
      isFirst: this.isFromStart && this.#count === 0,
      flaw,
    };
    const dissection = dissect(bytes, {
      ...options,
      topicOfAlias: (alias) => topic = packet.topic ?? aliases.get(alias),
    });
    this.#version ??= dissection.type === PacketType.connect ? dissection.protocolVersion : undefined;
    this.#clientId ??= clientIdOf(dissection);
    this.#remember(dissection, aliases);
    const key = exchangeOf(dissection, isSent);
    const answers = key === undefined || isBeginning(dissection) ? undefined : this.#open.get(key);
    const entry: Entry = {
      ...packet,
      number: this.#count += 1,
      summary: summaryOf(dissection, packet.wireBytes ?? bytes.length),
      context: topic === undefined ? options : { ...options, topicOfAlias: () => topic },
      answers,
      answeredBy: undefined,
    };
    if (answers !== undefined) answers.answeredBy = entry;
    if (key !== undefined && dissection.flaw === undefined) this.#follow(key, dissection, entry);
    return entry;
  }

  /** Remembers the topic of an alias (MQTT 5, section 3.3.2.3.4). */
  #remember({ topicAlias, fields }: Dissection, aliases: Map<number, string>): void {
    if (topicAlias === undefined) return;
    const topic = fields.find(({ abbreviation, isGenerated }) => abbreviation === "mqtt.topic" && !isGenerated)?.value;
    if (typeof topic === "string") aliases.set(topicAlias, topic);
  }

  #follow(key: string, dissection: Dissection, entry: Entry): void {
    if (isEnd(dissection)) this.#open.delete(key);
    else this.#open.set(key, entry);
  }
}

/** Dissection of a packet of a conversation. */
export function dissectEntry({ bytes, context }: Entry): Dissection {
  return dissect(bytes, context);
}

function clientIdOf({ type, fields }: Dissection): string | undefined {
  if (type !== PacketType.connect && type !== PacketType.connack) return undefined;
  const properties = fields.find(({ abbreviation }) => abbreviation === "mqtt.properties")?.children ?? [];
  const assigned = properties.findIndex(({ abbreviation, value }) =>
    abbreviation === "mqtt.property_id" && value === ASSIGNED_CLIENT_IDENTIFIER
  );
  const field = type === PacketType.connect
    ? fields.find(({ abbreviation }) => abbreviation === "mqtt.clientid")
    : properties.find(({ abbreviation }, index) =>
      assigned !== -1 && index > assigned && abbreviation === "mqtt.prop_string"
    );
  return typeof field?.value === "string" && field.value !== "" ? field.value : undefined;
}

/** Name of the exchange that a packet belongs to; undefined for a packet that stands alone. */
function exchangeOf({ type, fields }: Dissection, isSent: boolean): string | undefined {
  switch (type) {
    case PacketType.connect:
    case PacketType.connack:
    case PacketType.auth:
      return "connect";
    case PacketType.pingreq:
    case PacketType.pingresp:
      return "ping";
    case PacketType.subscribe:
    case PacketType.suback:
    case PacketType.unsubscribe:
    case PacketType.unsuback:
      return named("subscribe", fields);
    case PacketType.publish:
    case PacketType.pubrel: // Both come from the side whose message it is; Packet Identifiers of the sides are not related.
      return named(isSent ? "sent" : "received", fields);
    case PacketType.puback:
    case PacketType.pubrec:
    case PacketType.pubcomp:
      return named(isSent ? "received" : "sent", fields);
    default:
      return undefined;
  }
}

function named(exchange: string, fields: readonly Field[]): string | undefined {
  const identifier = fields.find(({ abbreviation }) => abbreviation === "mqtt.msgid")?.value;
  return identifier === undefined ? undefined : `${exchange} ${identifier}`;
}

function isBeginning({ type, fields }: Dissection): boolean {
  return type === PacketType.connect || type === PacketType.publish || type === PacketType.subscribe ||
    type === PacketType.unsubscribe ||
    type === PacketType.pingreq || (type === PacketType.auth && reasonCode(fields) === ReasonCode.ReAuthenticate);
}

function isEnd({ type, fields }: Dissection): boolean {
  switch (type) {
    case PacketType.connack:
    case PacketType.puback:
    case PacketType.pubcomp:
    case PacketType.suback:
    case PacketType.unsuback:
    case PacketType.pingresp:
      return true;
    case PacketType.pubrec:
      return reasonCode(fields) >= ReasonCode.UnspecifiedError; // [MQTT-4.3.3-4]
    case PacketType.auth:
      return reasonCode(fields) === ReasonCode.Success;
    default:
      return false;
  }
}

/** Reason Code of a packet that may end before it: Success then. */
function reasonCode(fields: readonly Field[]): number {
  const field = fields.find(({ abbreviation }) => abbreviation.endsWith(".reason_code"));
  return typeof field?.value === "number" ? field.value : ReasonCode.Success;
}
