import { promptDecisionOf } from "../auth/hook_answers.ts";
import { isReasonCodeOf, ReasonCode } from "../codec/reason_code.ts";
import { Queue } from "../protocol/queue.ts";
import { type Ban, Bans, type BanTarget } from "./bans.ts";
import type { ConnectedClient } from "./broker_options.ts";
import type { ServedConnection } from "./served_connection.ts";

// Some milliseconds: then others have their turn.
const MOST_AT_A_TIME = 200;

/** Whose connections are to end. */
export type EvictionTarget =
  | { readonly clientId: string }
  | { readonly principal: string }
  | ((client: ConnectedClient) => boolean);

/** Clients that the operator puts out, some at a time where there are many, and those that may not come in again. */
export class Evictions {
  readonly #connections: Iterable<ServedConnection>;
  readonly #wallMs: () => number;
  readonly #bans = new Bans();
  /** Calls that end connections, each when its turn comes. */
  readonly #waiting = new Queue<() => void>();
  readonly #doomed = new Set<ServedConnection>();
  #left = MOST_AT_A_TIME;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param wallMs epoch milliseconds: by these bans end */
  constructor(connections: Iterable<ServedConnection>, wallMs: () => number) {
    this.#connections = connections;
    this.#wallMs = wallMs;
  }

  /** Gives how many connections it ends. */
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
      // One whose session is still read, too.
      ({ isAdmitted, connection: { clientId, principal, closing }, transport: { peer } }) =>
        isAdmitted && closing === undefined && isMeant({ clientId, principal, peer }),
      ({ connection }) => connection.disconnect(reasonCode, reason),
    );
  }

  /** Gives how many connections it ends. */
  ban(ban: Ban): number {
    this.#bans.add(ban, this.#wallMs());
    return this.#endAll(
      (served) => served.connection.closing === undefined && this.banOf(served) !== undefined,
      ({ connection }) => {
        // What CONNACK can say, DISCONNECT cannot. [MQTT-3.14.2-1]
        const reasonCode = connection.isConnected ? ReasonCode.AdministrativeAction : ReasonCode.Banned;
        connection.disconnect(reasonCode, ban.reason);
      },
    );
  }

  /** Takes a ban back; false: there was none. */
  unban(who: BanTarget): boolean {
    return this.#bans.delete(who);
  }

  /** The bans that are in force. */
  bans(): Ban[] {
    return this.#bans.list(this.#wallMs());
  }

  /** The one that is in force against the client of a connection. */
  banOf({ connection: { clientId, principal }, transport: { peer: { address } } }: ServedConnection): Ban | undefined {
    return this.#bans.find({ clientId, principal, address }, this.#wallMs());
  }

  /** Drops those that are still to end: shutdown closes these connections anyway. */
  close(): void {
    this.#waiting.clear();
    this.#doomed.clear();
    clearTimeout(this.#timer);
  }

  #endAll(isMeant: (served: ServedConnection) => boolean, end: (served: ServedConnection) => void): number {
    // None ends where this throws.
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
