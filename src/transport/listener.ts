import type { Transport } from "./transport.ts";

/** Connections as they come in. Iterating ends when it is closed, and for no other reason. */
export interface Listener extends AsyncIterable<Transport> {
  /** Such as `mqtt://127.0.0.1:1883`. */
  readonly url: string;
  /** Takes no more connections; those that were given out stay. Safe to call again. */
  close(): void;
}

const OUT_OF_DESCRIPTORS_PAUSE_MS = 100;
// Each costs some 100 us when it says CONNECT at once.
const MOST_ACCEPTED_AT_ONCE = 32;
// Below that no timer is set.
const FEW_ACCEPTED = 8;

/**
 * Pauses of a listener at which a flood of connections arrives. While one can be accepted at once, and read from at once,
 * the runtime does not look which other sockets have become readable; the pause of a timer lets it. (2,000 sockets that
 * connect without a pause, on one core: PINGRESP of another client after 27 ms at p99, without it after 860 ms; Deno 2.9,
 * 2026-11-30)
 */
export class AcceptPauses {
  /** Connections since the runtime was seen to look. */
  #accepted = 0;
  /** Resolves when a timer has fired: the runtime has looked. */
  #looked: Promise<void> | undefined;
  #end: (() => void) | undefined;

  /** Called for each connection: what the next one has to wait for, if anything. */
  accepted(): Promise<void> | undefined {
    this.#accepted += 1;
    if (this.#accepted < FEW_ACCEPTED) return undefined;
    this.#looked ??= new Promise((resolve) => {
      const timer = setTimeout(() => this.#end?.(), 0);
      this.#end = () => {
        clearTimeout(timer);
        this.#accepted = 0;
        this.#looked = this.#end = undefined;
        resolve();
      };
    });
    return this.#accepted < MOST_ACCEPTED_AT_ONCE ? undefined : this.#looked;
  }

  /** Leaves no timer. */
  close(): void {
    this.#end?.();
  }
}

/**
 * Accepts until `isClosed` says so, whatever single connections do. Gives what `open` makes of each, `undefined` for
 * one that is refused: a generator above this one would cost some more promises a connection.
 */
export async function* acceptConnections<Conn, Opened>(
  listener: { accept(): Promise<Conn> },
  pauses: AcceptPauses,
  isClosed: () => boolean,
  open: (conn: Conn) => Opened | undefined,
): AsyncGenerator<Opened, void> {
  while (!isClosed()) {
    let conn: Conn;
    try {
      conn = await listener.accept();
    } catch (error) {
      // An iterator over the listener itself would end for good here.
      if (!isClosed() && !isOfPeer(error)) await passed(OUT_OF_DESCRIPTORS_PAUSE_MS);
      continue;
    }
    const opened = open(conn);
    if (opened !== undefined) yield opened;
    const pause = isClosed() ? undefined : pauses.accepted();
    if (pause !== undefined) await pause;
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

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
