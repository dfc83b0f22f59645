// More than these are a bit each: until then the list is smaller, and as fast to look through.
const MOST_IN_LIST = 128;
const WORDS = 65_536 / 32;

/**
 * Packet Identifiers in use, in no particular order. A `Set` of all 65,535 holds 2 MB; this one holds 8 KiB.
 * (Deno 2.9, 2026-11-30)
 */
export class PacketIdentifierSet {
  #size = 0;
  #list: number[] = [];
  /** One bit for each identifier, in place of the list. */
  #bits: Uint32Array | undefined;

  get size(): number {
    return this.#size;
  }

  has(identifier: number): boolean {
    if (this.#bits === undefined) return this.#list.includes(identifier);
    return (wordOf(this.#bits, identifier) & maskOf(identifier)) !== 0;
  }

  add(identifier: number): void {
    if (this.has(identifier)) return;
    this.#size += 1;
    if (this.#bits === undefined && this.#size <= MOST_IN_LIST) {
      this.#list.push(identifier);
      return;
    }
    if (this.#bits === undefined) {
      const bits = this.#bits = new Uint32Array(WORDS);
      for (const known of this.#list) bits[known >>> 5] = wordOf(bits, known) | maskOf(known);
      this.#list = [];
    }
    this.#bits[identifier >>> 5] = wordOf(this.#bits, identifier) | maskOf(identifier);
  }

  /** Gives whether it was there. */
  delete(identifier: number): boolean {
    if (!this.has(identifier)) return false;
    this.#size -= 1;
    if (this.#bits !== undefined) {
      this.#bits[identifier >>> 5] = wordOf(this.#bits, identifier) & ~maskOf(identifier);
      if (this.#size === 0) this.#bits = undefined; // An idle session should hold little.
      return true;
    }
    const last = this.#list.pop();
    if (last !== undefined && last !== identifier) this.#list[this.#list.indexOf(identifier)] = last;
    return true;
  }

  *[Symbol.iterator](): Generator<number, void> {
    const bits = this.#bits;
    if (bits === undefined) {
      yield* this.#list;
      return;
    }
    for (let identifier = 0; identifier < WORDS * 32; identifier++) {
      if ((wordOf(bits, identifier) & maskOf(identifier)) !== 0) yield identifier;
    }
  }
}

function wordOf(bits: Uint32Array, identifier: number): number {
  return bits[identifier >>> 5] as number; // There is one for each of 16 bits.
}

function maskOf(identifier: number): number {
  return 1 << (identifier & 31);
}
