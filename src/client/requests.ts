import type { Data, Message, PublishOptions } from "../codec/message.ts";
import type { Properties } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import { deadlineSignal, orAborted } from "../transport/abort.ts";
import type { RequestOptions } from "./client_options.ts";
import type { PublishResult } from "./publish_queue.ts";
import { RefusedError } from "./refused_error.ts";
import type { SubscriptionRecipient } from "./subscriptions.ts";

/** Interface to the rest of the client. */
export interface RequestHost {
  /** Gives the beginning of response topics, as the server wants it. */
  responseTopic(): string;
  subscribe(topicFilter: string, subscriber: SubscriptionRecipient): Promise<void>;
  publish(topic: string, payload: Data, options: PublishOptions): Promise<PublishResult | undefined>;
  /** Called when a response is awaited. */
  onAwaiting(): void;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const RANDOM_BYTES = 8;

/** Requests and their responses (MQTT 5, section 4.10), matched by Correlation Data. */
export class Requests implements SubscriptionRecipient {
  readonly isFull = false;
  /** Number of responses that were no longer awaited. */
  dropped = 0;
  readonly #host: RequestHost;
  readonly #pending = new Map<string, PromiseWithResolvers<Message>>();
  /** Response topics with a subscription, made or in progress. */
  readonly #subscribed = new Map<string, Promise<void>>();
  readonly #prefix = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES));
  #count = 0;

  constructor(host: RequestHost) {
    this.#host = host;
  }

  get isAwaiting(): boolean {
    return this.#pending.size > 0;
  }

  async request(topic: string, payload: Data, options: RequestOptions): Promise<Message> {
    const { qos = 0, retain = false, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
    const responseTopic = options.responseTopic ?? this.#host.responseTopic();
    const correlationData = options.properties?.correlationData ?? this.#correlationData();
    const properties: Properties = { ...options.properties, responseTopic, correlationData };
    const key = keyOf(correlationData);
    const response = Promise.withResolvers<Message>();
    response.promise.catch(() => {}); // The request may fail before this is awaited.
    const deadline = deadlineSignal(timeoutMs, `a response to "${topic}"`, signal);
    this.#pending.set(key, response);
    this.#host.onAwaiting();
    try {
      await orAborted(this.#subscribe(responseTopic), deadline.signal);
      const published = this.#host.publish(topic, payload, { qos, retain, properties, signal: deadline.signal });
      published.then((result) => {
        // With QoS 1 and 2 the server may report that there is no subscriber.
        if (result?.reasonCode !== ReasonCode.NoMatchingSubscribers) return;
        response.reject(nobodyThere(topic, result));
      }, response.reject);
      return await orAborted(response.promise, deadline.signal); // The response may come before PUBACK.
    } finally {
      this.#pending.delete(key);
      deadline.stop();
    }
  }

  take(message: Message): void {
    const { correlationData } = message.properties;
    const pending = correlationData === undefined ? undefined : this.#pending.get(keyOf(correlationData));
    if (pending === undefined) this.dropped += 1;
    else pending.resolve(message);
  }

  end(): void {
    this.#subscribed.clear();
  }

  fail(error: Error): void {
    this.#subscribed.clear();
    for (const { reject } of this.#pending.values()) reject(error);
  }

  #subscribe(responseTopic: string): Promise<void> {
    const known = this.#subscribed.get(responseTopic);
    if (known !== undefined) return known;
    const subscribing = this.#host.subscribe(responseTopic, this).catch((error) => {
      this.#subscribed.delete(responseTopic);
      throw error;
    });
    this.#subscribed.set(responseTopic, subscribing);
    return subscribing;
  }

  #correlationData(): Uint8Array {
    const bytes = new Uint8Array(RANDOM_BYTES + 4);
    bytes.set(this.#prefix);
    new DataView(bytes.buffer).setUint32(RANDOM_BYTES, this.#count++ >>> 0);
    return bytes;
  }
}

function keyOf(correlationData: Uint8Array): string {
  return correlationData.join(",");
}

function nobodyThere(topic: string, { reasonCode, properties }: PublishResult): RefusedError {
  return new RefusedError(`Cannot request "${topic}"`, reasonCode, "MQTT-3.4.2-1", properties);
}
