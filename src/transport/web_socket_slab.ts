const SLAB_BYTES = 16_384;
const MOST_SHARED_BYTES = 2_048;

/**
 * Room for small chunks side by side, because a buffer for each costs more than to fill it (window 1, 50 pairs: 8 % of
 * the time for a message, 2026-11). No byte is given out twice, so chunks may be kept.
 */
export class Slab {
  view: DataView<ArrayBuffer> = new DataView(new ArrayBuffer(0));
  #used = 0;

  /** Where in {@linkcode Slab.view}, as it is now, there is room; `undefined` for what should have its own buffer. */
  reserve(length: number): number | undefined {
    if (length > MOST_SHARED_BYTES) return undefined;
    if (this.view.byteLength - this.#used < length) {
      this.view = new DataView(new ArrayBuffer(SLAB_BYTES));
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    return start;
  }

  /** The same as bytes, in a buffer of their own where need be. */
  take(length: number): Uint8Array<ArrayBuffer> {
    const start = this.reserve(length);
    return start === undefined ? new Uint8Array(length) : new Uint8Array(this.view.buffer, start, length);
  }
}
