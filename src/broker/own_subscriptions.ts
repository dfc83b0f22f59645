import type { Limits } from "../protocol/limits.ts";
import type { Subscription } from "../protocol/subscription.ts";
import { type ParsedTopicFilter, parseTopicFilter } from "../protocol/topic_filter.ts";
import type { BacklogWait } from "./backlog_wait.ts";
import type { SubscribeOptions } from "./broker_options.ts";
import { BrokerSubscription } from "./broker_subscription.ts";
import type { Retention } from "./retention.ts";
import type { Router } from "./router.ts";
import type { SysTopics } from "./sys_topics.ts";
import type { Turn } from "./turn.ts";

const DEFAULT_MESSAGES = 1_000;

/** The parts of a broker that its own subscriptions need. */
export interface OwnSubscriptionsParts {
  readonly limits: Limits;
  readonly router: Router;
  readonly retention: Retention;
  readonly sysTopics: SysTopics;
  readonly backlogWait: BacklogWait;
  readonly turn: Turn;
}

/** Subscriptions in the broker's own process. */
export class OwnSubscriptions {
  readonly #parts: OwnSubscriptionsParts;
  readonly #readers = new Set<BrokerSubscription>();

  constructor(parts: OwnSubscriptionsParts) {
    this.#parts = parts;
  }

  /** Begins one, with its retained messages. Throws RangeError for a Topic Filter or a bound that is none. */
  open(
    topicFilter: string,
    { qos = 2, maximumMessages = DEFAULT_MESSAGES }: SubscribeOptions,
    nowMs: number,
  ): BrokerSubscription {
    checkBound(maximumMessages);
    const filter = ownFilter(topicFilter);
    const subscription: Subscription = {
      filter,
      qos,
      noLocal: false,
      retainAsPublished: true,
      retainHandling: 0,
      subscriptionIdentifier: undefined,
    };
    const { limits, router, retention, sysTopics, backlogWait, turn } = this.#parts;
    const reader = new BrokerSubscription(maximumMessages, {
      limits,
      now: turn.now,
      unsubscribe: (self) => {
        router.unsubscribe(self, subscription);
        this.#readers.delete(self);
      },
      behind: () => backlogWait.ownBehind(),
      caughtUp: () => backlogWait.ownCaughtUp(turn.now()),
    });
    router.subscribe(reader, subscription);
    this.#readers.add(reader);
    const retained = sysTopics.before(retention.match(filter.levels), filter.levels);
    for (const one of retained) {
      const message = one?.message;
      if (message !== undefined && nowMs < message.expiresAtMs) {
        reader.deliver(message, { qos, retainAsPublished: true, subscriptionIdentifiers: [] }, nowMs, true);
      }
    }
    return reader;
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    for (const reader of this.#readers) await reader.return();
  }
}

function checkBound(maximumMessages: number): void {
  if (!(maximumMessages === Infinity || (Number.isInteger(maximumMessages) && maximumMessages >= 1))) {
    throw new RangeError(`Cannot subscribe: maximumMessages "${maximumMessages}" is not an integer of at least 1`);
  }
}

function ownFilter(topicFilter: string): ParsedTopicFilter {
  const filter = parseTopicFilter(topicFilter);
  if (filter === undefined || filter.shareName !== undefined) {
    throw new RangeError(`Cannot subscribe: "${topicFilter}" is not a Topic Filter that is not shared`);
  }
  return filter;
}
