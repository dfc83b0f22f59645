import { beginningOf, SCHEME_NAMES } from "../../transport/schemes.ts";
import { flagsOf, type Option } from "../command.ts";
import { nearest } from "../nearest.ts";
import { type ClientCommand, type OptionName, UNSUPPORTED } from "./options.ts";

/** Reports impossible arguments of a client command; the message is mosquitto's if it has one. */
export class ArgumentError extends Error {
  override readonly name = "ArgumentError";
}

interface Occurrence {
  readonly name: OptionName;
  readonly values: readonly string[];
}

/** Options that mosquitto's messages call by their long name. */
const LONG_IN_MESSAGES: readonly OptionName[] = ["property", "protocol-version"];

/** Command line of a client command, option by option; their meaning is decided elsewhere. */
export class ClientArguments {
  readonly command: ClientCommand["name"];
  /** Operands, which are URLs. */
  readonly urls: readonly string[];
  readonly #occurrences: readonly Occurrence[];

  constructor(command: ClientCommand["name"], urls: readonly string[], occurrences: readonly Occurrence[]) {
    this.command = command;
    this.urls = urls;
    this.#occurrences = occurrences;
  }

  has(name: OptionName): boolean {
    return this.count(name) > 0;
  }

  count(name: OptionName): number {
    return this.#of(name).length;
  }

  /** Last value of an option, which is the one that counts. */
  last(name: OptionName): string | undefined {
    return this.all(name).at(-1);
  }

  all(name: OptionName): readonly string[] {
    return this.#of(name).flatMap(({ values }) => values);
  }

  /** Values after each `-D`. */
  get properties(): readonly (readonly string[])[] {
    return this.#of("property").map(({ values }) => values);
  }

  #of(name: OptionName): readonly Occurrence[] {
    return this.#occurrences.filter((occurrence) => occurrence.name === name);
  }
}

/**
 * Parses a command line as mosquitto's clients do, and not as other commands: a value may begin with "-", and the last
 * one counts. Throws {@linkcode ArgumentError}.
 */
export function parseClientArguments(command: ClientCommand, args: readonly string[]): ClientArguments {
  const urls: string[] = [];
  const written = occurrencesOf(command, args, urls);
  const file = written.findLast(({ name }) => name === "o")?.values[0];
  const defaults = file === undefined
    ? []
    : optionLines(command, file).flatMap((line) => occurrencesOf(command, line, urls));
  return new ClientArguments(command.name, urls, [...defaults, ...written]);
}

/** Whether a word is a URL, of a known scheme or not. */
function isUrl(word: string): boolean {
  return /^[a-z]+:\/\//i.test(word) || SCHEME_NAMES.some((name) => word.startsWith(beginningOf(name)));
}

function occurrencesOf(command: ClientCommand, args: readonly string[], urls: string[]): Occurrence[] {
  const occurrences: Occurrence[] = [];
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? ""; // The index is below the length.
    if (!word.startsWith("-") && isUrl(word)) {
      urls.push(word);
      continue;
    }
    if (UNSUPPORTED.includes(word)) throw new ArgumentError(`Option '${word}' is not supported.`);
    const row = rowOf(command, word);
    if (row === undefined) throw new ArgumentError(`Unknown option '${word}'.${hintFor(command, word)}`);
    const [name, { value }] = row;
    const count = name === "property" ? propertyWords(args[index + 2]) : value === undefined ? 0 : 1;
    const values = args.slice(index + 1, index + 1 + count);
    if (values.length < count) throw notEnough(row);
    index += count;
    occurrences.push({ name, values });
  }
  return occurrences;
}

type Row = readonly [name: OptionName, option: Option];

function rowOf({ options }: ClientCommand, word: string): Row | undefined {
  // The keys of a table are its names.
  return (Object.entries(options) as Row[]).find((row) => flagsOf(row).includes(word));
}

/** Option that was probably meant by a long one. */
function hintFor({ options }: ClientCommand, word: string): string {
  const meant = word.startsWith("--") ? nearest(word.slice(2), Object.keys(options)) : undefined;
  return meant === undefined ? "" : ` Did you mean '--${meant}'?`;
}

/** Number of words of a property: a user property has a name and a value. */
function propertyWords(identifier: string | undefined): number {
  return identifier === "user-property" ? 4 : 3;
}

function notEnough(row: Row): ArgumentError {
  const [name, { needs }] = row;
  const flag = flagsOf(row).at(LONG_IN_MESSAGES.includes(name) ? -1 : 0);
  const what = name === "property" ? "not enough arguments" : `no ${needs}`;
  return new ArgumentError(`${flag} argument given but ${what} specified.`);
}

/** Reads lines of an option and its value; `#` begins a comment. */
function optionLines(command: ClientCommand, path: string): string[][] {
  let text;
  try {
    text = Deno.readTextFileSync(path);
  } catch (cause) {
    throw new ArgumentError(`Unable to open file "${path}".`, { cause });
  }
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "" && !line.startsWith("#"));
  return lines.map((line) => {
    const [, flag = "", value] = /^(\S+)(?: (.*))?$/.exec(line.trimStart()) ?? [];
    if (value === undefined) return [flag];
    return rowOf(command, flag)?.[0] === "property" ? [flag, ...value.split(/ +/)] : [flag, value];
  });
}
