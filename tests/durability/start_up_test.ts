/** How long it takes until a broker with much in its file has a client. */

import { assertEquals, assertLess } from "@std/assert";
import { within } from "../deadline.ts";
import { printFigure } from "../hostile/broker_child.ts";
import { DurableClient } from "./durable_client.ts";
import { keepSessions, keptClientId, type KeptSessions } from "./kept_sessions.ts";
import { KvFile } from "./kv_file.ts";
import { IS_LONGEST } from "../form.ts";
import { Stopwatch } from "../stopwatch.ts";

interface Row extends KeptSessions {
  readonly withinMs: number;
}

const ROWS: readonly Row[] = IS_LONGEST
  ? [
    { sessions: 10_000, subscriptionsEach: 1, messagesEach: 10, withinMs: 5_000 },
    { sessions: 100_000, subscriptionsEach: 3, messagesEach: 0, withinMs: 10_000 },
  ]
  : [{ sessions: 1_000, subscriptionsEach: 1, messagesEach: 10, withinMs: 5_000 }];

for (const { withinMs, ...kept } of ROWS) {
  const { sessions, subscriptionsEach, messagesEach } = kept;
  const text = `${sessions} sessions with ${subscriptionsEach} subscriptions and ${messagesEach} messages each`;
  Deno.test(`A broker with ${text} accepts clients in time`, async () => {
    await using file = await KvFile.create();
    await keepSessions(file.path, kept);
    const stopwatch = new Stopwatch();
    await using program = await file.listening();
    stopwatch.add(program.pid);
    let came = 0;
    const all = Promise.withResolvers<void>();
    const client = new DurableClient(keptClientId(sessions - 1), 5, {
      message: () => {
        came += 1;
        if (came === messagesEach) all.resolve();
      },
    });
    const { sessionPresent } = await client.connect(await program.port());
    const acceptedMs = stopwatch.ms();
    printFigure(
      `${text}: CONNACK ${Math.round(acceptedMs)} ms after the start, ` +
        `${Math.round(await program.residentBytes() / 1_000_000)} MB resident`,
    );
    assertEquals(sessionPresent, true);
    if (messagesEach > 0) await within(all.promise, "its messages");
    await client.drop();
    assertLess(acceptedMs, withinMs);
  });
}
