import { FailureLimit, networkOf } from "../auth/failure_limit.ts";
import type { Peer } from "../transport/transport.ts";
import type { Configuration } from "./config/schema.ts";

/** How many connections there are of each listener and each address, and whether one more may come in. */
export class ConnectionGate {
  readonly #ofListeners = new Map<number, number>();
  readonly #ofNetworks = new Map<string, number>();
  /** Made anew when another number is set. */
  #rate: { readonly perMinute: number; readonly limit: FailureLimit } | undefined;

  /** Whether a listener has as many connections as it may have. */
  isFull(index: number, { listeners }: Configuration): boolean {
    return (this.#ofListeners.get(index) ?? 0) >= (listeners[index]?.maximumConnections ?? Infinity);
  }

  /** Why a connection may not come in; `undefined`: it may, and is counted until {@linkcode ConnectionGate.left}. */
  refusalOf(peer: Peer, index: number, configuration: Configuration): string | undefined {
    const { maximumPerAddress = Infinity, perMinutePerAddress } = configuration.connections;
    const network = networkFor(peer);
    const ofListener = this.#ofListeners.get(index) ?? 0;
    const ofNetwork = network === undefined ? 0 : this.#ofNetworks.get(network) ?? 0;
    if (this.isFull(index, configuration)) return `${peer.listener} has ${ofListener} connections already`;
    if (ofNetwork >= maximumPerAddress) return `its address has ${ofNetwork} connections already`;
    if (network !== undefined && !this.#mayBegin(peer.address, perMinutePerAddress)) {
      return "its address begins too many connections";
    }
    this.#ofListeners.set(index, ofListener + 1);
    if (network !== undefined) this.#ofNetworks.set(network, ofNetwork + 1);
    return undefined;
  }

  /** A connection that was let in is over. */
  left(peer: Peer, index: number): void {
    countDown(this.#ofListeners, index);
    const network = networkFor(peer);
    if (network !== undefined) countDown(this.#ofNetworks, network);
  }

  #mayBegin(address: string, perMinute: number | undefined): boolean {
    if (perMinute === undefined) return true;
    if (this.#rate?.perMinute !== perMinute) {
      this.#rate = { perMinute, limit: new FailureLimit({ burst: perMinute, perMinute }) };
    }
    return this.#rate.limit.take(address);
  }
}

/** All that come in at a Unix socket have the same address. */
function networkFor({ transport, address }: Peer): string | undefined {
  return transport === "unix" ? undefined : networkOf(address);
}

function countDown<Key>(counts: Map<Key, number>, key: Key): void {
  const left = (counts.get(key) ?? 1) - 1;
  if (left === 0) counts.delete(key);
  else counts.set(key, left);
}
