import { assert, assertEquals, assertMatch } from "@std/assert";
import { parsePasswordFile } from "../../src/auth/mod.ts";
import { verifyPassword } from "../../src/auth/password_hash.ts";
import { within } from "../deadline.ts";
import { testWith } from "../durability/needs.ts";
import { programTests } from "../interop/interop_tests.ts";
import { ConfigurationFolder } from "./config/written_file.ts";
import { brooklet, brookletProcess, type Outcome } from "./test_io.ts";

const REPOSITORY = new URL("../../", import.meta.url);
const QUICK = ["--iterations", "1"];

/** A folder with a password file in it, or none. */
class Folder implements AsyncDisposable {
  readonly path: string;

  private constructor(readonly folder: string) {
    this.path = `${folder}/passwords`;
  }

  static async make(text?: string, mode = 0o600): Promise<Folder> {
    const folder = new Folder(await Deno.makeTempDir());
    if (text !== undefined) await Deno.writeTextFile(folder.path, text);
    if (text !== undefined) await Deno.chmod(folder.path, mode);
    return folder;
  }

  text(): Promise<string> {
    return Deno.readTextFile(this.path);
  }

  /** Whether this user gets in. */
  async accepts(userName: string, password: string): Promise<boolean> {
    const hash = parsePasswordFile(await this.text()).get(userName);
    return hash !== undefined && await verifyPassword(new TextEncoder().encode(password), hash);
  }

  names(): string[] {
    return [...Deno.readDirSync(this.folder)].map(({ name }) => name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

function passwd(args: readonly string[], input = ""): Promise<Outcome> {
  return brooklet(["passwd", ...args], { input });
}

const DONE: Outcome = { code: 0, stdout: "", stderr: "" };

Deno.test("passwd -c makes a file for its owner alone, with 210,000 iterations, and nothing beside it", async () => {
  await using folder = await Folder.make();
  assertEquals(await passwd(["-c", "-b", folder.path, "ann", "secret"]), DONE);
  assertMatch(await folder.text(), /^ann:\$7\$210000\$[^$]{16}\$[^$]{88}\n$/);
  assertEquals(((await Deno.stat(folder.path)).mode ?? 0) & 0o777, 0o600);
  assertEquals(folder.names(), ["passwords"]);
  assert(await folder.accepts("ann", "secret"));
});

Deno.test("passwd adds a user and changes one, from standard input and from the command line, and keeps mode and link", async () => {
  await using folder = await Folder.make("# users\n", 0o640);
  const owner = Deno.uid() === 0 ? 1 : Deno.uid(); // Only root can give a file away.
  await Deno.chown(folder.path, owner, null);
  const link = `${folder.folder}/link`;
  await Deno.symlink(folder.path, link);
  assertEquals(await brookletProcess(["passwd", ...QUICK, link, "ann"], { input: "first\r\nsecond\n" }), DONE);
  assert(await folder.accepts("ann", "first"));
  assertEquals(await passwd([...QUICK, "-b", folder.path, "123", "-h"]), DONE);
  assertEquals(await passwd([...QUICK, folder.path, "ann"], "pässword without an end"), DONE);
  assert(await folder.accepts("ann", "pässword without an end"));
  assert(await folder.accepts("123", "-h"));
  assertMatch(await folder.text(), /^# users\nann:\S+\n123:\S+\n$/);
  assertEquals(((await Deno.stat(folder.path)).mode ?? 0) & 0o777, 0o640);
  assertEquals((await Deno.stat(folder.path)).uid, owner);
  assertEquals((await Deno.lstat(link)).isSymlink, true);
});

Deno.test("passwd -c overwrites, -D deletes, -U puts hashes in place of plain passwords, -n prints", async () => {
  await using folder = await Folder.make("old:plain\n# users\n");
  assertEquals(await passwd([...QUICK, "-U", folder.path]), DONE);
  assert(await folder.accepts("old", "plain"));
  const before = await folder.text();
  assertEquals(await passwd([...QUICK, "-U", folder.path]), DONE);
  assertEquals(await folder.text(), before);
  assertEquals(await passwd(["-D", folder.path, "old"]), DONE);
  assertEquals(await folder.text(), "# users\n");
  assertEquals(await passwd([...QUICK, "-cb", folder.path, "ann", "secret"]), DONE);
  assertMatch(await folder.text(), /^ann:\S+\n$/);
  const printed = await passwd([...QUICK, "-n", "bob"], "secret\n");
  assertMatch(printed.stdout, /^bob:\$7\$1\$\S+\n$/);
  assertEquals(parsePasswordFile(printed.stdout).size, 1);
});

Deno.test("passwd --hash scrypt makes hashes by scrypt, and --hash pbkdf2 those of mosquitto", async () => {
  await using folder = await Folder.make("old:plain\n");
  assertEquals(await passwd(["--hash", "scrypt", "-b", folder.path, "ann", "secret"]), DONE);
  assertEquals(await passwd(["--hash", "scrypt", "-U", folder.path]), DONE);
  assertMatch(await folder.text(), /^old:\$scrypt\$ln=15,r=8,p=3\$\S+\nann:\$scrypt\$ln=15,r=8,p=3\$\S+\n$/);
  assert(await folder.accepts("old", "plain") && await folder.accepts("ann", "secret"));
  assert(!await folder.accepts("ann", "plain"));
  assertEquals(await passwd(["--hash", "pbkdf2", ...QUICK, "-b", folder.path, "ann", "secret"]), DONE);
  assertMatch(await folder.text(), /^old:\$scrypt\$\S+\nann:\$7\$1\$\S+\n$/);
});

Deno.test("passwd --hash argon2id makes hashes of mosquitto 2.1, and leaves those that mosquitto 2.1 made", async () => {
  const made = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$utKe61mOxFs7gcGH";
  await using folder = await Folder.make(`old:plain\neve:${made}\n`);
  assertEquals(await passwd(["--hash", "argon2id", "-b", folder.path, "ann", "secret"]), DONE);
  assertEquals(await passwd(["--hash", "argon2id", "-U", folder.path]), DONE);
  const lines = (await folder.text()).split("\n");
  const hash = /^\$argon2id\$v=19\$m=47104,t=1,p=1\$[\w+/]{22}\$[\w+/]{43}$/;
  assertMatch(lines[0]?.replace(/^old:/, "") ?? "", hash);
  assertEquals(lines[1], `eve:${made}`);
  assertMatch(lines[2]?.replace(/^ann:/, "") ?? "", hash);
  assert(await folder.accepts("old", "plain") && await folder.accepts("ann", "secret"));
  assert(await folder.accepts("eve", "secret") && !await folder.accepts("ann", "plain"));
});

/** A command line that changes nothing. */
interface Row {
  readonly name: string;
  readonly args: (path: string) => readonly string[];
  readonly text?: string;
  readonly input?: string;
  readonly code: number;
  readonly stderr: RegExp;
}

const USAGE =
  /^brooklet: Write "brooklet passwd \[-c\] \[-b\] FILE USER": "brooklet passwd --help" lists what else there is\n$/;
const ROWS: readonly Row[] = [
  { name: "nothing", args: () => [], code: 2, stderr: USAGE },
  { name: "a file alone", args: (path) => [path], code: 2, stderr: USAGE },
  { name: "a password without -b", args: (path) => [path, "ann", "secret"], code: 2, stderr: USAGE },
  { name: "-b without a password", args: (path) => ["-b", path, "ann"], code: 2, stderr: USAGE },
  { name: "-D and -U", args: (path) => ["-D", "-U", path], code: 2, stderr: USAGE },
  { name: "-D and -c", args: (path) => ["-c", "-D", path, "ann"], code: 2, stderr: USAGE },
  { name: "-U with a user", args: (path) => ["-U", path, "ann"], code: 2, stderr: USAGE },
  {
    name: "an unknown option",
    args: (path) => ["-x", path, "ann"],
    code: 2,
    stderr: /^brooklet: Unknown option "-x": "brooklet passwd --help" lists what there is\n$/,
  },
  {
    name: "iterations that are none",
    args: (path) => ["--iterations", "0", path, "ann"],
    code: 2,
    stderr: /^brooklet: --iterations "0" is not an integer between 1 and 2000000\n$/,
  },
  {
    name: "a kind of hash that is not there",
    args: (path) => ["--hash", "bcrypt", path, "ann"],
    code: 2,
    stderr: /^brooklet: --hash "bcrypt" is not one of "pbkdf2", "argon2id" and "scrypt"\n$/,
  },
  {
    name: "iterations of argon2id",
    args: (path) => ["--hash", "argon2id", "--iterations", "5", path, "ann"],
    code: 2,
    stderr: /^brooklet: Options --hash argon2id and --iterations do not go together\n$/,
  },
  {
    name: "iterations of scrypt",
    args: (path) => ["--hash", "scrypt", "--iterations", "5", path, "ann"],
    code: 2,
    stderr: /^brooklet: Options --hash scrypt and --iterations do not go together\n$/,
  },
  {
    name: "-U of a file with a hash that is cut",
    args: (path) => ["-U", path],
    text: "ann:$scrypt$ln=15,r=8,p=3$AAAA\n",
    code: 1,
    stderr: /^brooklet: Cannot change "\S+passwords": line 1 has a hash that cannot be used: it is not \$scrypt\$.*\n$/,
  },
  {
    name: "-U of a file with a hash of other software",
    args: (path) => ["-U", path],
    text: "bob:plain\nann:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC\n",
    code: 1,
    stderr:
      /^brooklet: Cannot change "\S+passwords": line 2 has a hash that cannot be used: bcrypt is not read here, .*\n$/,
  },
  {
    name: "a hash in place of a password",
    args: (path) => ["-b", path, "ann", "$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC"],
    code: 2,
    stderr: /^brooklet: Cannot set the password: it is a hash; give the password itself\n$/,
  },
  {
    name: "a user name with a colon",
    args: (path) => ["-b", path, "a:b", "secret"],
    code: 2,
    stderr: /^brooklet: Cannot use the user name "a:b": it is empty, or has ":" or a control character\n$/,
  },
  {
    name: "an empty user name",
    args: (path) => ["-b", path, "", "secret"],
    code: 2,
    stderr: /^brooklet: Cannot use the user name "": /,
  },
  {
    name: "an empty password",
    args: (path) => ["-b", path, "ann", ""],
    code: 2,
    stderr: /^brooklet: Cannot set the password: it is empty\n$/,
  },
  {
    name: "an empty line",
    args: (path) => [path, "ann"],
    input: "\nsecret\n",
    code: 2,
    stderr: /^brooklet: Cannot set the password: it is empty\n$/,
  },
  {
    name: "no input",
    args: (path) => [path, "ann"],
    code: 2,
    stderr: /^brooklet: Cannot set the password: it is empty\n$/,
  },
  {
    name: "a user that is not there",
    args: (path) => ["-D", path, "bob"],
    code: 1,
    stderr: /^brooklet: Cannot delete "bob": "\S+passwords" has no such user\n$/,
  },
  {
    name: "a file that is not there",
    args: (path) => ["-b", `${path}.other`, "ann", "secret"],
    code: 1,
    stderr: /^brooklet: Cannot change "\S+passwords\.other": there is no such file; -c makes it\n$/,
  },
  {
    name: "a file that cannot be made",
    args: (path) => ["-c", "-b", `${path}/x`, "ann", "secret"],
    code: 1,
    stderr: /^brooklet: Cannot change "\S+": \w+: .*\n$/,
  },
  {
    name: "a file with a line that is none",
    args: (path) => ["-b", path, "ann", "secret"],
    text: "# users\nsecret line\n",
    code: 1,
    stderr: /^brooklet: Cannot change "\S+passwords": line 2 has no ":"\n$/,
  },
];
for (const { name, args, text = "ann:x\n", input = "", code, stderr } of ROWS) {
  Deno.test(`passwd with ${name} exits with ${code}, says why, and changes nothing`, async () => {
    await using folder = await Folder.make(text);
    const outcome = await passwd(args(folder.path), input);
    assertMatch(outcome.stderr, stderr);
    assertEquals({ code: outcome.code, stdout: outcome.stdout }, { code, stdout: "" });
    assertEquals(await folder.text(), text);
    assertEquals(folder.names(), ["passwords"]);
  });
}

Deno.test("passwd --help names every option", async () => {
  const { code, stdout } = await passwd(["--help"]);
  assertEquals(code, 0);
  for (const option of ["-c", "-b", "-D", "-U", "-n", "--iterations"]) {
    assertMatch(stdout, new RegExp(`^  ${option} `, "m"));
  }
});

const test = programTests(["script"]);
/** Keys typed at a terminal, in answer to each question. */
const TYPED: readonly { readonly name: string; readonly typed: readonly string[]; readonly password?: string }[] = [
  { name: "the same password twice", typed: ["sécret\r", "sécret\r"], password: "sécret" },
  { name: "a password with mistakes in it", typed: ["sx\x7fecreö\x7ft\r", "nonsense\x15secret\r"], password: "secret" },
  { name: "a password that is edited at its beginning", typed: ["ecret\x01s\r", "secret\r"], password: "secret" },
  { name: "two passwords", typed: ["secret\r", "secrex\r"] },
  { name: "^C", typed: ["secr\x03"] },
];
for (const { name, typed, password } of TYPED) {
  test(`passwd asks at a terminal, and shows nothing of what is typed: ${name}`, async () => {
    await using folder = await Folder.make("");
    const command = `${Deno.execPath()} run -A mod.ts passwd --iterations 1 ${folder.path} ann`;
    const child = new Deno.Command("script", {
      args: ["-qec", command, "/dev/null"],
      cwd: REPOSITORY,
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const writer = child.stdin.getWriter();
    let shown = "";
    const answers = [...typed];
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      shown += text;
      if (/: $/.test(shown) && answers.length > 0) await writer.write(new TextEncoder().encode(answers.shift()));
    }
    const { success } = await within(child.status, "the program to end", 30_000);
    await writer.abort().catch(() => {}); // It has ended.
    assertEquals(success, password !== undefined);
    assertEquals(/s.?[eéx]c/.test(shown), false, shown);
    if (password === undefined) assertEquals(await folder.text(), "");
    else assert(await folder.accepts("ann", password));
  });
}

testWith(
  ["unshare"],
  canMount,
  "A password file that is a mount of its own is written in place, and that is said",
  async () => {
    using folder = new ConfigurationFolder();
    const mounted = folder.write("mounted", "");
    const source = folder.write("source", "ann:$7$101$c2FsdA==$aGFzaA==\n".repeat(100)); // Longer than what is written.
    const script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';
    const main = new URL("mod.ts", REPOSITORY).pathname;
    const passwd = [Deno.execPath(), "run", "-A", main, "passwd", "-c", "-b", mounted, "bob", "secret"];
    const { code, stderr } = await inNamespace(script, source, mounted, ...passwd);
    assertEquals(
      [code, stderr],
      [0, `brooklet: "${mounted}" is a mount of its own: it was written in place, not replaced at once\n`],
    );
    assertMatch(Deno.readTextFileSync(source), /^bob:\S+\n$/);
    assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name).sort(), ["mounted", "source"]);
  },
);

function canMount(): boolean {
  const args = ["-rm", "mount", "--bind", "/etc/passwd", "/etc/passwd"];
  return new Deno.Command("unshare", { args, stderr: "null" }).outputSync().success;
}

/** Runs a shell script with mounts of its own. */
async function inNamespace(script: string, ...args: readonly string[]): Promise<{ code: number; stderr: string }> {
  const { code, stderr } = await new Deno.Command("unshare", { args: ["-rm", "sh", "-c", script, "sh", ...args] })
    .output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}
