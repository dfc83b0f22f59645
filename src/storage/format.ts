/**
 * Version of what the rows of a database and the lines of a dump may contain. Any change of that raises
 * {@linkcode FORMAT}, keeps a file and a dump of the version in tests/storage/versions, and leaves the earlier versions
 * readable. A build reads every format whose `needs` it knows:
 *
 * ```text
 * version 3, needs 2   has fields that a build of version 2 skips: a block of fields in a record, see `HAS_MORE`, a kind
 *                      of row from `FIRST_SKIPPED` on, any field or kind of change in a dump
 * version 4, needs 4   cannot be read by earlier builds, which name the Brooklet that it needs
 * ```
 *
 * Version 1 is all that was written before there was this rule.
 */
export interface Format {
  readonly version: number;
  /** Version that a build has to know in order to read it. */
  readonly needs: number;
  /** First Brooklet that knows `needs`. */
  readonly brooklet: string;
}

/** Format that this build writes. */
export const FORMAT: Format = { version: 2, needs: 2, brooklet: "0.1.0" };

/** Reason why this build cannot read a format; `undefined`: it can. */
export function whyUnreadable({ version, needs, brooklet }: Format): string | undefined {
  if (needs <= FORMAT.version) return undefined;
  const needed = brooklet === "" ? "a later Brooklet" : `Brooklet ${brooklet} or a later one`;
  return `its format is version ${version}, which needs ${needed}: this one reads versions 1 to ${FORMAT.version}`;
}
