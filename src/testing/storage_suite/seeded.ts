/** Small random generator of good quality (mulberry32); the same seed gives the same values everywhere. */
export class Seeded {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = seed >>> 0;
  }

  /** Random integer of 32 bits. */
  uint32(): number {
    this.#state = this.#state + 0x6d2b79f5 >>> 0;
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return (mixed ^ mixed >>> 14) >>> 0;
  }

  /** Random integer from `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.uint32() / 0x1_0000_0000 * (most - least + 1));
  }

  /** True about once in `times` calls. */
  oneIn(times: number): boolean {
    return this.integer(1, times) === 1;
  }

  pick<T>(values: readonly T[]): T {
    if (values.length === 0) throw new RangeError("Cannot pick: there is no value");
    return values[this.integer(0, values.length - 1)] as T; // Within the bounds.
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.uint32() & 0xff);
  }

  /** Cuts bytes into pieces of 1 to `most` bytes. */
  cut(bytes: Uint8Array, most = 40): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    for (let start = 0; start < bytes.length;) {
      const end = start + this.integer(1, most);
      chunks.push(bytes.slice(start, end));
      start = end;
    }
    return chunks;
  }
}
