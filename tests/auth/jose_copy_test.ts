import { assertEquals } from "@std/assert";

Deno.test("src/auth/jose.js is what deno bundle makes of the package that its first lines name", async () => {
  const copy = await Deno.readTextFile(new URL("../../src/auth/jose.js", import.meta.url));
  const [head = "", ...rest] = copy.split("*/\n");
  const [, line = ""] = /^ \* +(export \{.*\} from "npm:jose@[\d.]+";)$/m.exec(head) ?? [];
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/jose.ts`, line);
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--quiet", "jose.ts"],
      cwd: folder,
      stderr: "inherit",
    }).output();
    assertEquals(withoutPaths(rest.join("*/\n")), withoutPaths(new TextDecoder().decode(stdout)));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** The code alone: comments name files of the cache. */
function withoutPaths(code: string): string {
  return code.replaceAll(/^\/\/ .*\.js$/gm, "").trim();
}
