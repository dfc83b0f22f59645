const SUB_BUCKET_BITS = 7;
/** Number of buckets for all values of 32 bits. */
const BUCKETS = (32 - SUB_BUCKET_BITS - 1 << SUB_BUCKET_BITS) + (1 << SUB_BUCKET_BITS + 1);

/**
 * Counts of values between 0 and 2^32 - 1 in buckets that grow with the value, like HdrHistogram's: below 256 each
 * value has its own bucket, above that a bucket is less than 1 % wide.
 *
 * `createHistogram` of `node:perf_hooks` takes four times as long for a value, none that is 0, gives its counts to nobody,
 * and cannot be received from a worker: "could not deserialize value". (Deno 2.9.6, 2026-11-30)
 */
export class Histogram {
  readonly #counts: Float64Array;
  #total = 0;

  /** @param counts of another histogram */
  constructor(counts: Float64Array = new Float64Array(BUCKETS)) {
    this.#counts = counts;
    for (const count of counts) this.#total += count;
  }

  get total(): number {
    return this.#total;
  }

  /** Counts, to be handed to another thread. */
  get counts(): Float64Array {
    return this.#counts;
  }

  record(value: number): void {
    const shift = Math.max(0, 31 - SUB_BUCKET_BITS - Math.clz32(value));
    const bucket = (shift << SUB_BUCKET_BITS) + (value >>> shift);
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1; // There is a bucket for each value of 32 bits.
    this.#total += 1;
  }

  add(counts: Float64Array): void {
    counts.forEach((count, bucket) => {
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
      this.#total += count;
    });
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }

  /** Value that the given part of all values, between 0 and 1, does not exceed; `undefined` without values. */
  quantile(part: number): number | undefined {
    if (this.#total === 0) return undefined;
    const rank = Math.max(1, Math.ceil(part * this.#total));
    let seen = 0;
    const bucket = this.#counts.findIndex((count) => (seen += count) >= rank);
    return highestOf(bucket);
  }
}

/** Highest value that is counted in a bucket. */
function highestOf(bucket: number): number {
  const shift = Math.max(0, (bucket >> SUB_BUCKET_BITS) - 1);
  return (bucket - (shift << SUB_BUCKET_BITS) + 1) * 2 ** shift - 1;
}
