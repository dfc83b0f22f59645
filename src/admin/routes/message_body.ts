import type { PublishOptions } from "../../codec/message.ts";
import type { QoS } from "../../codec/packet.ts";
import type { Properties, UserProperty } from "../../codec/property.ts";
import { Problem } from "../problems.ts";
import * as z from "../zod.js";
import { PROPERTIES, QOS } from "./json_values.ts";

/** Content of a message in a request: its payload in one of three forms, its QoS and its properties. */
export const MESSAGE_BODY = {
  /** Payload as text. */
  text: z.optional(z.string()),
  /** Payload as bytes in base64. */
  base64: z.optional(z.string()),
  /** Payload as JSON, which is written without spaces. */
  json: z.optional(z.unknown()),
  qos: z.optional(QOS),
  properties: z.optional(PROPERTIES),
} as const;
const MESSAGE_OBJECT = z.strictObject(MESSAGE_BODY);
type MessageBody = z.Infer<typeof MESSAGE_OBJECT>;

/** Payload of a request, which has it once. @throws Problem 400 otherwise */
export function payloadOf({ text, base64, json }: MessageBody): string | Uint8Array {
  const given = [text, base64, json].filter((value) => value !== undefined);
  if (given.length > 1) throw new Problem(400, "Bad request", 'Give the payload once: as "text", "base64" or "json"');
  if (json !== undefined) return JSON.stringify(json);
  return base64 === undefined ? text ?? "" : bytesOf(base64, "base64");
}

/** QoS and properties of a request. @throws Problem 400 for Correlation Data that is no base64 */
export function publishOptionsOf({ qos, properties = {} }: MessageBody, retain: boolean): PublishOptions {
  const { correlationData, userProperties, ...others } = properties;
  const all: Properties = {
    ...others,
    ...correlationData === undefined ? {} : { correlationData: bytesOf(correlationData, "correlationData") },
    // The schema says that each has two.
    ...userProperties === undefined ? {} : { userProperties: userProperties as unknown as readonly UserProperty[] },
  };
  return { retain, properties: all, ...qos === undefined ? {} : { qos: qos as QoS } }; // 0 to 2, by the schema.
}

/** Awaits a publication. @throws Problem 400 for what no PUBLISH can have, 503 where the storage fails */
export async function orRefused(publishing: Promise<void>): Promise<void> {
  try {
    await publishing;
  } catch (error) {
    if (error instanceof RangeError) throw new Problem(400, "Bad request", error.message);
    const why = error instanceof Error ? error.message : String(error);
    throw new Problem(503, "Not published", `The broker could not take the message: ${why}`);
  }
}

/** Bytes of a payload. */
export function byteLength(payload: string | Uint8Array): number {
  return typeof payload === "string" ? new TextEncoder().encode(payload).length : payload.length;
}

function bytesOf(base64: string, name: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    throw new Problem(400, "Bad request", `"${name}" of the body is not base64`);
  }
}
