import { assert, assertEquals, assertMatch } from "@std/assert";
import denoJson from "../../deno.json" with { type: "json" };
import { inForm } from "../form.ts";

const ROOT = new URL("../../", import.meta.url);

/** An app elsewhere, which knows nothing of the names that deno.json gives to packages; also a test. */
const APP = `
import { Broker, listenTcp, type Message } from ${quoted("mod.ts")};
import { jwtAuthenticator } from ${quoted("src/auth/mod.ts")};
${Object.values(denoJson.exports).map((path, index) => `import * as export${index} from ${quoted(path)};`).join("\n")}

console.log([${Object.values(denoJson.exports).map((_, index) => `export${index}`)}]
  .every((names) => Object.keys(names).length > 0));
await using broker = await Broker.open({ authenticator: await jwtAuthenticator({ keys: { secret: "a".repeat(32) } }) });
const listener = listenTcp({ port: 0 });
const accepting = (async () => {
  for await (const transport of listener) broker.serve(transport);
})();
const doors = broker.subscribe("door/+");
await broker.publish("door/1", "open");
const { value } = await doors.next();
const message: Message | undefined = value;
console.log(message?.topic, message?.text(), listener.port > 0);
listener.close();
await accepting;
Deno.test("the app", () => {});
`;

const STRICT = {
  strict: true,
  lib: ["dom", "dom.iterable", "dom.asynciterable", "deno.ns"],
  noImplicitReturns: true,
  noPropertyAccessFromIndexSignature: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
};

const STRICT_FOLDERS = {
  "with strict options and the types of a browser": { "deno.json": { compilerOptions: STRICT } },
};
const FOLDERS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  ...STRICT_FOLDERS,
  "in an empty folder": {},
  "with the types of a window and of a browser": {
    "deno.json": { compilerOptions: { ...STRICT, lib: ["deno.window", "dom"] } },
  },
};

for (const [name, files] of Object.entries(inForm(STRICT_FOLDERS, FOLDERS))) {
  Deno.test(`an app ${name} imports all exports, and is checked, run, tested and bundled`, async () => {
    await inFolder({ ...files, "app.ts": APP }, async (folder) => {
      await succeeds(folder, "check", "app.ts");
      assertEquals(await succeeds(folder, "run", "--check", "--allow-net", "app.ts"), "true\ndoor/1 open true\n");
      assertMatch(await succeeds(folder, "test", "--allow-net", "app.ts"), /1 passed/);
      await succeeds(folder, "bundle", "--quiet", "--check", "--output", "bundle.js", "app.ts");
      assertEquals(await succeeds(folder, "run", "--allow-net", "bundle.js"), "true\ndoor/1 open true\n");
      await compiles(folder);
    });
  });
}

Deno.test("an app beside a package.json that names no packages runs, tokens included", async () => {
  await inFolder({ "package.json": { name: "app" }, "app.ts": APP }, async (folder) => {
    assertEquals(await succeeds(folder, "run", "--allow-net", "app.ts"), "true\ndoor/1 open true\n");
  });
});

Deno.test("the command that `deno install -g` makes runs, also beside a package.json", async () => {
  await inFolder({ "package.json": { name: "app" }, "a.yaml": { listeners: [{ url: "mqtt://127.0.0.1:0" }] } }, async (
    folder,
  ) => {
    const root = `${folder}/installed`;
    const entry = new URL("mod.ts", ROOT).href;
    await succeeds(folder, "install", "--quiet", "--global", "-A", "--root", root, "--name", "brooklet", entry);
    const [, config = ""] = / --config (\S+) /.exec(await Deno.readTextFile(`${root}/bin/brooklet`)) ?? [];
    assert(config !== "");
    // As the script does, but with this Deno.
    await succeeds(folder, "run", "-A", "--config", config, entry, "--config", "a.yaml", "--check-config");
  });
});

Deno.test("deno publish takes the package without a warning", async () => {
  const { code, stderr } = await deno(new URL(".", ROOT).pathname, "publish", "--dry-run", "--allow-dirty");
  assertEquals([code, /^warning.*/m.exec(stderr)?.[0]], [0, undefined], stderr);
});

/** Compiles the app; the runtime that `deno compile` puts before it has to be downloaded, so only in the long form. */
async function compiles(folder: string): Promise<void> {
  if (!inForm(false, true)) return;
  const { stderr } = await deno(folder, "compile", "--allow-net", "--output", "compiled", "app.ts");
  // Where no network is, the types have been checked before the download fails.
  assertMatch(stderr, /Compile.* app\.ts to /);
}

function quoted(path: string): string {
  return JSON.stringify(new URL(path, ROOT).href);
}

async function inFolder(
  files: Readonly<Record<string, unknown>>,
  act: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, typeof content === "string" ? content : JSON.stringify(content));
    }
    await act(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function succeeds(folder: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await deno(folder, ...args);
  assertEquals({ code, stderr: code === 0 ? "" : stderr }, { code: 0, stderr: "" }, args.join(" "));
  return stdout;
}

async function deno(
  folder: string,
  ...args: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: folder,
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}
