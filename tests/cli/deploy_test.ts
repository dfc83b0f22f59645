import { assertEquals, assertMatch } from "@std/assert";
import { certificatePath } from "../certificates/certificates.ts";
import { ConfigurationFolder } from "./config/written_file.ts";
import { Program } from "./program.ts";

const GUIDE = new URL("../../docs/deploy.md", import.meta.url);

for (const storage of ["memory", "kv"]) {
  Deno.test(`The permissions of docs/deploy.md are enough for TLS, a password file and a storage in ${storage}`, async () => {
    using folder = new ConfigurationFolder();
    const [pem, key] = await Promise.all(
      ["pem", "key"].map((end) => Deno.readTextFile(certificatePath(`server.${end}`))),
    );
    folder.write("etc/letsencrypt/server.pem", pem ?? "");
    folder.write("etc/letsencrypt/server.key", key ?? "");
    folder.write("etc/brooklet/passwords", "");
    folder.write("var/lib/brooklet/.keep", "");
    const yaml = `listeners: [{ url: "mqtts://*:0" }]
tls: { certificate: /etc/letsencrypt/server.pem, key: /etc/letsencrypt/server.key }
authentication: { passwordFile: /etc/brooklet/passwords }
storage: ${storage === "kv" ? "kv:/var/lib/brooklet/brooklet.kv" : storage}
`;
    const file = folder.write("etc/brooklet/brooklet.yaml", yaml.replaceAll(/\/(?=etc|var)/g, `${folder.path}/`));
    await using program = new Program(["--config", file], { permissions: permissionsOf(folder.path) });
    const [line = ""] = await program.stderr.matching(/^.*listening on /, 1, 15_000);
    assertMatch(line, /^mqtts:\/\/(?:\[::\]|0\.0\.0\.0):\d+ \(open to other machines, clients are authenticated\)$/);
    await program.stderr.matching(/Sessions and retained messages are kept in /);
    program.kill("SIGTERM");
    assertEquals((await program.ended()).code, 0);
  });
}

/** Those of the guide, with its folders below another one and with free ports in place of its own. */
function permissionsOf(folder: string): string[] {
  const [, command = ""] = /^deno run \\\n((?: {2}--.*\\\n)+)/m.exec(Deno.readTextFileSync(GUIDE)) ?? [];
  return command.split(/[\s\\]+/).filter((option) => option !== "").map((option) =>
    option.replaceAll(/(?<=[=,])\/(?=etc|var)/g, `${folder}/`).replaceAll(":8883", ":0")
  );
}
