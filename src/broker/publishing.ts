import { encodePacket } from "../codec/encoder.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { ClientTraits } from "../protocol/ask.ts";
import type { Limits } from "../protocol/limits.ts";
import { ApplicationMessage } from "../protocol/message.ts";
import { beyondTopicLimits, isBeyondTopicLimits } from "../protocol/topic_limits.ts";
import type { PublishRequest } from "./broker_options.ts";
import type { Retention } from "./retention.ts";
import type { Router } from "./router.ts";
import type { StorageWait } from "./storage_wait.ts";

/** Where messages go that are published: to those who have subscribed, and to the retained ones. */
export class Publishing {
  readonly #limits: Limits;
  readonly #router: Router;
  readonly #retention: Retention;
  readonly #storageWait: StorageWait;

  constructor(limits: Limits, router: Router, retention: Retention, storageWait: StorageWait) {
    this.#limits = limits;
    this.#router = router;
    this.#retention = retention;
    this.#storageWait = storageWait;
  }

  /** @param source whose message it is, where it is to be retained */
  publish(
    message: ApplicationMessage,
    source: ClientTraits | undefined,
    nowMs: number,
    isWaitedFor = message.qos > 0,
  ): ReasonCode {
    // Who publishes with QoS 0, or by a Will, does not wait for a storage that has too much to do: it keeps nothing of it.
    if (message.retain && (isWaitedFor || this.#storageWait.hasRoom)) {
      const refusal = this.#retention.retain(message, source);
      if (refusal !== undefined) return refusal;
    }
    return this.#router.publish(message, nowMs) > 0 ? ReasonCode.Success : ReasonCode.NoMatchingSubscribers;
  }

  /** Publishes from the broker's own process. Throws RangeError before anybody has got the message. */
  publishOwn(request: PublishRequest, nowMs: number): void {
    const { topic, payload = "", qos = 0, retain = false, properties = {} } = request;
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : new Uint8Array(payload);
    const message = new ApplicationMessage({ topic, payload: bytes, qos, retain, properties }, undefined, nowMs);
    this.#checkPublishable(message, nowMs);
    const reasonCode = this.publish(message, undefined, nowMs);
    if (reasonCode >= 0x80) throw new RangeError(`Cannot publish to "${topic}": too many retained messages`);
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
