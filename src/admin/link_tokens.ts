import { newSecret, secretHash } from "./secrets.ts";

const LINK_MS = 10 * 60 * 1_000;
const MOST_LINKS = 100;

/** Tokens of sign-in links. Each signs in once, within 10 minutes. */
export class LinkTokens {
  readonly #now: () => number;
  /** End of each, in epoch milliseconds, by the hash of its token; the oldest first. */
  readonly #untilMs = new Map<string, number>();

  /** @param now epoch milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Makes a token; gives it with its end in epoch milliseconds. */
  async make(): Promise<{ readonly token: string; readonly untilMs: number }> {
    const token = newSecret();
    const untilMs = this.#now() + LINK_MS;
    this.#untilMs.set(await secretHash(token), untilMs);
    const [oldest] = this.#untilMs.keys();
    if (this.#untilMs.size > MOST_LINKS && oldest !== undefined) this.#untilMs.delete(oldest);
    return { token, untilMs };
  }

  /** Uses a token up; gives whether it was one. */
  async use(token: string): Promise<boolean> {
    const hash = await secretHash(token);
    const untilMs = this.#untilMs.get(hash);
    return this.#untilMs.delete(hash) && untilMs !== undefined && this.#now() < untilMs;
  }

  /** Makes all tokens invalid. */
  close(): void {
    this.#untilMs.clear();
  }
}
