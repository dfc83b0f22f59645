import { assertEquals, assertRejects } from "@std/assert";
import { memoryTransport, type Transport } from "../../mod.ts";
import { within } from "../deadline.ts";

Deno.test("What is written at one end of memoryTransport() is read at the other, both ways", async () => {
  const { server, client } = memoryTransport();
  const toServer = writeAll(client, [1, 2, 3]);
  const toClient = writeAll(server, [4, 5]);
  assertEquals(await readAll(server), [1, 2, 3]);
  assertEquals(await readAll(client), [4, 5]);
  await Promise.all([toServer, toClient]);
});

for (const end of ["server", "client"] as const) {
  Deno.test(`close() of the ${end} of memoryTransport() ends both, and what was written can still be read`, async () => {
    const pair = memoryTransport();
    const writer = pair.client.writable.getWriter();
    await writer.write(Uint8Array.of(1));
    pair[end].close();
    pair[end].close(); // Once more changes nothing.
    await assertRejects(() => writer.write(Uint8Array.of(2)), Error, "closed");
    await assertRejects(() => writer.closed);
    assertEquals(await readAll(pair.server), [1]);
    assertEquals(await readAll(pair.client), []);
  });
}

Deno.test("A write to memoryTransport() resolves when there is room: that is its backpressure", async () => {
  const { server, client } = memoryTransport(2);
  const writer = client.writable.getWriter();
  await writer.write(Uint8Array.of(1));
  let isWritten = false;
  const second = writer.write(Uint8Array.of(2)).then(() => isWritten = true);
  const third = writer.write(Uint8Array.of(3));
  const reader = server.readable.getReader();
  await new Promise((resolve) => setTimeout(resolve, 0)); // Whatever could be done is done.
  assertEquals(isWritten, false);
  assertEquals((await reader.read()).value, Uint8Array.of(1));
  await within(second, "the second write");
  assertEquals((await reader.read()).value, Uint8Array.of(2));
  await within(third, "the third write");
  assertEquals((await reader.read()).value, Uint8Array.of(3));
  client.close();
  assertEquals((await reader.read()).done, true);
  await assertRejects(() => writer.closed);
});

Deno.test("A write that waits ends when memoryTransport() is closed, and so does a read", async () => {
  const { server, client } = memoryTransport(1);
  const writer = client.writable.getWriter();
  writer.closed.catch(() => {}); // It is closed by the other end.
  const writes = [writer.write(Uint8Array.of(1)), writer.write(Uint8Array.of(2))].map((each) => each.catch(() => {}));
  const read = client.readable.getReader().read();
  server.close();
  await within(Promise.all(writes), "a write waits");
  assertEquals((await within(read, "a read waits")).done, true);
});

Deno.test("A reader of memoryTransport() that cancels refuses what is written", async () => {
  const { server, client } = memoryTransport(1);
  const writer = client.writable.getWriter();
  writer.closed.catch(() => {}); // The other end cancels.
  await server.readable.cancel();
  await assertRejects(() => writer.write(Uint8Array.of(1)), Error, "closed");
  client.close();
});

Deno.test("closing the writable of memoryTransport() ends one direction", async () => {
  const { server, client } = memoryTransport();
  await client.writable.close();
  assertEquals(await readAll(server), []);
  await writeAll(server, [1]);
  assertEquals(await readAll(client), [1]);
});

Deno.test("memoryTransport() says where it is from", () => {
  const { server, client } = memoryTransport();
  assertEquals(server.peer, { transport: "memory", address: "memory", listener: "memory" });
  client.close();
});

async function writeAll({ writable }: Transport, bytes: readonly number[]): Promise<void> {
  const writer = writable.getWriter();
  for (const byte of bytes) await writer.write(Uint8Array.of(byte));
  await writer.close();
}

async function readAll({ readable }: Transport): Promise<number[]> {
  const bytes: number[] = [];
  for await (const chunk of readable) bytes.push(...chunk);
  return bytes;
}
