/** What must never be in a log: passwords, tokens, keys and payloads; and what clients say that could steer a terminal. */

import { assert, assertEquals } from "@std/assert";
import { SignJWT } from "jose";
import { formatPasswordHash, hashPassword } from "../../src/auth/mod.ts";
import { certificatePath } from "../certificates/certificates.ts";
import { connect, packet, publish, RawClient, subscribe, text } from "../interop/raw_client.ts";
import { ConfigurationFolder } from "./config/written_file.ts";
import { type RunningProgram } from "./program.ts";
import { ProgramInProcess } from "./program_in_process.ts";

/** All secrets begin with it, so that a piece of one is found too. */
const MARK = "s3cr3t";
const PASSWORD = `${MARK}-password`;
const JWT_SECRET = `${MARK}-of-tokens-which-has-thirty-two-bytes`;

for (const format of ["text", "json"]) {
  Deno.test(`No password, token, key or payload is in a log of everything, as ${format}`, async () => {
    using folder = new ConfigurationFolder();
    const token = await new SignJWT({ sub: "jim" }).setProtectedHeader({ alg: "HS256" }).setExpirationTime("1h")
      .sign(new TextEncoder().encode(JWT_SECRET));
    const hash = formatPasswordHash(await hashPassword(PASSWORD, 10));
    await using webhook = echoingServer();
    const key = Deno.readTextFileSync(certificatePath("server.key"));
    folder.write("server.key", key);
    const yaml = configuration(format, webhook.port, hash, folder.path);
    const file = folder.write("a.yaml", yaml);
    await using program = new ProgramInProcess(["--config", file, "-v", ...everyLevel()]);
    const ports = await openPorts(program);
    const reader = await reading(ports.password);
    for (const conversation of conversations(token)) await speak(ports[conversation.at], conversation);
    await reload(program, folder, yaml);
    program.kill("SIGTERM");
    const { code, stdout, stderr } = await program.ended();
    assertEquals(code, 0);
    const printed = [...stdout, ...stderr, ...await reader.received, ...await printedConfigurations(file)].join("\n");
    for (const told of ["Denied", "Received PUBLISH from dora", "Client <unknown>", "as jwt", "webhook"]) {
      assert(printed.includes(told), `Nothing is said of "${told}":\n${printed}`);
    }
    assert((await reader.received).length > 10);
    const secrets = [MARK, "73336372", "czNjcjN0", ...token.split("."), hash, "PRIVATE KEY", key.slice(40, 60)];
    for (const secret of secrets) {
      const lines = printed.split("\n").filter((line) => line.includes(secret));
      assertEquals([secret, lines], [secret, []]);
    }
  });

  Deno.test(`What clients call themselves and their topics has no control character in any log, as ${format}`, async () => {
    using folder = new ConfigurationFolder();
    const yaml = `listeners: [{ url: mqtt://127.0.0.1:0 }]
access: { everyone: [{ access: readwrite, topic: "#" }, { access: deny, topic: deny/# }, { access: read, topic: $SYS/# }] }
logging: { destinations: [stderr, stdout, topic], format: ${format}, timestamps: false }
`;
    await using program = new ProgramInProcess(["--config", folder.write("a.yaml", yaml), "-v", ...everyLevel()]);
    const [port = 0] = await mqttPorts(program, 1);
    const reader = await reading(port, "");
    const evil = "x\r\nforged: line\u001b[2J\u007f\u009b2J\u0085\u2028\u202e\ufeff";
    using client = await RawClient.open({ port });
    await client.send(
      packet("10", text("MQTT"), "04 86 003c", text(evil), text(`will/${evil}`), text("will"), text(evil)),
      packet("82", "0001", text(evil), "00"),
      packet("82", "0002", text(`deny/${evil}`), "00"),
      publish({ topic: evil, payload: "x", retain: true }),
      publish({ topic: `deny/${evil}`, payload: "x", qos: 1 }),
      packet("a2", "0003", text(evil)),
      packet("36", text(evil), "0001"),
    );
    await client.closeInTurn();
    program.kill("SIGTERM");
    const { stdout, stderr } = await program.ended();
    const topics = await reader.received;
    for (const lines of [stdout, stderr, topics]) {
      assert(lines.some((line) => line.includes("forged")));
      for (const line of lines) assert(/^\t?\P{C}*$/u.test(line), JSON.stringify(line));
    }
  });
}

/** The listeners of {@linkcode configuration}. */
interface Ports {
  readonly password: number;
  readonly token: number;
  readonly keySet: number;
  readonly webSocket: number;
  readonly tls: number;
}

/** What a client says before it ends its side; then it waits for the broker to close. */
interface Conversation {
  readonly at: keyof Ports;
  readonly hex: readonly string[];
}

function configuration(format: string, webhookPort: number, hash: string, folder: string): string {
  const ofUrl = `hook:${MARK}@127.0.0.1:${webhookPort}/?key=${MARK}`;
  return `listeners:
  - url: mqtt://127.0.0.1:0
  - url: mqtt://127.0.0.1:0
    authentication: { jwt: { secret: ${JWT_SECRET}, from: userName } }
  - url: mqtt://127.0.0.1:0
    authentication: { jwt: { jwksUrl: "http://${ofUrl}" } }
  - url: ws://127.0.0.1:0
  - url: mqtts://127.0.0.1:0
tls: { certificate: ${certificatePath("server.pem")}, key: ${folder}/server.key }
authentication:
  users: [{ name: ann, passwordHash: ${hash} }]
  webhook: { url: "http://${ofUrl}", headers: { Authorization: Bearer ${MARK} } }
access: { everyone: [{ access: readwrite, topic: "#" }, { access: deny, topic: deny }, { access: read, topic: $SYS/# }] }
logging: { destinations: [stderr, stdout, topic], format: ${format} }
`;
}

function everyLevel(): string[] {
  const areas = ["connections", "access", "packets", "delivery", "storage", "program"];
  return areas.flatMap((area) => ["--log", `${area}=debug`]);
}

function* conversations(token: string): Generator<Conversation> {
  yield* ofPasswords();
  yield* ofTokens(token);
  yield* ofEnhancedAuthentication();
  yield* ofOtherProtocols();
}

function* ofPasswords(): Generator<Conversation> {
  const said = [
    publish({ topic: "t", payload: MARK, qos: 1, retain: true }),
    publish({ topic: "deny", payload: MARK, qos: 2 }),
    subscribe(1, "t", 2),
  ];
  for (const user of ["ann", "dora"]) yield { at: "password", hex: [login(user, PASSWORD), ...said] };
  // The server answers with an error, with what it was told, and with nothing.
  for (const user of ["ann", "bob", "carl", "eve"]) yield { at: "password", hex: [login(user, `${MARK}-wrong`)] };
  const whole = login("dora", PASSWORD);
  yield { at: "password", hex: [whole, whole] }; // A second CONNECT.
  yield { at: "password", hex: [whole.replace("04c6", "04c7")] }; // A reserved bit.
  // Names so short that the password is among the first bytes.
  yield { at: "password", hex: [packet("10", text(""), "04 42 003c", text(""), text(MARK))] };
  yield { at: "password", hex: [packet("10", text(""), "04 c2 003c", text(""), text(""), text(MARK))] };
  yield { at: "password", hex: [packet("13", text(""), "04 42 003c", text(""), text(MARK))] };
}

function* ofTokens(token: string): Generator<Conversation> {
  yield { at: "token", hex: [login(token, "x", "jwt"), publish({ topic: "deny", payload: MARK })] };
  for (const wrong of [`${token}x`, token.slice(0, -2), MARK, `${MARK}.${MARK}.${MARK}`, `e30.${MARK}.${MARK}`]) {
    yield { at: "token", hex: [login(wrong, "x", "jwt")] };
    yield { at: "keySet", hex: [login("jim", wrong)] };
  }
}

function* ofEnhancedAuthentication(): Generator<Conversation> {
  const data = text(MARK);
  const method = (name: string) => `15${text(name)}16${data}`;
  const connectWith = (properties: string) => connect({ clientId: "scram", version: 5, properties });
  yield { at: "password", hex: [connectWith(method("SCRAM-SHA-256"))] };
  yield { at: "password", hex: [connectWith(method("PLAIN"))] };
  yield { at: "password", hex: [connectWith(`16${data}`)] };
  const user = packet("10", text("MQTT"), "05 c2 003c 00", text("v5"), text("dora"), text(PASSWORD));
  for (const properties of [method("SCRAM-SHA-256"), `16${data}`, `16${data}16${data}`]) {
    const length = (properties.length / 2).toString(16).padStart(2, "0");
    yield { at: "password", hex: [user, packet("f0", "18", length, properties)] };
  }
  yield { at: "password", hex: [packet("f0", "18 0b 16", data)] };
}

function* ofOtherProtocols(): Generator<Conversation> {
  const secrets = `Authorization: Bearer ${MARK}\r\nCookie: session=${MARK}\r\n`;
  const head = (target: string, more = "") => ascii(`GET ${target} HTTP/1.1\r\nHost: h\r\n${secrets}${more}\r\n`);
  const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: mqtt\r\n";
  const connection = login("dora", PASSWORD);
  for (const at of ["password", "webSocket", "tls"] as const) {
    yield { at, hex: [head(`/?token=${MARK}`)] };
    yield { at, hex: [head(`/wrong?token=${MARK}`, upgrade)] };
    yield { at, hex: [head(`/mqtt?token=${MARK}`, `${upgrade}Origin: https://h/?${MARK}\r\n`)] };
    yield { at, hex: [ascii(`POST /?token=${MARK} HTTP/1.1\r\n\r\n`)] };
    if (at !== "password") yield { at, hex: [connection] };
  }
  const textFrame = `81${(0x80 + MARK.length).toString(16)}00000000${ascii(MARK)}`;
  yield { at: "webSocket", hex: [head(`/mqtt?token=${MARK}`, upgrade), textFrame] };
}

async function speak(port: number, { hex }: Conversation): Promise<void> {
  using client = await RawClient.open({ port });
  try {
    await client.send(...hex);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  await client.finish().catch(() => {}); // It may be closed already.
  await client.closed(15_000);
}

/** Reads again what is wrong in the places where secrets are. */
async function reload(program: RunningProgram, folder: ConfigurationFolder, yaml: string): Promise<void> {
  const wrong = [
    yaml.replace(`secret: ${JWT_SECRET}`, `secret: "${JWT_SECRET}`),
    yaml.replace(`secret: ${JWT_SECRET}`, `secret: [${JWT_SECRET}]`),
    yaml.replace(`secret: ${JWT_SECRET}`, `secret: ${MARK}`), // Too short.
    yaml.replace(`secret: ${JWT_SECRET}`, `secret: &${MARK}`),
    yaml.replace(/passwordHash: \S+/, `passwordHash: ${PASSWORD}`),
    yaml.replace(/passwordHash: \S+/, `passwordHash: $scrypt$${PASSWORD}`),
    yaml.replace("{ Authorization", `[${MARK}], x: { Authorization`),
  ];
  let times = 0;
  for (const text of wrong) {
    folder.write("a.yaml", text);
    program.kill("SIGHUP");
    await program.stderr.matching(/SIGHUP: everything stays as it was/, ++times, 15_000);
  }
  folder.write("a.yaml", yaml);
  for (const key of [`-----BEGIN PRIVATE KEY-----\n${MARK}\n-----END PRIVATE KEY-----\n`, MARK]) {
    const right = Deno.readTextFileSync(`${folder.path}/server.key`);
    folder.write("server.key", key);
    program.kill("SIGHUP");
    await program.stderr.matching(/SIGHUP: everything stays as it was/, ++times, 15_000);
    folder.write("server.key", right);
  }
}

/** What --print-config and --check-config say, and the complaint about a secret in a variable. */
async function printedConfigurations(file: string): Promise<string[]> {
  const env = { BROOKLET_AUTHENTICATION__JWT__SECRET: MARK }; // Too short.
  const endings = await Promise.all(
    [{}, { env }].flatMap((options) =>
      ["--print-config", "--check-config"].map(async (option) => {
        await using program = new ProgramInProcess(["--config", file, option], options);
        return await program.ended();
      })
    ),
  );
  return endings.flatMap(({ stdout, stderr }) => [...stdout, ...stderr]);
}

async function openPorts(program: RunningProgram): Promise<Ports> {
  const [password = 0, token = 0, keySet = 0] = await mqttPorts(program, 3);
  const port = async (scheme: string) => {
    const [line = ""] = await program.stderr.matching(
      new RegExp(`^.*listening on ${scheme}://127\\.0\\.0\\.1:`),
      1,
      15_000,
    );
    return parseInt(line);
  };
  return { password, token, keySet, webSocket: await port("ws"), tls: await port("mqtts") };
}

async function mqttPorts(program: RunningProgram, count: number): Promise<number[]> {
  const lines = await program.stderr.matching(/^.*listening on mqtt:\/\/127\.0\.0\.1:/, count, 15_000);
  return lines.map((line) => parseInt(line));
}

/** Gets what is published of the log, until the broker ends. */
async function reading(port: number, user = "ann"): Promise<{ readonly received: Promise<string[]> }> {
  const client = await RawClient.open({ port });
  await client.send(user === "" ? connect({ clientId: "reader" }) : login(user, PASSWORD, "reader"));
  await client.expect("20 02 00 00");
  await client.send(subscribe(1, "$SYS/broker/log/#"));
  await client.expect("90 03 0001 00");
  const received = (async () => {
    const texts: string[] = [];
    for (;;) {
      const said = await client.packet(120_000);
      if (said === "") break;
      const [, length = "", rest = ""] = /^30(?:[89a-f].)?..(....)(.*)$/.exec(said) ?? [];
      texts.push(new TextDecoder().decode(Uint8Array.fromHex(rest.slice(2 * parseInt(length, 16)))));
    }
    client[Symbol.dispose]();
    return texts;
  })();
  return { received };
}

/** A server that says what it was told, in ways that are wrong, but for "dora". */
function echoingServer() {
  const listening = { hostname: "127.0.0.1", port: 0, onListen() {} };
  const server = Deno.serve(listening, async (request) => {
    const said = await request.text();
    if (said.includes('"dora"')) return Response.json({ allow: true });
    if (said.includes('"bob"')) return new Response(said, { status: 500 });
    if (said.includes('"carl"')) return new Response(`${PASSWORD} is wrong`);
    return Response.json({ allow: PASSWORD });
  });
  return { port: server.addr.port, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** CONNECT with a Will. */
function login(user: string, password: string, clientId = user): string {
  return packet("10", text("MQTT"), "04 c6 003c", text(clientId), text("will"), text(MARK), text(user), text(password));
}

function ascii(value: string): string {
  return new TextEncoder().encode(value).toHex();
}
