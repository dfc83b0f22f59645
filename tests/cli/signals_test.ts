import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { bytes, CONNACK, publish, RawClient, subscribe } from "../interop/raw_client.ts";
import { within } from "../deadline.ts";
import { Stopwatch } from "../stopwatch.ts";
import { programTests } from "../interop/interop_tests.ts";
import { Lines } from "../interop/lines.ts";
import { ConfigurationFolder } from "./config/written_file.ts";
import { guide } from "./deploy_guide.ts";
import { LOOPBACK, Program } from "./program.ts";

const END_WITHIN_MS = 5_000;
/** Clients that do not read are waited for, so there are some with one of the signals only. */
const SIGNALS = [{ signal: "SIGINT", stuckClients: 0 }, { signal: "SIGTERM", stuckClients: 10 }] as const;

for (const { signal, stuckClients } of SIGNALS) {
  Deno.test(`brooklet ends within 5 s with code 0 at ${signal}, and tells 200 clients, when ${stuckClients} do not read`, async () => {
    await using program = await Program.listening();
    const port = await program.port();
    using clients = new DisposableStack();
    const open = async (name: string, version: 4 | 5) =>
      clients.use(await RawClient.connect({ port }, { clientId: name, version }));
    const stuck = await Promise.all(Array.from({ length: stuckClients }, (_, index) => open(`stuck ${index}`, 4)));
    if (stuckClients > 0) await flood(port, stuck);
    const v5 = await Promise.all(Array.from({ length: 150 }, (_, index) => open(`v5 ${index}`, 5)));
    const v4 = await Promise.all(Array.from({ length: 50 }, (_, index) => open(`v4 ${index}`, 4)));

    const stopwatch = new Stopwatch(program.pid);
    program.kill(signal);
    const ending = Promise.all([
      Promise.all(v5.map((client) => client.closed())),
      Promise.all(v4.map((client) => client.closed())),
      program.ended(),
    ]);
    assertLess(await stopwatch.msUntil(ending), END_WITHIN_MS);
    const [saidToV5, saidToV4, { code, stdout }] = await ending;
    assertEquals({ code, stdout }, { code: 0, stdout: [] });
    for (const said of saidToV5) assertMatch(said, /^e0..8b/); // Server shutting down. [MQTT-4.13.1-1]
    for (const said of saidToV4) assertEquals(said, ""); // 3.1.1 has no such word.
    assertMatch(program.stderr.received.join("\n"), new RegExp(`${signal}: shutting down\n.*Brooklet has ended$`));
  });

  Deno.test(`brooklet ends at once at a second signal, here ${signal}`, async () => {
    await using program = await Program.listening();
    const port = await program.port();
    using stuck = await RawClient.connect({ port }, { clientId: "stuck" });
    await flood(port, [stuck]); // It would be waited for.
    program.kill("SIGTERM");
    await program.stderr.matching(/SIGTERM: shutting down/);
    await new Promise((resolve) => setTimeout(resolve, 700)); // A key is held no longer.
    const secondMs = performance.now();
    program.kill(signal);
    assertEquals((await program.ended(END_WITHIN_MS)).code, 1);
    // A busy machine holds up a program that has nobody to wait for as well.
    assertLess(performance.now() - secondMs, 500 + await calmEndMs());
  });
}

Deno.test("brooklet ends with code 0 when SIGINT comes twice for one key", async () => {
  await using program = await Program.listening();
  const port = await program.port();
  using clients = new DisposableStack();
  const stuck = clients.use(await RawClient.connect({ port }, { clientId: "stuck" }));
  await flood(port, [stuck]); // It is waited for, so that the third one finds the program.
  program.kill("SIGINT");
  program.kill("SIGINT");
  await program.stderr.matching(/SIGINT: shutting down/);
  program.kill("SIGINT");
  program.kill("SIGUSR2"); // It comes after the third one.
  await program.stderr.matching(/SIGUSR2: ignored/);
  clients.dispose();
  assertEquals((await program.ended(END_WITHIN_MS)).code, 0);
  assertMatch(program.stderr.received.join("\n"), /Brooklet has ended$/);
});

programTests(["script"])("Ctrl-C at a terminal ends `deno task start` with code 0", async () => {
  using folder = new ConfigurationFolder();
  for (let time = 0; time < 3; time++) {
    const command = `exec ${Deno.execPath()} task start --listen mqtt://127.0.0.1:0`;
    const child = new Deno.Command("script", {
      args: ["--quiet", "--return", "--flush", "--command", command, "/dev/null"],
      cwd: new URL("../../", import.meta.url),
      env: { NO_COLOR: "1", XDG_STATE_HOME: folder.path },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const lines = new Lines(child.stdout);
    const terminal = child.stdin.getWriter();
    await lines.matching(/listening on mqtt/, 1, 30_000);
    await terminal.write(Uint8Array.of(3));
    const { code } = await within(child.status, "deno task to end", 15_000);
    await lines.ended;
    await terminal.close().catch(() => {}); // The terminal is gone.
    assertMatch(lines.received.join("\n"), /SIGINT: shutting down\s[^]*Brooklet has ended\s*$/);
    assertEquals(code, 0);
  }
});

Deno.test("brooklet says that SIGUSR2 and others without a meaning are ignored, goes on, and keeps its pid file", async () => {
  using folder = new ConfigurationFolder();
  const yaml = `listeners: [{ url: mqtt://127.0.0.1:0 }]\npidFile: ${folder.path}/pid\n`;
  await using program = await Program.listening(["--config", folder.write("a.yaml", yaml)]);
  for (const signal of ["SIGUSR2", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO"] as const) {
    const times = program.stderr.received.filter((line) => line.includes(signal)).length;
    program.kill(signal);
    await program.stderr.matching(new RegExp(`${signal}: ignored, it has no meaning here$`), times + 1);
  }
  using _client = await RawClient.connect({ port: await program.port() }, { clientId: "a" });
  assertEquals(Deno.readTextFileSync(`${folder.path}/pid`), `${program.pid}\n`);
  program.kill("SIGTERM");
  assertEquals((await program.ended(END_WITHIN_MS)).code, 0);
});

Deno.test("brooklet closes the debugger that Deno opens at SIGUSR1, and says that everything is saved", async () => {
  await using program = await Program.listening();
  await new Promise((resolve) => setTimeout(resolve, 600)); // Before, the runtime does not listen to it.
  program.kill("SIGUSR1");
  await program.stderr.matching(/SIGUSR1: nothing is saved, all that was acknowledged is in the storage already$/);
  // Another program may have the port.
  await program.stderr.matching(/SIGUSR1: the debugger that Deno has opened is closed$|Failed to start inspector/);
  assertEquals(portsOf(program.pid).includes(9_229), false);
  using _client = await RawClient.connect({ port: await program.port() }, { clientId: "a" });
});

Deno.test("brooklet tells that a debugger is open which it may not close", async () => {
  const permissions = ["--allow-net", "--no-prompt"];
  await using program = await Program.listening(LOOPBACK, { permissions });
  program.kill("SIGUSR1");
  await program.stderr.matching(/SIGUSR1: Deno opens a debugger on 127\.0\.0\.1:9229, which only --allow-sys lets/);
});

Deno.test("Signals that are blocked as docs/deploy.md has it do nothing, and nothing warns of them", async () => {
  const [, env = ""] = /^exec (env (?:--\S+ )+)deno run/m.exec(guide()) ?? [];
  using folder = new ConfigurationFolder();
  const file = folder.write("mosquitto.conf", "listener 0 127.0.0.1\nallow_anonymous true\n");
  const warning = /SIGUSR1, at which mosquitto saves, opens a debugger/;
  {
    await using unblocked = await Program.listening(["--config", file]);
    await unblocked.stderr.matching(warning);
  }
  await using program = await Program.listening(["--config", file], { under: env.trim().split(" ") });
  await new Promise((resolve) => setTimeout(resolve, 600)); // Before, the runtime does not listen to it.
  for (const signal of ["USR1", "RTMIN"]) {
    // Of the shell: a small machine has no other.
    const { success } = await new Deno.Command("sh", { args: ["-c", `kill -${signal} ${program.pid}`] }).output();
    assertEquals(success, true);
  }
  using _client = await RawClient.connect({ port: await program.port() }, { clientId: "a" });
  program.kill("SIGTERM");
  const { code, stderr } = await program.ended(END_WITHIN_MS);
  assertEquals([code, stderr.filter((line) => warning.test(line) || line.includes("SIGUSR1"))], [0, []]);
});

Deno.test("brooklet refuses new connections while it shuts down", async () => {
  await using program = await Program.listening();
  const port = await program.port();
  using stuck = await RawClient.connect({ port }, { clientId: "stuck" });
  await flood(port, [stuck]);
  program.kill("SIGTERM");
  await program.stderr.matching(/SIGTERM: shutting down/);
  const stopwatch = new Stopwatch(program.pid);
  while (await accepts(port)) assertLess(stopwatch.ms(), 500);
});

Deno.test("brooklet goes on, and ends with code 0, when nobody reads its standard error any more", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "mod.ts", ...LOOPBACK, "--no-admin", "-v"],
    cwd: new URL("../../", import.meta.url),
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  try {
    const port = await within(firstPort(child.stderr), "the broker to listen", 15_000);
    for (const clientId of ["one", "two"]) {
      using client = await RawClient.connect({ port }, { clientId });
      await client.expectSilence();
    }
  } catch (error) {
    child.kill("SIGKILL");
    await child.status;
    throw error;
  }
  child.kill("SIGTERM");
  assertEquals((await within(child.status, "the broker to end", END_WITHIN_MS)).code, 0);
});

/** How long a program without clients takes from its first signal to its end. */
async function calmEndMs(): Promise<number> {
  await using program = await Program.listening();
  const startedMs = performance.now();
  program.kill("SIGTERM");
  await program.ended(END_WITHIN_MS);
  return performance.now() - startedMs;
}

/** Where a process listens, as Linux has it. */
function portsOf(pid: number): number[] {
  const inodes = new Set(Array.from(Deno.readDirSync(`/proc/${pid}/fd`), ({ name }) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(Deno.readLinkSync(`/proc/${pid}/fd/${name}`))?.[1];
    } catch {
      return undefined; // It was closed meanwhile.
    }
  }));
  const rows = Deno.readTextFileSync(`/proc/${pid}/net/tcp`).split("\n").slice(1).map((row) => row.trim().split(/\s+/));
  return rows.filter((row) => row[3] === "0A" && inodes.has(row[9])).map((row) => parseInt(row[1]?.slice(9) ?? "", 16));
}

async function accepts(port: number): Promise<boolean> {
  try {
    using _client = await RawClient.open({ port });
    return true;
  } catch (error) {
    // Reset: it was in the queue of a listener that was closed.
    if (error instanceof Deno.errors.ConnectionReset) return true;
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

/** Sends to clients that do not read until more waits for them than the system takes. */
async function flood(port: number, clients: readonly RawClient[]): Promise<void> {
  for (const client of clients) {
    await client.send(subscribe(1, "flood"));
    await client.expect("90 03 0001 00");
  }
  using publisher = await RawClient.open({ port });
  await publisher.send("10 11 0004 4d515454 04 02 003c 0005 666c6f6f64");
  await publisher.expect(CONNACK);
  const message = bytes(publish({ topic: "flood", payload: "x".repeat(500_000) }));
  for (let sent = 0; sent < 24; sent++) await publisher.sendBytes(message);
  await publisher.expectSilence();
}

/** The port of the first line that names one; then the stream is closed. */
async function firstPort(output: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<number> {
  let text = "";
  for await (const piece of output.pipeThrough(new TextDecoderStream())) { // Leaving the loop closes it.
    text += piece;
    const [, port] = /listening on mqtt:\/\/127\.0\.0\.1:(\d+) /.exec(text) ?? [];
    if (port !== undefined) return Number(port);
  }
  throw new Error(`No port is named: ${text}`);
}
