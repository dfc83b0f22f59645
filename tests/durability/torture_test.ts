/** The program is killed under load again and again, and the same clients go on: `deno task torture` does it for longer. */

import { assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { printFigure } from "../hostile/broker_child.ts";
import { withSeed } from "../hostile/with_seed.ts";
import { inForm } from "../form.ts";
import { torture } from "./torture.ts";

const CYCLES = inForm(3, 20, 200);
const LEAST_ACKNOWLEDGED = 500;

Deno.test("kill -9 under load loses nothing that was acknowledged, doubles no QoS 2, and keeps order, sessions and Wills", () =>
  withSeed(async ({ seed }) => {
    const figures = await torture(CYCLES, seed);
    const { acknowledged, leastAcknowledged, delivered, duplicates, lawfulDuplicates, slowestStartMs } = figures;
    printFigure(
      `SEED=${seed}: ${CYCLES} kills, ${acknowledged} messages acknowledged (at least ${leastAcknowledged} a cycle), ` +
        `${delivered} delivered, ${figures.problems.length} lost or wrong; ${duplicates} QoS 1 duplicates, ` +
        `${lawfulDuplicates} messages not acknowledged at the kill; ${figures.retainedChecked} retained messages and ` +
        `${figures.subscriptionsChanged} changes of subscriptions right; slowest start ${
          Math.round(slowestStartMs)
        } ms`,
    );
    assertEquals(figures.problems, []);
    assertGreaterOrEqual(leastAcknowledged, LEAST_ACKNOWLEDGED);
    assertLessOrEqual(duplicates, lawfulDuplicates);
  }));
