import type { Message } from "../../codec/message.ts";
import type { Properties } from "../../codec/property.ts";
import { type Moment, strftime } from "../log/strftime.ts";
import { propertyName } from "./properties.ts";

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const BETWEEN_TOKENS = ' \t\n\r{}[],:"';

/** Formats a message as one JSON object on one line, with its payload as a string. */
export function messageJson(message: Message, moment: Moment): string {
  return withPayload(message, moment, message.payload.length === 0 ? "null" : JSON.stringify(message.text()));
}

/** Formats a message with its payload as JSON; `undefined` if it is not JSON. Numbers stay as they were written. */
export function messageJsonOfJson(message: Message, moment: Moment): string | undefined {
  if (message.payload.length === 0) return withPayload(message, moment, "null");
  try {
    const text = STRICT.decode(message.payload);
    JSON.parse(text);
    return withPayload(message, moment, jsonTokens(text).join(""));
  } catch {
    return undefined; // Not UTF-8, or not JSON.
  }
}

/** Spreads JSON over several lines, like cJSON; not by recursion, because a payload may be nested arbitrarily deep. */
export function prettyJson(text: string): string {
  const open: string[] = [];
  const pieces: string[] = [];
  const indented = () => `\n${"\t".repeat(open.length)}`;
  let previous = "";
  for (const token of jsonTokens(text)) {
    if (token === "}" || token === "]") open.pop();
    if (token === "}" || previous === "{") pieces.push(indented());
    if (previous === ",") pieces.push(open.at(-1) === "{" ? indented() : " ");
    pieces.push(token === ":" ? ":\t" : token);
    if (token === "{" || token === "[") open.push(token);
    previous = token;
  }
  return pieces.join("");
}

/** Tokens of a JSON text; without a regular expression, whose stack a long string would overflow. */
function jsonTokens(text: string): string[] {
  const tokens: string[] = [];
  for (let index = 0; index < text.length;) {
    const start = index;
    const character = text.charAt(index++);
    if (character === '"') {
      while (index < text.length && text[index] !== '"') index += text[index] === "\\" ? 2 : 1;
      index += 1;
    } else if (!BETWEEN_TOKENS.includes(character)) {
      while (index < text.length && !BETWEEN_TOKENS.includes(text.charAt(index))) index += 1;
    } else if (character.trim() === "") {
      continue;
    }
    tokens.push(text.slice(start, index));
  }
  return tokens;
}

function withPayload(message: Message, moment: Moment, payload: string): string {
  const seconds = ["F", "T"].map((character) => strftime(character, moment)).join("T");
  const microseconds = strftime("N", moment).slice(0, 6);
  const head = JSON.stringify({
    tst: `${seconds}.${microseconds}Z${strftime("z", moment)}`, // "Z" and an offset: what mosquitto_sub 2.0 prints.
    topic: message.topic,
    qos: message.qos,
    retain: message.retain ? 1 : 0,
    payloadlen: message.payload.length,
    ...message.qos > 0 && { mid: message.packetIdentifier },
  });
  return `${head.slice(0, -1)}${propertiesMember(message.properties)},"payload":${payload}}`;
}

/** Properties by the names that `-D` takes; the name of a user property may occur more than once. */
function propertiesMember(properties: Properties): string {
  const members: string[] = [];
  for (const [name, value] of Object.entries(properties)) {
    const key = propertyName(name as keyof Properties); // It is one of its keys.
    if (name === "userProperties") {
      const pairs = (properties.userProperties ?? []).map(([name, value]) =>
        `${JSON.stringify(name)}:${JSON.stringify(value)}`
      );
      members.push(`"user-properties":{${pairs.join(",")}}`);
    } else if (name === "subscriptionIdentifiers") {
      for (const identifier of properties.subscriptionIdentifiers ?? []) members.push(`"${key}":${identifier}`);
    } else if (value instanceof Uint8Array) {
      members.push(`"${key}":${JSON.stringify(new TextDecoder().decode(value))}`);
    } else {
      members.push(`"${key}":${JSON.stringify(value)}`);
    }
  }
  return members.length === 0 ? "" : `,"properties":{${members.join(",")}}`;
}
