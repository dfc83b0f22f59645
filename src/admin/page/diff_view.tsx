import { lineDiff } from "./line_diff.ts";
import { prettyJson, shownAs } from "./payload_bytes.ts";
import { duration } from "./text.ts";
import type { SeenValue } from "./seen_values.ts";

/** Differences between a value and the one before it. */
export function DiffView(
  { before, now }: {
    readonly before: SeenValue | undefined;
    readonly now: SeenValue;
  },
) {
  if (before === undefined) {
    return (
      <p class="muted">
        There is one value so far: the next one is compared with it while this page is open
      </p>
    );
  }
  const rows = lineDiff(linesOf(before.data), linesOf(now.data));
  return (
    <>
      <p class="note">
        {duration(Math.max(0, now.atMs - before.atMs))} after the value before it
      </p>
      <pre class="value diff" tabIndex={0} aria-label="Differences">
        {rows.map(({ kind, text }, index) => {
          const line = `${{ same: " ", gone: "−", new: "+" }[kind]} ${text}\n`;
          if (kind === "same") return <span key={index}>{line}</span>;
          return kind === "gone" ? <del key={index}>{line}</del> : <ins key={index}>{line}</ins>;
        })}
      </pre>
    </>
  );
}

/** Lines that are compared: of JSON one for each member, of what is no text its bytes. */
function linesOf(data: Uint8Array): string[] {
  return (prettyJson(data) ?? shownAs("text", data) ?? shownAs("hex", data) ??
    "").split("\n");
}
