import type { Message } from "../../codec/message.ts";
import { concatenated } from "../../transport/concatenated.ts";
import { fieldsOf } from "./property_fields.ts";

/**
 * Header fields of whatever publishers have written: it is of the origin of the dashboard, and must not run there, whatever
 * Content Type it says.
 */
const HARMLESS = {
  "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
} as const;

/** Answers GET and HEAD with a retained message, or 304 to a client that has it. */
export async function retainedResponse({ method, headers }: Request, message: Message): Promise<Response> {
  const { payload } = message;
  const etag = await entityTag(message);
  const validators = { etag, "cache-control": "private, no-cache, no-transform" };
  if (isKnown(headers.get("if-none-match"), etag)) return new Response(null, { status: 304, headers: validators });
  const fields = new Headers({ ...HARMLESS, ...validators });
  for (const [name, value] of fieldsOf(message)) fields.append(name, value);
  if (method !== "HEAD") return new Response(payload as Uint8Array<ArrayBuffer>, { headers: fields }); // Never shared.
  fields.set("content-length", String(payload.length));
  return new Response(null, { headers: fields });
}

/** Entity tag of payload and properties, without the expiry, which counts down. */
async function entityTag({ payload, properties }: Message): Promise<string> {
  const { contentType, payloadFormatIndicator, responseTopic, correlationData, userProperties } = properties;
  const told = [contentType, payloadFormatIndicator, responseTopic, correlationData?.toHex(), userProperties];
  const head = new TextEncoder().encode(JSON.stringify(told));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", concatenated([head, payload])));
  return `"${digest.subarray(0, 16).toHex()}"`;
}

/** Whether If-None-Match has the tag (RFC 9110, section 13.1.2): the comparison is weak. */
function isKnown(field: string | null, etag: string): boolean {
  if (field === null) return false;
  return field.split(",").map((tag) => tag.trim().replace(/^W\//, "")).some((tag) => tag === "*" || tag === etag);
}
