/**
 * A whole world that runs by chance alone: clients with their connections, one broker after the other, and what its
 * storage has kept when it ends. Everything follows from the seed.
 */

import type { QoS } from "../../mod.ts";
import { Seeded } from "../seeded.ts";
import { BrokerProcesses, type Log } from "./broker_processes.ts";
import { checkRun, possibleRetained, RETAINED_PREFIX } from "./checks.ts";
import { randomTraits } from "./client_traits.ts";
import { type Fault, MemoryDisk } from "./crashing_storage.ts";
import { History } from "./history.ts";
import { KvDisk } from "./kv_disk.ts";
import { Rules } from "./rules.ts";
import { SimulatedClient } from "./simulated_client.ts";
import { microtasks, timers, turn } from "./turns.ts";

const CLIENTS = 5;
const TOPICS = ["a", "a/b", "a/c", "b"];
const SHARED_TOPICS = ["s/x", "s/y"];
const FILTERS = ["a", "a/+", "a/#", "b", "+/b", "r/+", "w/+", "$share/g/s/+"];
const MOST_UNACKNOWLEDGED = 40;
const LONGEST_WILL_DELAY_SECONDS = 5;
/** After so much time the storage is given again what it did not keep. */
const RETRY_MS = 1_100;
const MOST_ROUNDS = 500;

export type SimulatedKind = "memory" | "kv";

export interface SimulationOptions {
  /** What the storage does wrong. */
  readonly fault?: Fault | undefined;
  /** @default one run in ten is over Deno KV, unless there is a fault */
  readonly storage?: SimulatedKind | undefined;
  readonly log?: Log | undefined;
}

/** Runs one world to its end; throws what went wrong in it, with its seed. */
export async function simulate(seed: number, { fault, storage, log }: SimulationOptions = {}): Promise<void> {
  const random = new Seeded(seed);
  const kind = storage ?? (fault === undefined && random.oneIn(10) ? "kv" : "memory");
  const disk = kind === "kv" ? await KvDisk.make(random) : new MemoryDisk(random, fault);
  const history = new History();
  const rules = random.oneIn(3) ? new Rules(history) : undefined;
  const processes = new BrokerProcesses(disk, random, rules, log);
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    processes.errors.push(event.reason); // It would have ended the process.
  };
  addEventListener("unhandledrejection", onRejection);
  try {
    await new Simulation(random, processes, history, rules, fault === "torn").run();
  } catch (cause) {
    await timers(); // A run that fails leaves its broker open, which may have a turn to come.
    throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  } finally {
    removeEventListener("unhandledrejection", onRejection);
    disk.close();
  }
}

class Simulation {
  readonly #random: Seeded;
  readonly #processes: BrokerProcesses;
  /** Whether the process ends wherever that takes something apart, and nowhere else, in a run twice as long. */
  readonly #isTorn: boolean;
  readonly #history: History;
  /** `undefined`: nobody is asked who may receive what. */
  readonly #rules: Rules | undefined;
  readonly #clients: readonly SimulatedClient[];
  /** What messages hold beside their names, in bytes. */
  readonly #paddings: readonly number[];

  constructor(
    random: Seeded,
    processes: BrokerProcesses,
    history: History,
    rules: Rules | undefined,
    isTorn: boolean,
  ) {
    this.#random = random;
    this.#processes = processes;
    this.#history = history;
    this.#rules = rules;
    this.#isTorn = isTorn;
    // Seldom so much that bodies are cut into parts, and that it comes back from the storage in pages.
    this.#paddings = random.oneIn(25) ? [0, 10, 100_000, 300_000] : [0, 0, 10, 3_000];
    this.#clients = Array.from({ length: CLIENTS }, (_, index) => this.#newClient(`c${index}`, index > 0));
  }

  async run(): Promise<void> {
    await this.#processes.start();
    await this.#settle(this.#clients);
    for (const client of this.#clients) for (let count = 0; count < 3; count++) this.#changeSubscription(client);
    for (let left = this.#random.integer(50, 250) * (this.#isTorn ? 2 : 1); left > 0; left--) {
      await this.#step();
      await this.#resume();
      this.#throwErrors();
    }
    if (this.#random.oneIn(2)) await this.#waitForWills();
    await this.#settle(this.#clients);
    checkRun(this.#history, this.#clients, this.#rules);
    await this.#checkRetained();
    await this.#checkLeft();
    await this.#crash();
    await this.#checkRetained();
    await this.#settle(this.#clients);
    checkRun(this.#history, this.#clients, this.#rules);
    await this.#close();
    this.#throwErrors();
  }

  async #step(): Promise<void> {
    const random = this.#random;
    if (this.#isTorn && this.#processes.storage.isTearing) return await this.#crash();
    const client = random.pick(this.#clients);
    if (this.#rules !== undefined && random.oneIn(15)) return this.#changeRules(client, this.#rules);
    if (client.phase === "offline" && random.oneIn(2)) return this.#connect(client);
    const kind = random.integer(1, 100);
    if (kind <= 40) this.#publish(client);
    else if (kind <= 53) client.answer(random.integer(1, 5));
    else if (kind <= 75) await this.#processes.storage.proceed();
    else if (kind <= 82) this.#changeConnection(client);
    else if (kind <= 89) this.#changeSubscription(client);
    else if (kind <= 92) this.#processes.tick(random.integer(1, random.oneIn(10) ? 80_000 : 2_000));
    else if (kind <= 98 && this.#isTorn) return;
    else if (kind <= 95) await this.#processes.storage.fail();
    else if (kind <= 98) {
      if (random.oneIn(4)) await this.#idle();
      await this.#crash();
    } else if (kind <= 99) await this.#restart();
    else await this.#idle();
  }

  async #idle(): Promise<void> {
    await this.#processes.idle();
    if (this.#processes.isStored) { for (const client of this.#clients) client.stored(); }
  }

  #publish(client: SimulatedClient): void {
    const random = this.#random;
    if (client.phase !== "connected" || client.pending > MOST_UNACKNOWLEDGED) return;
    const isRetained = random.oneIn(6);
    // Retained messages of a topic have one publisher: which one is the last is known.
    const topic = isRetained ? RETAINED_PREFIX + client.clientId : random.pick([...TOPICS, ...SHARED_TOPICS]);
    // What is repeated with QoS 1 would come to stand behind what is known already with QoS 2.
    const qos = isRetained ? random.pick<QoS>([0, client.traits.retainedQos]) : random.pick([0, 1, 2] as const);
    const padding = isRetained && random.oneIn(4) ? undefined : random.pick(this.#paddings);
    const isExpiring = !isRetained && random.oneIn(10);
    const published = this.#history.publish(client.clientId, topic, qos, padding, isExpiring);
    client.publish(published, isRetained, isExpiring ? random.integer(1, 10) : undefined);
  }

  #changeRules({ clientId }: SimulatedClient, rules: Rules): void {
    const own = [RETAINED_PREFIX, "w/"].map((prefix) => prefix + this.#random.pick(this.#clients).clientId);
    rules.change(clientId, this.#random.pick([...TOPICS, ...SHARED_TOPICS, ...own]));
  }

  #changeConnection(client: SimulatedClient): void {
    const random = this.#random;
    if (client.phase === "offline" || random.oneIn(5)) this.#connect(client); // Or it takes over.
    else if (random.oneIn(4)) client.disconnect(random.oneIn(4));
    else client.lose();
  }

  #connect(client: SimulatedClient): void {
    const random = this.#random;
    const { clientId, traits: { version } } = client;
    const will = random.oneIn(3) ? this.#history.publish(clientId, `w/${clientId}`, random.pick([1, 2]), 0) : undefined;
    const willDelaySeconds = version === 5 && random.oneIn(3) ? random.integer(1, LONGEST_WILL_DELAY_SECONDS) : 0;
    client.connect(this.#processes.broker, { cleanStart: version === 5 && random.oneIn(12), will, willDelaySeconds });
  }

  #changeSubscription(client: SimulatedClient): void {
    const random = this.#random;
    if (client.phase !== "connected") return;
    const topicFilter = random.pick(FILTERS);
    if (client.subscriptions.isAsking(topicFilter)) return;
    if (random.oneIn(4)) client.unsubscribe(topicFilter);
    // What a client that is not durable was given is lost with it.
    else if (client.isDurable || !topicFilter.startsWith("$share")) {
      client.subscribe(topicFilter, topicFilter.startsWith("$share") ? 2 : random.pick([0, 1, 2, 2]));
    }
  }

  #newClient(clientId: string, isDurable: boolean): SimulatedClient {
    return new SimulatedClient(
      randomTraits(clientId, isDurable, this.#random),
      this.#random,
      this.#history,
      this.#processes.realMs,
    );
  }

  /** Lets the others go on for a while, or not at all. */
  async #resume(): Promise<void> {
    const random = this.#random;
    const kind = random.integer(1, 4);
    if (kind <= 2) await turn();
    else if (kind === 3) await microtasks(random.integer(1, 60));
  }

  /** The process ends at once, and with it its connections; another one begins. */
  async #crash(): Promise<void> {
    this.#processes.crash();
    for (const client of this.#clients) client.lose();
    await this.#processes.start();
  }

  async #restart(): Promise<void> {
    const isStored = await this.#close();
    for (const client of this.#clients) {
      client.lose();
      if (isStored) client.stored();
    }
    await this.#processes.start();
  }

  /** Gives whether the storage has all that was written. */
  async #close(): Promise<boolean> {
    for (const client of this.#clients) client.forgetWill(); // Nobody knows whether it comes now.
    return await this.#processes.close();
  }

  /** All connections are lost, until every Will has come. */
  async #waitForWills(): Promise<void> {
    for (const client of this.#clients) client.lose();
    for (const ms of [0, LONGEST_WILL_DELAY_SECONDS * 1000, RETRY_MS]) {
      await this.#idle();
      this.#processes.tick(ms);
    }
    await this.#processes.idle();
    for (const client of this.#clients) client.willDelayPassed();
  }

  /** All are connected, and nothing is on its way. */
  async #settle(clients: readonly SimulatedClient[]): Promise<void> {
    let quietRounds = 0;
    for (let round = 0; quietRounds < 2; round++) {
      if (round > MOST_ROUNDS) {
        const pending = clients.map(({ clientId, phase, pending }) => `${clientId} is ${phase}, owes ${pending}`);
        throw new Error(`it does not settle: ${pending.join("; ")}`);
      }
      const before = received(clients);
      for (const client of clients) if (client.phase === "offline") client.connect(this.#processes.broker);
      await this.#processes.idle();
      for (const client of clients) {
        client.answer();
        if (client.phase === "connected") client.ping();
      }
      await this.#processes.idle();
      this.#processes.tick(RETRY_MS); // What the storage did not keep is given to it again.
      await this.#processes.idle();
      this.#throwErrors();
      const isQuiet = clients.every(({ phase, pending }) => phase === "connected" && pending === 0);
      quietRounds = isQuiet && received(clients) === before ? quietRounds + 1 : 0;
    }
  }

  /** What is retained comes to somebody new. */
  async #checkRetained(): Promise<void> {
    const reader = this.#newClient("reader", false);
    await this.#settle([reader]);
    reader.subscribe(`${RETAINED_PREFIX}#`, 1);
    for (let before = -1; before !== reader.received;) { // A broker that has much to do puts the rest off by a timer.
      before = reader.received;
      await timers();
      await this.#settle([reader]);
    }
    for (const { clientId } of this.#clients) {
      const topic = RETAINED_PREFIX + clientId;
      const [delivery] = reader.deliveries.filter((each) => each.topic === topic);
      const { text = "" } = delivery ?? {};
      const possible = possibleRetained(this.#history, topic);
      if (possible.has(text)) continue;
      throw new Error(`"${text.slice(0, 9)}" is retained on "${topic}", not "${[...possible].join().slice(0, 40)}"`);
    }
    reader.disconnect(false);
    await this.#processes.idle();
  }

  /** Nothing is left in the storage of what is through. */
  async #checkLeft(): Promise<void> {
    for (const change of await this.#processes.served(Array.fromAsync(this.#processes.storage.restore()))) {
      if (change.kind !== "backlog" || change.messages === 0) continue;
      throw new Error(`${change.messages} messages for ${change.clientId} are left in the storage`);
    }
    for (const { clientId } of this.#clients) {
      for (
        const { kind } of await this.#processes.served(
          Array.fromAsync(this.#processes.storage.restoreSession(clientId)),
        )
      ) {
        throw new Error(`"${kind}" of ${clientId} is left in the storage`);
      }
    }
  }

  #throwErrors(): void {
    const [error] = [...this.#clients.flatMap(({ errors }) => errors), ...this.#processes.errors];
    if (error !== undefined) throw error;
  }
}

function received(clients: readonly SimulatedClient[]): number {
  return clients.reduce((sum, client) => sum + client.received, 0);
}
