import { assert, assertEquals } from "@std/assert";
import { KvStorage } from "../../src/storage/deno_kv/deno_kv_storage.ts";
import { completed, everything, message, queued, started } from "./kv_changes.ts";

const MESSAGES = 1_500;

Deno.test("KvStorage tells the size of its file while it is open, and what of that is free", async () => {
  await withMostlyFree(async (path) => {
    const storage = await KvStorage.open(path);
    const { bytes, freeBytes } = storage.size() ?? { bytes: 0, freeBytes: 0 };
    assertEquals(bytes, (await Deno.stat(path)).size);
    assert(freeBytes > bytes * 0.8 && freeBytes < bytes, `${freeBytes} of ${bytes}`);
    await storage.commit([started("d")]); // The size was read beside the connection of Deno KV.
    assertEquals(storage.size()?.bytes, bytes);
    await storage.close();
    assertEquals(storage.size(), undefined);
    const memory = await KvStorage.open(":memory:");
    assertEquals(memory.size(), undefined);
    await memory.close();
  });
});

Deno.test("KvStorage.compact() that is killed leaves a file with all that was kept", async () => {
  await withMostlyFree(async (path, expected) => {
    const script = `import { KvStorage } from ${
      JSON.stringify(import.meta.resolve("../../src/storage/deno_kv/deno_kv_storage.ts"))
    };
      const storage = await KvStorage.open(${JSON.stringify(path)});
      console.log("opened");
      await storage.compact();`;
    const whole = await Deno.readFile(path);
    for (const logBytes of [1, 400_000, 1_200_000]) { // VACUUM writes the smaller file to the log.
      await Deno.writeFile(path, whole);
      const child = new Deno.Command(Deno.execPath(), { args: ["eval", "--unstable-kv", script], stdout: "piped" })
        .spawn();
      const reader = child.stdout.getReader();
      await reader.read();
      const deadlineMs = performance.now() + 10_000;
      while (sizeOf(`${path}-wal`) < logBytes && performance.now() < deadlineMs); // Without a pause: it takes milliseconds.
      child.kill("SIGKILL");
      assertEquals((await child.status).signal, "SIGKILL");
      await reader.cancel();
      const storage = await KvStorage.open(path);
      assertEquals(await everything(storage), expected);
      await storage.close();
    }
  });
});

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0; // SQLite has not made it.
  }
}

/** A file of 15 MB of which a tenth is used, and all that is kept in it. */
async function withMostlyFree(use: (path: string, expected: string[]) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/brooklet.kv`;
  try {
    const storage = await KvStorage.open(path);
    const sequences = Array.from({ length: MESSAGES }, (_, index) => index + 1);
    const payload = "m".repeat(10_000);
    await storage.commit([
      started("c"),
      ...sequences.map((sequence) => queued("c", sequence, message(payload + sequence))),
    ]);
    await storage.commit(sequences.slice(0, MESSAGES * 0.9).map((sequence) => completed("c", sequence)));
    const expected = await everything(storage);
    await storage.close();
    await use(path, expected);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
