import { ConfigError } from "../config_error.ts";
import { unitAdvice } from "../nearest.ts";

/** Line of a mosquitto.conf, with its value in the form that the key needs. */
export class MosquittoLine {
  readonly key: string;
  readonly #value: string;
  #unread = "";

  /** @param place such as `mosquitto.conf:3` */
  constructor(content: string, readonly place: string) {
    const [, key = "", value = ""] = /^ *([^ \t]*)[ \t]*(.*)$/.exec(content.trimEnd()) ?? [];
    if (key === "") throw new ConfigError(`${place}: a line begins with a key, and not with a tab`);
    if (key.startsWith("#")) throw new ConfigError(`${place}: a comment begins its line, with no space in front of it`);
    this.key = key;
    this.#value = value;
  }

  /** Text after the words that were read, such as a comment; empty: nothing. */
  get unread(): string {
    return this.#unread;
  }

  /** Whole value. */
  text(): string {
    if (this.#value === "") throw this.error("needs a value");
    return this.#value;
  }

  /** Text before the first space, and text after it. mosquitto reads no more than it needs. */
  word(): { readonly word: string; readonly rest: string } {
    const [, word = "", rest = ""] = /^(\S+)\s*(.*)$/.exec(this.text()) ?? [];
    return { word, rest };
  }

  /** First word, if no other has a meaning. */
  onlyWord(): string {
    const { word, rest } = this.word();
    this.#unread = rest;
    return word;
  }

  /** Two words, the second of which may be omitted. */
  twoWords(): readonly [first: string, second: string | undefined] {
    const { word, rest } = this.word();
    if (rest === "" || rest.startsWith("#")) {
      this.#unread = rest;
      return [word, undefined];
    }
    const [, second = "", unread = ""] = /^(\S+)\s*(.*)$/.exec(rest) ?? [];
    this.#unread = unread;
    return [word, second];
  }

  /** Words separated by commas or spaces. */
  words(): readonly string[] {
    const [, list = "", comment = ""] = /^([^#]*)(#.*)?$/.exec(this.text()) ?? [];
    this.#unread = comment;
    const words = list.split(/[,\s]+/).filter((word) => word !== "");
    if (words.length === 0) throw this.error("needs a value");
    return words;
  }

  boolean(): boolean {
    const value = this.onlyWord();
    if (value === "true" || value === "1") return true;
    if (value === "false" || value === "0") return false;
    throw this.error("is not true or false");
  }

  integer(least: number, most: number): number {
    const text = this.onlyWord();
    const value = Number(text);
    if (/^-?\d+$/.test(text) && value >= least && value <= most) return value;
    throw this.error(`is not an integer between ${least} and ${most}${unitAdvice(text, "1000000")}`);
  }

  /** Word that is one of the given ones. */
  choice<Word extends string>(...words: readonly Word[]): Word {
    const text = this.onlyWord();
    const word = words.find((word) => word === text);
    if (word === undefined) throw this.error(`is not ${words.join(" or ")}`);
    return word;
  }

  error(why: string): ConfigError {
    return new ConfigError(`${this.place}: "${this.key}" ${why}`);
  }
}
