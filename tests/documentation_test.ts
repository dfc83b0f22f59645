import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseYaml } from "../src/cli/config/yaml.ts";
import { readMosquittoConfiguration } from "../src/cli/mosquitto/file.ts";
import { SCHEMES } from "../src/transport/schemes.ts";
import { ConfigurationFolder } from "./cli/config/written_file.ts";
import { brooklet } from "./cli/test_io.ts";

/** Pages of the documentation by their paths in the repository. */
const PAGES = new Map(pagesOf(["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"], "docs/"));

Deno.test("Links of the documentation lead to files and headings that exist", () => {
  const broken: string[] = [];
  for (const [path, text] of PAGES) {
    for (const [, target = ""] of text.matchAll(/\]\((?!\w+:)([^)\s]+)\)/g)) {
      const url = new URL(target, `file:///${path}`);
      const other = url.pathname.slice(1);
      const anchor = url.hash.slice(1);
      const isThere = anchor === "" ? exists(other) : anchorsOf(PAGES.get(other) ?? "").includes(anchor);
      if (!isThere) broken.push(`${path}: ${target}`);
    }
  }
  assertEquals(broken, []);
});

Deno.test("The documentation has an index of all its pages", () => {
  const index = PAGES.get("docs/README.md") ?? "";
  const missing = [...PAGES.keys()].filter((path) =>
    path.startsWith("docs/") && !/README|brokers/.test(path) && !index.includes(`(${path.replace("docs/", "")})`)
  );
  assertEquals(missing, []);
});

Deno.test("The README has less than 180 lines, and its configuration can be used", async () => {
  const readme = PAGES.get("README.md") ?? "";
  assert(readme.split("\n").length < 180);
  const [, yaml = ""] = /<<'END'\n(.*?)\nEND\n/s.exec(readme) ?? [];
  using folder = new ConfigurationFolder();
  folder.write("passwords", "");
  const file = folder.write("brooklet.yaml", yaml.replace("passwords", `${folder.path}/passwords`));
  const { code, stderr } = await brooklet(["--config", file, "--check-config"]);
  assertMatch(stderr, /^brooklet: the configuration can be used$/m);
  assertEquals(code, 0);
});

Deno.test("The page about the command line has all commands, and all schemes of URLs to listen at", async () => {
  const page = PAGES.get("docs/command_line.md") ?? "";
  const { stdout } = await brooklet(["--help"]);
  const [commands = ""] = /(?<=brooklet )[\w|]+(?= \.\.\.)/.exec(stdout) ?? [];
  assert(commands.includes("passwd"), stdout);
  assertEquals(commands.split("|").filter((name) => !new RegExp(`\`(?:brooklet )?${name}\\b`).test(page)), []);
  assertEquals(Object.keys(SCHEMES).filter((scheme) => !page.includes(`\`${scheme}:`)), []);
});

Deno.test("The worked example of the page about mosquitto is converted as it says", () => {
  const page = PAGES.get("docs/from_mosquitto.md") ?? "";
  const [main = "", site = "", , , warned = ""] = [...page.matchAll(/^```text\n(.*?)^```$/gms)].map(([, text = ""]) =>
    text
  );
  const [yaml = ""] = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = ""]) => text);
  const lines = main.replace(/^include_dir .*$/m, site);
  const { value: written, warnings } = readMosquittoConfiguration("/etc/mosquitto/mosquitto.conf", lines);
  const { value: wanted } = parseYaml(yaml, "a.yaml");
  const parts = new Map(Object.entries(written ?? {}));
  for (const [key, part] of Object.entries(wanted ?? {})) assertEquals(parts.get(key), part, key);
  assertEquals(warnings.map((warning) => `brooklet: ${warning}`), warned.trimEnd().split("\n").slice(0, -1));
});

Deno.test("Files that the documentation names exist", () => {
  const missing: string[] = [];
  for (const [path, text] of PAGES) {
    if (path === "CHANGELOG.md" || path.startsWith("docs/decisions/")) continue; // They tell of earlier versions.
    const named = [...text.matchAll(/`((?:src|tests|docs|bench|examples)\/[\w/]+\.\w+)`/g)].map(([, name = ""]) =>
      name
    );
    // The page about the architecture leaves "src/" out.
    const short = path === "docs/architecture.md" ? [...text.matchAll(/`([a-z_]+\/[a-z_/]+\.ts)`/g)] : [];
    for (const name of [...named, ...short.map(([, name = ""]) => name.startsWith("tests/") ? name : `src/${name}`)]) {
      if (!exists(name)) missing.push(`${path}: ${name}`);
    }
  }
  assertEquals(missing, []);
});

/** Anchors that GitHub gives the headings of a page. */
function anchorsOf(text: string): string[] {
  const headings = text.replaceAll(/^```.*?^```$/gms, "").matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading = ""]) => heading.toLowerCase().replace(/[^\w -]/g, "").replaceAll(" ", "-"));
}

function* pagesOf(files: readonly string[], folder: string): Generator<[path: string, text: string]> {
  for (const path of files) yield [path, Deno.readTextFileSync(inRepository(path))];
  for (const { name, isDirectory } of Deno.readDirSync(inRepository(folder))) {
    if (isDirectory) yield* pagesOf([], `${folder}${name}/`);
    else if (name.endsWith(".md")) yield [`${folder}${name}`, Deno.readTextFileSync(inRepository(folder + name))];
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(inRepository(path)) !== undefined;
  } catch {
    return false;
  }
}

function inRepository(path: string): URL {
  return new URL(`../${path}`, import.meta.url);
}
