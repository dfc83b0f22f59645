import type { AdminToken } from "./options.ts";
import type { Role, SignedIn } from "./roles.ts";
import { newSecret, secretHash } from "./secrets.ts";

/** Token of a program, without its secret. */
export interface TokenFacts {
  readonly name: string;
  readonly role: Role;
  /** Whether it is one of the options; such a token cannot be deleted here. */
  readonly isConfigured: boolean;
  /** Epoch milliseconds at which it was made; `undefined`: it is one of the options. */
  readonly madeAtMs: number | undefined;
}

interface KeptToken extends TokenFacts, SignedIn {
  readonly hash: string;
  readonly controller: AbortController;
}

const MOST_MADE = 1_000;
const LINK_MS = 10 * 60 * 1_000;
const MOST_LINKS = 100;

/** Tokens of programs: those of the options, and others that are made while the broker runs and end with it. */
export class Tokens {
  readonly #now: () => number;
  readonly #byName = new Map<string, KeptToken>();
  readonly #byHash = new Map<string, KeptToken>();

  /** @param now epoch milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Puts other tokens of the options in force; those that stay the same keep their streams.
   *
   * @throws RangeError for a hash that is none, or a name that is there twice
   */
  configure(tokens: readonly AdminToken[]): void {
    const names = new Set<string>();
    for (const { name, tokenHash } of tokens) {
      if (!/^[\da-f]{64}$/i.test(tokenHash)) {
        throw new RangeError(`Cannot use the token "${name}": its hash is not 64 hexadecimal digits`);
      }
      if (names.has(name)) throw new RangeError(`Cannot use the token "${name}": it is there twice`);
      names.add(name);
    }
    const same = (kept: KeptToken) =>
      tokens.some(({ name, tokenHash, role }) =>
        name === kept.name && tokenHash.toLowerCase() === kept.hash && role === kept.role
      );
    for (const kept of [...this.#byName.values()]) {
      if (kept.isConfigured ? !same(kept) : names.has(kept.name)) this.#remove(kept);
    }
    for (const { name, tokenHash, role } of tokens) {
      if (!this.#byName.has(name)) this.#add(name, tokenHash.toLowerCase(), role, undefined);
    }
  }

  /** Finds the token that a request carries. */
  async find(token: string): Promise<SignedIn | undefined> {
    return this.#byHash.get(await secretHash(token));
  }

  /** Tokens, without their secrets. */
  list(): TokenFacts[] {
    return Array.from(this.#byName.values(), ({ name, role, isConfigured, madeAtMs }) => {
      return { name, role, isConfigured, madeAtMs };
    });
  }

  /** Makes a token and gives its secret, which is nowhere kept; `undefined`: there is one of this name, or there are too many. */
  async make(name: string, role: Role): Promise<string | undefined> {
    const token = newSecret();
    const hash = await secretHash(token);
    if (this.#byName.has(name) || this.#byName.size >= MOST_MADE) return undefined;
    this.#add(name, hash, role, this.#now());
    return token;
  }

  /** Deletes a token that was made while the broker runs, and ends its streams; gives whether there was one. */
  delete(name: string): boolean {
    const kept = this.#byName.get(name);
    if (kept === undefined || kept.isConfigured) return false;
    this.#remove(kept);
    return true;
  }

  close(): void {
    for (const kept of [...this.#byName.values()]) this.#remove(kept);
  }

  #add(name: string, hash: string, role: Role, madeAtMs: number | undefined): void {
    const controller = new AbortController();
    const isConfigured = madeAtMs === undefined;
    const { signal: ended } = controller;
    const facts = { name, role, hash, isConfigured, madeAtMs };
    const kept: KeptToken = { ...facts, by: "token", untilMs: undefined, streams: 0, ended, controller };
    this.#byName.set(name, kept);
    this.#byHash.set(hash, kept);
  }

  #remove(kept: KeptToken): void {
    this.#byName.delete(kept.name);
    if (this.#byHash.get(kept.hash) === kept) this.#byHash.delete(kept.hash);
    kept.controller.abort(new DOMException("The token is not valid any more", "AbortError"));
  }
}

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
