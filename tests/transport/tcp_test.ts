import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { Broker } from "../../mod.ts";
import { allowAnonymous } from "../../src/auth/mod.ts";
import { listenTcp, tcpTransport } from "../../src/transport/tcp.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { within } from "../deadline.ts";
import { withSeed } from "../hostile/with_seed.ts";
import { CHUNK, joined, MOST_SYSTEM_BYTES, readExactly, writeAll, writeUntilStuck } from "./slow_bytes.ts";
const MOST_IDLE_BYTES = 4_096;

for (
  const { hostname, url, address } of [
    { hostname: "127.0.0.1", url: /^mqtt:\/\/127\.0\.0\.1:\d+$/, address: /^127\.0\.0\.1:\d+$/ },
    { hostname: "::1", url: /^mqtt:\/\/\[::1\]:\d+$/, address: /^\[::1\]:\d+$/ },
  ]
) {
  Deno.test(`listenTcp() serves ${hostname} and names both ends`, async () => {
    await withConnection(async ({ transport, client }) => {
      const { peer } = transport;
      assertEquals(peer.transport, "tcp");
      assertMatch(peer.listener, url);
      assertMatch(peer.address, address);
      const local = client.localAddr;
      assertEquals(Number(peer.address.split(":").at(-1)), local.port);
      await client.write(Uint8Array.of(1, 2, 3));
      const reader = transport.readable.getReader();
      assertEquals((await reader.read()).value, Uint8Array.of(1, 2, 3));
      await transport.writable.getWriter().write(Uint8Array.of(4, 5));
      assertEquals(await readExactly(client, 2), Uint8Array.of(4, 5));
    }, hostname);
  });
}

Deno.test("listenTcp() gives no connection after close(), and closing it again is nothing", async () => {
  const listener = listenTcp({ port: 0 });
  const iterator = listener[Symbol.asyncIterator]();
  const next = iterator.next();
  listener.close();
  listener.close();
  assertEquals(await within(next, "the iterator to end"), { done: true, value: undefined });
});

Deno.test("listenTcp() throws when the port is in use", () => {
  const first = listenTcp({ port: 0 });
  try {
    assertThrows(() => listenTcp({ port: first.port }), Deno.errors.AddrInUse);
  } finally {
    first.close();
  }
});

Deno.test("tcpTransport() sets TCP_NODELAY and SO_KEEPALIVE before its second write, once", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const conn = await listener.accept();
  const calls = optionsOf(conn);
  const transport = tcpTransport(conn, "mqtt://127.0.0.1:0");
  const writer = transport.writable.getWriter();
  const both = ["setNoDelay(true)", "setKeepAlive(true)"];
  for (const wanted of [[], both, both]) {
    await writer.write(new Uint8Array(1));
    assertEquals(calls, wanted);
  }
  transport.close();
  assertEquals((await readExactly(client, 3)).length, 3);
});

Deno.test("a TCP connection whose client gives Keep Alive 0 has SO_KEEPALIVE at once [MQTT-3.1.2-22]", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using broker = await Broker.open({ authenticator: allowAnonymous });
  for (
    const { keepAlive, wanted } of [{ keepAlive: 1, wanted: [] }, { keepAlive: 0, wanted: ["setKeepAlive(true)"] }]
  ) {
    using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    const conn = await listener.accept();
    const calls = optionsOf(conn);
    const served = broker.serve(tcpTransport(conn, "mqtt://127.0.0.1:0"));
    await client.write(
      Uint8Array.of(0x10, 13, 0, 4, ...new TextEncoder().encode("MQTT"), 4, 2, 0, keepAlive, 0, 1, 0x61),
    );
    assertEquals([...await readExactly(client, 4)], [0x20, 2, 0, 0]);
    assertEquals(calls, wanted);
    client.close();
    await within(served, "the connection to end");
  }
});

Deno.test("tcpTransport() of a connection that is gone fails its reads and writes", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using _client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const conn = await listener.accept();
  const transport = tcpTransport(conn, "mqtt://127.0.0.1:0");
  conn.close();
  await within(assertRejects(() => transport.channel.read()), "the read to fail");
  for (let write = 0; write < 2; write++) {
    await within(assertRejects(() => transport.channel.write(new Uint8Array(1))), "the write to fail");
  }
  transport.close();
});

Deno.test("TCP write does not resolve while the peer does not read, and goes on when it does", async () => {
  await withConnection(async ({ transport, client }) => {
    const writer = transport.writable.getWriter();
    const { taken, pending } = await writeUntilStuck((chunk) => writer.write(chunk));
    assertLess(taken, MOST_SYSTEM_BYTES);
    await readExactly(client, taken + CHUNK.length);
    await within(pending, "the write to go on");
  });
});

Deno.test("TCP read takes nothing that nobody asks for, and all of it when somebody does", async () => {
  await withConnection(async ({ transport, client }) => {
    const { taken, pending } = await writeUntilStuck((chunk) => writeAll(client, chunk));
    assertLess(taken, MOST_SYSTEM_BYTES);
    const reader = transport.readable.getReader();
    for (let left = taken + CHUNK.length; left > 0;) left -= (await reader.read()).value?.length ?? Infinity;
    await within(pending, "the peer's write to go on");
  });
});

Deno.test("TCP read gives the bytes of any pattern of writes, in chunks that stay as they were handed out", async () => {
  await withSeed(async (random) => {
    for (let round = 0; round < 4; round++) {
      await withConnection(async ({ transport, client }) => {
        const sizes = Array.from({ length: 150 }, () => random.integer(1, random.pick([8, 300, 2_000, 40_000])));
        const sent = random.bytes(sizes.reduce((sum, size) => sum + size, 0));
        const writing = (async () => {
          let at = 0;
          for (const size of sizes) {
            await writeAll(client, sent.subarray(at, at += size));
            if (random.oneIn(3)) await nextTurn(); // Else several writes become one read.
          }
          await client.closeWrite();
        })();
        const chunks: Uint8Array[] = [];
        const copies: Uint8Array[] = [];
        for await (const chunk of transport.readable) {
          assertGreater(chunk.length, 0);
          chunks.push(chunk);
          copies.push(chunk.slice());
        }
        await writing;
        assertEquals(joined(copies), sent);
        assertEquals(joined(chunks), sent);
      });
    }
  });
});

Deno.test("TCP read begins with a small buffer, grows with what comes, and shrinks behind it", async () => {
  await withConnection(async ({ transport, client }) => {
    const reader = transport.readable.getReader();
    const readSome = async (): Promise<Uint8Array> => (await reader.read()).value ?? new Uint8Array(0);
    await client.write(Uint8Array.of(1));
    assertEquals((await readSome()).buffer.byteLength, 512); // All that a connection holds that has said nothing yet.

    const large = 8_000_000;
    const writing = writeAll(client, new Uint8Array(large));
    let largest = 0;
    for (let left = large; left > 0;) {
      const chunk = await readSome();
      left -= chunk.length;
      largest = Math.max(largest, chunk.buffer.byteLength);
    }
    await writing;
    assertEquals(largest, 65_536);

    let smallest = Infinity;
    for (let round = 0; round < 2_000 && smallest > MOST_IDLE_BYTES; round++) {
      await client.write(new Uint8Array(60));
      smallest = (await readSome()).buffer.byteLength;
    }
    assertLessOrEqual(smallest, MOST_IDLE_BYTES);
  });
});

Deno.test("TCP that the peer has half closed can still be written to", async () => {
  await withConnection(async ({ transport, client }) => {
    await client.write(Uint8Array.of(1));
    await client.closeWrite();
    const chunks = await Array.fromAsync(transport.readable);
    assertEquals(joined(chunks), Uint8Array.of(1));
    const writer = transport.writable.getWriter();
    await writer.write(Uint8Array.of(2));
    await writer.close();
    assertEquals(await readExactly(client, 1), Uint8Array.of(2));
    assertEquals(await client.read(new Uint8Array(1)), null);
  });
});

Deno.test("TCP that was half closed here can still be read from", async () => {
  await withConnection(async ({ transport, client }) => {
    await transport.writable.close();
    assertEquals(await client.read(new Uint8Array(1)), null);
    await client.write(Uint8Array.of(7));
    assertEquals((await transport.readable.getReader().read()).value, Uint8Array.of(7));
  });
});

Deno.test("TCP close() ends the read and the write that wait, and is safe again", async () => {
  await withConnection(async ({ transport }) => {
    const reading = transport.readable.getReader().read();
    const writer = transport.writable.getWriter();
    writer.closed.catch(() => {}); // The write tells it too.
    const { pending } = await writeUntilStuck((chunk) => writer.write(chunk));
    const ends = Promise.allSettled([reading, pending]);
    transport.close();
    transport.close();
    const [read, write] = await within(ends, "both to end");
    assert(read.status === "rejected" || read.value.done);
    assertEquals(write.status, "rejected");
  });
});

Deno.test("TCP that the peer resets fails the read and the write, and nothing else", async () => {
  const listener = listenTcp({ port: 0 });
  try {
    const accepting = listener[Symbol.asyncIterator]().next();
    const socket = connectSocket(listener.port, "127.0.0.1").on("error", () => {});
    await once(socket, "connect");
    const transport: Transport = (await accepting).value;
    const reading = transport.readable.getReader().read();
    socket.resetAndDestroy();
    await within(assertRejects(() => reading, Deno.errors.ConnectionReset), "the read to fail");
    const writer = transport.writable.getWriter();
    writer.closed.catch(() => {}); // The write tells it too.
    await within(assertRejects(() => writer.write(CHUNK)), "the write to fail");
    transport.close();
  } finally {
    listener.close();
  }
});

interface Connection {
  readonly transport: Transport;
  readonly client: Deno.TcpConn;
}

async function withConnection(run: (ends: Connection) => Promise<void>, hostname = "127.0.0.1"): Promise<void> {
  const listener = listenTcp({ hostname, port: 0 });
  try {
    const accepting = listener[Symbol.asyncIterator]().next();
    using client = await Deno.connect({ hostname, port: listener.port });
    const { value: transport } = await within(accepting, "the connection");
    assert(transport !== undefined);
    try {
      await within(run({ transport, client }), "the test", 20_000);
    } finally {
      transport.close();
    }
  } finally {
    listener.close();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** The options that are set of a connection, from now on. */
function optionsOf(conn: Deno.TcpConn): string[] {
  const calls: string[] = [];
  for (const name of ["setNoDelay", "setKeepAlive"] as const) {
    const set = conn[name].bind(conn);
    conn[name] = (isOn) => {
      calls.push(`${name}(${isOn})`);
      set(isOn);
    };
  }
  return calls;
}
