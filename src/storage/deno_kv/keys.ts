import type { Key } from "./rows.ts";

/**
 * Keys of the rows. All rows of a session follow its first row, which identifies it:
 *
 * ```text
 * ["format"]                        version of the rows
 * ["lock"], ["heartbeat"]           owner of the database
 * ["clock"]                         one moment on each clock
 * ["session", number]               Client Identifier, principal, expiry, network
 * ["session", number, 1]            Will
 * ["session", number, 2, filter]    Subscription; 3 and a hash, where the Topic Filter is long
 * ["session", number, 4]            progress
 * ["session", number, 5, sequence]  page of messages, by the first of them
 * ["ended", number]                 a session whose rows are being deleted
 * ["retained", 1, topic]            retained message; 2 and a hash, where the topic is long
 * ["body", number]                  messages that several pages refer to, or a record that is too large for its row:
 *                                   its bytes, or the number of its parts
 * ["part", number, index]           a part of a body
 * ["journal", index]                a change that is larger than an atomic; ["journal"] makes it valid
 * ```
 *
 * The format names the version and the Brooklet that it needs, see format.ts. A later version may have other rows: those
 * beside a session are ignored, those of a session from {@linkcode FIRST_SKIPPED} on are skipped and end with it.
 *
 * Each session gets a new number when it begins, so it never sees rows of an earlier one.
 */

/** Kind of a session's row: the third part of its key. */
export const SessionRow = { will: 1, subscription: 2, subscriptionByHash: 3, progress: 4, page: 5 } as const;
/** First kind of a session's row that a build skips if it does not know it. */
export const FIRST_SKIPPED = 64;

export const FORMAT_KEY: Key = ["format"];
export const LOCK_KEY: Key = ["lock"];
export const HEARTBEAT_KEY: Key = ["heartbeat"];
export const CLOCK_KEY: Key = ["clock"];
export const JOURNAL_KEY: Key = ["journal"];
export const SESSIONS: Key = ["session"];
export const ENDED: Key = ["ended"];
export const RETAINED: Key = ["retained"];
export const BODIES: Key = ["body"];

// A key takes at most 2 KiB, and all keys of an atomic 80 KiB.
const LONGEST_TEXT = 64;

export function sessionKey(number: number): Key {
  return ["session", number];
}

export function willKey(number: number): Key {
  return ["session", number, SessionRow.will];
}

export function progressKey(number: number): Key {
  return ["session", number, SessionRow.progress];
}

export function pageKey(number: number, firstSequence: number): Key {
  return ["session", number, SessionRow.page, firstSequence];
}

/** Key after all pages of a session. */
export function pagesEnd(number: number): Key {
  return ["session", number, SessionRow.page + 1];
}

export function endedKey(number: number): Key {
  return ["ended", number];
}

export function bodyKey(number: number): Key {
  return ["body", number];
}

export function partKey(number: number, index: number): Key {
  return ["part", number, index];
}

export function journalPartKey(index: number): Key {
  return ["journal", index];
}

/** Whether a text is too long for a key: its {@linkcode hashOf} is used instead. */
export function isLong(text: string): boolean {
  return text.length > LONGEST_TEXT;
}

/** Key of a Subscription. @param hash of the Topic Filter, if it {@linkcode isLong} */
export function subscriptionKey(number: number, topicFilter: string, hash: string | undefined): Key {
  return hash === undefined
    ? ["session", number, SessionRow.subscription, topicFilter]
    : ["session", number, SessionRow.subscriptionByHash, hash];
}

/** Key of a retained message. @param hash of the topic, if it {@linkcode isLong} */
export function retainedKey(topic: string, hash: string | undefined): Key {
  return hash === undefined ? ["retained", 1, topic] : ["retained", 2, hash];
}

/** SHA-256 of a text: two texts with one hash would share a row. */
export async function hashOf(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
