import type { Transport } from "./transport.ts";

const SMALLEST_READ_BYTES = 512;
const LARGEST_READ_BYTES = 65_536;
const OUT_OF_DESCRIPTORS_PAUSE_MS = 100;
const DEFAULT_PORT = 1883;

/** Options of {@linkcode listenTcp}. */
export interface TcpListenOptions {
  /** Address to listen on. @default {"127.0.0.1"} */
  readonly hostname?: string;
  /** 0 takes a free one, see {@linkcode TcpListener.port}. @default {1883} */
  readonly port?: number;
}

/** Connections as they come in. Iterating ends when it is closed, and for no other reason. */
export interface TcpListener extends AsyncIterable<Transport> {
  readonly hostname: string;
  readonly port: number;
  /** Such as `mqtt://127.0.0.1:1883`. */
  readonly url: string;
  close(): void;
}

/**
 * Listens for MQTT over TCP, IPv4 or IPv6.
 *
 * @throws Deno.errors.AddrInUse and whatever else `Deno.listen` throws
 * @example
 * ```ts
 * import { listenTcp } from "./tcp.ts";
 *
 * const listener = listenTcp({ port: 0 });
 * console.log(listener.url);
 * listener.close();
 * ```
 */
export function listenTcp(options: TcpListenOptions = {}): TcpListener {
  const { hostname = "127.0.0.1", port = DEFAULT_PORT } = options;
  const listener = Deno.listen({ hostname, port, transport: "tcp" });
  const bound = listener.addr.port;
  const url = `mqtt://${hostPort(hostname, bound)}`;
  let isClosed = false;
  return {
    hostname,
    port: bound,
    url,
    close() {
      if (isClosed) return;
      isClosed = true;
      listener.close();
    },
    async *[Symbol.asyncIterator]() {
      while (!isClosed) {
        let conn: Deno.TcpConn;
        try {
          conn = await listener.accept();
        } catch (error) {
          // An iterator over the listener itself would end for good here.
          if (!isClosed && !isOfPeer(error)) await pause(OUT_OF_DESCRIPTORS_PAUSE_MS);
          continue;
        }
        const transport = tcpTransport(conn, url);
        if (transport !== undefined) yield transport;
      }
    },
  };
}

/** A TCP connection as a transport; `undefined` when it is gone already. */
export function tcpTransport(conn: Deno.TcpConn, listener: string): Transport | undefined {
  let address: string;
  try {
    conn.setNoDelay(true);
    address = hostPort(conn.remoteAddr.hostname, conn.remoteAddr.port);
  } catch {
    closeQuietly(conn); // Reset by the peer before it was looked at.
    return undefined;
  }
  const close = () => closeQuietly(conn);
  return {
    readable: new ReadableStream(new GrowingReads(conn, close), { highWaterMark: 0 }),
    writable: new WritableStream({
      write: (chunk) => writeAll(conn, chunk),
      close: () => conn.closeWrite(),
      abort: close,
    }),
    peer: { transport: "tcp", address, listener },
    close,
  };
}

/** `host:port`, an IPv6 address in brackets. */
export function hostPort(hostname: string, port: number): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/**
 * Reads into buffers that grow while reads fill them, so that a connection that is idle holds little. Small chunks lie
 * side by side in one buffer; no byte is written twice, so chunks may be kept.
 */
class GrowingReads implements UnderlyingDefaultSource<Uint8Array> {
  readonly #conn: Deno.Conn;
  readonly #close: () => void;
  #buffer = new Uint8Array(SMALLEST_READ_BYTES);
  #used = 0;

  constructor(conn: Deno.Conn, close: () => void) {
    this.#conn = conn;
    this.#close = close;
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const room = this.#used === 0 ? this.#buffer : this.#buffer.subarray(this.#used);
    const read = await this.#conn.read(room);
    if (read === null) {
      controller.close();
      return;
    }
    controller.enqueue(room.subarray(0, read));
    this.#used += read;
    const size = this.#buffer.length;
    if (read === room.length) {
      this.#buffer = new Uint8Array(Math.min(size * 4, LARGEST_READ_BYTES));
      this.#used = 0;
    } else if (size - this.#used < Math.max(SMALLEST_READ_BYTES / 2, read)) {
      this.#buffer = new Uint8Array(read * 8 < size ? Math.max(size / 4, SMALLEST_READ_BYTES) : size);
      this.#used = 0;
    }
  }

  cancel(): void {
    this.#close();
  }
}

async function writeAll(conn: Deno.Conn, chunk: Uint8Array): Promise<void> {
  let written = await conn.write(chunk);
  while (written < chunk.length) written += await conn.write(chunk.subarray(written));
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It is closed: that is what was wanted.
  }
}

function isOfPeer(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.NotConnected;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
