import { encodePacket } from "../codec/encoder.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { BehindSubscriber, ClientTraits } from "../protocol/ask.ts";
import type { Limits } from "../protocol/limits.ts";
import { ApplicationMessage } from "../protocol/message.ts";
import { beyondTopicLimits, isBeyondTopicLimits } from "../protocol/topic_limits.ts";
import type { BacklogWait } from "./backlog_wait.ts";
import type { PublishRequest } from "./broker_options.ts";
import type { Retention } from "./retention.ts";
import type { RetentionObstacle, RetentionRefusals } from "./retention_refusals.ts";
import type { Router } from "./router.ts";
import type { StorageWait } from "./storage_wait.ts";
import type { TurnBudget } from "./turn_budget.ts";

// A message to so many, and to each of them with QoS 0, and with 1 or 2. (2 cores, Deno 2.9, 2026-11)
const MANY_SUBSCRIBERS = 256;
const QOS_0_MS = 0.00008;
const IDENTIFIED_MS = 0.001;

/** The parts of a broker that publishing needs. */
export interface PublishingParts {
  readonly limits: Limits;
  readonly router: Router;
  readonly retention: Retention;
  readonly retentionRefusals: RetentionRefusals;
  readonly storageWait: StorageWait;
  readonly backlogWait: BacklogWait;
  readonly fanOutBudget: TurnBudget;
  readonly clock: () => number;
}

/** Where messages go that are published: to those who have subscribed, and to the retained ones. */
export class Publishing {
  readonly #limits: Limits;
  readonly #router: Router;
  readonly #retention: Retention;
  readonly #storageWait: StorageWait;
  readonly #refusals: RetentionRefusals;
  readonly #backlogWait: BacklogWait;
  readonly #fanOutBudget: TurnBudget;
  readonly #clock: () => number;
  /** Messages of the broker's own process that wait for a subscriber; resolves behind the last of them. */
  #ownWaiting: Promise<unknown> | undefined;

  constructor(
    { limits, router, retention, retentionRefusals, storageWait, backlogWait, fanOutBudget, clock }: PublishingParts,
  ) {
    this.#limits = limits;
    this.#router = router;
    this.#retention = retention;
    this.#storageWait = storageWait;
    this.#refusals = retentionRefusals;
    this.#backlogWait = backlogWait;
    this.#fanOutBudget = fanOutBudget;
    this.#clock = clock;
  }

  /** Finds a subscriber of the topic that is so far behind that the publisher should wait. */
  behind(topic: string, publisher: string | undefined, nowMs: number): BehindSubscriber | undefined {
    return this.#backlogWait.isIdle ? undefined : this.#router.farBehind(topic, publisher, nowMs);
  }

  /**
   * Delivers a message, and retains it where it says so: two things, of which the first happens where the second is not
   * possible (section 3.3.1.3). A publisher that can be told is refused instead, and then neither happens.
   *
   * @param source whose message it is, where it is to be retained
   * @param isTold whether the publisher hears the Reason Code
   * @param isWaitedFor whether the publisher waits for the storage
   */
  publish(
    message: ApplicationMessage,
    source: ClientTraits | undefined,
    nowMs: number,
    isTold: boolean,
    isWaitedFor: boolean,
  ): ReasonCode {
    if (message.retain) {
      const obstacle = this.#retain(message, source, isWaitedFor);
      if (obstacle !== undefined) {
        this.#refusals.tell(message, source, obstacle, isTold, nowMs);
        if (isTold) return ReasonCode.QuotaExceeded;
        this.#retention.forget(message.topic); // It is out of date. [MQTT-3.3.1-7 of 3.1.1]
      }
    }
    const count = this.#router.publish(message, nowMs);
    if (count >= MANY_SUBSCRIBERS) {
      this.#fanOutBudget.spend(count * (message.qos === 0 ? QOS_0_MS : IDENTIFIED_MS));
    }
    return count > 0 ? ReasonCode.Success : ReasonCode.NoMatchingSubscribers;
  }

  /**
   * Publishes from the broker's own process; with a promise where it has to wait for a subscriber. Throws RangeError before
   * anybody has got the message.
   */
  publishOwn(request: PublishRequest, nowMs: number): Promise<void> | undefined {
    const message = this.#ownMessage(request, nowMs);
    if (this.#ownWaiting !== undefined || this.behind(message.topic, undefined, nowMs) !== undefined) {
      return this.#publishLater(message, this.#ownWaiting);
    }
    this.#publishOwn(message, nowMs);
    return undefined;
  }

  /** Resolves when none of the broker's own process waits any longer. */
  async ownSettled(): Promise<void> {
    await this.#ownWaiting;
  }

  /** Behind those that wait already: messages stay in order. */
  #publishLater(message: ApplicationMessage, before: Promise<unknown> | undefined): Promise<void> {
    const waiting = (async () => {
      await before;
      for (;;) {
        const nowMs = this.#clock();
        const subscriber = this.behind(message.topic, undefined, nowMs);
        const isOver = subscriber === undefined || (await this.#backlogWait.until(subscriber, nowMs)).isOver;
        if (isOver) return this.#publishOwn(message, this.#clock());
      }
    })();
    const last = this.#ownWaiting = waiting.catch(() => {}).then(() => {
      if (this.#ownWaiting === last) this.#ownWaiting = undefined;
    });
    return waiting;
  }

  #publishOwn(message: ApplicationMessage, nowMs: number): void {
    const reasonCode = this.publish(message, undefined, nowMs, true, true);
    if (reasonCode >= 0x80) throw new RangeError(`Cannot publish to "${message.topic}": too many retained messages`);
  }

  #ownMessage(request: PublishRequest, nowMs: number): ApplicationMessage {
    const { topic, payload = "", qos = 0, retain = false, properties = {} } = request;
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : new Uint8Array(payload);
    const message = new ApplicationMessage({ topic, payload: bytes, qos, retain, properties }, undefined, nowMs);
    this.#checkPublishable(message, nowMs);
    return message;
  }

  /** Gives what prevents it. */
  #retain(
    message: ApplicationMessage,
    source: ClientTraits | undefined,
    isWaitedFor: boolean,
  ): RetentionObstacle | undefined {
    // Publishers with QoS 0, and Wills, do not wait for a storage that has too much to do: nothing of them is kept.
    const isRemoval = message.payload.length === 0;
    if (!isWaitedFor && !isRemoval && !this.#storageWait.hasRoom) return "storage";
    return this.#retention.retain(message, source);
  }

  #checkPublishable(message: ApplicationMessage, nowMs: number): void {
    const { topic, properties, qos } = message;
    if (isBeyondTopicLimits(topic, this.#limits)) {
      throw new RangeError(`Cannot publish: ${beyondTopicLimits(this.#limits)}`);
    }
    if (![0, 1, 2].includes(qos)) throw new RangeError(`Cannot publish: QoS "${qos}" is not 0, 1 or 2`);
    for (const name of ["topicAlias", "subscriptionIdentifiers"] as const) {
      if (properties[name] !== undefined) throw new RangeError(`Cannot publish: ${name} is set by the broker alone`);
    }
    // As they were given: what goes out is made of them.
    const { length } = encodePacket({ ...message.packet(qos, false, nowMs), properties }, 5);
    if (length > this.#limits.maximumPacketBytes) {
      throw new RangeError(
        `Cannot publish: ${length} bytes are more than the limit of ${this.#limits.maximumPacketBytes}`,
      );
    }
  }
}
