import type { ClientTraits } from "../protocol/ask.ts";
import type { ApplicationMessage } from "../protocol/message.ts";
import type { BrokerEvent } from "./events.ts";
import type { RetentionLimit } from "./retention.ts";

/** A limit, or a storage that has too much to do. */
export type RetentionObstacle = RetentionLimit | "storage";

// A client is told of again after an hour, and of so many clients in one.
const TOLD_EVERY_MS = 3_600_000;
const MOST_TOLD = 1_000;

/** Counts messages that could not be retained, and tells of them once a client. */
export class RetentionRefusals {
  /** Since the broker was opened. */
  count = 0;
  readonly #onEvent: (event: BrokerEvent) => void;
  readonly #told = new Set<string>();
  #sinceMs = -Infinity;

  constructor(onEvent: (event: BrokerEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** A publisher in the broker's own process is told by the call that it makes. */
  tell(
    { publisher: clientId, topic, qos }: ApplicationMessage,
    source: ClientTraits | undefined,
    obstacle: RetentionObstacle,
    isRefused: boolean,
    nowMs: number,
  ): void {
    this.count += 1;
    if (clientId === undefined || !this.#isFirst(clientId, nowMs)) return;
    this.#onEvent({
      kind: "retainedRefused",
      clientId,
      principal: source?.principal,
      topic,
      qos,
      obstacle,
      isDelivered: !isRefused,
    });
  }

  #isFirst(clientId: string, nowMs: number): boolean {
    if (nowMs >= this.#sinceMs + TOLD_EVERY_MS) {
      this.#sinceMs = nowMs;
      this.#told.clear();
    }
    if (this.#told.size >= MOST_TOLD || this.#told.has(clientId)) return false;
    this.#told.add(clientId);
    return true;
  }
}
