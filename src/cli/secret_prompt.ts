import { ConfigError } from "./config_error.ts";
import { type ProgramInput, type ProgramIo, writeText } from "./program_io.ts";

const ENTER = [0x0a, 0x0d];
const ERASE = [0x08, 0x7f];
const CANCEL = [0x03, 0x1a, 0x1c]; // ^C, ^Z, ^\
const END = 0x04; // ^D
const CLEAR_LINE = 0x15; // ^U
const MOST_BYTES = 65_535;

/**
 * Asks for a password: at a terminal twice and without showing it, otherwise as the first line of standard input.
 * Throws {@linkcode ConfigError} if there is none, or if the two differ.
 */
export async function askPassword(userName: string, io: ProgramIo): Promise<string> {
  if (!io.stdin.isTerminal()) return textOf(await readLine(io.stdin));
  const password = await hiddenLine(`Password for ${userName}: `, io);
  const again = await hiddenLine("The same again: ", io);
  if (!isSame(password, again)) throw new ConfigError("Cannot set the password: the two are not the same");
  return textOf(password);
}

function textOf(bytes: readonly number[]): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
    if (text !== "") return text;
  } catch {
    throw new ConfigError("Cannot set the password: it is not UTF-8");
  }
  throw new ConfigError("Cannot set the password: it is empty");
}

async function readLine(stdin: ProgramInput): Promise<number[]> {
  const line: number[] = [];
  const chunk = new Uint8Array(1_024);
  for (let count = await stdin.read(chunk); count !== null; count = await stdin.read(chunk)) {
    for (const byte of chunk.subarray(0, count)) {
      if (byte === 0x0a) return line.at(-1) === 0x0d ? line.slice(0, -1) : line;
      line.push(byte);
    }
    if (line.length > MOST_BYTES) throw new ConfigError("Cannot set the password: it is too long");
  }
  return line;
}

async function hiddenLine(question: string, { stdin, stderr }: ProgramIo): Promise<number[]> {
  stdin.setRaw(true); // Before the question: early typing is not shown either.
  try {
    writeText(stderr, question);
    return await rawLine(stdin);
  } finally {
    stdin.setRaw(false);
    writeText(stderr, "\n");
  }
}

/** Line typed up to Enter, edited as a terminal would. */
async function rawLine(stdin: ProgramInput): Promise<number[]> {
  const line: number[] = [];
  const chunk = new Uint8Array(1);
  for (;;) {
    const count = await stdin.read(chunk);
    const [byte = END] = chunk.subarray(0, count ?? 0);
    if (ENTER.includes(byte)) return line;
    if (CANCEL.includes(byte) || (byte === END && line.length === 0)) {
      throw new ConfigError("Cannot set the password: cancelled");
    }
    if (byte === END) return line;
    if (byte === CLEAR_LINE) line.length = 0;
    else if (ERASE.includes(byte)) eraseCharacter(line);
    else if (line.length < MOST_BYTES) line.push(byte);
  }
}

/** Erases the last character: all of its bytes in UTF-8. */
function eraseCharacter(line: number[]): void {
  for (let last = line.pop(); last !== undefined && (last & 0xc0) === 0x80; last = line.pop());
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
