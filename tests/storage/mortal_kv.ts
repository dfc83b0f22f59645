import type { Seeded } from "../seeded.ts";

/** A database that outlives who uses it, so that its users can die: all that they do then fails. */
export class MortalKv {
  isDead = false;
  /** Whether the next atomic operation fails, before it was done or after it. */
  failsNext = false;
  readonly #kv: Deno.Kv;
  readonly #random: Seeded;

  constructor(kv: Deno.Kv, random: Seeded) {
    this.#kv = kv;
    this.#random = random;
  }

  get: Deno.Kv["get"] = async (key, options) => {
    await this.#turn();
    return await this.#kv.get(key, options);
  };

  list: Deno.Kv["list"] = (selector, options) => {
    if (this.isDead) throw new Error("the process has ended");
    return this.#kv.list(selector, options);
  };

  atomic: Deno.Kv["atomic"] = () => {
    const operation = this.#kv.atomic();
    const commit = operation.commit.bind(operation);
    operation.commit = async () => {
      await this.#turn();
      const isFailing = this.failsNext;
      this.failsNext = false;
      if (isFailing && this.#random.oneIn(2)) throw new Error("the disk is full");
      const result = await commit();
      if (isFailing) throw new Error("the answer is lost");
      return result;
    };
    return operation;
  };

  /** The database stays. */
  close: Deno.Kv["close"] = () => {};

  async #turn(): Promise<void> {
    if (this.#random.oneIn(20)) await new Promise((resolve) => setTimeout(resolve, 0));
    if (this.isDead) throw new Error("the process has ended");
  }
}
