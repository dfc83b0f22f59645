/** Rows of sessions that have ended go a few at a time, between what is committed. */

import type { KvBodies } from "./deno_kv_bodies.ts";
import { endedKey, pageKey, pagesEnd, sessionKey } from "./deno_kv_keys.ts";
import { deleted, type KvRows, type Mutation } from "./deno_kv_rows.ts";
import type { Contents } from "./deno_kv_scan.ts";
import { KvSessionReader } from "./deno_kv_sessions.ts";
import { isReference } from "./queue_page.ts";

const ROWS_AT_ONCE = 100;

export class KvSweep {
  readonly #rows: KvRows;
  readonly #bodies: KvBodies;
  readonly #reader: KvSessionReader;
  /** Numbers of sessions. */
  readonly #ended: number[];
  /** Those that had ended at the start: their bodies were not counted. */
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

  /** Begins if there is anything to do; what fails is done when it is called again. */
  start(): void {
    if (this.#running !== undefined || this.#ended.length === 0 || this.#isStopped) return;
    this.#running = this.#run().catch(() => {}).finally(() => this.#running = undefined); // The rows say nothing.
  }

  /** Resolves when there is nothing left to do, or it failed. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** What is left goes at the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let number = this.#ended[0]; number !== undefined && !this.#isStopped; number = this.#ended[0]) {
      if (!await this.#sweep(number)) continue;
      this.#ended.shift();
    }
  }

  /** Deletes some rows of a session, pages first; true: there is none left. */
  async #sweep(number: number): Promise<boolean> {
    const { mutations, bodies } = await this.#pages(number);
    if (mutations.length === 0) {
      const options = { limit: ROWS_AT_ONCE, batchSize: ROWS_AT_ONCE };
      for await (const { key, bytes } of this.#rows.list({ prefix: sessionKey(number) }, options)) {
        mutations.push(deleted(key));
        if (this.#uncounted.has(number)) continue;
        this.#bodies.count(key, bytes); // Now it is known for sure what it refers to.
      }
    }
    const isDone = mutations.length === 0;
    if (isDone) mutations.push(deleted(endedKey(number)));
    await this.#rows.write([...mutations, ...this.#bodies.takeGarbage(ROWS_AT_ONCE)]);
    for (const body of bodies) this.#bodies.release(body);
    for (const { key } of mutations) this.#bodies.replaced(key, undefined);
    return isDone;
  }

  async #pages(number: number): Promise<{ mutations: Mutation[]; bodies: number[] }> {
    const mutations: Mutation[] = [];
    const bodies: number[] = [];
    const progress = await this.#reader.progress(number);
    const pages = { start: pageKey(number, 0), end: pagesEnd(number) };
    for await (const { key, bytes } of this.#rows.list(pages, { limit: ROWS_AT_ONCE, batchSize: 20 })) {
      mutations.push(deleted(key));
      if (this.#uncounted.has(number)) continue;
      for (const { sequence, content } of await this.#reader.page(key, bytes)) {
        if (isReference(content) && !progress.isCompleted(sequence)) bodies.push(content.body);
      }
    }
    return { mutations, bodies };
  }
}
