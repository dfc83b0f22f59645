/**
 * Kills the command line program under load at random times, again and again, starts it on the same file, and has the same
 * clients go on: `deno task torture [--cycles 200] [--seed S]`.
 */

import { parseArgs } from "@std/cli";
import { Program } from "../cli/program.ts";
import { pause } from "../hostile/sockets.ts";
import { Seeded } from "../seeded.ts";
import { DurableClient } from "./durable_client.ts";
import { KvFile } from "./kv_file.ts";
import { Ledger } from "./ledger.ts";
import { TorturePublisher, TortureSubscriber, TortureWill } from "./torture_clients.ts";

const PUBLISHERS = 20;
const SUBSCRIBERS = 10;
const WILLS = 5;
const WATCHER = "watcher";
const LEAST_ACKNOWLEDGED = 500;
const CHANGE_EVERY_MS = 10;
const SETTLE_WITHIN_MS = 60_000;

/** What a run has shown. */
export interface TortureFigures {
  readonly cycles: number;
  readonly acknowledged: number;
  readonly leastAcknowledged: number;
  readonly delivered: number;
  readonly duplicates: number;
  /** QoS 1 messages that were not acknowledged when the broker was killed, for each of their subscribers. */
  readonly lawfulDuplicates: number;
  readonly retainedChecked: number;
  readonly subscriptionsChanged: number;
  readonly slowestStartMs: number;
  /** What was lost, doubled, in another order or otherwise wrong. */
  readonly problems: readonly string[];
}

/** So many cycles on one file; a cycle that is through is told. */
export async function torture(
  cycles: number,
  seed: number,
  told: (text: string) => void = () => {},
): Promise<TortureFigures> {
  await using file = await KvFile.create();
  await using run = new Torture(file, new Seeded(seed));
  await run.start();
  for (let cycle = 1; cycle <= cycles; cycle++) {
    const text = await run.cycle();
    told(`cycle ${cycle}: ${text}`);
    if (run.problems.length > 0) return run.figures(cycle);
  }
  await run.settle();
  return run.figures(cycles);
}

class Torture implements AsyncDisposable {
  readonly #file: KvFile;
  readonly #random: Seeded;
  readonly #ledger = new Ledger();
  readonly #subscribers: readonly TortureSubscriber[];
  readonly #publishers: readonly TorturePublisher[];
  readonly #wills: readonly TortureWill[];
  readonly #watcher = new DurableClient(WATCHER, 5, { message: (packet) => this.#ledger.came(WATCHER, packet) });
  #program: Program | undefined;
  #knowsWatcher = false;
  #isLoaded = false;
  #isPumpDue = false;
  #leastAcknowledged = Infinity;
  #lawfulDuplicates = 0;
  #retainedChecked = 0;
  #subscriptionsChanged = 0;
  #slowestStartMs = 0;

  constructor(file: KvFile, random: Seeded) {
    this.#file = file;
    this.#random = random;
    const ledger = this.#ledger;
    const pump = () => this.#pumpLater();
    this.#subscribers = Array.from({ length: SUBSCRIBERS }, (_, index) => new TortureSubscriber(index, ledger, pump));
    this.#publishers = Array.from(
      { length: PUBLISHERS },
      (_, index) => new TorturePublisher(index, ledger, random, this.#subscribers, pump),
    );
    this.#wills = [false, true].flatMap((isDelayed) =>
      Array.from({ length: WILLS }, (_, index) => new TortureWill(index, isDelayed, ledger))
    );
  }

  get problems(): readonly string[] {
    return this.#ledger.problems;
  }

  /** Starts the broker, sees what it kept, and has all clients come back. */
  async start(): Promise<void> {
    const startedMs = performance.now();
    const program = await this.#file.listening();
    this.#program = program;
    this.#slowestStartMs = Math.max(this.#slowestStartMs, performance.now() - startedMs);
    const port = await program.port();
    await this.#checkRetained(port);
    const { sessionPresent } = await this.#watcher.connect(port);
    if (sessionPresent !== this.#knowsWatcher) {
      this.#ledger.problem(`Session Present for ${WATCHER}: ${sessionPresent}`);
    }
    if (!this.#knowsWatcher) await this.#watcher.subscribe("will/#", 2);
    this.#knowsWatcher = true;
    await Promise.all(this.#wills.map((will) => will.connect(port)));
    await Promise.all(this.#subscribers.map((subscriber) => subscriber.connect(port)));
    await Promise.all(this.#publishers.map((publisher) => publisher.connect(port)));
  }

  /** Load, a kill at a random time, a new start; gives what is to be said of it. */
  async cycle(): Promise<string> {
    const random = this.#random;
    const before = this.#acknowledged;
    const loadedMs = performance.now();
    this.#isLoaded = true;
    this.#pumpLater();
    const changes = this.#changeSubscriptions();
    await pause(random.integer(50, 400));
    // One is away when the broker is killed: what comes for it waits in the file.
    const away = random.pick(this.#subscribers);
    away.isAway = true;
    await away.client.drop();
    await pause(random.integer(0, 400));
    while (this.#acknowledged - before < LEAST_ACKNOWLEDGED) {
      if (performance.now() - loadedMs > SETTLE_WITHIN_MS) throw new Error(`Too slow: ${this.#acknowledged - before}`);
      await pause(random.integer(1, 20));
    }
    await this.#kill();
    await changes;
    const acknowledged = this.#acknowledged - before;
    const text = `${acknowledged} acknowledged, killed after ${Math.round(performance.now() - loadedMs)} ms, ` +
      `${this.#ledger.outstandingInSum} on their way`;
    this.#leastAcknowledged = Math.min(this.#leastAcknowledged, acknowledged);
    if (random.oneIn(4)) await this.#killStarting();
    await this.start();
    return text;
  }

  /** All that was published comes to whom it has to come, and nothing more, over one more crash. */
  async settle(): Promise<void> {
    await this.#allThrough();
    await this.#kill();
    await this.start();
    await this.#allThrough();
    for (const client of this.#clients) await client.ping();
    this.#ledger.settle();
  }

  figures(cycles: number): TortureFigures {
    return {
      cycles,
      acknowledged: this.#acknowledged,
      leastAcknowledged: this.#leastAcknowledged,
      delivered: this.#ledger.delivered,
      duplicates: this.#ledger.duplicates,
      lawfulDuplicates: this.#lawfulDuplicates,
      retainedChecked: this.#retainedChecked,
      subscriptionsChanged: this.#subscriptionsChanged,
      slowestStartMs: this.#slowestStartMs,
      problems: this.problems,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kill();
  }

  get #acknowledged(): number {
    return this.#publishers.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  }

  async #allThrough(): Promise<void> {
    const endMs = performance.now() + SETTLE_WITHIN_MS;
    const isBusy = () =>
      this.#ledger.outstandingInSum > 0 || this.#publishers.some(({ client }) => client.unacknowledged > 0);
    while (isBusy() && performance.now() < endMs) {
      for (const { client } of this.#subscribers) client.answer();
      await pause(20);
    }
  }

  #pumpLater(): void {
    if (!this.#isLoaded || this.#isPumpDue) return;
    this.#isPumpDue = true;
    queueMicrotask(() => {
      this.#isPumpDue = false;
      if (this.#isLoaded) { for (const publisher of this.#publishers) publisher.pump(); }
    });
  }

  async #changeSubscriptions(): Promise<void> {
    while (this.#isLoaded) {
      await this.#random.pick(this.#subscribers).change(this.#random);
      this.#subscriptionsChanged += 1;
      await pause(CHANGE_EVERY_MS);
    }
  }

  get #clients(): readonly DurableClient[] {
    const all = [...this.#subscribers, ...this.#publishers, ...this.#wills];
    return [this.#watcher, ...all.map(({ client }) => client)];
  }

  async #kill(): Promise<void> {
    const program = this.#program;
    if (program === undefined) return;
    this.#program = undefined;
    program.kill("SIGKILL");
    this.#isLoaded = false;
    const unanswered = this.#subscribers.reduce((sum, { client }) => sum + client.owedAnswers, 0);
    await Promise.all(this.#clients.map((client) => client.ended()));
    for (const will of this.#wills) will.killed(WATCHER);
    this.#lawfulDuplicates += this.#ledger.lawfulDuplicates(
      this.#publishers.flatMap((publisher) => publisher.unacknowledged),
      Math.max(...this.#publishers.map(({ acknowledgedSentMs }) => acknowledgedSentMs)),
    );
    this.#lawfulDuplicates += unanswered;
    for (const line of program.stderr.received) {
      if (/error|cannot/i.test(line)) this.#ledger.problem(`the broker says: ${line}`);
    }
    await program[Symbol.asyncDispose]();
  }

  /** Starts it and kills it before it has answered anybody. */
  async #killStarting(): Promise<void> {
    await using starting = new Program(this.#file.args);
    await pause(this.#random.integer(0, 1_000));
    starting.kill("SIGKILL");
  }

  /** What is retained is what was confirmed last, or came behind it. */
  async #checkRetained(port: number): Promise<void> {
    const found = new Map<string, string>();
    const reader = new DurableClient("reader", 5, {
      message: ({ topic, payload }) => found.set(topic, new TextDecoder().decode(payload)),
    });
    await reader.connect(port, { cleanStart: true });
    for (const { retainedTopic } of this.#publishers) await reader.subscribe(retainedTopic, 0);
    await reader.ping();
    await reader.drop();
    for (const { retainedTopic, retained } of this.#publishers) {
      const value = found.get(retainedTopic);
      this.#retainedChecked += 1;
      if (retained.some(({ name }) => name === value)) continue;
      this.#ledger.problem(`retained on ${retainedTopic} is "${value}", expected one of ${JSON.stringify(retained)}`);
    }
  }
}

if (import.meta.main) await main();

async function main(): Promise<void> {
  const { cycles, seed } = parseArgs(Deno.args, { string: ["cycles", "seed"] });
  const given = Number(seed ?? Date.now()) >>> 0;
  console.log(`--seed ${given}`);
  const figures = await torture(Number(cycles ?? 200), given, console.log);
  console.log(JSON.stringify(figures, undefined, 2));
  if (figures.problems.length > 0) Deno.exit(1);
}
