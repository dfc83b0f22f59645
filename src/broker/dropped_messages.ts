import type { SessionContext } from "../protocol/outgoing_messages.ts";
import type { BrokerEvent } from "./events.ts";

const TOLD_EVERY_MS = 10_000;

/** Counts messages that were not delivered, and tells of them once in a while. */
export class DroppedMessages {
  /** Since the broker was opened. */
  readonly counts: SessionContext["dropped"] = { qos0: 0, queueFull: 0, tooLarge: 0, expired: 0 };
  readonly #onEvent: (event: BrokerEvent) => void;
  #told = { ...this.counts };
  #toldMs = 0;

  constructor(onEvent: (event: BrokerEvent) => void) {
    this.#onEvent = onEvent;
  }

  tell(nowMs: number): void {
    if (nowMs < this.#toldMs + TOLD_EVERY_MS) return;
    this.#toldMs = nowMs;
    const { counts } = this;
    const told = this.#told;
    this.#told = { ...counts };
    const since = {
      qos0: counts.qos0 - told.qos0,
      queueFull: counts.queueFull - told.queueFull,
      tooLarge: counts.tooLarge - told.tooLarge,
      expired: counts.expired - told.expired,
    };
    if (since.qos0 + since.queueFull + since.tooLarge > 0) this.#onEvent({ kind: "messagesDropped", ...since });
  }
}
