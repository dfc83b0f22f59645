import { FailureLimit, networkOf } from "../../auth/throttle.ts";
import type { Broker } from "../../broker/broker.ts";
import type { Limits } from "../../protocol/limits.ts";
import type { Configuration, ListenerConfiguration } from "../config/settings.ts";
import { PROGRAM_HELP } from "../../broker/event_help.ts";
import type { OpenListener } from "./listening.ts";
import { othersTurn } from "./others_turn.ts";

/** State shared by all listeners. */
interface Accepting {
  readonly broker: Broker;
  /** Current configuration. */
  readonly current: () => Configuration;
  readonly gate: ConnectionGate;
  readonly limits: ListenerLimits;
}

/** Serves the connections of all listeners until these are closed. @param current configuration at the moment */
export async function acceptAll(
  open: readonly OpenListener[],
  broker: Broker,
  current: () => Configuration,
  gate: ConnectionGate,
): Promise<void> {
  const shared = { broker, current, gate, limits: new ListenerLimits() };
  await Promise.all(open.map((one) => accept(one, shared)));
}

async function accept({ listener, index }: OpenListener, shared: Accepting): Promise<void> {
  const { broker, current, gate, limits } = shared;
  for await (const transport of listener) {
    const { peer } = transport;
    // A client that left just before this one came is still counted: its end is read in the same turn.
    if (gate.isFull(index, current())) await othersTurn();
    const configuration = current();
    // Behind a proxy the address of a client is known only now. All others at a Unix socket have the same address.
    const isCounted = peer.address === "unix" || gate.isAdmitted(peer.address);
    const refusal = gate.isFull(index, configuration)
      ? `${peer.listener} has ${gate.ofListener(index)} connections already`
      : isCounted
      ? undefined
      : gate.refusalOf(peer.address, configuration.connections);
    if (refusal !== undefined) {
      broker.noteRefusal(peer.address, refusal, PROGRAM_HELP.tooManyConnections, peer);
      transport.close();
      continue;
    }
    gate.entered(index);
    const own = configuration.listeners[index];
    broker.serve(transport, own === undefined ? {} : { limits: limits.of(own) }) // Never rejects.
      .then(() => {
        gate.left(index);
        if (!isCounted) gate.ended(peer.address);
      });
  }
}

/** Limits of listeners, always the same object for the same configuration, because the broker caches by it. */
class ListenerLimits {
  readonly #known = new WeakMap<ListenerConfiguration, Partial<Limits>>();

  of(configuration: ListenerConfiguration): Partial<Limits> {
    const known = this.#known.get(configuration);
    if (known !== undefined) return known;
    const given = Object.fromEntries(Object.entries(configuration.limits).filter(([, value]) => value !== undefined));
    this.#known.set(configuration, given);
    return given;
  }
}

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
