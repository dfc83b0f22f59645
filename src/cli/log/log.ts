import { LOG_LEVELS, type LogArea, type LoggingConfiguration, type LogType } from "../config/logging_settings.ts";
import { ConfigError } from "../config_error.ts";
import { type ProgramIo, type ProgramOutput, writeText } from "../program_io.ts";
import { whyNot } from "../files.ts";
import { STEERING } from "../../codec/printable.ts";
import { helpAt } from "../../transport/web_socket/upgrade.ts";
import { timestamp } from "./timestamp.ts";

/** Fields of a line, for lines in JSON. */
export type LogFields = Readonly<Record<string, string | number | undefined>> & {
  /** Subject of the line; `program` without one. */
  readonly area?: LogArea;
  /** Entry of docs/troubleshooting.md, which a line of text names at its end. */
  readonly help?: string | undefined;
};
/** Writes one line. @param type how important it is; `notice` without one */
export type LogLine = (line: string, type?: LogType, fields?: LogFields) => void;

/** Standard streams that lines can go to. */
type ProgramOutputs = Pick<ProgramIo, "stdout" | "stderr">;
/** Destination of lines, which include their line ends. */
type Destination = { readonly write: (line: string) => void; readonly close: () => void };

/** Levels of `$SYS/broker/log`, by type. */
const SEVERITIES: Partial<Record<LogType, string>> = {
  error: "E",
  warning: "W",
  notice: "N",
  information: "I",
  subscribe: "M/subscribe",
  unsubscribe: "M/unsubscribe",
};

/** Log of the program. A line that cannot be written is lost, without further effect. */
export class Log implements Disposable {
  /** Takes lines for `$SYS/broker/log`; set as soon as they can be published. */
  onTopic: ((severity: string, line: string) => void) | undefined;
  readonly #outputs: ProgramOutputs;
  #configuration: LoggingConfiguration;
  #destinations: readonly Destination[];

  /** Throws {@linkcode ConfigError} for a file that cannot be opened. */
  constructor(configuration: LoggingConfiguration, outputs: ProgramOutputs) {
    this.#outputs = outputs;
    this.#configuration = configuration;
    this.#destinations = openAll(configuration, this.#outputs);
  }

  /** Applies another configuration, and opens the files again; changes nothing if it throws. */
  reload(configuration: LoggingConfiguration): void {
    const opened = openAll(configuration, this.#outputs);
    this.close();
    this.#destinations = opened;
    this.#configuration = configuration;
  }

  /** Whether such a line is written. */
  has(type: LogType, area: LogArea): boolean {
    return isWritten(this.#configuration, type, area);
  }

  /** Whether any line about packets is written. */
  get tellsOfPackets(): boolean {
    return (["debug", "subscribe", "unsubscribe"] as const).some((type) => this.has(type, "packets"));
  }

  get hasConnectionMessages(): boolean {
    return this.#configuration.connectionMessages;
  }

  readonly line: LogLine = (line, type = "notice", { help: entry, ...fields } = {}) => {
    const { format, timestamps, timestampFormat, destinations } = this.#configuration;
    if (!this.has(type, fields.area ?? "program")) return;
    const now = new Date();
    const help = entry && helpAt(entry);
    const told = help === undefined ? line : `${line}${/[.?]$/.test(line) ? "" : "."} See ${help}`;
    const time = timestamps ? { time: timestamp(now, timestampFormat) } : {};
    const text = format === "json"
      ? escapedJson({ ...time, type, message: line, ...fields, help })
      : timestamps
      ? `${timestamp(now, timestampFormat)}: ${told}`
      : told;
    for (const destination of this.#destinations) destination.write(`${text}\n`);
    const severity = SEVERITIES[type];
    if (severity !== undefined && destinations.includes("topic")) this.onTopic?.(severity, text);
  };

  close(): void {
    for (const destination of this.#destinations) destination.close();
    this.#destinations = [];
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function isWritten(
  { types, areas }: Pick<LoggingConfiguration, "types" | "areas">,
  type: LogType,
  area: LogArea,
): boolean {
  const level = areas[area];
  if (level === undefined) return types.includes(type);
  const needed = type === "subscribe" || type === "unsubscribe" ? "information" : type;
  return LOG_LEVELS.indexOf(needed) <= LOG_LEVELS.indexOf(level);
}

function openAll({ destinations }: LoggingConfiguration, { stdout, stderr }: ProgramOutputs): Destination[] {
  const opened: Destination[] = [];
  try {
    for (const destination of destinations) {
      if (destination === "stderr") opened.push(consoleDestination(stderr));
      else if (destination === "stdout") opened.push(consoleDestination(stdout));
      else if (destination !== "topic") opened.push(fileDestination(destination.file));
    }
  } catch (error) {
    for (const destination of opened) destination.close();
    throw error;
  }
  return opened;
}

function consoleDestination(output: ProgramOutput): Destination {
  return { write: quietWriter(output), close() {} };
}

function fileDestination(path: string): Destination {
  try {
    const file = Deno.openSync(path, { append: true, create: true, mode: 0o640 });
    return { write: quietWriter(file), close: () => file.close() };
  } catch (error) {
    throw new ConfigError(`Cannot open the log "${path}": ${whyNot(error)}`);
  }
}

function quietWriter(output: Pick<ProgramOutput, "writeSync">): (line: string) => void {
  return (line) => {
    try {
      writeText(output, line);
    } catch {
      // The output is not read any more, or the disk is full; the broker continues.
    }
  };
}

/** JSON in which control characters beyond ASCII are escaped too. */
function escapedJson(value: unknown): string {
  const escape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value).replace(STEERING, (character) => character.split("").map(escape).join(""));
}
