import { LineError } from "../auth/line_error.ts";
import { isUserName, withHashedPasswords, withoutUser, withUser } from "../auth/password_file.ts";
import {
  DEFAULT_ITERATIONS,
  hashPassword,
  isLikeHash,
  MOST_ITERATIONS,
  type PasswordHash,
} from "../auth/password_hash.ts";
import { hashPasswordByArgon2id, hashPasswordByScrypt } from "../auth/phc_hash.ts";
import { type Command, command, type Given } from "./command.ts";
import { ConfigError } from "./config_error.ts";
import { readTextIfThere, replaceFile } from "./files.ts";
import { printLine, type ProgramInput, type ProgramIo, writeText } from "./program_io.ts";

/** Reports that the password file cannot be changed. */
export class PasswordFileError extends Error {
  override readonly name = "PasswordFileError";
}

const MOST_PASSWORD_BYTES = 65_535; // Binary Data (MQTT 5, section 1.5.6).

const OPTIONS = {
  c: { text: "create the file, or overwrite it" },
  b: { text: "take the password from the command line, where other users of the machine can see it" },
  D: { text: "delete the user" },
  U: {
    text: "replace passwords that are still plain by hashes; hashes stay as they are. A hash of other software " +
      "(bcrypt, apr1, {SSHA}) is an error, and the file stays as it is",
  },
  n: { text: "print the line of the user, and change no file" },
  hash: {
    value: "KIND",
    words: ["pbkdf2", "argon2id", "scrypt"],
    text:
      "pbkdf2, which is the default and which mosquitto 2.0 reads; argon2id, which is harder to guess, takes 46 MiB " +
      "a login and is read by mosquitto 2.1; or scrypt, which is harder to guess and takes 32 MiB a login",
  },
  iterations: {
    value: "N",
    text: `cost of a password by pbkdf2, ${DEFAULT_ITERATIONS} by default; each login costs as much`,
  },
} as const;

/** Change of a password file. */
interface PasswdOptions {
  readonly action: "set" | "delete" | "hash" | "print";
  readonly isNew: boolean;
  /** Empty for `print`. */
  readonly path: string;
  /** Empty for `hash`. */
  readonly userName: string;
  /** `undefined`: it is asked for. */
  readonly password: string | undefined;
  /** Makes the hash of a password. */
  readonly hash: (password: string) => Promise<PasswordHash>;
}

/** Command that changes a password file. Throws {@linkcode PasswordFileError}. */
export const PASSWD: Command = command({
  name: "passwd",
  usage: [
    "passwd [options] FILE USER",
    "passwd [options] -b FILE USER PASSWORD",
    "passwd -D FILE USER",
    "passwd -U FILE",
    "passwd -n USER",
  ],
  text:
    "Changes a password file. mosquitto 2.1 can read it too unless it has hashes of scrypt, mosquitto 2.0 unless it " +
    "has hashes of argon2id or scrypt. " +
    "The password is asked for; without a terminal, it is the first line of standard input.",
  options: OPTIONS,
  endsOptionsEarly: true, // A password may begin with "-".
  run: (given, io) => passwd(optionsOf(given), io),
});

async function passwd(options: PasswdOptions, io: ProgramIo): Promise<number> {
  const { action, path, userName, hash } = options;
  switch (action) {
    case "print":
      printLine(io.stdout, withUser("", userName, await newHash(options, io)).trimEnd());
      return 0;
    case "delete":
      return await change(path, false, io, (text) => {
        const without = withoutUser(text, userName);
        if (without === undefined) {
          throw new PasswordFileError(`Cannot delete "${userName}": "${path}" has no such user`);
        }
        return without;
      });
    case "hash":
      return await change(path, false, io, (text) => withHashedPasswords(text, hash));
    case "set":
      return await change(
        path,
        options.isNew,
        io,
        async (text) => withUser(text, userName, await newHash(options, io)),
      );
  }
}

/** Checks options and operands together; throws {@linkcode ConfigError}. */
function optionsOf({ values, operands: [...operands] }: Given<typeof OPTIONS>): PasswdOptions {
  const { b: isBatch, c: isNew, D: isDelete, U: isHash, n: isPrint } = values;
  const action = isDelete ? "delete" : isHash ? "hash" : isPrint ? "print" : "set";
  const switches = [isDelete, isHash, isPrint].filter(Boolean).length;
  if (switches > 1 || (isNew && action !== "set") || (isBatch && (isDelete || isHash))) throw usage();
  const path = action === "print" ? "" : operands.shift();
  const userName = action === "hash" ? "" : operands.shift();
  const password = isBatch ? operands.shift() : undefined;
  if (path === undefined || userName === undefined || operands.length > 0) throw usage();
  if (isBatch && password === undefined) throw usage();
  if ((action === "set" || action === "print") && !isUserName(userName)) {
    throw new ConfigError(`Cannot use the user name "${userName}": it is empty, or has ":" or a control character`);
  }
  if (password === "") throw new ConfigError("Cannot set the password: it is empty");
  return { action, isNew, path, userName, password, hash: hashOf(values.hash, values.iterations) };
}

function hashOf(kind: string | undefined, iterations: string | undefined): PasswdOptions["hash"] {
  switch (kind) {
    case undefined:
    case "pbkdf2": {
      const count = parseIterations(iterations);
      return (password) => hashPassword(password, count);
    }
    case "argon2id":
    case "scrypt":
      if (iterations !== undefined) throw new ConfigError(`Options --hash ${kind} and --iterations do not go together`);
      return (password) => kind === "scrypt" ? hashPasswordByScrypt(password) : hashPasswordByArgon2id(password);
    default:
      throw new ConfigError(`--hash "${kind}" is not one of "pbkdf2", "argon2id" and "scrypt"`);
  }
}

function parseIterations(text: string | undefined): number {
  if (text === undefined) return DEFAULT_ITERATIONS;
  const iterations = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (iterations >= 1 && iterations <= MOST_ITERATIONS) return iterations;
  throw new ConfigError(`--iterations "${text}" is not an integer between 1 and ${MOST_ITERATIONS}`);
}

function usage(): ConfigError {
  return new ConfigError(
    `Write "brooklet passwd [-c] [-b] FILE USER": "brooklet passwd --help" lists what else there is`,
  );
}

async function newHash({ userName, password, hash }: PasswdOptions, io: ProgramIo): Promise<PasswordHash> {
  const given = password ?? await askPassword(userName, io);
  if (isLikeHash(given)) { // Copied from another file: a hash that others may have seen would be the password.
    throw new ConfigError("Cannot set the password: it is a hash; give the password itself");
  }
  return await hash(given);
}

/**
 * Asks for a password: at a terminal twice and without showing it, otherwise as the first line of standard input. Throws
 * {@linkcode ConfigError} if there is none, or if the two differ.
 *
 * By node:readline and not by promptSecret of @std/cli: that one asks on standard output, where `-n` prints, cuts
 * characters that a backspace erases into bytes, and leaves the terminal to ^C (1.4.0, 2026-11-30).
 */
async function askPassword(userName: string, { stdin, stderr }: ProgramIo): Promise<string> {
  if (!stdin.isTerminal()) return checkedPassword(await firstLine(stdin));
  // Loaded only here, so that the broker starts without them.
  const [{ default: process }, { createInterface }, { Writable }] = await Promise.all([
    import("node:process"),
    import("node:readline"),
    import("node:stream"),
  ]);
  const output = new Writable({ write: (_chunk, _encoding, done) => done() }); // Shows nothing.
  const lines = createInterface({ input: process.stdin, output, terminal: true, historySize: 0 });
  for (const event of ["SIGINT", "SIGTSTP"]) lines.on(event, () => lines.close());
  const typed = lines[Symbol.asyncIterator]();
  const answer = async (question: string) => {
    writeText(stderr, question);
    const { done = false, value } = await typed.next();
    writeText(stderr, "\n");
    if (done) throw new ConfigError("Cannot set the password: cancelled");
    return String(value);
  };
  try {
    const password = await answer(`Password for ${userName}: `);
    if (await answer("The same again: ") === password) return checkedPassword(password);
    throw new ConfigError("Cannot set the password: the two are not the same");
  } finally {
    lines.close(); // The terminal is as before.
  }
}

function checkedPassword(text: string): string {
  if (text === "") throw new ConfigError("Cannot set the password: it is empty");
  if (text.includes("\ufffd")) throw new ConfigError("Cannot set the password: it is not UTF-8");
  return text;
}

async function firstLine(stdin: ProgramInput): Promise<string> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const chunk = new Uint8Array(1_024);
  let text = "";
  for (let count = await stdin.read(chunk); count !== null; count = await stdin.read(chunk)) {
    text += decoder.decode(chunk.subarray(0, count), { stream: true });
    const end = text.indexOf("\n");
    if (end !== -1) return text.slice(0, end).replace(/\r$/, "");
    if (text.length > MOST_PASSWORD_BYTES) throw new ConfigError("Cannot set the password: it is too long");
  }
  return text + decoder.decode();
}

/** Reads the file, and replaces it by its changed text. */
async function change(
  path: string,
  isNew: boolean,
  { stderr }: ProgramIo,
  changed: (text: string) => string | Promise<string>,
): Promise<number> {
  const text = isNew ? "" : await readFile(path);
  const result = await orWhy(path, async () => await changed(text));
  if (await orWhy(path, () => replaceFile(path, result)) === "written in place") {
    printLine(stderr, `brooklet: "${path}" is a mount of its own: it was written in place, not replaced at once`);
  }
  return 0;
}

async function readFile(path: string): Promise<string> {
  const text = await orWhy(path, () => readTextIfThere(path));
  if (text !== undefined) return text;
  throw new PasswordFileError(`Cannot change "${path}": there is no such file; -c makes it`);
}

async function orWhy<Result>(path: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof ConfigError || error instanceof PasswordFileError || !(error instanceof Error)) throw error;
    const why = error instanceof LineError ? error.message : `${error.name}: ${error.message}`;
    throw new PasswordFileError(`Cannot change "${path}": ${why}`);
  }
}
