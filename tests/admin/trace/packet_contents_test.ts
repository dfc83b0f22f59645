import { assertEquals } from "@std/assert";
import { connectNames, hasTopicFilter, publishTopic } from "../../../src/admin/trace/packet_contents.ts";
import type { ToldPacket } from "../../../src/admin/trace/tapped_side.ts";
import { TopicTarget } from "../../../src/admin/trace/trace_target.ts";
import { encodePacket } from "../../../src/codec/encoder.ts";
import type { ProtocolVersion } from "../../../src/codec/mod.ts";
import { randomPacket } from "../../codec/random_packet.ts";
import { inForm } from "../../form.ts";
import { seededTest } from "../../seeded.ts";

/** A packet within other bytes. */
function told(packet: Uint8Array): ToldPacket {
  const bytes = new Uint8Array(packet.length + 4).fill(0x23);
  bytes.set(packet, 2);
  return { bytes, start: 2, end: 2 + packet.length, wireBytes: packet.length, pieces: () => [] };
}

seededTest("what a trace reads in the bytes of a packet is what the decoder reads", (random) => {
  const version = random.pick<ProtocolVersion>([3, 4, 5]);
  const packet = randomPacket(random, version);
  const bytes = told(encodePacket(packet, version));
  if (packet.type === "publish") {
    const { start = 0, end = 0, alias } = publishTopic(bytes, version) ?? {};
    assertEquals(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.bytes.subarray(start, end)), packet.topic);
    assertEquals(alias, packet.properties.topicAlias);
  } else if (packet.type === "connect") {
    const { protocolVersion, clientId, userName } = connectNames(bytes);
    assertEquals([protocolVersion, clientId, userName], [version, packet.clientId, packet.userName]);
  } else if (packet.type === "subscribe" || packet.type === "unsubscribe") {
    const isSubscribe = packet.type === "subscribe";
    const filters = packet.type === "subscribe"
      ? packet.subscriptions.map(({ topicFilter }) => topicFilter)
      : packet.topicFilters;
    const has = (filter: string) => hasTopicFilter(bytes, new TopicTarget(filter), version, isSubscribe);
    const target = new TopicTarget("a/+/b");
    assertEquals(has("a/+/b"), filters.some((filter) => target.overlaps(filter)));
    assertEquals(filters.filter((filter) => new TopicTarget(filter).overlaps(filter)).every(has), true);
  }
}, inForm(300, 2_000));

seededTest("a trace reads packets that are cut or damaged as far as they go", (random) => {
  const version = random.pick<ProtocolVersion>([4, 5]);
  const whole = encodePacket(randomPacket(random, version), version);
  const bytes = told(whole.subarray(0, random.integer(0, whole.length)));
  for (let count = random.integer(0, 3); count > 0; count--) {
    bytes.bytes[random.integer(2, bytes.bytes.length - 1)] = random.integer(0, 255);
  }
  connectNames(bytes);
  publishTopic(bytes, version);
  hasTopicFilter(bytes, new TopicTarget("a/#"), version, true);
}, inForm(100, 2_000));
