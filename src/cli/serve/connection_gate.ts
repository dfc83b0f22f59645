import { FailureLimit, networkOf } from "../../auth/throttle.ts";
import type { Configuration } from "../config/schema.ts";

type Bounds = Configuration["connections"];

/** Counts connections of each listener and each address, and decides whether one more may come in. */
export class ConnectionGate {
  readonly #ofListeners = new Map<number, number>();
  readonly #ofNetworks = new Map<string, number>();
  readonly #admitted = new Set<string>();
  /** Rate limit, replaced when its setting changes. */
  #rate: { readonly perMinute: number; readonly limit: FailureLimit } | undefined;

  /** Whether a listener has as many connections as it may have. */
  isFull(index: number, { listeners }: Configuration): boolean {
    return this.ofListener(index) >= (listeners[index]?.maximumConnections ?? Infinity);
  }

  /** Number of connected clients of a listener. */
  ofListener(index: number): number {
    return this.#ofListeners.get(index) ?? 0;
  }

  /** Counts a connected client of a listener, until {@linkcode ConnectionGate.left}. */
  entered(index: number): void {
    this.#ofListeners.set(index, this.ofListener(index) + 1);
  }

  left(index: number): void {
    countDown(this.#ofListeners, index);
  }

  /**
   * Counts a connection as soon as it is accepted, whatever handshakes follow; gives the reason if it may not begin, or
   * a function to call when it is over.
   *
   * @param address with its port: no other connection has the same
   */
  admit(address: string, bounds: Bounds): string | (() => void) {
    const refusal = this.refusalOf(address, bounds);
    if (refusal !== undefined) return refusal;
    this.#admitted.add(address);
    return () => {
      this.#admitted.delete(address);
      this.ended(address);
    };
  }

  /** Whether a connection was counted when it was accepted: the address is that of its client. */
  isAdmitted(address: string): boolean {
    return this.#admitted.has(address);
  }

  /** Reason why a connection may not begin; `undefined`: it may, and counts until {@linkcode ConnectionGate.ended}. */
  refusalOf(address: string, { maximumPerAddress = Infinity, perMinutePerAddress }: Bounds): string | undefined {
    const network = networkOf(address);
    const ofNetwork = this.#ofNetworks.get(network) ?? 0;
    if (ofNetwork >= maximumPerAddress) return `its address has ${ofNetwork} connections already`;
    if (!this.#mayBegin(address, perMinutePerAddress)) return "its address begins too many connections";
    this.#ofNetworks.set(network, ofNetwork + 1);
    return undefined;
  }

  ended(address: string): void {
    countDown(this.#ofNetworks, networkOf(address));
  }

  #mayBegin(address: string, perMinute: number | undefined): boolean {
    if (perMinute === undefined) return true;
    if (this.#rate?.perMinute !== perMinute) {
      this.#rate = { perMinute, limit: new FailureLimit({ burst: perMinute, perMinute }) };
    }
    return this.#rate.limit.take(address);
  }
}

function countDown<Key>(counts: Map<Key, number>, key: Key): void {
  const left = (counts.get(key) ?? 1) - 1;
  if (left === 0) counts.delete(key);
  else counts.set(key, left);
}
