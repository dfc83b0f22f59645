import { ReasonCode } from "../codec/reason_code.ts";
import { endSubscription } from "../protocol/subscribing.ts";
import type { Subscription } from "../protocol/subscription.ts";
import type { BrokerOptions } from "./broker_options.ts";
import type { CommitQueue } from "./commit_queue.ts";
import type { BrokerEvent } from "./events.ts";
import type { Hooks } from "./hooks.ts";
import type { Router } from "./router.ts";
import type { ServedConnection } from "./served_connection.ts";
import { SubscriptionReview } from "./subscription_review.ts";
import type { Turn } from "./turn.ts";
import type { TurnBudget } from "./turn_budget.ts";

/** What a review that ends subscriptions needs of its broker. */
export interface LostSubscriptionsHost {
  readonly hooks: Hooks;
  readonly connections: Iterable<ServedConnection>;
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
): SubscriptionReview<ServedConnection> {
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
