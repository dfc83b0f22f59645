import type { Address } from "./raw_client.ts";

/** What one side sent at once. */
export interface Segment {
  /** Of the client, in this recording: 1 for the first. */
  readonly connection: number;
  readonly isByClient: boolean;
  readonly bytes: Uint8Array;
}

/** Stands between clients and a broker, and keeps all that they say. */
export class RecordingProxy implements AsyncDisposable {
  readonly segments: Segment[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #broker: Address;
  readonly #accepting: Promise<void>;
  readonly #relaying = new Set<Promise<unknown>>();

  constructor(broker: Address) {
    this.#broker = broker;
    this.#accepting = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Ends when its clients have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    await Promise.all(this.#relaying);
  }

  async #accept(): Promise<void> {
    let connection = 0;
    for await (const client of this.#listener) {
      const broker = await Deno.connect({ port: this.#broker.port });
      connection += 1;
      this.#relaying.add(this.#relay(client, broker, { connection, isByClient: true }));
      this.#relaying.add(this.#relay(broker, client, { connection, isByClient: false }));
    }
  }

  async #relay(from: Deno.Conn, to: Deno.Conn, origin: Omit<Segment, "bytes">): Promise<void> {
    const record = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform: (bytes, controller) => {
        this.segments.push({ ...origin, bytes: bytes.slice() });
        controller.enqueue(bytes);
      },
    });
    await from.readable.pipeThrough(record).pipeTo(to.writable).catch(() => {}); // However it ends, it is over.
  }
}
