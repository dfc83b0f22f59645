/** Password files of mosquitto: `name:hash` in each line, and lines that begin with `#`. */

import { LineError } from "./line_error.ts";
import {
  formatPasswordHash,
  isLikeHash,
  parsePasswordHash,
  type PasswordHash,
  whyNoPasswordHash,
} from "./password_hash.ts";

/** Hashes by user name. */
export type PasswordHashes = ReadonlyMap<string, PasswordHash>;

/** A line of a password file that names a user. */
interface UserLine {
  readonly name: string;
  readonly password: string;
}

/**
 * Users of a password file.
 *
 * @throws LineError for a line that is not `name:hash`, such as one with a plain password, and for a user that is there twice
 */
export function parsePasswordFile(text: string): PasswordHashes {
  const hashes = new Map<string, PasswordHash>();
  for (const [index, line] of text.split("\n").entries()) {
    const user = userOf(line, index + 1);
    if (user === undefined) continue;
    const hash = parsePasswordHash(user.password);
    if (hash === undefined) throw new LineError(index + 1, whyNoPasswordHash(user.password));
    if (hashes.has(user.name)) throw new LineError(index + 1, "names a user that is there already");
    hashes.set(user.name, hash);
  }
  return hashes;
}

/**
 * Users of a list, such as one of a configuration.
 *
 * @throws RangeError for a password that is not a hash, with the command that makes one, and for a user that is there twice
 */
export function passwordHashes(
  users: Iterable<{ readonly name: string; readonly passwordHash: string }>,
): PasswordHashes {
  const hashes = new Map<string, PasswordHash>();
  for (const { name, passwordHash } of users) {
    const hash = parsePasswordHash(passwordHash);
    if (hash === undefined) { // What it says instead is not repeated.
      const why = isLikeHash(passwordHash) ? whyNoPasswordHash(passwordHash) : "is not a hash";
      throw new RangeError(`Cannot use the password of "${name}": it ${why}; "brooklet passwd -n" makes one`);
    }
    if (hashes.has(name)) throw new RangeError(`Cannot use the users: "${name}" is there twice`);
    hashes.set(name, hash);
  }
  return hashes;
}

/**
 * The text of a password file with another hash for a user, who is put at its end if new. All other lines stay as they are.
 *
 * @throws RangeError for a name that a password file cannot have
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

/** The text of a password file without a user; `undefined`: there is none of this name. */
export function withoutUser(text: string, name: string): string | undefined {
  const lines = linesOf(text);
  const kept = lines.filter((line, index) => userOf(line, index + 1)?.name !== name);
  return kept.length === lines.length ? undefined : asText(kept);
}

/**
 * The text of a password file with a hash in place of each password that is still plain; hashes stay as they are.
 *
 * @throws LineError for a hash that cannot be used, such as one of other software: as a password nobody meant it
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

/** `undefined` for a comment and an empty line. */
function userOf(line: string, number: number): UserLine | undefined {
  if (line.startsWith("#") || line.trim() === "") return undefined;
  const colon = line.indexOf(":");
  if (colon === -1) throw new LineError(number, `has no ":"`);
  const name = line.slice(0, colon).trim(); // As mosquitto reads it.
  const password = line.slice(colon + 1).trim();
  if (!isUserName(name)) {
    throw new LineError(number, 'has no user name in front of its ":", or one that cannot be used');
  }
  if (password === "") throw new LineError(number, `has no password behind its ":"`);
  return { name, password };
}

/** Whether a line of a password file can have the name, and CONNECT can say it. */
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
