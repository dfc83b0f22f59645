/** Session Expiry Interval across brokers (MQTT 5, section 3.1.2.11.2): when a session ends is in the storage. */

import { assertEquals } from "@std/assert";
import { MemoryStorage } from "../../src/storage/mod.ts";
import { type Conversation, converse, type Step } from "../wire/conversation.ts";
import { TestMachine } from "../wire/test_machine.ts";

const MINUTE = 60_000;

/** Of one broker, which ends, or crashes and does nothing more. */
interface Run {
  readonly steps: readonly Step[];
  readonly crashes?: boolean;
  /** For how long none runs then. */
  readonly downMs?: number;
}

interface Row {
  readonly name: string;
  readonly runs: readonly Run[];
}

/** Sessions have an interval of 60 minutes, unless a step says another one. */
const ROWS: readonly Row[] = [
  {
    name: "A session that is resumed does not end when it would have ended before, behind a crash",
    runs: [
      { steps: ["s connects durable", "s drops", minutes(30), "s2 resumes"], crashes: true, downMs: 40 * MINUTE },
      { steps: [sessions(1), minutes(50), "s resumes"] },
    ],
  },
  {
    name: "A session that is resumed, and lost again, has the whole interval from then on",
    runs: [
      {
        steps: ["s connects durable", "s drops", minutes(30), "s2 resumes", minutes(20), "s2 drops"],
        downMs: 50 * MINUTE,
      },
      { steps: [sessions(1), minutes(9), sessions(1), minutes(1), sessions(0), "s connects durable"] },
    ],
  },
  {
    name: "A session that was offline when its broker ended has one interval, however often others begin",
    runs: [
      { steps: ["s connects durable", "s drops", minutes(10)], downMs: 10 * MINUTE },
      { steps: [sessions(1), minutes(10)], crashes: true, downMs: 10 * MINUTE },
      { steps: [sessions(1), minutes(19), sessions(1), minutes(1), sessions(0)] },
    ],
  },
  {
    name: "A session that was online at a crash has one interval from the next start on, however often others begin",
    runs: [
      { steps: ["s connects durable"], crashes: true, downMs: 10 * MINUTE },
      { steps: [sessions(1), minutes(20)], downMs: 10 * MINUTE },
      { steps: [sessions(1), minutes(10)], crashes: true, downMs: 10 * MINUTE },
      { steps: [sessions(1), minutes(9), sessions(1), minutes(1), sessions(0)] },
    ],
  },
  {
    name: "A session that expires while no broker runs is not there when one does [MQTT-3.1.2-23]",
    runs: [
      { steps: ["s connects durable", "s drops", minutes(10)], downMs: 49 * MINUTE },
      { steps: [sessions(1)], downMs: MINUTE },
      { steps: [sessions(0), "s connects durable"] },
    ],
  },
  {
    name: "A session that expires while its broker runs is not there when the next one does [MQTT-3.1.2-23]",
    runs: [
      { steps: ["s connects durable", "s drops", minutes(60), sessions(0)], crashes: true },
      { steps: [sessions(0), "s connects durable"] },
    ],
  },
  {
    name: "A session that DISCONNECT ends is not there when another broker begins [MQTT-3.1.2-23]",
    runs: [
      { steps: ["s connects durable", "s > e0 [ 00 [ 11 00000000 ] ]", "s closed"], crashes: true },
      { steps: [sessions(0), "s connects durable", "s drops"] },
      { steps: [sessions(1), "s resumes"] },
    ],
  },
  {
    name: "The Session Expiry Interval of DISCONNECT is kept",
    runs: [
      { steps: ["s connects durable", "s > e0 [ 00 [ 11 00000258 ] ]", "s closed", minutes(5)], downMs: 4 * MINUTE },
      { steps: [sessions(1)], crashes: true, downMs: MINUTE },
      { steps: [sessions(0), "s connects durable"] },
    ],
  },
];

for (const { name, runs } of ROWS) {
  Deno.test(name, () => runAll(new MemoryStorage(), new TestMachine(1_000_000), runs));
}

async function runAll(storage: MemoryStorage, machine: TestMachine, [run, ...others]: readonly Run[]): Promise<void> {
  if (run === undefined) return;
  const { steps, crashes = false, downMs = 0 } = run;
  const next = async () => {
    machine.pass(downMs);
    await runAll(storage, machine, others);
  };
  await converse(5, { storage, machine }, async (conversation) => {
    await conversation.run(...steps);
    if (crashes) await next(); // It is there, but nobody calls it.
  });
  if (!crashes) await next();
}

function minutes(count: number): Step {
  return `${count * 60} s pass`;
}

function sessions(count: number): Step {
  return ({ broker }: Conversation) => assertEquals(broker.metrics.sessions, count);
}
