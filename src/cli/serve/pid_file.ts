import { ConfigError } from "../config_error.ts";
import { tryMaking, whyNot } from "../files.ts";

// Longest process id with its line end.
const MOST_BYTES = 32;

/** File with the id of the process, while it runs. */
export class PidFile implements Disposable {
  readonly #path: string | undefined;

  private constructor(path: string | undefined) {
    this.#path = path;
  }

  /**
   * Replaces a file that an earlier process has left, and nothing else: a user with write access to the folder could
   * place a link there to have another file overwritten. Throws {@linkcode ConfigError} if it cannot be written.
   *
   * @param path `undefined` for none
   */
  static write(path: string | undefined): PidFile {
    try {
      if (path !== undefined) create(path);
      return new PidFile(path);
    } catch (error) {
      throw new ConfigError(`Cannot write the pid file "${path}": ${whyNot(error)}`);
    }
  }

  /** Checks that it could be written, without writing it; throws {@linkcode ConfigError}. */
  static check(path: string): void {
    try {
      numberIn(path); // One that is there is deleted first, so that what counts is its folder.
      tryMaking(path);
    } catch (error) {
      throw new ConfigError(`Cannot write the pid file "${path}": ${whyNot(error)}`);
    }
  }

  /** Deletes the file, unless another process has replaced it. */
  [Symbol.dispose](): void {
    try {
      if (this.#path !== undefined && numberIn(this.#path) === `${Deno.pid}`) Deno.removeSync(this.#path);
    } catch {
      // The file was deleted, or its folder is no longer accessible: nothing depends on it.
    }
  }
}

function create(path: string): void {
  if (numberIn(path) !== undefined) Deno.removeSync(path);
  // Opens no existing file, not even through a link.
  using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o644 });
  const bytes = new TextEncoder().encode(`${Deno.pid}\n`);
  for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
}

/** Reads a pid file, "" for an empty one; `undefined`: it does not exist. Throws for anything else at the path. */
function numberIn(path: string): string | undefined {
  let found: Deno.FileInfo;
  try {
    found = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  if (found.isSymlink) throw new Error("it is a symbolic link");
  if (!found.isFile) throw new Error(found.isDirectory ? "it is a folder" : "it is no file");
  const text = found.size > MOST_BYTES ? "?" : Deno.readTextFileSync(path).trim();
  if (!/^\d*$/.test(text)) throw new Error("there is a file that is no pid file");
  return text;
}
