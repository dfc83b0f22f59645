import type { QoS } from "../codec/packet.ts";
import type { Properties } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { Limits } from "./limits.ts";
import { SHARE_PREFIX, topicLevels } from "./topic_filter.ts";

const DECODER = new TextDecoder("utf-8", { fatal: true });

/** Whether a payload is what its Payload Format Indicator says: 1 is UTF-8 text (MQTT 5, section 3.3.2.3.2). */
export function isOfItsFormat(payload: Uint8Array, properties: Properties): boolean {
  if (properties.payloadFormatIndicator !== 1) return true;
  try {
    DECODER.decode(payload);
    return true;
  } catch {
    return false; // The only thing a fatal TextDecoder throws for.
  }
}

/** Reason Code for a QoS or RETAIN that this broker does not offer (MQTT 5, sections 3.2.2.3.4 and 3.2.2.3.5). */
export function beyondService(
  { qos, retain }: { readonly qos: QoS; readonly retain: boolean },
  { maximumQos, maximumRetainedMessages }: Limits,
): ReasonCode | undefined {
  if (qos > maximumQos) return ReasonCode.QosNotSupported; // [MQTT-3.2.2-11]
  return retain && maximumRetainedMessages === 0 ? ReasonCode.RetainNotSupported : undefined; // [MQTT-3.2.2-14]
}

/** Reason String for a Reason Code of {@linkcode beyondService}. */
export function reasonOf(reasonCode: ReasonCode, { maximumQos }: Limits): string {
  return reasonCode === ReasonCode.QosNotSupported
    ? `its QoS is above ${maximumQos}, which is the highest here`
    : "there are no retained messages here";
}

const SERVER_TOPICS = "$SYS/";
/** Topic on which a bridge of mosquitto says whether it is connected, itself and with its Will. */
const BRIDGE_STATE = /^\$SYS\/broker\/connection\/[^/]+\/state$/;

/** Whether a Topic Name is longer or deeper than the broker takes. */
export function isBeyondTopicLimits(topic: string, limits: Limits): boolean {
  return topic.length > limits.maximumTopicLength || topicLevels(topic) > limits.maximumTopicLevels;
}

/** Reason String for a Topic Name that {@linkcode isBeyondTopicLimits}. */
export function beyondTopicLimits({ maximumTopicLength, maximumTopicLevels }: Limits): string {
  return `a Topic Name has more than ${maximumTopicLength} characters or ${maximumTopicLevels} levels`;
}

/**
 * Whether clients may not publish to a topic: it is of the server itself (MQTT 5, section 4.7.2), or below `$share/`, where a
 * Topic Filter is a Shared Subscription, and no other matches (section 4.8.2).
 */
export function isServerTopic(topic: string): boolean {
  if (topic.startsWith(SHARE_PREFIX)) return true;
  return topic === "$SYS" || (topic.startsWith(SERVER_TOPICS) && !BRIDGE_STATE.test(topic));
}

/** Topic Aliases that this side gives out to one connection (MQTT 5, section 3.3.2.3.4): the first topics get one each. */
export class OutgoingTopicAliases {
  #aliases: Map<string, number> | undefined;

  /** @param maximum largest alias that the receiver accepts; 0: none */
  constructor(readonly maximum: number) {}

  /** Alias of a topic that was sent before. */
  known(topic: string): number | undefined {
    return this.#aliases?.get(topic);
  }

  /** An alias to send with a topic for the first time; `undefined` when all are given out. [MQTT-3.1.2-26] */
  assign(topic: string): number | undefined {
    this.#aliases ??= new Map(); // Most connections have none.
    if (this.#aliases.size >= this.maximum) return undefined;
    const alias = this.#aliases.size + 1; // Never 0. [MQTT-3.3.2-8]
    this.#aliases.set(topic, alias);
    return alias;
  }
}
