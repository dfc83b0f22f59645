import { assert, assertEquals } from "@std/assert";
import { isInstalled, testsUnless } from "./installed.ts";

const ROOT = new URL("../", import.meta.url);

/** Commands that a page shows. */
interface Block {
  readonly place: string;
  readonly text: string;
}

const BLOCKS = pages().flatMap((path) => blocksOf(path, Deno.readTextFileSync(new URL(path, ROOT))));

for (const shell of ["zsh", "bash", "fish"]) {
  const reason = isInstalled(shell) ? undefined : `not installed: ${shell} (Debian: ${shell})`;
  testsUnless(reason)(`${shell} can read every command of the documentation`, async () => {
    assert(BLOCKS.length > 10);
    const complaints: string[] = [];
    for (const { place, text } of BLOCKS) {
      // fish has no here-documents, and the script has its own shell.
      if (shell === "fish" && /<<|^#!|\$\(|^\w+=/m.test(text)) continue;
      const { code, stderr } = await new Deno.Command(shell, { args: ["-n", "-c", text] }).output();
      if (code !== 0) complaints.push(`${place}: ${new TextDecoder().decode(stderr)}`);
    }
    assertEquals(complaints, []);
  });
}

Deno.test("Commands of the documentation have no word that zsh or fish take for a pattern of files", () => {
  const patterns = BLOCKS.filter(({ text }) => !text.startsWith("#!")) // A script has its own shell.
    .flatMap(({ place, text }) => wordsWithPattern(text).map((word) => `${place}: ${word}`));
  assertEquals(patterns, []);
});

Deno.test("Words with *, ? and [ are found outside of quotes alone", () => {
  const text = `a 'mqtt://*:1' "[::]:1" # why?\nb mqtt://*:1 --allow-net=[::]:2 ws://a?b=c\ncat <<'END'\n[*]\nEND\n`;
  assertEquals(wordsWithPattern(text), ["mqtt://*:1", "--allow-net=[::]:2", "ws://a?b=c"]);
});

/** Words of commands that a shell expands to names of files: zsh refuses them if there is none. */
function wordsWithPattern(text: string): string[] {
  const bare = text.replaceAll(/<<'(\w+)'\n.*?^\1$/gms, "").replaceAll(/'[^']*'|"[^"]*"/g, "").replaceAll(
    /(^|\s)#.*$/gm,
    "",
  );
  return bare.split(/\s+/).filter((word) => /[*?[]/.test(word));
}

function blocksOf(path: string, text: string): Block[] {
  return [...text.matchAll(/^( *)```(?:sh|bash|zsh)\b.*\n([^]*?)^ *```$/gm)].map((match) => {
    const line = text.slice(0, match.index).split("\n").length;
    return { place: `${path}:${line}`, text: match[2] ?? "" };
  });
}

function pages(): string[] {
  const docs = Array.from(Deno.readDirSync(new URL("docs/", ROOT)), ({ name }) => `docs/${name}`);
  return ["README.md", "CONTRIBUTING.md", "SECURITY.md", ...docs.filter((path) => path.endsWith(".md"))];
}
