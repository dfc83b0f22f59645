import type { Peer, Transport } from "./transport.ts";
import type { HandshakeHelp } from "./web_socket/upgrade.ts";

/** Connections as they arrive. Iteration ends when the listener is closed, and for no other reason. */
export interface Listener extends AsyncIterable<Transport> {
  /** URL of the listener, such as `mqtt://127.0.0.1:1883`. */
  readonly url: string;
  /** Stops accepting; connections that were given out stay. Safe to call again. */
  close(): void;
}

/**
 * Called by a listener with a connection that it closes before it is given out: address of the peer, reason, entry of
 * docs/troubleshooting.md about it, if there is one, the peer, and the HTTP status of the answer, if it got one. It must
 * not throw.
 */
export type OnRefused = (
  address: string,
  reason: string,
  help: RefusalHelp | undefined,
  peer: Peer,
  status?: number,
) => void;

/** Entry of docs/troubleshooting.md about a connection that was refused before MQTT began. */
export type RefusalHelp = HandshakeHelp | "tls-handshake" | "proxy-protocol" | "ipv6-only" | "too-many-connections";

/**
 * Called each time that a connection cannot be accepted, which is tried again after 100 ms: mostly because the process
 * has no descriptors left. It must not throw.
 */
export type OnAcceptFailed = (error: unknown) => void;

const OUT_OF_DESCRIPTORS_PAUSE_MS = 100;
// Each connection costs about 100 us if it sends CONNECT at once.
const MOST_ACCEPTED_AT_ONCE = 32;
// No timer is set below this number.
const FEW_ACCEPTED = 8;

/**
 * Pauses of a listener during a flood of connections. While each next connection can be accepted and read from at once,
 * the runtime does not check which other sockets have become readable; a pause for a timer makes it check. (2,000
 * sockets that connect without a pause, on one core: PINGRESP of another client after 27 ms at p99, without pauses
 * after 860 ms; Deno 2.9, 2026-11-30)
 */
export class AcceptPauses {
  /** Connections since the runtime last checked. */
  #accepted = 0;
  /** Resolves when a timer has fired: the runtime has checked. */
  #looked: Promise<void> | undefined;
  #end: (() => void) | undefined;

  /** Counts a connection; gives a promise if the next one must wait. */
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

  /** Ends a pause and its timer. */
  close(): void {
    this.#end?.();
  }
}

/**
 * Accepts until `isClosed`, whatever happens to single connections. Gives the result of `open` for each, and skips
 * `undefined`, for a refused one: a generator above this one would cost several more promises per connection.
 */
export async function* acceptConnections<Conn, Opened>(
  listener: { accept(): Promise<Conn> },
  pauses: AcceptPauses,
  isClosed: () => boolean,
  open: (conn: Conn) => Opened | undefined,
  onAcceptFailed?: OnAcceptFailed,
): AsyncGenerator<Opened, void> {
  while (!isClosed()) {
    let conn: Conn;
    try {
      conn = await listener.accept();
    } catch (error) {
      // Iterating the listener itself would end for good here.
      if (!isClosed() && !isOfPeer(error)) {
        onAcceptFailed?.(error);
        await passed(OUT_OF_DESCRIPTORS_PAUSE_MS);
      }
      continue;
    }
    const opened = open(conn);
    if (opened !== undefined) yield opened;
    const pause = isClosed() ? undefined : pauses.accepted();
    if (pause !== undefined) await pause;
  }
}

/**
 * Gives the connections of `below` as soon as `prepare` has finished each, in whatever order: a slow one does not hold
 * up others. A connection for which `prepare` rejects is closed and reported to `onRefused`; one for which it gives
 * `undefined` has already ended.
 */
export function preparedListener(
  below: Listener,
  prepare: (transport: Transport) => Promise<Transport | undefined>,
  onRefused: (transport: Transport, reason: string, error: unknown) => void,
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
      if (!isClosed) onRefused(transport, error instanceof Error ? error.message : String(error), error);
    } finally {
      preparing.delete(transport);
    }
  };
  const takeAll = async (): Promise<void> => {
    for await (const transport of below) {
      if (isClosed) transport.close(); // It arrived just before the end.
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

  /** Adds a transport; closes it if the listener has ended. */
  push(transport: Transport): void {
    if (this.#isEnded) transport.close();
    else this.#ready.push(transport);
    this.#wake?.();
  }

  /** Closes all transports that were not taken. */
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
