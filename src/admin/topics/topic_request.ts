/** Parts of a request about topics: its topic, its query, its credentials and its body. */

import type { QoS } from "../../codec/packet.ts";
import { isTopicName } from "../../codec/topic_name.ts";
import { utf8Length } from "../../codec/utf8.ts";
import type { Limits } from "../../protocol/limits.ts";
import { beyondTopicLimits, isBeyondTopicLimits } from "../../protocol/publish_rules.ts";
import { parseTopicFilter } from "../../protocol/topic_filter.ts";
import { concatenated } from "../../transport/concatenated.ts";
import { Problem } from "../problems.ts";

/** User Name and Password of an MQTT client. */
export interface Credentials {
  readonly userName?: string;
  readonly password?: string;
}

/** Query of a POST. */
export interface PublishQuery {
  readonly qos: QoS;
  readonly retain: boolean;
  /** Message Expiry Interval, in seconds. */
  readonly expiry: number | undefined;
}

/** Query of an event stream. */
export interface SubscribeQuery {
  readonly topicFilters: readonly string[];
  readonly qos: QoS;
}

/** Bounds of {@linkcode readBody}. */
export interface BodyBounds {
  readonly mostBytes: number;
  readonly timeoutMs: number;
  /** Called before bytes are kept; throws if there is no room for them. */
  take(bytes: number): void;
}

const LARGEST_EXPIRY_SECONDS = 0xffff_ffff;
const MOST_FILTERS = 100;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Challenge that asks for a token (RFC 6750, section 3). */
export const BEARER = 'Bearer realm="MQTT"';
const CHALLENGE = `Basic realm="MQTT", charset="UTF-8", ${BEARER}`;

/** Refusal of a request that is wrong in itself. */
export function badRequest(detail: string): Problem {
  return new Problem(400, "Bad request", detail);
}

/** Refusal of a client that the broker does not know, with the ways to say who it is. */
export function unauthorized(detail: string, members: Readonly<Record<string, unknown>> = {}): Problem {
  return new Problem(401, "Not authenticated", detail, { members, headers: { "www-authenticate": CHALLENGE } });
}

/**
 * Topic Name of a path: its segments are levels, percent encoded, and an encoded slash parts levels too.
 *
 * @param path what follows the base and its slash
 * @throws Problem 400 for what is no Topic Name, or is beyond the limits, which would end the connection of the client
 */
export function topicOf(path: string, limits: Limits): string {
  let topic: string;
  try {
    topic = decodeURIComponent(path);
  } catch {
    throw badRequest('The path has a "%" that is not followed by UTF-8 in hex: encode it as "%25"');
  }
  if (!isTopicName(topic)) {
    throw badRequest(
      topic === ""
        ? "There is no topic: write it after the slash, such as /topics/plant/7"
        : "A topic has no wildcards and no U+0000: subscribe with ?filter= instead",
    );
  }
  try {
    utf8Length(topic);
  } catch {
    throw badRequest("The topic is longer than the 65,535 bytes that MQTT can say");
  }
  if (isBeyondTopicLimits(topic, limits)) {
    throw badRequest(`The topic is beyond the limits: ${beyondTopicLimits(limits)}`);
  }
  return topic;
}

/** Query of a POST; throws Problem 400. */
export function publishQuery({ searchParams }: URL): PublishQuery {
  checkNames(searchParams, ["qos", "retain", "expiry"]);
  const retain = searchParams.get("retain");
  const expiry = searchParams.get("expiry");
  if (retain !== null && !["", "true", "1", "false", "0"].includes(retain)) {
    throw badRequest('"retain" of the query is not true or false');
  }
  if (expiry !== null && !(/^\d{1,10}$/.test(expiry) && Number(expiry) <= LARGEST_EXPIRY_SECONDS)) {
    throw badRequest(`"expiry" of the query is not a number of seconds up to ${LARGEST_EXPIRY_SECONDS}`);
  }
  return {
    qos: qosOf(searchParams, 1),
    retain: retain !== null && retain !== "false" && retain !== "0",
    expiry: expiry === null ? undefined : Number(expiry),
  };
}

/** Query of an event stream; throws Problem 400. */
export function subscribeQuery({ search, searchParams }: URL): SubscribeQuery {
  checkNames(searchParams, ["filter", "qos"], ["filter"]);
  // A query can mean a space by it, which would subscribe to something else in silence.
  if (/[?&]filter=[^&]*\+/.test(search)) {
    throw badRequest(
      '"filter" of the query has a bare "+", which means a space in a query: write it as %2B, and a space as %20',
    );
  }
  const topicFilters = [...new Set(searchParams.getAll("filter"))].sort();
  if (topicFilters.length === 0) {
    throw badRequest("There is no Topic Filter: write one or several in the query, such as ?filter=plant/%2B/temp");
  }
  if (topicFilters.length > MOST_FILTERS) {
    throw badRequest(`More than ${MOST_FILTERS} filters are for several requests`);
  }
  for (const topicFilter of topicFilters) {
    if (parseTopicFilter(topicFilter) === undefined || !isSendable(topicFilter)) {
      throw badRequest(
        `"${topicFilter.slice(0, 100)}" is not a Topic Filter: "+" and "#" are whole levels, "#" the last one`,
      );
    }
  }
  return { topicFilters, qos: qosOf(searchParams, 1) };
}

/** Refuses a query where none is taken. */
export function checkNoQuery({ searchParams }: URL): void {
  checkNames(searchParams, []);
}

/**
 * Credentials of a request: Basic gives User Name and Password, Bearer the Password; none is an anonymous client. Cookies do
 * not count: a page of another site could make a browser send them.
 *
 * @throws Problem 401 for another scheme, or what is not of its form
 */
export function credentialsOf(headers: Headers): Credentials {
  const field = headers.get("authorization");
  if (field === null) return {};
  const [, scheme = "", rest = ""] = /^([^ ]+) +(.*)$/.exec(field) ?? [];
  switch (scheme.toLowerCase()) {
    case "basic":
      return basicCredentials(rest.trim());
    case "bearer":
      if (rest !== "" && isSendable(rest)) return { password: rest };
  }
  throw unauthorized(
    "Authorization is neither Basic with user name and password, nor Bearer with a token: send one of them",
  );
}

/** Reads the body of a request. Rejects with Problem 413 for one that is too large, and 408 for one that is too slow. */
export async function readBody({ body }: Request, { mostBytes, timeoutMs, take }: BodyBounds): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    reader.cancel().catch(() => {}); // It may be broken.
  }, timeoutMs);
  try {
    for (let { value } = await reader.read(); value !== undefined; { value } = await reader.read()) {
      length += value.length;
      if (length > mostBytes) throw tooLarge(mostBytes);
      take(value.length);
      chunks.push(value);
    }
  } catch (error) {
    reader.cancel().catch(() => {}); // It may be broken.
    throw error instanceof Problem ? error : badRequest("The body ended before its length: send all of it");
  } finally {
    clearTimeout(timer);
  }
  if (isLate) throw new Problem(408, "Too slow", `The body did not come within ${timeoutMs / 1000} s: send it faster`);
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : concatenated(chunks);
}

/** Refusal of a body that is larger than a message may be. */
export function tooLarge(mostBytes: number): Problem {
  return new Problem(413, "Too large", `A message may have ${mostBytes} bytes here: send a smaller one`);
}

function basicCredentials(encoded: string): Credentials {
  let text = "";
  try {
    text = UTF8.decode(Uint8Array.fromBase64(encoded));
  } catch {
    // Not base64, or not UTF-8: it has no colon.
  }
  const [, userName, password] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  if (userName === undefined || password === undefined || !isSendable(userName) || !isSendable(password)) {
    throw unauthorized('Authorization is not Basic with "user name:password" in base64 of UTF-8: send that');
  }
  return { userName, password };
}

function qosOf(query: URLSearchParams, otherwise: QoS): QoS {
  switch (query.get("qos")) {
    case null:
      return otherwise;
    case "0":
      return 0;
    case "1":
      return 1;
    case "2":
      return 2;
    default:
      throw badRequest('"qos" of the query is not 0, 1 or 2');
  }
}

function checkNames(query: URLSearchParams, known: readonly string[], repeatable: readonly string[] = []): void {
  const seen = new Set<string>();
  for (const name of query.keys()) {
    const shown = name.slice(0, 100);
    if (!known.includes(name)) {
      const names = known.length === 0 ? "nothing" : known.join(", ");
      throw badRequest(`The query has "${shown}", but this takes ${names} there`);
    }
    if (seen.has(name) && !repeatable.includes(name)) throw badRequest(`The query has "${shown}" twice: give it once`);
    seen.add(name);
  }
}

/** Whether MQTT can say a text: no U+0000, no more than 65,535 bytes. */
function isSendable(text: string): boolean {
  try {
    utf8Length(text);
    return true;
  } catch {
    return false;
  }
}
