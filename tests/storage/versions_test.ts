import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { DumpCounts, dumpedChanges, dumpLines } from "../../src/cli/storage.ts";
import { type Change, changeFromJson, changeToJson, type CommitItem } from "../../src/storage/mod.ts";
import { FORMAT } from "../../src/storage/format.ts";
import { KvStorage } from "../../src/storage/deno_kv/deno_kv_storage.ts";
import { FORMAT_KEY, sessionKey } from "../../src/storage/deno_kv/keys.ts";
import { type Key, sealed } from "../../src/storage/deno_kv/rows.ts";

/**
 * Files and dumps of every version, each written by the build of its time: NAME.kv.gz and NAME.jsonl.gz. All have the
 * changes of changes.jsonl.gz, as far as their version knew them. After a change of what may be written: raise `FORMAT`,
 * and let this test write the new ones with `WRITE_VERSION=1 deno test -A tests/storage/versions_test.ts`.
 */
const VERSIONS: readonly { readonly name: string; readonly version: number; readonly lacks: readonly string[] }[] = [
  { name: "1_without_source", version: 1, lacks: ["source", "clock", "retainedDue", "network"] },
  { name: "1_without_clock", version: 1, lacks: ["clock", "retainedDue", "network"] },
  { name: "1_without_retained_due", version: 1, lacks: ["retainedDue", "network"] },
  { name: "1_without_network", version: 1, lacks: ["network"] },
  { name: "1", version: 1, lacks: [] },
  { name: "2", version: 2, lacks: [] },
];
const LATEST = VERSIONS.at(-1);

if (Deno.env.has("WRITE_VERSION")) {
  Deno.test("The file and the dump of this version are written", async () => {
    const { bytes, dump } = await written();
    await Deno.writeFile(fixture(`${FORMAT.version}.kv.gz`), await through(bytes, new CompressionStream("gzip")));
    const text = new TextEncoder().encode(dump.map((line) => `${line}\n`).join(""));
    await Deno.writeFile(fixture(`${FORMAT.version}.jsonl.gz`), await through(text, new CompressionStream("gzip")));
  });
}

for (const { name, version, lacks } of VERSIONS) {
  Deno.test(`A file of version ${name} has all that was kept in it, and only a commit makes it one of this version`, async () => {
    await withFile(await unzipped(`${name}.kv.gz`), async (path) => {
      let storage = await KvStorage.open(path);
      assertEquals(facts(await dumpOf(storage)), facts(await dumpLinesOf(name)));
      await storage.close();
      assertEquals((await rowsOf(path)).get(JSON.stringify(FORMAT_KEY))?.[0], version === 1 ? 1 : FORMAT.needs);
      storage = await KvStorage.open(path);
      await storage.commit([{ kind: "accepted", clientId: "c", packetIdentifier: 9 }]);
      await storage.close();
      assertEquals((await rowsOf(path)).get(JSON.stringify(FORMAT_KEY))?.[0], FORMAT.needs);
    });
  });

  Deno.test(`A dump of version ${name} has all that was kept, also after a way through a file of this version`, async () => {
    const lines = await dumpLinesOf(name);
    const changes = await changesOf(lines);
    assertEquals(changes.map((change) => JSON.parse(changeToJson(change))), facts(lines));
    const text = lines.join("\n");
    const words = { source: '"source"', clock: '"clock"', retainedDue: '"retainedDue"', network: '"network"' };
    for (const [word, field] of Object.entries(words)) assertEquals(text.includes(field), !lacks.includes(word), word);
    await withFile(undefined, async (path) => {
      const storage = await KvStorage.open(path);
      await storage.commit(changes);
      assertEquals(facts(await dumpOf(storage)), facts(lines));
      await storage.close();
    });
  });
}

Deno.test("Rows and dumps are those of the version that is kept: any change of them raises the version", async () => {
  assertEquals([LATEST?.version, LATEST?.name], [FORMAT.version, `${FORMAT.version}`]);
  const { bytes, dump } = await written();
  assertEquals(dump, await dumpLinesOf(`${FORMAT.version}`));
  await withFile(bytes, async (now) => {
    await withFile(await unzipped(`${FORMAT.version}.kv.gz`), async (kept) => {
      assertEquals(await rowsOf(now), await rowsOf(kept));
    });
  });
});

/** Format row of a later version, see `writeFormat`. */
function formatRow(version: number, needs: number, brooklet: string): Uint8Array {
  return new Uint8Array([needs, version, brooklet.length, ...new TextEncoder().encode(brooklet)]);
}

Deno.test("A file of a later version that needs it is refused in one line with the Brooklet that it needs, and stays", async () => {
  await withFile(await unzipped("2.kv.gz"), async (path) => {
    await put(path, FORMAT_KEY, formatRow(9, 8, "3.4.5"));
    const before = await Deno.readFile(path);
    const { message } = await assertRejects(() => KvStorage.open(path), Error);
    assertEquals(
      message,
      `Cannot open ${path}: its format is version 9, which needs Brooklet 3.4.5 or a later one: ` +
        `this one reads versions 1 to ${FORMAT.version}`,
    );
    assertEquals(await Deno.readFile(path), before);
  });
});

Deno.test("A file of a later version that needs this one is read without the rows and fields that are new", async () => {
  await withFile(await unzipped("2.kv.gz"), async (path) => {
    await put(path, FORMAT_KEY, formatRow(FORMAT.version + 1, FORMAT.needs, "3.4.5"));
    await put(path, ["new", 1], new Uint8Array([1, 2, 3]));
    const place = 0; // The record is in its row.
    await put(path, [...sessionKey(1), 64], new Uint8Array([1, 2, 3, place]));
    await put(path, sessionKey(99), new Uint8Array([1, 0x7a, 60, 0, 0x80, 3, 7, 7, 7, place])); // Client Identifier "z".
    const storage = await KvStorage.open(path);
    const added = [
      { kind: "sessionStarted", clientId: "z" },
      { kind: "sessionExpiry", clientId: "z", sessionExpirySeconds: 60 },
    ];
    const [clock, ...others] = facts(await dumpLinesOf("2"));
    assertEquals(
      new Set((await facts(await dumpOf(storage))).map(text)),
      new Set([clock, ...added, ...others].map(text)),
    );
    await storage.commit([{ kind: "accepted", clientId: "c", packetIdentifier: 9 }]);
    await storage.close();
    assertEquals((await rowsOf(path)).get(JSON.stringify(FORMAT_KEY)), [
      ...formatRow(FORMAT.version + 1, FORMAT.needs, "3.4.5"),
    ]);
  });
});

Deno.test("A dump of a later version is refused with the Brooklet that it needs, or read without what is new", async () => {
  const [, ...rest] = await dumpLinesOf("2");
  const later = { ...FORMAT, version: FORMAT.version + 1 };
  const refused = JSON.stringify({ kind: "dump", ...later, needs: later.version, brooklet: "3.4.5" });
  await assertRejects(
    () => changesOf([refused, ...rest]),
    SyntaxError,
    `its format is version ${later.version}, which needs Brooklet 3.4.5 or a later one: this one reads`,
  );
  await assertRejects(
    () => changesOf([`{"kind":"dump","version":${later.version}}`, ...rest]),
    SyntaxError,
    "a later Brooklet",
  );
  const withMore = rest.map((line) =>
    line.replace('"qos":1', '"qos":1,"new":{"a":[1]}').replace(/\}$/, ',"more":null}')
  );
  const end = `{"kind":"end","changes":${rest.length}}`;
  const lines = [JSON.stringify({ kind: "dump", ...later }), '{"kind":"novel","b":1}', ...withMore.slice(0, -1), end];
  assertEquals(await changesOf(lines), await changesOf(await dumpLinesOf("2")));
  const ofNow = [JSON.stringify({ kind: "dump", ...FORMAT }), ...withMore.slice(0, -1), end];
  const { message } = await assertRejects(() => changesOf(ofNow), SyntaxError);
  assertMatch(message, /^Cannot read line 2: "more" is not a known field$/);
});

/** What this build writes for the changes. */
function written(): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly dump: readonly string[] }> {
  return withFile(undefined, async (path) => {
    const storage = await KvStorage.open(path);
    await storage.commit(await sample());
    await storage.swept();
    const dump = await dumpOf(storage);
    await storage.close();
    return { bytes: await Deno.readFile(path), dump };
  });
}

/** The changes that each version has kept; equal messages are one object, as those of a fan-out. */
async function sample(): Promise<CommitItem[]> {
  const lines = new TextDecoder().decode(await unzipped("changes.jsonl.gz")).trimEnd().split("\n");
  const messages = new Map<string, Extract<Change, { kind: "queued" }>["message"]>();
  return lines.map((line, index) => {
    const change = changeFromJson(line, index + 1);
    if (change.kind !== "queued") return change;
    const name = JSON.stringify(JSON.parse(line).message);
    const message = messages.get(name) ?? change.message;
    messages.set(name, message);
    return { ...change, message };
  });
}

async function dumpOf(storage: KvStorage): Promise<string[]> {
  return await Array.fromAsync(dumpLines(storage, new DumpCounts()));
}

async function dumpLinesOf(name: string): Promise<string[]> {
  return new TextDecoder().decode(await unzipped(`${name}.jsonl.gz`)).trimEnd().split("\n");
}

async function changesOf(lines: readonly string[]): Promise<Change[]> {
  return (await Array.fromAsync(dumpedChanges(ReadableStream.from(lines), new DumpCounts()))).flat();
}

/** Changes of a dump as plain values, without its first and last line. */
function facts(lines: readonly string[]): unknown[] {
  return lines.slice(1, -1).map((line) => JSON.parse(line));
}

function text(value: unknown): string {
  return JSON.stringify(value);
}

/** Rows of a file by key. */
async function rowsOf(path: string): Promise<Map<string, number[]>> {
  using kv = await Deno.openKv(path);
  const rows = new Map<string, number[]>();
  for await (const { key, value } of kv.list({ prefix: [] })) {
    assert(value instanceof Uint8Array);
    rows.set(JSON.stringify(key), Array.from(value.subarray(0, -4)));
  }
  return rows;
}

async function put(path: string, key: Key, record: Uint8Array): Promise<void> {
  using kv = await Deno.openKv(path);
  await kv.set(key, sealed(key, record).value);
}

function fixture(name: string): URL {
  return new URL(`versions/${name}`, import.meta.url);
}

async function unzipped(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return await through(await Deno.readFile(fixture(name)), new DecompressionStream("gzip"));
}

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  stream: TransformStream<BufferSource, Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array<ArrayBuffer>> {
  return await new Response(new Blob([bytes]).stream().pipeThrough(stream)).bytes();
}

async function withFile<Result>(
  bytes: Uint8Array | undefined,
  use: (path: string) => Promise<Result>,
): Promise<Result> {
  const directory = await Deno.makeTempDir();
  try {
    if (bytes !== undefined) await Deno.writeFile(`${directory}/brooklet.kv`, bytes);
    return await use(`${directory}/brooklet.kv`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
