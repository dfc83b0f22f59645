import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { HostOptions } from "../../src/transport/web_socket/origin.ts";
import { acceptKey, checkUpgrade, type UpgradeOptions } from "../../src/transport/web_socket/upgrade.ts";
import vectors from "../vectors.json" with { type: "json" };
import { HANDSHAKE, RawWebSocket } from "./raw_web_socket.ts";
import { CLOSE, closeFrame } from "./web_socket_client_frames.ts";
import { WAYS_IN } from "./web_socket_servers.ts";

interface Row {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  /** Header lines that replace those of the handshake with the same name; an empty value takes it away. */
  readonly lines?: readonly string[];
  readonly options?: UpgradeOptions & HostOptions;
  readonly status: number;
  readonly subprotocol?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RegExp;
}

const EXAMPLE_LINE = /^Sec-WebSocket-Protocol: mqtt$/m;
const OTHER_PAGE = "Origin: https://evil.example";
const COOKIE = "Cookie: session=1";
const APP = { hosts: ["app.example"] };

const ROWS: readonly Row[] = [
  { name: "the request of article 001, seed 1-1", status: 101, subprotocol: "mqtt" },
  { name: "the path /, seed 0-1", path: "/", status: 101, subprotocol: "mqtt" },
  { name: "a query", path: "/mqtt?token=1", status: 101, subprotocol: "mqtt" },
  { name: "Upgrade in another case, seed 2-6", lines: ["Upgrade: WebSocket"], status: 101, subprotocol: "mqtt" },
  { name: "Connection in another case, seed 1-1", lines: ["connection: UPGRADE"], status: 101, subprotocol: "mqtt" },
  { name: "header names in lower case, seed 1-15", lines: HANDSHAKE.map(lowerName), status: 101, subprotocol: "mqtt" },
  { name: "Host with a port, seed 1-15", lines: ["host: localhost:8083"], status: 101, subprotocol: "mqtt" },
  ...[
    { offered: "mqttv3.1", subprotocol: "mqttv3.1" },
    { offered: "mqttv3.1, mqtt", subprotocol: "mqtt" },
    { offered: "mqtt5,mqttv3.1", subprotocol: "mqttv3.1" },
    { offered: "chat ,  mqtt5", subprotocol: "mqtt5" },
    { offered: "mqtt-v5, mqtt5", subprotocol: "mqtt-v5" },
  ].map(({ offered, subprotocol }) => ({
    name: `the subprotocols "${offered}", seeds 1-3, 2-7 [MQTT-6.0.0-3]`,
    lines: [`Sec-WebSocket-Protocol: ${offered}`],
    status: 101,
    subprotocol,
  })),
  {
    name: "no subprotocol, seed 2-7 [MQTT-6.0.0-3]",
    lines: ["Sec-WebSocket-Protocol:"],
    status: 400,
    body: EXAMPLE_LINE,
  },
  {
    name: "a foreign subprotocol, seed 2-7 [MQTT-6.0.0-3]",
    lines: ["Sec-WebSocket-Protocol: foo"],
    status: 400,
    body: EXAMPLE_LINE,
  },
  {
    name: "no subprotocol where none is required",
    lines: ["Sec-WebSocket-Protocol:"],
    options: { requireSubprotocol: false },
    status: 101,
  },
  {
    name: "a foreign subprotocol where none is required",
    lines: ["Sec-WebSocket-Protocol: foo"],
    options: { requireSubprotocol: false },
    status: 400,
    body: EXAMPLE_LINE,
  },
  { name: "no Upgrade, seed 2-6", lines: ["Upgrade:"], status: 400, body: EXAMPLE_LINE_INDENTED() },
  { name: "Upgrade to something else, seed 2-6", lines: ["Upgrade: h2c"], status: 400, body: EXAMPLE_LINE_INDENTED() },
  { name: "Connection without upgrade", lines: ["Connection: keep-alive"], status: 400, body: EXAMPLE_LINE_INDENTED() },
  {
    name: "a browser's plain GET",
    lines: ["Upgrade:", "Connection: keep-alive", "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"],
    status: 400,
    headers: { "content-type": "text/html; charset=utf-8" },
    body: /<button id="connect">/,
  },
  {
    name: "version 8, seed 2-7",
    lines: ["Sec-WebSocket-Version: 8"],
    status: 426,
    headers: { "sec-websocket-version": "13", "upgrade": "websocket" },
    body: /^Sec-WebSocket-Version: 13$/m,
  },
  {
    name: "no version",
    lines: ["Sec-WebSocket-Version:"],
    status: 426,
    headers: { "sec-websocket-version": "13" },
  },
  { name: "no key [RFC 6455, 4.2.1]", lines: ["Sec-WebSocket-Key:"], status: 400, body: /Sec-WebSocket-Key/ },
  {
    name: "a key that is too short [RFC 6455, 4.2.1]",
    lines: ["Sec-WebSocket-Key: npQCPFw1Pc5G9vqjJyi9"],
    status: 400,
    body: /Sec-WebSocket-Key/,
  },
  { name: "another path, seed 0-1", path: "/other", status: 404, body: /\/mqtt \// },
  { name: "a path that only begins like it", path: "/mqttx", status: 404 },
  { name: "a path of its own", path: "/broker", options: { paths: ["/broker"] }, status: 101, subprotocol: "mqtt" },
  { name: "any path", path: "/some/where", options: { paths: "any" }, status: 101, subprotocol: "mqtt" },
  { name: "POST, seed 2-5", method: "POST", status: 405, headers: { "allow": "GET" } },
  { name: "HEAD", method: "HEAD", status: 405, headers: { "allow": "GET" } },
  { name: "POST to another path", method: "POST", path: "/other", status: 404 },
  { name: "another page without credentials", lines: [OTHER_PAGE], status: 101, subprotocol: "mqtt" },
  {
    name: "another page with a cookie [RFC 6455, 10.2]",
    lines: [OTHER_PAGE, COOKIE],
    status: 403,
    body: /origin.*cookies.*all ports/,
  },
  {
    name: "another page with HTTP credentials [RFC 6455, 10.2]",
    lines: [OTHER_PAGE, "Authorization: Basic YTpi"],
    status: 403,
    body: /origin.*HTTP credentials/,
  },
  {
    name: "the same page with a cookie",
    lines: ["Host: app.example:8083", "Origin: http://app.example:8083", COOKIE],
    options: APP,
    status: 101,
    subprotocol: "mqtt",
  },
  {
    name: "the same host with another scheme and a cookie",
    lines: ["Host: app.example", "Origin: https://app.example", COOKIE],
    options: APP,
    status: 403,
    body: /X-Forwarded-Proto/,
  },
  {
    name: "the same host with another port and a cookie",
    lines: ["Host: app.example:8083", "Origin: http://app.example", COOKIE],
    options: APP,
    status: 403,
  },
  { name: "a page without an origin and a cookie", lines: ["Origin: null", COOKIE], status: 403 },
  { name: "no page, but a cookie", lines: [COOKIE], status: 101, subprotocol: "mqtt" },
  {
    name: "a page that is on the list, with a cookie",
    lines: [OTHER_PAGE, COOKIE],
    options: { origins: ["sameOrigin", "https://evil.example"] },
    status: 101,
    subprotocol: "mqtt",
  },
  {
    name: "a page that is not on the list",
    lines: [OTHER_PAGE],
    options: { origins: ["https://app.example"] },
    status: 403,
    body: /origin/,
  },
];

/** Within the example, where it is indented. */
function EXAMPLE_LINE_INDENTED(): RegExp {
  return /^ {2}Sec-WebSocket-Protocol: mqtt$/m;
}

function lowerName(line: string): string {
  return line.replace(/^[^:]+/, (name) => name.toLowerCase());
}

function linesOf({ lines = [] }: Row): string[] {
  const nameOf = (line: string) => line.slice(0, line.indexOf(":")).toLowerCase();
  const replaced = new Set(lines.map(nameOf));
  const kept = ["Host: localhost", ...HANDSHAKE].filter((line) => !replaced.has(nameOf(line)));
  return [...kept, ...lines.filter((line) => !line.endsWith(":"))];
}

for (const row of ROWS) {
  const { name, method = "GET", path = "/mqtt", options = {}, status, subprotocol, headers = {}, body } = row;
  Deno.test(`checkUpgrade() answers ${name} with ${status}`, () => {
    const lines = linesOf(row);
    const request = {
      method,
      url: `http://${lines.find((line) => /^host:/i.test(line))?.slice(6)}${path}`,
      headers: new Headers(lines.map((line): [string, string] => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon), line.slice(colon + 1)];
      })),
    };
    const decision = checkUpgrade(request, options);
    if (decision.kind === "accepted") {
      assertEquals([status, subprotocol], [101, decision.subprotocol]);
    } else {
      assertEquals(decision.status, status);
    }
  });

  for (const way of WAYS_IN) {
    Deno.test(`${way.name} answers ${name} with ${status}`, async () => {
      const served = Promise.withResolvers<void>();
      await using server = way.start(options, async (transport) => {
        transport.close();
        for await (const _ of transport.readable) { /* Until it is closed. */ }
        served.resolve();
      });
      using socket = await RawWebSocket.connect(server.port);
      await socket.request(method, path, linesOf(row));
      const response = await socket.response(method !== "HEAD");
      assertEquals(response.status, status, response.body);
      const values = (name: string) => response.headers.flatMap(([key, value]) => key === name ? [value] : []);
      for (const [name, value] of Object.entries(headers)) assertEquals(values(name), [value]);
      if (body !== undefined) assertMatch(response.body, body);
      if (status === 101) {
        assertEquals(values("sec-websocket-accept"), [vectors.vectors["001-accept"].accept]);
        assertEquals(values("sec-websocket-protocol"), subprotocol === undefined ? [] : [subprotocol]);
        assertEquals(values("sec-websocket-extensions"), []); // Seed 1-4
        assertEquals(values("content-length"), []); // Seed 1-5
        assertEquals(await socket.frame(), { opcode: CLOSE, payload: "03e8" });
        await socket.send(closeFrame(1000));
        await served.promise;
      } else if (method !== "HEAD") {
        const isPage = response.body.startsWith("<!doctype html>");
        assertMatch(response.body, isPage ? /\n$/ : /\n\nSee docs\/troubleshooting\.md#[a-z-]+\n$/);
      }
    });
  }
}

Deno.test("acceptKey() gives what article 001 shows, seed 1-2 [RFC 6455, 4.2.2]", async () => {
  const { key, accept } = vectors.vectors["001-accept"];
  assertEquals(await acceptKey(key), accept);
});

Deno.test("The connect test page runs its own script only", () => {
  const headers = new Headers({ accept: "text/html" });
  const page = () => checkUpgrade({ method: "GET", url: "http://localhost/mqtt", headers });
  const [first, second] = [page(), page()];
  if (first.kind !== "refused" || second.kind !== "refused") throw new Error("A plain GET was accepted");
  const nonce = /<script nonce="([^"]+)">/.exec(first.body)?.[1] ?? "none";
  assertStringIncludes(first.headers["content-security-policy"] ?? "", `script-src 'nonce-${nonce}'`);
  assertEquals(second.body.includes(nonce), false);
});

const OVER_HTTP_2 = { "sec-websocket-version": "13", "sec-websocket-key": "npQCPFw1Pc5G9vqjJyi90w==" };
for (
  const { name, method, headers } of [
    { name: "a GET that lost Connection and Upgrade", method: "GET", headers: OVER_HTTP_2 },
    { name: "an extended CONNECT", method: "CONNECT", headers: { "sec-websocket-protocol": "mqtt" } },
  ]
) {
  Deno.test(`checkUpgrade() names HTTP/2 as the cause for ${name} of a proxy`, () => {
    const request = { method, url: "https://app.example/mqtt", headers: new Headers(headers) };
    const refused = checkUpgrade(request);
    assert(refused.kind === "refused");
    assertEquals(refused.status, 400);
    assertMatch(refused.reason, /HTTP\/2/);
    assertMatch(refused.body, /^This request came over HTTP\/2/);
  });
}

Deno.test("checkUpgrade() names the path that it refuses, a long one in part, and the paths that there are", () => {
  const reason = (path: string) => {
    const url = `http://localhost${path}`;
    const refused = checkUpgrade({ method: "GET", url, headers: new Headers() }, { paths: ["/a", "/b"] });
    return refused.kind === "refused" ? refused.reason : "";
  };
  assertEquals(reason("/x?q"), 'the path "/x" is not one that is served here (/a, /b)');
  assertEquals(
    reason(`/${"y".repeat(200)}`),
    `the path "/${"y".repeat(99)}..." is not one that is served here (/a, /b)`,
  );
});
