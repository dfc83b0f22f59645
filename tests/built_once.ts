/**
 * Gives what the tests of a file share and build once, when the first of them asks: its folder is removed after the last.
 */
export function builtOnce<Built>(build: (folder: string) => Promise<Built>): () => Promise<Built> {
  let folder: string | undefined;
  let built: Promise<Built> | undefined;
  Deno.test.afterAll(async () => {
    if (folder !== undefined) await Deno.remove(folder, { recursive: true });
  });
  return () => {
    folder ??= Deno.makeTempDirSync();
    return built ??= build(folder);
  };
}
