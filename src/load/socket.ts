import type { ByteChannel } from "../transport/transport.ts";
import type { TlsClientOptions } from "../transport/tls/connect_tls.ts";

const FIRST_READ_BYTES = 1_024;
const LARGEST_READ_BYTES = 131_072;
const DEFAULT_PORTS = { "mqtt:": 1883, "mqtts:": 8883 } as const;

/** Connects to the address of a `mqtt:`, `mqtts:` or `unix:` URL. Throws the errors of the runtime. */
export async function openSocket(url: URL, tls: TlsClientOptions | undefined): Promise<ByteChannel> {
  if (url.protocol === "unix:") {
    return new Socket(await Deno.connect({ transport: "unix", path: decodeURIComponent(url.pathname) }));
  }
  const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const isTls = url.protocol === "mqtts:";
  const port = url.port === "" ? DEFAULT_PORTS[isTls ? "mqtts:" : "mqtt:"] : Number(url.port);
  if (!isTls) {
    const conn = await Deno.connect({ hostname, port });
    conn.setNoDelay(true);
    return new Socket(conn);
  }
  const { caCerts = [], cert, key, alpnProtocols = ["mqtt"] } = tls ?? {};
  const pair = cert !== undefined && key !== undefined && { cert, key };
  const conn = await Deno.connectTls({
    hostname,
    port,
    caCerts: [...caCerts],
    alpnProtocols: [...alpnProtocols],
    ...pair,
  });
  return new Socket(conn);
}

/**
 * Connection for loads: all reads fill the same buffer, which grows while they fill it, and no read pauses for others.
 * The result of a read is overwritten by the next one.
 */
class Socket implements ByteChannel {
  isWriting = false;
  readonly #conn: Deno.Conn;
  #buffer = new Uint8Array(FIRST_READ_BYTES);

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#conn.read(this.#buffer).then(this.#take);
  }

  /** Writes. Call it once at a time. */
  async write(bytes: Uint8Array): Promise<void> {
    this.isWriting = true;
    let written = await this.#conn.write(bytes);
    while (written < bytes.length) written += await this.#conn.write(bytes.subarray(written));
    this.isWriting = false;
  }

  async closeWrite(): Promise<void> {
    await this.#conn.closeWrite();
  }

  close(): void {
    try {
      this.#conn.close();
    } catch {
      // It is closed already.
    }
  }

  readonly #take = (read: number | null): Uint8Array | undefined => {
    if (read === null) return undefined;
    const bytes = this.#buffer.subarray(0, read);
    if (read === this.#buffer.length && read < LARGEST_READ_BYTES) this.#buffer = new Uint8Array(read * 4);
    return bytes;
  };
}
