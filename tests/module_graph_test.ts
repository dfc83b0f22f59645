import { assertEquals, assertMatch } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

/** Rooms whose files an export loads; none loads a package, nor SQLite, before it is needed. */
const ROOMS_OF_EXPORTS: Readonly<Record<string, readonly string[]>> = {
  ".": ["auth", "broker", "codec", "protocol", "storage", "transport"],
  "./admin": ["admin", "auth", "broker", "client", "codec", "protocol", "transport"],
  "./auth": ["auth", "codec", "protocol"],
  "./client": ["client", "codec", "protocol", "transport"],
  "./codec": ["codec"],
  "./storage": ["codec", "protocol", "storage"],
  "./testing": ["codec", "protocol", "storage", "testing"],
  "./transport": ["transport"],
};

/** Packages that `npm:` imports of `src/cli` name, and all that these need. */
const PACKAGES_OF_START = ["deno-std", "yaml", "zod"];

const { compilerOptions, exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));

Deno.test("Every export has its rooms", () => {
  assertEquals(Object.keys(exports), Object.keys(ROOMS_OF_EXPORTS));
});

for (const [name, rooms] of Object.entries(ROOMS_OF_EXPORTS)) {
  Deno.test(`An app that imports "${name}" loads ${rooms.join(", ")}, no package and not SQLite`, async () => {
    const loaded = await loadedModules(exports[name]);
    assertEquals([...new Set(loaded.flatMap((file) => /^src\/(\w+)\//.exec(file)?.[1] ?? []))].sort(), [...rooms]);
    assertEquals(loaded.filter((file) => /^npm:|^jsr:|^https?:|sqlite/.test(file)), []);
  });
}

Deno.test("Serving from memory loads nothing of Deno KV for it, and no YAML", async () => {
  const loaded = await loadedModules("src/cli/main.ts");
  assertHas(loaded, ["src/cli/serve/serve.ts", "src/broker/broker.ts"]);
  assertEquals(loaded.filter((name) => /deno_kv|yaml|jose|sqlite|^src\/(cluster|client)\//.test(name)), []);
});

Deno.test("deno task start needs the packages of the command line, and downloads none of tests and benches", async () => {
  const { npmCache } = JSON.parse(await output({}, "info", "--json"));
  const folder = await Deno.makeTempDir();
  try {
    for await (const { name: registry } of Deno.readDir(npmCache)) {
      await Deno.mkdir(`${folder}/npm/${registry}`, { recursive: true });
      const packages = PACKAGES_OF_START.map((name) => `${npmCache}/${registry}/${name}`);
      const args = ["-r", ...packages, `${folder}/npm/${registry}`];
      assertEquals((await new Deno.Command("cp", { args }).output()).success, true);
    }
    // Nothing can be downloaded: nobody listens at port 1.
    const noNetwork = { HTTPS_PROXY: "http://127.0.0.1:1", HTTP_PROXY: "http://127.0.0.1:1", NO_PROXY: "" };
    const help = await output({ DENO_DIR: folder, ...noNetwork }, "task", "start", "--help");
    assertMatch(help, /^Usage: brooklet/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("deno.lock names the packages of the command line alone", async () => {
  // `deno task` installs everything that the lock of its config names before it runs anything.
  const { npm } = JSON.parse(await Deno.readTextFile(new URL("deno.lock", ROOT)));
  assertEquals(Object.keys(npm).map((name) => name.replace(/@[^@]*$/, "")).sort(), PACKAGES_OF_START);
});

for (const path of ["bench/deno.json", "examples/deno.json", "tests/deno.json"]) {
  Deno.test(`${path} checks types as deno.json does`, async () => {
    const own = JSON.parse(await Deno.readTextFile(new URL(path, ROOT))).compilerOptions;
    assertEquals({ ...own, types: own.types.map((file: string) => file.replace("../", "./")) }, compilerOptions);
  });
}

Deno.test("The dissector loads the codec and WebSocket frames, so that a web page can have it", async () => {
  const folder = "src/admin/dissect/";
  const files = Array.from(Deno.readDirSync(new URL(folder, ROOT)), ({ name }) => folder + name);
  const loaded = new Set((await Promise.all(files.map(loadedModules))).flat());
  assertHas([...loaded], ["src/codec/decoder.ts"]);
  assertEquals(
    [...loaded].filter((file) =>
      !/^src\/(?:admin\/dissect|codec)\/|transport\/(?:concatenated|web_socket\/frames)\.ts$/.test(file)
    ),
    [],
  );
});

Deno.test("The page of the dashboard loads nothing of the broker", async () => {
  const main = "src/admin/page/main.tsx";
  const info = await output({}, "info", "--json", "--config", "src/admin/page/deno.json", main);
  const { modules }: { modules: readonly Module[] } = JSON.parse(info);
  const files = modules.map(({ specifier }) => specifier.replace(ROOT.href, ""));
  assertHas(files, ["src/admin/page/tool.tsx", "src/admin/dissect/dissector.ts", "src/client/client.ts"]);
  assertEquals(files.filter((file) => /^src\/(?:auth|broker|storage|cli)\//.test(file)), []);
  // It has types alone.
  const ofServer = files.filter((file) => /^src\/admin\/(?!page\/|dissect\/)/.test(file));
  assertEquals(ofServer, ["src/admin/trace/trace_records.ts"]);
});

/** The graph was read indeed. */
function assertHas(loaded: readonly string[], names: readonly string[]): void {
  assertEquals(names.filter((name) => !loaded.includes(name)), []);
}

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly isDynamic?: boolean;
  }[];
}

/** Names of the modules that importing one of ours loads, without those that it only imports when they are needed. */
async function loadedModules(entry: string): Promise<string[]> {
  const { modules }: { modules: readonly Module[] } = JSON.parse(await output({}, "info", "--json", entry));
  const bySpecifier = new Map(modules.map((module) => [module.specifier, module]));
  const loaded = new Set([new URL(entry, ROOT).href]);
  for (const specifier of loaded) { // It grows while it is looked through.
    for (const { code, isDynamic = false } of bySpecifier.get(specifier)?.dependencies ?? []) {
      if (code?.specifier !== undefined && !isDynamic) loaded.add(code.specifier);
    }
  }
  return Array.from(loaded, (specifier) => specifier.replace(ROOT.href, ""));
}

async function output(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args], cwd: ROOT, env })
    .output();
  assertEquals(success, true, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
