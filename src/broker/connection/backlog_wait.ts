import type { Answer, BehindSubscriber } from "../../protocol/ask.ts";
import type { Backlog } from "../../protocol/backlog.ts";

type SubscriberAnswer = Extract<Answer, { kind: "subscriber" }>;

interface Waiting {
  readonly subscriber: BehindSubscriber;
  readonly answer: (answer: SubscriberAnswer) => void;
}

/**
 * Publishers that wait for a subscriber that is far behind. They are looked at once in a tick, for half of a backlog lasts its
 * reader for longer than that, and when a reader of the own process has caught up.
 */
export class BacklogWait {
  readonly #backlog: Backlog;
  #waiting: Waiting[] = [];
  #isClosed = false;
  /** Readers of the own process that are behind. */
  #ownBehind = 0;

  constructor(backlog: Backlog) {
    this.#backlog = backlog;
  }

  /** Whether no publisher has to wait. */
  get isIdle(): boolean {
    const { bytes } = this.#backlog;
    return this.#ownBehind === 0 && (bytes === 0 || !this.#backlog.isLarge); // Asked for each PUBLISH.
  }

  ownBehind(): void {
    this.#ownBehind += 1;
  }

  ownCaughtUp(nowMs: number): void {
    this.#ownBehind -= 1;
    this.tick(nowMs);
  }

  /** Answers when the subscriber is not far behind any more, or has had its time: look again for others. */
  until(subscriber: BehindSubscriber, nowMs: number): SubscriberAnswer | Promise<SubscriberAnswer> {
    if (this.#isClosed) return { kind: "subscriber", isOver: true };
    if (!subscriber.isFarBehind(nowMs)) return { kind: "subscriber", isOver: false };
    return new Promise((answer) => this.#waiting.push({ subscriber, answer }));
  }

  tick(nowMs: number): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      if (one.subscriber.isFarBehind(nowMs)) this.#waiting.push(one);
      else one.answer({ kind: "subscriber", isOver: false });
    }
  }

  /** Lets all publishers that wait go on; none waits from now on. */
  close(): void {
    this.#isClosed = true;
    for (const { answer } of this.#waiting) answer({ kind: "subscriber", isOver: true });
    this.#waiting = [];
  }
}
