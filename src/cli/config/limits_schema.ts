import { z } from "zod";
import { LIMIT_NAMES, LIMITS, limitText } from "../../protocol/limit_table.ts";
import type { Limits } from "../../protocol/limits.ts";

/** How Infinity is written. */
export const UNLIMITED = "unlimited";

/** Those that can be another at each listener: they hold for a connection and not for a session. */
export const LISTENER_LIMITS = [
  "maximumPacketBytes",
  "maximumPayloadBytes",
  "maximumConnectBytes",
  "connectTimeoutMs",
  "maximumKeepAliveSeconds",
  "maximumClientIdLength",
  "receiveMaximum",
  "maximumQos",
  "topicAliasMaximum",
  "maximumOutboxBytes",
  "writeTimeoutMs",
  "maximumMessagesPerSecond",
  "maximumBytesPerSecond",
  "maximumExcessMs",
] as const;
type ListenerLimit = typeof LISTENER_LIMITS[number];

// A text of YAML and of the command line; `z.int()` has no Infinity.
const unlimited = z.literal(UNLIMITED).transform(() => Infinity);

/** All limits, with the meaning that the table gives them. */
export const limitsSchema = z.strictObject(
  // Each key of `Limits` is there: LIMIT_NAMES has them all.
  Object.fromEntries(LIMIT_NAMES.map((name) => {
    return [name, limitSchema(name).default(LIMITS[name].default).describe(limitText(name))];
  })) as {
    [Name in keyof Limits]: z.ZodDefault<ReturnType<typeof limitSchema>>;
  },
);

/** Limits for the connections of one listener, in place of those for all. */
export const listenerLimitsSchema = z.strictObject(
  Object.fromEntries(LISTENER_LIMITS.map((name) => [name, limitSchema(name).optional().describe(limitText(name))])) as {
    [Name in ListenerLimit]: z.ZodOptional<ReturnType<typeof limitSchema>>; // Made of just these names.
  },
);

function limitSchema(name: keyof Limits) {
  const { least, most } = LIMITS[name];
  if (most === Infinity) {
    return z.union([unlimited, z.int().min(least)], `is not an integer of at least ${least}, or "${UNLIMITED}"`);
  }
  const error = `is not an integer between ${least} and ${most}`;
  return z.union([z.int(error).min(least, error).max(most, error), z.never(error)], error);
}
