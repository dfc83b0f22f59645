import { wrongAnswer } from "../auth/hook_answers.ts";
import type { Admission } from "./admission.ts";
import type { DroppedMessages } from "./dropped_messages.ts";
import type { EventLoopStalls } from "./event_loop_stalls.ts";
import { HeldMessages } from "./held_messages.ts";
import type { Retention } from "./retention.ts";
import type { RetentionRefusals } from "./retention_refusals.ts";
import type { Router } from "./router.ts";
import type { SessionQuota } from "./session_quota.ts";
import type { Sessions } from "./sessions.ts";
import type { SysState } from "./sys_topics.ts";
import type { Traffic } from "./traffic.ts";

/** Where the numbers are that the broker tells of itself. */
export interface SysSources {
  readonly traffic: Traffic;
  readonly router: Router;
  readonly sessions: Sessions;
  readonly sessionQuota: SessionQuota;
  readonly retention: Retention;
  readonly retentionRefusals: RetentionRefusals;
  readonly dropped: DroppedMessages;
  readonly stalls: EventLoopStalls;
  readonly admission: Admission;
  unexpectedError(error: unknown): void;
}

/** Puts together what the broker tells of itself. */
export class SysStateSource {
  readonly #sources: SysSources;
  readonly #heapBytes: (() => number) | undefined;
  readonly #held: HeldMessages;

  constructor(sources: SysSources, heapBytes: (() => number) | undefined) {
    this.#sources = sources;
    this.#heapBytes = heapBytes;
    this.#held = new HeldMessages(() => sources.sessions[Symbol.iterator]());
  }

  /** Goes on with what is counted some at a time. */
  goOn(): void {
    this.#held.goOn();
  }

  /** As it is now; what is counted some at a time, as it was last. */
  read(): SysState {
    const { traffic, router, sessions, sessionQuota, retention, retentionRefusals, dropped, stalls, admission } =
      this.#sources;
    const { refusals } = sessionQuota;
    const { qos0, queueFull, tooLarge } = dropped.counts;
    const { subscriptions, shared } = router.counts;
    const { count, payloadBytes } = retention.messages;
    const held = this.#held;
    held.begin();
    return {
      traffic,
      connected: admission.connected,
      sessions: sessions.size,
      expired: sessions.expiredCount,
      durableSessions: sessionQuota.total.sessions,
      durableSessionBytes: sessionQuota.total.bytes,
      durableSessionsRefused: refusals.clients + refusals.subscriptions + refusals.messages,
      subscriptions,
      sharedSubscriptions: shared,
      retainedMessages: count,
      retainedRefused: retentionRefusals.count,
      keptMessages: count + held.messages,
      keptBytes: payloadBytes + held.bytes,
      dropped: qos0 + queueFull + tooLarge,
      stallMs: stalls.takeRecentMs(),
      heapBytes: this.#readHeapBytes(),
    };
  }

  #readHeapBytes(): number | undefined {
    try {
      const answer: unknown = this.#heapBytes?.();
      if (answer === undefined || typeof answer === "number") return answer;
      throw wrongAnswer("heapBytes", answer, "a number");
    } catch (error) {
      this.#sources.unexpectedError(error); // The other numbers are told without it.
      return undefined;
    }
  }
}
