import { ReasonCode } from "../codec/reason_code.ts";
import type { ChangeLog } from "../protocol/change.ts";
import type { Limits } from "../protocol/limits.ts";
import { ApplicationMessage } from "../protocol/message.ts";
import type { Subscription } from "../protocol/subscription.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import { RetainedMessages } from "./retained_messages.ts";

/** Which messages are retained, how many may be, and until when (MQTT 5, sections 3.3.1.3 and 3.3.2.3.3). */
export class Retention {
  readonly messages = new RetainedMessages();
  readonly #limits: Limits;
  readonly #log: ChangeLog;
  readonly #deadlines: Deadlines;
  /** When messages expire, by topic. */
  readonly #expiry = new Map<string, Deadline>();

  constructor(limits: Limits, log: ChangeLog, deadlines: Deadlines) {
    this.#limits = limits;
    this.#log = log;
    this.#deadlines = deadlines;
  }

  /** Replaces or removes the retained message of a topic; gives a Reason Code when the limits forbid it. */
  retain(message: ApplicationMessage): ReasonCode | undefined {
    const { topic } = message;
    if (message.payload.length === 0) { // [MQTT-3.3.1-6] [MQTT-3.3.1-7]
      this.#forget(topic);
      return undefined;
    }
    const earlier = this.messages.get(topic);
    const { maximumRetainedMessages, maximumRetainedBytes } = this.#limits;
    const count = this.messages.count + (earlier === undefined ? 1 : 0);
    const bytes = this.messages.bytes + this.messages.growthWith(message);
    if (count > maximumRetainedMessages || bytes > maximumRetainedBytes) return ReasonCode.QuotaExceeded;
    // Without the frames that subscribers share now: each would hold a whole buffer, for as long as it is retained.
    const kept = ApplicationMessage.restored(message.own(), message.publisher, message.expiresAtMs);
    this.keep(kept);
    this.#log.write({ kind: "retained", topic, message: kept });
    return undefined;
  }

  /** Takes a message as it is, without a limit or a change: the storage has it already. */
  keep(message: ApplicationMessage): void {
    const { topic, expiresAtMs } = message;
    this.messages.set(message);
    this.#deadlines.cancel(this.#expiry.get(topic));
    if (expiresAtMs === Infinity) this.#expiry.delete(topic);
    else this.#expiry.set(topic, this.#deadlines.add(expiresAtMs, () => this.#forget(topic)));
  }

  /** Messages for a subscription of a client, as `match` gives them. */
  *for(clientId: string, { filter, noLocal }: Subscription): Generator<ApplicationMessage | undefined, undefined> {
    for (const message of this.messages.match(filter.levels)) {
      if (!(noLocal && message?.publisher === clientId)) yield message; // [MQTT-3.8.3-3]
    }
  }

  #forget(topic: string): void {
    if (!this.messages.delete(topic)) return;
    this.#deadlines.cancel(this.#expiry.get(topic));
    this.#expiry.delete(topic);
    this.#log.write({ kind: "retained", topic, message: undefined });
  }
}
