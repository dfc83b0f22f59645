/**
 * Names as one segment of a path. Client Identifiers and topics may have any character, and URLs take some segments for
 * something else:
 *
 * ```text
 * device-77        device-77          percent encoded, as encodeURIComponent does it
 * /a+b             %2Fa%2Bb
 * .   ..           ~Lg   ~Li4         "~" and the UTF-8 bytes in base64url: browsers take "." and ".." away
 * ~x               ~fng               also what begins with "~" itself
 * 20 kB of "x"     ~eHh4...           and what has more than 12,000 bytes
 * 60 kB of "x"     ~~Ff8d...          "~~" and the SHA-256 in base64url: a URL may have 65,534 bytes; Client Identifiers only
 * ```
 */

import type { Broker } from "../broker/broker.ts";
import { Problem } from "./problems.ts";

/** Longest name that is percent encoded, in bytes, and longest one that a segment has in full. */
const MOST_PERCENT_ENCODED = 12_000;
const MOST_BYTES = 45_000;
const BASE64_URL = { alphabet: "base64url", omitPadding: true } as const;
const MOST_LONG_CLIENTS = 10_000;

/** Segment for a name. */
export function segmentOf(name: string): string | Promise<string> {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length > MOST_BYTES) return digestOf(bytes).then((digest) => `~~${digest}`);
  const isReserved = name === "" || name === "." || name === ".." || name.startsWith("~");
  if (!isReserved && bytes.length <= MOST_PERCENT_ENCODED) return encodeURIComponent(name);
  return `~${bytes.toBase64(BASE64_URL)}`;
}

/**
 * Name that a segment stands for, without its percent encoding.
 *
 * @throws Problem 400 for what stands for none
 */
export function nameOf(segment: string): string {
  if (!segment.startsWith("~")) return segment;
  try {
    const bytes = Uint8Array.fromBase64(segment.slice(1), { alphabet: "base64url" });
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const detail = `"${segment.slice(0, 40)}" stands for no name: what begins with "~" is UTF-8 in base64url`;
    throw new Problem(400, "Bad request", detail);
  }
}

/**
 * Client Identifier that a segment stands for; one that is given by its digest is looked for among the sessions.
 *
 * @throws Problem 400 for what stands for none, 404 for a digest of no session
 */
export async function clientIdOf(segment: string, broker: Broker): Promise<string> {
  if (!segment.startsWith("~~")) return nameOf(segment);
  const digest = segment.slice(2);
  const isLong = ({ clientId }: { readonly clientId: string }) => clientId.length * 3 > MOST_BYTES;
  const { rows } = await broker.list("sessions", { where: isLong, limit: MOST_LONG_CLIENTS });
  for (const { clientId } of rows) {
    if (await digestOf(new TextEncoder().encode(clientId)) === digest) return clientId;
  }
  throw noClient();
}

/** Refusal for a client that is not there. */
export function noClient(): Problem {
  const detail = "There is no session of this Client Identifier: it has ended, or there never was one. " +
    "GET /events?clientId= may know more";
  return new Problem(404, "No such client", detail);
}

async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toBase64(BASE64_URL);
}
