import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { listenAtPort, type TcpListener } from "../../src/transport/tcp.ts";
import { TcpPort } from "../../src/transport/tcp_port.ts";
import { within } from "../deadline.ts";

Deno.test("TcpPort gives each connection to the listener of its address, and closes one of IPv4 that has none", async () => {
  const refused: string[] = [];
  const port = new TcpPort({ port: 0, onRefused: (address, reason) => refused.push(`${address} ${reason}`) });
  const [ipv6, local] = [listenAtPort("::", port), listenAtPort("127.0.0.1", port)];
  const said = collect([ipv6, local]);
  assertEquals(ipv6.port, local.port);
  for (let round = 0; round < 50; round++) { // More than are accepted without a pause.
    const [other, ...rest] = await Promise.all(
      ["127.0.0.2", "127.0.0.1", "::1"].map((host) => firstByte(host, ipv6.port)),
    );
    assertEquals([other, ...rest], [undefined, "127.0.0.1", "::"]);
  }
  assertEquals(refused.length, 50);
  assertMatch(refused[0] ?? "", /^127\.0\.0\.1:\d+ the listener is for IPv6 alone$/);
  for (const listener of [ipv6, local]) listener.close();
  const peers = await said;
  assertEquals(peers.map(({ length }) => length), [50, 50]);
  assertMatch(peers[0]?.[0] ?? "", /^\[::1\]:\d+$/);
  assertMatch(peers[1]?.[0] ?? "", /^127\.0\.0\.1:\d+$/);
});

Deno.test("TcpPort closes with its last listener, in any order, and those that nobody has taken", async () => {
  for (const first of [0, 1]) {
    const port = new TcpPort({ port: 0 });
    const listeners = [listenAtPort("::", port), listenAtPort("0.0.0.0", port)];
    const bound = listeners[0]?.port ?? 0;
    assertThrows(() => listenAtPort("::", port), Deno.errors.AddrInUse);
    assertThrows(() => Deno.listen({ hostname: "127.0.0.1", port: bound }), Deno.errors.AddrInUse);
    const iterator = listeners[first]?.[Symbol.asyncIterator]();
    const next = iterator?.next();
    using waiting = await Deno.connect({ hostname: first === 0 ? "127.0.0.1" : "::1", port: bound });
    using _taken = await Deno.connect({ hostname: first === 0 ? "::1" : "127.0.0.1", port: bound });
    (await within(next ?? Promise.reject(), "a connection"))?.value?.close();
    const last = iterator?.next();
    listeners[first]?.close();
    listeners[first]?.close();
    assertEquals((await within(last ?? Promise.reject(), "the end"))?.done, true);
    listeners[1 - first]?.close();
    assertEquals(await within(waiting.read(new Uint8Array(1)), "the end").catch(() => null), null);
    Deno.listen({ hostname: "127.0.0.1", port: bound }).close();
  }
});

/** The addresses of those that come to each listener, when all are closed; each is sent where it came in. */
function collect(listeners: readonly TcpListener[]): Promise<string[][]> {
  return Promise.all(listeners.map(async (listener) => {
    const peers: string[] = [];
    for await (const transport of listener) {
      peers.push(transport.peer.address);
      await transport.writable.getWriter().write(new TextEncoder().encode(listener.hostname));
      transport.close();
    }
    return peers;
  }));
}

async function firstByte(hostname: string, port: number): Promise<string | undefined> {
  using connection = await Deno.connect({ hostname, port });
  const buffer = new Uint8Array(100);
  const length = await within(connection.read(buffer), "the end").catch(() => null);
  return length === null ? undefined : new TextDecoder().decode(buffer.subarray(0, length));
}
