/** Rules that PUBLISH and a Will share, and Topic Aliases towards a client. */

import { assertEquals } from "@std/assert";
import { limitsWith } from "../../src/protocol/limit_table.ts";
import {
  beyondService,
  beyondTopicLimits,
  isBeyondTopicLimits,
  isOfItsFormat,
  isServerTopic,
  OutgoingTopicAliases,
  reasonOf,
} from "../../src/protocol/publish_rules.ts";

Deno.test("OutgoingTopicAliases gives the first topics an alias each, from 1 on [MQTT-3.1.2-26] [MQTT-3.3.2-8]", () => {
  const aliases = new OutgoingTopicAliases(2);
  assertEquals(aliases.known("x"), undefined);
  assertEquals([aliases.assign("x"), aliases.assign("y"), aliases.assign("z")], [1, 2, undefined]);
  assertEquals([aliases.known("x"), aliases.known("y"), aliases.known("z")], [1, 2, undefined]);
});

Deno.test("OutgoingTopicAliases gives none to a client that accepts none [MQTT-3.1.2-27]", () => {
  const aliases = new OutgoingTopicAliases(0);
  assertEquals([aliases.assign("x"), aliases.known("x")], [undefined, undefined]);
});

Deno.test("beyondService() gives the Reason Code for a QoS or RETAIN that there is not [MQTT-3.2.2-11] [MQTT-3.2.2-14]", () => {
  const limits = limitsWith({ maximumQos: 1, maximumRetainedMessages: 0 });
  assertEquals(beyondService({ qos: 1, retain: false }, limits), undefined);
  assertEquals<number | undefined>(beyondService({ qos: 2, retain: false }, limits), 0x9b);
  assertEquals<number | undefined>(beyondService({ qos: 0, retain: true }, limits), 0x9a);
  assertEquals(beyondService({ qos: 2, retain: true }, limitsWith({ maximumRetainedMessages: 1 })), undefined);
  assertEquals(reasonOf(0x9b, limits), "its QoS is above 1, which is the highest here");
  assertEquals(reasonOf(0x9a, limits), "there are no retained messages here");
});

Deno.test("isBeyondTopicLimits() counts characters and levels", () => {
  const limits = limitsWith({ maximumTopicLength: 5, maximumTopicLevels: 2 });
  const topics = ["abcde", "abcdef", "a/b", "a/b/", "/", "//"];
  assertEquals(topics.map((topic) => isBeyondTopicLimits(topic, limits)), [false, true, false, true, false, true]);
  assertEquals(beyondTopicLimits(limits), "a Topic Name has more than 5 characters or 2 levels");
});

Deno.test("isServerTopic() keeps clients from $SYS and $share, but for the state of a bridge (sections 4.7.2 and 4.8.2)", () => {
  for (const topic of ["$SYS", "$SYS/", "$SYS/broker", "$share/", "$share/g/x", "$SYS/broker/connection/a/b/state"]) {
    assertEquals([topic, isServerTopic(topic)], [topic, true]);
  }
  for (const topic of ["x", "SYS/x", "$SYSx", "$share", "$sys/x", "x/$SYS/y", "$SYS/broker/connection/a/state"]) {
    assertEquals([topic, isServerTopic(topic)], [topic, false]);
  }
});

Deno.test("isOfItsFormat() looks at a payload that says it is UTF-8, and at no other (section 3.3.2.3.2)", () => {
  const [cut, whole] = [Uint8Array.of(0xc3), Uint8Array.of(0xc3, 0xa4)];
  const rows = [[cut, undefined], [cut, 0], [cut, 1], [whole, 1], [new Uint8Array(), 1]] as const;
  assertEquals(
    rows.map(([payload, payloadFormatIndicator]) =>
      isOfItsFormat(payload, payloadFormatIndicator === undefined ? {} : { payloadFormatIndicator })
    ),
    [true, true, false, true, true],
  );
});
