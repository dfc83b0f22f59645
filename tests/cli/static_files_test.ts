import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { listenTcp, listenWebSocket } from "../../mod.ts";
import { ConfigError } from "../../src/cli/config_error.ts";
import { staticFiles } from "../../src/cli/serve/static_files.ts";
import { within } from "../deadline.ts";
import { ConfigurationFolder } from "./config/written_file.ts";

const SECRET = "nobody may read this";
const PAGE = "<p>hello</p>";
const LARGE_BYTES = 5_000_000;

/** Targets that lead out of the folder, or try. */
const OUTWARD: readonly string[] = [
  "/../secret.txt",
  "/../../secret.txt",
  "/a/../../secret.txt",
  "/a/../../../secret.txt",
  "/./../secret.txt",
  "/..//secret.txt",
  "//../secret.txt",
  "///../secret.txt",
  "/%2e%2e/secret.txt",
  "/%2E%2E/secret.txt",
  "/.%2e/secret.txt",
  "/%2e./secret.txt",
  "/a/%2e%2e/%2e%2e/secret.txt",
  "/..%2fsecret.txt",
  "/..%2Fsecret.txt",
  "/%2e%2e%2fsecret.txt",
  "/a%2f..%2f..%2fsecret.txt",
  "/..%5csecret.txt",
  "/..\\secret.txt",
  "/%2e%2e%5csecret.txt",
  "/a\\..\\..\\secret.txt",
  "/%252e%252e/secret.txt",
  "/%252e%252e%252fsecret.txt",
  "/..%252fsecret.txt",
  "/%c0%ae%c0%ae/secret.txt",
  "/%c0%ae%c0%ae%c0%afsecret.txt",
  "/%e0%80%ae%e0%80%ae/secret.txt",
  "/..%c0%afsecret.txt",
  "/%uff0e%uff0e/secret.txt",
  "/....//secret.txt",
  "/..;/secret.txt",
  "/%00/../secret.txt",
  "/..%00/secret.txt",
  "/index.html%00/../../secret.txt",
  "/index.html/../../secret.txt",
  "/%2fFOLDER%2fsecret.txt",
  "//FOLDER/secret.txt",
  "/FOLDER/secret.txt",
  "/link.txt",
  "/linked/secret.txt",
  "/file:%2f%2fFOLDER/secret.txt",
  "http://localhost/../secret.txt",
  "http://localhost/%2e%2e%2fsecret.txt",
  "/.hidden",
  "/.git/config",
];

for (const target of OUTWARD) {
  Deno.test(`GET ${target} leads to nothing outside the folder`, async () => {
    await withServer(async (ask, { path }) => {
      const answer = await ask(`GET ${target.replace("FOLDER", path.slice(1))} HTTP/1.1`);
      assert(!answer.includes(SECRET), answer);
      assertMatch(answer, /^HTTP\/1\.1 (?:404|400) /);
    });
  });
}

const ANSWERS: readonly (readonly [request: string, answer: RegExp])[] = [
  ["GET / HTTP/1.1", /^HTTP\/1\.1 200 OK\r\ncontent-type: text\/html; charset=UTF-8\r\n[^]*\r\n\r\n<p>hello<\/p>$/],
  ["GET /index.html?a=../b HTTP/1.1", /^HTTP\/1\.1 200 OK\r\n[^]*content-length: 12\r\n\r\n<p>hello<\/p>$/],
  ["HEAD / HTTP/1.1", /^HTTP\/1\.1 200 OK\r\n[^]*content-length: 12\r\n\r\n$/],
  [
    "GET /a/b%20c.js HTTP/1.1",
    /^HTTP\/1\.1 200 OK\r\ncontent-type: text\/javascript; charset=UTF-8\r\n[^]*\r\n\r\n1;$/,
  ],
  ["GET /a/map.JSON HTTP/1.1", /^HTTP\/1\.1 200 OK\r\ncontent-type: application\/json/],
  [
    "GET /a/x.bin HTTP/1.1",
    /^HTTP\/1\.1 200 OK\r\ncontent-type: application\/octet-stream\r\nx-content-type-options: nosniff\r\n/,
  ],
  ["GET /a HTTP/1.1", /^HTTP\/1\.1 404 Not Found\r\n/],
  ["GET /a/ HTTP/1.1", /^HTTP\/1\.1 404 Not Found\r\n/],
  ["HEAD /nothing HTTP/1.1", /^HTTP\/1\.1 404 Not Found\r\n[^]*\r\n\r\n$/],
  ["POST / HTTP/1.1", /^HTTP\/1\.1 405 Method Not Allowed\r\n/],
  ["DELETE /index.html HTTP/1.1", /^HTTP\/1\.1 405 Method Not Allowed\r\n/],
  [
    "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt",
    /^HTTP\/1\.1 101 Switching Protocols\r\n/,
  ],
];

for (const [request, answer] of ANSWERS) {
  Deno.test(`A folder of files answers ${request.split(" HTTP", 1)}${request.includes("Upgrade") ? ", which asks for WebSocket" : ""}`, async () => {
    await withServer(async (ask) => assertMatch(await ask(request), answer));
  });
}

Deno.test("A folder of files gives a large file whole, and no more than it had", async () => {
  await withServer(async (ask) => {
    const answer = await ask("GET /large.bin HTTP/1.1");
    assertEquals(answer.length - answer.indexOf("\r\n\r\n") - 4, LARGE_BYTES);
  });
});

Deno.test("A folder of files that is not there is an error of the configuration", () => {
  using folder = new ConfigurationFolder();
  const file = folder.write("file", "");
  assertThrows(() => staticFiles(`${folder.path}/no`), ConfigError, `/no": there is no such file`);
  assertThrows(() => staticFiles(file), ConfigError, `/file": it is a file`);
});

type Ask = (request: string) => Promise<string>;

/** Serves a folder with a secret beside it. */
async function withServer(use: (ask: Ask, folder: ConfigurationFolder) => Promise<void>): Promise<void> {
  using folder = new ConfigurationFolder();
  folder.write("secret.txt", SECRET);
  folder.write("www/index.html", PAGE);
  folder.write("www/a/b c.js", "1;");
  folder.write("www/a/x.bin", "x");
  folder.write("www/a/map.JSON", "{}");
  folder.write("www/.hidden", SECRET);
  folder.write("www/.git/config", SECRET);
  folder.write("www/large.bin", "x".repeat(LARGE_BYTES));
  Deno.symlinkSync(`${folder.path}/secret.txt`, `${folder.path}/www/link.txt`);
  Deno.symlinkSync(folder.path, `${folder.path}/www/linked`);
  const below = listenTcp({ port: 0 });
  const listener = listenWebSocket(below, { paths: "any", answer: staticFiles(`${folder.path}/www`) });
  const taking = (async () => {
    for await (const transport of listener) transport.close();
  })();
  const port = Number(/:(\d+)/.exec(below.url)?.[1]);
  try {
    await within(use((request) => answerOf(port, request), folder), "the answer");
  } finally {
    listener.close();
    await taking;
  }
}

/** All that comes back. */
async function answerOf(port: number, request: string): Promise<string> {
  using connection = await Deno.connect({ port });
  await connection.write(new TextEncoder().encode(`${request}\r\nHost: localhost\r\n\r\n`));
  const decoder = new TextDecoder();
  let answer = "";
  const chunk = new Uint8Array(65_536);
  for (let count = await connection.read(chunk); count !== null; count = await connection.read(chunk)) {
    answer += decoder.decode(chunk.subarray(0, count), { stream: true });
    if (answer.startsWith("HTTP/1.1 101")) return answer;
  }
  return answer;
}
