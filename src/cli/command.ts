/** Commands of the program. One table of options gives each its parser, its `--help` and its shell completions. */

import { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
import { ConfigError } from "./config_error.ts";
import { nearest } from "./nearest.ts";
import { printLine, type ProgramIo } from "./program_io.ts";

/** Option of a command. Its key in {@linkcode Options} is its name: `--name`, or `-n` if that is one letter. */
export interface Option {
  /** Letter of its short form. */
  readonly letter?: string;
  /** Kind of its value, such as `FILE`; an option without one is a switch. */
  readonly value?: string;
  /** Meaning, for the help. Lines are wrapped; a line break stays. */
  readonly text: string;
  readonly isRepeatable?: boolean;
  /** Value if it is not given. */
  readonly default?: string;
  /** Values that shells offer. Files are offered for a value that is a `FILE`, a `PATH` or a `DIRECTORY`. */
  readonly words?: readonly string[];
  /** Complaint about an empty value: "Option --name needs ..."; "a value" by default. */
  readonly needs?: string;
  /** Heading above this option and the next ones. */
  readonly heading?: string;
}

export type Options = Readonly<Record<string, Option>>;

/** Values of options by name: a switch is `false`, and another option `undefined`, if it is not given. */
export type Values<Known extends Options> = {
  readonly [Name in keyof Known]: Known[Name] extends { value: string }
    ? Known[Name] extends { isRepeatable: true } ? readonly string[]
    : Known[Name] extends { default: string } ? string
    : string | undefined
    : boolean;
};

/** Description of a command: everything but what it does. */
export interface CommandDescription<Known extends Options = Options> {
  readonly name: string;
  /** Command lines that it takes, without the name of the program. */
  readonly usage: readonly string[];
  /** Summary, which is the first line of the text, and details. */
  readonly text: string;
  /** Words that the first operand may be, with their meanings. */
  readonly operands?: Readonly<Record<string, string>>;
  readonly options: Known;
  /** Last paragraphs of the help. */
  readonly notes?: string;
}

/** Command that runs with its arguments and gives the exit code. Throws {@linkcode ConfigError}. */
export interface Command extends CommandDescription {
  run(args: readonly string[], io: ProgramIo): number | Promise<number>;
}

/** Arguments of a command. */
export interface Given<Known extends Options> {
  readonly values: Values<Known>;
  readonly operands: readonly string[];
}

interface Definition<Known extends Options> extends CommandDescription<Known> {
  /** Whether all arguments after the first operand are operands, even those that begin with "-". */
  readonly endsOptionsEarly?: boolean;
  run(given: Given<Known>, io: ProgramIo): number | Promise<number>;
}

const HELP: Option = { letter: "h", text: "print this" };
const WIDTH = 104;
const TEXT_COLUMN = 25;

/** Makes a command whose arguments are parsed by its table; `--help` and `-h` are added to it. */
export function command<const Known extends Options>(definition: Definition<Known>): Command {
  const whole = { ...definition, options: withHelp(definition.options) };
  return {
    ...whole,
    run(args, io) {
      const { values, operands } = parse(whole, args);
      const { help } = values;
      if (!help) return definition.run({ values, operands }, io);
      printLine(io.stdout, helpText(whole));
      return 0;
    },
  };
}

/** Table with `--help` as the last option before those that have a heading. */
function withHelp<Known extends Options>(options: Known): Known & { readonly help: typeof HELP } {
  const rows = Object.entries<Option>(options);
  const index = rows.findIndex(([, { heading }]) => heading !== undefined);
  const all = rows.toSpliced(index === -1 ? rows.length : index, 0, ["help", HELP]);
  return Object.fromEntries(all) as Known & { readonly help: typeof HELP }; // The same rows, and one more.
}

/** Error for an option or argument that a command does not know. */
export function unknownArgument({ name, options }: CommandDescription, argument: string): ConfigError {
  const kind = argument.startsWith("-") ? "option" : "argument";
  const long = /^--([^=]+)/.exec(argument)?.[1];
  const meant = long === undefined ? undefined : nearest(long, Object.keys(options).filter(({ length }) => length > 1));
  const hint = meant === undefined ? "" : ` did you mean "--${meant}"?`;
  return new ConfigError(`Unknown ${kind} "${argument}":${hint} "brooklet ${name} --help" lists what there is`);
}

/** Ways to write an option: `-c` and `--config`. */
export function flagsOf([name, { letter }]: readonly [name: string, option: Option]): readonly string[] {
  return [...letter === undefined ? [] : [`-${letter}`], name.length === 1 ? `-${name}` : `--${name}`];
}

/** Arguments in which a value "-", which means a standard stream, is no option: it would be read as an operand. */
function withDashes(rows: readonly (readonly [name: string, option: Option])[], args: readonly string[]): string[] {
  const flags = new Set(rows.flatMap((row) => row[1].value === undefined ? [] : flagsOf(row)));
  return args.flatMap((argument, index) => {
    if (argument === "-" && flags.has(args[index - 1] ?? "")) return [];
    if (args[index + 1] !== "-" || !flags.has(argument)) return [argument];
    const name = rows.find((row) => flagsOf(row).includes(argument))?.[0];
    return [`--${name}=-`];
  });
}

/** Text of `--help`. */
export function helpText({ usage, text, operands = {}, options, notes }: CommandDescription): string {
  const rows = Object.entries(options).flatMap((entry) => {
    const [, { value, heading }] = entry;
    const row = helpRow(flagsOf(entry).join(", ") + (value === undefined ? "" : ` ${value}`), meaningOf(entry[1]));
    return heading === undefined ? [row] : ["", `${heading}:`, row];
  });
  const words = Object.entries(operands).map(([word, text]) => helpRow(word, text));
  return [
    ...usage.map((line, index) => `${index === 0 ? "Usage:" : "      "} brooklet ${line}`),
    "",
    wrapped(text, WIDTH),
    "",
    ...words.length === 0 ? [] : [...words, ""],
    ...rows,
    ...notes === undefined ? [] : ["", wrapped(notes, WIDTH)],
  ].join("\n");
}

/** Text of an option; its first line ends with what else the table says. */
function meaningOf({ text, default: otherwise, isRepeatable = false }: Option): string {
  const [first = "", ...rest] = text.split("\n");
  const more = [
    ...otherwise === undefined ? [] : [`${otherwise} by default`],
    ...isRepeatable ? ["may be repeated"] : [],
  ];
  return [[first, ...more].join("; "), ...rest].join("\n");
}

/** Markdown of docs/commands.md: the help of each command. */
export function commandReference(commands: readonly CommandDescription[]): string {
  const sections = commands.map((command) =>
    `## brooklet ${command.name}\n\n\`\`\`text\n${helpText(command)}\n\`\`\`\n`
  );
  return `# Commands and their options

What \`brooklet COMMAND --help\` prints. Written by \`deno task configuration\`: change the tables of \`src/cli\` and not this
file. [command_line.md](command_line.md) explains what the commands are for.

${sections.join("\n")}`;
}

function helpRow(flags: string, text: string): string {
  const [first = "", ...rest] = wrapped(text, WIDTH - TEXT_COLUMN).split("\n");
  const head = `  ${flags}`;
  const lines = head.length + 2 > TEXT_COLUMN ? ["", first, ...rest] : [first, ...rest];
  return lines.map((line, index) => (index === 0 ? head : "").padEnd(TEXT_COLUMN) + line).map((line) => line.trimEnd())
    .join("\n");
}

/** Text with line breaks in place of blanks, so that no line is longer. */
function wrapped(text: string, width: number): string {
  const overlong = new RegExp(`(?!.{1,${width}}$)(.{1,${width}})[^\\S\\n]+`, "gm");
  return text.replace(overlong, "$1\n");
}

function parse<Known extends Options>(definition: Definition<Known>, args: readonly string[]): Given<Known> {
  const { options, endsOptionsEarly = false } = definition;
  const rows = Object.entries<Option>(options);
  const namesOf = (isWanted: (option: Option) => boolean) =>
    rows.filter(([, option]) => isWanted(option)).map(([name]) => name);
  const switches = namesOf(({ value }) => value === undefined);
  const unknown: string[] = [];
  const { _: operands, ...parsed } = parseArgs(withDashes(rows, args), {
    boolean: switches,
    string: [...namesOf(({ value }) => value !== undefined), "_"],
    collect: namesOf(({ isRepeatable = false }) => isRepeatable),
    alias: Object.fromEntries(rows.flatMap(([name, { letter }]) => letter === undefined ? [] : [[name, letter]])),
    default: Object.fromEntries(rows.flatMap(([name, row]) => row.default === undefined ? [] : [[name, row.default]])),
    stopEarly: endsOptionsEarly,
    unknown(argument, key) {
      if (key !== undefined) unknown.push(argument);
    },
  });
  const all: Readonly<Record<string, unknown>> = parsed;
  const given: Given<Known> = { values: all as Values<Known>, operands }; // The table has all names.
  if (all["help"] === true) return given;
  const [first] = unknown;
  if (first !== undefined) throw unknownArgument(definition, first);
  for (const argument of endsOptionsEarly ? args.slice(0, args.length - operands.length) : args) {
    const name = switches.find((name) => argument.startsWith(`--${name}=`)); // "--verbose=no" would mean yes.
    if (name !== undefined) throw new ConfigError(`Option --${name} takes no value: "${argument}"`);
  }
  for (const entry of rows) {
    const [name, { value, needs = "a value" }] = entry;
    if (value === undefined || ![all[name]].flat().includes("")) continue;
    throw new ConfigError(`Option ${flagsOf(entry).at(-1)} needs ${needs}`);
  }
  return given;
}
