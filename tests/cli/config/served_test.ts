import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { formatPasswordHash, hashPassword } from "../../../src/auth/mod.ts";
import { certificatePath } from "../../certificates/certificates.ts";
import { programTests } from "../../interop/interop_tests.ts";
import { AUTHORITY } from "../../interop/listeners.ts";
import { run } from "../../interop/mosquitto_clients.ts";
import { CONNACK, connect, packet, publish, RawClient, subscribe, text, uint16 } from "../../interop/raw_client.ts";
import { Program } from "../program.ts";
import { ProgramInProcess } from "../program_in_process.ts";
import { ConfigurationFolder } from "./written_file.ts";

const MESSAGES_UNDER_LOAD = 300;
const NOT_AUTHORIZED = "20 02 00 05";

/** As a guide to mosquitto writes it, for an account of Let's Encrypt. */
const ARTICLE = `listener 0
cafile /etc/letsencrypt/live/mqtt.example.com/cert.pem
certfile /etc/letsencrypt/live/mqtt.example.com/fullchain.pem
keyfile /etc/letsencrypt/live/mqtt.example.com/privkey.pem
tls_version tlsv1.2
allow_anonymous false
password_file /etc/mosquitto/pwfile
`;

programTests(["mosquitto_passwd", "mosquitto_pub"])(
  "A mosquitto.conf with Let's Encrypt and a file of mosquitto_passwd serves those who know a password, and no others",
  async () => {
    using folder = new ConfigurationFolder();
    const live = `etc/letsencrypt/live/mqtt.example.com`;
    for (
      const [name, from] of [["fullchain.pem", "server.pem"], ["cert.pem", "server.pem"], ["privkey.pem", "server.key"]]
    ) {
      folder.write(`${live}/${name}`, await Deno.readTextFile(certificatePath(from ?? "")));
    }
    const passwords = folder.write("etc/mosquitto/pwfile", "");
    const made = await new Deno.Command("mosquitto_passwd", { args: ["-b", "-c", passwords, "mqtt", "test"] }).output();
    assertEquals(made.code, 0);
    const file = folder.write("mosquitto.conf", ARTICLE.replaceAll("/etc/", `${folder.path}/etc/`));
    await using program = new ProgramInProcess(["--config", file]);
    const [line = ""] = await program.stderr.matching(/^.*listening on mqtts:\/\/(?:\*|0\.0\.0\.0):/, 1, 15_000);
    assertMatch(line, /^\d+ \(open to other machines, clients are authenticated\)$/);
    const broker = { port: parseInt(line) };
    const send = (...args: string[]) =>
      run("mosquitto_pub", broker, ["--cafile", AUTHORITY, "-t", "test", "-m", "hi", ...args]);
    assertEquals(await send("-u", "mqtt", "-P", "test"), { code: 0, stdout: "", stderr: "" });
    for (const args of [[], ["-u", "mqtt", "-P", "wrong"], ["-u", "other", "-P", "test"]]) {
      const { code, stderr } = await send(...args);
      assertNotEquals(code, 0);
      assertMatch(stderr, /not authorised/);
    }
  },
);

Deno.test("SIGHUP reads passwords and rules again: who is gone is disconnected, and a file that is wrong changes nothing", async () => {
  using folder = new ConfigurationFolder();
  const [onlyAnn, bobs] = [await hashed("ann"), await hashed("bob")];
  const users = onlyAnn + bobs;
  folder.write("passwords", users);
  folder.write("acl", "user ann\ntopic readwrite a/#\nuser bob\ntopic read a/#\n");
  const yaml = `listeners: [{ url: mqtt://127.0.0.1:0 }]
authentication: { passwordFile: ${folder.path}/passwords }
access: { file: ${folder.path}/acl }
`;
  await using program = await ProgramInProcess.listening(["--config", folder.write("a.yaml", yaml)]);
  const port = await program.port();
  using ann = await login(port, "ann");
  using bob = await login(port, "bob");
  await bob.send(subscribe(1, "a/b"));
  await bob.expect("90 03 0001 00");
  await ann.send(publish({ topic: "a/b", payload: "1" }));
  await bob.expect(publish({ topic: "a/b", payload: "1" }));

  folder.write("passwords", `${users}nonsense\n`);
  program.kill("SIGHUP");
  await program.stderr.matching(
    /SIGHUP: everything stays as it was: .*passwords: line 3 has no ":"\. See docs\/troubleshooting\.md#reload$/,
  );
  folder.write("passwords", users);
  folder.write("a.yaml", `${yaml}sysInterval: 1\n`);
  program.kill("SIGHUP");
  await program.stderr.matching(
    /stays as it was: .*a\.yaml:4:1: Unknown key "sysInterval": did you mean "sysIntervalMs"\? See docs\/troubleshooting\.md#reload$/,
  );
  folder.write("a.yaml", yaml.replace("127.0.0.1", "loopback"));
  program.kill("SIGHUP");
  await program.stderr.matching(
    /stays as it was: Cannot change "listeners\[0\]\.url" while the broker runs: start it again\. See docs\/troubleshooting\.md#reload$/,
  );
  await ann.send(publish({ topic: "a/b", payload: "2" }));
  await bob.expect(publish({ topic: "a/b", payload: "2" }));

  folder.write("a.yaml", `${yaml}limits: { maximumQos: 0 }\n`);
  folder.write("acl", "user ann\ntopic readwrite a/#\n");
  program.kill("SIGHUP");
  await program.stderr.matching(/SIGHUP: the configuration and all its files were read again$/);
  await ann.send(publish({ topic: "a/b", payload: "3" }));
  await ann.expectSilence();
  await bob.expectSilence(); // It may not read any more.
  folder.write("passwords", onlyAnn);
  program.kill("SIGHUP");
  assertEquals(await bob.closed(), "");
  await ann.expectSilence();
  await program.stderr.matching(/SIGHUP: 1 client was disconnected that may not connect any more$/);
  using refused = await RawClient.open({ port });
  await refused.send(credentials("bob"));
  await refused.expect(NOT_AUTHORIZED);
  using later = await login(port, "ann");
  await later.send(publish({ topic: "a/b", qos: 1, payload: "4" })); // Above the new limit.
  assertEquals(await later.closed(), "");
});

Deno.test("SIGHUP disconnects who has another password, or none any more, and nobody else, though there are tokens too", async () => {
  using folder = new ConfigurationFolder();
  folder.write("passwords", (await Promise.all(["ann", "bob", "eve"].map((name) => hashed(name)))).join(""));
  const yaml = `listeners: [{ url: mqtt://127.0.0.1:0 }]
authentication: { passwordFile: ${folder.path}/passwords, jwt: { secret: ${"s".repeat(32)} } }
`;
  await using program = await ProgramInProcess.listening(["--config", folder.write("a.yaml", yaml)]);
  const port = await program.port();
  using ann = await login(port, "ann");
  using bob = await login(port, "bob");
  using eve = await login(port, "eve");
  const [eves = ""] = Deno.readTextFileSync(`${folder.path}/passwords`).match(/^eve:.*\n/m) ?? [];
  folder.write("passwords", await hashed("ann", "changed") + eves);
  program.kill("SIGHUP");
  assertEquals([await ann.closed(), await bob.closed()], ["", ""]);
  await program.stderr.matching(/SIGHUP: 2 clients were disconnected that may not connect any more$/);
  await eve.expectSilence();
  using refused = await RawClient.open({ port });
  await refused.send(credentials("ann"));
  await refused.expect(NOT_AUTHORIZED);
});

Deno.test("SIGHUP disconnects clients whose password is another one now or whose subscription is not allowed, and says so", async () => {
  using folder = new ConfigurationFolder();
  folder.write("passwords", (await Promise.all(["ann", "bob", "sue"].map((name) => hashed(name)))).join(""));
  const yaml = `listeners: [{ url: mqtt://127.0.0.1:0 }]
authentication: { passwordFile: ${folder.path}/passwords }
access: { users: [{ name: ann, rules: [{ access: read, topic: a/# }] }], everyone: [{ access: readwrite, topic: b }] }
`;
  await using program = await ProgramInProcess.listening(["--config", folder.write("a.yaml", yaml)]);
  const port = await program.port();
  using bob = await login(port, "bob");
  using sue = await login(port, "sue");
  await sue.send(subscribe(1, "b"));
  await sue.expect("90 03 0001 00");
  const passwords = Deno.readTextFileSync(`${folder.path}/passwords`).replace(
    /^bob:.*$/m,
    (await hashed("bob")).trim(),
  );
  folder.write("passwords", passwords);
  program.kill("SIGHUP");
  assertEquals(await bob.closed(), ""); // Another salt is another password.
  await program.stderr.matching(/SIGHUP: 1 client was disconnected that may not connect any more$/);

  using ann = await RawClient.open({ port });
  await ann.send(packet("10", text("MQTT"), "05 c2 003c 00", text("ann"), text("ann"), text("ann")));
  await ann.packet();
  await ann.send(packet("82", "0001 00", text("a/+"), "00", text("b"), "00"));
  await ann.expect("90 05 0001 00 00 00");
  folder.write("a.yaml", yaml.replace("a/#", "c"));
  program.kill("SIGHUP");
  const why = 'the rules have changed: not authorized to subscribe to "a/+"';
  assertEquals(await ann.closed(), packet("e0", "87", packet("", "1f", text(why))).replaceAll(" ", ""));
  await program.stderr.matching(
    /: Ended the subscription of ann \(u'ann'\) to 'a\/\+': the rules do not allow it any more\. See docs\/troubleshooting\.md#access-denied$/,
  );
  await sue.send(publish({ topic: "b", payload: "1" }));
  await sue.expect(publish({ topic: "b", payload: "1" }));
});

Deno.test("Bans of a configuration are in force from the start, and SIGHUP puts others in their place", async () => {
  using folder = new ConfigurationFolder();
  const yaml = "listeners: [{ url: mqtt://127.0.0.1:0 }]\n";
  const file = folder.write("a.yaml", `${yaml}bans: [{ clientId: a }]\n`);
  await using program = await ProgramInProcess.listening(["--config", file]);
  const port = await program.port();
  using b = await RawClient.connect({ port }, { clientId: "b" });
  using refused = await RawClient.open({ port });
  await refused.send(connect({ clientId: "a" }));
  await refused.expect(NOT_AUTHORIZED);
  folder.write("a.yaml", `${yaml}bans: [{ clientId: b, until: 2999-01-01T00:00:00Z }]\n`);
  program.kill("SIGHUP");
  assertEquals(await b.closed(), "");
  await program.stderr.matching(/SIGHUP: 1 client was disconnected that may not connect any more$/);
  using _a = await RawClient.connect({ port }, { clientId: "a" });
  folder.write("a.yaml", `${yaml}bans: [{ address: 127.0.0.1 }]\n`);
  program.kill("SIGHUP");
  await program.stderr.matching(/SIGHUP: 1 client was disconnected that may not connect any more$/, 2);
});

Deno.test("SIGHUP refuses what a listener is opened with, and names it", async () => {
  using folder = new ConfigurationFolder();
  const tls = `certificate: ${certificatePath("server.pem")}, key: ${certificatePath("server.key")}`;
  const yaml = `listeners: [{ url: mqtt://127.0.0.1:0 }, { url: ws://127.0.0.1:0 }, { url: mqtts://127.0.0.1:0 }]
tls: { ${tls}, authority: ${AUTHORITY} }
`;
  await using program = await ProgramInProcess.listening(["--config", folder.write("a.yaml", yaml)]);
  for (
    const [from, to, key] of [
      ["ws://127.0.0.1:0", "ws://127.0.0.1:0, paths: [/a]", "listeners[1].paths"],
      ["ws://127.0.0.1:0", "ws://127.0.0.1:0, hosts: [a]", "listeners[1].hosts"],
      ["authority", "requireCertificate: true, authority", "tls.requireCertificate"],
      ["mqtt://127.0.0.1:0", "mqtt://127.0.0.1:0 }, { url: mqtt://127.0.0.1:0", "listeners"],
    ] as const
  ) {
    folder.write("a.yaml", yaml.replace(from, to));
    program.kill("SIGHUP");
    const [why = ""] = await program.stderr.matching(new RegExp(`^.*Cannot change ${RegExp.escape(`"${key}"`)} `));
    assertMatch(why, /^while the broker runs: start it again\. See /);
  }
});

Deno.test("SIGHUP under load loses no message and no connection", async () => {
  using folder = new ConfigurationFolder();
  const yaml = "listeners: [{ url: mqtt://127.0.0.1:0 }]\naccess: { everyone: [{ access: readwrite, topic: a }] }\n";
  await using program = await Program.listening(["--config", folder.write("a.yaml", yaml)]);
  const port = await program.port();
  using reader = await RawClient.connect({ port }, { clientId: "reader" });
  await reader.send(subscribe(1, "a", 1));
  await reader.expect("90 03 0001 01");
  using writer = await RawClient.connect({ port }, { clientId: "writer" });
  const received = (async () => {
    const payloads: string[] = [];
    for (let count = 1; count <= MESSAGES_UNDER_LOAD; count++) {
      const said = await reader.packet();
      payloads.push(said.slice(14));
      await reader.send(packet("40", said.slice(10, 14)));
    }
    return payloads;
  })();
  for (let count = 1; count <= MESSAGES_UNDER_LOAD; count++) {
    if (count % 50 === 0) program.kill("SIGHUP");
    await writer.send(
      publish({ topic: "a", qos: 1, packetIdentifier: count, payload: String(count).padStart(4, "0") }),
    );
    await writer.expect(packet("40", uint16(count)));
  }
  const expected = Array.from(
    { length: MESSAGES_UNDER_LOAD },
    (_, index) => digits(String(index + 1).padStart(4, "0")),
  );
  assertEquals(await received, expected);
  await program.stderr.matching(/were read again$/, 2);
});

Deno.test("A listener has versions, limits and Client Identifiers of its own, and as many connections as it may", async () => {
  using folder = new ConfigurationFolder();
  const yaml = `listeners:
  - url: mqtt://127.0.0.1:0
    versions: [5]
    allowEmptyClientId: false
    limits: { maximumQos: 1, receiveMaximum: 7 }
  - url: mqtt://127.0.0.1:0
  - url: mqtt://127.0.0.1:0
    maximumConnections: 1
clientIds: { prefixes: [home-, gen-] }
assignedClientIdPrefix: gen-
`;
  await using program = new ProgramInProcess([
    "--config",
    folder.write("a.yaml", yaml),
    "--limit",
    "topicAliasMaximum=0",
  ]);
  const [first, second, third] = await program.listeners(3);
  const port = first?.port ?? 0;
  using one = await RawClient.open({ port });
  await one.send(connect({ clientId: "home-1", version: 5 }));
  await one.expect("20 10 00 00 0d 21 0007 22 0000 24 01 27 01000000");
  using two = await RawClient.open({ port });
  await two.send(connect({ clientId: "home-1" }));
  assertEquals(await two.closed(), "20020001"); // Unacceptable protocol version.
  using nameless = await RawClient.open({ port });
  await nameless.send(connect({ clientId: "", version: 5 }));
  assertMatch(await nameless.closed(), /^20..0085/);
  using stranger = await RawClient.open({ port: second?.port ?? 0 });
  await stranger.send(connect({ clientId: "elsewhere" }));
  assertEquals(await stranger.closed(), "20020005");
  using assigned = await RawClient.open({ port: second?.port ?? 0 });
  await assigned.send(connect({ clientId: "", version: 5 }));
  assert((await assigned.packet()).includes(text("gen-").slice(4)));
  using _only = await RawClient.connect({ port: third?.port ?? 0 }, { clientId: "home-3" });
  using crowd = await RawClient.open({ port: third?.port ?? 0 });
  assertEquals(await crowd.closed(), "");
  await program.stderr.matching(
    /refused: mqtt:\/\/127\.0\.0\.1:\d+ has 1 connections already\. See docs\/troubleshooting\.md#too-many-connections$/,
  );
});

Deno.test("A client of MQTT 5 that asks for Response Information gets what the configuration says, with its identifier", async () => {
  using folder = new ConfigurationFolder();
  const yaml = 'listeners: [{ url: "mqtt://127.0.0.1:0" }]\nresponseInformation: responses/%c\n';
  await using program = await ProgramInProcess.listening(["--config", folder.write("a.yaml", yaml)]);
  const port = await program.port();
  const said = async (clientId: string, properties: string) => {
    using client = await RawClient.open({ port });
    await client.send(connect({ clientId, version: 5, properties }));
    return (await client.packet()).includes(text("responses/").slice(4));
  };
  assertEquals([await said("a$&b", "1901"), await said("a", ""), await said("a/+", "1901")], [true, false, false]);
  using client = await RawClient.open({ port });
  await client.send(connect({ clientId: "a$&b", version: 5, properties: "1901" }));
  assert((await client.packet()).includes(`1a${text("responses/a$&b")}`));
});

Deno.test("A client that leaves a full listener and comes again at once gets in", async () => {
  using folder = new ConfigurationFolder();
  const yaml = "listeners: [{ url: mqtt://127.0.0.1:0, maximumConnections: 1 }]\n";
  await using program = new ProgramInProcess(["--config", folder.write("a.yaml", yaml)]);
  const [only] = await program.listeners(1);
  for (let round = 0; round < 10; round++) {
    using _client = await RawClient.connect({ port: only?.port ?? 0 }, { clientId: "a" });
  }
});

Deno.test("The log is a file with an object in each line, is opened again on SIGHUP, and cannot be forged by a client", async () => {
  using folder = new ConfigurationFolder();
  const path = `${folder.path}/a.log`;
  const pid = `${folder.path}/a.pid`;
  const yaml = `listeners: [{ url: mqtt://127.0.0.1:0 }]
logging: { destinations: [stderr, { file: ${path} }], format: json, connectionMessages: true }
pidFile: ${pid}
`;
  await using program = new Program(["--config", folder.write("a.yaml", yaml)]);
  const [first = ""] = await program.stderr.matching(/^\{.*listening on mqtt:\/\/127\.0\.0\.1:/, 1, 15_000);
  const port = parseInt(first);
  assertEquals(Deno.readTextFileSync(pid), `${program.pid}\n`);
  Deno.renameSync(path, `${path}.1`);
  program.kill("SIGHUP");
  await program.stderr.matching(/were read again/);
  using _client = await RawClient.connect({ port }, { clientId: 'a"\n{"type":"error"}' });
  await program.stderr.matching(/New client connected/);
  program.kill("SIGTERM");
  assertEquals((await program.ended()).code, 0);
  const lines = Deno.readTextFileSync(path).trimEnd().split("\n").map((line): Record<string, unknown> =>
    JSON.parse(line)
  );
  const { type, clientId, time } = lines.find(({ event }) => event === "clientConnected") ?? {};
  assertEquals([type, clientId, typeof time], [
    "notice",
    'a"\n{"type":"error"}',
    "string",
  ]);
  assertMatch(String(lines.at(-1)?.["message"]), /^Brooklet has ended$/);
  assertMatch(Deno.readTextFileSync(`${path}.1`), /^\{"time":"[^"]+","type":"notice","message":"Brooklet is listening/);
  assertEquals(isThere(pid), false);
});

Deno.test("What a client may not do is told with its name, the first 50 times, where the area is not silenced", async () => {
  using folder = new ConfigurationFolder();
  const yaml = `listeners: [{ url: mqtt://127.0.0.1:0 }]
access: { everyone: [{ access: readwrite, topic: a }] }
logging: { types: [notice] }
`;
  const file = folder.write("a.yaml", yaml);
  await using program = await ProgramInProcess.listening([
    "--config",
    file,
    "--log",
    "program=none",
    "--log",
    "program=notice",
  ]);
  using client = await RawClient.connect({ port: await program.port() }, { clientId: "c\n" });
  for (let count = 0; count < 60; count++) await client.send(publish({ topic: "b\r", retain: true }));
  await client.send(subscribe(1, "b/#", 1));
  await client.expect("90 03 0001 80");
  await program.stderr.matching(
    /: Denied PUBLISH from c\\u\{a\} \(q0, r1, 'b\\u\{d\}'\)\. See docs\/troubleshooting\.md#access-denied$/,
    50,
  );
  folder.write("a.yaml", `${yaml.trimEnd()}\n`.replace("[notice] }", "[notice], areas: { access: warning } }"));
  program.kill("SIGHUP");
  await program.stderr.matching(/were read again$/);
  await client.send(subscribe(2, "b/#", 1));
  await client.expect("90 03 0002 80");
  program.kill("SIGTERM");
  await client.closeInTurn();
  const { stderr } = await program.ended();
  assertEquals(stderr.filter((line) => line.includes("Denied")).length, 50);
});

Deno.test("SIGHUP changes the level of every area, for clients that are connected too, and back", async () => {
  using folder = new ConfigurationFolder();
  const yaml = "listeners: [{ url: mqtt://127.0.0.1:0 }]\naccess: { everyone: [{ access: readwrite, topic: a }] }\n";
  const quiet = `${yaml}logging: { areas: { connections: none, access: none } }\n`;
  await using program = await ProgramInProcess.listening(["--config", folder.write("a.yaml", quiet)]);
  using client = await RawClient.connect({ port: await program.port() }, { clientId: "early" });
  const reload = async (text: string, times: number) => {
    folder.write("a.yaml", text);
    program.kill("SIGHUP");
    await program.stderr.matching(/were read again$/, times);
  };
  const act = async () => {
    await client.send(publish({ topic: "b", qos: 1 }) + "c0 00");
    await client.expect("40 02 0001 d0 00");
    using _other = await RawClient.connect({ port: await program.port() }, { clientId: "other" });
  };
  await act();
  await reload(`${yaml}logging: { connectionMessages: true, areas: { packets: debug } }\n`, 1);
  await act();
  await program.stderr.matching(/: Received PINGREQ from early$/);
  await program.stderr.matching(/: Sending PUBACK to early /);
  await program.stderr.matching(/: Sending CONNACK to other /);
  await program.stderr.matching(/: New client connected from .* as other /);
  await program.stderr.matching(/: Denied PUBLISH from early /);
  await reload(quiet, 2);
  const before = program.stderr.received.length;
  await act();
  program.kill("SIGTERM");
  await client.closeInTurn();
  const { stderr } = await program.ended();
  assertEquals(stderr.filter((line) => line.includes("Received PINGREQ")).length, 1);
  assertEquals(stderr.slice(before).map((line) => line.replace(/^\S+: /, "")), [
    "SIGTERM: shutting down",
    "Brooklet has ended",
  ]);
});

Deno.test("$SYS tells clients of the program, and the log where that is wanted", async () => {
  using folder = new ConfigurationFolder();
  const conf = "listener 0 127.0.0.1\nallow_anonymous true\nsys_interval 1\nlog_dest topic\nlog_dest stderr\n";
  await using program = await ProgramInProcess.listening(["--config", folder.write("mosquitto.conf", conf)]);
  const port = await program.port();
  using reader = await RawClient.connect({ port }, { clientId: "reader" });
  await reader.send(subscribe(1, "$SYS/broker/clients/connected") + subscribe(2, "$SYS/broker/log/N"));
  await reader.expect("90 03 0001 00");
  using _other = await RawClient.connect({ port }, { clientId: "other" });
  const wanted = [/clients\/connected2$/, /log\/N\d+: New client connected from 127\.0\.0\.1:\d+ as other /];
  const said: string[] = [];
  while (!wanted.every((pattern) => said.some((text) => pattern.test(text)))) {
    const bytes = Uint8Array.from((await reader.packet(5_000)).match(/../g) ?? [], (byte) => parseInt(byte, 16));
    said.push(new TextDecoder().decode(bytes));
  }
});

/** As hex. */
function digits(value: string): string {
  return value.replace(/\d/g, "3$&");
}

async function hashed(name: string, password = name): Promise<string> {
  return `${name}:${formatPasswordHash(await hashPassword(password, 10))}\n`;
}

/** CONNECT of a user whose password is the name. */
function credentials(name: string): string {
  return packet("10", text("MQTT"), "04 c2 003c", text(name), text(name), text(name));
}

async function login(port: number, name: string): Promise<RawClient> {
  const client = await RawClient.open({ port });
  await client.send(credentials(name));
  await client.expect(CONNACK);
  return client;
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
