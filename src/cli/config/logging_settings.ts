import { z } from "zod";
import { isTimestampFormat } from "../log/timestamp.ts";
import { row } from "./row.ts";

/** Types of lines, in the words of mosquitto's `log_type`. */
export const LOG_TYPES = ["error", "warning", "notice", "information", "debug", "subscribe", "unsubscribe"] as const;
export type LogType = typeof LOG_TYPES[number];

/** Levels from nothing to everything: each includes those before it. */
export const LOG_LEVELS = ["none", "error", "warning", "notice", "information", "debug"] as const;
/** Subjects of lines. */
export const LOG_AREAS = ["connections", "access", "packets", "delivery", "storage", "program"] as const;
export type LogArea = typeof LOG_AREAS[number];

export const LOG_FORMATS = ["text", "json"] as const;

const level = z.enum(LOG_LEVELS).optional();

const destination = z.union([
  z.enum(["stderr", "stdout", "topic"]),
  z.strictObject({
    file: z.string().min(1, "is empty").describe("It grows at its end, and is opened again on SIGHUP."),
  }),
], `is not "stderr", "stdout", "topic" or a "file"`);

export const loggingSchema = z.strictObject({
  types: z.array(z.enum(LOG_TYPES)).default(["error", "warning", "notice"]).meta(
    row("Kinds of lines. `debug` is a line for each packet, which costs much of the speed.", { mosquitto: "log_type" }),
  ),
  areas: z.strictObject({
    connections: level.describe("Who comes, goes and is refused."),
    access: level.describe("PUBLISH, Wills and SUBSCRIBE that are denied: `notice`, the first 50 within 10 s."),
    packets: level.describe("Packets: `debug`; as `information` only what clients subscribe to and unsubscribe from."),
    delivery: level.describe("Messages that are dropped: `warning`."),
    storage: level.describe("Changes that cannot be kept, sessions that cannot be read: `error`."),
    program: level.describe("Start, reload and end, and defects."),
  }).prefault({}).describe("Least level that is written about one thing, in place of `types`."),
  connectionMessages: z.boolean().default(false).meta(
    row("Say which clients come and go, as `notice`.", { mosquitto: "connection_messages" }),
  ),
  destinations: z.array(destination).default(["stderr"]).meta(
    row(
      "`topic`: messages at `$SYS/broker/log/E`, `W`, `N`, `I`, `M/subscribe` and `M/unsubscribe`, and never of " +
        "`debug`.",
      { mosquitto: "log_dest" },
    ),
  ),
  format: z.enum(LOG_FORMATS).default("text").describe("`json`: an object in each line."),
  timestamps: z.boolean().default(true).meta(row("The time in front of each line.", { mosquitto: "log_timestamp" })),
  timestampFormat: z.string().refine(isTimestampFormat, "has what is no conversion of strftime that is known").default(
    "iso",
  ).meta(
    row("`iso` for UTC, or a format of strftime for local time, such as `%Y-%m-%d %H:%M:%S`.", {
      mosquitto: "log_timestamp_format",
    }),
  ),
});

export type LoggingConfiguration = z.output<typeof loggingSchema>;
