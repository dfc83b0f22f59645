import { concatenated } from "../../transport/concatenated.ts";
import type { ProgramOutput } from "../program_io.ts";

const MOST_WAITING_BYTES = 1_048_576;

/** Standard output for messages: messages that arrive during a write leave with the next one. */
export class MessageOutput {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #onBroken: (error: unknown) => void;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #writing: Promise<void> | undefined;
  #isBroken = false;

  /** @param onBroken called when nothing can be written any more */
  constructor(stdout: ProgramOutput, onBroken: (error: unknown) => void) {
    this.#writer = stdout.writable.getWriter();
    this.#onBroken = onBroken;
    this.#writer.closed.catch(() => {}); // Each write has its own owner.
  }

  /** Writes; gives a promise to await when too much waits already. It never rejects. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#isBroken || bytes.length === 0) return undefined;
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    this.#writing ??= this.#writeAll();
    return this.#bytes < MOST_WAITING_BYTES ? undefined : this.#writing;
  }

  /** Resolves when everything is written, or cannot be. */
  async flushed(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    await undefined; // Writes all messages of a turn at once.
    try {
      while (this.#bytes > 0) {
        const bytes = concatenated(this.#chunks);
        this.#chunks = [];
        this.#bytes = 0;
        await this.#writer.write(bytes);
      }
    } catch (error) {
      this.#isBroken = true;
      this.#chunks = [];
      this.#onBroken(error);
    }
    this.#writing = undefined;
  }
}
