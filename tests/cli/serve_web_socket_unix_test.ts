import { assertEquals } from "@std/assert";
import { WebSocket } from "ws";
import { within } from "../deadline.ts";
import { ConfigurationFolder } from "./config/written_file.ts";
import { ProgramInProcess } from "./program_in_process.ts";

/** CONNECT of MQTT 3.1.1 without a Client Identifier. */
const CONNECT = Uint8Array.of(0x10, 0x0c, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 0);
const CONNACK = "20020000";
const FORWARDED = { "x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https" };

/** Runs a test with the path of a Unix socket. */
const test = (name: string, run: (file: string, folder: ConfigurationFolder) => Promise<void>) =>
  Deno.test({
    name,
    ignore: Deno.build.os === "windows",
    async fn() {
      using folder = new ConfigurationFolder();
      await run(`${folder.path}/web.sock`, folder);
    },
  });

test("A listener at ws+unix: serves clients of a proxy, by the addresses that the proxy names", async (file) => {
  const url = `ws+unix:${file}:/mqtt?mode=600&trusted-proxy=unix&origin=https://example.com`;
  await using broker = new ProgramInProcess(["--listen", url, "--allow-anonymous", "-v"]);
  await broker.stderr.matching(new RegExp(`listening on ws\\+unix:${file}:/mqtt \\(open to other machines`), 1);
  assertEquals(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
  await using page = new Visitor(file, { ...FORWARDED, origin: "https://example.com" });
  assertEquals(await page.first, CONNACK);
  await broker.stderr.matching(/New client connected from 192\.0\.2\.7/, 1);
  await using other = new Visitor(file, { ...FORWARDED, origin: "https://example.org" });
  assertEquals(await other.first, "Unexpected server response: 403");
});

test(
  "maximumPerAddress at ws+unix: counts clients whose address a proxy names, and no others",
  async (file, folder) => {
    const yaml = `listeners: [{ url: "ws+unix:${file}", trustedProxies: [unix] }]
authentication: { anonymous: true }
connections: { maximumPerAddress: 1 }
`;
    await using broker = new ProgramInProcess(["--config", folder.write("a.yaml", yaml)]);
    await broker.stderr.matching(/listening on ws\+unix:/, 1);
    await using named = new Visitor(file, FORWARDED);
    assertEquals(await named.first, CONNACK);
    await using again = new Visitor(file, FORWARDED);
    assertEquals(await again.first, "closed");
    await using unnamed = new Visitor(file, {});
    await using beside = new Visitor(file, {});
    assertEquals(await Promise.all([unnamed.first, beside.first]), [CONNACK, CONNACK]);
  },
);

/** Connection as a proxy makes it for a client. */
class Visitor implements AsyncDisposable {
  /** First packet, or why there is none. */
  readonly first: Promise<string>;
  readonly #socket: WebSocket;
  readonly #closed = Promise.withResolvers<void>();

  constructor(file: string, headers: Record<string, string>) {
    const socket = this.#socket = new WebSocket(`ws+unix:${file}:/mqtt`, "mqtt", { headers });
    const { promise, resolve } = Promise.withResolvers<string>();
    socket.on("open", () => socket.send(CONNECT));
    socket.on("message", (bytes: Uint8Array) => resolve(bytes.toHex()));
    socket.on("error", (error: Error) => resolve(error.message));
    socket.on("close", () => {
      resolve("closed");
      this.#closed.resolve();
    });
    this.first = within(promise, "an answer");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await within(this.#closed.promise, "the WebSocket to close");
  }
}
