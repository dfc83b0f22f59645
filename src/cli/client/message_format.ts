import type { Message } from "../../codec/message.ts";
import type { Properties } from "../../codec/property.ts";
import { concatenated } from "../../transport/concatenated.ts";
import { printable } from "../../codec/printable.ts";
import { strftime } from "../log/timestamp.ts";
import { ArgumentError } from "./arguments.ts";
import { propertyName } from "./properties.ts";

/** Options for printing messages. */
export interface PrintOptions {
  /** Format of `-F`. */
  readonly format: string | undefined;
  /** Whether the topic precedes the payload (`-v`); a format takes precedence. */
  readonly isVerbose: boolean;
  /** Whether each message is on a line of its own: not with `-N`. */
  readonly endsLines: boolean;
  /** Whether JSON is spread over several lines. */
  readonly isPretty: boolean;
}

/** Formats a message for standard output: as nothing if all it would print is an empty payload. */
export type MessagePrinter = (message: Message) => Uint8Array;

/** Moment by the clock of this machine. */
interface Moment {
  readonly date: Date;
  /** Nanoseconds of the current second. */
  readonly nanoseconds: number;
}

interface Printing {
  readonly message: Message;
  readonly moment: () => Moment;
  readonly isPretty: boolean;
  readonly complain: (line: string) => void;
}

/** Width and precision in bytes, as in printf(3). */
interface Field {
  readonly isLeft: boolean;
  readonly pad: string;
  readonly width: number;
  readonly precision: number | undefined;
}

type Part = (printing: Printing) => Uint8Array | string;

// deno-fmt-ignore
const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\", "0": "\0", a: "\x07", e: "\x1b", n: "\n", r: "\r", t: "\t", v: "\v",
};
const LETTERS = "%ACDEFIJPRSUXjlmpqrtx";
const WIDEST = 65_535;
const ENCODER = new TextEncoder();
const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const BETWEEN_TOKENS = ' \t\n\r{}[],:"';

/**
 * Makes a printer of messages; throws {@linkcode ArgumentError} for an invalid format.
 *
 * @param complain for payloads that should be JSON and are not
 */
export function messagePrinter(
  { format, isVerbose, endsLines, isPretty }: PrintOptions,
  complain: (line: string) => void,
): MessagePrinter {
  const end = endsLines ? "\n" : "";
  if (format === undefined) return isVerbose ? verbosePrinter(end) : payloadPrinter(end);
  const parts = parseFormat(format);
  return (message) => {
    let now: Moment | undefined;
    const printing = { message, moment: () => now ??= momentNow(), isPretty, complain };
    return joined([...parts.map((part) => part(printing)), end]);
  };
}

function payloadPrinter(end: string): MessagePrinter {
  return ({ payload }) => payload.length === 0 ? payload : joined([payload, end]);
}

function verbosePrinter(end: string): MessagePrinter {
  return ({ topic, payload }) => {
    if (payload.length > 0) return joined([`${topic} `, payload, end]);
    return joined(end === "" ? [] : [`${topic} (null)`, end]);
  };
}

/** Parses a format; throws {@linkcode ArgumentError}. */
function parseFormat(format: string): Part[] {
  const parts: Part[] = [];
  // A sequence to its end, or text up to the next one.
  for (const [text] of format.matchAll(/%-?0?\d*(?:\.\d*)?[^]?|[@\\][^]?|[^%@\\]+/gu)) {
    parts.push(parsePart(text));
  }
  return parts;
}

function parsePart(text: string): Part {
  switch (text[0]) {
    case "%":
      return parseParameter(text);
    case "@": {
      const character = text.slice(1);
      if (character === "") throw new ArgumentError("Incomplete format specifier.");
      if (character === "@") return () => "@";
      if (character === "N") return ({ moment }) => nanosecondsText(moment());
      return ({ moment }) => strftime(`%${character}`, moment().date);
    }
    case "\\": {
      const character = text.slice(1);
      if (character === "") throw new ArgumentError("Incomplete escape specifier.");
      const escaped = Object.hasOwn(ESCAPES, character) ? ESCAPES[character] : undefined;
      if (escaped === undefined) throw new ArgumentError(`Invalid escape specifier '${character}'.`);
      return () => escaped;
    }
    default:
      return () => text;
  }
}

function parseParameter(text: string): Part {
  const [, left, zero, width = "", precision, letter] = /^%(-?)(0?)(\d*)(?:\.(\d*))?([^\d.])?$/su.exec(text) ?? [];
  if (letter === undefined) throw new ArgumentError("Incomplete format specifier.");
  if (!LETTERS.includes(letter)) throw new ArgumentError(`Invalid format specifier '${letter}'.`);
  if (Number(width) > WIDEST) throw new ArgumentError(`Invalid format width ${width}.`);
  const field: Field = {
    isLeft: left === "-",
    pad: zero === "0" ? "0" : " ",
    width: Number(width),
    precision: precision === undefined ? undefined : Number(precision),
  };
  return (printing) => parameter(letter, field, printing);
}

function parameter(
  letter: string,
  field: Field,
  { message, moment, isPretty, complain }: Printing,
): Uint8Array | string {
  const { topic, payload, qos, retain, properties } = message;
  switch (letter) {
    case "A":
      return numberField(properties.topicAlias, field);
    case "C":
      return textField(properties.contentType ?? "", field);
    case "D":
      return properties.correlationData ?? "";
    case "E":
      return numberField(properties.messageExpiryInterval, field);
    case "F":
      return numberField(properties.payloadFormatIndicator, field);
    case "I":
      return textField(
        strftime("%FT%T%z", moment().date),
        field,
      );
    case "j":
      return layout(messageJson(message, moment()), isPretty);
    case "J": {
      const json = messageJsonOfJson(message, moment());
      if (json === undefined) complain(`Error: Message payload is not valid JSON on topic ${printable(topic)}.`);
      return layout(json ?? "", isPretty);
    }
    case "l":
      return numberField(payload.length, field);
    case "m":
      return numberField(message.packetIdentifier, field);
    case "P":
      return (properties.userProperties ?? []).map(([name, value]) => `${name}:${value}`).join(" ");
    case "p":
      return payloadField(payload, field);
    case "q":
      return `${qos}`;
    case "R":
      return properties.responseTopic === undefined ? "" : textField(properties.responseTopic, field);
    case "r":
      return retain ? "1" : "0";
    case "S":
      return numberField(properties.subscriptionIdentifiers?.[0], field);
    case "t":
      return textField(topic, field);
    case "U":
      return `${strftime("%s", moment().date)}.${nanosecondsText(moment())}`;
    case "x":
      return hexField(payload, field);
    case "X":
      return hexField(payload, field).toUpperCase();
    default:
      return letter; // "%%"
  }
}

function momentNow(): Moment {
  const now = Temporal.Now.instant();
  return { date: new Date(now.epochMilliseconds), nanoseconds: Number(now.epochNanoseconds % 1_000_000_000n) };
}

/** Nanoseconds of mosquitto's `@N`, which strftime(3) has not. */
function nanosecondsText({ nanoseconds }: Moment): string {
  return `${nanoseconds}`.padStart(9, "0");
}

function layout(json: string, isPretty: boolean): string {
  return isPretty ? prettyJson(json) : json;
}

/** Formats a number; a missing property takes the same width. */
function numberField(value: number | undefined, { isLeft, pad, width }: Field): string {
  if (value === undefined) return pad.repeat(width);
  return isLeft ? `${value}`.padEnd(width) : `${value}`.padStart(width, pad);
}

function textField(text: string, { isLeft, width, precision }: Field): Uint8Array | string {
  if (width === 0 && precision === undefined) return text;
  const bytes = ENCODER.encode(text).subarray(0, precision);
  const padding = " ".repeat(Math.max(0, width - bytes.length));
  return joined(isLeft ? [bytes, padding] : [padding, bytes]);
}

/** Formats a payload; the width is also the largest part that is printed. */
function payloadField(payload: Uint8Array, { isLeft, pad, width }: Field): Uint8Array {
  if (width === 0) return payload;
  const shown = payload.subarray(0, width);
  const missing = width - shown.length;
  return joined(isLeft ? [shown, " ".repeat(missing)] : [pad.repeat(missing), shown]);
}

function hexField(payload: Uint8Array, { isLeft, pad, width }: Field): string {
  // Prints as many bytes as the width has digits for; mosquitto first cuts the payload to as many bytes as there are digits.
  const shown = width === 0 ? payload : payload.subarray(0, Math.floor(Math.min(payload.length, width) / 2));
  const hex = shown.toHex();
  return isLeft ? hex.padEnd(width) : hex.padStart(width, pad);
}

function joined(pieces: readonly (Uint8Array | string)[]): Uint8Array {
  return concatenated(pieces.map((piece) => typeof piece === "string" ? ENCODER.encode(piece) : piece));
}

/** Formats a message as one JSON object on one line, with its payload as a string. */
function messageJson(message: Message, moment: Moment): string {
  return withPayload(message, moment, message.payload.length === 0 ? "null" : JSON.stringify(message.text()));
}

/** Formats a message with its payload as JSON; `undefined` if it is not JSON. Numbers stay as they were written. */
function messageJsonOfJson(message: Message, moment: Moment): string | undefined {
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
  const { date } = moment;
  const microseconds = nanosecondsText(moment).slice(0, 6);
  const head = JSON.stringify({
    tst: `${strftime("%FT%T", date)}.${microseconds}Z${strftime("%z", date)}`, // "Z" and an offset: what mosquitto_sub 2.0 prints.
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
