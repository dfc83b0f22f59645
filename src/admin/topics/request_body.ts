import { concatenated } from "../../transport/concatenated.ts";
import { Problem } from "../problems.ts";
import { badRequest } from "./topic_request.ts";

/** Bounds of {@linkcode readBody}. */
export interface BodyBounds {
  readonly mostBytes: number;
  readonly timeoutMs: number;
  /** Called before bytes are kept; throws if there is no room for them. */
  take(bytes: number): void;
}

/** Reads the body of a request. Rejects with Problem 413 for one that is too large, and 408 for one that is too slow. */
export async function readBody({ body }: Request, { mostBytes, timeoutMs, take }: BodyBounds): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    reader.cancel().catch(() => {}); // It may be broken.
  }, timeoutMs);
  try {
    for (let { value } = await reader.read(); value !== undefined; { value } = await reader.read()) {
      length += value.length;
      if (length > mostBytes) throw tooLarge(mostBytes);
      take(value.length);
      chunks.push(value);
    }
  } catch (error) {
    reader.cancel().catch(() => {}); // It may be broken.
    throw error instanceof Problem ? error : badRequest("The body ended before its length: send all of it");
  } finally {
    clearTimeout(timer);
  }
  if (isLate) throw new Problem(408, "Too slow", `The body did not come within ${timeoutMs / 1000} s: send it faster`);
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : concatenated(chunks);
}

/** Refusal of a body that is larger than a message may be. */
export function tooLarge(mostBytes: number): Problem {
  return new Problem(413, "Too large", `A message may have ${mostBytes} bytes here: send a smaller one`);
}
