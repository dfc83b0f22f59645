/** The schema as JSON Schema, for whoever walks through it: names of keys, descriptions, what is secret. */

import { z } from "zod";
import { configurationSchema } from "./schema.ts";
import type { ConfigPath } from "./yaml_file.ts";

/** As much of JSON Schema as `z.toJSONSchema` makes of our schema. */
export interface JsonSchema {
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly writeOnly?: boolean;
}

/** Of what is written, with defaults left out. */
export function configurationShape(): JsonSchema {
  // It is JSON Schema, and of it these members are read.
  return z.toJSONSchema(configurationSchema, { io: "input", unrepresentable: "any" }) as JsonSchema;
}

/** What stands at a path; `undefined` where nothing may. */
export function shapeAt(shape: JsonSchema | undefined, path: ConfigPath): JsonSchema | undefined {
  let here = shape;
  for (const step of path) {
    if (here === undefined) return undefined;
    const { properties, items, additionalProperties } = withMembers(here);
    if (typeof step === "number") here = items;
    else if (properties !== undefined && Object.hasOwn(properties, step)) here = properties[String(step)];
    else here = typeof additionalProperties === "object" ? additionalProperties : undefined;
  }
  return here;
}

/** Names of the keys that may stand there. */
export function keysOf(shape: JsonSchema | undefined): readonly string[] {
  return shape === undefined ? [] : Object.keys(withMembers(shape).properties ?? {});
}

/** Of a choice the one that has keys or items. */
function withMembers(shape: JsonSchema): JsonSchema {
  return shape.anyOf?.find(({ properties, items }) => properties !== undefined || items !== undefined) ?? shape;
}
