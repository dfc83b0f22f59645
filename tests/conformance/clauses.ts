/**
 * The ledger: every normative statement of MQTT 5 and 3.1.1, and what proves it. A statement about the client alone that
 * the broker checks has the test of the check.
 */

import { MQTT_311_IDENTIFIERS, MQTT_5_IDENTIFIERS } from "./identifiers.ts";
import type { Ledger } from "./ledger.ts";
import { MQTT_311_CLAUSES } from "./mqtt311_clauses.ts";
import { MQTT_5_CLAUSES } from "./mqtt5_clauses.ts";

export const LEDGERS: readonly Ledger[] = [
  { specification: "MQTT 5", protocolVersion: 5, identifiers: MQTT_5_IDENTIFIERS, clauses: MQTT_5_CLAUSES },
  { specification: "MQTT 3.1.1", protocolVersion: 4, identifiers: MQTT_311_IDENTIFIERS, clauses: MQTT_311_CLAUSES },
];
