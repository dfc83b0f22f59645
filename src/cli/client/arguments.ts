/** Commands that run a client. */
export type ClientCommand = "pub" | "sub" | "request";

/** Reports impossible arguments of a client command; the message is mosquitto's where it has one. */
export class ArgumentError extends Error {
  override readonly name = "ArgumentError";
}

/** Option of mosquitto's clients. */
interface Option {
  readonly also?: string;
  /** First letters of the commands that have it. */
  readonly of: string;
  /** Kind of its value; without one it takes none. */
  readonly needs?: string;
  readonly isUnsupported?: true;
}

const OPTIONS = {
  "-A": { of: "psr", needs: "address", isUnsupported: true },
  "-C": { of: "s", needs: "count" },
  "-D": { also: "--property", of: "psr" },
  "-E": { of: "s" },
  "-F": { of: "sr", needs: "format" },
  "-I": { also: "--id-prefix", of: "psr", needs: "id prefix" },
  "-L": { also: "--url", of: "psr", needs: "URL" },
  "-M": { of: "p", needs: "maximum" },
  "-N": { of: "sr" },
  "-P": { also: "--pw", of: "psr", needs: "password" },
  "-R": { of: "sr" },
  "-S": { of: "psr", isUnsupported: true },
  "-T": { also: "--filter-out", of: "s", needs: "topic filter" },
  "-U": { also: "--unsubscribe", of: "s", needs: "unsubscribe topic" },
  "-W": { of: "sr", needs: "timeout" },
  "-c": { also: "--disable-clean-session", of: "psr" },
  "-d": { also: "--debug", of: "psr" },
  "-e": { of: "r", needs: "response topic" },
  "-f": { also: "--file", of: "pr", needs: "file" },
  "-h": { also: "--host", of: "psr", needs: "host" },
  "-i": { also: "--id", of: "psr", needs: "id" },
  "-k": { also: "--keepalive", of: "psr", needs: "keepalive" },
  "-l": { also: "--stdin-line", of: "p" },
  "-m": { also: "--message", of: "pr", needs: "message" },
  "-n": { also: "--null-message", of: "pr" },
  "-o": { of: "psr", needs: "options file" },
  "-p": { also: "--port", of: "psr", needs: "port" },
  "-q": { also: "--qos", of: "psr", needs: "QoS" },
  "-r": { also: "--retain", of: "p" },
  "-s": { also: "--stdin-file", of: "pr" },
  "-t": { also: "--topic", of: "psr", needs: "topic" },
  "-u": { also: "--username", of: "psr", needs: "username" },
  "-v": { also: "--verbose", of: "sr" },
  "-x": { of: "psr", needs: "session expiry interval" },
  "--cafile": { of: "psr", needs: "file" },
  "--capath": { of: "psr", needs: "directory" },
  "--cert": { of: "psr", needs: "file" },
  "--ciphers": { of: "psr", needs: "ciphers", isUnsupported: true },
  "--help": { of: "psr" },
  "--insecure": { of: "psr" },
  "--key": { of: "psr", needs: "file" },
  "--keyform": { of: "psr", needs: "keyform", isUnsupported: true },
  "--nodelay": { of: "psr" }, // All packets of a turn leave in one write: there is nothing to delay.
  "--password-file": { of: "psr", needs: "file" },
  "--pretty": { of: "sr" },
  "--protocol-version": { also: "-V", of: "psr", needs: "version" },
  "--proxy": { of: "psr", needs: "proxy url", isUnsupported: true },
  "--psk": { of: "psr", needs: "key", isUnsupported: true },
  "--psk-identity": { of: "psr", needs: "identity", isUnsupported: true },
  "--quiet": { of: "psr" },
  "--random-filter": { of: "s", needs: "chance" },
  "--remove-retained": { of: "s" },
  "--repeat": { of: "p", needs: "count" },
  "--repeat-delay": { of: "p", needs: "time" },
  "--retain-as-published": { of: "s" },
  "--retained-only": { of: "s" },
  "--tls-alpn": { of: "psr", needs: "protocol" },
  "--tls-engine": { of: "psr", needs: "engine_id", isUnsupported: true },
  "--tls-engine-kpass-sha1": { of: "psr", needs: "kpass sha1", isUnsupported: true },
  "--tls-use-os-certs": { of: "psr" },
  "--tls-version": { of: "psr", needs: "version" },
  "--unix": { of: "psr", needs: "socket path" },
  "--will-payload": { of: "psr", needs: "will payload" },
  "--will-qos": { of: "psr", needs: "will QoS" },
  "--will-retain": { of: "psr" },
  "--will-topic": { of: "psr", needs: "will topic" },
  "--ws-path": { of: "psr", needs: "path" },
} as const satisfies Readonly<Record<string, Option>>;

/** Option by the name that mosquitto's messages use. */
export type OptionName = keyof typeof OPTIONS;

interface Occurrence {
  readonly name: OptionName;
  readonly values: readonly string[];
}

/** Command line of a client command, option by option; their meaning is decided elsewhere. */
export class ClientArguments {
  readonly command: ClientCommand;
  /** Operands, which are URLs. */
  readonly urls: readonly string[];
  readonly #occurrences: readonly Occurrence[];

  constructor(command: ClientCommand, urls: readonly string[], occurrences: readonly Occurrence[]) {
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
    return this.#of("-D").map(({ values }) => values);
  }

  #of(name: OptionName): readonly Occurrence[] {
    return this.#occurrences.filter((occurrence) => occurrence.name === name);
  }
}

/** Parses a command line as mosquitto's clients do: the last value counts. Throws {@linkcode ArgumentError}. */
export function parseClientArguments(command: ClientCommand, args: readonly string[]): ClientArguments {
  const urls: string[] = [];
  const written = occurrencesOf(command, args, urls);
  const file = written.findLast(({ name }) => name === "-o")?.values[0];
  const defaults = file === undefined ? [] : optionLines(file).flatMap((line) => occurrencesOf(command, line, urls));
  return new ClientArguments(command, urls, [...defaults, ...written]);
}

function occurrencesOf(command: ClientCommand, args: readonly string[], urls: string[]): Occurrence[] {
  const occurrences: Occurrence[] = [];
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? ""; // The index is below the length.
    if (!word.startsWith("-") && /^(?:[a-z]+:\/\/|unix:)/i.test(word)) {
      urls.push(word);
      continue;
    }
    const name = optionName(word);
    const option: Option | undefined = name === undefined ? undefined : OPTIONS[name];
    if (name === undefined || !option?.of.includes(command.charAt(0))) {
      throw new ArgumentError(`Unknown option '${word}'.`);
    }
    if (option.isUnsupported) throw new ArgumentError(`Option '${word}' is not supported.`);
    const count = name === "-D" ? propertyWords(args[index + 2]) : option.needs === undefined ? 0 : 1;
    const values = args.slice(index + 1, index + 1 + count);
    if (values.length < count) throw notEnough(name, option);
    index += count;
    occurrences.push({ name, values });
  }
  return occurrences;
}

/** Number of words of a property: a user property has a name and a value. */
function propertyWords(identifier: string | undefined): number {
  return identifier === "user-property" ? 4 : 3;
}

function notEnough(name: OptionName, { needs }: Option): ArgumentError {
  if (name === "-D") return new ArgumentError("--property argument given but not enough arguments specified.");
  return new ArgumentError(`${name} argument given but no ${needs} specified.`);
}

function optionName(word: string): OptionName | undefined {
  if (Object.hasOwn(OPTIONS, word)) return word as OptionName; // It is one of its keys.
  const [name] = Object.entries(OPTIONS).find(([, option]: [string, Option]) => option.also === word) ?? [];
  return name as OptionName | undefined; // It is one of its keys.
}

/** Reads lines of an option and its value; `#` begins a comment. */
function optionLines(path: string): string[][] {
  let text;
  try {
    text = Deno.readTextFileSync(path);
  } catch (cause) {
    throw new ArgumentError(`Unable to open file "${path}".`, { cause });
  }
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "" && !line.startsWith("#"));
  return lines.map((line) => {
    const [, name = "", value] = /^(\S+)(?: (.*))?$/.exec(line.trimStart()) ?? [];
    if (value === undefined) return [name];
    return optionName(name) === "-D" ? [name, ...value.split(/ +/)] : [name, value];
  });
}
