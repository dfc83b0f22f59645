import type { Will } from "../codec/packet.ts";
import type { ClientIdentity } from "./access.ts";
import type { Limits } from "./limits.ts";
import { propertiesSize } from "./message.ts";
import type { ParsedTopicFilter } from "./topic_filter.ts";

// Memory beside texts and bytes; that of a Will with its deadline. (Deno 2.9, 2026-11-30)
const SUBSCRIPTION_BYTES = 300;
const LEVEL_BYTES = 150;
const WILL_BYTES = 300;
const GRANT_BYTES = 64;
const USUAL_IDENTITY_BYTES = 512;

/** A bound of sessions that outlive their connections. */
export type SessionLimit = Extract<keyof Limits, `maximumSession${"s" | "Bytes"}${"" | "PerPrincipal" | "PerAddress"}`>;

/**
 * Counts the bytes of a session that outlive its connection, within the limits of the broker, of its principal and of its
 * address: its Will, its subscriptions, and the messages that wait for it while it has no connection.
 */
export interface SessionHolding {
  /** The limit that forbids the session to hold so much more; `undefined`: it may. */
  limitFor(bytes: number): SessionLimit | undefined;
  /** Counts bytes that the session holds from now on, or no longer where they are negative. */
  grow(bytes: number): void;
  /** Reports that a subscription or a message was refused because there is no room for it. */
  refused(what: "subscriptions" | "messages", limit: SessionLimit): void;
}

/** Memory that a subscription takes in all that knows it, about. */
export function subscriptionBytes({ levels, topicFilter }: ParsedTopicFilter): number {
  return SUBSCRIPTION_BYTES + levels.length * LEVEL_BYTES + topicFilter.length;
}

/** Memory that a Will takes, about. */
export function willBytes(will: Will | undefined): number {
  return will === undefined
    ? 0
    : WILL_BYTES + will.topic.length + will.payload.length + propertiesSize(will.properties);
}

/** Bytes of the names and rights of a client beyond what is usual: they may come from its token. */
export function identityBytes({ clientId, principal = "", roles, grants }: ClientIdentity): number {
  let bytes = clientId.length + principal.length;
  for (const role of roles) bytes += role.length;
  for (const { topicFilter } of grants) bytes += GRANT_BYTES + topicFilter.length;
  return Math.max(0, bytes - USUAL_IDENTITY_BYTES);
}
