/** Schema as JSON Schema, for code that walks through it: names of keys, descriptions, secrets. */

import { z } from "npm:zod@4.6.7";
import type { RowFacts } from "./row.ts";
import { configurationSchema } from "./settings.ts";

/** Path of a value, from the outermost key on. */
export type ConfigPath = readonly PropertyKey[];

/** Members of JSON Schema that `z.toJSONSchema` uses for our schema. */
export interface JsonSchema extends Partial<RowFacts> {
  readonly type?: string;
  readonly format?: string;
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

/** Shape of a written configuration, where defaults are omitted. */
export function configurationShape(): JsonSchema {
  // It is JSON Schema, of which only these members are read.
  return z.toJSONSchema(configurationSchema, { io: "input", unrepresentable: "any" }) as JsonSchema;
}

/** Shape at a path; `undefined` if nothing is allowed there. */
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

/** Names of the keys that are allowed there. */
export function keysOf(shape: JsonSchema | undefined): readonly string[] {
  return shape === undefined ? [] : Object.keys(withMembers(shape).properties ?? {});
}

/** Alternative of a choice that has keys or items. */
function withMembers(shape: JsonSchema): JsonSchema {
  return shape.anyOf?.find(({ properties, items }) => properties !== undefined || items !== undefined) ?? shape;
}
