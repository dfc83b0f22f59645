import { assertEquals, assertRejects } from "@std/assert";
import { readTextIfThere, replaceFile } from "../../src/cli/files.ts";

Deno.test("replaceFile() that fails leaves the old file and nothing else", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/directory`);
    await assertRejects(() => replaceFile(`${folder}/directory`, "text"));
    await assertRejects(() => replaceFile(`${folder}/none/file`, "text"), Deno.errors.NotFound);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["directory"]);
  });
});

Deno.test("A file that is read while it is replaced has one text or the other, never a part", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/file`;
    const texts = ["a", "b"].map((character) => character.repeat(1_000_000));
    await replaceFile(path, texts[0] ?? "");
    let isOver = false;
    const seen = new Set<boolean>();
    const reading = (async () => {
      while (!isOver) seen.add(texts.includes(await Deno.readTextFile(path)));
    })();
    for (let round = 0; round < 20; round++) await replaceFile(path, texts[round % 2] ?? "");
    isOver = true;
    await reading;
    assertEquals(seen, new Set([true]));
  });
});

Deno.test("A file that is not there has no text, and one that is not UTF-8 is not taken for one", async () => {
  await inFolder(async (folder) => {
    assertEquals(await readTextIfThere(`${folder}/none`), undefined);
    await Deno.writeFile(`${folder}/latin1`, Uint8Array.of(0x4a, 0xf6, 0x72, 0x67));
    await assertRejects(() => readTextIfThere(`${folder}/latin1`), TypeError);
  });
});

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
