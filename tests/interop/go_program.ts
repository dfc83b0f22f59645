import { builtOnce } from "../built_once.ts";
import { within } from "../deadline.ts";

const SOURCE = new URL("go/", import.meta.url).pathname;
const BUILD_WITHIN_MS = 180_000; // The first time, all of the standard library is compiled.

/** Gives the path of a program of `go/`, or of the tests of a package there, built once for the tests of a file. */
export function goProgram(
  what: { readonly build: "program" } | { readonly build: "tests"; readonly of: string },
): () => Promise<string> {
  return builtOnce(async (folder) => {
    const path = `${folder}/program`;
    const command = what.build === "program" ? ["build"] : ["test", "-c"];
    const source = what.build === "program" ? "." : `./${what.of}`;
    const args = [...command, "-buildvcs=false", "-o", path, source];
    const build = new Deno.Command("go", { args, cwd: SOURCE }).output();
    const { success, stderr } = await within(build, "go build", BUILD_WITHIN_MS);
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return path;
  });
}
