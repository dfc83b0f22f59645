import { z } from "zod";
import { LIMIT_NAMES, LIMITS, rowText } from "../../protocol/limit_table.ts";
import type { Limits } from "../../protocol/limits.ts";

/** Spelling of Infinity. */
export const UNLIMITED = "unlimited";

/** Limits that each listener can set: those of a connection and not of a session. */
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

// Text for YAML and the command line, because `z.int()` has no Infinity.
const unlimited = z.literal(UNLIMITED).transform(() => Infinity);

/** Schema of all limits, with their texts from the table. */
export const limitsSchema = z.strictObject(
  // Each key of `Limits` is there: LIMIT_NAMES has them all.
  Object.fromEntries(LIMIT_NAMES.map((name) => {
    return [name, limitSchema(name).default(LIMITS[name].default).describe(rowText(LIMITS[name]))];
  })) as {
    [Name in keyof Limits]: z.ZodDefault<ReturnType<typeof limitSchema>>;
  },
);

/** Schema of limits for the connections of one listener, which replace those for all. */
export const listenerLimitsSchema = z.strictObject(
  Object.fromEntries(
    LISTENER_LIMITS.map((name) => [name, limitSchema(name).optional().describe(rowText(LIMITS[name]))]),
  ) as {
    [Name in ListenerLimit]: z.ZodOptional<ReturnType<typeof limitSchema>>; // Made of exactly these names.
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
