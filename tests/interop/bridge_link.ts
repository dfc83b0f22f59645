import type { Address } from "./raw_client.ts";

/** The network between a bridge and its broker: it can fail. */
export class BridgeLink implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #broker: Address;
  readonly #open = new Set<Deno.Conn>();
  readonly #tasks: Promise<void>[] = [];
  /** Resolves when it works. */
  #up = Promise.withResolvers<void>();

  constructor(broker: Address) {
    this.#broker = broker;
    this.#up.resolve();
    this.#tasks.push(this.#accept());
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Ends all connections; a new one gets nowhere until {@linkcode restore}. */
  cut(): void {
    this.#up = Promise.withResolvers();
    for (const connection of this.#open) this.#close(connection);
  }

  restore(): void {
    this.#up.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.restore();
    for (const connection of this.#open) this.#close(connection);
    await Promise.all(this.#tasks);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      await this.#up.promise;
      const broker = await Deno.connect({ hostname: "127.0.0.1", port: this.#broker.port });
      this.#open.add(client).add(broker);
      this.#tasks.push(this.#relay(client, broker), this.#relay(broker, client));
    }
  }

  async #relay(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (let length = await from.read(buffer); length !== null; length = await from.read(buffer)) {
        for (let sent = 0; sent < length;) sent += await to.write(buffer.subarray(sent, length));
      }
    } catch {
      // However it ends, it is over.
    }
    this.#close(from);
    this.#close(to);
  }

  #close(connection: Deno.Conn): void {
    if (this.#open.delete(connection)) connection.close();
  }
}
