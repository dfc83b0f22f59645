import { assertEquals, assertStringIncludes } from "@std/assert";
import { programTests } from "../interop/interop_tests.ts";
import { Program } from "./program.ts";

for (const shell of ["bash", "zsh", "fish"]) {
  Deno.test(`brooklet completions ${shell} knows every command and option`, async () => {
    const script = await scriptFor(shell);
    for (const command of ["serve", "passwd", "storage", "convert", "completions"]) {
      assertStringIncludes(script, command);
    }
    for (const option of ["config", "check-config", "listen", "limit", "verbose"]) assertStringIncludes(script, option);
  });
}

Deno.test("brooklet completions refuses a shell that it does not know", async () => {
  await using program = new Program(["completions", "csh"]);
  const { code, stderr } = await program.ended();
  assertEquals([code, ...stderr], [2, 'brooklet: Write "brooklet completions bash", "zsh" or "fish"']);
});

const ROWS: readonly (readonly [words: readonly string[], completed: string])[] = [
  [["brooklet", "con"], "convert"],
  [["brooklet", "--print"], "--print-config"],
  [["brooklet", "serve", "--check"], "--check-config"],
  [["brooklet", "serve", "--log", "j"], "json"],
  [["brooklet", "serve", "--log", "acc"], "access="],
  [["brooklet", "serve", "--limit", "receive"], "receiveMaximum="],
];

programTests(["bash"])("bash completes the words of brooklet", async () => {
  const script = await scriptFor("bash");
  for (const [words, completed] of ROWS) {
    const asked =
      `compopt() { :; }\n${script}\nCOMP_WORDS=(${words.join(" ")}); COMP_CWORD=${words.length - 1}; _brooklet; ` +
      'echo "${COMPREPLY[*]}"';
    const { stdout } = await new Deno.Command("bash", { args: ["-c", asked] }).output();
    assertEquals(new TextDecoder().decode(stdout).trim(), completed);
  }
});

async function scriptFor(shell: string): Promise<string> {
  await using program = new Program(["completions", shell]);
  const { code, stdout, stderr } = await program.ended();
  assertEquals([code, stderr], [0, []]);
  return stdout.join("\n");
}
