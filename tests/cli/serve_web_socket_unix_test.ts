import { assertEquals } from "@std/assert";
import { WebSocket } from "ws";
import { within } from "../deadline.ts";
import { ProgramInProcess } from "./program_in_process.ts";

const CONNECT = Uint8Array.of(0x10, 0x0d, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 1, 0x61);

Deno.test({
  name: "A listener at ws+unix: serves clients of a proxy, by the addresses that the proxy names",
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir();
    const file = `${folder}/web.sock`;
    const url = `ws+unix:${file}:/mqtt?mode=600&trusted-proxy=unix&origin=https://example.com`;
    {
      await using broker = new ProgramInProcess(["--listen", url, "--allow-anonymous", "-v"]);
      await broker.stderr.matching(new RegExp(`listening on ws\\+unix:${file}:/mqtt \\(open to other machines`), 1);
      assertEquals(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
      assertEquals(await connectBy(file, "https://example.com"), "20020000");
      await broker.stderr.matching(/New client connected from 192\.0\.2\.7/, 1);
      assertEquals(await connectBy(file, "https://example.org"), "Unexpected server response: 403");
    }
    await Deno.remove(folder, { recursive: true });
  },
});

/** Connects as a proxy does for a web page; gives the first packet, or why there is none. */
async function connectBy(file: string, origin: string): Promise<string> {
  const headers = { "x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https" };
  const socket = new WebSocket(`ws+unix:${file}:/mqtt`, "mqtt", { origin, headers });
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.on("open", () => socket.send(CONNECT));
  socket.on("message", (bytes: Uint8Array) => resolve(bytes.toHex()));
  socket.on("error", (error: Error) => resolve(error.message));
  const first = await within(promise, "an answer");
  const closed = new Promise((closed) =>
    socket.readyState === WebSocket.CLOSED ? closed(0) : socket.on("close", closed)
  );
  socket.close();
  await within(closed, "the WebSocket to close");
  return first;
}
