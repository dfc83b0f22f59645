/**
 * Variables that override a configuration: `BROOKLET_LISTENERS__0__URL` is `listeners[0].url`. Names of keys are
 * written in capitals, with or without `_` between their words; `_FILE` after the name of a secret names a file with
 * the secret.
 */

import { ConfigError } from "../config_error.ts";
import { nearest } from "../nearest.ts";
import { presentName } from "./former_names.ts";
import { type ConfigPath, configurationShape, type JsonSchema, keysOf, shapeAt } from "./shape.ts";
import { whyNot } from "../files.ts";
import type { Override } from "./configuration.ts";
import { parseYaml } from "./yaml.ts";

const PREFIX = "BROOKLET_";
/** Variables that Kubernetes sets for a service. */
const OF_SERVICE = /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;

/**
 * Overrides of the environment, in an order in which lists grow; throws {@linkcode ConfigError} for a meaningless name.
 */
export function environmentOverrides(
  environment: Readonly<Record<string, string>>,
  readFile: (path: string) => string,
): Override[] {
  const shape = configurationShape();
  const names = Object.keys(environment).filter((name) => name.startsWith(PREFIX) && isMeant(name, keysOf(shape)));
  const known = new Map<string, string>();
  return names.toSorted((one, other) => one.localeCompare(other, "en", { numeric: true })).map((name) => {
    const text = environment[name] ?? "";
    const { path, isFile } = pathOf(name, shape);
    const other = known.get(JSON.stringify(path));
    if (other !== undefined) throw new ConfigError(`${other} and ${name} set the same: leave one of them out`);
    known.set(JSON.stringify(path), name);
    return {
      path,
      from: name,
      value: isFile ? secretIn(name, text, readFile) : valueOf(name, text, shapeAt(shape, path)),
    };
  });
}

function pathOf(name: string, shape: JsonSchema): { path: ConfigPath; isFile: boolean } {
  const path: PropertyKey[] = [];
  const parts = name.slice(PREFIX.length).split("__");
  for (const [index, part] of parts.entries()) {
    const here = shapeAt(shape, path);
    const keys = keysOf(here);
    const key = keys.find((key) => isSameName(key, part));
    if (key !== undefined) path.push(key);
    else if (/^\d+$/.test(part) && shapeAt(here, [0]) !== undefined) path.push(Number(part));
    else if (keys.length === 0 && shapeAt(here, [part]) !== undefined) {
      const [, secret = part] = /^(.+)_FILE$/i.exec(part) ?? []; // The name of a header has no "_".
      return { path: [...path, secret], isFile: secret !== part };
    } else {
      const secret = keys.find((key) => isSameName(key, part.replace(/_FILE$/, "")));
      const isSecret = secret !== undefined && shapeAt(here, [secret])?.writeOnly === true;
      if (isSecret && index === parts.length - 1) return { path: [...path, secret], isFile: true };
      throw unknownName(name, part, keys);
    }
  }
  return { path, isFile: false };
}

/** Whether a variable is meant for us: Kubernetes sets others for a service of this name, but they have no `__`. */
function isMeant(name: string, keys: readonly string[]): boolean {
  const word = name.slice(PREFIX.length);
  if (word.includes("__") || nearest(word.replaceAll("_", ""), keys) !== undefined) return true;
  const group = keys.map(variableOf).find((key) => word.startsWith(`${key}_`));
  if (group === undefined || OF_SERVICE.test(word)) return false;
  throw new ConfigError(
    `Unknown environment variable ${name}: two "_" stand between a key and what is in it, as in BROOKLET_${group}__`,
  );
}

function variableOf(key: string): string {
  return key.replace(/[A-Z]/g, "_$&").toUpperCase();
}

function camelCase(part: string): string {
  return part.toLowerCase().replace(/_[a-z]/g, (at) => at.slice(1).toUpperCase());
}

function isSameName(key: string, part: string): boolean {
  return key.toLowerCase() === part.replaceAll("_", "").toLowerCase();
}

function unknownName(name: string, part: string, keys: readonly string[]): ConfigError {
  const known = keys.map(variableOf);
  const [group = "", key = ""] = name.slice(PREFIX.length).split("__").map(camelCase);
  const present = presentName(group, key);
  const meant = present === undefined ? nearest(part, known) : PREFIX + variableOf(present);
  const hint = meant === undefined
    ? `there is ${known.length === 0 ? "no more to set there" : known.join(", ")}`
    : `did you mean ${meant}?`;
  return new ConfigError(`Unknown environment variable ${name}: "${part}" means nothing there; ${hint}`);
}

/** Text, if only a text is allowed there; otherwise the value that YAML reads. */
function valueOf(name: string, text: string, shape: JsonSchema | undefined): unknown {
  if (shape?.type === "string" && shape.anyOf === undefined) return text;
  try {
    return parseYaml(text, name).value;
  } catch {
    throw new ConfigError(`${name}: what it says cannot be read as YAML`);
  }
}

function secretIn(name: string, path: string, readFile: (path: string) => string): string {
  try {
    return readFile(path).replace(/\r?\n$/, "");
  } catch (error) {
    throw new ConfigError(`${name}: cannot read "${path}": ${whyNot(error)}`);
  }
}
