/**
 * Language of the inspector's filter. Words are joined by "and"; a word with `-` before it excludes.
 *
 * ```text
 * type:publish topic:test/# qos:1      PUBLISH with QoS 1 to what the filter matches
 * client:device-77 -type:pingreq      of this client, without its pings
 * malformed                           what no decoder accepts
 * temperature "keep alive 60"          with these words in the row
 * ```
 */

import { PacketType } from "../../codec/packet.ts";
import { matchesTopic, overlapsFilter, parseTopicFilter } from "../../protocol/topic_filter.ts";
import { dissectEntry, type Entry } from "../dissect/conversation.ts";
import { clientText, type PacketRow } from "./inspector_packets.ts";

/** Filter, or the mistake in it. */
export type ParsedFilter = {
  /** Whether a row is shown; `undefined`: all are. */
  readonly matches: ((row: PacketRow) => boolean) | undefined;
  /** Whether a row may be shown at first and not any more later. */
  readonly isChanging: boolean;
} | { readonly mistake: string };

type Matches = (row: PacketRow) => boolean;

interface Word {
  readonly key: string;
  /** Text after the colon. */
  readonly value: string;
  readonly isExcluding: boolean;
}

/** Words with a value. */
const KEYS: Readonly<Record<string, (value: string) => Matches | string>> = {
  type: typeMatches,
  topic: topicsMatch,
  client: clientMatches,
  address: (value) => (row) => hasStart(row.connection.facts.address, value),
  user: (value) => (row) => row.connection.facts.principal === value,
  listener: (value) => (row) => has(row.connection.facts.listener, value),
  qos: qosMatches,
  id: (value) => numberMatches("id", value, (row) => identifierOf(row)),
  bytes: (value) => numberMatches("bytes", value, ({ wireBytes }) => wireBytes),
  frames: (value) => numberMatches("frames", value, ({ pieces }) => pieces.length),
  from: (value) =>
    value === "client" || value === "broker"
      ? (row) => row.isSent === (value === "broker")
      : 'Write "from:client" or "from:broker".',
};
/** Words alone. */
const FLAGS: Readonly<Record<string, Matches>> = {
  malformed: (row) => row.details.startsWith("malformed"),
  broken: (row) => row.isBroken,
  retain: (row) => isPublish(row) && (firstByte(row) & 0x01) !== 0,
  dup: (row) => isPublish(row) && (firstByte(row) & 0x08) !== 0,
  answer: ({ entry }) => entry?.answers !== undefined,
  unanswered: ({ entry }) =>
    entry !== undefined && expectsAnswer(entry) &&
    entry.answeredBy === undefined,
};
/** Examples for readers who do not know the language. */
export const FILTER_EXAMPLES = [
  "type:publish",
  "topic:test/#",
  "client:…",
  "qos:1",
  "malformed",
  "-type:pingreq",
] as const;

/** Parses a filter; an empty one shows all. */
export function parseFilter(text: string): ParsedFilter {
  const conditions: Matches[] = [];
  let isChanging = false;
  for (const { key, value, isExcluding } of wordsOf(text)) {
    const found = key === "" ? FLAGS[value.toLowerCase()] ?? textMatches(value) : keyMatches(key, value);
    if (typeof found === "string") return { mistake: found };
    isChanging ||= key === "" && value.toLowerCase() === "unanswered";
    conditions.push(isExcluding ? (row) => !found(row) : found);
  }
  const [first, ...others] = conditions;
  if (first === undefined) return { matches: undefined, isChanging };
  return {
    isChanging,
    matches: others.length === 0 ? first : (row) => conditions.every((matches) => matches(row)),
  };
}

/** Packet Identifier, if the packet has one; for links and the filter. */
export function identifierOf({ entry }: PacketRow): number | undefined {
  const text = / id (\d+)$/.exec(` ${entry?.summary.details ?? ""}`)?.[1];
  return text === undefined ? undefined : Number(text);
}

function keyMatches(key: string, value: string): Matches | string {
  const make = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
  if (make === undefined) {
    return `There is no "${key}:". There are ${Object.keys(KEYS).map((known) => `${known}:`).join(" ")} and ${
      Object.keys(FLAGS).join(", ")
    }; other texts with a colon stand in "quotes".`;
  }
  return value === "" ? `Write what "${key}:" is to be, without a space.` : make(value);
}

function* wordsOf(text: string): Iterable<Word> {
  for (
    const [, minus, key, quoted, bare] of text.matchAll(
      /(-?)(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))?/gi,
    )
  ) {
    const value = quoted ?? bare ?? "";
    if (key === undefined && value === "") continue;
    yield { key: (key ?? "").toLowerCase(), value, isExcluding: minus === "-" };
  }
}

function typeMatches(value: string): Matches | string {
  const wanted = value.toUpperCase().split(",");
  const names = new Set(
    Object.keys(PacketType).map((name) => name.toUpperCase()),
  );
  const others = ["WEBSOCKET", "CONNECTED", "CLOSED", "REFUSED"];
  const wrong = wanted.find((name) => !names.has(name) && !others.includes(name));
  if (wrong !== undefined) {
    return `There is no packet "${wrong.toLowerCase()}". Write one such as type:publish or type:subscribe,suback.`;
  }
  return ({ name }) => wanted.includes(name.split(" ", 1)[0]?.toUpperCase() ?? "");
}

function topicsMatch(value: string): Matches | string {
  const wanted = parseTopicFilter(value)?.levels;
  if (wanted === undefined) {
    return `"${value}" is no Topic Filter: # stands only at the end, and + fills a whole level, as in plant/+/temperature.`;
  }
  return ({ entry }) => {
    if (entry === undefined) return false;
    const { isFilter, topics } = topicsOf(entry);
    return topics.some((topic) => {
      if (topic === value) return true;
      const levels = isFilter ? parseTopicFilter(topic)?.levels : topic.split("/");
      return levels !== undefined &&
        (isFilter ? overlapsFilter(wanted, levels) : matchesTopic(wanted, levels));
    });
  };
}

function clientMatches(value: string): Matches {
  const pattern = new RegExp(
    `^${value.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`,
    "is",
  );
  return (row) =>
    pattern.test(row.connection.facts.clientId) ||
    pattern.test(clientText(row));
}

function qosMatches(value: string): Matches | string {
  if (!/^[0-2]$/.test(value)) return 'Write "qos:0", "qos:1" or "qos:2".';
  return (row) => isPublish(row) && (firstByte(row) >> 1 & 3) === Number(value);
}

/** Numbers: `5`, `>100`, `<3`. */
function numberMatches(
  key: string,
  value: string,
  numberOf: (row: PacketRow) => number | undefined,
): Matches | string {
  const [, comparison = "", digits] = /^([<>]?)(\d+)$/.exec(value) ?? [];
  if (digits === undefined) {
    return `Write a number such as "${key}:5" or "${key}:>5".`;
  }
  const bound = Number(digits);
  return (row) => {
    const number = numberOf(row);
    if (number === undefined || row.entry === undefined) return false;
    return comparison === ">" ? number > bound : comparison === "<" ? number < bound : number === bound;
  };
}

function textMatches(value: string): Matches {
  const wanted = value.toLowerCase();
  return (row) =>
    `${row.name} ${row.details}`.toLowerCase().includes(wanted) ||
    clientText(row).toLowerCase().includes(wanted);
}

/** Topic Name of a PUBLISH, Topic Filters of a SUBSCRIBE or UNSUBSCRIBE. */
function topicsOf(
  entry: Entry,
): { readonly isFilter: boolean; readonly topics: readonly string[] } {
  const type = (entry.bytes[0] ?? 0) >> 4;
  const isFilter = type === PacketType.subscribe ||
    type === PacketType.unsubscribe;
  if (type !== PacketType.publish && !isFilter) return { isFilter, topics: [] };
  const topics = dissectEntry(entry).fields.flatMap(({ abbreviation, value }) =>
    abbreviation === "mqtt.topic" && typeof value === "string" ? [value] : []
  );
  return { isFilter, topics };
}

function isPublish(row: PacketRow): boolean {
  return row.entry !== undefined && firstByte(row) >> 4 === PacketType.publish;
}

function firstByte({ entry }: PacketRow): number {
  return entry?.bytes[0] ?? 0;
}

/** Whether the other side has to answer. */
function expectsAnswer({ bytes }: Entry): boolean {
  const first = bytes[0] ?? 0;
  const type = first >> 4;
  if (type === PacketType.publish) return (first & 0x06) !== 0;
  return type === PacketType.connect || type === PacketType.subscribe ||
    type === PacketType.unsubscribe ||
    type === PacketType.pingreq || type === PacketType.pubrec ||
    type === PacketType.pubrel;
}

function has(text: string, part: string): boolean {
  return text.toLowerCase().includes(part.toLowerCase());
}

function hasStart(text: string, start: string): boolean {
  return text.toLowerCase().startsWith(start.toLowerCase());
}
