import type { MemoryTransportPair } from "../../mod.ts";
import type { ProtocolVersion } from "../../src/codec/mod.ts";
import { toHex } from "../codec/hex.ts";
import { DEADLINE_MS, within } from "../deadline.ts";

/** One connection of a client. */
export class WireClient {
  /** Whether a CONNACK with Success came. */
  isConnected = false;
  readonly #transport: MemoryTransportPair["client"];
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  #bytes = new Uint8Array();
  #isEnded = false;
  #whenMore = Promise.withResolvers<void>();

  constructor(
    readonly name: string,
    readonly version: ProtocolVersion,
    { client }: MemoryTransportPair,
    readonly served: Promise<void>,
  ) {
    this.#transport = client;
    this.#writer = client.writable.getWriter();
    this.#writer.closed.catch(() => {}); // The broker may close first.
    this.#reading = this.#read();
  }

  send(bytes: Uint8Array): void {
    this.#writer.write(bytes).catch(() => {}); // What the broker did not take shows in what comes back.
  }

  /** Takes exactly these bytes. */
  async expect(expected: Uint8Array): Promise<void> {
    const end = performance.now() + DEADLINE_MS;
    const isSoFar = () => this.#bytes.subarray(0, expected.length).every((byte, index) => byte === expected[index]);
    while (isSoFar() && this.#bytes.length < expected.length && !this.#isEnded && performance.now() < end) {
      await within(this.#whenMore.promise, `got only ${this.#shown()}`);
    }
    if (!isSoFar() || this.#bytes.length < expected.length) {
      throw new Error(`got ${this.#shown()}, expected ${toHex(expected)}`);
    }
    this.#bytes = this.#bytes.slice(expected.length);
    if (expected[0] === 0x20 && expected[3] === 0) this.isConnected = true;
  }

  /** Takes the next packet whatever it is; of those with a Remaining Length of one byte. */
  async takePacket(): Promise<Uint8Array> {
    while (this.#bytes.length < 2 || this.#bytes.length < 2 + (this.#bytes[1] ?? 0)) {
      if (this.#isEnded) throw new Error(`got ${this.#shown()}, expected a packet`);
      await within(this.#whenMore.promise, `got only ${this.#shown()}`);
    }
    const packet = this.#bytes.slice(0, 2 + (this.#bytes[1] ?? 0));
    this.#bytes = this.#bytes.slice(packet.length);
    return packet;
  }

  /** Takes a packet with this first byte and these bytes behind its length, and a Reason String as its only property. */
  async expectReason(head: Uint8Array): Promise<void> {
    const [firstByte = 0, ...beginning] = head;
    const packet = await this.takePacket();
    const textBytes = packet.length - 2 - beginning.length - 4;
    const lengths = [textBytes + 3, 0x1f, textBytes >> 8, textBytes & 0xff];
    const expected = Uint8Array.of(firstByte, packet.length - 2, ...beginning, ...lengths);
    if (textBytes < 1 || toHex(packet.subarray(0, expected.length)) !== toHex(expected)) {
      throw new Error(`got ${toHex(packet)}, expected ${toHex(head)} and a Reason String`);
    }
  }

  /** The broker has closed, and nothing is left to be read. */
  async expectClosed(): Promise<void> {
    await within(this.#reading, `not closed; got ${this.#shown()}`);
    if (this.#bytes.length > 0) throw new Error(`got ${this.#shown()}, expected the end`);
    await this.drop();
  }

  /** Closes the transport at once, and waits until the broker has seen it. */
  async drop(): Promise<void> {
    this.isConnected = false;
    this.#transport.close();
    await within(Promise.all([this.served, this.#reading]), "the broker still serves the connection");
  }

  /** Resolves when the broker has closed. */
  get ended(): Promise<void> {
    return within(this.#reading, "not closed");
  }

  /** Bytes that came and were not expected yet. */
  get unread(): Uint8Array {
    return this.#bytes;
  }

  async #read(): Promise<void> {
    try {
      for await (const chunk of this.#transport.readable) {
        const joined = new Uint8Array(this.#bytes.length + chunk.length);
        joined.set(this.#bytes);
        joined.set(chunk, this.#bytes.length);
        this.#bytes = joined;
        this.#tell();
      }
    } catch {
      // The same as its end.
    }
    this.#isEnded = true;
    this.#tell();
  }

  #tell(): void {
    const { resolve } = this.#whenMore;
    this.#whenMore = Promise.withResolvers();
    resolve();
  }

  #shown(): string {
    return `${toHex(this.#bytes) || "nothing"}${this.#isEnded ? " and the end" : ""}`;
  }
}
