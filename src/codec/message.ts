import type { PublishPacket, QoS, RetainHandling } from "./packet.ts";
import type { Properties } from "./property.ts";

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const ENCODER = new TextEncoder();

/** Payload to publish: bytes, or a text that is sent as UTF-8. Anything else, also an ArrayBuffer, is a TypeError. */
export type Data = Uint8Array | string;

/** A message as a subscription gives it, with the fields of its PUBLISH (MQTT 5, section 3.3). */
export class Message {
  /** Topic Name, resolved if the PUBLISH had a Topic Alias. */
  readonly topic: string;
  /** Payload; other readers may have the same bytes, so copy it before you write to it. */
  readonly payload: Uint8Array;
  /** QoS of the delivery: the lower one of the publication and of the subscription. */
  readonly qos: QoS;
  /** Whether it is a retained message; with `retainAsPublished`, also whether it was published with RETAIN. */
  readonly retain: boolean;
  /** Whether the server may have sent it before; never in the broker's own process. */
  readonly dup: boolean;
  /** Packet Identifier; 0 with QoS 0 and in the broker's own process. */
  readonly packetIdentifier: number;
  /** Properties of the PUBLISH; empty before MQTT 5. */
  readonly properties: Properties;

  /**
   * Makes a message of its fields, as subscriptions do.
   *
   * @param fields `dup` is false and `packetIdentifier` 0 where they are left out
   */
  constructor(
    fields:
      & Pick<PublishPacket, "topic" | "payload" | "qos" | "retain" | "properties">
      & Partial<Pick<PublishPacket, "dup" | "packetIdentifier">>,
  ) {
    this.topic = fields.topic;
    this.payload = fields.payload;
    this.qos = fields.qos;
    this.retain = fields.retain;
    this.dup = fields.dup ?? false;
    this.packetIdentifier = fields.packetIdentifier ?? 0;
    this.properties = fields.properties;
  }

  /** Payload decoded as UTF-8; ill-formed bytes become U+FFFD. */
  text(): string {
    return DECODER.decode(this.payload);
  }

  /**
   * Payload decoded as JSON.
   *
   * @throws SyntaxError if it is not JSON
   */
  json(): unknown {
    return JSON.parse(this.text());
  }
}

/** Options of `publish`, of a broker and of a client alike. */
export interface PublishOptions {
  /** Quality of service (MQTT 5, section 4.3). @default {0} */
  readonly qos?: QoS;
  /** Whether new subscriptions get the message too (MQTT 5, section 3.3.1.3). @default {false} */
  readonly retain?: boolean;
  /** Properties of PUBLISH other than `topicAlias` and `subscriptionIdentifiers`. Clients before MQTT 5 get none. */
  readonly properties?: Properties;
  /** Ends the wait with the reason of the signal, and takes the message back if it has not been sent. */
  readonly signal?: AbortSignal;
}

/** Options of `subscribe`, of a broker and of a client alike. */
export interface SubscribeOptions {
  /** Highest QoS of the messages (MQTT 5, section 3.8.3.1). @default {2} */
  readonly qos?: QoS;
  /** Retained messages: 0 and 1 give them first, 2 leaves them out (MQTT 5, section 3.8.3.1). @default {0} */
  readonly retainHandling?: RetainHandling;
  /** Messages that may wait for the reader. @default {1_000} */
  readonly maximumMessages?: number;
  /** Ends the subscription, also while it is being made: reading fails with the reason of the signal. */
  readonly signal?: AbortSignal;
}

/**
 * Bytes of a payload, or of a password.
 *
 * @throws TypeError for what is neither text nor bytes: `null`, numbers and objects have many forms as bytes, and an
 * ArrayBuffer would be one more form of the same, so the program says which it means
 */
export function bytesOf(data: Data): Uint8Array {
  if (typeof data === "string") return ENCODER.encode(data);
  if (data instanceof Uint8Array) return data;
  const remedy = (data as unknown) instanceof ArrayBuffer ? "new Uint8Array(buffer)" : "JSON.stringify(value)";
  throw new TypeError(`Cannot send data: it is neither a string nor a Uint8Array; write such as ${remedy}`);
}

/**
 * Checks the topic that a program gave, which may have no types.
 *
 * @throws TypeError for an object in its place, the form of earlier versions, and for anything else than a string
 */
export function checkTopicArgument(topic: string): void {
  if (typeof topic === "string") return;
  throw new TypeError(
    "Cannot publish: the topic is not a string; write publish(topic, payload, options), not publish({ topic, payload })",
  );
}
