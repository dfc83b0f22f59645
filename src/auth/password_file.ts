/** Password files of mosquitto: `name:hash` in each line, and comments that begin with `#`. */

import { LineError, readLines } from "./line_error.ts";
import {
  formatPasswordHash,
  isLikeHash,
  parsePasswordHash,
  type PasswordHash,
  whyNoPasswordHash,
} from "./password_hash.ts";

/** Hashes by user name. */
export type PasswordHashes = ReadonlyMap<string, PasswordHash>;

/** Line of a password file that names a user. */
interface UserLine {
  readonly name: string;
  readonly password: string;
}

/**
 * Parses the users of a password file.
 *
 * @throws LineError for lines that are not `name:hash`, such as one with a plain password, and for duplicate users
 */
export function parsePasswordFile(text: string): PasswordHashes {
  const hashes = new Map<string, PasswordHash>();
  readLines(text, (line, number) => {
    const user = userOf(line, number);
    if (user === undefined) return;
    const hash = parsePasswordHash(user.password);
    if (hash === undefined) throw new LineError(number, whyNoPasswordHash(user.password));
    if (hashes.has(user.name)) throw new LineError(number, "names a user that is there already");
    hashes.set(user.name, hash);
  });
  return hashes;
}

/**
 * Parses the users of a list, such as one of a configuration.
 *
 * @throws RangeError for a password that is not a hash, with the command that makes one, and for a duplicate user
 */
export function passwordHashes(
  users: Iterable<{ readonly name: string; readonly passwordHash: string }>,
): PasswordHashes {
  const hashes = new Map<string, PasswordHash>();
  for (const { name, passwordHash } of users) {
    const hash = parsePasswordHash(passwordHash);
    if (hash === undefined) { // The text is not repeated.
      const why = isLikeHash(passwordHash) ? whyNoPasswordHash(passwordHash) : "is not a hash";
      throw new RangeError(`Cannot use the password of "${name}": it ${why}; "brooklet passwd -n" makes one`);
    }
    if (hashes.has(name)) throw new RangeError(`Cannot use the users: "${name}" is there twice`);
    hashes.set(name, hash);
  }
  return hashes;
}

/**
 * Text of a password file with a new hash for a user, who is appended if new. All other lines stay as they are.
 *
 * @throws RangeError for a name that is not possible in a password file
 */
export function withUser(text: string, name: string, hash: PasswordHash): string {
  if (!isUserName(name)) {
    throw new RangeError(
      `Cannot use the user name "${name}": it has ":" or a control character, or is too long or empty`,
    );
  }
  const entry = `${name}:${formatPasswordHash(hash)}`;
  const lines = linesOf(text);
  const at = lines.findIndex((line, index) => userOf(line, index + 1)?.name === name);
  return asText(at === -1 ? [...lines, entry] : lines.with(at, entry));
}

/** Text of a password file without a user; `undefined`: there is no such user. */
export function withoutUser(text: string, name: string): string | undefined {
  const lines = linesOf(text);
  const kept = lines.filter((line, index) => userOf(line, index + 1)?.name !== name);
  return kept.length === lines.length ? undefined : asText(kept);
}

/**
 * Text of a password file with a hash in place of each plain password; hashes stay as they are.
 *
 * @throws LineError for an unusable hash, such as one of other software, which is hardly meant as a password
 */
export async function withHashedPasswords(
  text: string,
  hash: (password: string) => Promise<PasswordHash>,
): Promise<string> {
  const lines = linesOf(text);
  const plain = new Map<number, UserLine>();
  for (const [index, line] of lines.entries()) {
    const user = userOf(line, index + 1);
    if (user === undefined || parsePasswordHash(user.password) !== undefined) continue;
    if (isLikeHash(user.password)) throw new LineError(index + 1, whyNoPasswordHash(user.password));
    plain.set(index, user);
  }
  for (const [index, { name, password }] of plain) lines[index] = `${name}:${formatPasswordHash(await hash(password))}`;
  return asText(lines);
}

/** User of a line; `undefined` for a comment and an empty line. */
function userOf(line: string, number: number): UserLine | undefined {
  if (line.startsWith("#") || line.trim() === "") return undefined;
  const colon = line.indexOf(":");
  if (colon === -1) throw new LineError(number, `has no ":"`);
  const name = line.slice(0, colon).trim(); // Trimmed, as by mosquitto.
  const password = line.slice(colon + 1).trim();
  if (!isUserName(name)) {
    throw new LineError(number, 'has no user name in front of its ":", or one that cannot be used');
  }
  if (password === "") throw new LineError(number, `has no password after its ":"`);
  return { name, password };
}

/** Whether the name is possible in a line of a password file and in CONNECT. */
export function isUserName(name: string): boolean {
  return name !== "" && name === name.trim() && !/[:\p{Cc}]/u.test(name) && !name.startsWith("#") &&
    new TextEncoder().encode(name).length <= 65_535;
}

function linesOf(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function asText(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
