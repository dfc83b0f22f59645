import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { CommitItem } from "../../src/storage/mod.ts";
import { KvStorage } from "../../src/storage/deno_kv/deno_kv_storage.ts";
import { FORMAT_KEY, HEARTBEAT_KEY, LOCK_KEY } from "../../src/storage/deno_kv/keys.ts";
import { encodeOwner, type Owner } from "../../src/storage/deno_kv/lock.ts";
import { type Key, sealed } from "../../src/storage/deno_kv/rows.ts";
import { within } from "../deadline.ts";
import { isFile, isInstalled } from "../installed.ts";
import type { Seeded } from "../seeded.ts";
import { everything, message, queued, randomTest, restored, started, subscription } from "./kv_changes.ts";

const OTHER: Owner = { processId: 1, hostname: "x", startedAtMs: 1, nonce: "" };
// Permissions of docs/deploy.md, in the smallest parts.
const LEAST = (path: string) =>
  ["read", "write"].map((access) => `--allow-${access}=${["", "-wal", ".lock"].map((end) => path + end)}`);

Deno.test("DenoKvStorage gives a file to one process, with the least permissions too, and to the next one when it is closed", async () => {
  await withPath(async (path) => {
    const storage = await KvStorage.open(path);
    await assertRejects(
      () => KvStorage.open(path),
      Error,
      `Cannot open ${path}: the broker with process id ${Deno.pid}`,
    );
    assertMatch(
      await openedWith(LEAST(path), path),
      new RegExp(`the broker with process id ${Deno.pid} on \\S+ uses it`),
    );
    await storage.close();
    assertEquals(await openedWith(LEAST(path), path), "opened");
  });
});

Deno.test("DenoKvStorage gives a file to one process, whatever name leads to it", async () => {
  await withPath(async (path) => {
    const storage = await KvStorage.open(path);
    await Deno.symlink(path, `${path}.link`);
    await assertRejects(() => KvStorage.open(`${path}.link`), Error, `process id ${Deno.pid}`);
    await storage.close();
  });
});

Deno.test("DenoKvStorage takes a file at once from a process that was killed, not from one that is only stopped", async () => {
  await withPath(async (path) => {
    await (await KvStorage.open(path)).close();
    const command = new Deno.Command(Deno.execPath(), { args: opening(LEAST(path), path, "stay"), stdout: "piped" });
    const owner = command.spawn();
    const reader = owner.stdout.getReader();
    try {
      const { value } = await within(reader.read(), "it is not opened");
      assertEquals(new TextDecoder().decode(value), "opened\n");
      owner.kill("SIGSTOP");
      await assertRejects(() => KvStorage.open(path), Error, `the broker with process id ${owner.pid} uses it`);
    } finally {
      owner.kill("SIGKILL");
      await owner.status;
      await reader.cancel();
    }
    await (await KvStorage.open(path)).close();
  });
});

Deno.test("DenoKvStorage opens a file whose lock a process that was just started holds until its exec", async () => {
  await withPath(async (path) => {
    await (await KvStorage.open(path)).close();
    using held = await Deno.open(`${path}.lock`, { write: true });
    assertEquals(await held.tryLock(true), true);
    const opening = KvStorage.open(path);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await held.unlock();
    await (await opening).close();
  });
});

Deno.test("DenoKvStorage says that it cannot lock a file", async () => {
  await withPath(async (path) => {
    await (await KvStorage.open(path)).close();
    await Deno.remove(`${path}.lock`);
    await Deno.mkdir(`${path}.lock`);
    await assertRejects(() => KvStorage.open(path), Error, `Cannot open ${path}: cannot lock ${path}.lock: `);
  });
});

const FORMAT = [FORMAT_KEY, new Uint8Array([1])] as const;
const BARELY_LIVE_MS = 14_000;
const SILENT: readonly { readonly name: string; readonly silentMs: number }[] = [
  { name: "was silent for long", silentMs: 3_600_000 },
  { name: "speaks of a time to come", silentMs: -3_600_000 },
  { name: "falls silent while it is looked at", silentMs: BARELY_LIVE_MS },
];
for (const { name, silentMs } of SILENT) {
  Deno.test(`DenoKvStorage takes a database that is no file from one that ${name}`, async () => {
    const kv = await Deno.openKv(":memory:");
    await set(kv, [FORMAT, [LOCK_KEY, encodeOwner(OTHER)], [HEARTBEAT_KEY, beat(Date.now() - silentMs)]]);
    let nowMs = 0;
    await (await KvStorage.over(kv, { monotonic: () => nowMs += 4_000 })).close();
  });
}

for (const aheadMs of [3_600_000, -3_600_000]) {
  Deno.test(`DenoKvStorage leaves a database that is no file to one that is there, its clock ${aheadMs / 1_000} s ahead`, async () => {
    const kv = await Deno.openKv(":memory:");
    await set(kv, [FORMAT, [LOCK_KEY, encodeOwner(OTHER)], [HEARTBEAT_KEY, beat(Date.now() + aheadMs)]]);
    const refused = assertRejects(() => KvStorage.over(kv, {}), Error, "the broker with process id 1 on x uses it");
    let isOver = false;
    const beating = (async () => {
      while (!isOver) await set(kv, [[HEARTBEAT_KEY, beat(Date.now() + aheadMs)]]);
    })();
    await within(refused.finally(() => isOver = true), "it is not refused");
    await beating;
    kv.close();
  });
}

Deno.test("DenoKvStorage leaves a database that is no file to the one that says again that it is there", async () => {
  const kv = await Deno.openKv(":memory:");
  await set(kv, [FORMAT, [LOCK_KEY, encodeOwner(OTHER)], [HEARTBEAT_KEY, beat(Date.now())]]);
  const refused = assertRejects(() => KvStorage.over(kv, {}), Error, "the broker with process id 1 on x uses it");
  let isOver = false;
  const beating = (async () => {
    while (!isOver) await set(kv, [[HEARTBEAT_KEY, beat(Date.now())]]);
  })();
  await within(refused, "it is not refused");
  isOver = true;
  await beating;
  kv.close();
});

const REFUSED: readonly { name: string; make: (path: string) => void | Promise<void>; error: RegExp }[] = [
  {
    name: "an empty file",
    make: (path) => Deno.writeFileSync(path, new Uint8Array()),
    error: /^Cannot open \S+: the file is empty; give another path, restore a backup, or delete the file/,
  },
  {
    name: "a text",
    make: (path) => Deno.writeTextFileSync(path, "hello\n".repeat(1000)),
    error: /^Cannot open \S+: file is not a database; give another path, or restore a backup if it was a storage$/,
  },
  {
    name: "a directory",
    make: (path) => Deno.mkdirSync(path),
    error: /^Cannot open \S+: it is a directory; name a file in it$/,
  },
  {
    name: "a link to nothing",
    make: (path) => Deno.symlinkSync(`${path}.none`, path),
    error: /^Cannot open \S+: it is a link to a file that does not exist$/,
  },
  {
    name: "a database of others",
    make: async (path) => {
      const kv = await Deno.openKv(path);
      await kv.set(["users", 1], "somebody");
      kv.close();
    },
    error: /^Cannot open \S+: it is not a database of Brooklet; give another path$/,
  },
  {
    name: "a later version",
    make: (path) => change(path, [[FORMAT_KEY, new Uint8Array([9])]]),
    error: /^Cannot open \S+: its format is version 9, which needs a later Brooklet: this one reads versions 1 to \d$/,
  },
  {
    name: "a log without its file",
    make: (path) => Deno.writeTextFileSync(`${path}-wal`, "changes"),
    error: /^Cannot open \S+: the file is gone, and \S+-wal with its last changes is there; restore the file/,
  },
];

for (const { name, make, error } of REFUSED) {
  Deno.test(`DenoKvStorage refuses ${name} in one line, and leaves it as it is`, async () => {
    await withPath(async (path) => {
      await make(path);
      const before = await Deno.readFile(path).catch(() => undefined); // It may be no file.
      for (let times = 0; times < 2; times++) {
        const refusal = await assertRejects(() => KvStorage.open(path), Error);
        assertMatch(refusal.message, error);
        assert(!refusal.message.includes("\n"));
        assertEquals(await Deno.readFile(path).catch(() => undefined), before);
      }
    });
  });
}

Deno.test("DenoKvStorage names the row that is damaged, and gives the file back to be repaired", async () => {
  await withPath(async (path) => {
    await (await KvStorage.open(path)).close();
    const kv = await Deno.openKv(path);
    await kv.set(["journal"], new Uint8Array(9));
    kv.close();
    for (let times = 0; times < 2; times++) {
      const why = `Cannot read ${path}: the row ["journal"] is damaged (its checksum is wrong)`;
      await assertRejects(() => KvStorage.open(path), Error, why);
    }
  });
});

Deno.test("DenoKvStorage says what is wrong with the directory of a new file, or with its path", async () => {
  await withPath(async (path) => {
    await Deno.writeTextFile(`${path}.txt`, "text");
    const ROWS = [
      [`${path}/no/such.kv`, `the directory ${path}/no does not exist; make it, or give another path`],
      [`${path}.txt/such.kv`, `${path}.txt is not a directory; give another path`],
    ] as const;
    for (const [where, why] of ROWS) {
      const { message } = await assertRejects(() => KvStorage.open(where), Error);
      assertEquals(message, `Cannot open ${where}: ${why}`);
    }
    await assertRejects(() => KvStorage.open(""), Error, "Cannot open a storage: its path is empty");
  });
});

Deno.test({
  name: "DenoKvStorage says that a directory cannot be written, not that a file should be deleted",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const { message } = await assertRejects(() => KvStorage.open("/sys/brooklet.kv"), Error); // Root cannot write there.
    assertMatch(
      message,
      /^Cannot open \/sys\/brooklet\.kv: the directory \/sys cannot be written: [^;]+; give this user the right to write /,
    );
    assert(!message.includes("delete"));
  },
});

Deno.test({
  name: "DenoKvStorage says that a file cannot be written, not that it should be deleted",
  ignore: Deno.build.os === "windows" || (Deno.uid() === 0 && !isInstalled("setpriv")),
  fn: () =>
    withPath(async (path) => {
      await (await KvStorage.open(path)).close();
      await Deno.chmod(path, 0o400);
      assertMatch(
        await refusalFor(path),
        /^Cannot open \S+: it cannot be written: [^;]+; give this user the right to write /,
      );
    }),
});

/** Words with which a storage is refused to a user who has no right beyond those of files: root gives its others up. */
async function refusalFor(path: string): Promise<string> {
  if (Deno.uid() !== 0) return (await assertRejects(() => KvStorage.open(path), Error)).message;
  const code = `import { KvStorage } from ${
    JSON.stringify(import.meta.resolve("../../src/storage/deno_kv/deno_kv_storage.ts"))
  };
    await KvStorage.open(${JSON.stringify(path)}).catch(({ message }) => console.log(message));`;
  const { stdout } = await new Deno.Command("setpriv", {
    args: ["--bounding-set=-dac_override,-dac_read_search", Deno.execPath(), "eval", "--unstable-kv", code],
    stderr: "inherit",
  }).output();
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("DenoKvStorage makes a file where there are no hard links, once also when several make it", async () => {
  const { link } = Deno;
  // FAT and exFAT on Linux.
  Deno.link = () => Promise.reject(new Deno.errors.PermissionDenied("Operation not permitted (os error 1)"));
  try {
    await withPath(async (path) => {
      const opened = await Promise.allSettled([1, 2, 3].map(() => KvStorage.open(path)));
      const storages = opened.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
      assertEquals(storages.length, 1, JSON.stringify(opened));
      await storages[0]?.commit([started("c")]);
      await storages[0]?.close();
      const again = await KvStorage.open(path);
      assertEquals([again.isNew, (await everything(again)).length > 0], [false, true]);
      await again.close();
      const names = Array.from(Deno.readDirSync(path.slice(0, path.lastIndexOf("/"))), ({ name }) => name);
      assertEquals(names.sort(), ["brooklet.kv", "brooklet.kv.lock"]);
    });
  } finally {
    Deno.link = link;
  }
});

Deno.test("DenoKvStorage in an older Deno says which it needs", async () => {
  const file = import.meta.resolve("../../src/storage/deno_kv/file.ts");
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--unstable-kv",
      `delete Deno.FsFile.prototype.tryLock;
      const { openDatabase } = await import(${JSON.stringify(file)});
      try { await openDatabase("x.kv"); } catch (error) { console.log(error.message); }`,
    ],
  }).output();
  assertEquals(
    new TextDecoder().decode(stdout).trim(),
    `Cannot open x.kv: this is Deno ${Deno.version.deno}, a storage needs Deno 2.9; upgrade Deno`,
  );
});

Deno.test("DenoKvStorage without --unstable-kv says which flag is missing", async () => {
  const url = new URL("../../mod.ts", import.meta.url);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-config",
      `import { openDatabase } from ${JSON.stringify(String(new URL("src/storage/deno_kv/file.ts", url)))};
      try { await openDatabase("x.kv"); } catch (error) { console.log(error.message); }`,
    ],
  }).output();
  assertEquals(
    new TextDecoder().decode(stdout).trim(),
    "Cannot open x.kv: Deno KV is not enabled; run deno with --unstable-kv",
  );
});

Deno.test("DenoKvStorage keeps nothing once its file is deleted, and says so", async () => {
  await withPath(async (path) => {
    const storage = await KvStorage.open(path, 10);
    await storage.commit([started("c")]);
    await Deno.remove(path);
    const refused = (async () => {
      while (true) await storage.commit([{ kind: "accepted", clientId: "c", packetIdentifier: 1 }]);
    })();
    await within(
      assertRejects(() => refused, Error, `Cannot write to ${path}: the file was deleted or replaced`),
      "changes are kept",
    );
    await storage.close();
  });
});

const madeFile = once(make);
randomTest("A damaged file gives all that it had, or one clear line", 30, async (random) => {
  const { files, expected } = await madeFile();
  await withPath(async (path) => {
    for (const [suffix, bytes] of files) await Deno.writeFile(path + suffix, bytes);
    damage(random, path);
    const found = await within(readAll(path), "it hangs");
    if (typeof found === "string") assertMatch(found, /^Cannot (open|read|write to) [^\n]+$/);
    else assertEquals(found, expected);
  });
});

const madeLog = once(makeLog);
randomTest("A damaged log gives the changes before the damage, or one clear line", 30, async (random) => {
  const files = await madeLog();
  await withPath(async (path) => {
    for (const [suffix, bytes] of files) await Deno.writeFile(path + suffix, bytes);
    damage(random, `${path}-wal`);
    const found = await within(readAll(path, true), "it hangs");
    if (typeof found === "string") return assertMatch(found, /^Cannot (open|read|write to) [^\n]+$/);
    const sequences = found.map((change) => JSON.parse(change).sequence);
    assertEquals(sequences, sequences.map((_, index) => index + 1));
  });
});

/** Files of a database by the end of their names. */
type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** Makes it when it is asked for first. */
function once<Made>(make: () => Promise<Made>): () => Promise<Made> {
  let made: Promise<Made> | undefined;
  return () => made ??= make();
}

/** A database with something of everything. */
function make(): Promise<{ readonly files: Files; readonly expected: string[] }> {
  return withPath(async (path) => {
    const storage = await KvStorage.open(path);
    const list: CommitItem[] = [];
    for (let index = 0; index < 50; index++) {
      const clientId = `client ${index}`;
      list.push(started(clientId), { kind: "subscribed", clientId, subscription: subscription(`a/${index}`) });
      for (let sequence = 1; sequence <= 20; sequence++) {
        list.push(queued(clientId, sequence, message("x".repeat(100))));
      }
      list.push({ kind: "retained", topic: `t/${index}`, message: message("kept", { topic: `t/${index}` }) });
    }
    await storage.commit(list);
    const expected = await everything(storage);
    await storage.close();
    return { files: filesOf(path), expected };
  });
}

/** A database of which all is in its log, as a crash leaves it. */
function makeLog(): Promise<Files> {
  return withPath(async (path) => {
    const storage = await KvStorage.open(path);
    await storage.commit([started("c")]);
    for (let sequence = 1; sequence <= 50; sequence++) await storage.commit([queued("c", sequence, message("m"))]);
    const files = filesOf(path);
    await storage.close();
    return files;
  });
}

function filesOf(path: string): Files {
  const suffixes = ["", "-wal"].filter((suffix) => isFile(path + suffix));
  return new Map(suffixes.map((suffix) => [suffix, Deno.readFileSync(path + suffix)]));
}

function damage(random: Seeded, path: string): void {
  const bytes = Deno.readFileSync(path);
  if (random.oneIn(3)) return Deno.truncateSync(path, random.integer(0, bytes.length - 1));
  // Often at the beginning, which says what the file is.
  const at = random.integer(0, random.oneIn(3) ? 200 : bytes.length - 1);
  bytes[at] = (bytes[at] ?? 0) ^ 1 << random.integer(0, 7);
  Deno.writeFileSync(path, bytes);
}

/** All that a file gives, or the error. */
async function readAll(path: string, isOneSession = false): Promise<string[] | string> {
  let storage;
  try {
    storage = await KvStorage.open(path);
    const all = await everything(storage);
    return isOneSession ? await restored(storage, "c") : all;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await storage?.close().catch(() => {}); // It may not be writable.
  }
}

/** Output of a process with these permissions that opens the file and closes it again. */
async function openedWith(permissions: readonly string[], path: string): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: opening(permissions, path) }).output();
  return new TextDecoder().decode(stdout).trim() || new TextDecoder().decode(stderr);
}

function opening(permissions: readonly string[], ...args: readonly string[]): string[] {
  const script = new URL("./kv_opening.ts", import.meta.url).pathname;
  return ["run", "--no-prompt", "--unstable-kv", ...permissions, script, ...args];
}

function beat(atMs: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, atMs);
  return bytes;
}

async function change(path: string, rows: readonly (readonly [key: Key, record: Uint8Array])[]): Promise<void> {
  const kv = await Deno.openKv(path);
  await set(kv, rows);
  kv.close();
}

async function set(kv: Deno.Kv, rows: readonly (readonly [key: Key, record: Uint8Array])[]): Promise<void> {
  for (const [key, record] of rows) await kv.set(key, sealed(key, record).value);
}

async function withPath<Result>(use: (path: string) => Promise<Result>): Promise<Result> {
  const directory = await Deno.makeTempDir();
  try {
    return await use(`${directory}/brooklet.kv`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
