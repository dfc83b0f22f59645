/** Values that several routes have in their JSON. */

import type { Message } from "../../codec/message.ts";
import type { Properties } from "../../codec/property.ts";
import * as z from "../zod.js";

export const COUNT = z.int().check(z.minimum(0));
/** Time as RFC 3339 writes it. */
export const TIME = z.iso.datetime();
export const QOS = z.int().check(z.minimum(0), z.maximum(2));
/** Name of a client or topic in a path: percent encoded, or in the form of `segment`. */
export const SEGMENT = z.string().check(z.minLength(1));

/** Messages that were dropped, by reason. */
export const DROPPED = z.strictObject({ qos0: COUNT, queueFull: COUNT, tooLarge: COUNT, expired: COUNT });

/** Most bytes of a payload in an answer. */
const SHOWN_BYTES = 65_536;

/** Properties of a message, as JSON has them. */
export const PROPERTIES = z.strictObject({
  payloadFormatIndicator: z.optional(z.int().check(z.minimum(0), z.maximum(1))),
  messageExpiryInterval: z.optional(z.int().check(z.minimum(0), z.maximum(0xffff_ffff))),
  contentType: z.optional(z.string()),
  responseTopic: z.optional(z.string()),
  /** Base64. */
  correlationData: z.optional(z.string()),
  userProperties: z.optional(z.array(z.array(z.string()).check(z.minLength(2), z.maxLength(2)))),
});

/** Message without its contents, which viewers do not see: payload and properties are missing then. */
export const MESSAGE = {
  topic: z.string(),
  qos: QOS,
  retain: z.boolean(),
  payloadBytes: COUNT,
  /** Base64 of the payload, or of its first 64 KiB. */
  payload: z.optional(z.string()),
  properties: z.optional(PROPERTIES),
} as const;
const MESSAGE_OBJECT = z.strictObject(MESSAGE);

/** Time for JSON. */
export function timeOf(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** Time for JSON; `null`: there is none. */
export function timeOrNull(epochMs: number | undefined): string | null {
  return epochMs === undefined || !Number.isFinite(epochMs) ? null : timeOf(epochMs);
}

/** Message for JSON. @param hasContents whether the caller may see payload and properties */
export function messageJson(
  { topic, qos, retain, payload, properties }: Message,
  hasContents: boolean,
): z.Infer<typeof MESSAGE_OBJECT> {
  const head = { topic, qos, retain, payloadBytes: payload.length };
  if (!hasContents) return head;
  return { ...head, payload: payload.subarray(0, SHOWN_BYTES).toBase64(), properties: propertiesJson(properties) };
}

/** Properties of a message for JSON. */
function propertiesJson(properties: Properties): z.Infer<typeof PROPERTIES> {
  const { payloadFormatIndicator, messageExpiryInterval, contentType, responseTopic, correlationData } = properties;
  const { userProperties } = properties;
  return {
    ...payloadFormatIndicator === undefined ? {} : { payloadFormatIndicator },
    ...messageExpiryInterval === undefined ? {} : { messageExpiryInterval },
    ...contentType === undefined ? {} : { contentType },
    ...responseTopic === undefined ? {} : { responseTopic },
    ...correlationData === undefined ? {} : { correlationData: correlationData.toBase64() },
    ...userProperties === undefined || userProperties.length === 0 ? {} : { userProperties },
  };
}
