import type { Written } from "../config/configuration.ts";
import { nearest } from "../nearest.ts";
import { ConfigError } from "../config_error.ts";
import { MosquittoDraft } from "./draft.ts";
import { type MosquittoKey, mosquittoKeys } from "./keys.ts";
import { MosquittoLine } from "./line.ts";

/**
 * Configuration files of mosquitto 2.0 and 2.1: lines of a name and a value, comments, and folders of more such files.
 */

/** Reads a mosquitto.conf; throws {@linkcode ConfigError} for anything that mosquitto or Brooklet refuses. */
export function readMosquittoConfiguration(file: string, text: string): Written {
  const draft = new MosquittoDraft();
  const complaints: string[] = [];
  readLines(file, text, { draft, keys: mosquittoKeys(), complaints }, true);
  const [first, ...others] = complaints;
  if (first !== undefined) throw new ConfigError(first, others);
  const value = draft.finish();
  return {
    value,
    place: ([first, index]) =>
      (first === "listeners" && typeof index === "number" ? draft.placeOfListener(index) : undefined) ?? file,
    warnings: draft.warnings,
    isOfMosquitto: true,
  };
}

/** Draft that lines change, and the keys that change it. */
interface Reading {
  readonly draft: MosquittoDraft;
  readonly keys: Readonly<Record<string, MosquittoKey>>;
  /** Complaints about lines so far: all are told at once. */
  readonly complaints: string[];
}

function readLines(file: string, text: string, reading: Reading, isMain: boolean): void {
  const { draft } = reading;
  for (const [index, content] of text.split("\n").entries()) {
    if (content.startsWith("#") || content.trim() === "") continue;
    const line = new MosquittoLine(content, `${file}:${index + 1}`);
    if (line.key === "include_dir") {
      if (!isMain) draft.warn(line, "is ignored: it is for the main file only");
      else {
        for (const path of filesOf(line)) {
          draft.inIncludedFile(() => readLines(path, readIncluded(path, line), reading, false));
        }
      }
    } else {
      try {
        apply(line, reading);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        reading.complaints.push(error.message, ...error.others);
      }
    }
  }
}

function apply(line: MosquittoLine, { draft, keys }: Reading): void {
  const key = keyOf(line.key, keys);
  if (key === undefined) {
    const meant = nearest(line.key, Object.keys(keys));
    const hint = meant === undefined ? "mosquitto 2.0 and 2.1 have none of this name" : `did you mean "${meant}"?`;
    throw new ConfigError(`${line.place}: Unknown key "${line.key}": ${hint}`);
  }
  const warning = key(line, draft);
  if (warning !== undefined) draft.warn(line, warning);
  else if (line.unread !== "") draft.warn(line, `ignores "${line.unread}" after its value`);
}

function keyOf(name: string, keys: Reading["keys"]): MosquittoKey | undefined {
  if (Object.hasOwn(keys, name)) return keys[name];
  const [prefix] = /^(?:auth|plugin)_opt_/.exec(name) ?? [];
  return prefix === undefined ? undefined : keys[`${prefix}*`];
}

/** Files of a folder in mosquitto's order: alphabetical, of each letter the capital first. */
function filesOf(line: MosquittoLine): string[] {
  const folder = line.text();
  try {
    return Array.from(Deno.readDirSync(folder))
      .filter(({ name, isDirectory }) => name.endsWith(".conf") && !isDirectory)
      .map(({ name }) => name)
      .toSorted(byLetter)
      .map((name) => `${folder.replace(/\/$/, "")}/${name}`);
  } catch (error) {
    throw line.error(`cannot read the folder "${folder}": ${reasonOf(error)}`);
  }
}

function byLetter(one: string, other: string): number {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()];
  if (a !== b) return a < b ? -1 : 1;
  return one < other ? -1 : 1;
}

function readIncluded(path: string, line: MosquittoLine): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw line.error(`cannot read "${path}": ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "it is not there";
  return error instanceof Error ? error.message : String(error);
}
