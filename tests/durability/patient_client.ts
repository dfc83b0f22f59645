import type { QoS } from "../../mod.ts";
import type { PublishPacket, Will } from "../../src/codec/mod.ts";
import { pause } from "../hostile/sockets.ts";
import { DurableClient } from "./durable_client.ts";

/** Where a client finds a broker. */
interface Brokers {
  port(): Promise<number>;
}

interface PatientClientEvents {
  message?(packet: PublishPacket): void;
  /** The broker may have its Will of this name, which comes when its connection is gone. */
  mayHaveWill?(name: string): void;
  /** It has it. */
  hasWill?(name: string): void;
}

const STEP_WITHIN_MS = 20_000;

/** A client that tries again until what it wants is confirmed, with a new connection where it lost its own. */
export class PatientClient {
  readonly #client: DurableClient;
  readonly #brokers: Brokers;
  readonly #events: PatientClientEvents;
  /** Reason Codes of messages that are through. */
  readonly #answered = new Map<PublishPacket, number>();
  #hasSession = false;
  #wills = 0;
  #connecting: Promise<void> | undefined;
  #something = Promise.withResolvers<void>();

  constructor(readonly clientId: string, version: 4 | 5, brokers: Brokers, events: PatientClientEvents = {}) {
    this.#brokers = brokers;
    this.#events = events;
    this.#client = new DurableClient(clientId, version, {
      message: (packet) => {
        events.message?.(packet);
        this.#wake();
      },
      acknowledged: (packet, reasonCode) => {
        this.#answered.set(packet, reasonCode);
        this.#wake();
      },
    });
  }

  async connect(): Promise<void> {
    await this.#patiently(async () => {});
  }

  /** Connects with Clean Start: what it had is gone. */
  async beginAnew(): Promise<void> {
    await this.leave();
    this.#hasSession = false;
    await this.#patiently(async () => {}, true);
  }

  /** Closes its connection without a word. */
  leave(): Promise<void> {
    return this.#client.drop();
  }

  subscribe(topicFilter: string, qos: QoS): Promise<void> {
    return this.#patiently(() => this.#client.subscribe(topicFilter, qos));
  }

  unsubscribe(topicFilter: string): Promise<void> {
    return this.#patiently(() => this.#client.unsubscribe(topicFilter));
  }

  ping(): Promise<void> {
    return this.#patiently(() => this.#client.ping());
  }

  /** Until it is acknowledged without an error. */
  async publish(topic: string, payload: string, qos: QoS, retain = false): Promise<void> {
    let packet: PublishPacket | undefined;
    await this.#patiently(async () => {
      const published = packet ??= this.#client.publish(topic, payload, qos, retain);
      await this.#untilHere(() => this.#answered.has(published));
      const reasonCode = this.#answered.get(published) ?? 0;
      if (reasonCode < 0x80) return;
      packet = undefined; // It was not taken.
      throw new Error(`it is refused with ${reasonCode}`);
    });
  }

  /** Stays there until it is so. */
  until(isSo: () => boolean): Promise<void> {
    return this.#patiently(() => this.#untilHere(isSo));
  }

  /** Throws when the connection ends before it is so. */
  async #untilHere(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (!this.#client.isConnected) throw new Error("the connection is lost");
      await Promise.race([this.#something.promise, this.#client.ending]);
    }
  }

  #wake(): void {
    this.#something.resolve();
    this.#something = Promise.withResolvers();
  }

  async #patiently(act: () => Promise<void>, isAnew = false): Promise<void> {
    for (const endMs = performance.now() + STEP_WITHIN_MS;;) {
      try {
        this.#connecting ??= this.#connect(isAnew).finally(() => this.#connecting = undefined);
        await this.#connecting;
        return await act();
      } catch (error) {
        if (performance.now() > endMs || error instanceof WrongSession) throw error;
        await pause(5);
      }
    }
  }

  async #connect(isAnew: boolean): Promise<void> {
    const port = await this.#brokers.port();
    if (this.#client.isConnected) return;
    const { mayHaveWill, hasWill } = this.#events;
    const name = `${this.clientId} ${this.#wills++} `;
    mayHaveWill?.(name);
    const will = mayHaveWill && willOf(name);
    const { sessionPresent } = await this.#client.connect(port, { will, cleanStart: isAnew, isKept: true });
    hasWill?.(name);
    if (isAnew ? sessionPresent : this.#hasSession && !sessionPresent) {
      throw new WrongSession(`${this.clientId}: Session Present is ${sessionPresent}`);
    }
    this.#hasSession = true;
  }
}

class WrongSession extends Error {}

function willOf(name: string): Will {
  return { topic: "will", payload: new TextEncoder().encode(name), qos: 2, retain: false, properties: {} };
}
