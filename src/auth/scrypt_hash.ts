/**
 * Password hashes by scrypt (RFC 7914), in the notation of the PHC, which passlib and others write too. Salt and hash
 * are base64 without padding:
 *
 * ```text
 * $scrypt$ln=15,r=8,p=3$<salt>$<hash>     N is 2 to the power of ln
 * ```
 */

import { randomBytes, scrypt } from "node:crypto";

const NOTATION = /^\$scrypt\$ln=([1-9]\d{0,9}),r=([1-9]\d{0,9}),p=([1-9]\d{0,9})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;
const MOST: ScryptCost = { ln: 20, r: 32, p: 64 };
// Limits of one login: 128 MiB, and about a second.
const MOST_MEMORY_BYTES = 2 ** 27;
const MOST_WORK = 2 ** 21;
const SALT_BYTES = { new: 16, least: 8, most: 1_024 } as const;
const HASH_BYTES = { new: 32, least: 16, most: 64 } as const;

/** Cost of one hash by scrypt (RFC 7914, section 2). It takes 128 · 2^ln · r bytes of memory. */
export interface ScryptCost {
  /** Exponent of the cost: 2 to the power of `ln`. */
  readonly ln: number;
  /** Block size. */
  readonly r: number;
  /** Parallelization: number of consecutive runs. */
  readonly p: number;
}

/** Hash of a password by scrypt. */
export interface ScryptHash {
  readonly algorithm: "scrypt";
  readonly cost: ScryptCost;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** Cost of a new hash: OWASP's recommendation for scrypt with 32 MiB, because many clients may log in at once. */
export const DEFAULT_SCRYPT_COST: ScryptCost = { ln: 15, r: 8, p: 3 };

/** Whether a text begins like a hash by scrypt. */
export function isScryptText(text: string): boolean {
  return text.startsWith("$scrypt$");
}

/** Parses a hash; gives a text that says what is wrong with it. */
export function parseScryptHash(text: string): ScryptHash | string {
  const [, ln, r, p, saltText = "", hashText = ""] = NOTATION.exec(text) ?? [];
  if (ln === undefined) return "it is not $scrypt$ln=N,r=N,p=N$SALT$HASH with base64 that is not padded";
  const cost = { ln: Number(ln), r: Number(r), p: Number(p) };
  const why = whyTooCostly(cost);
  if (why !== undefined) return why;
  const [salt, hash] = [fromUnpadded(saltText), fromUnpadded(hashText)];
  if (salt === undefined || hash === undefined) return "its salt or its hash is not base64";
  if (!isBetween(salt.length, SALT_BYTES)) return `its salt has not ${SALT_BYTES.least} to ${SALT_BYTES.most} bytes`;
  if (!isBetween(hash.length, HASH_BYTES)) return `its hash has not ${HASH_BYTES.least} to ${HASH_BYTES.most} bytes`;
  return { algorithm: "scrypt", cost, salt, hash };
}

/** Formats a hash, the opposite of {@linkcode parseScryptHash}. */
export function formatScryptHash({ cost: { ln, r, p }, salt, hash }: ScryptHash): string {
  return `$scrypt$ln=${ln},r=${r},p=${p}$${toUnpadded(salt)}$${toUnpadded(hash)}`;
}

/**
 * Hashes a new password by scrypt, which mosquitto cannot read. Runs outside the event loop.
 *
 * @throws RangeError for a cost beyond the limits of a login: ln above 20, r above 32, p above 64, more than 128 MiB,
 * or 2^ln · r · p above 2,097,152
 */
export async function hashPasswordByScrypt(
  password: string,
  cost: ScryptCost = DEFAULT_SCRYPT_COST,
): Promise<ScryptHash> {
  const why = whyTooCostly(cost);
  if (why !== undefined) throw new RangeError(`Cannot hash the password: ${why}`);
  const salt = new Uint8Array(randomBytes(SALT_BYTES.new));
  const hash = await deriveByScrypt(new TextEncoder().encode(password), salt, cost, HASH_BYTES.new);
  return { algorithm: "scrypt", cost, salt, hash };
}

/** Derives on a separate thread. */
export function deriveByScrypt(
  password: Uint8Array,
  salt: Uint8Array,
  { ln, r, p }: ScryptCost,
  bytes: number,
): Promise<Uint8Array> {
  const options = { N: 2 ** ln, r, p, maxmem: 2 * MOST_MEMORY_BYTES }; // scrypt needs slightly more than the nominal memory.
  return new Promise((resolve, reject) => {
    scrypt(password, salt, bytes, options, (error, key) => {
      if (error === null) resolve(new Uint8Array(key));
      else reject(error);
    });
  });
}

/** Reason why a cost is too high: a line of a file must not exhaust the memory or the time of the machine. */
function whyTooCostly({ ln, r, p }: ScryptCost): string | undefined {
  if (![ln, r, p].every((value) => Number.isInteger(value) && value >= 1)) {
    return `its cost ln=${ln},r=${r},p=${p} is not of integers above 0`;
  }
  for (const [name, value, most] of [["ln", ln, MOST.ln], ["r", r, MOST.r], ["p", p, MOST.p]] as const) {
    if (value > most) return `its cost ${name}=${value} is above ${most}`;
  }
  if (ln >= 16 * r) return `its cost ln=${ln} is not below 16 * r`; // RFC 7914, section 6.
  if (128 * 2 ** ln * r > MOST_MEMORY_BYTES) return `its cost ln=${ln},r=${r} takes more than 128 MiB`;
  if (2 ** ln * r * p > MOST_WORK) return `its cost ln=${ln},r=${r},p=${p} is above ${MOST_WORK} of 2^ln * r * p`;
  return undefined;
}

function isBetween(length: number, { least, most }: { readonly least: number; readonly most: number }): boolean {
  return length >= least && length <= most;
}

function fromUnpadded(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text + "=".repeat((4 - text.length % 4) % 4), { lastChunkHandling: "strict" });
  } catch {
    return undefined; // Not base64.
  }
}

function toUnpadded(bytes: Uint8Array): string {
  return bytes.toBase64({ omitPadding: true });
}
