/** Lines of `brooklet trace`, about a capture or about what happens now. */

import type { Entry } from "../admin/dissect/conversation.ts";
import { printable } from "../codec/printable.ts";

/** Subject of a line: a packet, or a note about the connection that carries it. */
export interface TracedItem {
  /** Number of the packet. */
  readonly number: number;
  /** Seconds since the first. */
  readonly seconds: number;
  readonly client: string;
  readonly isSent: boolean;
  readonly isWebSocket: boolean;
  readonly entry?: Entry | undefined;
  readonly note?: string | undefined;
}

/** Line of an item; `numberOf` gives the number of a packet that it answers. */
export function traceLine(item: TracedItem, numberOf: (entry: Entry) => number | undefined): string {
  const { number, seconds, client, isSent, isWebSocket, entry, note } = item;
  const head = `${`${number}`.padStart(5)} ${seconds.toFixed(3).padStart(8)} ${printable(client)} ${
    isSent ? "◂" : "▸"
  }`;
  if (entry === undefined) return `${head} ${printable(note ?? "")}`;
  const { summary, bytes, wireBytes = bytes.length, pieces = [], answers, timeMs } = entry;
  const count = pieces.length;
  const parts = [
    `${wireBytes} B${count > 1 ? ` in ${count} ${isWebSocket ? "frames" : "segments"}` : ""}`,
    ...answers === undefined
      ? []
      : [`answers ${numberOf(answers) ?? "?"} after ${(timeMs - answers.timeMs).toFixed(1)} ms`],
  ];
  return `${head} ${printable(`${summary.packet} ${summary.details}`.trimEnd())} [${parts.join(", ")}]`;
}

/** Lines of the fields of a packet. The dissector is loaded here, so that the broker starts without it. */
export async function* treeLines(entry: Entry): AsyncIterable<string> {
  const { dissectEntry } = await import("../admin/dissect/conversation.ts");
  const { treeText } = await import("../admin/dissect/dissector.ts");
  const dissection = dissectEntry(entry);
  for (const line of treeText(dissection).trimEnd().split("\n")) yield `    ${printable(line)}`;
  const { flaw } = dissection;
  if (flaw === undefined) return;
  const bytes = Array.from(entry.bytes.subarray(flaw.start, flaw.end), (byte) => byte.toString(16).padStart(2, "0"));
  yield `    Malformed at byte ${flaw.start} (${bytes.slice(0, 16).join(" ")}): ${printable(flaw.message)}`;
  if (flaw.answer !== undefined) yield `    Answer of Brooklet: ${flaw.answer}`;
}
