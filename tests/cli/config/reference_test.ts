import { assert, assertEquals } from "@std/assert";
import { configurationOf } from "../../../src/cli/config/configuration.ts";
import { effectiveYaml } from "../../../src/cli/config/print.ts";
import { withTables } from "../../../docs/from_mosquitto.ts";
import { editorSchema, limitsInterface, reference, settingsInterface } from "../../../src/cli/config/reference.ts";
import { configurationShape, type JsonSchema } from "../../../src/cli/config/shape.ts";
import { parseYaml } from "../../../src/cli/config/yaml.ts";
import { mosquittoKeys } from "../../../src/cli/mosquitto/keys.ts";

const REPOSITORY = new URL("../../../", import.meta.url);

Deno.test('docs/configuration.md is what "deno task configuration" makes of the schema', async () => {
  assertEquals(read("docs/configuration.md"), await formatted(reference(), "md"));
});

Deno.test('docs/brooklet.schema.json is what "deno task configuration" makes of the schema', async () => {
  assertEquals(read("docs/brooklet.schema.json"), await formatted(editorSchema(), "json"));
});

Deno.test("docs/from_mosquitto.md says of each key of mosquitto.conf what the converter makes of it", async () => {
  const page = read("docs/from_mosquitto.md");
  assertEquals(page, await formatted(withTables(page), "md"));
});

Deno.test('src/protocol/limits.ts is what "deno task configuration" makes of the table of limits', () => {
  assertEquals(read("src/protocol/limits.ts"), limitsInterface());
});

Deno.test('src/protocol/settings.ts is what "deno task configuration" makes of the table of settings', () => {
  assertEquals(read("src/protocol/settings.ts"), settingsInterface());
});

Deno.test("Every key of the configuration says what it means", () => {
  const silent: string[] = [];
  const visit = (shape: JsonSchema, path: string) => {
    for (const [key, value] of Object.entries(shape.properties ?? {})) {
      if (!value.description) silent.push(path + key);
      visit(value, `${path}${key}.`);
    }
    if (shape.items !== undefined) visit(shape.items, path);
    for (const choice of shape.anyOf ?? []) visit(choice, path);
  };
  visit(JSON.parse(editorSchema()), "");
  assertEquals(silent, []);
});

Deno.test("The example in docs/configuration.md can be used", () => {
  const examples = [...read("docs/configuration.md").matchAll(/```yaml\n([^]*?)```/g)].map(([, yaml = ""]) => yaml);
  for (const yaml of examples) {
    configurationOf({ value: parseYaml(yaml, "a.yaml").value ?? {}, place: () => undefined, warnings: [] });
  }
  assertEquals(examples.length, 2);
});

const AWKWARD = [
  "123",
  "1e3",
  "0x10",
  "0o17",
  "017",
  "00.5",
  "-00.E-1",
  "1_000",
  "<<",
  "null",
  "~",
  "yes",
  "2026-12-31",
  "1:20",
  "- a",
  "# b",
  "a: b",
  " ",
  "\u00e4\n\tc",
  "'\"",
  "@d",
  "%e",
];

Deno.test("What is in force is printed as YAML that means the same, without its secrets", () => {
  const hash = `$7$101$c2FsdA==$${new Uint8Array(64).toBase64()}`;
  const value = {
    listeners: [
      { url: "mqtt://127.0.0.1:0", limits: { maximumPayloadBytes: "unlimited" } },
      { url: "ws://127.0.0.1:0", origins: ["https://example.com"], paths: "any" },
    ],
    authentication: {
      users: AWKWARD.map((name) => ({ name, passwordHash: hash })),
      jwt: { secret: "a secret of thirty-two characters", issuer: ["https://example.com/?a=b"] },
      webhook: { url: "https://me:secret@127.0.0.1/a?key=secret#b", headers: { "X-Key": "Bearer secret" } },
    },
    access: { users: AWKWARD.map((name) => ({ name, rules: [{ access: "read", topic: name.replace("#", "") }] })) },
    bans: [{ user: "no", until: "2026-12-31T23:59:00+02:00" }],
    storage: "kv:https://me:secret@example.com/?token=secret",
    logging: { destinations: ["stderr", { file: "/tmp/a" }], timestampFormat: "%Y: %m" },
  };
  const written = { place: () => undefined, warnings: [] };
  const configuration = configurationOf({ ...written, value });
  const printed = effectiveYaml(configuration);
  for (const secret of ["$7$101", "secret", "Bearer"]) {
    assert(!printed.replaceAll(/^ +secret: \(hidden\)$/gm, "").includes(secret), printed);
  }
  const back = printed.replaceAll("passwordHash: (hidden)", `passwordHash: ${hash}`)
    .replace("secret: (hidden)", `secret: ${value.authentication.jwt.secret}`)
    .replace("X-Key: (hidden)", "X-Key: Bearer secret")
    .replace("https://(hidden)@127.0.0.1/a?(hidden)#b", value.authentication.webhook.url)
    .replace("kv:https://(hidden)@example.com/?(hidden)", value.storage);
  assertEquals(configurationOf({ ...written, value: parseYaml(back, "a.yaml").value }), configuration);
});

Deno.test("The JSON Schema knows no format that is not one of JSON Schema, and refuses what it can say", () => {
  const formats = [...read("docs/brooklet.schema.json").matchAll(/^ *"format": "(.*)",?$/gm)].map(([, name]) => name);
  assertEquals([...new Set(formats)].toSorted(), ["date-time", "uri"]);
  const { listeners, storage } = JSON.parse(editorSchema()).properties;
  const url = new RegExp(listeners.items.properties.url.pattern);
  assertEquals(["mqtt://a", "unix:/a", "wss://a/b", "ws+unix:/a", "http://a", "a"].map((text) => url.test(text)), [
    true,
    true,
    true,
    true,
    false,
    false,
  ]);
  assertEquals(["memory", "kv", "kv:/a", "kvs", "disk"].map((text) => new RegExp(storage.pattern).test(text)), [
    true,
    true,
    true,
    false,
    false,
  ]);
});

Deno.test("Each key of mosquitto.conf that a row names is one, and rows that are fixed stand where a reload looks", () => {
  const keys = mosquittoKeys();
  const unknown: string[] = [];
  const fixed = new Set<string>();
  const visit = (shape: JsonSchema, path: string) => {
    const { mosquitto, isFixed, properties = {}, items } = shape;
    if (mosquitto?.key !== undefined && !Object.hasOwn(keys, mosquitto.key)) unknown.push(path);
    if (isFixed) fixed.add(path.slice(0, path.lastIndexOf(".") + 1));
    for (const [key, value] of Object.entries(properties)) visit(value, `${path}.${key}`);
    if (items !== undefined) visit(items, `${path}[]`);
  };
  visit(configurationShape(), "");
  assertEquals(unknown, []);
  assertEquals([...fixed], [".listeners[].", ".listeners[].tls.", ".tls.", "."]);
});

Deno.test("All secrets of the configuration are marked", () => {
  const marked: string[] = [];
  const visit = (shape: JsonSchema, path: string) => {
    if (shape.writeOnly) marked.push(path);
    for (const [key, value] of Object.entries(shape.properties ?? {})) visit(value, `${path}.${key}`);
    if (shape.items !== undefined) visit(shape.items, path);
    if (typeof shape.additionalProperties === "object") visit(shape.additionalProperties, path);
  };
  visit(configurationShape().properties?.["authentication"] ?? {}, "");
  assertEquals(marked, [".users.passwordHash", ".jwt.secret", ".webhook.headers"]);
});

Deno.test("The library part of mod.ts imports nothing that only configuration files need", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "mod.ts"],
    cwd: REPOSITORY,
  }).output();
  const graph: ModuleGraph = JSON.parse(new TextDecoder().decode(stdout));
  const modules = new Map(graph.modules.map((module) => [module.specifier, module]));
  const reached = new Set<string>();
  const waiting = [new URL("mod.ts", REPOSITORY).href];
  for (let specifier = waiting.pop(); specifier !== undefined; specifier = waiting.pop()) {
    if (reached.has(specifier)) continue;
    reached.add(specifier);
    for (const { isDynamic = false, code } of modules.get(specifier)?.dependencies ?? []) {
      if (!isDynamic && code !== undefined) waiting.push(code.specifier);
    }
  }
  assert(reached.size > 50);
  const foreign = [...reached].filter((specifier) => !specifier.startsWith("file:") && !specifier.startsWith("node:"));
  assertEquals(foreign, []);
  assertEquals([...reached].filter((specifier) => specifier.includes("/src/cli/")), []);
});

/** As much as matters here of what `deno info --json` says. */
interface ModuleGraph {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly { readonly isDynamic?: boolean; readonly code?: { readonly specifier: string } }[];
  }[];
}

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, REPOSITORY));
}

async function formatted(text: string, extension: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", extension, "-"],
    cwd: REPOSITORY,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { stdout } = await child.output();
  return new TextDecoder().decode(stdout);
}
