import { ConfigError } from "./config_error.ts";
import { whyNot } from "./read_file.ts";

/** A file with the number of the process, while it runs. */
export class PidFile implements Disposable {
  readonly #path: string | undefined;

  private constructor(path: string | undefined) {
    this.#path = path;
  }

  /** Throws {@linkcode ConfigError} when it cannot be written. @param path `undefined` for none */
  static write(path: string | undefined): PidFile {
    try {
      if (path !== undefined) Deno.writeTextFileSync(path, `${Deno.pid}\n`);
      return new PidFile(path);
    } catch (error) {
      throw new ConfigError(`Cannot write the pid file "${path}": ${whyNot(error)}`);
    }
  }

  [Symbol.dispose](): void {
    try {
      if (this.#path !== undefined) Deno.removeSync(this.#path);
    } catch {
      // Somebody else has removed it, or its folder is no longer ours: nothing depends on it.
    }
  }
}
