import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { bytes, CONNACK, publish, RawClient, subscribe } from "../interop/raw_client.ts";
import { within } from "../deadline.ts";
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

    const startedMs = performance.now();
    program.kill(signal);
    const [saidToV5, saidToV4, { code, stdout }] = await Promise.all([
      Promise.all(v5.map((client) => client.closed(END_WITHIN_MS))),
      Promise.all(v4.map((client) => client.closed(END_WITHIN_MS))),
      program.ended(END_WITHIN_MS),
    ]);
    assertLess(performance.now() - startedMs, END_WITHIN_MS);
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
    const secondMs = performance.now();
    program.kill(signal);
    assertEquals((await program.ended(END_WITHIN_MS)).code, 1);
    assertLess(performance.now() - secondMs, 500);
  });
}

Deno.test("brooklet refuses new connections while it shuts down", async () => {
  await using program = await Program.listening();
  const port = await program.port();
  using stuck = await RawClient.connect({ port }, { clientId: "stuck" });
  await flood(port, [stuck]);
  program.kill("SIGTERM");
  await program.stderr.matching(/SIGTERM: shutting down/);
  const toldMs = performance.now();
  while (await accepts(port)) assertLess(performance.now() - toldMs, 500);
});

Deno.test("brooklet goes on, and ends with code 0, when nobody reads its standard error any more", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "mod.ts", ...LOOPBACK, "-v"],
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
