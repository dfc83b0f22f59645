import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Broker } from "../../src/broker/broker.ts";
import { checkUnixSockets, listenUnix, type UnixListener } from "../../src/transport/unix.ts";
import { within } from "../deadline.ts";

const test = (name: string, run: (path: string) => Promise<void>) =>
  Deno.test({
    name,
    ignore: Deno.build.os === "windows",
    async fn() {
      const directory = await Deno.makeTempDir();
      try {
        await run(`${directory}/mqtt.sock`);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  });

test("listenUnix() carries MQTT and names both ends", async (path) => {
  const broker = await Broker.open();
  const listener = await listenUnix({ path });
  const serving = serve(listener, broker);
  const client = await Deno.connect({ transport: "unix", path });
  await client.write(Uint8Array.of(0x10, 0x0d, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 1, 0x61));
  const connack = new Uint8Array(4);
  await within(client.read(connack), "CONNACK");
  assertEquals(connack, Uint8Array.of(0x20, 2, 0, 0));
  listener.close();
  const closing = broker.close();
  assertEquals(await within(client.read(connack), "the end"), null);
  client.close(); // The broker waits for its peers.
  await closing;
  assertEquals(await within(serving, "the listener to end"), [
    { transport: "unix", address: "unix", listener: `unix:${path}` },
  ]);
});

for (const mode of [undefined, 0o600, 0o666, 0o777]) {
  test(`listenUnix() gives the file the mode ${mode?.toString(8) ?? "660 by default"}`, async (path) => {
    const before = Deno.umask();
    const listener = await listenUnix(mode === undefined ? { path } : { path, mode });
    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, mode ?? 0o660);
    assertEquals(Deno.umask(), before);
    listener.close();
  });
}

test("listenUnix() refuses a mode that is none", async (path) => {
  await assertRejects(() => listenUnix({ path, mode: 0o1777 }), RangeError, 'mode "1023" is not between 0 and 0o777');
});

test("listenUnix() removes the file at close, and closing again is nothing", async (path) => {
  const listener = await listenUnix({ path });
  const next = listener[Symbol.asyncIterator]().next();
  listener.close();
  listener.close();
  await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
  assertEquals(await within(next, "the iterator to end"), { done: true, value: undefined });
  assertEquals(await Array.fromAsync(Deno.readDir(path.slice(0, path.lastIndexOf("/")))), []);
});

test("listenUnix() leaves the file of another server at close", async (path) => {
  const first = await listenUnix({ path });
  const next = first[Symbol.asyncIterator]().next();
  await Deno.remove(path);
  const second = await listenUnix({ path });
  first.close();
  assertEquals((await next).done, true);
  (await Deno.connect({ transport: "unix", path })).close();
  second.close();
});

test("listenUnix() can listen again at once where it was closed", async (path) => {
  for (let round = 0; round < 5; round++) {
    const listener = await listenUnix({ path });
    const next = listener[Symbol.asyncIterator]().next();
    using _client = await Deno.connect({ transport: "unix", path });
    (await next).value?.close();
    const last = listener[Symbol.asyncIterator]().next(); // It waits in accept when it is closed.
    listener.close();
    const again = await listenUnix({ path });
    await last;
    (await Deno.connect({ transport: "unix", path })).close();
    again.close();
  }
});

test("listenUnix() replaces the file that a dead server left behind", async (path) => {
  const dead = Deno.listen({ transport: "unix", path: `${path}.dead` });
  await Deno.rename(`${path}.dead`, path);
  dead.close(); // The runtime removes the file that it made, where it made it.
  assert((await Deno.lstat(path)).isSocket);
  const listener = await listenUnix({ path });
  (await Deno.connect({ transport: "unix", path })).close();
  listener.close();
});

test("listenUnix() refuses a path where a server is listening, and does it no harm", async (path) => {
  const first = await listenUnix({ path });
  await assertRejects(() => listenUnix({ path }), Deno.errors.AddrInUse, "another server is listening there");
  (await Deno.connect({ transport: "unix", path })).close();
  first.close();
});

test("listenUnix() refuses a path where a file is that is no socket, and leaves it", async (path) => {
  await Deno.writeTextFile(path, "precious");
  await assertRejects(() => listenUnix({ path }), Deno.errors.AddrInUse, "the file is no socket");
  assertEquals(await Deno.readTextFile(path), "precious");
});

test("listenUnix() goes on when clients are gone before they are served", async (path) => {
  const listener = await listenUnix({ path });
  for (let index = 0; index < 50; index++) (await Deno.connect({ transport: "unix", path })).close();
  using client = await Deno.connect({ transport: "unix", path });
  await client.write(Uint8Array.of(7));
  for await (const transport of listener) {
    const { value } = await transport.readable.getReader().read();
    transport.close();
    if (value?.[0] === 7) break;
  }
  listener.close();
});

async function serve(listener: UnixListener, broker: Broker): Promise<unknown[]> {
  const peers: unknown[] = [];
  for await (const transport of listener) {
    peers.push(transport.peer);
    broker.serve(transport);
  }
  return peers;
}

Deno.test("listenUnix() that cannot bind leaves no folder beside the path", async () => {
  const folder = await Deno.makeTempDir();
  try {
    // With ".new/s" it is longer than the system allows, for which 108 bytes are too many everywhere.
    const path = `${folder}/${"x".repeat(106 - folder.length - 1)}`;
    await assertRejects(() => listenUnix({ path }));
    assertEquals(Array.from(Deno.readDirSync(folder)), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("checkUnixSockets() says that Windows has none", () => {
  assertThrows(() => checkUnixSockets("windows"), Deno.errors.NotSupported, "not supported on Windows");
  checkUnixSockets("linux");
});
