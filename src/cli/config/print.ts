import { stringify } from "npm:deno-std@1.4.0/yaml/mod.js";
import { HIDDEN } from "./checks.ts";
import { UNLIMITED } from "./row.ts";
import type { Configuration } from "./settings.ts";
import { configurationShape, type JsonSchema, shapeAt } from "./shape.ts";

/** YAML of the configuration in force, defaults included; secrets are hidden. */
export function effectiveYaml(configuration: Configuration): string {
  return yamlOf(configuration, configurationShape());
}

/** YAML of the written configuration only; secrets are shown. */
export function writtenYaml(written: unknown): string {
  return yamlOf(written, undefined);
}

function yamlOf(value: unknown, shape: JsonSchema | undefined): string {
  return stringify(writable(value, shape), { lineWidth: 120 });
}

/** Hides user, password and query of a URL, which may contain a key. */
function withoutSecrets(text: string): string {
  const url = new URL(text);
  if (url.username === "" && url.password === "" && url.search === "") return text;
  if (url.username !== "" || url.password !== "") url.username = HIDDEN;
  url.password = "";
  if (url.search !== "") url.search = HIDDEN;
  return url.href;
}

/** Value in a form that a file can express. */
function writable(value: unknown, shape: JsonSchema | undefined): unknown {
  if (shape?.writeOnly === true && value !== undefined) return HIDDEN;
  if (shape?.format === "uri" && typeof value === "string") return withoutSecrets(value);
  if (value === Infinity) return UNLIMITED;
  if (typeof value === "string") {
    return shape?.format === "uri" || (shape !== undefined && /^kv:https?:/i.test(value))
      ? withoutCredentials(value)
      : value;
  }
  if (Array.isArray(value)) {
    const items = shapeAt(shape, [0]);
    return value.map((item) => writable(item, items));
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined)
      .map(([key, member]) => [key, writable(member, shapeAt(shape, [key]))]),
  );
}

/** Hides credentials in the URLs of other servers, which may contain keys too. */
function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/?#]*@/, `//${HIDDEN}@`).replace(/[?#].*$/s, `?${HIDDEN}`);
}
