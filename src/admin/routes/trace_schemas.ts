/** Forms of live traces; `src/admin/trace/trace_records.ts` says what each field is. Times are epoch milliseconds there. */

import * as z from "../zod.js";
import { COUNT } from "./json_values.ts";

/** Targets, of which a trace has one. */
export const TARGET = {
  clientId: z.optional(z.string()),
  address: z.optional(z.string()),
  user: z.optional(z.string()),
  topic: z.optional(z.string()),
  next: z.optional(z.boolean()),
} as const;

export const TRACE = z.strictObject({
  id: z.string(),
  target: z.strictObject(TARGET),
  name: z.string(),
  isWide: z.boolean(),
  startedAtMs: z.number(),
  endsAtMs: z.number(),
  isActive: z.boolean(),
  connections: COUNT,
  records: COUNT,
  first: COUNT,
  lost: COUNT,
});

const CONNECTION = z.strictObject({
  number: COUNT,
  clientId: z.string(),
  principal: z.optional(z.string()),
  address: z.string(),
  listener: z.string(),
  transport: z.string(),
  protocolVersion: z.optional(COUNT),
  connectedAtMs: z.number(),
  isFromStart: z.boolean(),
  upgrade: z.optional(z.strictObject({ request: z.string(), response: z.string() })),
});

const FRAME = z.strictObject({ opcode: COUNT, isFinal: z.boolean(), isMasked: z.boolean(), length: COUNT });
const PIECE = z.strictObject({ source: COUNT, start: COUNT, end: COUNT, frame: z.optional(FRAME) });
const FLAW = z.strictObject({
  start: COUNT,
  end: COUNT,
  message: z.string(),
  reasonCode: COUNT,
  clause: z.string(),
  answer: z.optional(z.string()),
});
const RECORD = {
  number: COUNT,
  timeMs: z.number(),
  connection: COUNT,
  isSent: z.boolean(),
  lostBefore: COUNT,
} as const;

const ANY_RECORD = z.union([
  z.strictObject({
    ...RECORD,
    kind: z.literal("packet"),
    /** Base64. */
    bytes: z.string(),
    wireBytes: COUNT,
    pieces: z.array(PIECE),
    flaw: z.optional(FLAW),
    topic: z.optional(z.string()),
  }),
  z.strictObject({ ...RECORD, kind: z.literal("frame"), frame: FRAME, bytes: z.string() }),
  z.strictObject({ ...RECORD, kind: z.literal("opened") }),
  z.strictObject({
    ...RECORD,
    kind: z.literal("closed"),
    reasonCode: COUNT,
    reason: z.string(),
    by: z.enum(["client", "network", "server"]),
  }),
  z.strictObject({ ...RECORD, kind: z.literal("refused"), reason: z.string(), help: z.optional(z.string()) }),
]);

export const TRACE_PAGE = z.strictObject({
  records: z.array(ANY_RECORD),
  connections: z.array(CONNECTION),
  /** Number to pass as `after` for what follows. */
  after: COUNT,
  /** Records after the one that was asked for which are no longer kept. */
  missed: COUNT,
  trace: TRACE,
});
