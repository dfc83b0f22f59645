import { ReasonCode } from "../../codec/reason_code.ts";
import type { ChangeLog } from "../../protocol/change.ts";
import type { Connection } from "../../protocol/connection.ts";
import type { Session } from "../../protocol/session.ts";
import type { BrokerSettings } from "../../protocol/settings.ts";
import { endSubscription } from "../../protocol/subscribing.ts";
import type { Subscription } from "../../protocol/subscription.ts";
import type { Transport } from "../../transport/transport.ts";
import type { BrokerEvent } from "../events.ts";
import type { Router } from "../router.ts";
import { BudgetedWork, type Turn, type TurnBudget } from "../turn.ts";
import type { Hooks } from "./hooks.ts";

/** A connection, as far as a review needs to know it. */
type ReviewedConnection = {
  readonly connection: Pick<Connection, "clientId" | "principal" | "session" | "isConnected" | "disconnect">;
  readonly transport: Pick<Transport, "peer">;
};

/**
 * Authorizes subscriptions again when the rules have changed, and when their session is resumed, and ends those that their
 * client may not have any more. It takes a few milliseconds at a time, however many subscriptions there are, and however many
 * sessions are resumed at once.
 */
export class SubscriptionReview {
  /** Version of the rules by which all were reviewed last, or are reviewed now. */
  version: number;
  readonly #hooks: Pick<Hooks, "hasAuthorizer" | "rulesVersion" | "mayDo">;
  readonly #connections: Iterable<ReviewedConnection>;
  readonly #commits: ChangeLog;
  readonly #router: Pick<Router, "unsubscribe">;
  readonly #turn: Pick<Turn, "now">;
  readonly #budget: TurnBudget;
  readonly #lostSubscription: BrokerSettings["lostSubscription"];
  readonly #onEvent: (event: BrokerEvent) => void;
  readonly #unexpectedError: (error: unknown) => void;
  /** Number of times that it was begun. */
  #round = 0;
  #isRunning = false;
  #isClosed = false;

  constructor(
    { hooks, connections, commits, router, turn, budget, lostSubscription, onEvent, unexpectedError }: {
      readonly hooks: Pick<Hooks, "hasAuthorizer" | "rulesVersion" | "mayDo">;
      readonly connections: Iterable<ReviewedConnection>;
      readonly commits: ChangeLog;
      readonly router: Pick<Router, "unsubscribe">;
      readonly turn: Pick<Turn, "now">;
      readonly budget: TurnBudget;
      readonly lostSubscription: BrokerSettings["lostSubscription"];
      readonly onEvent: (event: BrokerEvent) => void;
      readonly unexpectedError: (error: unknown) => void;
    },
  ) {
    this.#hooks = hooks;
    this.#connections = connections;
    this.#commits = commits;
    this.#router = router;
    this.#turn = turn;
    this.#budget = budget;
    this.#lostSubscription = lostSubscription;
    this.#onEvent = onEvent;
    this.#unexpectedError = unexpectedError;
    this.version = hooks.rulesVersion;
  }

  /** Reviews the clients that are connected, by the rules that hold when this turn is over. */
  begin(): void {
    this.#round += 1;
    if (this.#isRunning || this.#isClosed) return;
    this.#isRunning = true;
    this.#run().catch((error: unknown) => this.#unexpectedError(error)).finally(() => this.#isRunning = false);
  }

  /** Reviews a session that a connection is about to resume; rejects when the authorizer cannot say. */
  async resumed(served: ReviewedConnection, session: Session): Promise<void> {
    if (!this.#hooks.hasAuthorizer) return;
    const work = new BudgetedWork(this.#budget);
    let [round, version] = [-1, -1];
    while (round !== this.#round || !Object.is(version, this.#hooks.rulesVersion)) { // They may change meanwhile.
      [round, version] = [this.#round, this.#hooks.rulesVersion];
      const lost = await this.#endLost(served, session, work, () => this.#isClosed);
      if (this.#isClosed) throw new Error("Cannot resume the session: the server is shutting down");
      if (lost === undefined) {
        throw new Error("Cannot resume the session: nobody can say what its client may subscribe to");
      }
    }
  }

  /** Ends the review, and begins none from now on. */
  close(): void {
    this.#isClosed = true;
  }

  async #run(): Promise<void> {
    for (let round = -1; round !== this.#round;) {
      const work = new BudgetedWork(this.#budget);
      await work.pause(); // The caller may still be changing the rules.
      if (this.#isClosed) return;
      round = this.#round;
      this.version = this.#hooks.rulesVersion;
      const isOver = () => this.#isClosed || round !== this.#round;
      for (const served of this.#connections) {
        if (work.isLong) await work.pause();
        if (isOver()) break;
        const { session, isConnected } = served.connection;
        if (session === undefined || !isConnected) continue;
        this.#disconnectLosing(served, await this.#endLost(served, session, work, isOver));
        if (isOver()) break;
      }
    }
  }

  /** Disconnects a client that has lost subscriptions, or may have: `undefined` where the authorizer cannot say. */
  #disconnectLosing({ connection }: ReviewedConnection, lost: readonly Subscription[] | undefined): void {
    if (lost === undefined) {
      const reason = "what the client may subscribe to is not known";
      connection.disconnect(ReasonCode.ImplementationSpecificError, reason);
    } else if (lost.length > 0 && this.#lostSubscription === "disconnect") {
      connection.disconnect(ReasonCode.NotAuthorized, lostReason(lost));
    }
  }

  /** Ends the subscriptions that the client may not have, and gives them; `undefined`: the authorizer cannot say. */
  async #endLost(
    served: ReviewedConnection,
    session: Session,
    work: BudgetedWork,
    isOver: () => boolean,
  ): Promise<readonly Subscription[] | undefined> {
    const lost: Subscription[] = [];
    const { identity } = session;
    if (identity === undefined) return lost;
    for (const subscription of session.subscriptions.values()) {
      if (work.isLong) await work.pause();
      if (isOver()) return lost;
      const { filter: { levels, topicFilter }, qos } = subscription;
      const topic = levels.join("/"); // Without `$share` and ShareName, as at SUBSCRIBE.
      const answer = this.#hooks.mayDo({ ...identity, action: "subscribe", topic, qos, retain: false });
      const isAllowed = answer instanceof Promise ? await answer : answer;
      if (answer instanceof Promise) work.waited();
      if (isOver()) return lost;
      if (isAllowed === undefined) return undefined;
      // It may be gone, or another one, by the time of the answer.
      if (isAllowed || session.subscriptions.get(topicFilter) !== subscription) continue;
      this.#end(served, session, subscription);
      lost.push(subscription);
    }
    return lost;
  }

  #end({ connection, transport: { peer } }: ReviewedConnection, session: Session, subscription: Subscription): void {
    const router = this.#router;
    this.#turn.now(); // Begins a turn, at whose end the change is stored.
    endSubscription(session, subscription, {
      log: this.#commits,
      unsubscribe: (session, subscription) => router.unsubscribe(session, subscription),
    });
    const { clientId, principal } = connection;
    const { topicFilter } = subscription.filter;
    this.#onEvent({ kind: "subscriptionLost", peer, clientId, principal, topicFilter });
  }
}

/** Topic Filters may be long, and many: as much as a Reason String should have. */
function lostReason(subscriptions: readonly Subscription[]): string {
  const first = subscriptions[0]?.filter.topicFilter.slice(0, 100) ?? "";
  const rest = subscriptions.length > 1 ? ` and ${subscriptions.length - 1} other Topic Filters` : "";
  return `the rules have changed: not authorized to subscribe to "${first}"${rest}`;
}
