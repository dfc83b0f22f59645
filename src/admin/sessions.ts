import type { Role, SignedIn } from "./roles.ts";
import { newSecret, secretHash } from "./secrets.ts";

/** Person who signs in. */
export interface NewSession {
  readonly name: string;
  readonly role: Role;
  /** Ends the session when it aborts, as what was shown to sign in is not valid any more. */
  readonly until?: AbortSignal;
}

interface KeptSession extends SignedIn {
  readonly untilMs: number;
  readonly controller: AbortController;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Cookie of a session to come. */
export interface NewCookie {
  /** Value of the cookie. */
  readonly value: string;
  readonly hash: string;
}

const SESSION_MS = 12 * 60 * 60 * 1_000;
const MOST_SESSIONS = 1_000;

/** Makes a cookie for a session. */
export async function newCookie(): Promise<NewCookie> {
  const value = newSecret();
  return { value, hash: await secretHash(value) };
}

/** Sessions of browsers, for 12 hours each. They are in memory alone, and only the hashes of their cookies. */
export class Sessions {
  readonly #now: () => number;
  /** Sessions by the hash of their cookie, the oldest first. */
  readonly #byHash = new Map<string, KeptSession>();

  /** @param now epoch milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Begins a session with a cookie that {@linkcode newCookie} has made. It is not asynchronous: users may be replaced at any
   * moment after the password was checked. The oldest of more than 1,000 ends.
   */
  open({ name, role, until }: NewSession, { hash }: NewCookie): SignedIn {
    const controller = new AbortController();
    const timer = setTimeout(() => this.#end(hash), SESSION_MS);
    until?.addEventListener("abort", () => this.#end(hash), { once: true, signal: controller.signal });
    const untilMs = this.#now() + SESSION_MS;
    const session = {
      name,
      role,
      by: "cookie",
      ended: controller.signal,
      streams: 0,
      untilMs,
      controller,
      timer,
    } as const;
    this.#byHash.set(hash, session);
    if (until?.aborted) this.#end(hash);
    const [oldest] = this.#byHash.keys();
    if (this.#byHash.size > MOST_SESSIONS && oldest !== undefined) this.#end(oldest);
    return session;
  }

  /** Finds the session of a cookie. */
  async find(cookie: string): Promise<SignedIn | undefined> {
    const hash = await secretHash(cookie);
    const session = this.#byHash.get(hash);
    if (session === undefined || session.untilMs > this.#now()) return session;
    this.#end(hash); // The machine has slept: timers stood still meanwhile.
    return undefined;
  }

  /** Ends the sessions that a function chooses. */
  endThose(chosen: (session: SignedIn) => boolean): void {
    for (const [hash, session] of this.#byHash) if (chosen(session)) this.#end(hash);
  }

  /** Ends all sessions. */
  close(): void {
    this.endThose(() => true);
  }

  #end(hash: string): void {
    const session = this.#byHash.get(hash);
    if (session === undefined) return;
    this.#byHash.delete(hash);
    clearTimeout(session.timer);
    session.controller.abort(new DOMException("The session has ended", "AbortError"));
  }
}
