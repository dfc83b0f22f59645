/** The unit in docs/deploy.md, as systemd reads it, and what the program asks of the system below it. */

import { assert, assertEquals } from "@std/assert";
import { succeeds, testsUnless } from "../installed.ts";
import { programTests } from "../interop/interop_tests.ts";
import { RawClient } from "../interop/raw_client.ts";
import { ConfigurationFolder } from "./config/written_file.ts";
import { unit } from "./deploy_guide.ts";
import { Program } from "./program.ts";

/** Of 100 that a service without any setting has. */
const MOST_EXPOSURE = 20;

const test = programTests(["systemd-analyze"]);

test("systemd takes the unit of docs/deploy.md without a word", async () => {
  using folder = new ConfigurationFolder();
  assertEquals(await analyze(["verify", "--man=no", install(folder)]), { code: 0, stdout: "", stderr: "" });
});

test("systemd finds the unit of docs/deploy.md hardened", async () => {
  using folder = new ConfigurationFolder();
  const { code, stdout } = await analyze([
    "security",
    "--offline=true",
    `--threshold=${MOST_EXPOSURE}`,
    install(folder),
  ]);
  assertEquals(code, 0, stdout);
  assert(stdout.includes("Overall exposure level for brooklet.service"), stdout);
});

const canTrace = succeeds("systemd-analyze", ["--version"]) && succeeds("strace", ["-f", "-o", "/dev/null", "true"]);

testsUnless(canTrace ? undefined : "not installed, or not permitted: systemd-analyze and strace (Debian)")(
  "The program makes no system call that the unit of docs/deploy.md forbids",
  async () => {
    using folder = new ConfigurationFolder();
    const path = `${folder.path}/calls`;
    const yaml = `listeners: [{ url: mqtt://127.0.0.1:0 }, { url: "unix:${folder.path}/mqtt" }]
storage: kv:${folder.path}/brooklet.kv
`;
    const under = ["strace", "-D", "-f", "-qq", "-e", "signal=none", "-o", path];
    {
      await using program = await Program.listening(["--config", folder.write("a.yaml", yaml)], { under });
      using client = await RawClient.connect({ port: await program.port() }, { clientId: "a", cleanStart: false });
      await client.expectSilence();
      program.kill("SIGHUP");
      await program.stderr.matching(/were read again$/, 1, 60_000);
      program.kill("SIGTERM");
      assertEquals((await program.ended(60_000)).code, 0);
    }
    const [, filter = ""] = /^SystemCallFilter=(.*)$/m.exec(unit()) ?? [];
    const allowed = new Set((await Promise.all(filter.split(" ").map(callsOf))).flat());
    const made = new Set(Deno.readTextFileSync(path).match(/(?<=^\d+ +)[a-z]\w*(?=\()/gm));
    assert(made.has("epoll_wait") && allowed.has("epoll_wait"));
    assertEquals([...made.difference(allowed)], []);
  },
);

/** Writes the unit, with a program that is there; gives its path. */
function install(folder: ConfigurationFolder): string {
  const program = folder.write("brooklet", "#!/bin/sh\n");
  Deno.chmodSync(program, 0o755);
  return folder.write("brooklet.service", unit().replaceAll("/usr/local/bin/brooklet", program));
}

/** System calls of a name such as `@system-service`, with those of the sets in it. */
async function callsOf(name: string): Promise<string[]> {
  if (!name.startsWith("@")) return [name];
  const { stdout } = await analyze(["syscall-filter", name]);
  const names = stdout.split("\n").map((line) => line.trim()).filter((line) => /^@?\w[\w-]*$/.test(line));
  return (await Promise.all(names.filter((other) => other !== name).map(callsOf))).flat();
}

async function analyze(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const command = new Deno.Command("systemd-analyze", {
    args: [...args],
    env: { SYSTEMD_PAGER: "", SYSTEMD_COLORS: "0" },
  });
  const { code, stdout, stderr } = await command.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}
