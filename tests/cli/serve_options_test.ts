import { assert, assertEquals, assertMatch } from "@std/assert";
import denoJson from "../../deno.json" with { type: "json" };
import { certificatePath } from "../certificates/certificates.ts";
import { connect, RawClient } from "../interop/raw_client.ts";
import { LOOPBACK, Program, type ProgramOptions } from "./program.ts";
import { ProgramInProcess } from "./program_in_process.ts";
import { brooklet } from "./test_io.ts";

/** A command line that ends by itself. */
interface Row {
  readonly name: string;
  readonly args: readonly string[];
  readonly code: number;
  /** The only line of standard error; without it there is none. */
  readonly stderr?: RegExp;
  /** All of standard output; without it there is none. */
  readonly stdout?: RegExp;
  readonly options?: ProgramOptions;
}

const EXAMPLE = "write it like mqtt://127\\.0\\.0\\.1:1883";
const HELP =
  /^Usage: brooklet \[serve\] \[options\]\n[^]*--listen[^]*--port[^]*--storage[^]*--allow-anonymous[^]*--verbose/;

const ROWS: readonly Row[] = [
  { name: "--help", args: ["--help"], code: 0, stdout: HELP },
  { name: "serve -h", args: ["serve", "-h"], code: 0, stdout: HELP },
  { name: "--version", args: ["--version"], code: 0, stdout: new RegExp(`^brooklet ${denoJson.version}$`) },
  {
    name: "an unknown command",
    args: ["listen", "-v"],
    code: 2,
    stderr: /^brooklet: Unknown command "listen": there is serve, .*pub, sub, .*, completions$/,
  },
  {
    name: "a command with a mistake",
    args: ["storgae", "export"],
    code: 2,
    stderr: /^brooklet: Unknown command "storgae": did you mean "storage"\?$/,
  },
  {
    name: "an unknown option",
    args: ["serve", "--lisen", "mqtt://127.0.0.1:0"],
    code: 2,
    stderr:
      /^brooklet: Unknown option "--lisen": did you mean "--listen"\? "brooklet serve --help" lists what there is$/,
  },
  {
    name: "a limit with a unit",
    args: ["--limit", "maximumPacketBytes=1MB"],
    code: 2,
    stderr: /"limits\.maximumPacketBytes" is not an integer between 32 and \d+: write it without a unit, as 1_000_000$/,
  },
  { name: "an unknown short option", args: ["-x"], code: 2, stderr: /^brooklet: Unknown option "-x": / },
  {
    name: "an operand",
    args: ["serve", "mosquitto.conf"],
    code: 2,
    stderr: /^brooklet: Unknown argument "mosquitto\.conf": /,
  },
  {
    name: "an operand behind --",
    args: ["serve", "--", "broker"],
    code: 2,
    stderr: /^brooklet: Unknown argument "broker": /,
  },
  {
    name: "a switch with a value",
    args: ["--listen", "mqtt://0.0.0.0:0", "--allow-anonymous=no"],
    code: 2,
    stderr: /^brooklet: Option --allow-anonymous takes no value: "--allow-anonymous=no"$/,
  },
  {
    name: "--listen without a value",
    args: ["serve", "--listen"],
    code: 2,
    stderr: new RegExp(`^brooklet: Option --listen needs a URL: ${EXAMPLE}$`),
  },
  {
    name: "-p without a value",
    args: ["-p"],
    code: 2,
    stderr: /^brooklet: Option --port needs a number between 0 and 65535$/,
  },
  {
    name: "--log of an area that there is not",
    args: ["--log", "acl=none"],
    code: 2,
    stderr:
      /^brooklet: --log "acl=none" is of no area: there is connections, access, packets, delivery, storage, admin, program$/,
  },
  {
    name: "--log with a level that there is not",
    args: ["--log", "access=loud"],
    code: 2,
    stderr:
      /^brooklet: --log "access=loud": "logging\.areas\.access" is not "none", "error", "warning", "notice", "information" or "debug"$/,
  },
  {
    name: "a storage that there is not",
    args: ["--storage", "disk"],
    code: 2,
    stderr:
      /^brooklet: --storage "disk" is not a storage: write "memory", "kv", or a path as in "kv:\/var\/lib\/brooklet\/brooklet\.kv"$/,
  },
  {
    name: "--storage without a value",
    args: ["--storage"],
    code: 2,
    stderr: /^brooklet: Option --storage needs a value: write "memory", "kv", or a path /,
  },
  {
    name: "a storage in a directory that there is not",
    args: [...LOOPBACK, "--storage", "kv:/no/such/directory/brooklet.kv"],
    code: 1,
    stderr: /^brooklet: Cannot (?:open|make) \S*\/no\/such\/directory\/brooklet\.kv: /,
  },
  {
    name: "a storage without permission to read it",
    args: [...LOOPBACK, "--storage", "kv:./brooklet.kv"],
    code: 1,
    stderr: /^brooklet: Cannot open .*--allow-/,
    options: { permissions: ["--allow-net", "--allow-env"] },
  },
  {
    name: "the default storage without a home",
    args: [...LOOPBACK, "--storage", "kv"],
    code: 1,
    stderr: /^brooklet: Cannot find the directory for the storage: HOME is not set; give --storage kv:PATH$/,
    options: { env: { HOME: "", XDG_STATE_HOME: "", LOCALAPPDATA: "" } },
  },
  {
    name: "a listener that is no URL",
    args: ["--listen", "localhost"],
    code: 2,
    stderr: new RegExp(`^brooklet: --listen "localhost" is not a URL: ${EXAMPLE}$`),
  },
  {
    name: "a listener without a scheme",
    args: ["--listen", "localhost:1883"],
    code: 2,
    stderr: /^brooklet: --listen "localhost:1883" is not a URL: /,
  },
  {
    name: "a scheme that is not known",
    args: ["--listen", "gopher://127.0.0.1:0"],
    code: 2,
    stderr:
      /^brooklet: --listen "gopher:\/\/127\.0\.0\.1:0" starts with gopher:\/\/ and not with mqtt:\/\/, mqtts:\/\/, ws:\/\/, wss:\/\/, unix: or ws\+unix:: /,
  },
  {
    name: "a listener with a path",
    args: ["--listen", "mqtt://127.0.0.1:0/mqtt"],
    code: 2,
    stderr: /^brooklet: --listen "mqtt:\/\/127\.0\.0\.1:0\/mqtt" has more than a host and a port: /,
  },
  {
    name: "a listener with a port above 65535",
    args: ["--listen", "mqtt://127.0.0.1:65536"],
    code: 2,
    stderr: /^brooklet: --listen "mqtt:\/\/127\.0\.0\.1:65536" is not a URL: /,
  },
  {
    name: "a port that is no number",
    args: ["-p", "eighteen"],
    code: 2,
    stderr: /^brooklet: --port "eighteen" is not a number between 0 and 65535$/,
  },
  {
    name: "a port above 65535",
    args: ["--port", "65536"],
    code: 2,
    stderr: /^brooklet: --port "65536" is not a number between 0 and 65535$/,
  },
  {
    name: "a value with a line end",
    args: ["--listen", "mqtt\nforged: line"],
    code: 2,
    stderr: /^brooklet: --listen "mqtt\\u\{a\}forged: line" /,
  },
  {
    name: "a listener that others can reach, without --allow-anonymous",
    args: ["--listen", "mqtt://127.0.0.1:0", "--listen", "mqtt://0.0.0.0:0"],
    code: 2,
    stderr:
      /^brooklet: Cannot listen on mqtt:\/\/0\.0\.0\.0:0: other machines can reach it and no authentication is set; give --allow-anonymous, or set "authentication\.anonymous" to true, if everybody may connect, or listen on 127\.0\.0\.1$/,
  },
  {
    name: "all IPv6 addresses, without --allow-anonymous",
    args: ["--listen", "mqtt://[::]:0"],
    code: 2,
    stderr: /^brooklet: Cannot listen on mqtt:\/\/\[::\]:0: other machines can reach it .*--allow-anonymous/,
  },
  {
    name: "a name that only begins like a loopback address, without --allow-anonymous",
    args: ["--listen", "mqtt://127.0.0.1.example.com:0"],
    code: 2,
    stderr: /^brooklet: Cannot listen on mqtt:\/\/127\.0\.0\.1\.example\.com:0: other machines can reach it /,
  },
  {
    name: "an address of another machine",
    args: ["--listen", "mqtt://192.0.2.1:0", "--allow-anonymous"],
    code: 1,
    stderr: /^brooklet: Cannot listen on mqtt:\/\/192\.0\.2\.1:0: this machine has no such address$/,
  },
  {
    name: "a port without permission",
    args: ["--listen", "mqtt://127.0.0.1:0"],
    code: 1,
    stderr: /^brooklet: Cannot listen on mqtt:\/\/127\.0\.0\.1:0: not permitted; Deno needs --allow-net for it$/,
    options: { permissions: ["--allow-read", "--allow-env"] },
  },
];

for (const { name, args, code, stderr, stdout, options } of ROWS) {
  Deno.test(`brooklet ends at once, and says why, for ${name}`, async () => {
    await using program = options?.permissions === undefined
      ? new ProgramInProcess(args, options)
      : new Program(args, options);
    const ending = await program.ended();
    assertEquals(ending.code, code, ending.stderr.join("\n"));
    assertText(ending.stderr, stderr);
    assertText(ending.stdout, stdout);
    assertEquals(ending.stderr.length, stderr === undefined ? 0 : 1, ending.stderr.join("\n"));
  });
}

Deno.test("brooklet ends with one line when a port is in use, whichever of its listeners it is", async () => {
  await using first = await ProgramInProcess.listening();
  const taken = `mqtt://127.0.0.1:${await first.port()}`;
  await using second = new ProgramInProcess(["--listen", "mqtt://127.0.0.1:0", "--listen", taken, "-v"]);
  assertEquals(await second.ended(), {
    code: 1,
    stdout: [],
    stderr: [`brooklet: Cannot listen on ${taken}: the port is in use; end the other program or choose another port`],
  });
});

/** A command line that listens, and where; port 0 stands for any. */
const LISTENING: readonly { name: string; args: string[]; hosts: string[]; says: RegExp }[] = [
  {
    name: "--listen for IPv4",
    args: ["serve", "--listen", "mqtt://127.0.0.1:0"],
    hosts: ["127.0.0.1"],
    says: / \(this machine only, anonymous access allowed\)$/,
  },
  {
    name: "--listen for IPv6, without the command",
    args: ["--listen", "mqtt://[::1]:0"],
    hosts: ["::1"],
    says: / \(this machine only, anonymous access allowed\)$/,
  },
  {
    name: "several --listen",
    args: ["--listen", "mqtt://127.0.0.1:0", "--listen=mqtt://LocalHost:0", "--listen", "mqtt://[::1]:0"],
    hosts: ["127.0.0.1", "localhost", "::1"],
    says: / \(this machine only, anonymous access allowed\)$/,
  },
  {
    name: "--listen for every address with --allow-anonymous",
    args: ["serve", "--allow-anonymous", "--listen", "mqtt://0.0.0.0:0"],
    hosts: ["0.0.0.0"],
    says: / \(open to other machines, anonymous access allowed\)$/,
  },
  {
    name: "--listen for every address, of IPv4 and IPv6",
    args: ["--allow-anonymous", "--listen", "mqtt://*:0", "--listen", "mqtt://[::]:0"],
    hosts: ["*", "::"],
    says: / \(open to other machines, anonymous access allowed\)$/,
  },
  {
    name: "-p",
    args: ["-p", "0"],
    hosts: ["127.0.0.1", "::1"],
    says: / \(this machine only, anonymous access allowed\)$/,
  },
];

for (const { name, args, hosts, says } of LISTENING) {
  Deno.test(`brooklet listens, says where, and serves there: ${name}`, async () => {
    await using program = await ProgramInProcess.listening(args);
    const listeners = await program.listeners(hosts.length);
    assertEquals(listeners.map(({ hostname }) => hostname), hosts);
    for (const line of await program.stderr.matching(/(?=listening on)/, hosts.length)) assertMatch(line, says);
    for (const { hostname, port } of listeners) {
      assert(port > 0);
      using client = await RawClient.connect({ hostname: reachable(hostname), port }, { clientId: "client" });
      await client.expectSilence();
    }
    program.kill("SIGTERM");
    const { code, stdout } = await program.ended(5_000);
    assertEquals({ code, stdout }, { code: 0, stdout: [] });
  });
}

Deno.test("brooklet -p takes the same port at both loopback addresses", async () => {
  await using program = await Program.listening(["-p", "0"]);
  const [v4, v6] = await program.listeners(2);
  assertEquals(v4?.port, v6?.port);
});

Deno.test("brooklet without options listens on 1883 of both loopback addresses, or says that the port is in use", async () => {
  await using program = new ProgramInProcess([]);
  // Somebody else may have the port of MQTT: that is no failure of this program.
  const [line = ""] = await program.stderr.matching(/(?=1883)/, 1, 15_000);
  if (!line.includes("is listening")) {
    const { code, stderr } = await program.ended();
    assertEquals(code, 1);
    assertMatch(stderr.join("\n"), /^brooklet: Cannot listen on mqtt:\/\/\S+:1883: the port is in use; /);
    return;
  }
  const listeners = await program.listeners(2);
  assertEquals(listeners, [{ hostname: "127.0.0.1", port: 1883 }, { hostname: "::1", port: 1883 }]);
  for (const said of await program.stderr.matching(/(?=is listening)/, 2)) {
    assertMatch(said, /this machine only, anonymous access allowed/);
  }
});

Deno.test("brooklet says that what it keeps does not outlive it", async () => {
  await using program = await ProgramInProcess.listening(LOOPBACK);
  await program.stderr.matching(/kept in memory: they are lost when the broker ends\.$/);
});

Deno.test("brooklet without -v is silent about what clients do", async () => {
  await using program = await ProgramInProcess.listening(LOOPBACK);
  const port = await program.port();
  {
    using client = await RawClient.open({ port });
    await client.send(connect({ clientId: "quiet", will: { topic: "will", payload: "gone" } }));
    await client.expect("20 02 00 00");
  }
  using watcher = await RawClient.connect({ port }, { clientId: "watcher" });
  await watcher.expectSilence();
  program.kill("SIGINT");
  await watcher.closeInTurn();
  const { stderr } = await program.ended();
  assertEquals(stderr.filter((line) => /quiet|watcher/.test(line)), []);
});

function reachable(hostname: string): string {
  return hostname === "0.0.0.0" || hostname === "*" ? "127.0.0.1" : hostname;
}

function assertText(lines: readonly string[], expected: RegExp | undefined): void {
  if (expected === undefined) assertEquals(lines, []);
  else assertMatch(lines.join("\n"), expected);
}

Deno.test("A certificate that no listener uses is told: without TLS everybody reads the passwords", async () => {
  const files = ["--cert", certificatePath("server.pem"), "--key", certificatePath("server.key")];
  const warning = /^brooklet: "tls" has no effect: no listener has TLS; its URL begins with mqtts:\/\/ or wss:\/\/$/m;
  for (const [url, isWarned] of [["mqtt://127.0.0.1:0", true], ["mqtts://127.0.0.1:0", false]] as const) {
    const { code, stderr } = await brooklet(["--listen", url, ...files, "--check-config"]);
    assertEquals([code, warning.test(stderr)], [0, isWarned], stderr);
  }
});
