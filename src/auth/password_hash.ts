/**
 * Password hashes in mosquitto's notation, and in that of the PHC for `phc_hash.ts`:
 *
 * ```text
 * $7$<iterations>$<salt>$<hash>   PBKDF2 with SHA-512
 * $6$<salt>$<hash>                SHA-512 of password and salt, one round: mosquitto before 2.0
 * $argon2id$...                   Argon2, which mosquitto 2.1 reads and writes
 * $scrypt$...                     scrypt, which mosquitto does not read
 * ```
 *
 * Hashes of other software are recognised and refused. As a plain password such a hash would be taken for the password
 * itself, and anyone who has seen it in a file could log in with it.
 *
 * ```text
 * foreign    $2y$05$…   $apr1$…$…   $6$salt$… of crypt(5)   {SSHA}…   PBKDF2$sha512$100000$…$…
 * not        secret   pa$$word   $100   {a}   0123456789abcdef0123456789abcdef, which may be a password
 * ```
 */

import { createHash, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import {
  type Argon2Hash,
  derivePhc,
  formatPhcHash,
  fromBase64,
  isPhcText,
  parsePhcHash,
  type ScryptHash,
} from "./phc_hash.ts";

const HASH_BYTES = 64;
// mosquitto 2.0.11 reads no other length.
const NEW_SALT_BYTES = 12;
const LONGEST_SALT_BYTES = 1_024;
/** Most iterations of a login: about a second of a thread. */
export const MOST_ITERATIONS = 2_000_000;
/** Iterations of a new hash: OWASP's recommendation for PBKDF2 with SHA-512. mosquitto itself uses 101. */
export const DEFAULT_ITERATIONS = 210_000;

/** Hash of a password, with which no client can log in. */
export type PasswordHash = IteratedHash | Argon2Hash | ScryptHash;

/** Hash of a password in mosquitto's way. */
export interface IteratedHash {
  /** PBKDF2 with SHA-512, or one round of SHA-512, as mosquitto made it before 2.0. */
  readonly algorithm: "pbkdf2-sha512" | "sha512";
  /** Iterations of PBKDF2; 1 for `sha512`. */
  readonly iterations: number;
  /** Random bytes that were hashed with the password. */
  readonly salt: Uint8Array;
  /** The 64 bytes that the password is compared by. */
  readonly hash: Uint8Array;
}

/** Parses a hash; `undefined` for anything else, such as a plain password, and for an excessive cost. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  if (!isPhcText(text)) return parseIteratedHash(text);
  const hash = parsePhcHash(text);
  return typeof hash === "string" ? undefined : hash;
}

/** Reason why a text is not a usable hash, for its line; without the text, which may be a plain password. */
export function whyNoPasswordHash(text: string): string {
  const hash = isPhcText(text) ? parsePhcHash(text) : "";
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
  return `has no password hash that begins with $7$, $6$, $argon2id$ or $scrypt$: "brooklet passwd -U" makes one`;
}

/** Whether it is meant to be a hash, even if it is an invalid one or one of other software. */
export function isLikeHash(text: string): boolean {
  return isPhcText(text) || /^\$[67]\$/.test(text) || foreignHashName(text) !== undefined;
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
  if (!isIterated(kept)) return formatPhcHash(kept);
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
  const derived = isIterated(kept) ? await deriveIterated(password, kept) : await derivePhc(password, kept);
  return kept.hash.length > 0 && derived.length === kept.hash.length && timingSafeEqual(derived, kept.hash);
}

function isIterated(kept: PasswordHash): kept is IteratedHash {
  return kept.algorithm === "sha512" || kept.algorithm === "pbkdf2-sha512";
}

function deriveIterated(
  password: Uint8Array,
  { algorithm, salt, iterations }: IteratedHash,
): Uint8Array | Promise<Uint8Array> {
  if (algorithm === "pbkdf2-sha512") return derive(password, salt, iterations);
  return createHash("sha512").update(password).update(salt).digest();
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

const CRYPT = "[./0-9A-Za-z]";

/** Patterns of hashes, with the name of each. The first row that matches counts. */
const FOREIGN: readonly (readonly [notation: RegExp, name: string])[] = [
  [/^\$2[abxy]?\$/, "bcrypt"],
  [/^\$apr1\$/, "apr1, as htpasswd makes it,"],
  [/^\$1\$/, "md5-crypt"],
  [/^\$md5[$,]/, "SunMD5"],
  [/^\$3\$/, "NT-Hash"],
  [/^\$5\$/, "sha256-crypt"],
  // With padded base64 after the salt it is mosquitto's own.
  [new RegExp(`^\\$6\\$(?:rounds=\\d+\\$)?[^$]*\\$${CRYPT}{86}(?::|$)`), "sha512-crypt"],
  [new RegExp(`^\\$7\\$${CRYPT}{11,}\\$${CRYPT}{43}$`), "scrypt of crypt(5)"],
  [/^\$g?y\$/, "yescrypt"],
  [/^\$sha1\$/, "sha1-crypt"],
  [/^\$[PHS]\$/, "phpass"],
  [/^\$pbkdf2\b/i, "PBKDF2 in this notation"],
  [/^\$(?![67]\$)[A-Za-z0-9][\w.,=-]*\$\S{16,}$/, "this kind of hash"],
  [/^pbkdf2[-_:$]\S*\$\S{8,}$/i, "PBKDF2 in this notation"],
  [/^(?:argon2|bcrypt|md5|phpass|scram|scrypt|sha\d*)\b\S*\$\S{16,}$|^bcrypt_sha256\$\S{16,}$/i, "this kind of hash"],
  [/^(?:md5|sha\d*|hmac)[\w-]*:\S*[0-9A-Za-z+/=]{24,}$/i, "this kind of hash"],
  [/^md5[0-9a-f]{32}$|^\*[0-9A-F]{40}$/, "a hash of a database"],
  [/^[^:]*:[0-9a-f]{32}$/, "a hash of htdigest"],
  [/^(?:!!|\*LK\*|\*NP\*)$|^[!*]+:\d*:\d*:/, "a locked account"], // From /etc/shadow; as a password it would unlock the account.
];

/** Scheme in front of a hash of LDAP, Dovecot or Spring: in capitals, or a known one. */
const SCHEME = /^\{([A-Z0-9][A-Z0-9.@+/_-]*)\}./;
const KNOWN_SCHEME = /^\{((?:x-|xor|s?sha|s?md[45]|crypt|bcrypt|pbkdf2|scrypt|argon2|noop|ldap)[\w.@+/, -]*)\}./i;

/** Name of a hash that cannot be verified here; `undefined`: it does not look like one. */
function foreignHashName(text: string): string | undefined {
  const unlocked = text.replace(/^[!*]+(?=\$)/, ""); // Prefix of a locked account in /etc/shadow.
  const scheme = (SCHEME.exec(unlocked) ?? KNOWN_SCHEME.exec(unlocked))?.[1];
  if (scheme !== undefined) return `{${scheme}}`;
  return FOREIGN.find(([notation]) => notation.test(unlocked))?.[1];
}
