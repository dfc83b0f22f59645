import type { z } from "npm:zod@4.6.7";
import { ConfigError } from "../config_error.ts";
import { suggestion, unitAdvice } from "../nearest.ts";
import { FORMER_NAMES, presentName, presentNamesIn } from "./former_names.ts";
import { type Configuration, configurationSchema } from "./settings.ts";
import { type ConfigPath, configurationShape, keysOf, shapeAt } from "./shape.ts";

const MS_PER_SECOND = 1_000;

/** Configuration as it was written, not yet checked. */
export interface Written {
  readonly value: unknown;
  /** Place of a part, such as `brooklet.yaml:3:5`; `undefined` if that has no meaning. */
  place(path: ConfigPath, part: "key" | "value"): string | undefined;
  /** Warnings about settings that are accepted, but differ from their origin. */
  readonly warnings: readonly string[];
  /** Whether it is a mosquitto.conf. */
  readonly isOfMosquitto?: boolean;
}

/** Value that replaces a written one. */
export interface Override {
  readonly path: ConfigPath;
  readonly value: unknown;
  /** Origin, for complaints. */
  readonly from: string;
}

/** Written configuration with present names of keys in place of former ones, which are read with a warning. */
export function underPresentNames(written: Written): Written {
  if (!isGroup(written.value)) return written;
  const value = { ...written.value };
  const warnings = [...written.warnings];
  const formerPaths = new Map<string, ConfigPath>();
  for (const group of Object.keys(FORMER_NAMES)) {
    const members = value[group];
    if (!isGroup(members)) continue;
    const others = { ...members };
    for (const key of Object.keys(members)) {
      const name = presentName(group, key);
      if (name === undefined || Object.hasOwn(value, name)) continue;
      value[name] = key === "intervalSeconds" ? inMs(members[key]) : members[key];
      delete others[key];
      formerPaths.set(name, [group, key]);
      const unit = key === "intervalSeconds" ? ", in milliseconds" : "";
      warnings.push(
        `${written.place([group, key], "key")}: "${group}.${key}" has another name: write "${name}"${unit}`,
      );
    }
    if (Object.keys(others).length === 0) delete value[group];
    else value[group] = others;
  }
  return {
    ...written,
    value,
    warnings,
    place: (path, part) => written.place(formerPaths.get(String(path[0])) ?? path, part),
  };
}

/** Configuration with its defaults; throws {@linkcode ConfigError} with everything that is wrong. */
export function configurationOf(written: Written, overrides: readonly Override[] = []): Configuration {
  const whole = withOverrides(written.value, overrides);
  const { success, data, error } = configurationSchema.safeParse(whole, { reportInput: true });
  if (success) return data;
  const [first = "The configuration cannot be used", ...others] = complaintsOf(error.issues).map((complaint) => {
    const { path, part, why } = complaint;
    const from = overrides.findLast((override) => isWithin(path, override.path))?.from ?? written.place(path, part);
    return from === undefined ? why : `${from}: ${why}`;
  });
  throw new ConfigError(first, others);
}

function isWithin(path: ConfigPath, outer: ConfigPath): boolean {
  return outer.every((step, index) => path[index] === step);
}

function inMs(seconds: unknown): unknown {
  return typeof seconds === "number" ? seconds * MS_PER_SECOND : seconds;
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Copy of a written configuration with the overrides; the original stays unchanged. */
function withOverrides(written: unknown, overrides: readonly Override[]): unknown {
  return overrides.reduce<unknown>((whole, override) => replaced(whole, override.path, override), written);
}

function replaced(whole: unknown, [step, ...rest]: ConfigPath, override: Override): unknown {
  if (step === undefined) return override.value;
  if (typeof step !== "number") {
    const members = typeof whole === "object" && whole !== null && !Array.isArray(whole) ? whole : {};
    const own: unknown = Object.hasOwn(members, step) ? Reflect.get(members, step) : undefined;
    return { ...members, [step]: replaced(own, rest, override) };
  }
  const items: readonly unknown[] = Array.isArray(whole) ? whole : [];
  if (step > items.length) {
    throw new ConfigError(`${override.from}: there is no item ${step - 1} in front of item ${step}; they count from 0`);
  }
  const item = replaced(items[step], rest, override);
  return step === items.length ? [...items, item] : items.with(step, item);
}

/** Violation of the schema. */
export interface Complaint {
  readonly path: ConfigPath;
  /** Whether it is about the key, or about its value. */
  readonly part: "key" | "value";
  readonly why: string;
}

type Issue = z.core.$ZodIssue;

/**
 * Describes what is wrong to the author of a configuration. Values are not repeated: they may be secret.
 *
 * @param given issues with the values they are about (`reportInput`)
 */
export function complaintsOf(given: readonly Issue[]): Complaint[] {
  const issues = given.flatMap(issuesOfChoice);
  const shape = issues.some(({ code }) => code === "unrecognized_keys") ? configurationShape() : undefined;
  const ofPlaces = Map.groupBy(issues, ({ path }) => pathText(path));
  return issues.flatMap((issue): Complaint[] => {
    const { path } = issue;
    if (issue.code === "unrecognized_keys") {
      const known = keysOf(shapeAt(shape, path));
      return issue.keys.map((key) => ({ path: [...path, key], part: "key", why: unknownKey(path, key, known) }));
    }
    const place = pathText(path);
    if (ofPlaces.get(place)?.some((other) => other !== issue && saysMore(other, issue))) return [];
    const why = whyNot(issue).replace(/^is not (?:a number|an integer).*$/, (text) => text + unitAdvice(issue.input));
    return [{ path, part: "value", why: why.startsWith("Cannot ") ? why : `${place} ${why}` }];
  });
}

/** Issues of the choice that was meant, which is the only one of this kind of value; the issue itself if there is none. */
function issuesOfChoice(issue: Issue): Issue[] {
  if (issue.code !== "invalid_union") return [issue];
  const meant = issue.errors.filter((issues) => !issues.some(({ code, path }) => isOfKind(code) && path.length === 0));
  const [only = [issue]] = meant;
  if (meant.length !== 1) return [issue];
  return only.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })).flatMap(issuesOfChoice);
}

function isOfKind(code: Issue["code"]): boolean {
  return code === "invalid_type" || code === "invalid_value";
}

/** Text of a path, such as `"listeners[0].url"`; `The configuration` for all of it. */
export function pathText(path: ConfigPath): string {
  if (path.length === 0) return "The configuration";
  const steps = path.map((step) => typeof step === "number" ? `[${step}]` : `.${String(step)}`);
  return `"${steps.join("").replace(/^\./, "")}"`;
}

/** Complaint about an unknown key, with the key that was probably meant, or those that exist. */
function unknownKey(path: ConfigPath, key: string, known: readonly string[]): string {
  const present = path.length === 0 ? presentNamesIn(key) : [];
  const hint = present.length === 0 ? suggestion(key, known) : `did you mean "${present.join('" or "')}"?`;
  return `Unknown key ${pathText([...path, key])}: ${hint}`;
}

/** Whether another issue of the same place suffices: one about the kind of value, or about its maximum. */
function saysMore(other: Issue, issue: Issue): boolean {
  return (other.code === "invalid_type" && issue.code !== "invalid_type") ||
    (issue.code === "too_big" && issue.maximum === Number.MAX_SAFE_INTEGER);
}

function whyNot(issue: Issue): string {
  if (KIND_CODES.includes(issue.code)) {
    if (issue.input === undefined) return "is missing";
    if (issue.input === null) return "is left empty: leave the key out, or set it"; // Everything in it may be commented out.
  }
  if (OUR_WORDS.test(issue.message)) return issue.message;
  switch (issue.code) {
    case "invalid_type":
      return `is not ${KINDS[issue.expected]}`;
    case "invalid_value":
      return `is not ${listed(issue.values.map((value) => typeof value === "string" ? `"${value}"` : String(value)))}`;
    case "too_small":
      return issue.origin === "int" || issue.origin === "number" ? `is less than ${issue.minimum}` : issue.message;
    case "too_big":
      return issue.origin === "int" || issue.origin === "number" ? `is more than ${issue.maximum}` : issue.message;
    default:
      return issue.message;
  }
}

const KIND_CODES: readonly Issue["code"][] = ["invalid_type", "invalid_value", "invalid_union"];
const OUR_WORDS = /^(?:is|has|needs|cannot) /;
const KINDS: Partial<Record<z.core.$ZodInvalidTypeExpected, string>> = {
  string: "a text; put it between quotes",
  number: "a number",
  int: "an integer",
  boolean: "true or false",
  array: "a list",
  object: "a group of keys",
  record: "a group of keys",
};

function listed(words: readonly string[]): string {
  const [last = "", ...others] = words.toReversed();
  return others.length === 0 ? last : `${others.toReversed().join(", ")} or ${last}`;
}
