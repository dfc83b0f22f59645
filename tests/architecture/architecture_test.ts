import { assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);
const PATHS = [
  { heading: "One PUBLISH with QoS 0", key: "qos0" },
  { heading: "One PUBLISH with QoS 2 between durable sessions", key: "qos2" },
] as const;

Deno.test("docs/architecture.md lists the files that one PUBLISH touches", async (test) => {
  const text = await Deno.readTextFile(new URL("docs/architecture.md", ROOT));
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "tests/architecture/files_of_a_publish.ts"],
    cwd: ROOT,
    stderr: "inherit",
  }).output();
  assertEquals(success, true);
  const touched: Record<typeof PATHS[number]["key"], string[]> = JSON.parse(new TextDecoder().decode(stdout));
  for (const { heading, key } of PATHS) {
    await test.step(heading, () => assertEquals(listedIn(sectionOf(text, heading)), touched[key]));
  }
});

/** The text from a heading until the next one. */
function sectionOf(text: string, heading: string): string {
  const [, section = ""] = text.split(`### ${heading}\n`);
  return section.split(/^#/m)[0] ?? "";
}

/** File names in the rows of tables, as in "| `broker/turn.ts` | …": sorted. */
function listedIn(section: string): string[] {
  return Array.from(section.matchAll(/^\| +`([\w/]+\.ts)` +\|/gm), ([, file = ""]) => file).sort();
}
