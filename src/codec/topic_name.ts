/** Whether a text is a Topic Name (section 4.7): at least one character, no wildcard, no U+0000. */
export function isTopicName(topic: string): boolean {
  // [MQTT-4.7.3-1] [MQTT-4.7.1-1] [MQTT-4.7.3-2]
  return topic.length > 0 && !topic.includes("+") && !topic.includes("#") &&
    !topic.includes("\0");
}
