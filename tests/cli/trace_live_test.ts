/** `brooklet trace` of a broker that runs, over its HTTP API. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Broker, memoryTransport } from "../../mod.ts";
import { readCapture } from "../../src/admin/dissect/capture_reader.ts";
import { capturedItems } from "../../src/admin/dissect/captured_connections.ts";
import { type AdminHandler, adminHandler } from "../../src/admin/mod.ts";
import { fromHex } from "../codec/hex.ts";
import { within } from "../deadline.ts";
import { ProgramInProcess } from "./program_in_process.ts";
import { brooklet, TestIo } from "./test_io.ts";

const TOKEN = "a".repeat(43);
const CONNECT = "10 [ 'MQTT' 04 c2 003c 'device-77' 'ann' 'secret' ]";

/** A broker with its API at a port of this machine. */
class Api implements AsyncDisposable {
  readonly url: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(readonly broker: Broker, readonly admin: AdminHandler) {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request, { remoteAddr }) => admin.fetch(request, { remoteAddr }),
    );
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  static async open(): Promise<Api> {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(TOKEN));
    const broker = await Broker.open();
    const tokens = [{ name: "trace", tokenHash: new Uint8Array(digest).toHex(), role: "operator" as const }];
    return new Api(broker, adminHandler(broker, { tokens }));
  }

  /** Runs the command, has a client connect, ping and leave, and ends the trace. */
  async traced(args: readonly string[], { env = {}, end = () => this.#stop() }: {
    readonly env?: Readonly<Record<string, string>>;
    readonly end?: (io: TestIo) => unknown;
  } = {}) {
    const io = new TestIo({ env });
    const running = io.run(["trace", ...args]);
    const [stdout, stderr] = [io.stdout.bytes(), io.stderr.text()];
    let hasEnded = false;
    running.finally(() => hasEnded = true);
    while (!hasEnded && await this.traces() === 0);
    if (hasEnded) throw new Error(await stderr);
    const { server, client } = memoryTransport();
    const served = this.broker.serve(server);
    await client.writable.getWriter().write(fromHex(`${CONNECT} c000 e000`));
    for await (const _ of client.readable);
    await within(served, "the end of the client");
    await end(io);
    const code = await within(running, "the end of the command");
    return { code, stdout: await stdout, stderr: await stderr };
  }

  async traces(): Promise<number> {
    return (await (await this.#ask("GET", "/traces")).json()).traces.length;
  }

  async #stop(): Promise<void> {
    await (await this.#ask("POST", "/traces/1/stop")).body?.cancel();
  }

  #ask(method: string, path: string): Promise<Response> {
    const headers = { "authorization": `Bearer ${TOKEN}`, "content-type": "application/json" };
    return fetch(`${this.url}/api/v1${path}`, { method, headers });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    this.admin.close();
    await this.broker.close();
  }
}

Deno.test("brooklet trace --client prints packets while they come, and hides the password", async () => {
  await using api = await Api.open();
  const { code, stdout, stderr } = await api.traced(["--client", "device-77", "--url", api.url, "--token", TOKEN]);
  assertEquals(code, 0);
  assertEquals(stderr, 'Tracing client "device-77"; Ctrl+C ends it.\n');
  const lines = textOf(stdout).trimEnd().split("\n").map((line) =>
    line.replace(/\d+\.\d{3}/, "T").replace(/\d+\.\d ms/, "T ms")
  );
  assertEquals(lines.filter((line) => line.includes("▸")), [
    "    1    T memory ▸ connection opened",
    '    2    T device-77 ▸ CONNECT v3.1.1 "device-77" keep alive 60 s [36 B]',
    "    3    T device-77 ▸ PINGREQ [2 B]",
    "    4    T device-77 ▸ DISCONNECT [2 B]",
    "    7    T memory ▸ connection closed by the client: the client disconnected",
  ]);
  assertStringIncludes(lines.join("\n"), "◂ CONNACK Connection Accepted [4 B, answers 2 after T ms]");
  assertEquals(await api.traces(), 0);
});

Deno.test("brooklet trace --tree prints the fields of each packet as it comes", async () => {
  await using api = await Api.open();
  const { stdout } = await api.traced(["--next", "--tree", "--url", api.url], { env: { BROOKLET_TOKEN: TOKEN } });
  assertStringIncludes(textOf(stdout), "        Client ID: device-77\n");
  assertStringIncludes(textOf(stdout), "        Password Length: 6\n        Password: ******\n");
});

Deno.test("brooklet trace --pcapng - writes a capture to standard output, with a one-time link, and nothing else", async () => {
  await using api = await Api.open();
  const link = `${api.url}/#token=${await api.admin.linkToken()}`;
  const { stdout, code } = await api.traced(["--user", "ann", "--pcapng", "-", "--url", link]);
  assertEquals([code, packetsOf(stdout)], [0, PACKETS]);
});

Deno.test("brooklet trace --pcapng FILE writes a capture that only its owner can read, with a link in a file", async () => {
  await using api = await Api.open();
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/link`, `${api.url}/#token=${await api.admin.linkToken()}\n`);
  const options = ["--next", "--pcapng", `${folder}/a.pcapng`, "--link", `${folder}/link`];
  const { stdout } = await api.traced(options);
  assertStringIncludes(textOf(stdout), "PINGREQ");
  assertEquals(packetsOf(await Deno.readFile(`${folder}/a.pcapng`)), PACKETS);
  if (Deno.build.os !== "windows") assertEquals((Deno.statSync(`${folder}/a.pcapng`).mode ?? 0) & 0o777, 0o600);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("brooklet trace ends with a signal, and deletes its trace", async () => {
  await using api = await Api.open();
  const { code } = await api.traced(["--next", "--url", api.url, "--token", TOKEN], {
    end: (io) => io.signal("SIGINT"),
  });
  assertEquals([code, await api.traces()], [0, 0]);
});

Deno.test("brooklet trace needs no token for a broker of its own user, which it finds by itself", async () => {
  const folder = await Deno.makeTempDir();
  const env = { XDG_RUNTIME_DIR: folder };
  {
    const args = ["serve", "--listen", "mqtt://127.0.0.1:0", "--admin", "http://127.0.0.1:0"];
    await using program = await ProgramInProcess.listening(args, { env });
    const [page = ""] = await program.stderr.matching(/^.*The dashboard is at /, 1, 5_000);
    for (const options of [[], ["--url", page]]) {
      const io = new TestIo({ env });
      const running = io.run(["trace", "--next", ...options]);
      assertEquals(await firstLine(io), "Tracing the next connection; Ctrl+C ends it.");
      io.signal("SIGINT");
      assertEquals(await within(running, "the end of the command"), 0);
    }
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("brooklet trace says why it cannot trace", async () => {
  await using api = await Api.open();
  const refused: [string[], RegExp][] = [
    [["--next", "--url", api.url], /answers 401 .*--token/],
    [["--next", "--url", api.url, "--token", "b".repeat(43)], /answers 401 .*token is wrong/],
    [["--topic", "a/#/b", "--url", api.url, "--token", TOKEN], /answers 400 .*"a\/#\/b" is not a Topic Filter/],
    [["--next", "--url", "127.0.0.1"], /"127.0.0.1" is not the address of a dashboard/],
    [["--next", "--url", "http://127.0.0.1:1"], /nobody answers at http:\/\/127.0.0.1:1\//],
    [["--next", "a.pcapng"], /all other options are for a broker that runs/],
    [[], /Write "brooklet trace FILE"/],
  ];
  for (const [args, message] of refused) {
    const { code, stderr } = await brooklet(["trace", ...args], { env: { XDG_RUNTIME_DIR: "/nowhere" } });
    assertEquals(code, 2, stderr);
    assertMatch(stderr, message);
  }
});

const PACKETS = ["▸ CONNECT", "▸ PINGREQ", "▸ DISCONNECT", "◂ CONNACK", "◂ PINGRESP"];

/** Packets of a capture: those of the client, then those of the broker. */
function packetsOf(capture: Uint8Array): string[] {
  const items = capturedItems(readCapture(capture) ?? []);
  return [false, true].flatMap((side) =>
    items.filter(({ isSent }) => isSent === side).map(({ isSent, entry }) =>
      `${isSent ? "◂" : "▸"} ${entry?.summary.packet}`
    )
  );
}

async function firstLine({ stderr }: TestIo): Promise<string> {
  const { value } = await within(stderr.readable.getReader().read(), "a line");
  return textOf(value ?? new Uint8Array(0)).split("\n", 1)[0] ?? "";
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
