import { encodePacket } from "../codec/encoder.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { ClientTraits } from "../protocol/ask.ts";
import type { Limits } from "../protocol/limits.ts";
import { ApplicationMessage } from "../protocol/message.ts";
import { beyondTopicLimits, isBeyondTopicLimits } from "../protocol/topic_limits.ts";
import type { PublishRequest } from "./broker_options.ts";
import type { Retention } from "./retention.ts";
import type { RetentionObstacle, RetentionRefusals } from "./retention_refusals.ts";
import type { Router } from "./router.ts";
import type { StorageWait } from "./storage_wait.ts";

/** Where messages go that are published: to those who have subscribed, and to the retained ones. */
export class Publishing {
  readonly #limits: Limits;
  readonly #router: Router;
  readonly #retention: Retention;
  readonly #storageWait: StorageWait;
  readonly #refusals: RetentionRefusals;

  constructor(
    limits: Limits,
    router: Router,
    retention: Retention,
    storageWait: StorageWait,
    refusals: RetentionRefusals,
  ) {
    this.#limits = limits;
    this.#router = router;
    this.#retention = retention;
    this.#storageWait = storageWait;
    this.#refusals = refusals;
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
    return this.#router.publish(message, nowMs) > 0 ? ReasonCode.Success : ReasonCode.NoMatchingSubscribers;
  }

  /** Publishes from the broker's own process. Throws RangeError before anybody has got the message. */
  publishOwn(request: PublishRequest, nowMs: number): void {
    const { topic, payload = "", qos = 0, retain = false, properties = {} } = request;
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : new Uint8Array(payload);
    const message = new ApplicationMessage({ topic, payload: bytes, qos, retain, properties }, undefined, nowMs);
    this.#checkPublishable(message, nowMs);
    const reasonCode = this.publish(message, undefined, nowMs, true, true);
    if (reasonCode >= 0x80) throw new RangeError(`Cannot publish to "${topic}": too many retained messages`);
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
