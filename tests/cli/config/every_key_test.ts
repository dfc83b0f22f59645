/** Each key of the configuration, set to what it cannot be: no complaint is in the words of the schema library. */

import { assert, assertEquals } from "@std/assert";
import { complaintsOf } from "../../../src/cli/config/configuration.ts";
import { configurationSchema } from "../../../src/cli/config/settings.ts";
import { configurationShape, type JsonSchema } from "../../../src/cli/config/shape.ts";
import { LIMITS } from "../../../src/protocol/limit_table.ts";

type Path = readonly (string | number)[];
/** A wrong value of a key, and what is said of it; `undefined` is a key that is missing. */
type Wrong = readonly [path: Path, value: unknown, why: string];

const EMPTY = "is left empty: leave the key out, or set it";
const LARGEST = Number.MAX_SAFE_INTEGER;
/** Of keys that may be one of several kinds. */
const CHOICES: Readonly<Record<string, string>> = {
  "paths": 'is not "any" or a list of paths, such as "/mqtt"',
  "destinations.0": 'is not "stderr", "stdout", "topic" or a "file"',
  "admin": "is not true, false, or a group of keys",
  "until": 'is not a time such as "2026-12-31T23:59:00Z"',
};

Deno.test("Every key of the configuration that is set to what it cannot be is told in words of its own", () => {
  const rows = [...wrongIn(configurationShape(), [])];
  assert(rows.length > 500);
  const told = rows.map(([path, value]): Wrong => [path, value, whyNot(path, value)]);
  assertEquals(told, rows);
});

/** What is said of a value, behind the name of its key. */
function whyNot(path: Path, value: unknown): string {
  const { error } = configurationSchema.safeParse(written(path, value), { reportInput: true });
  const complaints = complaintsOf(error?.issues ?? []);
  for (const { why } of complaints) assert(/^(?:Unknown key )?"[\w.[\]]+"[ :]|^Cannot /.test(why), why); // They name a key.
  const own = complaints.filter((complaint) => complaint.path.join(".") === path.join("."));
  return own.map(({ why }) => why.replace(/^"[^"]*" (?=is )/, "")).join("; ");
}

/** A configuration with this value, and around it nothing but what it stands in. */
function written(path: Path, value: unknown): unknown {
  return path.toReversed().reduce<unknown>(
    (inner, step) => typeof step === "number" ? [inner] : inner === undefined ? {} : { [step]: inner },
    value,
  );
}

function* wrongIn(shape: JsonSchema, path: Path): Generator<Wrong> {
  const { type, properties, items, additionalProperties, required = [], anyOf } = shape;
  yield* wrongValues(shape, path).map(([value, why]): Wrong => [path, value, why]);
  for (const [key, inner] of Object.entries(properties ?? {})) {
    if (required.includes(key)) yield [[...path, key], undefined, "is missing"];
    yield* wrongIn(inner, [...path, key]);
  }
  const group = path.length === 1 ? anyOf?.find((choice) => choice.type === "object") : undefined;
  if (group !== undefined) yield* wrongIn(group, path).filter(([inner]) => inner.length > path.length);
  if (type === "array" && items !== undefined) yield* wrongIn(items, [...path, 0]);
  if (typeof additionalProperties === "object") yield* wrongIn(additionalProperties, [...path, "x"]);
  if (type === "object" && path.length > 0 && additionalProperties === false) {
    const keys = Object.keys(properties ?? {}).join(", ");
    const name = [...path, "xylophone"].map((step) => typeof step === "number" ? `[${step}]` : `.${step}`).join("");
    yield [[...path, "xylophone"], 1, `Unknown key "${name.slice(1)}": there is ${keys}`];
  }
}

function wrongValues(shape: JsonSchema, path: Path): [value: unknown, why: string][] {
  const { type, enum: choices, minimum = 0, maximum = LARGEST } = shape;
  const key = String(path.at(-1));
  const choice = Object.entries(CHOICES).find(([end]) => path.join(".").endsWith(end) && !path.includes("areas"));
  if (path.length === 0) return [];
  if (choice !== undefined) return [["?", choice[1]], [null, EMPTY], [5, choice[1]]];
  if (path.includes("limits") && Object.hasOwn(LIMITS, key)) return wrongLimits(key);
  if (choices !== undefined) {
    const words = choices.map((word) => typeof word === "string" ? `"${word}"` : String(word));
    const why = `is not ${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
    return [["?", why], [null, EMPTY], [{}, why]];
  }
  switch (type) {
    case "array":
      return [[null, EMPTY], [{}, "is not a list"], ["a", "is not a list"]];
    case "object":
      return [[null, EMPTY], [[], "is not a group of keys"], ["a", "is not a group of keys"]];
    case "boolean":
      return [[null, EMPTY], ["yes", "is not true or false"], [1, "is not true or false"]];
    case "string":
      return [[null, EMPTY], [5, "is not a text; put it between quotes"], [[], "is not a text; put it between quotes"]];
    default:
      return [
        [null, EMPTY],
        ["5", "is not a number"],
        [Infinity, "is not a number"],
        ...type === "number" ? [] : [[minimum + 0.5, "is not an integer"] as [unknown, string]],
        [minimum - 1, `is less than ${minimum}`],
        [1e300, `is more than ${maximum}`],
      ];
  }
}

function wrongLimits(name: string): [value: unknown, why: string][] {
  const { least, most } = LIMITS[name as keyof typeof LIMITS]; // It is its own key.
  const range = most === Infinity ? `of at least ${least}, or "unlimited"` : `between ${least} and ${most}`;
  const why = `is not an integer ${range}`;
  return [[null, EMPTY], ...["endless", [], least + 0.5].map((value): [unknown, string] => [value, why])];
}
