/**
 * Password hashes in mosquitto's notation, and in that of the PHC for `scrypt_hash.ts`:
 *
 * ```text
 * $7$<iterations>$<salt>$<hash>   PBKDF2 with SHA-512
 * $6$<salt>$<hash>                SHA-512 of password and salt, one round: mosquitto before 2.0
 * $scrypt$<cost>$<salt>$<hash>    scrypt, which mosquitto does not read
 * ```
 */

import { createHash, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { foreignHashName } from "./foreign_hash.ts";
import { deriveByScrypt, formatScryptHash, isScryptText, parseScryptHash, type ScryptHash } from "./scrypt_hash.ts";

const HASH_BYTES = 64;
// mosquitto 2.0.11 reads no other length.
const NEW_SALT_BYTES = 12;
const LONGEST_SALT_BYTES = 1_024;
/** Most iterations of a login: about a second of a thread. */
export const MOST_ITERATIONS = 2_000_000;
/** Iterations of a new hash: OWASP's recommendation for PBKDF2 with SHA-512. mosquitto itself uses 101. */
export const DEFAULT_ITERATIONS = 210_000;

/** Hash of a password, with which no client can log in. */
export type PasswordHash = IteratedHash | ScryptHash;

/** Hash of a password in mosquitto's way. */
export interface IteratedHash {
  readonly algorithm: "pbkdf2-sha512" | "sha512";
  /** 1 for `sha512`. */
  readonly iterations: number;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** Parses a hash; `undefined` for anything else, such as a plain password, and for an excessive cost. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  if (!isScryptText(text)) return parseIteratedHash(text);
  const hash = parseScryptHash(text);
  return typeof hash === "string" ? undefined : hash;
}

/** Reason why a text is not a usable hash, for its line; without the text, which may be a plain password. */
export function whyNoPasswordHash(text: string): string {
  const hash = isScryptText(text) ? parseScryptHash(text) : "";
  if (typeof hash === "string" && hash !== "") return `has a hash that cannot be used: ${hash}`;
  const iterations = Number(/^\$7\$(\d+)\$[^$]+\$[^$]+$/.exec(text)?.[1] ?? 0);
  if (iterations > MOST_ITERATIONS) {
    return `has a hash that cannot be used: ${iterations} iterations are more than ${MOST_ITERATIONS}, so set the ` +
      "password again";
  }
  const foreign = foreignHashName(text);
  if (foreign !== undefined) {
    return `has a hash that cannot be used: ${foreign} is not read here, so set the password again`;
  }
  if (isLikeHash(text)) return "has a hash that cannot be used: it is neither $7$ITERATIONS$SALT$HASH nor $6$SALT$HASH";
  return `has no password hash that begins with $7$, $6$ or $scrypt$: "brooklet passwd -U" makes one`;
}

/** Whether it is meant to be a hash, even if it is an invalid one or one of other software. */
export function isLikeHash(text: string): boolean {
  return isScryptText(text) || /^\$[67]\$/.test(text) || foreignHashName(text) !== undefined;
}

function parseIteratedHash(text: string): IteratedHash | undefined {
  const [empty, kind, ...fields] = text.split("$");
  const [iterationsText = "1", saltText = "", hashText = ""] = kind === "6" ? ["1", ...fields] : fields;
  if (empty !== "" || (kind !== "6" && kind !== "7") || fields.length !== (kind === "6" ? 2 : 3)) return undefined;
  if (!/^[1-9]\d{0,9}$/.test(iterationsText)) return undefined;
  const iterations = Number(iterationsText);
  const salt = fromBase64(saltText);
  const hash = fromBase64(hashText);
  if (salt === undefined || hash === undefined || iterations > MOST_ITERATIONS) return undefined;
  if (salt.length === 0 || salt.length > LONGEST_SALT_BYTES || hash.length !== HASH_BYTES) return undefined;
  return { algorithm: kind === "6" ? "sha512" : "pbkdf2-sha512", iterations, salt, hash };
}

/** Formats a hash, the opposite of {@linkcode parsePasswordHash}. */
export function formatPasswordHash(kept: PasswordHash): string {
  if (kept.algorithm === "scrypt") return formatScryptHash(kept);
  const { algorithm, iterations, salt, hash } = kept;
  const head = algorithm === "sha512" ? "$6" : `$7$${iterations}`;
  return `${head}$${salt.toBase64()}$${hash.toBase64()}`;
}

/**
 * Hashes a new password, readable for mosquitto 2.0 too. Runs outside the event loop.
 *
 * @throws RangeError for iterations that are not an integer between 1 and 2,000,000
 */
export async function hashPassword(password: string, iterations: number = DEFAULT_ITERATIONS): Promise<IteratedHash> {
  if (!(Number.isInteger(iterations) && iterations >= 1 && iterations <= MOST_ITERATIONS)) {
    throw new RangeError(
      `Cannot hash the password: "${iterations}" iterations are not between 1 and ${MOST_ITERATIONS}`,
    );
  }
  const salt = new Uint8Array(randomBytes(NEW_SALT_BYTES));
  const hash = await derive(new TextEncoder().encode(password), salt, iterations);
  return { algorithm: "pbkdf2-sha512", iterations, salt, hash };
}

/** Whether it is the password that was hashed. Runs outside the event loop, and compares in constant time. */
export async function verifyPassword(password: Uint8Array, kept: PasswordHash): Promise<boolean> {
  const { salt, hash } = kept;
  const derived = kept.algorithm === "sha512"
    ? createHash("sha512").update(password).update(salt).digest()
    : kept.algorithm === "scrypt"
    ? await deriveByScrypt(password, salt, kept.cost, hash.length)
    : await derive(password, salt, kept.iterations);
  return hash.length > 0 && derived.length === hash.length && timingSafeEqual(derived, hash);
}

/** Derives on a separate thread: 210,000 iterations take about 120 ms there, and do not block the event loop. */
function derive(password: Uint8Array, salt: Uint8Array, iterations: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, HASH_BYTES, "sha512", (error, key) => {
      if (error === null) resolve(new Uint8Array(key));
      else reject(error);
    });
  });
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return undefined; // Not base64.
  }
}
