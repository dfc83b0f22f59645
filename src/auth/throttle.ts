/**
 * Bounds of what authentication may cost: failures of an address, guesses at a user, work at the same time, and bytes
 * of an answer.
 */

import { createHash } from "node:crypto";
import { Queue } from "../protocol/queue.ts";

const MOST_REMEMBERED = 10_000;
// Factor by which a user's limit within a network exceeds that of the network, once it was right from there.
const TRUST = 10;
const IPV6 = /^(?:\[([\da-f:.]+)(?:%[^\]]*)?\](?::\d+)?|([\da-f]*:[\da-f]*:[\da-f:.]*)(?:%.*)?)$/i;

/** Options of {@linkcode FailureLimit}. */
export interface FailureLimitOptions {
  /** Failures that an address may have at once; Infinity: no limit. @default {20} */
  readonly burst?: number;
  /** Failures that an address may have per minute in the long run. @default {30} */
  readonly perMinute?: number;
}

/** Limits the failures of an address: guessing becomes slow, and its cost for the broker small. */
export class FailureLimit {
  readonly #attempts: Attempts;

  /** @param now monotonic milliseconds */
  constructor(options: FailureLimitOptions = {}, now?: () => number) {
    this.#attempts = new Attempts(options, now);
  }

  /** Takes one attempt, before the outcome is known; false: none is left. */
  take(address: string): boolean {
    return this.#attempts.take(networkOf(address));
  }

  /** Returns an attempt that did not fail. */
  giveBack(address: string): void {
    this.#attempts.giveBack(networkOf(address));
  }
}

/**
 * Limits guessing of credentials where right answers are remembered. A network may fail as often as its limit allows. A
 * user that was right from a network gets in from there even if others of this network fail, until ten times as many
 * attempts have failed in its name: otherwise the right password would be recognisable as the one that is not refused,
 * however often an attacker guesses.
 */
export class GuessLimit {
  readonly #networks: Attempts;
  /** Attempts by network and user, of users that were right: only they can make an entry. */
  readonly #trusted: Attempts;
  /** Digests of the last wrong credentials: the same again, from a wrongly configured client, is no further guess. */
  readonly #wrong = new Set<string>();

  constructor(options: FailureLimitOptions = {}, now?: () => number) {
    this.#networks = new Attempts(options, now);
    const { burst, perMinute } = this.#networks;
    this.#trusted = new Attempts({ burst: burst * TRUST, perMinute }, now);
  }

  /** Takes one attempt of a network, before the outcome is known; false: none is left. */
  take(network: string): boolean {
    return this.#networks.take(network);
  }

  /** Returns an attempt that did not fail. */
  giveBack(network: string): void {
    this.#networks.giveBack(network);
  }

  /** Notes that the user was right. */
  succeeded(network: string, userName: string): void {
    this.#trusted.add(keyOf(network, userName));
  }

  /** Notes that the user was wrong, or was not checked. @param digest of its credentials and the network */
  failed(network: string, userName: string, digest: string): void {
    const key = keyOf(network, userName);
    if (!this.#trusted.has(key) || this.#wrong.has(digest)) return;
    if (this.#wrong.size >= MOST_REMEMBERED) deleteOldest(this.#wrong);
    this.#wrong.add(digest);
    this.#trusted.take(key);
  }

  /** Whether right credentials from this network are accepted without taking an attempt. */
  trusts(network: string, userName: string): boolean {
    return this.#trusted.hasLeft(keyOf(network, userName));
  }
}

/** Limits expensive work to a few at a time; the others wait, but not forever. */
export class Semaphore {
  readonly #most: number;
  readonly #mostWaiting: number;
  readonly #longestWaitMs: number;
  readonly #waiting = new Queue<{ readonly sinceMs: number; begin(isInTime: boolean): void }>();
  #running = 0;

  constructor(most: number, mostWaiting: number, longestWaitMs: number) {
    this.#most = most;
    this.#mostWaiting = mostWaiting;
    this.#longestWaitMs = longestWaitMs;
  }

  /** Does the work when its turn comes; `undefined`: too many wait, or it had to wait too long. */
  async run<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    if (this.#running >= this.#most) {
      if (this.#waiting.length >= this.#mostWaiting) return undefined;
      const turn = Promise.withResolvers<boolean>();
      this.#waiting.push({ sinceMs: performance.now(), begin: turn.resolve });
      if (!await turn.promise) return undefined;
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      this.#next();
    }
  }

  /** Passes the turn on. */
  #next(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const isInTime = performance.now() - next.sinceMs <= this.#longestWaitMs;
      next.begin(isInTime);
      if (isInTime) return;
    }
    this.#running -= 1;
  }
}

/** Reads the text of a response; `undefined`: it exceeds the limit, and the rest is not read. */
export async function limitedText(response: Response, mostBytes: number): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > mostBytes) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Remaining attempts by key, which are replenished with time. */
class Attempts {
  readonly burst: number;
  readonly perMinute: number;
  readonly #now: () => number;
  /** Remaining attempts at a time; the last used entry is at the end. */
  readonly #left = new Map<string, { attempts: number; atMs: number }>();

  constructor({ burst = 20, perMinute = 30 }: FailureLimitOptions, now: () => number = () => performance.now()) {
    if (!(burst >= 1 && perMinute > 0)) throw new RangeError("Cannot limit failures: the limit lets nobody try");
    this.burst = burst;
    this.perMinute = perMinute;
    this.#now = now;
  }

  take(key: string): boolean {
    const nowMs = this.#now();
    const attempts = this.#leftAt(key, nowMs);
    const isLeft = attempts >= 1;
    this.#set(key, isLeft ? attempts - 1 : attempts, nowMs);
    return isLeft;
  }

  giveBack(key: string): void {
    const known = this.#left.get(key);
    if (known !== undefined) known.attempts = Math.min(this.burst, known.attempts + 1);
  }

  /** Begins to count, with all attempts, unless it counts already. */
  add(key: string): void {
    const nowMs = this.#now();
    this.#set(key, this.#leftAt(key, nowMs), nowMs);
  }

  has(key: string): boolean {
    return this.#left.has(key);
  }

  /** Whether an attempt is left; false if nothing is counted. */
  hasLeft(key: string): boolean {
    return this.has(key) && this.#leftAt(key, this.#now()) >= 1;
  }

  #leftAt(key: string, nowMs: number): number {
    const known = this.#left.get(key);
    if (known === undefined) return this.burst;
    return Math.min(this.burst, known.attempts + (nowMs - known.atMs) * this.perMinute / 60_000);
  }

  #set(key: string, attempts: number, atMs: number): void {
    this.#left.delete(key);
    this.#left.set(key, { attempts, atMs });
    if (this.#left.size > MOST_REMEMBERED) deleteOldest(this.#left);
  }
}

/** Deletes the oldest entry to make room. */
export function deleteOldest(remembered: Map<string, unknown> | Set<string>): void {
  for (const oldest of remembered.keys()) {
    remembered.delete(oldest);
    return;
  }
}

/** Hashed key, because names may be long and the client chooses them. */
function keyOf(network: string, userName: string): string {
  return createHash("sha256").update(`${network} ${userName}`).digest("base64");
}

/**
 * Host of an address without its port; for IPv6 the network, since the owner of one address has all of its /64. An IPv4
 * address may come in IPv6 form, and an IPv6 address without brackets, as proxies write it.
 */
export function networkOf(address: string): string {
  const [, bracketed, bare] = IPV6.exec(address) ?? [];
  const ipv6 = bracketed ?? bare;
  if (ipv6 === undefined) return address.replace(/:\d+$/, "");
  const host = URL.canParse(`http://[${ipv6}]`) ? new URL(`http://[${ipv6}]`).hostname.slice(1, -1) : ipv6;
  const [, high, low] = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(host) ?? [];
  if (high !== undefined && low !== undefined) return ipv4Of(parseInt(high, 16), parseInt(low, 16));
  const [head = "", tail = ""] = host.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === "" ? [] : tail.split(":");
  const groups = [...first, ...Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => "0"), ...last];
  return `${groups.slice(0, 4).join(":")}::/64`;
}

function ipv4Of(high: number, low: number): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
}
