import { z } from "npm:zod@4.6.7";
import { isTimestampFormat } from "../log/timestamp.ts";
import { row } from "./row.ts";

/** Types of lines, in the words of mosquitto's `log_type`. */
export const LOG_TYPES = ["error", "warning", "notice", "information", "debug", "subscribe", "unsubscribe"] as const;
export type LogType = typeof LOG_TYPES[number];

/** Levels from nothing to everything: each includes those before it. */
export const LOG_LEVELS = ["none", "error", "warning", "notice", "information", "debug"] as const;
/** Subjects of lines. */
export const LOG_AREAS = ["connections", "access", "packets", "delivery", "storage", "admin", "program"] as const;
export type LogArea = typeof LOG_AREAS[number];

export const LOG_FORMATS = ["text", "json"] as const;

const level = z.enum(LOG_LEVELS).optional();

const destination = z.union([
  z.enum(["stderr", "stdout", "topic"]),
  z.strictObject({
    file: z.string().min(1, "is empty").describe("Lines are appended. It is opened again on SIGHUP."),
  }),
], `is not "stderr", "stdout", "topic" or a "file"`);

export const loggingSchema = z.strictObject({
  types: z.array(z.enum(LOG_TYPES)).default(["error", "warning", "notice"]).meta(
    row("Kinds of lines. `debug` is a line for each packet and costs much speed.", { mosquitto: "log_type" }),
  ),
  areas: z.strictObject({
    connections: level.describe("Clients that connect, leave and are refused."),
    access: level.describe("PUBLISH, Wills and SUBSCRIBE that are denied: `notice`, the first 50 within 10 s."),
    packets: level.describe("Packets: `debug`; with `information` only subscriptions that begin and end."),
    delivery: level.describe("Messages that are dropped: `warning`."),
    storage: level.describe("Changes that cannot be stored, sessions that cannot be read: `error`."),
    admin: level.describe("Changes through the dashboard and its API, with who made them: `notice`."),
    program: level.describe("Start, reload, end, and defects."),
  }).prefault({}).describe("Least level of one area, in place of `types`."),
  connectionMessages: z.boolean().default(false).meta(
    row("Log clients that connect and leave, as `notice`.", { mosquitto: "connection_messages" }),
  ),
  destinations: z.array(destination).default(["stderr"]).meta(
    row(
      "Places of lines. `topic`: messages at `$SYS/broker/log/E`, `W`, `N`, `I`, `M/subscribe` and `M/unsubscribe`, and never of " +
        "`debug`.",
      { mosquitto: "log_dest" },
    ),
  ),
  format: z.enum(LOG_FORMATS).default("text").describe("`json`: each line is an object."),
  timestamps: z.boolean().default(true).meta(row("Begin each line with the time.", { mosquitto: "log_timestamp" })),
  timestampFormat: z.string().refine(isTimestampFormat, "has what is no conversion of strftime that is known").default(
    "iso",
  ).meta(
    row("`iso` for UTC, or a format of strftime for local time, such as `%Y-%m-%d %H:%M:%S`.", {
      mosquitto: "log_timestamp_format",
    }),
  ),
});

export type LoggingConfiguration = z.output<typeof loggingSchema>;
