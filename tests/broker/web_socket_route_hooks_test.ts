/** What the hooks of a broker are told of a client that came in by `broker.upgrade`. */

import { assertEquals, assertMatch } from "@std/assert";
import type { Authenticator, RemoteAddress, RouteOptions } from "../../mod.ts";
import type { AccessRequest } from "../../src/auth/mod.ts";
import { connect, publish, subscribe } from "../interop/raw_client.ts";
import { RawWebSocket } from "../transport/raw_web_socket.ts";
import { isClosed, opened, plain, RouteApp } from "./route_app.ts";

/** Decides behind an answer that takes a while, as a directory's does: by then the request is long upgraded. */
function authenticatorOf(names: readonly string[], isLate: boolean): { authenticator: Authenticator; seen: unknown[] } {
  const seen: unknown[] = [];
  return {
    seen,
    authenticator: {
      async authenticate({ request, connect, clientId }) {
        if (isLate) await new Promise((resolve) => setTimeout(resolve));
        const { method, url, headers } = request ?? { method: "", url: "", headers: new Headers() };
        seen.push({
          method,
          url,
          userName: connect.userName,
          clientId,
          ...Object.fromEntries(names.map((name) => [name, headers.get(name)])),
        });
        return { isAccepted: true, principal: headers.get("cookie")?.slice("session=".length) ?? "nobody" };
      },
    },
  };
}

for (const isLate of [false, true]) {
  for (const origin of ["http://app.example", null]) {
    const how = `read ${isLate ? "late" : "at once"}, with the Origin ${origin}`;
    Deno.test(`The authenticator gets the request with the CONNECT, ${how}`, async () => {
      const { authenticator, seen } = authenticatorOf(["cookie", "authorization", "origin"], isLate);
      await using app = await RouteApp.start({ broker: { authenticator }, route: { hosts: ["app.example"] } });
      const lines = ["Cookie: session=ann", "Authorization: Bearer 1234"];
      if (origin !== null) lines.push(`Origin: ${origin}`);
      using _socket = await app.connect({ clientId: "a" }, lines, "/mqtt?token=abc");
      assertEquals(seen, [{
        method: "GET",
        url: "http://app.example/mqtt?token=abc",
        userName: undefined,
        clientId: "a",
        cookie: "session=ann",
        authorization: "Bearer 1234",
        origin,
      }]);
    });
  }
}

Deno.test("A client that the authenticator refuses is told, and its connection ends", async () => {
  const authenticator: Authenticator = { authenticate: () => ({ isAccepted: false, reasonCode: 0x87 }) };
  await using app = await RouteApp.start({ broker: { authenticator } });
  using socket = await RawWebSocket.open(app.port);
  await socket.sendBinary(connect({ clientId: "a" }));
  await socket.expect("20020005");
  await isClosed(socket, 1000);
});

Deno.test("The principal of the authenticator reaches the authorizer", async () => {
  const requests: AccessRequest[] = [];
  await using app = await RouteApp.start({
    broker: {
      ...authenticatorOf([], false),
      authorizer: {
        authorize(request) {
          requests.push(request);
          return request.topic.startsWith(`${request.principal}/`);
        },
      },
    },
  });
  using socket = await app.connect({ clientId: "a" }, ["Cookie: session=ann"]);
  await socket.sendBinary(subscribe(1, "ann/+"), subscribe(2, "bob/+"), publish({ topic: "bob/1" }));
  await socket.expectBytes(plain("90 03 0001 00 90 03 0002 80"));
  await socket.sendBinary(publish({ topic: "ann/1" }));
  await socket.expect(publish({ topic: "ann/1" }));
  assertEquals(requests.map(({ action, topic, principal }) => `${principal} ${action} ${topic}`), [
    "ann subscribe ann/+",
    "ann subscribe bob/+",
    "ann publish bob/1",
    "ann publish ann/1",
  ]);
});

const FORWARDED = "Forwarded: for=192.0.2.7;proto=https";
const ADDRESSES: readonly {
  readonly name: string;
  readonly lines: readonly string[];
  readonly route: RouteOptions;
  readonly address: RegExp;
}[] = [
  {
    name: "the connection's own without a list",
    lines: ["X-Forwarded-For: 1.2.3.4"],
    route: {},
    address: /^127\.0\.0\.1:\d+$/,
  },
  {
    name: "the header's behind a trusted proxy",
    lines: ["X-Forwarded-For: 203.0.113.9"],
    route: { trustedProxies: ["127.0.0.0/8"] },
    address: /^203\.0\.113\.9$/,
  },
  {
    name: "the last one that no proxy has",
    lines: ["X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.1.1.1"],
    route: { trustedProxies: ["127.0.0.1", "10.0.0.0/8"] },
    address: /^203\.0\.113\.9$/,
  },
  {
    name: "the connection's own behind another proxy",
    lines: ["X-Forwarded-For: 203.0.113.9"],
    route: { trustedProxies: ["10.0.0.0/8"] },
    address: /^127\.0\.0\.1:\d+$/,
  },
  {
    name: "that of Forwarded where that is chosen",
    lines: [FORWARDED, "X-Forwarded-For: 6.6.6.6"],
    route: { trustedProxies: ["127.0.0.1"], forwardedHeader: "forwarded" },
    address: /^192\.0\.2\.7$/,
  },
];
for (const { name, lines, route, address } of ADDRESSES) {
  Deno.test(`The address in hooks and events is ${name}`, async () => {
    const addresses: string[] = [];
    const authenticator: Authenticator = {
      authenticate({ address }) {
        addresses.push(address);
        return { isAccepted: true };
      },
    };
    await using app = await RouteApp.start({ route, broker: { authenticator } });
    using _socket = await app.connect({ clientId: "a" }, lines);
    assertMatch(addresses.join(), address);
    assertEquals(addresses, [opened(app.events).address]);
  });
}

const ON_UNIX: Deno.UnixAddr = { transport: "unix", path: "/run/app.sock" }; // As `Deno.serve({ path })` gives it.
const REMOTE_ADDRESSES: readonly {
  readonly name: string;
  readonly remoteAddr: RemoteAddress | undefined;
  readonly address: string;
}[] = [
  { name: "no address", remoteAddr: undefined, address: "unknown" },
  { name: "IPv6", remoteAddr: { transport: "tcp", hostname: "::1", port: 99 }, address: "[::1]:99" },
  { name: "a Unix socket", remoteAddr: ON_UNIX, address: "203.0.113.9" },
];
for (const { name, remoteAddr, address } of REMOTE_ADDRESSES) {
  Deno.test(`broker.upgrade() with ${name} knows its client as ${address}`, async () => {
    await using app = await RouteApp.start();
    const request = new Request("http://app.example/mqtt", { headers: { "x-forwarded-for": "203.0.113.9" } });
    app.broker.upgrade(request, { remoteAddr, trustedProxies: ["unix"] });
    const refused = app.events.find((event) => event.kind === "connectionRefused");
    assertEquals(refused?.peer.address, address);
  });
}

for (
  const { trustedProxies, idleTimeoutSeconds, told } of [
    { trustedProxies: [], idleTimeoutSeconds: undefined, told: 0 },
    { trustedProxies: ["127.0.0.1"], idleTimeoutSeconds: undefined, told: 60 },
    { trustedProxies: ["127.0.0.1"], idleTimeoutSeconds: 0, told: 0 },
    { trustedProxies: [], idleTimeoutSeconds: 10, told: 10 },
  ]
) {
  Deno.test(`The runtime pings within ${told} s with trusted proxies "${trustedProxies}" and ${idleTimeoutSeconds} s`, async () => {
    const { upgradeWebSocket } = Deno;
    const idleTimeouts: (number | undefined)[] = [];
    Deno.upgradeWebSocket = (request, options) => {
      idleTimeouts.push(options?.idleTimeout);
      return upgradeWebSocket(request, options);
    };
    try {
      await using app = await RouteApp.start({
        route: { trustedProxies, ...idleTimeoutSeconds !== undefined && { idleTimeoutSeconds } },
      });
      using _socket = await app.connect({ clientId: "a" });
      assertEquals(idleTimeouts, [told]);
    } finally {
      Deno.upgradeWebSocket = upgradeWebSocket;
    }
  });
}
