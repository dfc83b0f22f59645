import { networkOf } from "../auth/failure_limit.ts";

/** Whom a ban is of: a client, all clients of a principal, or those of an address, of IPv6 those of its network of 64 bits. */
export type BanTarget =
  | { readonly clientId: string }
  | { readonly principal: string }
  /** Such as `192.0.2.7` or `2001:db8::1`, without a port. */
  | { readonly address: string };

/** Who may not connect, until when, and why. */
export interface Ban {
  readonly who: BanTarget;
  /** When it ends, in epoch milliseconds; Infinity: never. */
  readonly untilMs: number;
  /** Is told to clients of MQTT 5. */
  readonly reason: string;
}

/** What bans look at. */
export interface BanCandidate {
  /** Empty before CONNECT. */
  readonly clientId: string;
  readonly principal: string | undefined;
  /** With a port or without one. */
  readonly address: string;
}

/** Who may not connect. */
export class Bans {
  readonly #bans = new Map<string, Ban>();

  /** In place of one of the same target. @throws RangeError for what is not an address, or not a time */
  add(ban: Ban, nowMs: number): void {
    if (Number.isNaN(ban.untilMs)) throw new RangeError(`Cannot ban: untilMs "${ban.untilMs}" is not a time`);
    this.#bans.set(keyOf(ban.who), ban);
    this.#forgetEnded(nowMs);
  }

  /** Gives whether there was one. */
  delete(who: BanTarget): boolean {
    return this.#bans.delete(keyOf(who));
  }

  /** The one that is in force against a client. */
  find({ clientId, principal, address }: BanCandidate, nowMs: number): Ban | undefined {
    if (this.#bans.size === 0) return undefined;
    const keys = [`clientId ${clientId}`, `address ${networkOf(address)}`];
    if (principal !== undefined) keys.push(`principal ${principal}`);
    return keys.map((key) => this.#bans.get(key)).find((ban) => ban !== undefined && nowMs < ban.untilMs);
  }

  /** All that are in force. */
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
