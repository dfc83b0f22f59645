import { assertEquals, assertStringIncludes } from "@std/assert";
import { within } from "../deadline.ts";
import { programTests } from "../interop/interop_tests.ts";
import { ConfigurationFolder } from "./config/written_file.ts";
import { ProgramInProcess } from "./program_in_process.ts";
import { brooklet, brookletProcess } from "./test_io.ts";

const ENDS_WITHIN_MS = 60_000;

for (const shell of ["bash", "zsh", "fish"]) {
  Deno.test(`brooklet completions ${shell} knows every command and option`, async () => {
    const script = await scriptFor(shell);
    for (const command of ["serve", "passwd", "storage", "convert", "completions"]) {
      assertStringIncludes(script, command);
    }
    for (const option of ["config", "check-config", "listen", "limit", "verbose", "will-qos"]) {
      assertStringIncludes(script, option);
    }
  });
}

Deno.test("brooklet completions refuses a shell that it does not know", async () => {
  await using program = new ProgramInProcess(["completions", "csh"]);
  const { code, stderr } = await program.ended();
  assertEquals([code, ...stderr], [2, 'brooklet: Write "brooklet completions bash", "zsh" or "fish"']);
});

/** Words typed before the Tab key, the last word after it, and text that is typed next without a blank. */
const ROWS: readonly (readonly [typed: string, completed: string, rest?: string])[] = [
  ["con", "convert"],
  ["serv", "serve"],
  ["--print", "--print-config"],
  ["serve --check", "--check-config"],
  ["--config brooklet.yaml --allow", "--allow-anonymous"],
  ["serve --log j", "json"],
  ["serve --log access=w", "access=warning"],
  ["serve --limit receiveM", "receiveMaximum=", "20"],
  ["storage ex", "export"],
  ["completions z", "zsh"],
  ["bench fan-o", "fan-out"],
  ["pub --will-q", "--will-qos"],
  ["passwd --it", "--iterations"],
  ["passwd --hash sc", "scrypt"],
  ["storage export --storage=k", "--storage=kv"],
  ["--config bro", "brook let.yaml"],
  ["convert dir/mos", "dir/mosquitto.conf"],
  ["sub --cafile dir/m", "dir/mosquitto.conf"],
];

/** Arguments of a shell that reads the completions at its start, and a command that prints its words. */
const SHELLS = {
  bash: { args: (folder: string) => ["bash", "--noprofile", "--rcfile", `${folder}/startup`, "-i"] },
  zsh: { args: (folder: string) => ["env", `ZDOTDIR=${folder}`, "zsh", "-d", "-i"] },
} as const;
const BROOKLET = `PS1=; brooklet() { printf '=>'; printf '[%s]' "$@"; echo; }\n`;

programTests(["bash", "script"])("bash completes words, options and files at the Tab key", async () => {
  using folder = await folderWith("bash");
  folder.write("startup", `${BROOKLET}bind 'set bell-style none'\n. ${folder.path}/completions\n`);
  assertEquals(await typed("bash", folder), expected());
});

programTests(["zsh", "script"])(
  "zsh completes words, options and files at the Tab key, from a folder of functions",
  async () => {
    using folder = await folderWith("zsh");
    folder.write("functions/_brooklet", Deno.readTextFileSync(`${folder.path}/completions`));
    folder.write(
      ".zshrc",
      `${BROOKLET}fpath=(${folder.path}/functions $fpath); autoload -U compinit; compinit -D -u\n`,
    );
    assertEquals(await typed("zsh", folder), expected());
  },
);

programTests(["zsh", "script"])("zsh completes as well where its start reads the completions", async () => {
  using folder = await folderWith("zsh");
  folder.write(".zshrc", `${BROOKLET}autoload -U compinit; compinit -D -u; . ${folder.path}/completions\n`);
  assertEquals(await typed("zsh", folder), expected());
});

programTests(["fish"])("fish completes words, options and files", async () => {
  using folder = await folderWith("fish");
  const asked = ROWS.map(([typed]) => `complete -C 'brooklet ${typed}'; echo .`);
  const { code, stdout, stderr } = await new Deno.Command("fish", {
    args: ["--no-config", "-c", [`source ${folder.path}/completions`, ...asked].join("\n")],
    cwd: folder.path,
    env: { HOME: folder.path },
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  const answers = new TextDecoder().decode(stdout).replaceAll("\\ ", " ").split(".\n").slice(0, -1);
  assertEquals(answers, ROWS.map(([, completed]) => `${completed}\n`));
});

/** Arguments that the command gets if the shell completes them. */
function expected(): string[] {
  return ROWS.map(([typed, completed, rest = ""]) => {
    const words = [...typed.split(" ").slice(0, -1), completed + rest];
    return `=>${words.map((word) => `[${word}]`).join("")}`;
  });
}

/** Types all rows into a shell at a terminal; gives what the command prints of its words. */
async function typed(shell: keyof typeof SHELLS, folder: ConfigurationFolder): Promise<string[]> {
  const command = SHELLS[shell].args(folder.path).join(" ");
  const child = new Deno.Command("script", {
    args: ["--quiet", "--command", command, "/dev/null"],
    cwd: folder.path,
    env: { TERM: "dumb", HOME: folder.path },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const input = child.stdin.getWriter();
  const lines = ROWS.map(([typed, , rest = ""]) => `brooklet ${typed}\t${rest}\n`);
  await input.write(new TextEncoder().encode([...lines, "exit\n"].join("")));
  const { stdout } = await within(child.output(), `${shell} to end`, ENDS_WITHIN_MS);
  await input.abort().catch(() => {}); // It may be broken already.
  return new TextDecoder().decode(stdout).split(/\r*\n/).filter((line) => line.startsWith("=>"));
}

/** A folder with the completions of a shell, and files to be found. */
async function folderWith(shell: string): Promise<ConfigurationFolder> {
  const folder = new ConfigurationFolder();
  folder.write("completions", await scriptFor(shell));
  folder.write("brook let.yaml", "");
  folder.write("dir/mosquitto.conf", "");
  return folder;
}

async function scriptFor(shell: string): Promise<string> {
  // One as users get it.
  const { code, stdout, stderr } = await (shell === "bash" ? brookletProcess : brooklet)(["completions", shell]);
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}
