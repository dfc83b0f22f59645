import { assert } from "@std/assert";
import { once } from "node:events";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import { listenTls, type TlsListener, type TlsListenOptions } from "../../src/transport/tls/tls.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { authority, identity, type IdentityName } from "../certificates/certificates.ts";
import { within } from "../deadline.ts";

/** A listener that sends back what comes, unless a connection is taken. */
export class EchoTlsServer implements AsyncDisposable {
  readonly listener: TlsListener;
  readonly failures: string[] = [];
  readonly ended: Promise<void>;
  count = 0;
  readonly #clients: TLSSocket[] = [];
  readonly #transports: Transport[] = [];
  readonly #echoes: Promise<void>[] = [];
  #isTaking = false;
  #changed = Promise.withResolvers<void>();

  constructor(options: Partial<TlsListenOptions> = {}) {
    this.listener = listenTls({
      ...identity("server"),
      port: 0,
      ...options,
      onHandshakeFailed: (_, reason) => {
        this.failures.push(reason);
        this.#change();
      },
    });
    this.ended = this.#serve();
  }

  /** The next reason why a handshake failed. */
  async failure(): Promise<string> {
    await this.#until(() => this.failures.length > 0, "a handshake to fail");
    return this.failures.shift() ?? "";
  }

  /** The last connection that came in. */
  async accepted(): Promise<Transport> {
    await this.#until(() => this.#transports.length > 0, "a connection");
    const transport = this.#transports.at(-1);
    assert(transport !== undefined);
    return transport;
  }

  /** The last connection, of which nothing was read. */
  async taken(): Promise<{ transport: Transport }> {
    this.#isTaking = true;
    return { transport: await this.accepted() };
  }

  plain(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: "127.0.0.1", port: this.listener.port });
  }

  socket(options: ConnectionOptions): TLSSocket {
    const { port } = this.listener;
    const client = connectTls({ host: "127.0.0.1", port, servername: "localhost", ca: authority(), ...options });
    client.on("error", () => {}); // "close" follows.
    this.#clients.push(client);
    return client;
  }

  async connected(options: ConnectionOptions): Promise<TLSSocket> {
    const client = this.socket(options);
    const closed = new Promise<never>((_, reject) => client.once("close", () => reject(new Error("It was refused"))));
    await within(Promise.race([once(client, "secureConnect"), closed]), "the handshake");
    closed.catch(() => {}); // Later it may close.
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.destroy();
    this.listener.close();
    await this.ended;
    for (const transport of this.#transports) transport.close();
    await Promise.all(this.#echoes);
  }

  async #serve(): Promise<void> {
    for await (const transport of this.listener) {
      this.count++;
      this.#transports.push(transport);
      if (!this.#isTaking) this.#echoes.push(this.#echo(transport));
      this.#change();
    }
  }

  async #echo(transport: Transport): Promise<void> {
    await Promise.resolve();
    if (this.#isTaking) return;
    await transport.readable.pipeTo(transport.writable).catch(() => transport.close());
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #until(isSo: () => boolean, what: string): Promise<void> {
    while (!isSo()) await within(this.#changed.promise, what);
  }
}

/** For a client that shows a certificate. */
export function clientIdentity(name: IdentityName): ConnectionOptions {
  const { certificate, key } = identity(name);
  return { cert: certificate, key };
}

/** Sends it, and gives the next bytes that come. */
export async function echo(client: TLSSocket, text: string): Promise<string> {
  const answer = once(client, "data");
  client.write(text);
  const [data] = await within(answer, "the echo");
  return String(data);
}
