/** Properties of MQTT 5 as fields (section 2.2.2). */

import type { Abbreviation, FieldReader } from "./dissector_fields.ts";

/** Properties whose value has one byte. */
const BYTES: ReadonlySet<number> = new Set([0x01, 0x17, 0x19, 0x25, 0x28, 0x29, 0x2a]);
const UINT16S: ReadonlySet<number> = new Set([0x13, 0x21, 0x22]);
const UINT32S: ReadonlySet<number> = new Set([0x02, 0x11, 0x18, 0x27]);
const TEXTS: ReadonlySet<number> = new Set([0x08, 0x09, 0x12, 0x15, 0x16, 0x1a, 0x1c, 0x1f]);
const AUTHENTICATION_DATA = 0x16;

/** Values of properties that other fields depend on. */
export interface ReadProperties {
  topicAlias?: number;
  /** Ranges that have Authentication Data, or may have it. */
  readonly secrets: { readonly start: number; readonly end: number }[];
}

/** Reads Property Length and properties, as a group of fields. */
export function readPropertyFields(
  reader: FieldReader,
  found: ReadProperties,
  abbreviation: Abbreviation = "mqtt.properties",
): void {
  const start = reader.position;
  const length = reader.peekVarint();
  const end = reader.position + length;
  reader.position = start;
  reader.group(abbreviation, end - start, () => {
    reader.varint("mqtt.property_len");
    while (reader.position < end) readProperty(reader, end, found);
    reader.position = end; // Property Length counts, even if the last property is longer.
  });
}

function readProperty(reader: FieldReader, end: number, found: ReadProperties): void {
  const identifier = reader.uint("mqtt.property_id", 1);
  if (BYTES.has(identifier)) {
    reader.uint("mqtt.prop_number", 1);
  } else if (UINT16S.has(identifier)) {
    reader.uint("mqtt.prop_number", 2);
  } else if (UINT32S.has(identifier)) {
    reader.uint("mqtt.prop_number", 4);
  } else if (TEXTS.has(identifier)) {
    const start = reader.position + 2;
    try {
      reader.text("mqtt.prop_string_len", "mqtt.prop_string");
    } finally {
      if (identifier === AUTHENTICATION_DATA) found.secrets.push({ start, end: reader.position });
    }
  } else {
    switch (identifier) {
      case 0x03:
        return reader.countedText("mqtt.property.content_type");
      case 0x0b:
        return void reader.varint("mqtt.prop_number");
      case 0x23:
        found.topicAlias = reader.uint("mqtt.property.topic_alias", 2);
        return;
      case 0x24:
        return void reader.uint("mqtt.property.max_qos", 1);
      case 0x26:
        reader.text("mqtt.prop_key_len", "mqtt.prop_key");
        return void reader.text("mqtt.prop_value_len", "mqtt.prop_value");
      default: // The length of its value is unknown, so it may be followed by Authentication Data.
        found.secrets.push({ start: reader.position, end: Math.min(end, reader.end) });
        return void reader.textOf("mqtt.prop_unknown", end - reader.position);
    }
  }
}
