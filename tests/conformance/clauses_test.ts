import { assert, assertEquals } from "@std/assert";
import { LEDGERS } from "./clauses.ts";
import { faultsOf, type Ledger, stateOf, STATES, writtenTwice } from "./ledger.ts";
import { conformanceTable } from "./report.ts";
import { testNames } from "./test_names.ts";

const { test } = Deno;
const ALL_TESTS = await testNames();

Deno.test("every statement of MQTT 5 and 3.1.1 has a proof by tests that exist, or a reason", () => {
  assertEquals(Deno.test, test, "testNames() gives Deno.test back");
  assertEquals(LEDGERS.flatMap((ledger) => faultsOf(ledger, ALL_TESTS)), []);
});

Deno.test("a test that the ledger names cannot be renamed unnoticed", () => {
  for (const ledger of LEDGERS) {
    for (
      const name of new Set(Object.values(ledger.clauses).flatMap((proof) => typeof proof === "string" ? [] : proof))
    ) {
      const others = new Set(ALL_TESTS);
      others.delete(name);
      const fault = faultsOf(ledger, others).find((one) => one.endsWith(`names a test that does not exist: ${name}`));
      assert(fault !== undefined, name);
    }
  }
});

for (const file of ["mqtt5_clauses.ts", "mqtt311_clauses.ts"]) {
  Deno.test(`${file} says no statement twice`, async () => {
    assertEquals(writtenTwice(await Deno.readTextFile(new URL(file, import.meta.url))), []);
  });
}

const GOOD: Ledger = {
  specification: "MQTT 5",
  protocolVersion: 5,
  identifiers: ["MQTT-1.0.0-1", "MQTT-1.0.0-2", "MQTT-1.0.0-3"],
  clauses: {
    "MQTT-1.0.0-1": ["PUBLISH is answered v5", "PUBLISH is read"],
    "MQTT-1.0.0-2": "client duty",
    "MQTT-1.0.0-3": "not observable: nobody sees it",
  },
};
const NAMES = ["PUBLISH is answered v4", "PUBLISH is answered v5", "PUBLISH is read"];

interface Sample {
  readonly name: string;
  readonly identifiers?: readonly string[];
  readonly clauses?: Ledger["clauses"];
  readonly names?: readonly string[];
  readonly faults: readonly string[];
}

const SAMPLES: readonly Sample[] = [
  { name: "nothing in a ledger that is whole", faults: [] },
  {
    name: "a statement that is missing",
    identifiers: [...GOOD.identifiers, "MQTT-1.0.0-4"],
    faults: ["MQTT-1.0.0-4 is missing"],
  },
  {
    name: "a statement that is none",
    clauses: { ...GOOD.clauses, "MQTT-1.0.0-9": "client duty" },
    faults: ["MQTT-1.0.0-9 is no statement"],
  },
  {
    name: "an identifier that stands twice in the list",
    identifiers: [...GOOD.identifiers, "MQTT-1.0.0-1"],
    faults: ["MQTT-1.0.0-1 stands twice in the list of identifiers"],
  },
  {
    name: "a test that was renamed",
    names: ["PUBLISH is answered v4", "PUBLISH is answered at once v5", "PUBLISH is read"],
    faults: ["MQTT-1.0.0-1 names a test that does not exist: PUBLISH is answered v5"],
  },
  {
    name: "a test whose version is not run any more",
    names: ["PUBLISH is answered v4", "PUBLISH is read"],
    faults: ["MQTT-1.0.0-1 names a test that does not exist: PUBLISH is answered v5"],
  },
  {
    name: "a test of another version",
    clauses: { ...GOOD.clauses, "MQTT-1.0.0-1": ["PUBLISH is answered v4"] },
    faults: ["MQTT-1.0.0-1 names a test of another version: PUBLISH is answered v4"],
  },
  {
    name: "a test that is named twice",
    clauses: { ...GOOD.clauses, "MQTT-1.0.0-1": ["PUBLISH is read", "PUBLISH is read"] },
    faults: ["MQTT-1.0.0-1 names a test twice: PUBLISH is read"],
  },
];

for (const { name, faults, identifiers = GOOD.identifiers, clauses = GOOD.clauses, names = NAMES } of SAMPLES) {
  Deno.test(`faultsOf() reports ${name}`, () => {
    assertEquals(faultsOf({ ...GOOD, identifiers, clauses }, new Set(names)), [...faults]);
  });
}

Deno.test("writtenTwice() finds a statement that a source has twice", () => {
  const source = `{\n  "MQTT-1.0.0-1": ["a"],\n  "MQTT-1.0.0-2": "client duty",\n  "MQTT-1.0.0-1": ["b"],\n}`;
  assertEquals(writtenTwice(source), ["MQTT-1.0.0-1"]);
});

Deno.test("stateOf() knows all states", () => {
  assertEquals(
    [stateOf(["a"]), stateOf("client duty"), stateOf("not observable: x"), stateOf("open: x")],
    [...STATES],
  );
});

Deno.test("conformanceTable() counts, and lists what is open", () => {
  const clauses: Ledger["clauses"] = { ...GOOD.clauses, "MQTT-1.0.0-3": "open: no test yet" };
  const other: Ledger = { ...GOOD, specification: "MQTT 3.1.1", identifiers: [], clauses: {} };
  assertEquals(
    conformanceTable([{ ...GOOD, clauses }, other]),
    [
      "| Statements     | MQTT 5 | MQTT 3.1.1 |",
      "| -------------- | -----: | ---------: |",
      "| proved         |      1 |          0 |",
      "| client duty    |      1 |          0 |",
      "| not observable |      0 |          0 |",
      "| open           |      1 |          0 |",
      "| together       |      3 |          0 |",
      "",
      "MQTT 5, MQTT-1.0.0-3 is open: no test yet",
    ].join("\n"),
  );
});
