import type { Session } from "../protocol/session.ts";

// 100,000 at once take 20 ms, in which nobody is served. (2 cores, Deno 2.9, 2026-11)
const SESSIONS_AT_A_TIME = 2_000;

/** What all sessions hold together, as it was when they were looked at last: some at a time. */
export class HeldMessages {
  /** Messages that wait or are in flight. */
  messages = 0;
  /** What those hold that wait. */
  bytes = 0;
  readonly #sessions: () => Iterator<Session>;
  #counting: { messages: number; bytes: number; readonly left: Iterator<Session> } | undefined;

  constructor(sessions: () => Iterator<Session>) {
    this.#sessions = sessions;
  }

  /** Begins to look at them again, if it is through with the last time; few of them are counted at once. */
  begin(): void {
    this.#counting ??= { messages: 0, bytes: 0, left: this.#sessions() };
    this.goOn();
  }

  /** Looks at some more. */
  goOn(): void {
    const counting = this.#counting;
    if (counting === undefined) return;
    for (let count = 0; count < SESSIONS_AT_A_TIME; count++) {
      const { value, done = false } = counting.left.next();
      if (done) {
        this.messages = counting.messages;
        this.bytes = counting.bytes;
        this.#counting = undefined;
        return;
      }
      counting.messages += value.outgoing.count;
      counting.bytes += value.outgoing.bytes;
    }
  }
}
