import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Change, changeToJson } from "../../src/storage/mod.ts";
import { compareKept, keptOf, readKept } from "../../src/testing/storage_suite/kept.ts";
import { DenoKvStorage } from "../../src/storage/deno_kv/deno_kv_storage.ts";
import * as changes from "../../src/testing/storage_suite/changes.ts";
import { brooklet, brookletProcess } from "./test_io.ts";

const LARGE = changes.message(changes.pattern(1_048_576), { topic: "large" });
/** Changes to export and import, in the order of a restore. */
const KEPT = [
  ...changes.busySessionKept("c"),
  changes.started("__proto__"),
  changes.expiry("__proto__", 0xffff_ffff, Infinity),
  ...Array.from({ length: 2_500 }, (_, index) => changes.queued("__proto__", index + 1, changes.message(`${index}`))),
  changes.retained("large", LARGE),
  changes.retained("\u{feff}", changes.message("line\r\nends\u2028", { topic: "\u{feff}", publisher: undefined })),
];

function inFolder(name: string, check: (folder: string) => Promise<void>): void {
  Deno.test(name, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await check(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

async function keep(path: string, changes: readonly Change[]): Promise<void> {
  const storage = await DenoKvStorage.open(path);
  await storage.commit(changes);
  await storage.close();
}

async function assertKept(path: string): Promise<void> {
  const storage = await DenoKvStorage.open(path);
  try {
    compareKept(await readKept(storage), keptOf(KEPT));
  } finally {
    await storage.close();
  }
}

function dump(changes: readonly Change[]): string {
  const lines = [
    '{"kind":"dump","version":2,"needs":2,"brooklet":"0.1.0"}',
    ...changes.map(changeToJson),
    `{"kind":"end","changes":${changes.length}}`,
  ];
  return lines.map((line) => `${line}\n`).join("");
}

inFolder("brooklet storage export and import move all that is kept, through a file that is private", async (folder) => {
  const file = `${folder}/dump.jsonl`;
  await keep(`${folder}/old.kv`, KEPT);
  assertEquals(await brooklet(["storage", "export", file, "--storage", `kv:${folder}/old.kv`]), {
    code: 0,
    stdout: "",
    stderr: `brooklet: exported 2 sessions, 2502 messages that wait and 3 retained messages from ${folder}/old.kv\n`,
  });
  assertEquals(await permissions(file), 0o600);
  assertEquals(await brooklet(["storage", "import", file, "--storage", `kv:${folder}/new.kv`]), {
    code: 0,
    stdout: "",
    stderr: `brooklet: imported 2 sessions, 2502 messages that wait and 3 retained messages into ${folder}/new.kv\n`,
  });
  await assertKept(`${folder}/old.kv`);
  await assertKept(`${folder}/new.kv`);
});

inFolder("brooklet storage export - and import - use the standard streams", async (folder) => {
  await keep(`${folder}/old.kv`, KEPT);
  const { code, stdout } = await brookletProcess(["storage", "--storage", `kv:${folder}/old.kv`, "export", "-"]);
  assertEquals(code, 0);
  const imported = await brookletProcess(["storage", "import", "-", "--storage", `kv:${folder}/new.kv`], {
    input: stdout,
  });
  assertEquals(imported.code, 0, imported.stderr);
  await assertKept(`${folder}/new.kv`);
});

inFolder("brooklet storage without --storage uses the one in the platform's state directory", async (folder) => {
  const env = { XDG_STATE_HOME: folder, HOME: folder, LOCALAPPDATA: folder };
  const imported = await brooklet(["storage", "import", "-"], { input: dump(KEPT), env });
  assertEquals(imported.code, 0, imported.stderr);
  const path = / into (.*brooklet\.kv)$/m.exec(imported.stderr)?.[1] ?? "";
  assert(path.startsWith(folder), imported.stderr);
  await assertKept(path);
  const directory = path.slice(0, path.lastIndexOf("brooklet.kv"));
  assertEquals(await permissions(directory), 0o700);
});

inFolder("brooklet storage import refuses a storage that is not empty", async (folder) => {
  await keep(`${folder}/a.kv`, KEPT);
  const storage = `kv:${folder}/a.kv`;
  const { code, stderr } = await brooklet(
    ["storage", "import", "-", "--storage", storage],
    { input: dump([changes.started("other")]) },
  );
  assertEquals(code, 1);
  assertMatch(stderr, /^brooklet: Cannot import standard input: \S+a\.kv is not empty; .*\n$/);
  await assertKept(`${folder}/a.kv`);
});

const WHOLE = dump([changes.started("c"), changes.accepted("c", 1)]);
const DAMAGED: readonly { name: string; text: string; says: string }[] = [
  { name: "nothing", text: "", says: "The dump is cut after line 0" },
  { name: "another first line", text: WHOLE.replace('"dump"', '"damp"'), says: "Cannot read line 1: it is not" },
  {
    name: "a later version",
    text: WHOLE.replace('"needs":2', '"needs":9'),
    says: "its format is version 2, which needs",
  },
  { name: "no last line", text: WHOLE.slice(0, WHOLE.lastIndexOf("{")), says: "The dump is cut after line 3" },
  { name: "half a last line", text: WHOLE.slice(0, -5), says: "Cannot read line 4: it is not JSON" },
  {
    name: "a line less",
    text: WHOLE.replace(/.*accepted.*\n/, ""),
    says: "The dump has 1 changes, its last line says 2",
  },
  {
    name: "a line twice",
    text: WHOLE.replace(/.*accepted.*\n/, "$&$&"),
    says: "The dump has 3 changes, its last line says 2",
  },
  { name: "two dumps", text: WHOLE + WHOLE, says: "Cannot read line 5: the dump ends before it" },
  {
    name: "a line that is no change",
    text: WHOLE.replace('"accepted"', '"excepted"'),
    says: 'Cannot read line 3: "kind"',
  },
  { name: "an empty line", text: WHOLE.replace("\n", "\n\n"), says: "Cannot read line 2: it is not JSON" },
  {
    name: "another session",
    text: WHOLE.replace('"c"', '"d"'),
    says: "Cannot read line 3: its session does not begin",
  },
];

for (const { name, text, says } of DAMAGED) {
  inFolder(`brooklet storage import makes no storage of a dump with ${name}`, async (folder) => {
    await Deno.writeTextFile(`${folder}/dump`, text);
    const args = ["storage", "import", `${folder}/dump`, "--storage", `kv:${folder}/a.kv`];
    const { code, stdout, stderr } = await brooklet(args);
    assertEquals({ code, stdout }, { code: 1, stdout: "" });
    assert(stderr.startsWith(`brooklet: Cannot import ${folder}/dump: ${says}`), stderr);
    assertEquals(stderr.split("\n").length, 2, stderr);
    assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["dump"]);
  });
}

inFolder(
  "brooklet storage export leaves the dump that is there when it fails, and nothing beside it",
  async (folder) => {
    const file = `${folder}/dump`;
    await Deno.writeTextFile(file, WHOLE);
    await Deno.writeTextFile(`${folder}/foreign.kv`, "this is no storage".repeat(1_000));
    for (const path of ["none.kv", "foreign.kv"]) {
      const { code, stderr } = await brooklet(["storage", "export", file, "--storage", `kv:${folder}/${path}`]);
      assertEquals(code, 1);
      assertMatch(stderr, /^brooklet: Cannot [^\n]*\n$/);
      assertEquals(await Deno.readTextFile(file), WHOLE);
    }
    assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name).sort(), ["dump", "foreign.kv"]);
  },
);

inFolder(
  "brooklet storage export leaves the dump that is there when the storage turns out to be damaged",
  async (folder) => {
    const file = `${folder}/dump`;
    await Deno.writeTextFile(file, WHOLE);
    await keep(`${folder}/a.kv`, [changes.started("c"), changes.queued("c", 1, changes.message("a payload to find"))]);
    const database = await Deno.readFile(`${folder}/a.kv`);
    const at = new TextDecoder("latin1").decode(database).lastIndexOf("payload to find");
    assert(at > 0);
    database[at] = 0;
    await Deno.writeFile(`${folder}/a.kv`, database);
    const { code, stderr } = await brooklet(["storage", "export", file, "--storage", `kv:${folder}/a.kv`]);
    assertEquals(code, 1);
    assertMatch(stderr, /^brooklet: Cannot [^\n]*\n$/);
    assertEquals(await Deno.readTextFile(file), WHOLE);
    assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name).filter((name) => name.includes("part")), []);
  },
);

inFolder("brooklet storage export does not replace what is no file", async (folder) => {
  await keep(`${folder}/a.kv`, KEPT);
  await Deno.mkdir(`${folder}/dump`);
  const { code, stderr } = await brooklet(["storage", "export", `${folder}/dump`, "--storage", `kv:${folder}/a.kv`]);
  assertEquals(code, 1);
  assertEquals(stderr, `brooklet: Cannot write "${folder}/dump": it is not a file\n`);
});

inFolder("brooklet storage compact gives back what is free, and says how much", async (folder) => {
  const path = `${folder}/a.kv`;
  await keep(path, KEPT);
  const large = Array.from({ length: 200 }, (_, index) => changes.pattern(20_000, index));
  await keep(
    path,
    large.map((bytes, index) => changes.retained(`x/${index}`, changes.message(bytes, { topic: `x/${index}` }))),
  );
  await keep(path, large.map((_, index) => changes.retained(`x/${index}`, undefined)));
  const before = (await Deno.stat(path)).size;
  assert(before > 4_000_000, `${before}`);
  const { code, stdout, stderr } = await brooklet(["storage", "compact", "--storage", `kv:${path}`]);
  assertEquals({ code, stdout }, { code: 0, stdout: "" }, stderr);
  const after = (await Deno.stat(path)).size;
  assert(after < before - 4_000_000, `${after}`);
  const kilobytes = (bytes: number) => Math.ceil(bytes / 1_000).toLocaleString("en");
  assertEquals(stderr, `brooklet: compacted ${path} from ${kilobytes(before)} kB to ${kilobytes(after)} kB\n`);
  assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name).sort(), ["a.kv", "a.kv.lock"]);
  assertEquals(await permissions(path), 0o600);
  await assertKept(path);
});

inFolder(
  "brooklet storage compact leaves a storage that a broker uses, one that is missing, and one that is no file",
  async (folder) => {
    const path = `${folder}/a.kv`;
    const storage = await DenoKvStorage.open(path);
    const ROWS = [
      { where: path, says: `Cannot open ${path}: the broker with process id ${Deno.pid}` },
      { where: `${folder}/none.kv`, says: "Cannot open " },
      { where: ":memory:", says: "Cannot compact :memory:: it is not a file" },
    ];
    for (const { where, says } of ROWS) {
      const { code, stderr } = await brooklet(["storage", "compact", "--storage", `kv:${where}`]);
      assertEquals(code, 1);
      assert(stderr.startsWith(`brooklet: ${says}`), stderr);
      assertEquals(stderr.split("\n").length, 2, stderr);
    }
    await storage.close();
    assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name).sort(), ["a.kv", "a.kv.lock"]);
  },
);

const USAGE: readonly { args: readonly string[]; stderr: RegExp }[] = [
  { args: [], stderr: /^brooklet: Write "brooklet storage export FILE", / },
  { args: ["export"], stderr: /^brooklet: Write "brooklet storage export FILE", / },
  { args: ["copy", "a"], stderr: /^brooklet: Write "brooklet storage export FILE", / },
  { args: ["export", "a", "b"], stderr: /^brooklet: Write "brooklet storage export FILE", / },
  { args: ["export", "a", "--force"], stderr: /^brooklet: Unknown option "--force": / },
  { args: ["compact", "a"], stderr: /^brooklet: Write "brooklet storage export FILE".* or "brooklet storage compact"/ },
  { args: ["compact", "--storage", "memory"], stderr: /^brooklet: --storage memory has nothing to export or to / },
  { args: ["export", "a", "--storage", "memory"], stderr: /^brooklet: --storage memory has nothing to export / },
  { args: ["export", "a", "--storage", "disk"], stderr: /^brooklet: --storage "disk" is not a storage: / },
];

for (const { args, stderr } of USAGE) {
  Deno.test(`brooklet storage ${args.join(" ")} ends with exit code 2, and says why`, async () => {
    const result = await brooklet(["storage", ...args]);
    assertEquals({ ...result, stderr: "" }, { code: 2, stdout: "", stderr: "" });
    assertMatch(result.stderr, stderr);
    assertEquals(result.stderr.split("\n").length, 2, result.stderr);
  });
}

Deno.test("brooklet storage --help says what there is", async () => {
  const { code, stdout, stderr } = await brooklet(["storage", "--help"]);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertMatch(stdout, /^Usage: brooklet storage export\|import FILE/);
});

async function permissions(path: string): Promise<number> {
  const { mode } = await Deno.stat(path);
  return Number(mode) & 0o777;
}
