/** A system call that came back, as `strace -f -xx` writes it. */
export interface SystemCall {
  readonly name: string;
  /** Its first argument. */
  readonly descriptor: number;
  readonly result: number;
  /** Whether there is more of it than is shown. */
  readonly isCut: boolean;
  /** What was read or written. */
  readonly bytes: Uint8Array;
  /** Lines of the log: the order in which calls of all threads began and came back. */
  readonly begun: number;
  readonly ended: number;
}

const UNFINISHED = " <unfinished ...>";

/** The calls of a log, in the order in which they came back; each `close` when it begins: its number is free before it is back. */
export function* systemCalls(log: string): Generator<SystemCall> {
  const unfinished = new Map<string, { readonly text: string; readonly line: number }>();
  for (const [line, whole] of log.split("\n").entries()) {
    const [, thread = "", text = ""] = /^(\d+)\s+(.*)$/.exec(whole) ?? [];
    const [, closed] = /^close\((\d+)(?:\)| )/.exec(text) ?? [];
    if (closed !== undefined) {
      yield {
        name: "close",
        descriptor: Number(closed),
        result: 0,
        isCut: false,
        bytes: new Uint8Array(),
        begun: line,
        ended: line,
      };
      continue;
    }
    if (text.endsWith(UNFINISHED)) {
      unfinished.set(thread, { text: text.slice(0, -UNFINISHED.length), line });
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>/.exec(text);
    const head = resumed === null ? undefined : unfinished.get(thread);
    const joined = (head?.text ?? "") + text.slice(resumed?.[0].length ?? 0);
    const call = /^(\w+)\((\d+)(.*)\)\s+= (-?\d+)/.exec(joined);
    if (call === null) continue;
    const [, name = "", descriptor, rest = "", result] = call;
    yield {
      name,
      descriptor: Number(descriptor),
      result: Number(result),
      isCut: rest.includes(`"...`),
      bytes: quotedBytes(rest).subarray(0, Math.max(0, Number(result))),
      begun: head?.line ?? line,
      ended: line,
    };
  }
}

/** Strings in the form "\x01\x02", put together. */
function quotedBytes(text: string): Uint8Array {
  const quoted = text.match(/"(?:\\x[0-9a-f]{2})*"/g) ?? [];
  const bytes = quoted.flatMap((part) => part.match(/[0-9a-f]{2}/g) ?? []);
  return Uint8Array.from(bytes, (byte) => Number.parseInt(byte, 16));
}
