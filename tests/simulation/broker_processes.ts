import { Broker, type BrokerEvent, type Limits, type PacketEvent } from "../../mod.ts";
import type { Packet } from "../../src/codec/mod.ts";
import type { Seeded } from "../seeded.ts";
import { TestMachine } from "../wire/test_machine.ts";
import type { Disk, SimulatedStorage } from "./crashing_storage.ts";
import type { Rules } from "./rules.ts";
import { turn } from "./turns.ts";

const START_MS = 1_000_000_000_000;
const MOST_ROUNDS = 2_000;
const HOUR_MS = 3_600_000;
/** By how much the wall clock is set. */
const SETS_MS = [2 * HOUR_MS, -2 * HOUR_MS, 50_000 * HOUR_MS, -50_000 * HOUR_MS];
const LONGEST_DOWN_MS = 100_000;

/** Told of all that happens, a line each. */
export type Log = (line: string) => void;

/**
 * A broker and its process, and the next one on the same disk when that has ended. Time goes on when it is told to, and
 * between two processes; the wall clock is set at any time.
 */
export class BrokerProcesses {
  /** What must not happen in a broker. */
  readonly errors: unknown[] = [];
  readonly #disk: Disk;
  readonly #random: Seeded;
  readonly #log: Log | undefined;
  readonly #rules: Rules | undefined;
  #current: { readonly broker: Broker; readonly storage: SimulatedStorage } | undefined;
  /** Counts the processes: what an earlier one says of its end is not heard. */
  #started = 0;
  readonly #machine = new TestMachine(START_MS, true);

  constructor(disk: Disk, random: Seeded, rules: Rules | undefined, log: Log | undefined) {
    this.#disk = disk;
    this.#random = random;
    this.#log = log;
    this.#rules = rules;
  }

  get broker(): Broker {
    return this.#running.broker;
  }

  get storage(): SimulatedStorage {
    return this.#running.storage;
  }

  async start(): Promise<void> {
    const number = ++this.#started;
    if (number > 1) this.#passDown();
    const storage = await this.#disk.open();
    const options = {
      storage,
      limits: this.#limits(),
      ...this.#rules && { authorizer: this.#rules },
      onEvent: (event: BrokerEvent) => {
        if (number === this.#started) this.#take(event);
      },
      ...this.#packetLog(number),
      clock: this.#machine.process(),
      machine: this.#machine,
    };
    const broker = await this.#served(Broker.open(options), storage);
    this.#current = { broker, storage };
  }

  /** The process ends at once. */
  crash(): void {
    this.#log?.("crash");
    this.#started += 1;
    this.storage.crash();
    this.#current = undefined;
  }

  /** Closes the broker, as far as this is possible; gives whether its storage has all that was written. */
  async close(): Promise<boolean> {
    this.#log?.("close");
    await this.served(this.broker.close());
    const { isStored } = this;
    this.#current = undefined;
    return isStored;
  }

  tick(ms: number): void {
    this.#machine.pass(ms);
    if (this.#random.oneIn(20)) this.#setWallClock();
    this.broker.tick();
  }

  /** Really, since the first process began. */
  readonly realMs = (): number => this.#machine.realMs;

  /** Whether all that was written is with the storage. */
  get isStored(): boolean {
    return this.broker.metrics.storage.pendingBytes === 0;
  }

  /** Nobody has anything left to do, the storage included. */
  async idle(): Promise<void> {
    do {
      while (this.storage.isBusy) await this.storage.proceed();
      await turn();
    } while (this.storage.isBusy);
  }

  /** What a promise gives that waits for the storage, and for the time. */
  served<T>(promise: Promise<T>): Promise<T> {
    return this.#served(promise, this.storage);
  }

  get #running(): { readonly broker: Broker; readonly storage: SimulatedStorage } {
    if (this.#current === undefined) throw new Error("there is no broker");
    return this.#current;
  }

  async #served<T>(promise: Promise<T>, storage: SimulatedStorage): Promise<T> {
    let isSettled = false;
    promise.catch(() => {}).finally(() => isSettled = true);
    for (let round = 0; !isSettled; round++) {
      if (round > MOST_ROUNDS) throw new Error("the broker or its storage does not answer");
      await turn();
      await storage.proceed();
      if (this.#current !== undefined) this.tick(50);
    }
    return await promise;
  }

  /** No process is there for a while. */
  #passDown(): void {
    this.#machine.pass(this.#random.integer(0, this.#random.oneIn(2) ? LONGEST_DOWN_MS : 1_000));
    if (this.#random.oneIn(4)) this.#setWallClock();
  }

  #setWallClock(): void {
    const byMs = this.#random.pick(SETS_MS);
    this.#log?.(`the wall clock is set by ${byMs} ms`);
    this.#machine.set(byMs);
  }

  #limits(): Partial<Limits> {
    return {
      maximumInflight: this.#random.pick([1, 3, 100]),
      maximumPendingBytes: this.#random.pick([1_000, 16_000_000]),
      maximumQueuedBytes: 1_000_000_000, // Nothing is dropped.
    };
  }

  #take(event: BrokerEvent): void {
    this.#log?.(event.kind);
    if (event.kind === "unexpectedError") this.errors.push(event.error);
  }

  #packetLog(number: number): { readonly onPacket?: (event: PacketEvent) => void } {
    const log = this.#log;
    if (log === undefined) return {};
    return {
      onPacket: ({ direction, clientId, packet }) => {
        if (number === this.#started) log(`${clientId} ${direction === "received" ? ">" : "<"} ${described(packet)}`);
      },
    };
  }
}

/** In one line. */
function described(packet: Packet): string {
  return JSON.stringify(packet, (_, value) => {
    if (value instanceof Uint8Array) return new TextDecoder().decode(value).replace(/\.+/, "...");
    return value;
  });
}
