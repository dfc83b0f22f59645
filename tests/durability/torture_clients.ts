import { assert, assertEquals } from "@std/assert";
import type { QoS } from "../../mod.ts";
import type { Will } from "../../src/codec/mod.ts";
import type { Seeded } from "../seeded.ts";
import { ConnectionEnded, DurableClient } from "./durable_client.ts";
import { type Ledger, nameOf } from "./ledger.ts";

const WINDOW = 20;
const MOST_OUTSTANDING = 400;
const LATE_ANSWERS = 20;
const CHANGING_TOPICS = 4;
const RETAINED_EVERY = 20;
const CHANGING_EVERY = 10;
const TO_ALL_EVERY = 10;

/** A topic that its subscriber subscribes to now and then. */
interface ChangingTopic {
  readonly topic: string;
  /** `undefined`: not subscribed; "unknown": the broker was asked, and has not answered. */
  granted: QoS | undefined | "unknown";
  /** Messages that are under way. */
  busy: number;
}

/** A client whose subscriptions come and go, and must be as the broker has last confirmed them. */
export class TortureSubscriber {
  readonly client: DurableClient;
  readonly changing: readonly ChangingTopic[];
  readonly granted: QoS;
  isAway = false;
  #knowsSession = false;
  readonly #ledger: Ledger;

  constructor(readonly index: number, ledger: Ledger, onMessage: () => void) {
    const clientId = `subscriber${index}`;
    this.#ledger = ledger;
    this.granted = index % 2 === 0 ? 1 : 2;
    this.changing = Array.from({ length: CHANGING_TOPICS }, (_, number) => ({
      topic: `change/${index}/${number}`,
      granted: undefined,
      busy: 0,
    }));
    this.client = new DurableClient(clientId, index % 4 < 2 ? 4 : 5, {
      message: (packet) => {
        const isFirst = ledger.came(clientId, packet);
        const changing = this.changing.find(({ topic }) => topic === packet.topic);
        if (isFirst && changing !== undefined) changing.busy -= 1;
        onMessage();
      },
    });
    this.client.lateAnswers = LATE_ANSWERS;
  }

  async connect(port: number): Promise<void> {
    const { sessionPresent } = await this.client.connect(port);
    assertEquals(sessionPresent, this.#knowsSession, `Session Present for ${this.client.clientId}`);
    this.isAway = false;
    if (this.#knowsSession) return;
    await this.client.subscribe(`load/${this.index}/#`, this.granted);
    await this.client.subscribe("all/+", this.granted);
    this.#knowsSession = true;
  }

  get isFull(): boolean {
    return this.#ledger.outstanding(this.client.clientId) > MOST_OUTSTANDING;
  }

  /** Subscribes to one of its changing topics with another QoS, or no longer, where no message is under way. */
  async change(random: Seeded): Promise<void> {
    const changing = random.pick(this.changing);
    const { topic, granted, busy } = changing;
    if (busy > 0 || this.isAway) return;
    changing.granted = "unknown";
    const wanted = granted === 1 || granted === 2
      ? random.pick([undefined, 1, 2] as const)
      : random.pick([1, 2] as const);
    try {
      if (wanted === undefined) await this.client.unsubscribe(topic);
      else await this.client.subscribe(topic, wanted);
      changing.granted = wanted;
    } catch (error) {
      if (!(error instanceof ConnectionEnded)) throw error;
    }
  }
}

/** A retained message that may be the current one. */
interface RetainedVersion {
  readonly name: string | undefined;
}

interface Sent {
  readonly name: string;
  readonly sentMs: number;
  readonly changing?: ChangingTopic;
  readonly retained?: RetainedVersion;
}

/** A client that publishes as fast as it is acknowledged. */
export class TorturePublisher {
  readonly client: DurableClient;
  readonly retainedTopic: string;
  /** The last one that was acknowledged, and those behind it. */
  retained: RetainedVersion[] = [{ name: undefined }];
  acknowledged = 0;
  /** When the message was sent that was acknowledged last. */
  acknowledgedSentMs = 0;
  readonly #ledger: Ledger;
  readonly #random: Seeded;
  readonly #subscribers: readonly TortureSubscriber[];
  readonly #sent = new Map<object, Sent>();
  #number = 0;
  #knowsSession = false;

  constructor(
    readonly index: number,
    ledger: Ledger,
    random: Seeded,
    subscribers: readonly TortureSubscriber[],
    onAcknowledged: () => void,
  ) {
    this.#ledger = ledger;
    this.#random = random;
    this.#subscribers = subscribers;
    this.retainedTopic = `retained/${index}`;
    const clientId = `publisher${index}`;
    this.client = new DurableClient(clientId, index % 2 === 0 ? 4 : 5, {
      acknowledged: (packet, reasonCode) => {
        if (reasonCode >= 0x80) ledger.problem(`${clientId}: PUBLISH is refused with 0x${reasonCode.toString(16)}`);
        const sent = this.#sent.get(packet);
        this.#sent.delete(packet);
        if (sent?.changing !== undefined) sent.changing.busy -= 1;
        const at = sent?.retained === undefined ? -1 : this.retained.indexOf(sent.retained);
        if (at > 0) this.retained = this.retained.slice(at);
        this.acknowledged += 1;
        this.acknowledgedSentMs = sent?.sentMs ?? 0;
        onAcknowledged();
      },
    });
  }

  async connect(port: number): Promise<void> {
    const { sessionPresent } = await this.client.connect(port);
    assertEquals(sessionPresent, this.#knowsSession, `Session Present for ${this.client.clientId}`);
    this.#knowsSession = true;
  }

  /** Names of messages that may be published again. */
  get unacknowledged(): string[] {
    return Array.from(this.#sent.values(), ({ name }) => name);
  }

  /** Publishes until its window is full, or who would get it is behind. */
  pump(): void {
    while (this.client.isConnected && this.client.unacknowledged < WINDOW) {
      const random = this.#random;
      if (random.oneIn(RETAINED_EVERY)) {
        this.#retain();
      } else if (random.oneIn(CHANGING_EVERY)) {
        const changing = random.pick(random.pick(this.#subscribers).changing);
        if (changing.granted === "unknown") continue;
        this.#change(changing);
      } else if (random.oneIn(TO_ALL_EVERY)) {
        if (this.#subscribers.some(({ isFull }) => isFull)) return;
        this.#publish("all/x", this.#subscribers);
      } else {
        const subscriber = random.pick(this.#subscribers);
        if (subscriber.isFull) return;
        this.#publish(`load/${subscriber.index}/${this.index}`, [subscriber]);
      }
    }
  }

  #publish(topic: string, subscribers: readonly TortureSubscriber[]): void {
    const qos = this.#random.pick([1, 2] as const);
    const name = nameOf(this.client.clientId, this.#number++);
    this.#ledger.expect(
      name,
      topic,
      qos,
      new Map(subscribers.map(({ client, granted }) => [client.clientId, granted])),
    );
    this.#sent.set(this.client.publish(topic, name + this.#padding(), qos), { name, sentMs: performance.now() });
  }

  #change(changing: ChangingTopic): void {
    const { topic, granted } = changing;
    assert(granted !== "unknown");
    const subscriber = this.#subscribers.find(({ changing: topics }) => topics.includes(changing));
    const qos = this.#random.pick([1, 2] as const);
    const name = nameOf(this.client.clientId, this.#number++);
    changing.busy += 1;
    if (granted !== undefined && subscriber !== undefined) {
      changing.busy += 1;
      this.#ledger.expect(name, topic, qos, new Map([[subscriber.client.clientId, granted]]));
    }
    this.#sent.set(this.client.publish(topic, name, qos), { name, changing, sentMs: performance.now() });
  }

  /** One QoS for each topic: a repeated PUBLISH with QoS 1 may come behind a later one with QoS 2, which is not repeated. */
  #retain(): void {
    const name = nameOf(this.client.clientId, this.#number++);
    const retained = { name: this.#random.oneIn(10) ? undefined : name };
    this.retained.push(retained);
    const packet = this.client.publish(this.retainedTopic, retained.name ?? "", this.index % 4 < 2 ? 1 : 2, true);
    this.#sent.set(packet, { name, retained, sentMs: performance.now() });
  }

  #padding(): string {
    const random = this.#random;
    if (random.oneIn(500)) return "x".repeat(random.integer(60_000, 150_000));
    return "x".repeat(random.oneIn(50) ? random.integer(1_000, 20_000) : random.integer(0, 200));
  }
}

const WILL_DELAY_SECONDS = 100_000;

/** A client that has a Will, whose time comes with each crash or, as its client comes back, never. */
export class TortureWill {
  readonly client: DurableClient;
  readonly #ledger: Ledger;
  #connected = 0;

  constructor(readonly index: number, readonly isDelayed: boolean, ledger: Ledger) {
    this.#ledger = ledger;
    const version = isDelayed || index % 2 === 0 ? 5 : 4;
    this.client = new DurableClient(`${isDelayed ? "late" : "will"}${index}`, version);
  }

  async connect(port: number): Promise<void> {
    const { clientId } = this.client;
    const will: Will = {
      topic: `will/${clientId}`,
      payload: new TextEncoder().encode(nameOf(clientId, this.#connected)),
      qos: 2,
      retain: false,
      properties: this.isDelayed ? { willDelayInterval: WILL_DELAY_SECONDS } : {},
    };
    const { sessionPresent } = await this.client.connect(port, { will });
    assertEquals(sessionPresent, this.#connected > 0, `Session Present for ${clientId}`);
    this.#connected += 1;
  }

  /** The broker is gone: its Will has to come when there is one again. */
  killed(watcher: string): void {
    if (this.isDelayed) return;
    const { clientId } = this.client;
    this.#ledger.expect(nameOf(clientId, this.#connected - 1), `will/${clientId}`, 2, new Map([[watcher, 2]]));
  }
}
