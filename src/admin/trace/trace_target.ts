/** Targets of traces: what they match, without a string for each packet. */

import { matchesTopic, overlapsFilter, parseTopicFilter } from "../../protocol/topic_filter.ts";
import type { TraceTarget } from "./trace_records.ts";

/** Target that was checked. */
export type Target =
  | { readonly kind: "clientId" | "user" | "address"; readonly value: string }
  | { readonly kind: "topic"; readonly value: TopicTarget }
  | { readonly kind: "next" };

const KINDS = ["clientId", "address", "user", "topic", "next"] as const;
const SLASH = 0x2f;
const DOLLAR = 0x24;
const UTF8_ENCODER = new TextEncoder();

/** Checks a target; throws RangeError for one that is none. */
export function targetOf(wish: TraceTarget): Target {
  const kinds = KINDS.filter((kind) => wish[kind] !== undefined && wish[kind] !== false);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    throw new RangeError(`Cannot trace: the target has ${kinds.length} of ${KINDS.join(", ")}, and needs one`);
  }
  if (kind === "next") return { kind };
  const value = wish[kind];
  if (typeof value !== "string" || value === "") throw new RangeError(`Cannot trace: "${kind}" is empty`);
  if (kind === "topic") return { kind, value: new TopicTarget(value) };
  return { kind, value };
}

/** Target in words. */
export function targetName({ clientId, address, user, topic }: TraceTarget): string {
  if (clientId !== undefined) return `client "${clientId}"`;
  if (address !== undefined) return `address ${address}`;
  if (user !== undefined) return `user "${user}"`;
  return topic === undefined ? "the next connection" : `topic "${topic}"`;
}

/** Whether an address with its port is the one that is traced, with or without a port. */
export function isAddress(traced: string, address: string): boolean {
  const wanted = bareAddress(traced);
  return bareAddress(address) === wanted || bareAddress(address.replace(/:\d+$/, "")) === wanted;
}

/** Topic Filter that packets are compared with. */
export class TopicTarget {
  readonly #levels: readonly string[];
  readonly #bytes: readonly Uint8Array[];

  constructor(topicFilter: string) {
    const parsed = parseTopicFilter(topicFilter);
    if (parsed === undefined) throw new RangeError(`Cannot trace: "${topicFilter}" is not a Topic Filter`);
    this.#levels = parsed.levels;
    this.#bytes = parsed.levels.map((level) => UTF8_ENCODER.encode(level));
  }

  /** Whether the filter matches a Topic Name, given as a range of bytes (section 4.7). */
  matches(bytes: Uint8Array, start: number, end: number): boolean {
    const levels = this.#levels;
    const [first] = levels;
    if (bytes[start] === DOLLAR && start < end && (first === "#" || first === "+")) return false; // [MQTT-4.7.2-1]
    let position = start;
    for (let index = 0; index < levels.length; index++) {
      const level = levels[index];
      if (level === "#") return true; // Also the parent level: sport/# matches sport.
      if (position > end) return false; // The topic has fewer levels.
      let levelEnd = position;
      while (levelEnd < end && bytes[levelEnd] !== SLASH) levelEnd += 1;
      const wanted = this.#bytes[index] as Uint8Array; // One for each level.
      if (level !== "+" && !isSame(bytes, position, levelEnd, wanted)) return false;
      position = levelEnd + 1;
    }
    return position > end;
  }

  /** Whether the filter matches a Topic Name. */
  matchesText(topic: string): boolean {
    return matchesTopic(this.#levels, topic.split("/"));
  }

  /** Whether some Topic Name matches both this filter and another one. */
  overlaps(topicFilter: string): boolean {
    const other = parseTopicFilter(topicFilter);
    return other !== undefined && overlapsFilter(this.#levels, other.levels);
  }
}

function isSame(bytes: Uint8Array, start: number, end: number, wanted: Uint8Array): boolean {
  if (end - start !== wanted.length) return false;
  for (let index = 0; index < wanted.length; index++) {
    if (bytes[start + index] !== wanted[index]) return false;
  }
  return true;
}

/** Address in one form: IPv6 as the URL standard writes it, and in brackets only with a port. */
function bareAddress(address: string): string {
  const text = address.trim().toLowerCase();
  const [, bracketed, port = ""] = /^\[([^\]]*)\](:\d+)?$/.exec(text) ?? [];
  const host = URL.parse(`http://[${bracketed ?? text}]`)?.hostname.slice(1, -1) ?? bracketed ?? text;
  return port === "" ? host : `[${host}]${port}`;
}
