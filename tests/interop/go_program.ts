import { within } from "../deadline.ts";

const SOURCE = new URL("go/", import.meta.url).pathname;
const BUILD_WITHIN_MS = 180_000; // The first time, all of the standard library is compiled.

/** Builds a program of `go/`, or the tests of a package there, and has it used by its path. */
export async function withGoProgram(
  what: { readonly build: "program" } | { readonly build: "tests"; readonly of: string },
  use: (path: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/program`;
  const command = what.build === "program" ? ["build"] : ["test", "-c"];
  const source = what.build === "program" ? "." : `./${what.of}`;
  try {
    const args = [...command, "-buildvcs=false", "-o", path, source];
    const build = new Deno.Command("go", { args, cwd: SOURCE }).output();
    const { success, stderr } = await within(build, "go build", BUILD_WITHIN_MS);
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    await use(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
