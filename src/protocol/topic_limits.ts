import type { Limits } from "./limits.ts";
import { SHARE_PREFIX, topicLevels } from "./topic_filter.ts";

const SERVER_TOPICS = "$SYS/";
/** Where a bridge of mosquitto says whether it is connected, itself and with its Will. */
const BRIDGE_STATE = /^\$SYS\/broker\/connection\/[^/]+\/state$/;

/** Whether a Topic Name is longer or deeper than the broker takes. */
export function isBeyondTopicLimits(topic: string, limits: Limits): boolean {
  return topic.length > limits.maximumTopicLength || topicLevels(topic) > limits.maximumTopicLevels;
}

/** Says so, for a reason string. */
export function beyondTopicLimits({ maximumTopicLength, maximumTopicLevels }: Limits): string {
  return `a Topic Name has more than ${maximumTopicLength} characters or ${maximumTopicLevels} levels`;
}

/**
 * Whether only the server itself publishes to a topic (MQTT 5, section 4.7.2), or nobody: below `$share/` a Topic Filter
 * is a Shared Subscription, and no other matches (section 4.8.2).
 */
export function isServerTopic(topic: string): boolean {
  if (topic.startsWith(SHARE_PREFIX)) return true;
  return topic === "$SYS" || (topic.startsWith(SERVER_TOPICS) && !BRIDGE_STATE.test(topic));
}
