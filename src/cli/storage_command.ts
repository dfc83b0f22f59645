// @ts-types="./text_line_stream.d.ts"
import { TextLineStream } from "@std/streams";
import { type Command, command } from "./command.ts";
import { ConfigError } from "./config_error.ts";
import { printLine, type ProgramEnvironment, type ProgramIo } from "./program_io.ts";
import { DumpCounts, dumpedChanges, dumpLines } from "./storage_dump.ts";
import {
  openKv,
  parseStorageOption,
  STORAGE_HINT,
  StorageError,
  storageError,
  type StorageOption,
} from "./storage_option.ts";

type KvOption = Exclude<StorageOption, { kind: "memory" }>;

/** Command that exports a storage to a file or imports such a file. Throws {@linkcode StorageError}. */
export const STORAGE: Command = command({
  name: "storage",
  usage: ["storage export|import FILE [options]"],
  text: "Copies all that a storage keeps to a file, or such a file into an empty storage. " +
    'The file has one change a line, as JSON; "-" is standard output or standard input. ' +
    "No broker may use the storage meanwhile.",
  operands: { export: "write the storage to the file", import: "fill the storage from the file" },
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
    if ((action !== "export" && action !== "import") || file === undefined || file === "" || others.length > 0) {
      throw new ConfigError('Write "brooklet storage export FILE" or "brooklet storage import FILE"');
    }
    const option = parseStorageOption(values.storage);
    if (option.kind === "memory") {
      throw new ConfigError("--storage memory has nothing to export and keeps nothing that is imported");
    }
    const says = await (action === "export" ? exportTo(file, option, io) : importFrom(file, option, io));
    printLine(io.stderr, `brooklet: ${says}`);
    return 0;
  },
});

async function exportTo(file: string, option: KvOption, { stdout, environment }: ProgramIo): Promise<string> {
  const { storage, location } = await openKv(option, environment, true);
  const counts = new DumpCounts();
  try {
    const lines = ReadableStream.from(dumpLines(storage, counts))
      .pipeThrough(new TransformStream({ transform: (line, controller) => controller.enqueue(`${line}\n`) }))
      .pipeThrough(new TextEncoderStream());
    if (file === "-") await lines.pipeTo(stdout.writable);
    else await writeWhole(file, lines);
  } catch (error) {
    throw storageError(`export ${location}`, error);
  } finally {
    await storage.close();
  }
  return `exported ${counts} from ${location}`;
}

/** Writes a file that only its owner can read; it replaces an existing one only when it is complete and on the disk. */
async function writeWhole(path: string, contents: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
  const old = await Deno.stat(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  if (old !== undefined && !old.isFile) throw new StorageError(`Cannot write "${path}": it is not a file`);
  const target = old === undefined ? path : await Deno.realPath(path); // A link stays.
  const part = `${target}.${crypto.randomUUID()}.part`;
  try {
    await Deno.writeFile(part, contents, { createNew: true, mode: 0o600 });
    using file = await Deno.open(part, { write: true });
    await file.sync();
    await Deno.rename(part, target);
  } catch (error) {
    await Deno.remove(part).catch(() => {}); // It may not exist.
    throw error;
  }
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
