import { assertEquals, assertMatch } from "@std/assert";
import { certificatePath } from "../../certificates/certificates.ts";
import { RawClient } from "../../interop/raw_client.ts";
import { Program } from "../program.ts";
import { ProgramInProcess } from "../program_in_process.ts";
import { ConfigurationFolder } from "./written_file.ts";

/** Command lines that end by themselves. */
const ENDING: readonly {
  readonly name: string;
  /** FOLDER is its folder. */
  readonly yaml: string;
  /** Other files of that folder. */
  readonly files?: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  readonly code: number;
  readonly out: RegExp;
  readonly err: RegExp;
}[] = [
  {
    name: "--check-config of a file that can be used",
    yaml: "sysIntervalMs: 1000\n",
    args: ["--check-config"],
    code: 0,
    out: /^$/,
    err: /^brooklet: the configuration can be used$/,
  },
  {
    name: "--check-config of a file with two mistakes",
    yaml: "sysIntervalMs: x\nfoo: 1\n",
    args: ["--check-config"],
    code: 1,
    out: /^$/,
    err: /^brooklet: .*:1:16: "sysIntervalMs" is not a number\nbrooklet: .*:2:1: Unknown key "foo": there is /,
  },
  {
    name: "--check-config of a file that names one that is not there",
    yaml: "authentication: { passwordFile: /nowhere/passwords }\n",
    args: ["--check-config"],
    code: 1,
    out: /^$/,
    err: /^brooklet: Cannot read the password file "\/nowhere\/passwords": there is no such file$/,
  },
  {
    name: "--check-config of a file that names two that are not there",
    yaml: "access: { file: /nowhere/acl }\ntls: { certificate: /nowhere/c, key: /nowhere/k }\n",
    args: ["--check-config"],
    code: 1,
    out: /^$/,
    err:
      /^brooklet: Cannot read the ACL file "\/nowhere\/acl": .*\nbrooklet: Cannot read the certificate "\/nowhere\/c": /,
  },
  {
    name: "a folder in place of a file",
    yaml: "authentication: { passwordFile: / }\n",
    args: [],
    code: 2,
    out: /^$/,
    err: /^brooklet: Cannot read the password file "\/": it is a folder$/,
  },
  {
    name: "--check-config of two listeners that share files with two mistakes each",
    yaml: `listeners: [{ url: "mqtt://127.0.0.1:0" }, { url: "ws://127.0.0.1:0" }]
authentication: { passwordFile: FOLDER/passwords }
access: { file: FOLDER/acl }
`,
    files: { passwords: "ann\n\nbob\n", acl: "topic\tread a\ntopic a\nuser\n" },
    args: ["--check-config"],
    code: 1,
    out: /^$/,
    err: new RegExp(
      '^brooklet: \\S+/passwords: line 1 has no ":"\n' +
        'brooklet: \\S+/passwords: line 3 has no ":"\n' +
        "brooklet: \\S+/acl: line 1 has a tab where a space belongs: words are delimited by spaces\n" +
        "brooklet: \\S+/acl: line 3 names no user$",
    ),
  },
  {
    name: "--check-config of a certificate that is none",
    yaml: `tls: { certificate: ${certificatePath("server.key")}, key: ${certificatePath("server.key")} }\n`,
    args: ["--check-config"],
    code: 1,
    out: /^$/,
    err: /^brooklet: Cannot use the certificate ".*server\.key" with the key ".*": Cannot use certificate: /,
  },
  {
    name: "--print-config with a limit",
    yaml: "limits: { maximumQos: 1 }\n",
    args: ["--print-config", "--limit", "receiveMaximum=5"],
    code: 0,
    out: /maximumQos: 1\n {2}receiveMaximum: 5\n/,
    err: /^$/,
  },
  {
    name: "a file with a mistake",
    yaml: "foo: 1\n",
    args: [],
    code: 2,
    out: /^$/,
    err: /^brooklet: .*:1:1: Unknown key "foo": there is /,
  },
  {
    name: "a plain password",
    yaml: "authentication: { users: [{ name: ann, passwordHash: secret }] }\n",
    args: [],
    code: 2,
    out: /^$/,
    err:
      /^brooklet: .*:1:54: "authentication\.users\[0\]\.passwordHash" is not a hash: "brooklet passwd -n" makes one$/,
  },
  {
    name: "a role that is not there",
    yaml: "access: { users: [{ name: ann, roles: [boss] }] }\n",
    args: [],
    code: 2,
    out: /^$/,
    err: /^brooklet: .*:1:40: "access\.users\[0\]\.roles\[0\]" is not one of the roles: there is none$/,
  },
  {
    name: "--listen beside a file",
    yaml: "",
    args: ["--listen", "mqtt://127.0.0.1:0"],
    code: 2,
    out: /^$/,
    err: /^brooklet: Options --config and --listen do not go together: say it in ".*a\.yaml"$/,
  },
  {
    name: "--check-config with places that are not there",
    yaml: "logging: { destinations: [{ file: /nowhere/a.log }] }\npidFile: /nowhere/a.pid\nstorage: kv:/nowhere/a.kv\n",
    args: ["--check-config"],
    code: 1,
    out: /^$/,
    err: new RegExp(
      '^brooklet: Cannot open the log "/nowhere/a.log": there is no such file\n' +
        'brooklet: Cannot write the pid file "/nowhere/a.pid": there is no such file\n' +
        "brooklet: Cannot open /nowhere/a.kv: the directory /nowhere does not exist; make it, or give another path$",
    ),
  },
  {
    name: "a log that cannot be opened",
    yaml: "logging: { destinations: [{ file: /nowhere/a.log }] }\n",
    args: [],
    code: 2,
    out: /^$/,
    err: /^brooklet: Cannot open the log "\/nowhere\/a\.log": there is no such file$/,
  },
];

for (const { name, yaml, files = {}, args, code, out, err } of ENDING) {
  Deno.test(`brooklet ends at once, and says why, for ${name}`, async () => {
    using folder = new ConfigurationFolder();
    for (const [file, text] of Object.entries(files)) folder.write(file, text);
    const config = folder.write("a.yaml", yaml.replaceAll("FOLDER", folder.path));
    await using program = new ProgramInProcess(["--config", config, ...args]);
    const ending = await program.ended();
    assertMatch(ending.stderr.join("\n"), err);
    assertMatch(ending.stdout.join("\n"), out);
    assertEquals(ending.code, code);
  });
}

Deno.test("brooklet convert prints YAML that the program takes", async () => {
  using folder = new ConfigurationFolder();
  const file = folder.write("mosquitto.conf", "listener 0 127.0.0.1\nallow_anonymous true\nuser mosquitto\n");
  await using converting = new Program(["convert", file]);
  const { code, stdout } = await converting.ended();
  assertEquals(code, 0);
  assertMatch(stdout[0] ?? "", /^# .*mosquitto\.conf:3: "user" is ignored: /);
  await using program = await ProgramInProcess.listening([
    "--config",
    folder.write("a.yaml", `${stdout.join("\n")}\n`),
  ]);
  using client = await RawClient.connect({ port: await program.port() }, { clientId: "a" });
  await client.expectSilence();
});
