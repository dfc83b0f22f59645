const MOST_NETWORKS = 10_000;
const IPV6 = /^(?:\[([\da-f:.]+)(?:%[^\]]*)?\](?::\d+)?|([\da-f]*:[\da-f]*:[\da-f:.]*)(?:%.*)?)$/i;

/** Options of {@linkcode FailureLimit}. */
export interface FailureLimitOptions {
  /** Failures that an address may have at once; Infinity: they are not bounded. @default {20} */
  readonly burst?: number;
  /** Failures that it may have each minute in the long run. @default {30} */
  readonly perMinute?: number;
}

/** Bounds how often an address may fail: guessing gets slow, and its cost for the broker small. */
export class FailureLimit {
  readonly #burst: number;
  readonly #perMs: number;
  readonly #now: () => number;
  /** Attempts that an address has left, at a time; the one that was used last is at the end. */
  readonly #left = new Map<string, { attempts: number; atMs: number }>();

  /** @param now milliseconds that never go back */
  constructor({ burst = 20, perMinute = 30 }: FailureLimitOptions = {}, now: () => number = () => performance.now()) {
    if (!(burst >= 1 && perMinute > 0)) throw new RangeError("Cannot limit failures: the limit lets nobody try");
    this.#burst = burst;
    this.#perMs = perMinute / 60_000;
    this.#now = now;
  }

  /** Takes one attempt, before anybody knows whether it fails; false: none is left. */
  take(address: string): boolean {
    const network = networkOf(address);
    const nowMs = this.#now();
    const known = this.#left.get(network);
    const attempts = known === undefined
      ? this.#burst
      : Math.min(this.#burst, known.attempts + (nowMs - known.atMs) * this.#perMs);
    this.#left.delete(network);
    const isLeft = attempts >= 1;
    this.#left.set(network, { attempts: isLeft ? attempts - 1 : attempts, atMs: nowMs });
    if (this.#left.size > MOST_NETWORKS) {
      for (const oldest of this.#left.keys()) {
        this.#left.delete(oldest);
        break;
      }
    }
    return isLeft;
  }

  /** It has not failed. */
  giveBack(address: string): void {
    const known = this.#left.get(networkOf(address));
    if (known !== undefined) known.attempts = Math.min(this.#burst, known.attempts + 1);
  }
}

/**
 * The host of an address without its port; of IPv6 the network, since whoever has one address has all of its /64. An address
 * of IPv4 may come in the form of IPv6, and one of IPv6 without brackets, as proxies write it.
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
