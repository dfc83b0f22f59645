import { z } from "zod";
import { DEFAULT_LIMITS, LIMIT_RANGES, type Limits } from "../../protocol/limits.ts";

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

/** All of `Limits`: what they mean is said there, and from there comes what is said of them in the reference. */
export const limitsSchema = z.strictObject(
  // Each key of `Limits` is there: LIMIT_RANGES has them all.
  Object.fromEntries(limitNames().map((name) => [name, limitSchema(name).default(DEFAULT_LIMITS[name])])) as {
    [Name in keyof Limits]: z.ZodDefault<ReturnType<typeof limitSchema>>;
  },
);

/** What holds for the connections of one listener, in place of what holds for all. */
export const listenerLimitsSchema = z.strictObject(
  Object.fromEntries(LISTENER_LIMITS.map((name) => [name, limitSchema(name).optional()])) as {
    [Name in ListenerLimit]: z.ZodOptional<ReturnType<typeof limitSchema>>; // Made of just these names.
  },
);

function limitNames(): (keyof Limits)[] {
  return Object.keys(LIMIT_RANGES) as (keyof Limits)[]; // It has these keys and no other.
}

function limitSchema(name: keyof Limits) {
  const [least, most] = LIMIT_RANGES[name];
  if (most === Infinity) {
    return z.union([unlimited, z.int().min(least)], `is not an integer of at least ${least}, or "${UNLIMITED}"`);
  }
  const error = `is not an integer between ${least} and ${most}`;
  return z.union([z.int(error).min(least, error).max(most, error), z.never(error)], error);
}
