import { assert, assertEquals } from "@std/assert";
import { RawClient } from "../interop/raw_client.ts";
import { ConfigurationFolder } from "./config/written_file.ts";
import { LOOPBACK, Program, type ProgramOptions } from "./program.ts";
import { ProgramInProcess } from "./program_in_process.ts";
import { brooklet } from "./test_io.ts";

const GUIDE = Deno.readTextFileSync(new URL("../../docs/deploy.md", import.meta.url));
const ALLOWED = ["--allow-net", "--allow-env", "--no-prompt"];

/** A command line that ends by itself. */
interface Row {
  readonly args: readonly string[];
  readonly code: 0 | 1 | 2;
  /** What docs/deploy.md calls it, in the line of this code. */
  readonly meaning: string;
  /** Written as `a.yaml`, and given with --config. */
  readonly yaml?: string;
  readonly options?: ProgramOptions;
}

const ROWS: readonly Row[] = [
  { args: ["--version"], code: 0, meaning: "did what was asked" },
  { args: ["passwd", "--help"], code: 0, meaning: "did what was asked" },
  { args: ["--print-config"], code: 0, meaning: "did what was asked" },
  { args: ["--check-config"], yaml: "", code: 0, meaning: "did what was asked" },
  { args: ["--listen", "mqtt://127.0.0.1:TAKEN"], code: 1, meaning: "a port in use" },
  {
    args: ["--listen", "mqtt://192.0.2.1:0", "--allow-anonymous"],
    code: 1,
    meaning: "an address of another machine",
  },
  { args: [...LOOPBACK, "--storage", "kv:LOCKED"], code: 1, meaning: "a storage that is locked" },
  { args: [...LOOPBACK, "--storage", "kv:DAMAGED"], code: 1, meaning: "damaged" },
  { args: [...LOOPBACK, "--storage", "kv:/nowhere/a.kv"], code: 1, meaning: "cannot be opened" },
  {
    args: [...LOOPBACK],
    options: { permissions: ["--allow-read", "--no-prompt"] },
    code: 1,
    meaning: "a permission for these that Deno was not given",
  },
  {
    args: [...LOOPBACK, "--storage", "kv:FOLDER/new.kv"],
    options: { permissions: [...ALLOWED, "--allow-read"] },
    code: 1,
    meaning: "a permission for these that Deno was not given",
  },
  { args: ["--check-config"], yaml: "foo: 1\n", code: 1, meaning: "`--check-config` for a configuration" },
  { args: ["passwd", "-b", "/nowhere/passwords", "a", "b"], code: 1, meaning: "`passwd`" },
  { args: ["storage", "export", "FOLDER/dump", "--storage", "kv:/nowhere/a.kv"], code: 1, meaning: "`storage`" },
  { args: ["--lisen", "mqtt://127.0.0.1:0"], code: 2, meaning: "a mistake on the command line" },
  { args: ["listen"], code: 2, meaning: "a mistake on the command line" },
  { args: ["passwd", "a", "b", "c"], code: 2, meaning: "a mistake on the command line" },
  { args: ["storage", "empty", "a"], code: 2, meaning: "a mistake on the command line" },
  { args: ["bench", "--none"], code: 2, meaning: "a mistake on the command line" },
  { args: ["completions"], code: 2, meaning: "a mistake on the command line" },
  { args: [...LOOPBACK], options: { env: { BROOKLET_LIMITS__FOO: "1" } }, code: 2, meaning: "in a variable" },
  { args: [], yaml: "foo: 1\n", code: 2, meaning: "in a configuration file" },
  { args: [], yaml: "listeners: [\n", code: 2, meaning: "in a configuration file" },
  { args: ["--config", "/nowhere.yaml"], code: 2, meaning: "the configuration itself" },
  {
    args: [],
    yaml: "foo: 1\n",
    options: { permissions: ALLOWED },
    code: 2,
    meaning: "the configuration itself",
  },
  { args: ["convert", "/nowhere.conf"], code: 2, meaning: "the configuration itself" },
  {
    args: ["--listen", "mqtts://127.0.0.1:0", "--cert", "/nowhere", "--key", "/nowhere"],
    code: 2,
    meaning: "a certificate",
  },
  { args: [], yaml: "authentication: { passwordFile: /nowhere }\n", code: 2, meaning: "a password file" },
  { args: [], yaml: "authentication: { passwordFile: FOLDER/DAMAGED }\n", code: 2, meaning: "a password file" },
  { args: [], yaml: "access: { file: /nowhere }\n", code: 2, meaning: "rules" },
  { args: [], yaml: "logging: { destinations: [{ file: /nowhere/log }] }\n", code: 2, meaning: "a log" },
  { args: [], yaml: "pidFile: /nowhere/pid\n", code: 2, meaning: "a pid file" },
];

Deno.test("Exit codes are those of docs/deploy.md, each case in its line", async (test) => {
  using folder = new ConfigurationFolder();
  const damaged = folder.write("DAMAGED", "this is no storage and no password file\n");
  await using running = await Program.listening([...LOOPBACK, "--storage", `kv:${folder.path}/LOCKED`]);
  const port = await running.port();
  const withPlaces = (text: string) =>
    text.replace("TAKEN", `${port}`).replace("kv:LOCKED", `kv:${folder.path}/LOCKED`)
      .replace("kv:DAMAGED", `kv:${damaged}`).replace("FOLDER", folder.path);
  const seen = new Set<number>();
  for (const { args, code, meaning, yaml, options } of ROWS) {
    const config = yaml === undefined
      ? []
      : ["--config", folder.write("a.yaml", "listeners: [{ url: mqtt://127.0.0.1:0 }]\n" + withPlaces(yaml))];
    const name = `${code}, ${meaning}: brooklet ${[...config.slice(0, 1), ...args].join(" ")} ${yaml ?? ""}`.trim();
    const all = [...config, ...args.map(withPlaces)];
    // One of each code as the shell sees it.
    const asIs = options?.permissions !== undefined || !seen.has(code);
    seen.add(code);
    await test.step(name, async () => {
      assert(documented(code).includes(meaning), `"${documented(code)}" has not "${meaning}"`);
      await using program = asIs ? new Program(all, options) : new ProgramInProcess(all, options);
      const { code: actual, stderr } = await program.ended(30_000);
      assertEquals(actual, code, stderr.join("\n"));
      // One line for each thing, and no stack of a defect.
      for (const line of code === 0 ? [] : stderr) assert(line.startsWith("brooklet: "), line);
    });
  }
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`The exit code is 0 behind ${signal}, as docs/deploy.md says`, async () => {
    assert(documented(0).includes(signal));
    await using program = await Program.listening();
    using client = await RawClient.connect({ port: await program.port() }, { clientId: "a" });
    program.kill(signal);
    await client.closeInTurn();
    assertEquals((await program.ended()).code, 0);
  });
}

Deno.test("A start that fails leaves no Unix socket behind", async () => {
  using folder = new ConfigurationFolder();
  const yaml = `listeners: [{ url: "unix:${folder.path}/mqtt" }]\npidFile: /nowhere/pid\n`;
  await using program = new ProgramInProcess(["--config", folder.write("a.yaml", yaml)]);
  assertEquals((await program.ended()).code, 2);
  assertEquals(Array.from(Deno.readDirSync(folder.path), ({ name }) => name), ["a.yaml"]);
});

Deno.test("A start that fails closes the file of its log, which the sanitizer of resources looks for", async () => {
  using folder = new ConfigurationFolder();
  const yaml = `listeners: [{ url: mqtt://127.0.0.1:0 }]
logging: { destinations: [{ file: ${folder.path}/a.log }] }
pidFile: /nowhere/pid
`;
  assertEquals((await brooklet(["--config", folder.write("a.yaml", yaml)])).code, 2);
});

/** What the guide says of a code. */
function documented(code: number): string {
  return new RegExp(`^\\| ${code} +\\|(.*)\\|$`, "m").exec(GUIDE)?.[1] ?? "";
}
