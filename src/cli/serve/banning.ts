import type { BanTarget } from "../../broker/access/bans.ts";
import type { Broker } from "../../broker/broker.ts";
import type { BanConfiguration } from "../config/schema.ts";

/** Replaces the bans of an earlier configuration; gives the number of connections that this ended. */
export function applyBans(
  broker: Broker,
  bans: readonly BanConfiguration[],
  earlier: readonly BanConfiguration[] = [],
): number {
  for (const ban of earlier) broker.unban(targetOf(ban));
  let count = 0;
  for (const ban of bans) {
    const { until, reason } = ban;
    count += broker.ban(targetOf(ban), { reason, ...until === undefined ? {} : { untilMs: Date.parse(until) } });
  }
  return count;
}

function targetOf({ clientId, user, address = "" }: BanConfiguration): BanTarget {
  if (clientId !== undefined) return { clientId };
  return user !== undefined ? { principal: user } : { address }; // The schema requires exactly one of the three.
}
