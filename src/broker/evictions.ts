import { isReasonCodeOf, ReasonCode } from "../codec/reason_code.ts";
import { type Ban, Bans, type BanTarget } from "./bans.ts";
import type { ConnectedClient } from "./broker_options.ts";
import type { ServedConnection } from "./served_connection.ts";
import type { Turn } from "./turn.ts";

/** Whose connections are to end. */
export type EvictionTarget =
  | { readonly clientId: string }
  | { readonly principal: string }
  | ((client: ConnectedClient) => boolean);

/** Clients that the operator puts out, and those that may not come in again. */
export class Evictions {
  readonly #connections: Iterable<ServedConnection>;
  readonly #clock: () => number;
  readonly #turn: Turn;
  readonly #bans = new Bans();

  constructor(connections: Iterable<ServedConnection>, clock: () => number, turn: Turn) {
    this.#connections = connections;
    this.#clock = clock;
    this.#turn = turn;
  }

  /** Gives how many connections it has ended. */
  disconnect(who: EvictionTarget, reasonCode: ReasonCode, reason: string): number {
    if (!isReasonCodeOf("disconnect", reasonCode) || reasonCode < 0x80) {
      throw new RangeError(`Cannot disconnect: Reason Code "${reasonCode}" is not one that ends a connection`);
    }
    let count = 0;
    const isMeant = typeof who === "function"
      ? who
      : "clientId" in who
      ? ({ clientId }: ConnectedClient) => clientId === who.clientId
      : ({ principal }: ConnectedClient) => principal === who.principal;
    for (const { connection, transport: { peer } } of this.#connections) {
      const { clientId, principal } = connection;
      if (!connection.isConnected || !isMeant({ clientId, principal, peer })) continue;
      connection.disconnect(reasonCode, reason);
      count += 1;
    }
    return count;
  }

  /** Gives how many connections it has ended. */
  ban(ban: Ban): number {
    this.#bans.add(ban, this.#clock());
    let count = 0;
    for (const served of this.#connections) {
      const { connection } = served;
      if (connection.closing !== undefined || this.banOf(served) === undefined) continue;
      // What CONNACK can say, DISCONNECT cannot. [MQTT-3.14.2-1]
      const reasonCode = connection.isConnected ? ReasonCode.AdministrativeAction : ReasonCode.Banned;
      connection.disconnect(reasonCode, ban.reason);
      count += 1;
    }
    return count;
  }

  /** Takes a ban back; false: there was none. */
  unban(who: BanTarget): boolean {
    return this.#bans.delete(who);
  }

  /** The bans that are in force. */
  bans(): Ban[] {
    return this.#bans.list(this.#clock());
  }

  /** The one that is in force against the client of a connection. */
  banOf({ connection: { clientId, principal }, transport: { peer: { address } } }: ServedConnection): Ban | undefined {
    return this.#bans.find({ clientId, principal, address }, this.#turn.now());
  }
}
