import type { MosquittoRow } from "../../protocol/limit_table.ts";

/** Spelling of Infinity. */
export const UNLIMITED = "unlimited";

/** Facts of a row beside its type, which has range and default; they are in the shape too, see shape.ts. */
export interface RowFacts {
  /** Meaning, for the reference and for editors. */
  readonly description: string;
  readonly unit?: string;
  /** Whether it cannot change while the broker runs: SIGHUP is refused then. */
  readonly isFixed?: boolean;
  /** Key of mosquitto.conf for the same. */
  readonly mosquitto?: MosquittoRow<unknown>;
}

/** Facts of a row, for `meta()` of its type. */
export function row(
  text: string,
  { isFixed = false, mosquitto, unit }: {
    readonly isFixed?: boolean;
    readonly mosquitto?: string | MosquittoRow<unknown> | undefined;
    readonly unit?: string;
  },
): RowFacts & Record<string, unknown> {
  return {
    description: isFixed ? `${text} Fixed until a restart.` : text,
    ...isFixed ? { isFixed } : {},
    ...unit === undefined ? {} : { unit },
    ...mosquitto === undefined ? {} : { mosquitto: typeof mosquitto === "string" ? { key: mosquitto } : mosquitto },
  };
}
