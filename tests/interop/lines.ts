import { TextLineStream } from "@std/streams";
import { within } from "../deadline.ts";

interface Waiter {
  readonly pattern: RegExp;
  readonly count: number;
  readonly found: (lines: string[]) => void;
}

/** The lines a program prints, all of them kept, so that one can be waited for that has long been printed. */
export class Lines {
  readonly received: string[] = [];
  /** Resolves when the program has closed its output. */
  readonly ended: Promise<void>;
  readonly #waiters = new Set<Waiter>();

  constructor(output: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.ended = this.#read(output);
  }

  /** The first `count` lines that match, without the match itself, as soon as they are there. */
  async matching(pattern: RegExp, count = 1, deadlineMs?: number): Promise<string[]> {
    const { promise, resolve } = Promise.withResolvers<string[]>();
    const waiter = { pattern, count, found: resolve };
    this.#waiters.add(waiter);
    this.#serve(waiter);
    const ended = this.ended.then(() => {
      this.#serve(waiter);
      return Promise.reject(new Error("the output has ended"));
    });
    try {
      return await within(Promise.race([promise, ended]), `${count} lines like ${pattern}`, deadlineMs);
    } catch (error) {
      const tail = this.received.slice(-20).join("\n");
      throw new Error(
        `Expected ${count} lines like ${pattern}, got ${this.#matches(waiter).length}:\n${tail}`,
        { cause: error },
      );
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  async #read(output: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const line of output.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
      this.received.push(line);
      this.#waiters.forEach((waiter) => this.#serve(waiter));
    }
  }

  #serve(waiter: Waiter): void {
    const lines = this.#matches(waiter);
    if (lines.length >= waiter.count) waiter.found(lines.slice(0, waiter.count));
  }

  #matches({ pattern }: Waiter): string[] {
    return this.received.filter((line) => pattern.test(line)).map((line) => line.replace(pattern, ""));
  }
}
