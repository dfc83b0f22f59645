import { assert, assertEquals } from "@std/assert";

/** Files that are packages, as `deno bundle` writes them. */
const COPIES = ["src/admin/zod.js", "src/auth/jose.js"];

for (const path of COPIES) {
  Deno.test(`${path} is what deno bundle makes of the package that its first lines name`, async () => {
    const copy = await Deno.readTextFile(new URL(`../${path}`, import.meta.url));
    const [head = "", ...rest] = copy.split(" */\n");
    const lines = Array.from(head.matchAll(/^ \* +(export \{.*\} from "npm:.*";)$/gm), ([, line]) => line);
    assert(lines.length > 0);
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/copy.ts`, lines.join("\n"));
      const { stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["bundle", "--quiet", "copy.ts"],
        cwd: folder,
        stderr: "inherit",
      }).output();
      assertEquals(withoutPaths(rest.join(" */\n")), withoutPaths(new TextDecoder().decode(stdout)));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** The code alone: comments name files of the cache. */
function withoutPaths(code: string): string {
  return code.replaceAll(/^\/\/ .*\.js$/gm, "").trim();
}
