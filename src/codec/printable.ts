/** Characters that could begin a new line, control a terminal, or turn the direction of a text. */
export const STEERING: RegExp = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
/** Longest part shown of a name that a client chose: it may have 65,535 characters, and is in each of its lines. */
const LONGEST_SHOWN = 1_000;

/** Text of a client, made safe for one line: control characters are escaped, and a long text is shortened. */
export function printable(text: string): string {
  const shown = text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}... (${text.length} characters)` : text;
  return shown.replace(STEERING, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
