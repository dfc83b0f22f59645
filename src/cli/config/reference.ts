/**
 * Generates docs/configuration.md and docs/brooklet.schema.json from the schema, `Limits` and `BrokerSettings` from their
 * tables.
 */

import { DEFAULT_LIMITS, LIMIT_NAMES, LIMITS, rowText } from "../../protocol/limit_table.ts";
import type { Limits } from "../../protocol/limits.ts";
import { SETTING_NAMES, SETTINGS } from "../../protocol/setting_table.ts";
import { UNLIMITED } from "./row.ts";
import { configurationShape, type JsonSchema } from "./shape.ts";

const DOC_COMMENT_CHARACTERS = 115;
const COLUMNS = ["key", "value", "default", "meaning", "mosquitto.conf"];
const OWN_FACTS: readonly string[] = ["unit", "isFixed", "mosquitto"];
const LIMITS_HEAD = `// Made by "deno task configuration" of the table in limit_table.ts.

/** All limits of a broker. Limits below the protocol's own default are announced in CONNACK. */
`;
const SETTINGS_HEAD = `// Made by "deno task configuration" of the table in setting_table.ts.

/** Settings of a broker that are plain values and no limits. */
`;
const HEAD = `# Configuration

\`brooklet --config brooklet.yaml\` reads this file, \`--check-config\` checks it, and \`--print-config\` prints the
configuration in force. A path that does not begin with \`/\` is relative to the folder in which the broker was started.
Each key can be set by a variable as well: \`BROOKLET_LISTENERS__0__URL\` is \`url\` of the first listener,
\`BROOKLET_LIMITS__MAXIMUM_QOS\` is \`limits.maximumQos\`, and for a secret such as \`authentication.jwt.secret\` the variable
\`BROOKLET_AUTHENTICATION__JWT__SECRET_FILE\` names a file with it, whose last line end is ignored. A list or group in a
variable is written as in YAML, as in \`["a", "b"]\`. Options of the command line override variables, and variables override
the file.

SIGHUP reads the file again. A key whose meaning ends with "Fixed until a restart" cannot change then: everything stays as it
was, and the log names the key. Settings and limits of the broker have the names of the options of \`Broker.open\`. The last
column has the key of mosquitto.conf for the same, if there is one.

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

/** Reference of the configuration, in Markdown. */
export function reference(): string {
  const groups: string[] = [];
  addGroup(groups, "", configurationShape());
  return `${HEAD}\n${groups.join("\n")}`;
}

/** JSON Schema for editors. */
export function editorSchema(): string {
  // Facts that JSON Schema does not know are no groups of keys.
  const known = (key: string, value: unknown) => OWN_FACTS.includes(key) && !isSchema(value) ? undefined : value;
  return `${JSON.stringify(configurationShape(), known, 2)}\n`;
}

function isSchema(value: unknown): boolean {
  return typeof value === "object" && value !== null && "type" in value;
}

/** Adds a section for the keys of a group, then those of the groups in it. */
function addGroup(groups: string[], path: string, shape: JsonSchema): void {
  const { properties = {}, required = [] } = shape;
  const rows: string[][] = [];
  const inner: [path: string, shape: JsonSchema][] = [];
  for (const [key, value] of Object.entries(properties)) {
    const within = groupIn(value);
    if (within !== undefined) inner.push([`${path}${key}${value.type === "array" ? "[]" : ""}.`, within]);
    const fallback = required.includes(key) ? "needed" : defaultText(value, path + key);
    const mosquitto = value.mosquitto?.key;
    rows.push([
      `\`${key}\``,
      [kindText(value), value.unit ?? ""].join(" ").trimEnd(),
      fallback,
      value.description ?? "",
      mosquitto === undefined ? "" : `\`${mosquitto}\``,
    ]);
  }
  const name = path === "" ? "The file" : `\`${path.slice(0, -1)}\``;
  groups.push(`## ${name}\n\n${table(rows)}`);
  for (const [path, shape] of inner) {
    // Groups that are the same as for all listeners are described once, as are the rules.
    if (/^listeners\[\]\.(?:tls|authentication|access|limits)\./.test(path)) continue;
    if (/^access\..*rules\[\]\.$|^access\.anonymous/.test(path)) continue;
    addGroup(groups, path, shape);
  }
}

/** Table of keys; the last column is left out where no key is one of mosquitto's. */
function table(rows: readonly (readonly string[])[]): string {
  const columns = rows.some((row) => row.at(-1) !== "") ? COLUMNS : COLUMNS.slice(0, -1);
  const lines = [columns, columns.map(() => "---"), ...rows].map((row) => {
    return `| ${row.slice(0, columns.length).map(cell).join(" | ")} |\n`;
  });
  return lines.join("");
}

function groupIn(shape: JsonSchema): JsonSchema | undefined {
  if (shape.properties !== undefined) return shape;
  const choice = shape.anyOf?.find(({ properties }) => properties !== undefined);
  if (choice !== undefined && Object.keys(choice.properties ?? {}).length > 1) return choice;
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
    const value = DEFAULT_LIMITS[path.slice("limits.".length) as keyof Limits]; // The schema has exactly these names.
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

/** Interface `Limits` with the doc comments of its members, in TypeScript: a table alone would give them none. */
export function limitsInterface(): string {
  const members = LIMIT_NAMES.map((name) => {
    const { default: initial, unit } = LIMITS[name];
    const value = number(initial).replaceAll(",", "_").replace("\u221e", "Infinity");
    return member(name, "number", rowText(LIMITS[name]), `{${value}} ${unit}`.trimEnd());
  });
  return `${LIMITS_HEAD}export interface Limits {\n${members.join("")}}\n`;
}

/** Interface `BrokerSettings` in the same way. */
export function settingsInterface(): string {
  const members = SETTING_NAMES.map((name) => {
    const { default: initial, choices } = SETTINGS[name];
    const type = choices?.map((choice) => JSON.stringify(choice)).join(" | ") ?? typeof initial;
    return member(name, type, rowText(SETTINGS[name]), `{${JSON.stringify(initial)}}`);
  });
  return `${SETTINGS_HEAD}export interface BrokerSettings {\n${members.join("")}}\n`;
}

function member(name: string, type: string, text: string, initial: string): string {
  const comment = lines(text, DOC_COMMENT_CHARACTERS).map((line) => `   * ${line}\n`).join("");
  return `  /**\n${comment}   *\n   * @default ${initial}\n   */\n  readonly ${name}: ${type};\n`;
}

/** Wraps a text into lines of at most `characters`. */
function lines(text: string, characters: number): string[] {
  const done: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > characters) {
      done.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...done, line];
}
