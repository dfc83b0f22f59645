import type { BrokerKind } from "./broker_under_test.ts";
import type { LoadRow, Measure } from "./loads.ts";

type BrokerName = BrokerKind["name"];

/** Against whom the others are compared. */
export const REFERENCE: BrokerName = "mosquitto";

/** Figures of one broker in one measure. */
export interface Reached {
  /** One of each round; `null` where the run failed. */
  readonly values: readonly (number | null)[];
  readonly median: number | null;
  /** Times as good as {@linkcode REFERENCE} in the same round: median, worst and best of the rounds. */
  readonly ratio: { readonly median: number; readonly least: number; readonly most: number } | null;
  /** Faults of its runs, if there were any. */
  readonly faults: readonly string[];
}

/** One line of the table. */
export interface ComparedRow {
  readonly load: string;
  readonly measure: string;
  readonly unit: string;
  readonly isHigherBetter: boolean;
  readonly reached: Readonly<Partial<Record<BrokerName, Reached>>>;
}

/** Figures of one load, by broker: one item for each round. */
export type RoundsOf = ReadonlyMap<BrokerName, readonly Round[]>;

export interface Round {
  /** One of each measure, in its order. */
  readonly values: readonly (number | undefined)[];
  readonly fault: string | undefined;
}

/** The lines of one load. */
export function comparedRows(load: LoadRow, rounds: RoundsOf): ComparedRow[] {
  return load.measures.map((measure, place) => ({
    load: load.name,
    measure: measure.name,
    unit: measure.unit,
    isHigherBetter: measure.isHigherBetter,
    reached: Object.fromEntries(
      [...rounds].map(([name, own]) => [name, reachedOf(measure, place, own, rounds.get(REFERENCE))]),
    ),
  }));
}

export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[sorted.length - 1 - middle], sorted[middle]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

function reachedOf(
  { isHigherBetter, isCompared = true }: Measure,
  place: number,
  own: readonly Round[],
  reference: readonly Round[] | undefined,
): Reached {
  const values = own.map((round) => round.values[place]);
  const ratios = values.flatMap((value, round) => {
    const other = reference?.[round]?.values[place];
    if (!isCompared || value === undefined || other === undefined || value <= 0 || other <= 0) return [];
    return [isHigherBetter ? value / other : other / value];
  });
  const middle = median(ratios);
  return {
    values: values.map((value) => value ?? null),
    median: median(values.filter((value) => value !== undefined)),
    ratio: middle === null ? null : { median: middle, least: Math.min(...ratios), most: Math.max(...ratios) },
    faults: [...new Set(own.flatMap(({ fault }) => fault === undefined ? [] : [fault]))],
  };
}
