import type { ByteReader } from "./byte_reader.ts";
import { type ByteWriter, LARGEST_VARINT } from "./byte_writer.ts";
import { malformed, protocolError } from "./mqtt_error.ts";
import { unreachable } from "./packet.ts";
import {
  NO_PROPERTIES,
  type Properties,
  PROPERTIES_BY_IDENTIFIER,
  PROPERTY_DEFINITIONS,
  type PropertyDefinition,
  PropertyPlace,
  type UserProperty,
} from "./property.ts";
import { isTopicName } from "./topic_name.ts";

type RepeatedValue = number | string | Uint8Array | UserProperty;
type PropertyValue = RepeatedValue | RepeatedValue[];

/** Decodes Property Length and properties (section 2.2.2) at the reader's position. */
export function readProperties(
  reader: ByteReader,
  place: PropertyPlace,
): Properties {
  const length = reader.varint("Property Length");
  if (length === 0) return NO_PROPERTIES;
  if (length > reader.remaining) {
    throw malformed(
      "Property Length reaches beyond the end of the packet",
      "MQTT 2.2.2.1",
    );
  }
  const end = reader.position + length;
  const placeBit = PropertyPlace[place];
  const properties: Partial<Record<keyof Properties, PropertyValue>> = {};
  while (reader.position < end) {
    const identifier = reader.varint("Property identifier");
    const definition = PROPERTIES_BY_IDENTIFIER[identifier];
    if (definition === undefined) {
      throw malformed(
        `Property 0x${identifier.toString(16)} does not exist`,
        "MQTT 2.2.2.2",
      );
    }
    const { name } = definition;
    if ((definition.places & placeBit) === 0) {
      throw malformed(`${name} may not stand in ${place}`, "MQTT 2.2.2.2");
    }
    const value = readValue(reader, definition);
    const earlier = properties[name];
    if (earlier !== undefined && (definition.repeatable & placeBit) === 0) {
      throw protocolError(`${name} stands twice in ${place}`, "MQTT 2.2.2.2");
    }
    if (definition.repeatable === 0) {
      properties[name] = value;
    } else if (earlier === undefined) {
      properties[name] = [value];
    } else {
      (earlier as RepeatedValue[]).push(value); // The values of a repeatable property are always an array.
    }
  }
  if (reader.position !== end) {
    throw malformed(
      "The last property reaches beyond the Property Length",
      "MQTT 2.2.2.1",
    );
  }
  return properties as Properties; // Each value was read as the type in its row.
}

/** Writes Property Length and properties; throws RangeError for a property that is not allowed in this place. */
export function writeProperties(
  writer: ByteWriter,
  properties: Properties,
  place: PropertyPlace,
): void {
  if (properties === NO_PROPERTIES) {
    writer.byte(0); // [MQTT-2.2.2-1]
    return;
  }
  const mark = writer.beginLength();
  for (const definition of PROPERTY_DEFINITIONS) {
    const value = properties[definition.name] as PropertyValue | undefined; // Typed by the row.
    if (value === undefined) continue;
    if ((definition.places & PropertyPlace[place]) === 0) {
      throw new RangeError(
        `Cannot encode ${place}: property "${definition.name}" may not stand in it`,
      );
    }
    if (definition.repeatable === 0) {
      writeValue(writer, definition, value as RepeatedValue);
    } else {
      const values = value as RepeatedValue[]; // The values of a repeatable property are always an array.
      if (values.length > 1 && (definition.repeatable & PropertyPlace[place]) === 0) {
        throw new RangeError(`Cannot encode ${place}: property "${definition.name}" may stand in it once only`);
      }
      for (const one of values) writeValue(writer, definition, one);
    }
  }
  writer.endLength(mark);
}

function readValue(
  reader: ByteReader,
  definition: PropertyDefinition,
): RepeatedValue {
  const { name, type } = definition;
  switch (type) {
    case "flag": {
      const value = reader.byte(name);
      if (value > 1) {
        throw protocolError(`${name} is ${value}, not 0 or 1`, "MQTT 2.2.2.2");
      }
      return value;
    }
    case "uint16":
      return reader.uint16(name);
    case "positiveUint16":
      return positive(reader.uint16(name), name);
    case "uint32":
      return reader.uint32(name);
    case "positiveUint32":
      return positive(reader.uint32(name), name);
    case "positiveVarint":
      return positive(reader.varint(name), name);
    case "string":
      return reader.string(name);
    case "topic": {
      const topic = reader.string(name);
      if (!isTopicName(topic)) {
        throw protocolError(`${name} is not a Topic Name`, topic === "" ? "MQTT-4.7.3-1" : "MQTT-3.3.2-14");
      }
      return topic;
    }
    case "binary":
      return reader.binary(name);
    case "pair":
      return [reader.string(name), reader.string(name)];
    default:
      return unreachable(type);
  }
}

function positive(value: number, name: string): number {
  if (value === 0) throw protocolError(`${name} is 0`, "MQTT 2.2.2.2");
  return value;
}

/** Writes a value, whose type is that of its row: `Properties` and the table are kept in step. */
function writeValue(
  writer: ByteWriter,
  { identifier, name, type }: PropertyDefinition,
  value: RepeatedValue,
): void {
  writer.byte(identifier);
  switch (type) {
    case "flag":
      return writer.byte(checkedInteger(name, value, 0, 1));
    case "uint16":
      return writer.uint16(checkedInteger(name, value, 0, 0xffff));
    case "positiveUint16":
      return writer.uint16(checkedInteger(name, value, 1, 0xffff));
    case "uint32":
      return writer.uint32(checkedInteger(name, value, 0, 0xffff_ffff));
    case "positiveUint32":
      return writer.uint32(checkedInteger(name, value, 1, 0xffff_ffff));
    case "positiveVarint":
      return writer.varint(checkedInteger(name, value, 1, LARGEST_VARINT));
    case "string":
      return writer.string(value as string);
    case "topic":
      if (!isTopicName(value as string)) {
        throw new RangeError(
          `Cannot encode ${name}: "${value}" is not a Topic Name`,
        );
      }
      return writer.string(value as string);
    case "binary":
      return writer.binary(value as Uint8Array);
    case "pair":
      writer.string((value as UserProperty)[0]);
      return writer.string((value as UserProperty)[1]);
    default:
      return unreachable(type);
  }
}

function checkedInteger(
  name: string,
  value: RepeatedValue,
  least: number,
  most: number,
): number {
  if (
    typeof value === "number" && Number.isInteger(value) && value >= least &&
    value <= most
  ) return value;
  throw new RangeError(
    `Cannot encode ${name}: "${value}" is not an integer between ${least} and ${most}`,
  );
}
