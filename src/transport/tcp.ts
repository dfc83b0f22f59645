import { ChannelTransport } from "./channel_transport.ts";
import { acceptConnections, AcceptPauses, type Listener, type OnAcceptFailed } from "./listener.ts";
import { ReadFairness } from "./read_fairness.ts";
import type { TcpPort, TcpSource } from "./tcp_port.ts";
import type { ByteChannel, Peer, Transport } from "./transport.ts";

const SMALLEST_READ_BYTES = 512;
const BUSY_READ_BYTES = 4_096;
const LARGEST_READ_BYTES = 65_536;
const FLOOD_READ_BYTES = 16_384;
const DEFAULT_PORT = 1883;
// Backlog of the socket: when all clients reconnect at once, one beyond it waits a second before it tries again.
const MOST_WAITING = 4_096;
const NOTHING: Uint8Array = new Uint8Array(0);

/** Options of {@linkcode listenTcp}. */
export interface TcpListenOptions {
  /** Address to listen on. @default {"127.0.0.1"} */
  readonly hostname?: string;
  /** Port; 0 takes a free one, see {@linkcode TcpListener.port}. @default {1883} */
  readonly port?: number;
  /** Called when a connection cannot be accepted, for logs. */
  readonly onAcceptFailed?: OnAcceptFailed | undefined;
}

/** Options of {@linkcode connectTcp}. */
export interface TcpConnectOptions {
  readonly hostname: string;
  readonly port: number;
  readonly signal?: AbortSignal;
  /** Fairness that its reads take part in. @default one of its own */
  readonly turns?: ReadFairness | undefined;
}

/**
 * Called for each connection as soon as it is accepted, with the address of its client. Gives a function to call when
 * the connection is closed, or `undefined` to close it at once. It must not throw.
 */
export type Admit = (address: string) => (() => void) | undefined;

/** TCP connections as they arrive. */
export interface TcpListener extends Listener {
  /** Address that it listens on. */
  readonly hostname: string;
  /** Port that it listens on, the one that the system chose for 0. */
  readonly port: number;
}

/**
 * Listens for MQTT over TCP, IPv4 or IPv6.
 *
 * @throws Deno.errors.AddrInUse and other errors of `Deno.listen`
 * @example
 * ```ts
 * import { listenTcp } from "@brooklet/brooklet";
 *
 * const listener = listenTcp({ port: 0 });
 * console.log(listener.url);
 * listener.close();
 * ```
 */
export function listenTcp(options: TcpListenOptions = {}, admit?: Admit): TcpListener {
  const { hostname = "127.0.0.1", port = DEFAULT_PORT, onAcceptFailed } = options;
  const listener = Deno.listen({ hostname, port, transport: "tcp", tcpBacklog: MOST_WAITING });
  return tcpListener(
    hostname,
    {
      port: listener.addr.port,
      accept: () => listener.accept(),
      close: () => listener.close(),
    },
    admit,
    onAcceptFailed,
  );
}

/** Listens on a port that several listeners share; throws the errors of `Deno.listen`. */
export function listenAtPort(
  hostname: string,
  port: TcpPort,
  admit?: Admit,
  onAcceptFailed?: OnAcceptFailed,
): TcpListener {
  return tcpListener(hostname, port.listen(hostname), admit, onAcceptFailed);
}

/** Connects over TCP, to whichever address of the host answers first. Throws the errors of `Deno.connect`. */
export async function connectTcp({ hostname, port, signal, turns }: TcpConnectOptions): Promise<Transport> {
  const conn = await Deno.connect({ hostname, port, ...signal !== undefined && { signal } });
  const transport = tcpTransport(conn, `mqtt://${hostPort(hostname, port)}`, turns);
  transport.channel.keepAlive?.();
  return transport;
}

function tcpListener(
  hostname: string,
  source: TcpSource,
  admit: Admit | undefined,
  onAcceptFailed: OnAcceptFailed | undefined,
): TcpListener {
  const url = `mqtt://${hostPort(hostname, source.port)}`;
  const turns = new ReadFairness();
  const pauses = new AcceptPauses();
  let isClosed = false;
  return {
    hostname,
    port: source.port,
    url,
    close() {
      if (isClosed) return;
      isClosed = true;
      source.close();
      pauses.close();
    },
    [Symbol.asyncIterator]: () =>
      acceptConnections(source, pauses, () => isClosed, (conn) => {
        if (admit === undefined) return tcpTransport(conn, url, turns);
        const ended = admit(addressOf(conn));
        if (ended !== undefined) return tcpTransport(conn, url, turns, ended);
        closeQuietly(conn);
        return undefined;
      }, onAcceptFailed),
  };
}

/** A TCP connection as a transport. @param ended called once, when it is closed on this side */
export function tcpTransport(
  conn: Deno.TcpConn,
  listener: string,
  turns = new ReadFairness(),
  ended?: () => void,
): ChannelTransport {
  const peer = { transport: "tcp", address: addressOf(conn), listener };
  return new ChannelTransport(new TcpChannel(conn, turns, ended), peer);
}

function addressOf({ remoteAddr: { hostname, port } }: Deno.TcpConn): string {
  // An IPv4 client on a dual-stack IPv6 socket; the prefix is dropped because it is the same client.
  return hostPort(hostname.replace(/^::ffff:(?=\d+\.)/, ""), port);
}

/** A connection of the runtime, of any kind, as a transport. */
export function connTransport(conn: Deno.Conn, peer: Peer, turns = new ReadFairness()): Transport {
  return new ChannelTransport(new ConnChannel(conn, turns), peer);
}

/** `host:port`, an IPv6 address in brackets. */
export function hostPort(hostname: string, port: number): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/**
 * Reads into buffers that grow while reads fill them, so that an idle connection holds little memory. Small chunks lie
 * side by side in one buffer; no byte is written twice, so chunks may be kept.
 */
class ConnChannel implements ByteChannel {
  readonly #conn: Deno.Conn;
  readonly #turns: ReadFairness;
  /** Empty until a read needs it, then of `#size` bytes. */
  #buffer: Uint8Array = NOTHING;
  #size = SMALLEST_READ_BYTES;
  #used = 0;
  /** Part of the buffer that the read in progress fills. */
  #room: Uint8Array = NOTHING;
  /** Whether the last read was as large as those of a peer that sends without a pause. */
  #isFlooded = false;
  /** Number of writes in progress. */
  #writes = 0;
  #lastWrite: Promise<void> | undefined;
  #isClosed = false;

  constructor(conn: Deno.Conn, turns: ReadFairness) {
    this.#conn = conn;
    this.#turns = turns;
  }

  get usesRoom(): boolean {
    return true;
  }

  read(room?: Uint8Array): Promise<Uint8Array | undefined> {
    this.#room = room === undefined ? this.#ownRoom() : room.subarray(0, LARGEST_READ_BYTES);
    const pause = this.#isFlooded ? this.#turns.pause() : undefined;
    if (pause !== undefined) return pause.then(() => this.#conn.read(this.#room)).then(this.#take);
    return this.#conn.read(this.#room).then(this.#take);
  }

  readonly #take = (read: number | null): Uint8Array | undefined => {
    this.#turns.progress();
    if (read === null) return undefined;
    this.#isFlooded = read >= FLOOD_READ_BYTES;
    const room = this.#room;
    const size = this.#size;
    if (room.buffer !== this.#buffer.buffer) return room.subarray(0, read);
    this.#used += read;
    if (read === room.length) {
      this.#renew(Math.min(size * 4, LARGEST_READ_BYTES)); // There may have been more.
    } else if (size - this.#used < Math.max(SMALLEST_READ_BYTES / 4, read)) {
      // Used up by small reads: take a larger one, up to a size that is no burden when the connection falls silent.
      this.#renew(size < BUSY_READ_BYTES ? size * 2 : read * 8 < size ? Math.max(size / 4, BUSY_READ_BYTES) : size);
    }
    return room.subarray(0, read);
  };

  #ownRoom(): Uint8Array {
    if (this.#buffer.length === 0) this.#buffer = new Uint8Array(this.#size);
    return this.#used === 0 ? this.#buffer : this.#buffer.subarray(this.#used);
  }

  #renew(size: number): void {
    this.#buffer = NOTHING;
    this.#size = size;
    this.#used = 0;
  }

  /** Writes; after a failed write all later ones fail too. */
  write(bytes: Uint8Array): Promise<void> {
    // The runtime keeps the order of its writes, but the rest of a partial write would go out after the next write.
    const before = this.isWriting ? this.#lastWrite : undefined;
    this.#writes += 1;
    return this.#lastWrite = before?.then(() => this.#writeAll(bytes)) ?? this.#writeAll(bytes);
  }

  get isWriting(): boolean {
    return this.#writes > 0;
  }

  #writeAll(bytes: Uint8Array): Promise<void> {
    return this.#conn.write(bytes).then((written) => {
      if (written < bytes.length) return this.#writeAll(bytes.subarray(written));
      this.#writes -= 1;
      this.#turns.progress();
      return undefined;
    });
  }

  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  /** Closes it; gives whether it was open. */
  close(): boolean {
    if (this.#isClosed) return false; // The runtime would throw, which costs as much as the connection.
    this.#isClosed = true;
    closeQuietly(this.#conn);
    this.#turns.end();
    return true;
  }
}

/** Sets the socket's options on the second write, which shows that the connection lasts: many end after the first. */
class TcpChannel extends ConnChannel {
  readonly #conn: Deno.TcpConn;
  readonly #ended: (() => void) | undefined;
  #writes = 0;

  constructor(conn: Deno.TcpConn, turns: ReadFairness, ended: (() => void) | undefined) {
    super(conn, turns);
    this.#conn = conn;
    this.#ended = ended;
  }

  override close(): boolean {
    const isFirst = super.close();
    if (isFirst) this.#ended?.();
    return isFirst;
  }

  override write(bytes: Uint8Array): Promise<void> {
    if (this.#writes < 2 && ++this.#writes === 2) {
      attempt(() => this.#conn.setNoDelay(true)); // The first write leaves at once in any case.
      this.keepAlive();
    }
    return super.write(bytes);
  }

  keepAlive(): void {
    attempt(() => this.#conn.setKeepAlive(true));
  }
}

function attempt(setOption: () => void): void {
  try {
    setOption();
  } catch {
    // The connection is gone; its reads and writes report it.
  }
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It is closed already.
  }
}
