/** Trace Context of W3C (https://www.w3.org/TR/trace-context/), as a message carries it: `traceparent` in a User Property. */

import type { UserProperty } from "../codec/property.ts";

/** Place in a trace, as OpenTelemetry names it. */
export interface SpanContext {
  /** 32 hexadecimal digits in lower case, not all of them 0. */
  readonly traceId: string;
  /** 16 such digits. */
  readonly spanId: string;
  /** 1: the trace is sampled; else 0. */
  readonly traceFlags: number;
  /** Whether it came from elsewhere. */
  readonly isRemote?: boolean;
}

const NAME = "traceparent";
const SAMPLED = 0x01;
/** Version, trace, parent and flags; a later version may have more after them (section 3.2.4). */
const TRACEPARENT = /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-|$)/;
const LENGTH = 55;

/** Parent that a message names; `undefined`: none, or two, or one that is not valid (section 4.3). */
export function parentOf(userProperties: readonly UserProperty[] | undefined): SpanContext | undefined {
  if (userProperties === undefined) return undefined;
  let traceparent: string | undefined;
  for (const [name, value] of userProperties) {
    if (name !== NAME) continue;
    if (traceparent !== undefined) return undefined;
    traceparent = value;
  }
  return traceparent === undefined ? undefined : parseTraceparent(traceparent);
}

/** Reads the value of `traceparent`; `undefined`: it is not valid. */
export function parseTraceparent(text: string): SpanContext | undefined {
  const match = TRACEPARENT.exec(text);
  if (match === null) return undefined;
  const [, version, traceId = "", spanId = "", flags = ""] = match; // All are there in a match.
  if (version === "00" && text.length !== LENGTH) return undefined;
  return { traceId, spanId, traceFlags: parseInt(flags, 16) & SAMPLED, isRemote: true };
}
