import { DEADLINE_MS } from "../deadline.ts";

const LOOK_EVERY_MS = 5;

/**
 * The lines that a process writes to a file, from some byte on. Between two calls no read of it is under way, so that
 * several tests can read what one process says, each with its sanitizers.
 */
export class LogFile {
  readonly path: string;
  readonly #from: number;
  #kept: string | undefined;

  private constructor(path: string, from: number) {
    this.path = path;
    this.#from = from;
  }

  static async create(): Promise<LogFile> {
    return new LogFile(await Deno.makeTempFile({ suffix: ".log" }), 0);
  }

  /** What is written from now on. */
  fromHere(): LogFile {
    return new LogFile(this.path, Deno.statSync(this.path).size);
  }

  /** Removes the file when its process has ended; the lines stay. */
  async remove(): Promise<void> {
    this.#kept ??= this.#text();
    await Deno.remove(this.path).catch(() => {}); // A second time it is gone.
  }

  /** All lines by now, without one that is still being written. */
  get received(): readonly string[] {
    return this.#text().split("\n").slice(0, -1);
  }

  /** The first `count` lines that match, without the match itself, as soon as they are there. */
  async matching(pattern: RegExp, count = 1, deadlineMs = DEADLINE_MS): Promise<string[]> {
    const untilMs = performance.now() + deadlineMs;
    let found = this.#matches(pattern);
    while (found.length < count) {
      if (performance.now() > untilMs || this.#kept !== undefined) {
        const tail = this.received.slice(-20).join("\n");
        throw new Error(
          `Expected ${count} lines like ${pattern} within ${deadlineMs} ms or before its end, got ${found.length}:\n${tail}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      found = this.#matches(pattern);
    }
    return found.slice(0, count);
  }

  #matches(pattern: RegExp): string[] {
    return this.received.filter((line) => pattern.test(line)).map((line) => line.replace(pattern, ""));
  }

  #text(): string {
    return this.#kept ?? new TextDecoder().decode(Deno.readFileSync(this.path).subarray(this.#from));
  }
}
