import type { Broker } from "../../broker/broker.ts";
import type { Limits } from "../../protocol/limits.ts";
import type { Admit } from "../../transport/tcp.ts";
import type { Configuration, ListenerConfiguration } from "../config/schema.ts";
import { PROGRAM_HELP } from "../log/help.ts";
import type { LogLine } from "../log/log.ts";
import type { ConnectionGate } from "./connection_gate.ts";
import type { OpenListener } from "./listening.ts";
import { othersTurn } from "./others_turn.ts";

const TOO_MANY = { help: PROGRAM_HELP.tooManyConnections } as const;

/** State shared by all listeners. */
interface Accepting {
  readonly broker: Broker;
  /** Current configuration. */
  readonly current: () => Configuration;
  readonly log: LogLine;
  readonly gate: ConnectionGate;
  readonly limits: ListenerLimits;
}

/** Admits connections within the limits of their addresses, and logs those that it refuses. */
export function admission(gate: ConnectionGate, current: () => Configuration, log: LogLine): Admit {
  return (address) => {
    const admitted = gate.admit(address, current().connections);
    if (typeof admitted === "function") return admitted;
    log(`Connection from ${address} refused: ${admitted}.`, "notice", TOO_MANY);
    return undefined;
  };
}

/** Serves the connections of all listeners until these are closed. @param current configuration at the moment */
export async function acceptAll(
  open: readonly OpenListener[],
  broker: Broker,
  current: () => Configuration,
  log: LogLine,
  gate: ConnectionGate,
): Promise<void> {
  const shared = { broker, current, log, gate, limits: new ListenerLimits() };
  await Promise.all(open.map((one) => accept(one, shared)));
}

async function accept({ listener, index }: OpenListener, shared: Accepting): Promise<void> {
  const { broker, current, log, gate, limits } = shared;
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
      log(`Connection from ${peer.address} refused: ${refusal}.`, "notice", TOO_MANY);
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
