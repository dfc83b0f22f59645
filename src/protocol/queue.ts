/** First in, first out, without moving what stays. */
export class Queue<Item> {
  #items: (Item | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  /** The first one, which stays. */
  peek(): Item | undefined {
    return this.#items[this.#head];
  }

  shift(): Item | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) {
      this.clear();
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Without taking them out. */
  *values(): Generator<Item, undefined> {
    // There is one at each index from the head on.
    for (let index = this.#head; index < this.#items.length; index++) yield this.#items[index] as Item;
  }

  clear(): void {
    if (this.#items.length === 0) return;
    this.#items = [];
    this.#head = 0;
  }
}
