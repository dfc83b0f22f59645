import { assertEquals, assertMatch } from "@std/assert";
import { hostRefusal } from "../../src/transport/web_socket/origin.ts";
import type { WebSocketListenOptions } from "../../src/transport/web_socket/listener.ts";
import { HANDSHAKE, RawWebSocket } from "./raw_web_socket.ts";
import { startListener } from "./web_socket_servers.ts";

const HOSTS = ["broker.lan", "Bücher.example.", "[fe80::1]"];

/** Values of `Host`, and whether they are answered at a loopback address, and where `hosts` names others. */
const ROWS: readonly (readonly [host: string, atLoopback: boolean, withHosts: boolean])[] = [
  ["localhost", true, true],
  ["localhost:8083", true, true],
  ["LocalHost.:8083", true, true],
  ["app.localhost", true, true],
  ["a.b.localhost.:1", true, true],
  ["127.0.0.1", true, true],
  ["127.0.0.1:8083", true, true],
  ["127.255.1.2", true, true],
  ["127.1", true, true],
  ["[::1]", true, true],
  ["[::1]:8083", true, true],
  ["[0:0:0:0:0:0:0:1]", true, true],
  ["[::ffff:127.0.0.1]:8083", true, true],
  ["[::ffff:7fff:1]", true, true],
  ["broker.lan", false, true],
  ["BROKER.lan.:8083", false, true],
  ["xn--bcher-kva.example", false, true],
  ["[fe80::1]:8083", false, true],
  ["evil.example", false, false],
  ["evil.example:8083", false, false],
  ["127.0.0.1.evil.example", false, false],
  ["localhost.evil.example", false, false],
  ["notlocalhost", false, false],
  ["localhost..", false, false],
  ["sub.broker.lan", false, false],
  ["192.0.2.1", false, false],
  ["0.0.0.0", false, false],
  ["[::]", false, false],
  ["[::ffff:192.0.2.1]", false, false],
  ["[::ffff:8000:1]", false, false],
  ["", false, false],
];

for (const [host, atLoopback, withHosts] of ROWS) {
  Deno.test(`hostRefusal() ${atLoopback ? "lets" : "refuses"} "${host}" at a loopback address`, () => {
    const request = { method: "GET", url: "http://localhost/", headers: new Headers({ host }) };
    const isRefused = (hosts: readonly string[] | undefined, isLoopback: boolean) =>
      hostRefusal(request, hosts === undefined ? {} : { hosts }, isLoopback) !== undefined;
    assertEquals(isRefused(undefined, true), !atLoopback);
    assertEquals(isRefused([], false), !atLoopback);
    assertEquals([isRefused(HOSTS, true), isRefused(HOSTS, false)], [!withHosts, !withHosts]);
    assertEquals([isRefused(undefined, false), isRefused(["*"], true)], [false, false]);
  });
}

Deno.test("hostRefusal() looks at the host of the URL too, which HTTP/2 has in place of Host", () => {
  const headers = new Headers();
  assertEquals(hostRefusal({ method: "GET", url: "http://evil.example/", headers }, {}, true)?.status, 421);
  assertEquals(hostRefusal({ method: "GET", url: "http://[::1]/", headers }, {}, true), undefined);
});

interface Request {
  readonly name: string;
  readonly method?: string;
  readonly lines: readonly string[];
  readonly options?: WebSocketListenOptions;
  readonly status: number;
}

const EVIL = ["Host: evil.example:8083", "Origin: http://evil.example:8083"];
const UPGRADES = EVIL.concat(HANDSHAKE);
const PROXIED = { trustedProxies: ["127.0.0.1"], origins: ["sameOrigin"] };
const HTTPS = [...HANDSHAKE, "Host: app.example", "Origin: https://app.example", "X-Forwarded-For: 192.0.2.1"];

const REQUESTS: readonly Request[] = [
  { name: "a page at a name that leads to this machine (DNS rebinding)", lines: UPGRADES, status: 421 },
  { name: "another host without a page", lines: [...HANDSHAKE, "Host: evil.example"], status: 421 },
  { name: "a file of another host", lines: EVIL, options: { answer: file }, status: 421 },
  { name: "HEAD of another host", method: "HEAD", lines: EVIL, options: { answer: file }, status: 421 },
  { name: "a page of another host", lines: EVIL, status: 421 },
  { name: "a host that is named", lines: UPGRADES, options: { hosts: ["evil.example"] }, status: 101 },
  { name: "any host", lines: UPGRADES, options: { hosts: ["*"] }, status: 101 },
  { name: "a file of this machine", lines: ["Host: app.localhost"], options: { answer: file }, status: 200 },
  {
    name: "X-Forwarded-For of a proxy that is not trusted",
    lines: [...UPGRADES, "X-Forwarded-For: 192.0.2.1"],
    status: 421,
  },
  { name: "no X-Forwarded-For where proxies are trusted", lines: UPGRADES, options: PROXIED, status: 421 },
  {
    name: "https by a trusted proxy that ends TLS",
    lines: [...HTTPS, "X-Forwarded-Proto: https"],
    options: PROXIED,
    status: 101,
  },
  { name: "https by a trusted proxy that does not say so", lines: HTTPS, options: PROXIED, status: 101 },
  {
    name: "a page of http by a trusted proxy that ends TLS",
    lines: [...HTTPS.with(-2, "Origin: http://app.example"), "X-Forwarded-Proto: https"],
    options: PROXIED,
    status: 403,
  },
  {
    name: "a page of https by a trusted proxy that does not end TLS",
    lines: [...HTTPS, "X-Forwarded-Proto: http"],
    options: PROXIED,
    status: 403,
  },
  {
    name: "a page of https where the listener has no TLS",
    lines: [...HANDSHAKE, "Host: localhost", "Origin: https://localhost"],
    options: { origins: ["sameOrigin"] },
    status: 403,
  },
  {
    name: "a page of app.localhost where pages of this machine may connect",
    lines: [...HANDSHAKE, "Host: localhost", "Origin: https://app.localhost:5173"],
    options: { origins: ["loopback"] },
    status: 101,
  },
];

for (const { name, method = "GET", lines, options = {}, status } of REQUESTS) {
  Deno.test(`A WebSocket listener at a loopback address answers ${name} with ${status}`, async () => {
    await using server = startListener(options, (transport) => Promise.resolve(transport.close()));
    using socket = await RawWebSocket.connect(server.port);
    await socket.request(method, "/mqtt", lines);
    const response = await socket.response(method !== "HEAD");
    assertEquals(response.status, status, response.body);
    if (status === 421 && method === "GET") assertMatch(response.body, /"hosts"/);
  });
}

function file() {
  return Promise.resolve({ headers: {}, length: 0, async *body() {} });
}
