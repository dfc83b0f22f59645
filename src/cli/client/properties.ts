import { type Properties, PROPERTY_DEFINITIONS, type PropertyDefinition, PropertyPlace } from "../../codec/property.ts";
import { ArgumentError } from "./arguments.ts";

/** Properties of `-D`, for each packet that takes some. */
export interface PropertiesByPacket {
  readonly connect: Properties;
  readonly publish: Properties;
  readonly subscribe: Properties;
  readonly unsubscribe: Properties;
  readonly disconnect: Properties;
  readonly will: Properties;
}

const PLACES = ["connect", "publish", "subscribe", "unsubscribe", "disconnect", "will"] as const;
const MOST_BYTES = 65_535;
const LARGEST = {
  flag: 1,
  uint16: 0xffff,
  positiveUint16: 0xffff,
  uint32: 0xffff_ffff,
  positiveUint32: 0xffff_ffff,
  positiveVarint: 268_435_455,
} as const;

/** Parses the words after each `-D`: packet, property and value. Throws {@linkcode ArgumentError}. */
export function parseProperties(given: readonly (readonly string[])[]): PropertiesByPacket {
  const properties = {
    connect: {},
    publish: {},
    subscribe: {},
    unsubscribe: {},
    disconnect: {},
    will: {},
  } satisfies PropertiesByPacket;
  for (const [packet = "", identifier = "", ...values] of given) {
    const definition = definitionOf(packet, identifier);
    const place = PLACES.find((place) => place === packet.toLowerCase());
    if (place === undefined || (place === "publish" && definition.name === "subscriptionIdentifiers")) {
      throw new ArgumentError(`${identifier} property not supported for ${packet} in --property argument.`);
    }
    properties[place] = withProperty(properties[place], definition, identifier, values, packet);
  }
  return properties;
}

function definitionOf(packet: string, identifier: string): PropertyDefinition {
  const place = packet.toLowerCase();
  if (!Object.hasOwn(PropertyPlace, place)) throw new ArgumentError("Invalid command given in --property argument.");
  const definition = PROPERTY_DEFINITIONS.find(({ name }) => propertyName(name) === identifier);
  if (definition === undefined) throw new ArgumentError("Invalid property name given in --property argument.");
  if ((definition.places & PropertyPlace[place as PropertyPlace]) === 0) { // It is one of its keys.
    throw new ArgumentError(`${identifier} property not allowed for ${packet} in --property argument.`);
  }
  return definition;
}

/** Name of a property as in the specification, with "-" between the words. */
export function propertyName(name: keyof Properties): string {
  if (name === "userProperties") return "user-property";
  if (name === "subscriptionIdentifiers") return "subscription-identifier";
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function withProperty(
  properties: Properties,
  { name, type }: PropertyDefinition,
  identifier: string,
  [value = "", second = ""]: readonly string[],
  packet: string,
): Properties {
  if (name === "userProperties") {
    return { ...properties, userProperties: [...properties.userProperties ?? [], [value, second]] };
  }
  if (properties[name] !== undefined) {
    throw new ArgumentError(`in ${packet.toUpperCase()} properties: Duplicate property in property list`);
  }
  switch (type) {
    case "string":
    case "topic":
    case "pair":
      return { ...properties, [name]: value };
    case "binary": {
      const bytes = new TextEncoder().encode(value);
      if (bytes.length > MOST_BYTES) throw new ArgumentError(`Property value too long for property ${identifier}.`);
      return { ...properties, [name]: bytes };
    }
    default: {
      const number = integerBetween(value, identifier, type.startsWith("positive") ? 1 : 0, LARGEST[type]);
      return { ...properties, [name]: name === "subscriptionIdentifiers" ? [number] : number };
    }
  }
}

function integerBetween(text: string, identifier: string, least: number, most: number): number {
  const value = Number(text);
  if (/^-?\d+$/.test(text) && value >= least && value <= most) return value;
  throw new ArgumentError(`Property value (${text}) out of range for property ${identifier}.`);
}
