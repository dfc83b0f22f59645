import type { ByteChannel, Peer } from "../../src/transport/transport.ts";

export const PEER: Peer = { transport: "test", address: "test", listener: "test" };

/** A channel that gives what it is told to, and remembers what was asked of it. */
export class ToldChannel implements ByteChannel {
  readonly calls: string[] = [];
  isWriting = false;
  /** What writes reject with. */
  broken: Error | undefined;
  readonly #reads: (Uint8Array | undefined | Error)[];

  constructor(...reads: readonly (Uint8Array | undefined | Error)[]) {
    this.#reads = [...reads];
  }

  read(): Promise<Uint8Array | undefined> {
    this.calls.push("read");
    const read = this.#reads.shift();
    return read instanceof Error ? Promise.reject(read) : Promise.resolve(read);
  }

  write(bytes: Uint8Array): Promise<void> {
    this.calls.push(`write ${bytes.toHex()}`);
    return this.broken === undefined ? Promise.resolve() : Promise.reject(this.broken);
  }

  closeWrite(): Promise<void> {
    this.calls.push("closeWrite");
    return Promise.resolve();
  }

  close(): void {
    this.calls.push("close");
  }
}
