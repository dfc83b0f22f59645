import { TextLineStream } from "npm:deno-std@1.4.0/streams/mod.js";
import type { Change } from "../protocol/change.ts";
import { FORMAT, whyUnreadable } from "../storage/format.ts";
import { changeFromJson, changeToJson, laterChangeFromJson } from "../storage/records/change_json.ts";
import type { Storage, StorageSize } from "../storage/storage.ts";
import { type Command, command } from "./command.ts";
import { ConfigError } from "./config_error.ts";
import { replaceFile } from "./files.ts";
import { printLine, type ProgramEnvironment, type ProgramIo } from "./program_io.ts";
import {
  openKv,
  parseStorageOption,
  STORAGE_HINT,
  StorageError,
  storageError,
  type StorageOption,
} from "./storage_option.ts";

const FIRST_LINE = JSON.stringify({ kind: "dump", ...FORMAT });
const LAST_LINE = /^\{"kind":"end","changes":(\d+)\}$/;
const BATCH_CHANGES = 1_000;
const BATCH_CHARACTERS = 4_194_304;

type KvOption = Exclude<StorageOption, { kind: "memory" }>;

/** Command that exports a storage to a file or imports such a file. Throws {@linkcode StorageError}. */
export const STORAGE: Command = command({
  name: "storage",
  usage: ["storage export|import FILE [options]", "storage compact [options]"],
  text: "Copies all that a storage keeps to a file, or such a file into an empty storage. " +
    'The file has one change a line, as JSON; "-" is standard output or standard input. ' +
    "Or gives the free part of the storage's own file back to the disk. No broker may use the storage meanwhile.",
  operands: {
    export: "write the storage to the file",
    import: "fill the storage from the file",
    compact: "make the storage as small as what it keeps",
  },
  options: {
    storage: {
      value: "WHERE",
      words: ["kv"],
      default: "kv",
      needs: `a value: ${STORAGE_HINT}`,
      text: 'kv, kv:PATH or kv:URL, as for "brooklet serve"',
    },
  },
  async run({ values, operands: [action, file, ...others] }, io) {
    const hasFile = file !== undefined && file !== "" && others.length === 0;
    const isCopy = hasFile && (action === "export" || action === "import");
    if (!isCopy && (action !== "compact" || file !== undefined)) {
      throw new ConfigError(
        'Write "brooklet storage export FILE", "brooklet storage import FILE" or "brooklet storage compact"',
      );
    }
    const option = parseStorageOption(values.storage);
    if (option.kind === "memory") {
      throw new ConfigError("--storage memory has nothing to export or to compact, and keeps nothing that is imported");
    }
    const says = file === undefined
      ? await compact(option, io)
      : await (action === "export" ? exportTo(file, option, io) : importFrom(file, option, io));
    printLine(io.stderr, `brooklet: ${says}`);
    return 0;
  },
});

async function compact(option: KvOption, { environment }: ProgramIo): Promise<string> {
  const { storage, location } = await openKv(option, environment, true);
  try {
    const { before, after } = await storage.compact();
    return `compacted ${location} from ${inKilobytes(before)} to ${inKilobytes(after)}`;
  } catch (error) {
    throw storageError(`compact ${location}`, error);
  } finally {
    await storage.close();
  }
}

function inKilobytes({ bytes }: StorageSize): string {
  return `${Math.ceil(bytes / 1_000).toLocaleString("en")} kB`;
}

async function exportTo(file: string, option: KvOption, { stdout, environment }: ProgramIo): Promise<string> {
  const { storage, location } = await openKv(option, environment, true);
  const counts = new DumpCounts();
  try {
    const lines = ReadableStream.from(dumpLines(storage, counts))
      .pipeThrough(new TransformStream({ transform: (line, controller) => controller.enqueue(`${line}\n`) }))
      .pipeThrough(new TextEncoderStream());
    if (file === "-") await lines.pipeTo(stdout.writable);
    else await replaceFile(file, lines, { isPrivate: true });
  } catch (error) {
    throw storageError(`export ${location}`, error);
  } finally {
    await storage.close();
  }
  return `exported ${counts} from ${location}`;
}

async function importFrom(file: string, option: KvOption, { stdin, environment }: ProgramIo): Promise<string> {
  if (file !== "-") return await importFile(file, file, option, environment);
  const copy = await Deno.makeTempFile({ prefix: "brooklet-import-" }); // It is read twice.
  try {
    await Deno.writeFile(copy, stdin.readable);
    return await importFile(copy, "standard input", option, environment);
  } catch (error) {
    throw storageError("import standard input", error);
  } finally {
    await Deno.remove(copy);
  }
}

/** Checks the whole dump before it stores its first change. */
async function importFile(
  path: string,
  name: string,
  option: KvOption,
  environment: ProgramEnvironment,
): Promise<string> {
  const action = `import ${name}`;
  try {
    for await (const _ of dumpedChanges(await linesOf(path), new DumpCounts()));
  } catch (error) {
    throw importError(name, error);
  }
  const { storage, location } = await openKv(option, environment);
  const counts = new DumpCounts();
  let hasBegun = false;
  try {
    for await (const _ of storage.restore()) {
      throw new StorageError(`Cannot ${action}: ${location} is not empty; give a --storage that is new`);
    }
    for await (const changes of dumpedChanges(await linesOf(path), counts)) {
      hasBegun = true;
      await storage.commit(changes);
    }
  } catch (error) {
    const { message } = importError(name, error);
    throw new StorageError(hasBegun ? `${message}; ${location} has a part of it: delete it and try again` : message);
  } finally {
    await storage.close();
  }
  return `imported ${counts} into ${location}`;
}

async function linesOf(path: string): Promise<ReadableStream<string>> {
  const file = await Deno.open(path);
  return file.readable
    .pipeThrough(new TextDecoderStream("utf-8", { fatal: true, ignoreBOM: true })) // U+FEFF stays in names.
    .pipeThrough(new TextLineStream());
}

function importError(name: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new StorageError(`Cannot import ${name}: ${why}`, { cause: error });
}

/** Counts of a dump's contents. */
export class DumpCounts {
  sessions = 0;
  messages = 0;
  retained = 0;

  count({ kind }: Change): void {
    if (kind === "sessionStarted") this.sessions += 1;
    else if (kind === "queued") this.messages += 1;
    else if (kind === "retained") this.retained += 1;
  }

  toString(): string {
    const { sessions, messages, retained } = this;
    return `${sessions} sessions, ${messages} messages that wait and ${retained} retained messages`;
  }
}

/**
 * Lines of a dump, without their line ends. The first and the last one frame it, so that a truncated dump is recognized:
 *
 *   {"kind":"dump","version":2,"needs":2,"brooklet":"0.1.0"}
 *   {"kind":"sessionStarted","clientId":"c"}
 *   {"kind":"end","changes":1}
 */
export async function* dumpLines(storage: Storage, counts: DumpCounts): AsyncIterable<string> {
  yield FIRST_LINE;
  let changes = 0;
  const clientIds: string[] = [];
  const line = (change: Change) => {
    changes += 1;
    counts.count(change);
    return changeToJson(change);
  };
  for await (const change of storage.restore()) {
    if (change.kind === "backlog") continue; // It follows from the rest.
    if (change.kind === "sessionStarted") clientIds.push(change.clientId);
    yield line(change);
  }
  for (const clientId of clientIds) {
    for await (const change of storage.restoreSession(clientId)) yield line(change);
  }
  yield `{"kind":"end","changes":${changes}}`;
}

/**
 * Changes of a dump, in lists to be stored.
 *
 * @throws SyntaxError for a damaged dump, at the latest after the last list
 */
export async function* dumpedChanges(
  lines: AsyncIterable<string>,
  counts: DumpCounts,
): AsyncIterable<readonly Change[]> {
  const sessions = new Set<string>();
  let number = 0;
  let isLater = false;
  let list: Change[] = [];
  let characters = 0;
  let hasEnded = false;
  for await (const line of lines) {
    number += 1;
    if (hasEnded) throw new SyntaxError(`Cannot read line ${number}: the dump ends before it`);
    if (number === 1) {
      isLater = isOfLaterFormat(line);
      continue;
    }
    const [, changes] = LAST_LINE.exec(line) ?? [];
    if (changes !== undefined) {
      const has = number - 2;
      if (Number(changes) !== has) throw new SyntaxError(`The dump has ${has} changes, its last line says ${changes}`);
      hasEnded = true;
      continue;
    }
    const change = dumpedChange(line, number, sessions, isLater);
    if (change === undefined) continue;
    counts.count(change);
    list.push(change);
    characters += line.length;
    if (list.length < BATCH_CHANGES && characters < BATCH_CHARACTERS) continue;
    yield list;
    list = [];
    characters = 0;
  }
  if (!hasEnded) {
    throw new SyntaxError(`The dump is cut after line ${number}: its last line is not {"kind":"end",...}`);
  }
  if (list.length > 0) yield list;
}

/** Reads the first line; throws SyntaxError for a format that this build cannot read. */
function isOfLaterFormat(line: string): boolean {
  let first: { readonly [name: string]: unknown } | null = null;
  try {
    first = JSON.parse(line);
  } catch {
    // It is refused below.
  }
  const { kind, version, needs = version, brooklet = "" } = first ?? {};
  if (kind !== "dump" || !isVersion(version) || !isVersion(needs) || typeof brooklet !== "string") {
    throw new SyntaxError(`Cannot read line 1: it is not ${FIRST_LINE}`);
  }
  const why = whyUnreadable({ version, needs, brooklet });
  if (why !== undefined) throw new SyntaxError(why);
  return version > FORMAT.version;
}

function isVersion(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

/** Reads a change; `undefined`: it is one that only a later version knows, and that this build may skip. */
function dumpedChange(line: string, number: number, sessions: Set<string>, isLater: boolean): Change | undefined {
  const change = isLater ? laterChangeFromJson(line, number) : changeFromJson(line, number);
  if (change === undefined) return undefined;
  if (change.kind === "transaction") throw new SyntaxError(`Cannot read line ${number}: a dump has no "transaction"`);
  if (change.kind === "sessionStarted") sessions.add(change.clientId);
  else if ("clientId" in change && !sessions.has(change.clientId)) {
    throw new SyntaxError(`Cannot read line ${number}: its session does not begin before it`);
  }
  return change;
}
