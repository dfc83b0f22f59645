import { isReference } from "../records/session_queue.ts";
import type { KvBodies } from "./bodies.ts";
import { endedKey, pageKey, pagesEnd, sessionKey, SessionRow } from "./keys.ts";
import { deleted, type KvRows, type Mutation } from "./rows.ts";
import type { Contents } from "./scan.ts";
import { KvSessionReader } from "./sessions.ts";

/** Deletes the rows of ended sessions, a few at a time between commits. */

/** Rows deleted at once: few, so that commits do not wait long for them. */
const ENOUGH_ROWS = 100;

/** Deletions of one atomic. */
interface Step {
  readonly mutations: Mutation[];
  /** Bodies that its messages refer to. */
  readonly bodies: number[];
  /** Sessions whose rows are all deleted. */
  readonly done: number[];
}

export class KvSweep {
  readonly #rows: KvRows;
  readonly #bodies: KvBodies;
  readonly #reader: KvSessionReader;
  /** Numbers of ended sessions. */
  readonly #ended: Set<number>;
  /** Sessions that had ended before the start: their bodies were not counted. */
  readonly #uncounted: ReadonlySet<number>;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(rows: KvRows, contents: Contents) {
    this.#rows = rows;
    this.#bodies = contents.bodies;
    this.#reader = new KvSessionReader(rows, contents.bodies);
    this.#ended = contents.ended;
    this.#uncounted = new Set(contents.ended);
  }

  /** Starts if there is anything to do; another call repeats what failed. */
  start(): void {
    if (this.#running !== undefined || this.#ended.size === 0 || this.#isStopped) return;
    this.#running = this.#run().catch(() => {}).finally(() => this.#running = undefined); // The rows say nothing.
  }

  /** Resolves when nothing is left to do, or when it failed. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** Stops; the next start deletes the remaining rows. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#ended.size > 0 && !this.#isStopped) await this.#sweep();
  }

  /** Deletes the rows of several sessions, or part of one. */
  async #sweep(): Promise<void> {
    const step: Step = { mutations: [], bodies: [], done: [] };
    for (const number of this.#ended) {
      const isDone = await this.#collect(number, step);
      if (isDone) step.done.push(number);
      if (!isDone || step.mutations.length >= ENOUGH_ROWS) break;
    }
    const garbage = this.#bodies.takeGarbage(ENOUGH_ROWS);
    try {
      await this.#rows.write([...step.mutations, ...garbage]);
    } catch (error) {
      this.#bodies.giveBack(garbage);
      throw error;
    }
    for (const body of step.bodies) this.#bodies.release(body);
    for (const { key } of step.mutations) this.#bodies.replaced(key, undefined);
    for (const number of step.done) this.#ended.delete(number);
  }

  /** Collects rows of a session. True: these are all, so the mark that it has ended is deleted too. */
  async #collect(number: number, step: Step): Promise<boolean> {
    const progress = await this.#reader.progress(number);
    const all = { prefix: sessionKey(number) };
    // Pages first if there are many rows: the progress says which bodies they release.
    const pages = { start: pageKey(number, 0), end: pagesEnd(number) };
    const options = { limit: ENOUGH_ROWS, batchSize: ENOUGH_ROWS };
    let rows = await Array.fromAsync(this.#rows.list(all, options));
    const isDone = rows.length < ENOUGH_ROWS;
    if (!isDone) {
      const onlyPages = await Array.fromAsync(this.#rows.list(pages, options));
      if (onlyPages.length > 0) rows = onlyPages;
    }
    for (const { key, bytes } of rows) {
      step.mutations.push(deleted(key));
      if (this.#uncounted.has(number)) continue;
      this.#bodies.count(key, bytes); // Also if it is unknown whether it was written.
      if (key[2] !== SessionRow.page) continue;
      for (const { sequence, content } of await this.#reader.page(key, bytes)) {
        if (isReference(content) && !progress.isCompleted(sequence)) step.bodies.push(content.body);
      }
    }
    if (isDone) step.mutations.push(deleted(endedKey(number)));
    return isDone;
  }
}
