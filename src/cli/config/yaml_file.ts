/**
 * Values come from @std/yaml, which has no positions. If a value is wrong, `yaml` parses the text again and finds its
 * place: one parser decides what a file means, the other only points at it.
 */

import { parse, YamlSyntaxError } from "@std/yaml";
import { isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { ConfigError } from "../config_error.ts";

/** Path of a value, from the outermost key on. */
export type ConfigPath = readonly PropertyKey[];

/** Value of a YAML text; throws {@linkcode ConfigError} with the place. */
export function parseYaml(text: string, file: string): unknown {
  refuseTabs(text, file);
  try {
    return parse(text) ?? {}; // A file with nothing but comments.
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
    const [first = ""] = error.message.split("\n");
    const [, why = first, line, column] = /^(.*?) at line (\d+), column (\d+):?$/.exec(first) ?? [];
    const where = line === undefined ? file : `${file}:${line}:${column}`;
    throw new ConfigError(`${where}: YAML: ${why.charAt(0).toLowerCase()}${why.slice(1)}`);
  }
}

/** Refuses tabs: @std/yaml accepts some, and then indented lines do not belong where they seem to. */
function refuseTabs(text: string, file: string): void {
  if (!/^ *\t/m.test(text)) return;
  const lines = new LineCounter();
  const { errors } = parseDocument(text, { lineCounter: lines });
  const tab = errors.find(({ code }) => code === "TAB_AS_INDENT");
  if (tab === undefined) return;
  throw new ConfigError(`${placeAt(tab.pos[0], lines, file)}: YAML: a tab cannot indent: use spaces`);
}

/** Finds the place of a value or its key; see {@linkcode Places}. The text is parsed at the first question. */
export function yamlPlaces(text: string, file: string): Places {
  const lines = new LineCounter();
  let contents: unknown;
  return (path, part) => {
    contents ??= parseDocument(text, { lineCounter: lines }).contents;
    return yamlPlace(contents, lines, file, path, part);
  };
}

/**
 * Place of a value, or of its key, such as `brooklet.yaml:3:5`; if it is missing, that of its parent. With "key" it is
 * the place of the last key itself.
 */
type Places = (path: ConfigPath, part: "key" | "value") => string;

function yamlPlace(
  contents: unknown,
  lines: LineCounter,
  file: string,
  path: ConfigPath,
  part: "key" | "value",
): string {
  let node = contents;
  let offset = offsetOf(node);
  for (const [index, step] of path.entries()) {
    const next = childOf(node, step);
    if (next === undefined) break; // It is missing, or is reached through an alias.
    node = next.value;
    const isLast = index === path.length - 1;
    offset = (isLast && part === "key" ? undefined : offsetOf(node)) ?? offsetOf(next.key) ?? offset;
  }
  return offset === undefined ? file : placeAt(offset, lines, file);
}

function placeAt(offset: number, lines: LineCounter, file: string): string {
  const { line, col } = lines.linePos(offset);
  return `${file}:${line}:${col}`;
}

function childOf(node: unknown, step: PropertyKey): { key: unknown; value: unknown } | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === step);
    return pair === undefined ? undefined : { key: pair.key, value: pair.value };
  }
  if (!isSeq(node) || typeof step !== "number" || node.items[step] === undefined) return undefined;
  return { key: node.items[step], value: node.items[step] };
}

function offsetOf(node: unknown): number | undefined {
  if (typeof node !== "object" || node === null || !("range" in node) || !Array.isArray(node.range)) return undefined;
  const [start]: unknown[] = node.range;
  return typeof start === "number" ? start : undefined;
}
