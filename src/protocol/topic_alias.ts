/** Topic Aliases that this side gives out to one connection (MQTT 5, section 3.3.2.3.4): the first topics get one each. */
export class OutgoingTopicAliases {
  #aliases: Map<string, number> | undefined;

  /** @param maximum largest alias that the receiver accepts; 0: none */
  constructor(readonly maximum: number) {}

  /** Alias of a topic that was sent before. */
  known(topic: string): number | undefined {
    return this.#aliases?.get(topic);
  }

  /** An alias to send with a topic for the first time; `undefined` when all are given out. [MQTT-3.1.2-26] */
  assign(topic: string): number | undefined {
    this.#aliases ??= new Map(); // Most connections have none.
    if (this.#aliases.size >= this.maximum) return undefined;
    const alias = this.#aliases.size + 1; // Never 0. [MQTT-3.3.2-8]
    this.#aliases.set(topic, alias);
    return alias;
  }
}
