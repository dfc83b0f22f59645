/** `broker.upgrade` and `broker.fetch` in a web app of `Deno.serve`, with bytes as the peer. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Hono } from "hono";
import type { RemoteAddress, RouteOptions } from "../../mod.ts";
import { PINGREQ, PINGRESP } from "../interop/raw_client.ts";
import { HANDSHAKE } from "../transport/raw_web_socket.ts";
import { opened, plain, RouteApp, type RouteAppOptions } from "./route_app.ts";

const FETCH: RouteAppOptions = { handlerOf: (broker) => broker.fetch };

interface Row {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  /** Replaces those of the handshake. */
  readonly lines?: readonly string[];
  readonly route?: RouteOptions;
  /** Of `broker.upgrade`, which has no paths of its own. */
  readonly upgrade: number;
  /** Of `broker.fetch`, where the options can be its own. */
  readonly fetch?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RegExp;
}

const EXAMPLE = /^ *Sec-WebSocket-Protocol: mqtt$/m;
const ACCEPTED = { "upgrade": "websocket", "sec-websocket-protocol": "mqtt" };
const TEXT_BODY = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };

const ROWS: readonly Row[] = [
  { name: "the request of article 001", upgrade: 101, fetch: 101, headers: ACCEPTED },
  { name: "the path /", path: "/", upgrade: 101, fetch: 101, headers: ACCEPTED },
  { name: "another path", path: "/other", upgrade: 101, fetch: 404 },
  { name: "a path that is not on its list", route: { paths: ["/broker"] }, upgrade: 404, body: /\/broker/ },
  {
    name: "Upgrade: WebSocket",
    lines: replaced("Upgrade: WebSocket"),
    upgrade: 101,
    fetch: 101,
    headers: ACCEPTED,
  },
  {
    name: "several subprotocols without spaces",
    lines: replaced("Sec-WebSocket-Protocol: chat,mqttv3.1,mqtt"),
    upgrade: 101,
    fetch: 101,
    headers: ACCEPTED,
  },
  {
    name: "the subprotocol mqttv3.1",
    lines: replaced("Sec-WebSocket-Protocol: mqttv3.1"),
    upgrade: 101,
    fetch: 101,
    headers: { "sec-websocket-protocol": "mqttv3.1" },
  },
  { name: "no subprotocol", lines: without("Sec-WebSocket-Protocol"), upgrade: 400, fetch: 400, body: EXAMPLE },
  {
    name: "no subprotocol where none is required",
    lines: without("Sec-WebSocket-Protocol"),
    route: { requireSubprotocol: false },
    upgrade: 101,
  },
  {
    name: "a foreign subprotocol",
    lines: replaced("Sec-WebSocket-Protocol: chat"),
    upgrade: 400,
    fetch: 400,
    headers: TEXT_BODY,
    body: EXAMPLE,
  },
  {
    name: "version 8 of WebSocket",
    lines: replaced("Sec-WebSocket-Version: 8"),
    upgrade: 426,
    fetch: 426,
    headers: { ...TEXT_BODY, "sec-websocket-version": "13", "upgrade": "websocket" },
    body: /^Sec-WebSocket-Version: 13$/m,
  },
  {
    name: "no upgrade",
    lines: ["Host: app.example"],
    upgrade: 400,
    fetch: 400,
    headers: TEXT_BODY,
    body: EXAMPLE,
  },
  {
    name: "a browser's plain GET",
    lines: ["Host: app.example", "Accept: text/html,*/*;q=0.8"],
    upgrade: 400,
    fetch: 400,
    headers: { "content-type": "text/html; charset=utf-8" },
    body: /<button id="connect">/,
  },
  { name: "POST", method: "POST", upgrade: 405, fetch: 405, headers: { ...TEXT_BODY, "allow": "GET" } },
  {
    name: "a cookie from a page of somebody else",
    lines: added("Cookie: session=1", "Origin: https://evil.example"),
    upgrade: 403,
    fetch: 403,
    headers: TEXT_BODY,
    body: /origin/,
  },
  {
    name: "a cookie from a page that is on its list",
    lines: added("Cookie: session=1", "Origin: https://friend.example"),
    route: { origins: ["https://friend.example"] },
    upgrade: 101,
    headers: ACCEPTED,
  },
  {
    name: "a page of this machine at another name (DNS rebinding)",
    lines: added("Origin: http://app.example"),
    upgrade: 421,
    fetch: 421,
    headers: TEXT_BODY,
    body: /"hosts"/,
  },
  {
    name: "a page at a name that the app has",
    lines: added("Origin: http://app.example", "Cookie: session=1"),
    route: { hosts: ["app.example"] },
    upgrade: 101,
  },
  { name: "no page at a name that the app does not have", lines: added(), route: { hosts: [] }, upgrade: 421 },
  {
    name: "a page behind a proxy that says nothing of TLS",
    lines: added("Origin: https://app.example", "Cookie: session=1", "X-Forwarded-For: 192.0.2.1"),
    upgrade: 101,
    fetch: 101,
  },
  {
    name: "a page behind a proxy that ends TLS",
    lines: added("Origin: https://app.example", "Cookie: session=1", "X-Forwarded-Proto: https"),
    upgrade: 101,
    fetch: 101,
  },
  {
    name: "a page of http behind a proxy that ends TLS",
    lines: added("Origin: http://app.example", "Cookie: session=1", "X-Forwarded-Proto: https"),
    upgrade: 403,
    fetch: 403,
  },
];

for (const row of ROWS) {
  for (const way of ["upgrade", "fetch"] as const) {
    const status = row[way];
    if (status === undefined) continue;
    Deno.test(`broker.${way}() answers ${row.name} with ${status}`, async () => {
      await using app = await RouteApp.start(way === "fetch" ? FETCH : { route: row.route ?? {} });
      const { response, socket } = await app.request(row.lines ?? added(), row);
      using _ = socket;
      assertEquals(response.status, status, response.body);
      for (const [name, value] of Object.entries(row.headers ?? {})) {
        assertEquals(response.headers.filter(([key]) => key === name), [[name, value]]);
      }
      assertMatch(response.body, row.body ?? /^/);
      assertEquals(
        app.events.map(({ kind }) => kind),
        status === 101 ? ["connectionOpened"] : ["connectionRefused"],
      );
      const [event] = app.events;
      const [, help] = /^See docs\/troubleshooting\.md#([a-z-]+)$/m.exec(response.body) ?? [];
      const isPage = response.body.startsWith("<!doctype html>"); // It explains itself.
      if (event?.kind === "connectionRefused" && !isPage && row.method !== "HEAD") {
        assertEquals<string | undefined>(event.help, help);
      }
    });
  }
}

Deno.test("broker.fetch is the handler of an app, and knows where its clients come from", async () => {
  await using app = await RouteApp.start(FETCH);
  using socket = await app.connect({ clientId: "a" });
  await socket.sendBinary(PINGREQ);
  await socket.expect(plain(PINGRESP));
  const { address, listener } = opened(app.events);
  assertMatch(address, /^127\.0\.0\.1:\d+$/);
  assertEquals(listener, "ws://app.example");
});

interface HonoEnvironment {
  readonly Bindings: { readonly remoteAddr: RemoteAddress };
}

const HONO_APPS: readonly (RouteAppOptions & { readonly name: string })[] = [
  {
    name: "broker.upgrade()",
    handlerOf: (broker) =>
      new Hono<HonoEnvironment>()
        .get("/mqtt", ({ req, env: { remoteAddr } }) => broker.upgrade(req.raw, { remoteAddr })).fetch,
  },
  {
    name: "broker.fetch()",
    handlerOf: (broker) => new Hono<HonoEnvironment>().get("/mqtt", ({ req, env }) => broker.fetch(req.raw, env)).fetch,
  },
];
for (const { name, ...options } of HONO_APPS) {
  Deno.test(`${name} is a route of Hono, and knows where its clients come from`, async () => {
    await using app = await RouteApp.start(options);
    using socket = await app.connect({ clientId: "a" });
    await socket.sendBinary(PINGREQ);
    await socket.expect(plain(PINGRESP));
    assertMatch(opened(app.events).address, /^127\.0\.0\.1:\d+$/);
    const { response, socket: other } = await app.request(added(), { path: "/other" });
    using _ = other;
    assertEquals(response.status, 404);
  });
}

Deno.test("broker.upgrade() throws for a trusted proxy that is no address", async () => {
  await using app = await RouteApp.start();
  const request = new Request("http://app.example/mqtt");
  assertThrows(() => app.broker.upgrade(request, { trustedProxies: ["proxy"] }), RangeError, '"proxy"');
});

function added(...lines: readonly string[]): string[] {
  return ["Host: app.example", ...HANDSHAKE, ...lines];
}

function without(name: string): string[] {
  return added().filter((line) => !line.startsWith(`${name}:`));
}

function replaced(line: string): string[] {
  return [...without(line.slice(0, line.indexOf(":"))), line];
}
