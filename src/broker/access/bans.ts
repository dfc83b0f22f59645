import { networkOf } from "../../auth/throttle.ts";
import { promptDecisionOf } from "../../auth/hook_answers.ts";
import { isReasonCodeOf, ReasonCode } from "../../codec/reason_code.ts";
import { Queue } from "../../protocol/queue.ts";
import type { ConnectionHandle } from "../connection/connections.ts";
import type { ConnectedClient } from "../options.ts";

// Ends in one turn, which take some milliseconds: then others have their turn.
const MOST_AT_A_TIME = 200;

/** Target of a ban: a client, all clients of a principal, or all clients of an address (IPv6: of its /64 network). */
export type BanTarget =
  | { readonly clientId: string }
  | { readonly principal: string }
  /** Such as `192.0.2.7` or `2001:db8::1`, without a port. */
  | { readonly address: string };

/** Ban that is in force, see {@linkcode Broker.ban}. */
export interface Ban {
  /** Client, principal or address that is banned. */
  readonly who: BanTarget;
  /** Time when it ends, in epoch milliseconds; Infinity: never. */
  readonly untilMs: number;
  /** Reason String for clients of MQTT 5. */
  readonly reason: string;
}

/** Clients whose connections are to end. */
export type EvictionTarget =
  | { readonly clientId: string }
  | { readonly principal: string }
  | ((client: ConnectedClient) => boolean);

/** Ends connections for the operator, some at a time where there are many, and keeps banned clients from coming back. */
export class Evictions {
  readonly #connections: Iterable<ConnectionHandle>;
  readonly #wallMs: () => number;
  readonly #bans = new Bans();
  /** Calls that end one connection each, in their order. */
  readonly #waiting = new Queue<() => void>();
  /** Connections that one of them ends. */
  readonly #doomed = new Set<ConnectionHandle>();
  #left = MOST_AT_A_TIME;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param wallMs epoch milliseconds, by which bans end */
  constructor(connections: Iterable<ConnectionHandle>, wallMs: () => number) {
    this.#connections = connections;
    this.#wallMs = wallMs;
  }

  /** Ends the connections of a target; gives how many there are. */
  disconnect(who: EvictionTarget, reasonCode: ReasonCode, reason: string): number {
    if (!isReasonCodeOf("disconnect", reasonCode) || reasonCode < 0x80) {
      throw new RangeError(`Cannot disconnect: Reason Code "${reasonCode}" is not one that ends a connection`);
    }
    const isMeant = typeof who === "function"
      ? (client: ConnectedClient) => promptDecisionOf("disconnect", who(client)) // A promise would end all of them.
      : "clientId" in who
      ? ({ clientId }: ConnectedClient) => clientId === who.clientId
      : ({ principal }: ConnectedClient) => principal === who.principal;
    return this.#endAll(
      // Also one whose session is still read.
      ({ isAdmitted, connection: { clientId, principal, closing }, transport: { peer } }) =>
        isAdmitted && closing === undefined && isMeant({ clientId, principal, peer }),
      ({ connection }) => connection.disconnect(reasonCode, reason),
    );
  }

  /** Bans a target and ends its connections; gives how many there are. */
  ban(ban: Ban): number {
    this.#bans.add(ban, this.#wallMs());
    return this.#endAll(
      (served) => served.connection.closing === undefined && this.banOf(served) !== undefined,
      ({ connection }) => {
        // CONNACK can say Banned, DISCONNECT cannot. [MQTT-3.14.2-1]
        const reasonCode = connection.isConnected ? ReasonCode.AdministrativeAction : ReasonCode.Banned;
        connection.disconnect(reasonCode, ban.reason);
      },
    );
  }

  /** Takes a ban back; false: there was none. */
  unban(who: BanTarget): boolean {
    return this.#bans.delete(who);
  }

  /** Lists the bans that are in force. */
  bans(): Ban[] {
    return this.#bans.list(this.#wallMs());
  }

  /** Finds a ban that is in force against the client of a connection. */
  banOf({ connection: { clientId, principal }, transport: { peer: { address } } }: ConnectionHandle): Ban | undefined {
    return this.#bans.find({ clientId, principal, address }, this.#wallMs());
  }

  /** Drops pending ends; shutdown closes those connections anyway. */
  close(): void {
    this.#waiting.clear();
    this.#doomed.clear();
    clearTimeout(this.#timer);
  }

  #endAll(isMeant: (served: ConnectionHandle) => boolean, end: (served: ConnectionHandle) => void): number {
    // All are chosen before one ends: where this throws, none does.
    const meant = Array.from(this.#connections).filter((served) => !this.#doomed.has(served) && isMeant(served));
    for (const served of meant) {
      this.#doomed.add(served);
      this.#waiting.push(() => {
        this.#doomed.delete(served);
        end(served);
      });
    }
    this.#endSome();
    return meant.length;
  }

  #endSome(): void {
    for (; this.#left > 0; this.#left -= 1) {
      const end = this.#waiting.shift();
      if (end === undefined) break;
      end();
    }
    if (this.#left === MOST_AT_A_TIME) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#left = MOST_AT_A_TIME;
      this.#endSome();
    }, 0);
  }
}

/** Bans by target. */
export class Bans {
  readonly #bans = new Map<string, Ban>();

  /** Adds a ban, in place of one of the same target. @throws RangeError for what is not an address, or not a time */
  add(ban: Ban, nowMs: number): void {
    if (Number.isNaN(ban.untilMs)) throw new RangeError(`Cannot ban: untilMs "${ban.untilMs}" is not a time`);
    this.#bans.set(keyOf(ban.who), ban);
    this.#forgetEnded(nowMs);
  }

  /** Takes a ban back; false: there was none. */
  delete(who: BanTarget): boolean {
    return this.#bans.delete(keyOf(who));
  }

  /**
   * Finds a ban that is in force against a client.
   *
   * @param client.clientId empty before CONNECT
   * @param client.address with a port or without one
   */
  find(
    { clientId, principal, address }: {
      readonly clientId: string;
      readonly principal: string | undefined;
      readonly address: string;
    },
    nowMs: number,
  ): Ban | undefined {
    if (this.#bans.size === 0) return undefined;
    const keys = [`clientId ${clientId}`, `address ${networkOf(address)}`];
    if (principal !== undefined) keys.push(`principal ${principal}`);
    return keys.map((key) => this.#bans.get(key)).find((ban) => ban !== undefined && nowMs < ban.untilMs);
  }

  /** Lists all that are in force. */
  list(nowMs: number): Ban[] {
    this.#forgetEnded(nowMs);
    return [...this.#bans.values()];
  }

  #forgetEnded(nowMs: number): void {
    for (const [key, { untilMs }] of this.#bans) if (untilMs <= nowMs) this.#bans.delete(key);
  }
}

/** Whether a text is an address of IPv4 or IPv6, without a port. */
export function isIpAddress(text: string): boolean {
  return isIpv4(text) || URL.canParse(`http://[${text}]`);
}

function isIpv4(text: string): boolean {
  // A number that begins with 0 would be octal for some.
  return /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/.test(text) && URL.canParse(`http://${text}`);
}

function keyOf(who: BanTarget): string {
  if ("clientId" in who) return `clientId ${who.clientId}`;
  if ("principal" in who) return `principal ${who.principal}`;
  const { address } = who;
  if (!isIpAddress(address)) throw new RangeError(`Cannot ban "${address}": it is not an IP address`);
  return `address ${networkOf(address)}`;
}
