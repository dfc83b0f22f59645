/** docs/configuration.md and docs/brooklet.schema.json, made of the schema. */

import { DEFAULT_LIMITS, type Limits } from "../../protocol/limits.ts";
import { UNLIMITED } from "./limits_schema.ts";
import { configurationShape, type JsonSchema } from "./schema_shape.ts";

const HEAD = `# Configuration

\`brooklet --config brooklet.yaml\` reads this file, \`--check-config\` says whether it can be used, and \`--print-config\` prints
what is in force. A path that does not begin with \`/\` is seen from the folder in which the broker was started. Each key can
be set by a variable as well: \`BROOKLET_LISTENERS__0__URL\` is \`url\` of the first listener, \`BROOKLET_LIMITS__MAXIMUM_QOS\` is
\`limits.maximumQos\`, and for a secret such as \`authentication.jwt.secret\` the variable
\`BROOKLET_AUTHENTICATION__JWT__SECRET_FILE\` names a file with it (one line end behind it is not part of it). A list or
group in a variable is written as in YAML, as in \`["a", "b"]\`. Options of the command line override variables, and
variables override the file.

For completion in an editor, begin the file with

\`\`\`yaml
# yaml-language-server: $schema=brooklet.schema.json
\`\`\`

and put [brooklet.schema.json](brooklet.schema.json) beside it. Ten lines that serve others over TLS:

\`\`\`yaml
listeners:
  - url: mqtts://*:8883
  - url: wss://*:8084/mqtt
tls:
  certificate: /etc/letsencrypt/live/mqtt.example.com/fullchain.pem
  key: /etc/letsencrypt/live/mqtt.example.com/privkey.pem
authentication:
  passwordFile: /etc/brooklet/passwords
access:
  everyone: [{ access: readwrite, pattern: "users/%u/#" }]
\`\`\`

This page is made by \`deno task configuration\` from the schema that the program checks files with.
`;

/** The reference, in Markdown. @param limitsSource text of src/protocol/limits.ts */
export function referenceOf(limitsSource: string): string {
  const groups: string[] = [];
  addGroup(groups, "", described(configurationShape(), limitsSource));
  return `${HEAD}\n${groups.join("\n")}`;
}

/** JSON Schema for editors. @param limitsSource text of src/protocol/limits.ts */
export function editorSchema(limitsSource: string): string {
  return `${JSON.stringify(described(configurationShape(), limitsSource), null, 2)}\n`;
}

/** A section for the keys of a group, then those of the groups in it. */
function addGroup(groups: string[], path: string, shape: JsonSchema): void {
  const { properties = {}, required = [] } = shape;
  const rows: string[] = [];
  const inner: [path: string, shape: JsonSchema][] = [];
  for (const [key, value] of Object.entries(properties)) {
    const within = groupIn(value);
    if (within !== undefined) inner.push([`${path}${key}${value.type === "array" ? "[]" : ""}.`, within]);
    const fallback = required.includes(key) ? "needed" : defaultText(value, path + key);
    rows.push(`| \`${key}\` | ${cell(kindText(value))} | ${cell(fallback)} | ${cell(value.description ?? "")} |`);
  }
  const name = path === "" ? "The file" : `\`${path.slice(0, -1)}\``;
  groups.push(`## ${name}\n\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`);
  for (const [path, shape] of inner) {
    // What is the same as for all listeners is told once, as are the rules.
    if (/^listeners\[\]\.(?:tls|authentication|access|limits)\./.test(path)) continue;
    if (/^access\..*rules\[\]\.$|^access\.anonymous/.test(path)) continue;
    addGroup(groups, path, shape);
  }
}

function groupIn(shape: JsonSchema): JsonSchema | undefined {
  if (shape.properties !== undefined) return shape;
  return shape.items === undefined ? undefined : groupIn(shape.items);
}

function kindText(shape: JsonSchema): string {
  const { type, anyOf, items, minimum, maximum } = shape;
  const choices = shape.enum ?? (shape.const === undefined ? undefined : [shape.const]);
  if (choices !== undefined) return [...new Set(choices.map(String))].map((choice) => `\`${choice}\``).join(", ");
  if (anyOf !== undefined) {
    return anyOf.filter((choice) => !("not" in choice)).map(kindText).join(" or ");
  }
  switch (type) {
    case "array":
      return items === undefined ? "list" : `list of ${kindText(items)}`;
    case "object":
      return "group";
    case "boolean":
      return "true, false";
    case "string":
      return "text";
    default:
      return `${number(minimum ?? 0)} to ${maximum === Number.MAX_SAFE_INTEGER ? "any" : number(maximum ?? 0)}`;
  }
}

function defaultText(shape: JsonSchema, path: string): string {
  if (path.startsWith("limits.")) {
    const value = DEFAULT_LIMITS[path.slice("limits.".length) as keyof Limits]; // The schema has just these names.
    return value === Infinity ? UNLIMITED : number(value);
  }
  const value = shape.default;
  if (value === undefined || (typeof value === "object" && value !== null && Object.keys(value).length === 0)) {
    return "";
  }
  return path === "listeners" ? "both loopback addresses" : `\`${JSON.stringify(value)}\``;
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

/** With what the source says of each limit, where alone it is said. */
function described(shape: JsonSchema, limitsSource: string): JsonSchema {
  const texts = limitTexts(limitsSource);
  const withTexts = (limits: JsonSchema): JsonSchema => ({
    ...limits,
    properties: Object.fromEntries(
      Object.entries(limits.properties ?? {}).map((
        [name, value],
      ) => [name, { description: texts.get(name) ?? "", ...value }]),
    ),
  });
  const { limits = {}, listeners = {} } = shape.properties ?? {};
  const listener = listeners.items ?? {};
  return {
    ...shape,
    properties: {
      ...shape.properties,
      listeners: {
        ...listeners,
        items: {
          ...listener,
          properties: { ...listener.properties, limits: withTexts(listener.properties?.limits ?? {}) },
        },
      },
      limits: withTexts(limits),
    },
  };
}

/** First paragraphs of the comments, by name. */
function limitTexts(source: string): Map<string, string> {
  const texts = new Map<string, string>();
  for (
    const [, comment = "", name = ""] of source.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\s*readonly (\w+): number;/g)
  ) {
    const lines = comment.split("\n").map((line) => line.replace(/^\s*\*? ?/, "").trim());
    const end = lines.findIndex((line) => line.startsWith("@default"));
    texts.set(name, lines.slice(0, end === -1 ? undefined : end).join(" ").trim());
  }
  return texts;
}
