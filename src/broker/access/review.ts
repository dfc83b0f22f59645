import { ReasonCode } from "../../codec/reason_code.ts";
import type { AccessRequest, ClientIdentity } from "../../protocol/access.ts";
import type { Session } from "../../protocol/session.ts";
import { endSubscription } from "../../protocol/subscribing.ts";
import type { Subscription } from "../../protocol/subscription.ts";
import type { CommitQueue } from "../commits.ts";
import type { ConnectionHandle } from "../connection/connections.ts";
import type { BrokerEvent } from "../events.ts";
import type { BrokerOptions } from "../options.ts";
import type { Router } from "../router.ts";
import { type Turn, TurnBudget } from "../turn.ts";
import type { Hooks } from "./hooks.ts";

/** What a review that ends subscriptions needs of its broker. */
export interface LostSubscriptionsHost {
  readonly hooks: Hooks;
  readonly connections: Iterable<ConnectionHandle>;
  readonly commits: CommitQueue;
  readonly router: Router;
  readonly turn: Turn;
  readonly budget: TurnBudget;
  onEvent(event: BrokerEvent): void;
  unexpectedError(error: unknown): void;
}

/** A review that ends what clients may not subscribe to any more, tells it, and disconnects them where it is to do so. */
export function reviewOf(
  { hooks, connections, commits, router, turn, budget, onEvent, unexpectedError }: LostSubscriptionsHost,
  lostSubscription: BrokerOptions["lostSubscription"] = "disconnect",
): SubscriptionReview<ConnectionHandle> {
  return new SubscriptionReview({
    get rulesVersion() {
      return hooks.rulesVersion;
    },
    *connected() {
      for (const served of connections) {
        const { session, isConnected } = served.connection;
        if (session !== undefined && isConnected) yield { served, session };
      }
    },
    mayDo: (request) => hooks.mayDo(request),
    unsubscribe: ({ connection: { clientId, principal }, transport: { peer } }, session, subscription) => {
      turn.now(); // What is written is kept when it ends.
      endSubscription(session, subscription, { log: commits, unsubscribe: (...which) => router.unsubscribe(...which) });
      const { topicFilter } = subscription.filter;
      onEvent({ kind: "subscriptionLost", peer, clientId, principal, topicFilter });
    },
    lost: ({ connection }, subscriptions) => {
      if (lostSubscription === "disconnect") connection.disconnect(ReasonCode.NotAuthorized, lostWords(subscriptions));
    },
    unknown: ({ connection }) =>
      connection.disconnect(ReasonCode.ImplementationSpecificError, "what the client may subscribe to is not known"),
    unexpectedError,
  }, budget);
}

/** Topic Filters may be long, and many: as much as a Reason String should have. */
function lostWords(subscriptions: readonly Subscription[]): string {
  const first = subscriptions[0]?.filter.topicFilter.slice(0, 100) ?? "";
  const rest = subscriptions.length > 1 ? ` and ${subscriptions.length - 1} other Topic Filters` : "";
  return `the rules have changed: not authorized to subscribe to "${first}"${rest}`;
}

// Of so many milliseconds, and then others have their turn.
const SLICE_MS = 4;

/** What the review needs of its broker. `Served` is a connection. */
export interface SubscriptionReviewHost<Served> {
  /** Grows when the rules have changed. */
  readonly rulesVersion: number;
  /** Sessions of clients that are connected; some may come and go meanwhile. */
  connected(): Iterable<{ readonly served: Served; readonly session: Session }>;
  /** `undefined`: nobody can say. It never rejects. */
  mayDo(request: AccessRequest): boolean | undefined | Promise<boolean | undefined>;
  /** Takes a subscription away, and tells it. */
  unsubscribe(served: Served, session: Session, subscription: Subscription): void;
  /** A client that is connected has lost these. */
  lost(served: Served, subscriptions: readonly Subscription[]): void;
  /** Nobody can say what a client that is connected may do. */
  unknown(served: Served): void;
  unexpectedError(error: unknown): void;
}

/** Work without a pause: since when it is not counted in the budget, and when others have their turn. */
interface Slice {
  sinceMs: number;
  endMs: number;
}

/**
 * Subscriptions are authorized again when the rules have changed, and when their session is resumed. It takes a few
 * milliseconds at a time, however many there are, and however many sessions are resumed at once.
 */
export class SubscriptionReview<Served> {
  /** Of the rules by which all were looked at last, or are looked at now. */
  version: number;
  readonly #host: SubscriptionReviewHost<Served>;
  /** How often it was begun. */
  #round = 0;
  #isRunning = false;
  #isClosed = false;
  readonly #budget: TurnBudget;

  constructor(host: SubscriptionReviewHost<Served>, budget = new TurnBudget()) {
    this.#host = host;
    this.#budget = budget;
    this.version = host.rulesVersion;
  }

  /** Looks at all clients that are connected, by the rules that hold when this turn is over. */
  begin(): void {
    this.#round += 1;
    if (this.#isRunning || this.#isClosed) return;
    this.#isRunning = true;
    this.#run().catch((error: unknown) => this.#host.unexpectedError(error)).finally(() => this.#isRunning = false);
  }

  /** Looks at a session that a connection is about to resume; rejects where nobody can say. */
  async resumed(served: Served, session: Session, identity: ClientIdentity): Promise<void> {
    const slice = newSlice();
    let [round, version] = [-1, -1];
    while (round !== this.#round || !Object.is(version, this.#host.rulesVersion)) { // They may change meanwhile.
      [round, version] = [this.#round, this.#host.rulesVersion];
      const lost = await this.#lostOf(served, session, identity, slice, () => this.#isClosed);
      if (this.#isClosed) throw new Error("Cannot resume the session: the server is shutting down");
      if (lost === undefined) {
        throw new Error("Cannot resume the session: nobody can say what its client may subscribe to");
      }
    }
  }

  close(): void {
    this.#isClosed = true;
  }

  async #run(): Promise<void> {
    for (let round = -1; round !== this.#round;) {
      const slice = newSlice();
      await this.#pause(slice); // Whoever changes the rules may not be through with it.
      if (this.#isClosed) return;
      round = this.#round;
      this.version = this.#host.rulesVersion;
      const isOver = () => this.#isClosed || round !== this.#round;
      for (const { served, session } of this.#host.connected()) {
        if (this.#isTurnOver(slice)) await this.#pause(slice);
        if (isOver()) break;
        const { identity } = session;
        const lost = identity === undefined ? [] : await this.#lostOf(served, session, identity, slice, isOver);
        if (lost === undefined) this.#host.unknown(served);
        else if (lost.length > 0) this.#host.lost(served, lost);
        if (isOver()) break;
      }
    }
  }

  /** Takes away what the client may not subscribe to; `undefined`: nobody can say what that is. */
  async #lostOf(
    served: Served,
    session: Session,
    identity: ClientIdentity,
    slice: Slice,
    isOver: () => boolean,
  ): Promise<readonly Subscription[] | undefined> {
    const lost: Subscription[] = [];
    for (const subscription of session.subscriptions.values()) {
      if (this.#isTurnOver(slice)) await this.#pause(slice);
      if (isOver()) return lost;
      const { filter: { levels, topicFilter }, qos } = subscription;
      const topic = levels.join("/"); // Without `$share` and ShareName, as at SUBSCRIBE.
      const answer = this.#host.mayDo({ ...identity, action: "subscribe", topic, qos, retain: false });
      const isAllowed = answer instanceof Promise ? await answer : answer;
      if (answer instanceof Promise) slice.sinceMs = performance.now(); // Waiting is no work.
      if (isOver()) return lost;
      if (isAllowed === undefined) return undefined;
      // It may be gone, or another one, by the time of the answer.
      if (isAllowed || session.subscriptions.get(topicFilter) !== subscription) continue;
      this.#host.unsubscribe(served, session, subscription);
      lost.push(subscription);
    }
    return lost;
  }

  #isTurnOver(slice: Slice): boolean {
    const nowMs = performance.now();
    this.#budget.spend(nowMs - slice.sinceMs);
    slice.sinceMs = nowMs;
    return nowMs > slice.endMs || this.#budget.isSpent;
  }

  async #pause(slice: Slice): Promise<void> {
    do await this.#budget.renewed(); while (this.#budget.isSpent && !this.#isClosed);
    Object.assign(slice, newSlice());
  }
}

function newSlice(): Slice {
  const nowMs = performance.now();
  return { sinceMs: nowMs, endMs: nowMs + SLICE_MS };
}
