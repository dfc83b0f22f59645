import { assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import {
  acceptConnections,
  AcceptPauses,
  type Listener,
  type OnAcceptFailed,
  preparedListener,
} from "../../src/transport/listener.ts";
import { memoryTransport } from "../../src/transport/memory.ts";
import { listenTcp } from "../../src/transport/tcp.ts";
import { listenTls } from "../../src/transport/tls/tls.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { identity } from "../certificates/certificates.ts";
import { within } from "../deadline.ts";
import { Stopwatch } from "../stopwatch.ts";

Deno.test("acceptConnections() goes on at once behind what a peer did", async () => {
  const errors = [
    new Deno.errors.ConnectionReset(),
    new Deno.errors.ConnectionAborted(),
    new Deno.errors.BrokenPipe(),
    new Deno.errors.NotConnected(),
  ];
  const accepted = acceptConnections(script([1, ...errors, 2]), new AcceptPauses(), () => false, (conn) => conn);
  assertEquals((await accepted.next()).value, 1);
  const stopwatch = new Stopwatch();
  assertEquals((await accepted.next()).value, 2);
  assertLess(stopwatch.ms(), 100);
});

Deno.test("acceptConnections() waits when descriptors are out, and goes on", async () => {
  const accepted = acceptConnections(
    script([new Error("Too many open files"), 1]),
    new AcceptPauses(),
    () => false,
    (conn) => conn,
  );
  const startedMs = performance.now();
  assertEquals((await accepted.next()).value, 1);
  assertGreaterOrEqual(performance.now() - startedMs, 99);
});

const LISTENERS: Readonly<
  Record<string, (options: { onAcceptFailed: OnAcceptFailed }) => Listener & { port: number }>
> = {
  listenTcp: (options) => listenTcp({ port: 0, ...options }),
  listenTls: (options) => listenTls({ port: 0, ...identity("server"), ...options }),
};
for (const [name, listen] of Object.entries(LISTENERS)) {
  Deno.test(`${name}() tells onAcceptFailed why a connection cannot be accepted`, async () => {
    const failed = Promise.withResolvers<unknown>();
    const listener = withFailingAccept(() => listen({ onAcceptFailed: failed.resolve }));
    const next = listener[Symbol.asyncIterator]().next();
    assertEquals(String(await within(failed.promise, "the failure")), "Error: Too many open files");
    listener.close();
    await next;
  });
}

/** A listener whose system cannot accept the first connection. */
function withFailingAccept<Opened>(listen: () => Opened): Opened {
  const original = Deno.listen;
  try {
    Deno.listen = ((options: Deno.TcpListenOptions) => {
      const below = original(options);
      const accept = below.accept.bind(below);
      let failures = 1;
      below.accept = () => failures-- > 0 ? Promise.reject(new Error("Too many open files")) : accept();
      return below;
    }) as typeof Deno.listen; // The listeners of this test are TCP.
    return listen();
  } finally {
    Deno.listen = original;
  }
}

Deno.test("acceptConnections() ends when it is closed, whatever error that gives", async () => {
  let isClosed = false;
  const listener = {
    accept() {
      isClosed = true;
      return Promise.reject(new Deno.errors.BadResource());
    },
  };
  assertEquals(
    (await acceptConnections(listener, new AcceptPauses(), () => isClosed, (conn) => conn).next()).done,
    true,
  );
});

Deno.test("preparedListener() gives connections in the order in which they are ready, and closes the refused", async () => {
  const below = new Connections();
  const prepared = new Map<Transport, PromiseWithResolvers<Transport>>();
  const refused: string[] = [];
  const listener = preparedListener(
    below,
    (transport) => {
      const preparing = Promise.withResolvers<Transport>();
      prepared.set(transport, preparing);
      return preparing.promise;
    },
    (_, reason) => refused.push(reason),
  );
  const iterator = listener[Symbol.asyncIterator]();
  const first = iterator.next();
  const [slow, wrong, quick] = [below.connect(), below.connect(), below.connect()];
  await nextTurn();
  prepared.get(wrong.server)?.reject(new Error("it is wrong"));
  prepared.get(quick.server)?.resolve(quick.server);
  assertEquals((await within(first, "the quick one")).value === quick.server, true);
  prepared.get(slow.server)?.resolve(slow.server);
  assertEquals((await within(iterator.next(), "the slow one")).value === slow.server, true);
  assertEquals(refused, ["it is wrong"]);
  assertEquals((await within(wrong.client.readable.getReader().read(), "the end")).done, true);
  listener.close();
  below.end();
  assertEquals((await within(iterator.next(), "the iterator to end")).done, true);
});

Deno.test("preparedListener() closes at close() what nobody has, told or not", async () => {
  const below = new Connections();
  const refused: string[] = [];
  const silent = new Set<Transport>();
  const listener = preparedListener(
    below,
    async (transport) => {
      if (!silent.has(transport)) return transport;
      await transport.readable.getReader().read();
      throw new Error("it ended");
    },
    (_, reason) => refused.push(reason),
  );
  const iterator = listener[Symbol.asyncIterator]();
  const first = iterator.next();
  const [taken, ready, preparing] = [below.connect(), below.connect(), below.connect()];
  silent.add(preparing.server);
  assertEquals((await within(first, "the first one")).value === taken.server, true);
  await nextTurn();
  listener.close();
  for (const { client } of [ready, preparing]) {
    assertEquals((await within(client.readable.getReader().read(), "the end")).done, true);
  }
  const late = below.connect(); // It came in just then.
  assertEquals((await within(late.client.readable.getReader().read(), "the end of a late one")).done, true);
  below.end();
  assertEquals((await within(iterator.next(), "the iterator to end")).done, true);
  assertEquals(refused, []);
  const reading = taken.client.readable.getReader().read();
  await taken.server.writable.getWriter().write(Uint8Array.of(1)); // It was given out, and stays.
  assertEquals((await reading).value, Uint8Array.of(1));
});

/** Connections as a test makes them. */
class Connections implements Listener {
  readonly url = "memory";
  readonly #stream = new TransformStream<Transport, Transport>(undefined, { highWaterMark: 10 }, { highWaterMark: 10 });
  readonly #writer = this.#stream.writable.getWriter();

  connect() {
    const pair = memoryTransport();
    this.#writer.write(pair.server);
    return pair;
  }

  /** Ends later, with end(): a listener may have one more. */
  close(): void {}

  end(): void {
    this.#writer.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Transport> {
    return this.#stream.readable[Symbol.asyncIterator]();
  }
}

/** Accepts, or fails, as listed. */
function script(outcomes: readonly unknown[]): { accept(): Promise<unknown> } {
  const left = [...outcomes];
  return {
    accept() {
      const outcome = left.shift();
      return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
    },
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("acceptConnections() pauses for a timer where each connection is there at once", async () => {
  let isTimerOver = false;
  setTimeout(() => isTimerOver = true, 0);
  const isClosed = () => false;
  const accepted = acceptConnections(
    script(Array.from({ length: 33 }, () => 1)),
    new AcceptPauses(),
    isClosed,
    () => 1,
  );
  for (let count = 0; count < 32; count++) await accepted.next();
  assertEquals(isTimerOver, false);
  await accepted.next();
  assertEquals(isTimerOver, true);
});

Deno.test("AcceptPauses.close() ends a pause and leaves no timer", async () => {
  const pauses = new AcceptPauses();
  let pause: Promise<void> | undefined;
  while (pause === undefined) pause = pauses.accepted();
  pauses.close();
  pauses.close();
  await pause;
});
