import type { PublishPacket } from "../../../src/codec/packet.ts";
import { NO_PROPERTIES } from "../../../src/codec/property.ts";
import { BEFORE_V5, type Row, testRows, V5 } from "./row.ts";

const PUBLISH: PublishPacket = {
  type: "publish",
  dup: false,
  qos: 0,
  retain: false,
  topic: "a",
  packetIdentifier: 0,
  properties: NO_PROPERTIES,
  payload: new Uint8Array(),
};

/** Texts that are UTF-8 Encoded Strings. */
const GOOD: readonly [string, string, string][] = [
  ["two bytes a character [MQTT-1.5.4-1]", "c3 a9", "\u00e9"],
  ["three bytes a character [MQTT-1.5.4-1]", "e4 b8 ad e6 96 87", "\u4e2d\u6587"],
  ["four bytes a character [MQTT-1.5.4-1]", "f0 9f 98 80", "\u{1f600}"],
  ["the last code point [MQTT-1.5.4-1]", "f4 8f bf bf", "\u{10ffff}"],
  ["the code points around the surrogates [MQTT-1.5.4-1]", "ed 9f bf ee 80 80", "\ud7ff\ue000"],
  ["U+FEFF at its beginning [MQTT-1.5.4-3]", "ef bb bf 61", "\ufeffa"],
  ["U+FEFF alone [MQTT-1.5.4-3]", "ef bb bf", "\ufeff"],
  ["U+FEFF inside [MQTT-1.5.4-3]", "61 ef bb bf 62", "a\ufeffb"],
  ["U+FFFD [MQTT-1.5.4-1]", "ef bf bd", "\ufffd"],
  ["a control character [MQTT 1.5.4]", "01 1f 7f", "\x01\x1f\x7f"],
  ["a character and its combining form, not normalized [MQTT-4.7.3-4]", "65 cc 81", "e\u0301"],
];

/** Bytes that are not. */
const BAD: readonly [string, string][] = [
  ["U+0000 [MQTT-1.5.4-2]", "00"],
  ["U+0000 inside [MQTT-1.5.4-2]", "61 00 62"],
  ["U+0000 at its end [MQTT-1.5.4-2]", "61 62 00"],
  ["U+0000 in two bytes [MQTT-1.5.4-1]", "c0 80"],
  ["the first surrogate [MQTT-1.5.4-1]", "ed a0 80"],
  ["the last surrogate [MQTT-1.5.4-1]", "ed bf bf"],
  ["a pair of surrogates [MQTT-1.5.4-1]", "ed a0 bd ed b8 80"],
  ["a continuation byte alone [MQTT-1.5.4-1]", "80"],
  ["a character without its second byte [MQTT-1.5.4-1]", "c3"],
  ["a character without its third byte [MQTT-1.5.4-1]", "e4 b8"],
  ["a character without its fourth byte [MQTT-1.5.4-1]", "f0 9f 98"],
  ["a character that another interrupts [MQTT-1.5.4-1]", "c3 28"],
  ["/ in two bytes [MQTT-1.5.4-1]", "c0 af"],
  ["/ in three bytes [MQTT-1.5.4-1]", "e0 80 af"],
  ["# in two bytes [MQTT-1.5.4-1]", "c0 a3"],
  ["a code point beyond the last [MQTT-1.5.4-1]", "f4 90 80 80"],
  ["byte f5 [MQTT-1.5.4-1]", "f5 80 80 80"],
  ["byte fe [MQTT-1.5.4-1]", "fe"],
  ["byte ff [MQTT-1.5.4-1]", "ff"],
];

for (const [name, hex, text] of GOOD) {
  testRows([
    {
      name: `topic with ${name}`,
      versions: BEFORE_V5,
      hex: `30 [ ${sized(hex)} ]`,
      packet: { ...PUBLISH, topic: text },
    },
    {
      name: `Content Type with ${name}`,
      versions: V5,
      hex: `30 [ 'a' [ 03 ${sized(hex)} ] ]`,
      packet: { ...PUBLISH, properties: { contentType: text } },
    },
    {
      name: `User Property with ${name}`,
      versions: V5,
      hex: `30 [ 'a' [ 26 ${sized(hex)} ${sized(hex)} ] ]`,
      packet: { ...PUBLISH, properties: { userProperties: [[text, text]] } },
    },
    {
      name: `Topic Filter with ${name}`,
      versions: BEFORE_V5,
      hex: `a2 [ 000a ${sized(hex)} ]`,
      packet: { type: "unsubscribe", packetIdentifier: 10, topicFilters: [text], properties: NO_PROPERTIES },
    },
  ]);
}

for (const [name, hex] of BAD) {
  const bad = { reasonCode: 0x81 } as const;
  const rows: readonly Row[] = [
    { name: `topic with ${name}`, versions: BEFORE_V5, hex: `30 [ ${sized(hex)} ]`, ...bad },
    { name: `topic with ${name}`, versions: V5, hex: `30 [ ${sized(hex)} [] ]`, ...bad },
    { name: `Content Type with ${name}`, versions: V5, hex: `30 [ 'a' [ 03 ${sized(hex)} ] ]`, ...bad },
    { name: `name of User Property with ${name}`, versions: V5, hex: `30 [ 'a' [ 26 ${sized(hex)} 'b' ] ]`, ...bad },
    { name: `value of User Property with ${name}`, versions: V5, hex: `30 [ 'a' [ 26 'b' ${sized(hex)} ] ]`, ...bad },
    { name: `Topic Filter with ${name}`, versions: BEFORE_V5, hex: `82 [ 000a ${sized(hex)} 00 ]`, ...bad },
    {
      name: `Client Identifier with ${name}`,
      versions: BEFORE_V5,
      hex: `10 [ 'MQTT' 04 02 003c ${sized(hex)} ]`,
      ...bad,
    },
    {
      name: `Will Topic with ${name}`,
      versions: BEFORE_V5,
      hex: `10 [ 'MQTT' 04 06 003c 'a' ${sized(hex)} '' ]`,
      ...bad,
    },
    { name: `User Name with ${name}`, versions: BEFORE_V5, hex: `10 [ 'MQTT' 04 82 003c 'a' ${sized(hex)} ]`, ...bad },
  ];
  testRows(rows);
}

/** The bytes with two bytes of length in front. */
function sized(hex: string): string {
  const length = hex.replaceAll(" ", "").length / 2;
  return `${length.toString(16).padStart(4, "0")} ${hex}`;
}
