import { ConfigError } from "../config_error.ts";

/** A line of a mosquitto.conf that says something, and its value as what the key wants it to be. */
export class MosquittoLine {
  readonly key: string;
  readonly #value: string;

  /** @param place such as `mosquitto.conf:3` */
  constructor(content: string, readonly place: string) {
    const [, key = "", value = ""] = /^([^ \t]*)[ \t]*(.*)$/.exec(content.trimEnd()) ?? [];
    if (key === "") throw new ConfigError(`${place}: a line begins with a key, and not with a space`);
    this.key = key;
    this.#value = value;
  }

  /** All of it. */
  text(): string {
    if (this.#value === "") throw this.error("needs a value");
    return this.#value;
  }

  /** Between spaces. */
  words(): string[] {
    return this.text().split(/ +/);
  }

  boolean(): boolean {
    const value = this.text();
    if (value === "true" || value === "1") return true;
    if (value === "false" || value === "0") return false;
    throw this.error("is not true or false");
  }

  integer(least: number, most: number): number {
    const text = this.text();
    const value = Number(text);
    if (/^-?\d+$/.test(text) && value >= least && value <= most) return value;
    throw this.error(`is not an integer between ${least} and ${most}`);
  }

  /** One of them. */
  choice<Word extends string>(...words: readonly Word[]): Word {
    const text = this.text();
    const word = words.find((word) => word === text);
    if (word === undefined) throw this.error(`is not ${words.join(" or ")}`);
    return word;
  }

  error(why: string): ConfigError {
    return new ConfigError(`${this.place}: "${this.key}" ${why}`);
  }
}
