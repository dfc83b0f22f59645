/** Names of tests that prove a statement for the broker, exactly as the runner prints them, or why none can. */
export type Proof =
  | readonly [string, ...string[]]
  | "client duty"
  | `not observable: ${string}`
  | `open: ${string}`;

/** Proofs by statement identifier. */
export type Clauses = Readonly<Record<string, Proof>>;

/** What is claimed of one version. */
export interface Ledger {
  readonly specification: string;
  /** Tests of one version end their name with it. */
  readonly protocolVersion: 4 | 5;
  readonly identifiers: readonly string[];
  readonly clauses: Clauses;
}

/** What can be said of a statement. */
export const STATES = ["proved", "client duty", "not observable", "open"] as const;
export type State = typeof STATES[number];

/** What is said of a statement. */
export function stateOf(proof: Proof): State {
  if (typeof proof !== "string") return "proved";
  return STATES.find((state) => proof.startsWith(state)) ?? "open";
}

/** Whatever keeps the ledger from being the whole truth, a line each. */
export function faultsOf({ identifiers, clauses, protocolVersion }: Ledger, testNames: ReadonlySet<string>): string[] {
  const faults = [
    ...twice(identifiers).map((identifier) => `${identifier} stands twice in the list of identifiers`),
    ...identifiers.filter((identifier) => !Object.hasOwn(clauses, identifier)).map((one) => `${one} is missing`),
  ];
  const known = new Set(identifiers);
  for (const [identifier, proof] of Object.entries(clauses)) {
    if (!known.has(identifier)) faults.push(`${identifier} is no statement`);
    if (typeof proof === "string") continue;
    for (const name of twice(proof)) faults.push(`${identifier} names a test twice: ${name}`);
    for (const name of proof) {
      const version = / v([345])$/.exec(name)?.[1];
      if (!testNames.has(name)) faults.push(`${identifier} names a test that does not exist: ${name}`);
      else if (version !== undefined && Number(version) !== protocolVersion) {
        faults.push(`${identifier} names a test of another version: ${name}`);
      }
    }
  }
  return faults;
}

/** Identifiers that the source of a ledger has twice: only the last one would count. */
export function writtenTwice(source: string): string[] {
  return twice(Array.from(source.matchAll(/^ *"(MQTT-[\d.]+-\d+)":/gm), ([, identifier = ""]) => identifier));
}

function twice(items: readonly string[]): string[] {
  return items.filter((item, index) => items.indexOf(item) !== index);
}
