import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { formatPasswordHash, hashPassword } from "../../src/auth/mod.ts";
import { Client, type ClientSubscription, RefusedError } from "../../src/client/mod.ts";
import { authority, certificatePath } from "../certificates/certificates.ts";
import { within } from "../deadline.ts";
import { ConfigurationFolder } from "./config/written_file.ts";
import { guide, permissionsOf, unit } from "./deploy_guide.ts";
import { Program } from "./program.ts";

const TLS = { caCerts: [authority()] };

/** Of the command that starts it. */
const BLOCKING = ["env", "--block-signal=USR1", "--ignore-signal=RTMIN"];

for (const storage of ["memory", "kv"]) {
  Deno.test(`The permissions of docs/deploy.md are enough for all that it speaks of, with a storage in ${storage}`, async () => {
    using folder = new ConfigurationFolder();
    await using webhook = acceptingServer();
    const file = await install(folder, storage, webhook.port);
    const socket = ["mqtt", "mqtt.new/s"].map((name) => `unix:${folder.path}/var/lib/brooklet/${name}`);
    const permissions = permissionsOf(folder.path).map((option) =>
      option.startsWith("--allow-net=") ? [option, `127.0.0.1:${webhook.port}`, ...socket].join(",") : option
    );
    {
      await using program = new Program(["--config", file], { permissions });
      const urls = await openListeners(program, folder);
      assertEquals(Object.keys(urls), ["mqtts", "mqtt", "ws", "unix"]);
      for (const url of Object.values(urls)) {
        for (const user of ["ann", "hook"]) {
          await using client = await login(url, user);
          await using kept = await client.subscribe("kept/#");
          await client.publish("kept/a", "1", { qos: 1, retain: true });
          assertEquals(await firstTopic(kept), "kept/a");
          await assertRejects(() => client.publish("other", "1", { qos: 1 }), RefusedError);
        }
      }
      folder.write("etc/brooklet/passwords", await user("bob"));
      program.kill("SIGHUP");
      await program.stderr.matching(/SIGHUP: the configuration and all its files were read again$/);
      await assertRejects(() => login(urls.mqtts, "ann"), RefusedError);
      await using _bob = await login(urls.mqtts, "bob");
      assertEquals(Deno.readTextFileSync(`${folder.path}/var/lib/brooklet/brooklet.pid`), `${program.pid}\n`);
      program.kill("SIGTERM");
      const { code, stdout, stderr } = await program.ended();
      assertEquals([code, stdout], [0, []]);
      assert(!stderr.join("\n").includes("--allow"), stderr.join("\n"));
      assertMatch(Deno.readTextFileSync(`${folder.path}/var/lib/brooklet/brooklet.log`), /Brooklet has ended\n$/);
    }
    if (storage === "memory") return;
    await using program = new Program(["--config", file], { permissions });
    const { mqtt } = await openListeners(program, folder);
    await using client = await login(mqtt, "bob");
    await using kept = await client.subscribe("kept/#");
    assertEquals(await firstTopic(kept), "kept/a");
  });
}

Deno.test("The script of docs/deploy.md runs Deno with the permissions that it names, and nothing else", () => {
  const [, script = ""] =
    /^#!\/bin\/sh\n(?:[^`\n]*\n)*?exec (env (?:--\S+ )+deno run \\\n[^`]*?)\n```/m.exec(guide()) ?? [];
  const options = script.split(/[\s\\]+/);
  const named = permissionsOf("").map((option) => option.replaceAll(":0", ":8883"));
  assertEquals(options, [...BLOCKING, "deno", "run", ...named, "/opt/brooklet/mod.ts", '"$@"']);
  for (const forbidden of ["-A", "--allow-all", "--allow-run", "--allow-ffi", "--allow-sys"]) {
    const isForbidden = (option: string) =>
      option.startsWith(forbidden) && option !== "--allow-sys=osUptime,systemMemoryInfo";
    assert(!named.some(isForbidden), forbidden);
  }
});

Deno.test("What docs/Containerfile copies is enough, and its command runs as docs/deploy.md has it, with a storage in /data", async () => {
  using folder = new ConfigurationFolder();
  const { command, script } = image(folder);
  folder.write("run/secrets/passwords", await user("ann"));
  folder.write("data/.keep", "");
  const inFolder = (text: string) => text.replaceAll(/(?<=[=,:])\/(?=data|etc|run)/g, `${folder.path}/`);
  const env = Object.fromEntries(
    variables().map((text) => {
      const [, name = "", value = ""] = /^(\w+)=(.*)$/.exec(inFolder(text)) ?? [];
      return [name, value.replace(":1883", ":0")];
    }),
  );
  assertEquals(Object.keys(env).length, 3);
  for (const isNew of [true, false]) {
    await using program = new Program([], { permissions: command.map(inFolder), script, env });
    const [line = ""] = await program.stderr.matching(/^.*listening on mqtt:\/\/(?:\*|0\.0\.0\.0):/, 1, 15_000);
    const url = `mqtt://127.0.0.1:${parseInt(line)}`;
    await program.stderr.matching(isNew ? /brooklet\.kv, which is new$/ : /brooklet\.kv$/);
    await using client = await login(url, "ann");
    await using kept = await client.subscribe("kept");
    if (isNew) await client.publish("kept", "1", { qos: 1, retain: true });
    assertEquals(await firstTopic(kept), "kept");
    await assertRejects(() => login(url, "bob"), RefusedError);
    program.kill("SIGTERM");
    assertEquals((await program.ended()).code, 0);
  }
});

Deno.test("The unit and the image of docs/deploy.md let glibc give large buffers back to the system", () => {
  const containerfile = Deno.readTextFileSync(new URL("../../docs/Containerfile", import.meta.url));
  assertMatch(unit(), /^Environment=MALLOC_MMAP_THRESHOLD_=65536$/m);
  assertMatch(containerfile, /^ENV MALLOC_MMAP_THRESHOLD_=65536$/m);
});

/** Copies what the Containerfile copies; gives what its command has for Deno, and the program. */
function image(folder: ConfigurationFolder): { readonly command: string[]; readonly script: string } {
  const repository = new URL("../../", import.meta.url).pathname;
  const text = Deno.readTextFileSync(`${repository}docs/Containerfile`).replaceAll("\\\n", "");
  for (const [, sources = "", target = ""] of text.matchAll(/^COPY (.*) (\S+)$/gm)) {
    for (const source of sources.split(" ")) {
      copy(`${repository}${source}`, new URL(target, `file://${folder.path}/brooklet/`).pathname, source);
    }
  }
  assertMatch(text, /^USER deno$/m); // Not root, also behind whatever follows.
  const [, entry = "[]"] = /^ENTRYPOINT (\[.*\])$/m.exec(text) ?? [];
  const words: string[] = JSON.parse(entry);
  const rest = words.slice(BLOCKING.length + 2);
  assertEquals([...words.slice(0, -rest.length), rest.at(-1)], [...BLOCKING, "deno", "run", "/brooklet/mod.ts"]);
  return { command: rest.slice(0, -1), script: `${folder.path}/brooklet/mod.ts` };
}

/** As COPY does it: a file into a folder, and what is in a folder into another one. */
function copy(from: string, target: string, name: string): void {
  if (Deno.statSync(from).isFile) {
    Deno.mkdirSync(target, { recursive: true });
    Deno.copyFileSync(from, `${target}/${name}`);
    return;
  }
  for (const entry of Deno.readDirSync(from)) {
    copy(`${from}/${entry.name}`, entry.isFile ? target : `${target}/${entry.name}`, entry.name);
  }
}

/** Variables that the guide gives to the container. */
function variables(): string[] {
  const [command = ""] = /^podman run (?:.*\\\n)+.*$/m.exec(guide()) ?? [];
  return [...command.matchAll(/--env (\S+)/g)].map(([, text = ""]) => text);
}

/** Writes all that a configuration names; gives its path. */
async function install(folder: ConfigurationFolder, storage: string, webhookPort: number): Promise<string> {
  for (const end of ["pem", "key"]) {
    folder.write(`etc/letsencrypt/server.${end}`, await Deno.readTextFile(certificatePath(`server.${end}`)));
  }
  folder.write("etc/brooklet/passwords", await user("ann"));
  folder.write(
    "etc/brooklet/acl",
    "topic readwrite kept/#\nuser ann\ntopic readwrite kept/#\n" + "pattern readwrite kept/#\n",
  );
  folder.write("etc/brooklet/www/index.html", "");
  folder.write("etc/brooklet/keys.json", JSON.stringify({ keys: [] }));
  folder.write("var/lib/brooklet/.keep", "");
  const yaml = `listeners:
  - url: mqtts://*:0
  - url: mqtt://*:0
  - { url: "ws://*:0", httpDir: /etc/brooklet/www }
  - url: unix:/var/lib/brooklet/mqtt
tls: { certificate: /etc/letsencrypt/server.pem, key: /etc/letsencrypt/server.key }
authentication:
  passwordFile: /etc/brooklet/passwords
  jwt: { jwksFile: /etc/brooklet/keys.json }
  webhook: { url: "http://127.0.0.1:${webhookPort}/" }
access: { file: /etc/brooklet/acl }
logging: { destinations: [stderr, { file: /var/lib/brooklet/brooklet.log }] }
pidFile: /var/lib/brooklet/brooklet.pid
storage: ${storage === "kv" ? "kv:/var/lib/brooklet/brooklet.kv" : storage}
`;
  return folder.write("etc/brooklet/brooklet.yaml", yaml.replaceAll(/\/(?=etc|var)/g, `${folder.path}/`));
}

/** URLs for clients of this machine, by scheme. */
async function openListeners(program: Program, folder: ConfigurationFolder) {
  const url = async (scheme: string, end: string) => {
    const [line = ""] = await program.stderr.matching(
      new RegExp(`^.*listening on ${scheme}://(?:\\*|0\\.0\\.0\\.0):`),
      1,
      15_000,
    );
    assertMatch(line, /^\d+\S* \(open to other machines, clients are authenticated\)$/);
    return `${scheme}://127.0.0.1:${parseInt(line)}${end}`;
  };
  const urls = { mqtts: await url("mqtts", ""), mqtt: await url("mqtt", ""), ws: await url("ws", "/mqtt") };
  await program.stderr.matching(/Sessions and retained messages are kept in /);
  return { ...urls, unix: `unix:${folder.path}/var/lib/brooklet/mqtt` };
}

/** With the password of all users. */
function login(url: string, userName: string): Promise<Client> {
  return Client.connect(url, { userName, password: "secret", ...url.startsWith("mqtts:") ? { tls: TLS } : {} });
}

/** Of a message that comes, before a deadline. */
async function firstTopic(messages: ClientSubscription): Promise<string | undefined> {
  const { value } = await within(messages.next(), "a message");
  return value?.topic;
}

async function user(name: string): Promise<string> {
  return `${name}:${formatPasswordHash(await hashPassword("secret", 10))}\n`;
}

/** A webhook that knows "hook". */
function acceptingServer() {
  const listening = { hostname: "127.0.0.1", port: 0, onListen() {} };
  const server = Deno.serve(listening, async (request) => {
    const isKnown = (await request.text()).includes('"hook"');
    return Response.json({ allow: isKnown, unknown: true });
  });
  return { port: server.addr.port, [Symbol.asyncDispose]: () => server.shutdown() };
}
