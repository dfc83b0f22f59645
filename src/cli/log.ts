/** Writes one line to standard error, with the time in front. */
export type LogLine = (line: string) => void;

const ENCODER = new TextEncoder();

/** Lines on standard error. A terminal that is gone ends nothing. */
export function stderrLog(): LogLine {
  return (line) => {
    const time = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    try {
      Deno.stderr.writeSync(ENCODER.encode(`${time}: ${line}\n`));
    } catch {
      // Nobody reads it any more; the broker goes on.
    }
  };
}

/** What a client sent, fit for one line: control characters are written as escapes. */
export function printable(text: string): string {
  // Everything that could begin a new line or steer a terminal.
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
