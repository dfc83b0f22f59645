/**
 * Reads YAML 1.2 with `yaml`, which knows where each value stands: a complaint names the line and column of the key or
 * value that is wrong. `@std/yaml` has no positions; it writes YAML, see print.ts.
 */

import {
  Alias,
  type Document,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
} from "npm:yaml@2.9.1";
import { ConfigError } from "../config_error.ts";
import type { ConfigPath } from "./shape.ts";

/** Value of a YAML text, and where its parts stand. */
export interface Yaml {
  readonly value: unknown;
  /**
   * Place of a value, or of its key, such as `brooklet.yaml:3:5`; if it is missing, that of its parent. With "key" it
   * is the place of the last key itself.
   */
  place(path: ConfigPath, part: "key" | "value"): string;
}

/** Reads the YAML text of a file; throws {@linkcode ConfigError} with the place of the first error. */
export function parseYaml(text: string, file: string): Yaml {
  const lines = new LineCounter();
  const placeOf = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const document = parseDocument(text, {
    lineCounter: lines,
    merge: true,
    prettyErrors: false,
    logLevel: "error",
    customTags: (tags) => [LEADING_ZERO, GROUPED_DIGITS, ...tags],
  });
  // Other warnings are about style, such as the bracket that ends a list at the column of its key.
  const unknownTags = document.warnings.filter(({ code }) => code === "TAG_RESOLVE_FAILED");
  const [error] = [...document.errors, ...unknownTags].toSorted((one, other) => one.pos[0] - other.pos[0]);
  if (error !== undefined) {
    const why = OUR_WORDS[error.code] ?? `${error.message.charAt(0).toLowerCase()}${error.message.slice(1)}`;
    throw new ConfigError(`${placeOf(error.pos[0])}: YAML: ${why}`);
  }
  refuseUnknownAlias(document, placeOf);
  return {
    value: valueOf(document, file),
    place(path, part) {
      const offset = offsetAt(document.contents, path, part);
      return offset === undefined ? file : placeOf(offset);
    },
  };
}

/** Integers such as `1_000_000`, which YAML 1.1 knows and YAML 1.2 does not. */
const GROUPED_DIGITS = {
  tag: "tag:yaml.org,2002:int",
  default: true,
  test: /^[-+]?\d+(?:_\d+)+$/,
  resolve: (text: string) => Number(text.replaceAll("_", "")),
};

/** Numbers such as `017` and `0o17`: 15 or 17 by the version of YAML, so they are texts, which `@std/yaml` relies on. */
const LEADING_ZERO = {
  tag: "tag:yaml.org,2002:str",
  default: true,
  test: /^[-+]?0[o\d][\d_.eE+-]*$/,
  resolve: (text: string) => text,
};

/** Words for errors whose own words are about programs. */
const OUR_WORDS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "a tab cannot indent: use spaces",
  DUPLICATE_KEY: "this key is there twice",
  MULTIPLE_DOCS: "a second document begins here: a configuration is one",
};

function refuseUnknownAlias(document: Document, placeOf: (offset: number) => string): void {
  const known = new Set<string>();
  visit(document, {
    Node(_, node) {
      if (node instanceof Alias) {
        if (known.has(node.source)) return;
        throw new ConfigError(
          `${placeOf(node.range?.[0] ?? 0)}: YAML: there is no "&${node.source}" before this alias`,
        );
      }
      if ("anchor" in node && typeof node.anchor === "string") known.add(node.anchor);
    },
  });
}

function valueOf(document: Document, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // Aliases that multiply each other.
    throw new ConfigError(`${file}: YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function offsetAt(contents: unknown, path: ConfigPath, part: "key" | "value"): number | undefined {
  let node = contents;
  let offset = offsetOf(node);
  for (const [index, step] of path.entries()) {
    const next = childOf(node, step);
    if (next === undefined) break; // It is missing, or is reached through an alias.
    node = next.value;
    const isLast = index === path.length - 1;
    offset = (isLast && part === "key" ? undefined : offsetOf(node)) ?? offsetOf(next.key) ?? offset;
  }
  return offset;
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
