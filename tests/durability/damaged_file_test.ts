/** A database that was cut, changed or removed behind the broker's back. */

import { assert, assertEquals, assertLess, assertMatch, assertNotEquals } from "@std/assert";
import { Program } from "../cli/program.ts";
import { brooklet } from "../cli/test_io.ts";
import { printFigure } from "../hostile/broker_child.ts";
import { withSeed } from "../hostile/with_seed.ts";
import { Seeded } from "../seeded.ts";
import { KvFile } from "./kv_file.ts";
import { inForm } from "../form.ts";
import { NumberedMessages } from "./numbered_messages.ts";

const PLACES = inForm(4, 10, 100);
const MESSAGES = 2_000;
const PAYLOAD_BYTES = 3_000;
const ANSWERED_WITHIN_MS = 10_000;

/** What became of a start. */
type Outcome = "whole" | "as before" | "refused";

Deno.test("A database cut or changed anywhere gives a state that was, or one clear line, and never less", () =>
  withSeed(async (random) => {
    await using file = await KvFile.create();
    const messages = await NumberedMessages.keep(file, MESSAGES, PAYLOAD_BYTES);
    const kept = await contentsOf(file);
    const counts: Record<Outcome, number> = { whole: 0, "as before": 0, refused: 0 };
    const wrong: string[] = [];
    let slowestMs = 0;
    for (let place = 0; place < PLACES; place++) {
      const seed = random.uint32();
      const { text, contents, isLog } = damaged(kept, new Seeded(seed));
      await write(file, contents);
      const startedMs = performance.now();
      await using program = new Program(file.args);
      const outcome = await outcomeOf(program, messages, isLog).catch((error: Error) => error.message);
      slowestMs = Math.max(slowestMs, performance.now() - startedMs);
      if (outcome === "whole" || outcome === "as before" || outcome === "refused") counts[outcome] += 1;
      else wrong.push(`${text}: ${outcome}`);
    }
    printFigure(
      `damage at ${PLACES} places of a database of ${kept.reduce((sum, { bytes }) => sum + bytes.length, 0)} bytes: ` +
        `${counts.refused} refused, ${counts.whole} whole, ${
          counts["as before"]
        } as it was before, ${wrong.length} wrong; ` +
        `the slowest was known after ${Math.round(slowestMs)} ms`,
    );
    assertEquals(wrong, []);
    assertLess(slowestMs, ANSWERED_WITHIN_MS);
  }));

interface Content {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** One of the files with some bits changed, or cut; `isLog`: only what was written last is in it. */
function damaged(
  kept: readonly Content[],
  random: Seeded,
): { readonly text: string; readonly contents: readonly Content[]; readonly isLog: boolean } {
  const chosen = random.pick(kept);
  const name = chosen.path.replace(/.*\//, "");
  const isLog = name.endsWith("-wal");
  const at = random.integer(0, chosen.bytes.length - 1);
  const isCut = random.oneIn(3);
  const bytes = isCut ? chosen.bytes.slice(0, at) : chosen.bytes.slice();
  const bits = random.pick([1, 8, 64]);
  if (!isCut) {
    for (let bit = 0; bit < bits; bit++) {
      const place = Math.min(bytes.length - 1, at + (bit >> 3));
      bytes[place] = (bytes[place] ?? 0) ^ 1 << random.integer(0, 7);
    }
  }
  const contents = kept.map((content) => content === chosen ? { path: content.path, bytes } : content);
  return { text: `${name} ${isCut ? "cut" : `with ${bits} bits changed`} at ${at}`, contents, isLog };
}

async function outcomeOf(program: Program, messages: NumberedMessages, isLog: boolean): Promise<Outcome> {
  const ended = program.ended(ANSWERED_WITHIN_MS);
  ended.catch(() => {}); // It listens.
  const port = await program.port().catch(() => undefined);
  if (port === undefined) {
    const { code, stderr } = await ended;
    assertNotEquals(code, 0);
    assertEquals(stderr.length, 1, stderr.join("\n"));
    assertMatch(stderr[0] ?? "", /^brooklet: Cannot /);
    return "refused";
  }
  const { isWhole, missing } = await messages.read(port);
  if (isWhole) return "whole";
  // The end of what was written last may be missing: then all that came behind it is.
  assert(isLog && missing === undefined, `missing: ${missing}`);
  return "as before";
}

async function contentsOf(file: KvFile): Promise<Content[]> {
  const all = await file.files();
  // The index of the log is made anew.
  const used = all.filter(({ path }) => !path.endsWith("-shm"));
  return await Promise.all(used.map(async ({ path }) => ({ path, bytes: await Deno.readFile(path) })));
}

async function write(file: KvFile, contents: readonly Content[]): Promise<void> {
  for (const { path } of await file.files()) await Deno.remove(path);
  for (const { path, bytes } of contents) await Deno.writeFile(path, bytes);
}

const GONE = [
  { name: "truncated to nothing", damage: (path: string) => Deno.truncate(path, 0) },
  { name: "deleted, with its log left", damage: (path: string) => Deno.remove(path) },
  { name: "replaced by a text", damage: (path: string) => Deno.writeTextFile(path, "hello\n".repeat(1_000)) },
  {
    name: "truncated to nothing, its log too",
    damage: async (path: string) => {
      await Deno.truncate(path, 0);
      await Deno.remove(`${path}-wal`);
    },
  },
];
for (const { name, damage } of GONE) {
  Deno.test(`A database ${name} is refused with one line`, async () => {
    await using file = await KvFile.create();
    await NumberedMessages.keep(file, 10, 10);
    await damage(file.path);
    for (const _time of ["first", "second"]) { // The first refusal leaves nothing behind that would be taken for a database.
      const { code, stderr } = await brooklet(file.args);
      assertNotEquals(code, 0);
      assertMatch(stderr, /^brooklet: Cannot open .*\n$/);
    }
  });
}
