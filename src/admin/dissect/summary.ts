/** A packet in one line, as a list of packets shows it. */

import type { Abbreviation, Dissection, Field } from "./dissector.ts";

/** Line of a packet, in parts that are shown differently. */
export interface Summary {
  /** Name of the packet in the specification, such as `PUBLISH`. */
  readonly packet: string;
  /** The rest: `test/hello (alias 1) · 5 B · QoS 1 · id 7`. */
  readonly details: string;
}

const NAMES = [
  ...["Reserved", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE", "SUBACK"],
  ...["UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"],
];

/**
 * Line of a dissected packet.
 *
 * @param wireBytes size of the packet, of which only the first bytes may have been dissected
 */
export function summaryOf(dissection: Dissection, wireBytes: number): Summary {
  const { type, flaw } = dissection;
  const packet = NAMES[type] ?? "Reserved"; // A type has four bits.
  if (flaw !== undefined) return { packet, details: `malformed: ${flaw.message}` };
  return { packet, details: detailsOf(packet, dissection, wireBytes).filter((part) => part !== undefined).join(" · ") };
}

function detailsOf(packet: string, dissection: Dissection, wireBytes: number): (string | undefined)[] {
  const { fields } = dissection;
  switch (packet) {
    case "CONNECT":
      return connectDetails(fields);
    case "PUBLISH":
      return publishDetails(dissection, wireBytes);
    case "SUBSCRIBE":
    case "UNSUBSCRIBE":
      return [topicFilters(fields), identifier(fields)];
    case "CONNACK":
      return [reasons(fields), isSet(fields, "mqtt.conack.flags.sp") ? "session present" : undefined];
    case "SUBACK":
    case "UNSUBACK":
      return [reasons(fields), identifier(fields)];
    default: {
      // Success goes without saying.
      const isSuccess = find(fields, (field) => isReason(field) && field.value === 0) !== undefined;
      return [isSuccess ? undefined : reasons(fields), identifier(fields)];
    }
  }
}

function connectDetails(fields: readonly Field[]): (string | undefined)[] {
  const version = shown(fields, "mqtt.ver")?.replace(/^MQTT (v[\d.]+?)(?:\.0)? .*$/, "$1");
  const keepAlive = shown(fields, "mqtt.kalive");
  return [
    [version, quoted(shown(fields, "mqtt.clientid")), keepAlive && `keep alive ${keepAlive} s`]
      .filter((part) => part !== undefined).join(" "),
    isSet(fields, "mqtt.conflag.willflag") ? `Will ${shown(fields, "mqtt.willtopic") ?? ""}`.trimEnd() : undefined,
  ];
}

function publishDetails({ fields, topicAlias }: Dissection, wireBytes: number): (string | undefined)[] {
  const topic = shown(fields, "mqtt.topic") ?? "";
  const payload = find(fields, ({ abbreviation }) => abbreviation === "mqtt.msg");
  const qos = find(fields, ({ abbreviation }) => abbreviation === "mqtt.qos");
  return [
    topicAlias === undefined ? topic : `${topic} (alias ${topicAlias})`.trimStart(),
    payload && `${wireBytes - payload.start} B`,
    qos && `QoS ${qos.value}`,
    isSet(fields, "mqtt.retain") ? "retain" : undefined,
    isSet(fields, "mqtt.dupflag") ? "DUP" : undefined,
    identifier(fields),
  ];
}

function topicFilters(fields: readonly Field[]): string {
  const filters: string[] = [];
  for (const field of fields) {
    if (field.abbreviation === "mqtt.topic") filters.push(field.shown ?? "");
    const qos = field.abbreviation === "mqtt.sub.qos"
      ? field.value
      : find(field.children, ({ abbreviation }) => abbreviation === "mqtt.subscription_options_qos")?.value;
    if (qos !== undefined) filters.push(`${filters.pop() ?? ""} (QoS ${qos})`);
  }
  return filters.join(", ");
}

/** Reason Codes, return codes and granted QoS in words. */
function reasons(fields: readonly Field[]): string | undefined {
  const words = fields.filter(isReason).map(({ abbreviation, value, shown = "" }) =>
    /^mqtt\.suback\./.test(abbreviation) && typeof value === "number" && value < 3
      ? `QoS ${value}`
      : shown.replace(/ \(\d+\)$/, "")
  );
  return words.length === 0 ? undefined : words.join(", ");
}

function isReason({ abbreviation }: Field): boolean {
  return /\.reason_code$|^mqtt\.(?:conack\.val|suback\.qos)$/.test(abbreviation);
}

function identifier(fields: readonly Field[]): string | undefined {
  const text = shown(fields, "mqtt.msgid");
  return text && `id ${text}`;
}

function quoted(text: string | undefined): string | undefined {
  return text === undefined ? undefined : `"${text}"`;
}

function isSet(fields: readonly Field[], name: Abbreviation): boolean {
  return find(fields, ({ abbreviation, value }) => abbreviation === name && value === true) !== undefined;
}

function shown(fields: readonly Field[], name: Abbreviation): string | undefined {
  return find(fields, ({ abbreviation }) => abbreviation === name)?.shown;
}

function find(fields: readonly Field[], isWanted: (field: Field) => boolean): Field | undefined {
  for (const field of fields) {
    const found = isWanted(field) ? field : find(field.children, isWanted);
    if (found !== undefined) return found;
  }
  return undefined;
}
