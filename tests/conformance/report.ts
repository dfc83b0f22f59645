/** What `deno task conformance` prints: how many statements of each version are proved. Fails like the ledger's test. */

import { LEDGERS } from "./clauses.ts";
import { faultsOf, type Ledger, type State, stateOf, STATES } from "./ledger.ts";
import { testNames } from "./test_names.ts";

/** The table for docs/guarantees.md, and whatever is open below it. */
export function conformanceTable(ledgers: readonly Ledger[]): string {
  const width = Math.max(...STATES.map(({ length }) => length));
  const row = (name: string, cells: readonly (string | number)[]) =>
    `| ${name.padEnd(width)} | ${
      cells.map((cell, index) => String(cell).padStart(ledgers[index]?.specification.length ?? 0)).join(" | ")
    } |`;
  const counts = ledgers.map(({ clauses }) => countStates(clauses));
  const open = ledgers.flatMap(({ specification, clauses }) =>
    Object.entries(clauses).filter(([, proof]) => stateOf(proof) === "open")
      .map(([identifier, proof]) => `${specification}, ${identifier} is ${proof}`)
  );
  return [
    row("Statements", ledgers.map(({ specification }) => specification)),
    `| ${"-".repeat(width)} | ${
      ledgers.map(({ specification: { length } }) => `${"-".repeat(length - 1)}:`).join(" | ")
    } |`,
    ...STATES.map((state) => row(state, counts.map((count) => count[state]))),
    row("together", ledgers.map(({ clauses }) => Object.keys(clauses).length)),
    ...(open.length > 0 ? ["", ...open] : []),
  ].join("\n");
}

function countStates(clauses: Ledger["clauses"]): Record<State, number> {
  const count = { proved: 0, "client duty": 0, "not observable": 0, open: 0 };
  for (const proof of Object.values(clauses)) count[stateOf(proof)] += 1;
  return count;
}

if (import.meta.main) {
  console.log(conformanceTable(LEDGERS));
  const names = await testNames();
  const faults = LEDGERS.flatMap((ledger) => faultsOf(ledger, names));
  for (const fault of faults) console.error(fault);
  Deno.exit(faults.length === 0 ? 0 : 1);
}
