import { AcceptPauses } from "./listener.ts";

/** Source of the connections to one address. */
export interface TcpSource {
  readonly port: number;
  accept(): Promise<Deno.TcpConn>;
  close(): void;
}

/** Options of {@linkcode TcpPort}. */
export interface TcpPortOptions {
  /** Port; 0 takes a free one. */
  readonly port: number;
  /** Called for connections to an address without a listener, for logs. It must not throw. */
  readonly onRefused?: (address: string, reason: string) => void;
}

interface Waiting {
  resolve(conn: Deno.TcpConn): void;
  reject(error: unknown): void;
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;
const MOST_WAITING = 4_096;

/**
 * Port shared by an IPv6-only listener at `::` and listeners at IPv4 addresses. The runtime has no IPV6_V6ONLY, and
 * `ipv6Only` of `node:net` does nothing (Deno 2.9.6): a socket at `::` accepts IPv4 connections too, and no other
 * socket can bind the port for them. So there is one socket, each connection goes to the listener of the address that
 * it was made to, and an IPv4 connection without a listener is closed.
 */
export class TcpPort {
  readonly #options: TcpPortOptions;
  readonly #targets = new Map<string, Target>();
  readonly #pauses = new AcceptPauses();
  #socket: Deno.TcpListener | undefined;
  #isAccepting = false;

  constructor(options: TcpPortOptions) {
    this.#options = options;
  }

  /** Listens at an address; throws the errors of `Deno.listen`. @param hostname `::`, `0.0.0.0` or an IPv4 address */
  listen(hostname: string): TcpSource {
    if (this.#targets.has(hostname)) throw new Deno.errors.AddrInUse(`Address already in use: ${hostname}`);
    const { port } = this.#options;
    this.#socket ??= Deno.listen({ hostname: "::", port, transport: "tcp", tcpBacklog: MOST_WAITING });
    const own = hostname === "::" ? undefined : listenAlone(hostname, this.#socket.addr.port);
    const target = new Target();
    this.#targets.set(hostname, target);
    return {
      port: this.#socket.addr.port,
      accept: () => {
        if (own !== undefined) return own.accept();
        const accepted = target.next();
        this.#acceptAll(); // Never rejects.
        return accepted;
      },
      close: () => {
        own?.close();
        target.close();
        this.#targets.delete(hostname);
        if (this.#targets.size > 0) return;
        this.#socket?.close();
        this.#pauses.close();
      },
    };
  }

  /** Accepts as long as a listener waits. */
  async #acceptAll(): Promise<void> {
    if (this.#isAccepting) return;
    this.#isAccepting = true;
    const targets = this.#targets;
    while (this.#socket !== undefined && targets.values().some(({ isWaiting }) => isWaiting)) {
      try {
        this.#give(await this.#socket.accept());
      } catch (error) {
        for (const target of targets.values()) target.fail(error);
        break;
      }
      const pause = targets.size > 0 ? this.#pauses.accepted() : undefined;
      if (pause !== undefined) await pause;
    }
    this.#isAccepting = false;
  }

  #give(conn: Deno.TcpConn): void {
    const ipv4 = MAPPED.exec(conn.localAddr.hostname)?.[1];
    const target = ipv4 === undefined
      ? this.#targets.get("::")
      : this.#targets.get(ipv4) ?? this.#targets.get("0.0.0.0");
    if (target !== undefined) return target.give(conn);
    const { hostname, port } = conn.remoteAddr;
    closeQuietly(conn);
    this.#options.onRefused?.(`${hostname.replace(MAPPED, "$1")}:${port}`, "the listener is for IPv6 alone");
  }
}

/**
 * Listens with a socket of its own, where that at `::` is for IPv6 alone: on Windows, and on Linux with
 * net.ipv6.bindv6only=1. Gives `undefined` where that has the port of IPv4 too.
 */
function listenAlone(hostname: string, port: number): Deno.TcpListener | undefined {
  try {
    return Deno.listen({ hostname, port, transport: "tcp", tcpBacklog: MOST_WAITING });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return undefined;
    throw error;
  }
}

/** Connections of one listener. */
class Target {
  readonly #ready: Deno.TcpConn[] = [];
  #waiting: Waiting | undefined;

  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** Next connection. Call it once at a time. */
  next(): Promise<Deno.TcpConn> {
    const ready = this.#ready.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    return new Promise((resolve, reject) => this.#waiting = { resolve, reject });
  }

  give(conn: Deno.TcpConn): void {
    if (this.#waiting === undefined) this.#ready.push(conn);
    else this.#waiting.resolve(conn);
    this.#waiting = undefined;
  }

  fail(error: unknown): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  close(): void {
    this.fail(new Deno.errors.BadResource("The listener is closed"));
    for (const conn of this.#ready.splice(0)) closeQuietly(conn);
  }
}

function closeQuietly(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // It is closed already.
  }
}
