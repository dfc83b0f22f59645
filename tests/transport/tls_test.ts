import { assert, assertEquals, assertGreater, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { connect as connectSocket } from "node:net";
import { listenTls } from "../../src/transport/tls/tls.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { authority, identity } from "../certificates/certificates.ts";
import { within } from "../deadline.ts";
import { withSeed } from "../hostile/with_seed.ts";
import { clientIdentity, echo, EchoTlsServer } from "./echo_tls_server.ts";
import { CHUNK, joined, readExactly, writeAll, writeUntilStuck } from "./slow_bytes.ts";

Deno.test("listenTls() names both ends", async () => {
  await withConnection(async ({ transport, client }) => {
    assertEquals(transport.peer.transport, "tls");
    assertEquals(transport.peer.certificateName, undefined);
    assertMatch(transport.peer.listener, /^mqtts:\/\/127\.0\.0\.1:\d+$/);
    assertEquals(transport.peer.address, `127.0.0.1:${client.localAddr.port}`);
    await client.write(Uint8Array.of(1, 2, 3));
    const { value } = await transport.readable.getReader().read();
    assertEquals(value, Uint8Array.of(1, 2, 3));
    assertEquals(value?.constructor, Uint8Array); // A Buffer's slice() would not copy.
    await transport.writable.getWriter().write(Uint8Array.of(4, 5));
    assertEquals(await readExactly(client, 2), Uint8Array.of(4, 5));
  });
});

Deno.test("reload() shows the new chain to the next client, and keeps the old one when the new one is wrong", async () => {
  await using server = new EchoTlsServer();
  const shown = async () => (await server.connected({})).getPeerCertificate().subject.CN;
  assertEquals(await shown(), "broker.example");
  server.listener.reload(identity("server_renewed"));
  assertEquals(await shown(), "renewed.broker.example");
  const wrong = { ...identity("server"), key: identity("client").key };
  assertThrows(() => server.listener.reload(wrong), TypeError, "it does not belong to certificate");
  assertEquals(await shown(), "renewed.broker.example");
});

Deno.test("reload() under load refuses nobody and drops nobody", async () => {
  await using server = new EchoTlsServer({ clientAuthority: authority(), requireCertificate: true });
  const steady = await Promise.all(Array.from({ length: 10 }, () => server.connected(clientIdentity("client"))));
  const names = new Set<string>();
  let isOver = false;
  const newcomers = Promise.all(Array.from({ length: 4 }, async () => {
    while (!isOver) {
      const client = await server.connected(clientIdentity("client")); // Fails the test when it is refused.
      names.add(String(client.getPeerCertificate().subject.CN));
      assertEquals(await echo(client, "new"), "new");
      client.destroy();
    }
  }));
  for (let round = 0; round < 20; round++) {
    server.listener.reload(identity(round % 2 === 0 ? "server_renewed" : "server"));
    for (const client of steady) assertEquals(await echo(client, `${round}`), `${round}`);
  }
  isOver = true;
  await newcomers;
  assertEquals([...names].toSorted(), ["broker.example", "renewed.broker.example"]);
  assertEquals(server.failures, []);
});

Deno.test("TLS write does not resolve while the peer does not read, and goes on when it does", async () => {
  await withConnection(async ({ transport, client }) => {
    const writer = transport.writable.getWriter();
    const { taken, pending } = await writeUntilStuck((chunk) => writer.write(chunk));
    await readExactly(client, taken + CHUNK.length);
    await within(pending, "the write to go on");
  });
});

Deno.test("TLS read takes nothing that nobody asks for, and all of it when somebody does", async () => {
  await withConnection(async ({ transport, client }) => {
    const { taken, pending } = await writeUntilStuck((chunk) => writeAll(client, chunk));
    const reader = transport.readable.getReader();
    for (let left = taken + CHUNK.length; left > 0;) left -= (await reader.read()).value?.length ?? Infinity;
    await within(pending, "the peer's write to go on");
  });
});

Deno.test("TLS carries any pattern of writes both ways, in chunks that stay as they were handed out", async () => {
  await withSeed(async (random) => {
    await withConnection(async ({ transport, client }) => {
      const sizes = Array.from({ length: 150 }, () => random.integer(1, random.pick([8, 300, 2_000, 40_000])));
      const sent = random.bytes(sizes.reduce((sum, size) => sum + size, 0));
      const writing = (async () => {
        let at = 0;
        for (const size of sizes) await writeAll(client, sent.subarray(at, at += size));
        await client.closeWrite();
      })();
      const writer = transport.writable.getWriter();
      const chunks: Uint8Array[] = [];
      const echoing = (async () => {
        for await (const chunk of transport.readable) {
          assertGreater(chunk.length, 0);
          chunks.push(chunk);
          await writer.write(chunk);
        }
        await writer.close();
      })();
      const received = await readExactly(client, sent.length);
      await Promise.all([writing, echoing]);
      assertEquals(joined(chunks), sent);
      assertEquals(received, sent);
      assertEquals(await client.read(new Uint8Array(1)), null);
    });
  });
});

Deno.test("TLS close() ends the read and the write that wait, and is safe again", async () => {
  await withConnection(async ({ transport, client }) => {
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
    await within(drained(client), "the peer to see the end");
  });
});

Deno.test("TLS that the peer resets ends the read and the write, and nothing else", async () => {
  await using server = new EchoTlsServer();
  const socket = connectSocket(server.listener.port, "127.0.0.1").on("error", () => {});
  await server.connected({ socket });
  const { transport } = await server.taken();
  const reading = transport.readable.getReader().read();
  socket.resetAndDestroy();
  const [read] = await within(Promise.allSettled([reading]), "the read to end");
  assert(read.status === "rejected" || read.value.done);
  const writer = transport.writable.getWriter();
  writer.closed.catch(() => {}); // The write tells it too.
  await within(assertRejects(() => writer.write(CHUNK)), "the write to fail");
});

Deno.test("TLS clients that vanish in the middle of what they send harm nobody", async () => {
  await using server = new EchoTlsServer();
  const steady = await server.connected({});
  for (let round = 0; round < 20; round++) {
    const socket = connectSocket(server.listener.port, "127.0.0.1").on("error", () => {});
    const client = await server.connected({ socket });
    client.write(CHUNK);
    if (round % 2 === 0) socket.resetAndDestroy();
    else socket.destroy();
  }
  assertEquals(await echo(steady, "still here"), "still here");
});

Deno.test("close() ends handshakes and the loop, and leaves connections", async () => {
  const server = new EchoTlsServer();
  const client = await server.connected({});
  await server.accepted();
  using silent = await server.plain();
  server.listener.close();
  server.listener.close();
  await within(server.ended, "the loop to end");
  assertEquals(await within(silent.read(new Uint8Array(1)), "the end").catch(() => null), null);
  assertEquals(await echo(client, "still here"), "still here");
  assertEquals(server.failures, []);
  await server[Symbol.asyncDispose]();
});

interface Connection {
  readonly transport: Transport;
  readonly client: Deno.TlsConn;
}

async function withConnection(run: (ends: Connection) => Promise<void>): Promise<void> {
  const listener = listenTls({ ...identity("server"), port: 0 });
  try {
    const iterator = listener[Symbol.asyncIterator]();
    const accepting = iterator.next();
    using client = await Deno.connectTls({ hostname: "127.0.0.1", port: listener.port, caCerts: [authority()] });
    await client.handshake();
    const { value: transport } = await within(accepting, "the connection");
    assert(transport !== undefined);
    try {
      await within(run({ transport, client }), "the test", 20_000);
    } finally {
      transport.close();
      listener.close();
      await iterator.next();
    }
  } finally {
    listener.close();
  }
}

/** Reads to the end, however it ends. */
async function drained(conn: Deno.Conn): Promise<void> {
  const bytes = new Uint8Array(65_536);
  try {
    while (await conn.read(bytes) !== null);
  } catch {
    // Without a farewell of TLS the end is an error.
  }
}
