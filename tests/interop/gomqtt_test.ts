/** The conformance suite of gomqtt for brokers (MQTT 3.1.1), as its authors run it. */

import { assertEquals } from "@std/assert";
import { formatPasswordHash, hashPassword } from "../../src/auth/mod.ts";
import { ConfigurationFolder } from "../cli/config/written_file.ts";
import { Program } from "../cli/program.ts";
import { within } from "../deadline.ts";
import { goProgram } from "./go_program.ts";
import { programTests } from "./interop_tests.ts";

const CASES = 67;
/** Its cases mostly wait, and use the same topics, so each part of them has a broker of its own, at the same time. */
const PARTS = ["[KU].*", "RetainedMessage.*", "[OP].*", "[^KUOPR].*|(?:Remove|Root|RetainedWill).*"] as const;
const RUN_WITHIN_MS = 300_000;

const suite = goProgram({ build: "tests", of: "gomqtt" });

programTests(["go"])(
  "gomqtt's conformance suite passes: TCP with sessions in memory, WebSocket with a file",
  async () => {
    const path = await suite();
    using folder = new ConfigurationFolder();
    folder.write("passwords", `allow:${formatPasswordHash(await hashPassword("allow", 10))}\n`);
    const ways = [
      { listen: "mqtt", connect: "tcp", storage: () => "memory" },
      { listen: "ws", connect: "ws", storage: (part: number) => `kv:${folder.path}/sessions_${part}.kv` },
    ];
    await Promise.all(ways.map(async ({ listen, connect, storage }) => {
      const runs = PARTS.map(async (cases, part) => {
        const file = folder.write(
          `${listen}_${part}.yaml`,
          `listeners: [{ url: "${listen}://127.0.0.1:0" }]
storage: "${storage(part)}"
authentication: { passwordFile: ${folder.path}/passwords }
`,
        );
        await using program = new Program(["--config", file]);
        const [at = ""] = await program.stderr.matching(new RegExp(`^.*listening on ${listen}://(?=127)`));
        const [address = ""] = at.split(/[ /]/);
        const { code, output } = await run(path, cases, {
          ALLOW_URL: `${connect}://allow:allow@${address}`,
          DENY_URL: `${connect}://deny:deny@${address}`,
        });
        assertEquals(code, 0, output);
        return output.match(/^ {4}--- PASS: \S+/gm) ?? [];
      });
      assertEquals(new Set((await Promise.all(runs)).flat()).size, CASES);
    }));
  },
);

async function run(
  suite: string,
  cases: string,
  env: Record<string, string>,
): Promise<{ code: number; output: string }> {
  const args = ["-test.v", `-test.run=^TestSuite$/^(?:${cases})$`];
  const ended = new Deno.Command(suite, { args, env, stdout: "piped", stderr: "piped" }).output();
  const { code, stdout, stderr } = await within(ended, "the suite", RUN_WITHIN_MS);
  return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}
