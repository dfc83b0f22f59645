import type { Transport } from "./transport.ts";

/** Connections as they come in. Iterating ends when it is closed, and for no other reason. */
export interface Listener extends AsyncIterable<Transport> {
  /** Such as `mqtt://127.0.0.1:1883`. */
  readonly url: string;
  /** Takes no more connections; those that were given out stay. Safe to call again. */
  close(): void;
}

const OUT_OF_DESCRIPTORS_PAUSE_MS = 100;

/**
 * Accepts until `isClosed` says so, whatever single connections do. Gives what `open` makes of each: a generator above
 * this one would cost some more promises a connection.
 */
export async function* acceptConnections<Conn, Opened>(
  listener: { accept(): Promise<Conn> },
  isClosed: () => boolean,
  open: (conn: Conn) => Opened,
): AsyncGenerator<Opened, void> {
  while (!isClosed()) {
    let conn: Conn;
    try {
      conn = await listener.accept();
    } catch (error) {
      // An iterator over the listener itself would end for good here.
      if (!isClosed() && !isOfPeer(error)) await pause(OUT_OF_DESCRIPTORS_PAUSE_MS);
      continue;
    }
    yield open(conn);
  }
}

/**
 * Gives the connections of `below` when `prepare` is through with them, whichever is first: one that is slow holds no
 * other. What `prepare` rejects is closed, and `onRefused` is told why; what it gives `undefined` for is over.
 */
export function preparedListener(
  below: Listener,
  prepare: (transport: Transport) => Promise<Transport | undefined>,
  onRefused: (transport: Transport, reason: string) => void,
  url = below.url,
): Listener {
  const ready = new ReadyTransports();
  const preparing = new Set<Transport>();
  let isClosed = false;
  const take = async (transport: Transport): Promise<void> => {
    preparing.add(transport);
    try {
      const prepared = await prepare(transport);
      if (prepared !== undefined) ready.push(prepared);
    } catch (error) {
      transport.close();
      if (!isClosed) onRefused(transport, error instanceof Error ? error.message : String(error));
    } finally {
      preparing.delete(transport);
    }
  };
  const takeAll = async (): Promise<void> => {
    for await (const transport of below) {
      if (isClosed) transport.close(); // It came in just then.
      else take(transport); // Never rejects.
    }
  };
  return {
    url,
    close() {
      isClosed = true;
      below.close();
      ready.end();
      for (const transport of preparing) transport.close();
    },
    async *[Symbol.asyncIterator]() {
      const taking = takeAll();
      yield* ready;
      await taking;
    },
  };
}

/** Transports that become ready one by one, in any order. */
class ReadyTransports {
  readonly #ready: Transport[] = [];
  #wake: (() => void) | undefined;
  #isEnded = false;

  /** Behind the end, it is closed. */
  push(transport: Transport): void {
    if (this.#isEnded) transport.close();
    else this.#ready.push(transport);
    this.#wake?.();
  }

  /** Closes what nobody took. */
  end(): void {
    this.#isEnded = true;
    for (const transport of this.#ready.splice(0)) transport.close();
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Transport, void> {
    for (;;) {
      const transport = this.#ready.shift();
      if (transport !== undefined) yield transport;
      else if (this.#isEnded) return;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

function isOfPeer(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.NotConnected;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
