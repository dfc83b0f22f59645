import type { KvStorage } from "../storage/deno_kv/deno_kv_storage.ts";
import { MemoryStorage } from "../storage/memory.ts";
import type { Storage } from "../storage/storage.ts";
import { ConfigError } from "./config_error.ts";
import { checkFolder, isThere } from "./files.ts";
import type { ProgramEnvironment } from "./program_io.ts";

/** Reports a storage that the system or its contents make unusable; the message says which and why. */
export class StorageError extends Error {
  override readonly name = "StorageError";
}

/** Value of `--storage`. */
export type StorageOption =
  | { readonly kind: "memory" }
  | { readonly kind: "kv"; readonly location: string }
  /** A database in the platform's state directory. */
  | { readonly kind: "defaultKv" };

/** Advice of complaints about `--storage`. */
export const STORAGE_HINT = 'write "memory", "kv", or a path as in "kv:/var/lib/brooklet/brooklet.kv"';

/** Parses the option; throws {@linkcode ConfigError}. */
export function parseStorageOption(text: string): StorageOption {
  if (text === "memory") return { kind: "memory" };
  if (text === "kv") return { kind: "defaultKv" };
  const location = text.slice("kv:".length);
  if (text.startsWith("kv:") && location !== "") return { kind: "kv", location };
  throw new ConfigError(`--storage "${text}" is not a storage: ${STORAGE_HINT}`);
}

/** Whether a location is not a file: a server of KV Connect, or memory. */
export function isElsewhere(location: string): boolean {
  return /^(?:https?:|:memory:)/.test(location);
}

/** Opens a storage of Deno KV; creates a missing file, unless it must exist. Throws {@linkcode StorageError}. */
export async function openKv(
  option: Exclude<StorageOption, { kind: "memory" }>,
  environment: ProgramEnvironment,
  mustExist = false,
): Promise<{ readonly storage: KvStorage; readonly location: string }> {
  try {
    const location = option.kind === "kv" ? option.location : await defaultLocation(environment);
    if (mustExist && !isElsewhere(location)) await Deno.stat(location);
    const { KvStorage } = await import("../storage/deno_kv/deno_kv_storage.ts"); // Loaded only when it is used.
    return { storage: await KvStorage.open(location), location };
  } catch (error) {
    throw storageError("open the storage", error);
  }
}

/** Opens the storage of the option, with a line that says where things are kept. Throws {@linkcode StorageError}. */
export async function openStorage(
  option: StorageOption,
  environment: ProgramEnvironment,
): Promise<{ readonly storage: Storage; readonly says: string }> {
  if (option.kind === "memory") {
    const says = "Sessions and retained messages are kept in memory: they are lost when the broker ends.";
    return { storage: new MemoryStorage(), says };
  }
  const { storage, location } = await openKv(option, environment);
  const isNew = storage.isNew ? ", which is new" : ""; // Tells an operator who deleted the old one.
  return { storage, says: `Sessions and retained messages are kept in ${location}${isNew}` };
}

/** Error of a storage, as one line. */
export function storageError(action: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const why = error instanceof Error ? error.message : String(error);
  const [line = ""] = why.split("\n");
  return new StorageError(line.startsWith("Cannot ") ? line : `Cannot ${action}: ${line}`, { cause: error });
}

/** Checks the place of a storage as a start would, and makes nothing there; throws {@linkcode ConfigError}. */
export async function checkStorage(option: StorageOption, environment: Pick<ProgramEnvironment, "get">): Promise<void> {
  if (option.kind === "memory" || (option.kind === "kv" && isElsewhere(option.location))) return;
  try {
    const directory = option.kind === "kv" ? undefined : defaultDirectory(environment);
    if (directory !== undefined && !isThere(directory)) return checkFolder("make the folder", directory);
    const { checkFile } = await import("../storage/deno_kv/file.ts");
    await checkFile(option.kind === "kv" ? option.location : await defaultLocation(environment));
  } catch (error) {
    throw error instanceof ConfigError ? error : new ConfigError(storageError("open the storage", error).message);
  }
}

/** Location of `kv` without a path, in a directory that only its owner can read. */
export async function defaultLocation(
  environment: Pick<ProgramEnvironment, "get">,
  os: typeof Deno.build.os = Deno.build.os,
): Promise<string> {
  const directory = defaultDirectory(environment, os);
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  return `${directory}${os === "windows" ? "\\" : "/"}brooklet.kv`;
}

function defaultDirectory(
  environment: Pick<ProgramEnvironment, "get">,
  os: typeof Deno.build.os = Deno.build.os,
): string {
  const directory = stateDirectory(os, (name) => environment.get(name));
  if (directory !== undefined) return directory;
  const variable = os === "windows" ? "LOCALAPPDATA" : "HOME";
  throw new StorageError(`Cannot find the directory for the storage: ${variable} is not set; give --storage kv:PATH`);
}

/** Directory of the platform for a program's state of one user; `undefined` without one. */
export function stateDirectory(
  os: typeof Deno.build.os,
  environment: (name: string) => string | undefined,
): string | undefined {
  const within = (name: string, path: string) => {
    const base = environment(name);
    return base === undefined || base === "" ? undefined : base + path;
  };
  if (os === "windows") return within("LOCALAPPDATA", "\\brooklet");
  if (os === "darwin") return within("HOME", "/Library/Application Support/brooklet");
  // XDG Base Directory Specification: a relative path is invalid.
  const state = environment("XDG_STATE_HOME")?.startsWith("/") ? within("XDG_STATE_HOME", "/brooklet") : undefined;
  return state ?? within("HOME", "/.local/state/brooklet");
}
