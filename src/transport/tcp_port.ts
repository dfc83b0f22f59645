import { AcceptPauses } from "./listener.ts";

/** Where connections of one address come from. */
export interface TcpSource {
  readonly port: number;
  accept(): Promise<Deno.TcpConn>;
  close(): void;
}

/** Options of {@linkcode TcpPort}. */
export interface TcpPortOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Told of connections that come to an address at which nobody listens, for logs. It must not throw. */
  readonly onRefused?: (address: string, reason: string) => void;
}

interface Waiting {
  resolve(conn: Deno.TcpConn): void;
  reject(error: unknown): void;
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;
const MOST_WAITING = 4_096;

/**
 * A port for a listener of IPv6 alone, at `::`, and for others at addresses of IPv4 beside it. The runtime has no
 * IPV6_V6ONLY, and `ipv6Only` of `node:net` does nothing (Deno 2.9.6): a socket at `::` takes connections of IPv4 too, and
 * no other socket gets the port for them. So there is one socket, each connection goes to the listener of the address
 * that it came to, and one of IPv4 for which there is none is closed.
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

  /** Throws what `Deno.listen` throws. @param hostname `::`, `0.0.0.0` or an address of IPv4 */
  listen(hostname: string): TcpSource {
    if (this.#targets.has(hostname)) throw new Deno.errors.AddrInUse(`Address already in use: ${hostname}`);
    const { port } = this.#options;
    this.#socket ??= Deno.listen({ hostname: "::", port, transport: "tcp", tcpBacklog: MOST_WAITING });
    const target = new Target();
    this.#targets.set(hostname, target);
    return {
      port: this.#socket.addr.port,
      accept: () => {
        const accepted = target.next();
        this.#acceptAll(); // Never rejects.
        return accepted;
      },
      close: () => {
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

/** The connections of one listener. */
class Target {
  readonly #ready: Deno.TcpConn[] = [];
  #waiting: Waiting | undefined;

  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** One at a time. */
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
    // It is closed: that is what was wanted.
  }
}
