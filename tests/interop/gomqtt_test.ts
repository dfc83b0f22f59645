/** The conformance suite of gomqtt for brokers (MQTT 3.1.1), as its authors run it. */

import { assertEquals } from "@std/assert";
import { formatPasswordHash, hashPassword } from "../../mod.ts";
import { ConfigurationFolder } from "../cli/config/written_file.ts";
import { Program } from "../cli/program.ts";
import { within } from "../deadline.ts";
import { withGoProgram } from "./go_program.ts";
import { programTests } from "./interop_tests.ts";

const CASES = 67;
const RUN_WITHIN_MS = 300_000;

programTests(["go"])(
  "gomqtt's conformance suite passes: TCP with sessions in memory, WebSocket with a file",
  () =>
    withGoProgram({ build: "tests", of: "gomqtt" }, async (suite) => {
      using folder = new ConfigurationFolder();
      folder.write("passwords", `allow:${formatPasswordHash(await hashPassword("allow", 10))}\n`);
      const runs = [
        { listen: "mqtt", connect: "tcp", storage: "memory" },
        { listen: "ws", connect: "ws", storage: `kv:${folder.path}/sessions.kv` },
      ];
      await Promise.all(runs.map(async ({ listen, connect, storage }) => {
        const file = folder.write(
          `${listen}.yaml`,
          `listeners: [{ url: "${listen}://127.0.0.1:0" }]
storage: "${storage}"
authentication: { passwordFile: ${folder.path}/passwords }
`,
        );
        await using program = new Program(["--config", file]);
        const [at = ""] = await program.stderr.matching(new RegExp(`^.*listening on ${listen}://(?=127)`));
        const [address = ""] = at.split(/[ /]/);
        const { code, output } = await run(suite, {
          ALLOW_URL: `${connect}://allow:allow@${address}`,
          DENY_URL: `${connect}://deny:deny@${address}`,
        });
        assertEquals({ code, passed: output.match(/^ {4}--- PASS/gm)?.length }, { code: 0, passed: CASES }, output);
      }));
    }),
);

async function run(suite: string, env: Record<string, string>): Promise<{ code: number; output: string }> {
  const ended = new Deno.Command(suite, { args: ["-test.v"], env, stdout: "piped", stderr: "piped" }).output();
  const { code, stdout, stderr } = await within(ended, "the suite", RUN_WITHIN_MS);
  return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}
