/**
 * Password hashes in the PHC string format, as libargon2, mosquitto 2.1, passlib and others write them. Salt and hash
 * are base64 without padding:
 *
 * ```text
 * $argon2id$v=19$m=47104,t=1,p=1$<salt>$<hash>   RFC 9106; also argon2i and argon2d
 * $scrypt$ln=15,r=8,p=3$<salt>$<hash>            RFC 7914; N is 2 to the power of ln
 * ```
 */

import { randomBytes, scrypt } from "node:crypto";

const NUMBER = "([1-9]\\d{0,9})";
const SALT_AND_HASH = "\\$([A-Za-z0-9+/]+)\\$([A-Za-z0-9+/]+)$";
const ARGON2 = new RegExp(
  `^\\$(argon2id|argon2i|argon2d)(?:\\$v=(\\d+))?\\$m=${NUMBER},t=${NUMBER},p=${NUMBER}${SALT_AND_HASH}`,
);
const SCRYPT = new RegExp(`^\\$scrypt\\$ln=${NUMBER},r=${NUMBER},p=${NUMBER}${SALT_AND_HASH}`);

/** Name of each kind of Argon2 in Web Crypto. */
const ARGON2_NAMES = { argon2id: "Argon2id", argon2i: "Argon2i", argon2d: "Argon2d" } as const;
// Limits of one login: 256 MiB, which libsodium calls moderate, and 4 passes over it, which is about a second.
const MOST_ARGON2_KIB = 2 ** 18;
const MOST_ARGON2_LANES = 255;
const MOST_ARGON2_WORK = 2 ** 20;
const ARGON2_HASH_BYTES: Range = { least: 12, most: 1_024 };

const MOST_SCRYPT: ScryptCost = { ln: 20, r: 32, p: 64 };
// Limits of one login: 128 MiB, and about a second.
const MOST_SCRYPT_BYTES = 2 ** 27;
const MOST_SCRYPT_WORK = 2 ** 21;
const SCRYPT_HASH_BYTES: Range = { least: 16, most: 64 };

const SALT_BYTES: Range = { least: 8, most: 1_024 };
const NEW_SALT_BYTES = 16;
const NEW_HASH_BYTES = 32;

/** Hash of a password in the PHC string format. */
type PhcHash = Argon2Hash | ScryptHash;

/** Cost of one hash by Argon2 (RFC 9106, section 3.1), with the names of the notation. */
export interface Argon2Cost {
  /** Memory in KiB. */
  readonly m: number;
  /** Passes over the memory. */
  readonly t: number;
  /** Lanes of the memory; they are filled one after another, by one thread. */
  readonly p: number;
}

/** Hash of a password by Argon2. */
export interface Argon2Hash {
  /** Variant of Argon2; new hashes are of `argon2id`. */
  readonly algorithm: "argon2id" | "argon2i" | "argon2d";
  /** Memory, passes and lanes of a login. */
  readonly cost: Argon2Cost;
  /** Random bytes that were hashed with the password, 8 to 1,024. */
  readonly salt: Uint8Array;
  /** Bytes that the password is compared by, 12 to 1,024. */
  readonly hash: Uint8Array;
}

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
  /** Tells it from other hashes. */
  readonly algorithm: "scrypt";
  /** Memory and runs of a login. */
  readonly cost: ScryptCost;
  /** Random bytes that were hashed with the password, 8 to 1,024. */
  readonly salt: Uint8Array;
  /** Bytes that the password is compared by, 16 to 64. */
  readonly hash: Uint8Array;
}

/** Cost of a new hash by Argon2id: OWASP's recommendation with 46 MiB, which mosquitto 2.1 takes too. */
export const DEFAULT_ARGON2_COST: Argon2Cost = { m: 47_104, t: 1, p: 1 };

/** Cost of a new hash by scrypt: OWASP's recommendation with 32 MiB, because many clients may log in at once. */
export const DEFAULT_SCRYPT_COST: ScryptCost = { ln: 15, r: 8, p: 3 };

/** Whether a text begins like a hash by Argon2 or scrypt. */
export function isPhcText(text: string): boolean {
  return /^\$(?:argon2(?:id|i|d)|scrypt)\$/.test(text);
}

/** Parses a hash by Argon2 or scrypt; gives a text that says what is wrong with it. */
export function parsePhcHash(text: string): PhcHash | string {
  return text.startsWith("$scrypt$") ? parseScryptHash(text) : parseArgon2Hash(text);
}

function parseArgon2Hash(text: string): Argon2Hash | string {
  const [, name, version = "16", m, t, p, saltText = "", hashText = ""] = ARGON2.exec(text) ?? [];
  if (name === undefined) {
    return "it is not $argon2id$v=19$m=N,t=N,p=N$SALT$HASH with base64 that is not padded";
  }
  // Web Crypto has version 19 alone. Version 16, also of a text without one, ended in 2016, before there was argon2id.
  if (version !== "19") return `its version is ${version}, not 19`;
  const cost = { m: Number(m), t: Number(t), p: Number(p) };
  const why = whyArgon2TooCostly(cost);
  if (why !== undefined) return why;
  const bytes = saltAndHash(saltText, hashText, ARGON2_HASH_BYTES);
  if (typeof bytes === "string") return bytes;
  return { algorithm: name as Argon2Hash["algorithm"], cost, ...bytes }; // The pattern has no other names.
}

function parseScryptHash(text: string): ScryptHash | string {
  const [, ln, r, p, saltText = "", hashText = ""] = SCRYPT.exec(text) ?? [];
  if (ln === undefined) return "it is not $scrypt$ln=N,r=N,p=N$SALT$HASH with base64 that is not padded";
  const cost = { ln: Number(ln), r: Number(r), p: Number(p) };
  const why = whyScryptTooCostly(cost);
  if (why !== undefined) return why;
  const bytes = saltAndHash(saltText, hashText, SCRYPT_HASH_BYTES);
  return typeof bytes === "string" ? bytes : { algorithm: "scrypt", cost, ...bytes };
}

/** Formats a hash, the opposite of {@linkcode parsePhcHash}. */
export function formatPhcHash(kept: PhcHash): string {
  const bytes = `${toUnpadded(kept.salt)}$${toUnpadded(kept.hash)}`;
  if (kept.algorithm === "scrypt") {
    const { ln, r, p } = kept.cost;
    return `$scrypt$ln=${ln},r=${r},p=${p}$${bytes}`;
  }
  const { m, t, p } = kept.cost;
  return `$${kept.algorithm}$v=19$m=${m},t=${t},p=${p}$${bytes}`;
}

/**
 * Hashes a new password by Argon2id, which mosquitto 2.1 reads too. Runs outside the event loop.
 *
 * @throws RangeError for a cost that no login may have: p above 255, m below 8 · p or above 262,144, or
 * m · t above 1,048,576
 */
export async function hashPasswordByArgon2id(
  password: string,
  cost: Argon2Cost = DEFAULT_ARGON2_COST,
): Promise<Argon2Hash> {
  const why = whyArgon2TooCostly(cost);
  if (why !== undefined) throw new RangeError(`Cannot hash the password: ${why}`);
  const salt = new Uint8Array(randomBytes(NEW_SALT_BYTES));
  const parameters = { algorithm: "argon2id", cost, salt } as const;
  const hash = await deriveByArgon2(new TextEncoder().encode(password), parameters, NEW_HASH_BYTES);
  return { ...parameters, hash };
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
  const why = whyScryptTooCostly(cost);
  if (why !== undefined) throw new RangeError(`Cannot hash the password: ${why}`);
  const salt = new Uint8Array(randomBytes(NEW_SALT_BYTES));
  const parameters = { algorithm: "scrypt", cost, salt } as const;
  const hash = await deriveByScrypt(new TextEncoder().encode(password), parameters, NEW_HASH_BYTES);
  return { ...parameters, hash };
}

/** Derives a password as a hash was derived, on a separate thread. */
export function derivePhc(password: Uint8Array, kept: PhcHash): Promise<Uint8Array> {
  const bytes = kept.hash.length;
  return kept.algorithm === "scrypt" ? deriveByScrypt(password, kept, bytes) : deriveByArgon2(password, kept, bytes);
}

/** Parameters of Argon2 for `deriveBits()`, which the types of Deno 2.9.6 lack. */
interface Argon2Params extends Algorithm {
  readonly nonce: BufferSource;
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

/**
 * Derives by Web Crypto, whose Argon2 is native and runs on a separate thread. 46 MiB and one pass take 59 ms of a
 * processor; hash-wasm 4.13.0 takes 91 ms of the event loop, @noble/hashes 2.4.0 272 ms (2026-11-30).
 */
async function deriveByArgon2(
  password: Uint8Array,
  { algorithm, cost: { m, t, p }, salt }: Omit<Argon2Hash, "hash">,
  bytes: number,
): Promise<Uint8Array> {
  const name = ARGON2_NAMES[algorithm];
  // The types lack this format, too; others are not specified for Argon2.
  const format = "raw-secret" as "raw";
  const key = await crypto.subtle.importKey(format, new Uint8Array(password), name, false, ["deriveBits"]);
  const parameters: Argon2Params = { name, nonce: new Uint8Array(salt), memory: m, passes: t, parallelism: p };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, 8 * bytes));
}

function deriveByScrypt(
  password: Uint8Array,
  { cost: { ln, r, p }, salt }: Omit<ScryptHash, "hash">,
  bytes: number,
): Promise<Uint8Array> {
  const options = { N: 2 ** ln, r, p, maxmem: 2 * MOST_SCRYPT_BYTES }; // scrypt needs slightly more than the nominal memory.
  return new Promise((resolve, reject) => {
    scrypt(password, salt, bytes, options, (error, key) => {
      if (error === null) resolve(new Uint8Array(key));
      else reject(error);
    });
  });
}

/** Reason why a cost is impossible or too high: a line of a file must not exhaust the memory or time of the machine. */
function whyArgon2TooCostly({ m, t, p }: Argon2Cost): string | undefined {
  if (!areCounts(m, t, p)) return `its cost m=${m},t=${t},p=${p} is not of integers above 0`;
  if (m < 8 * p) return `its cost m=${m} is below 8 * p with p=${p}`; // RFC 9106, section 3.1.
  if (p > MOST_ARGON2_LANES) return `its cost p=${p} is above ${MOST_ARGON2_LANES}`;
  if (m > MOST_ARGON2_KIB) return `its cost m=${m} takes more than 256 MiB`;
  if (m * t > MOST_ARGON2_WORK) return `its cost m=${m},t=${t} is above ${MOST_ARGON2_WORK} of m * t`;
  return undefined;
}

/** Reason why a cost is impossible or too high, as {@linkcode whyArgon2TooCostly}. */
function whyScryptTooCostly({ ln, r, p }: ScryptCost): string | undefined {
  if (!areCounts(ln, r, p)) return `its cost ln=${ln},r=${r},p=${p} is not of integers above 0`;
  for (
    const [name, value, most] of [["ln", ln, MOST_SCRYPT.ln], ["r", r, MOST_SCRYPT.r], ["p", p, MOST_SCRYPT.p]] as const
  ) {
    if (value > most) return `its cost ${name}=${value} is above ${most}`;
  }
  if (ln >= 16 * r) return `its cost ln=${ln} is not below 16 * r`; // RFC 7914, section 6.
  if (128 * 2 ** ln * r > MOST_SCRYPT_BYTES) return `its cost ln=${ln},r=${r} takes more than 128 MiB`;
  if (2 ** ln * r * p > MOST_SCRYPT_WORK) {
    return `its cost ln=${ln},r=${r},p=${p} is above ${MOST_SCRYPT_WORK} of 2^ln * r * p`;
  }
  return undefined;
}

function areCounts(...values: readonly number[]): boolean {
  return values.every((value) => Number.isInteger(value) && value >= 1);
}

/** Lengths of salt or hash, in bytes. */
interface Range {
  readonly least: number;
  readonly most: number;
}

/** Decodes salt and hash; gives a text that says what is wrong with them. */
function saltAndHash(
  saltText: string,
  hashText: string,
  hashBytes: Range,
): { readonly salt: Uint8Array; readonly hash: Uint8Array } | string {
  const [salt, hash] = [fromUnpadded(saltText), fromUnpadded(hashText)];
  if (salt === undefined || hash === undefined) return "its salt or its hash is not base64";
  if (!isWithin(salt.length, SALT_BYTES)) {
    return `its salt does not have ${SALT_BYTES.least} to ${SALT_BYTES.most} bytes`;
  }
  if (!isWithin(hash.length, hashBytes)) return `its hash does not have ${hashBytes.least} to ${hashBytes.most} bytes`;
  return { salt, hash };
}

function isWithin(length: number, { least, most }: Range): boolean {
  return length >= least && length <= most;
}

function fromUnpadded(text: string): Uint8Array | undefined {
  return fromBase64(text + "=".repeat((4 - text.length % 4) % 4));
}

/** Decodes padded base64; `undefined`: it is something else. */
export function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return undefined; // Not base64.
  }
}

function toUnpadded(bytes: Uint8Array): string {
  return bytes.toBase64({ omitPadding: true });
}
