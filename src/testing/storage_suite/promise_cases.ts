import * as changes from "./changes.ts";
import type { CommitItem } from "../../protocol/change.ts";
import { busySession, busySessionKept, completed, message, queued, retained, started, transaction } from "./changes.ts";
import type { Case } from "./trial.ts";

/** Cases of the promises of the contract, one by one. */

const LOST_WITHIN_MS = 20_000;
const BUSY = busySession("c");
const KEPT = busySessionKept("c");

export const PROMISE_CASES: readonly Case[] = [
  {
    name: "says whether it is durable",
    check: async ({ storage, harness }) => {
      if (storage.isDurable !== harness.isDurable) throw new Error(`isDurable is ${storage.isDurable}`);
      await storage.commit([]);
    },
  },
  {
    name: "keeps nothing before it gets something, and nothing of a list without changes",
    check: async (trial) => {
      await trial.keeps([]);
      await trial.commit();
      await trial.keeps([]);
    },
  },
  {
    name: "applies the changes of a list in their order",
    check: async (trial) => {
      await trial.commit(...BUSY);
      await trial.keeps(KEPT);
    },
  },
  {
    name: "applies changes that come one by one in their order",
    check: async (trial) => {
      for (const change of BUSY) await trial.commit(change);
      await trial.keeps(KEPT);
    },
  },
  {
    name: "applies the changes of a `transaction` in their order",
    check: async (trial) => {
      await trial.commit(changes.started("c"), transaction(...flat(BUSY.slice(1))));
      await trial.keeps([started("c"), ...KEPT.slice(1)]);
    },
  },
  {
    name: "takes a change twice as once",
    check: async (trial) => {
      await trial.commit(...BUSY.flatMap((change) => [change, change]));
      await trial.keeps(KEPT);
    },
  },
  {
    name: "takes a change twice as once, in lists of their own",
    check: async (trial) => {
      for (const change of BUSY) {
        await trial.commit(change);
        await trial.commit(change);
      }
      await trial.keeps(KEPT);
    },
  },
  {
    name: "takes a whole list again",
    check: async (trial) => {
      const [begin, ...rest] = BUSY as readonly [CommitItem, ...CommitItem[]]; // It is not empty.
      await trial.commit(begin);
      for (let times = 0; times < 3; times++) await trial.commit(...rest);
      await trial.keeps(KEPT);
      await trial.commit(...rest, transaction(...flat(rest)));
      await trial.keeps(KEPT);
    },
  },
  {
    name: "takes a list again of which any prefix is kept",
    check: async (trial) => {
      const kept = BUSY.map((_, length) => {
        const list = busySession(`c${length}`);
        return { list, prefix: list.slice(0, length), changes: busySessionKept(`c${length}`) };
      });
      for (const { prefix, list } of kept) {
        await trial.commit(...prefix);
        await trial.commit(...list, completed("other", 1));
      }
      await trial.keeps([
        ...kept.flatMap(({ changes }) => changes.filter(({ kind }) => kind !== "retained")),
        retained("r", message("new", { retain: true })),
      ]);
    },
  },
  {
    name: "does not take up a message again that was completed",
    check: async (trial) => {
      const waits = queued("c", 4, message("four"));
      const all = [1, 2, 3].map((sequence) => queued("c", sequence, message(`${sequence}`)));
      const sentAndGone = [changes.sent("c", 1, 9), completed("c", 1), completed("c", 2), completed("c", 3)];
      await trial.commit(started("c"), ...all, ...sentAndGone, waits);
      await trial.commit(...all, ...sentAndGone, waits);
      await trial.keeps([started("c"), waits]);
      await trial.commit(...all.slice(0, 1), waits);
      await trial.keeps([started("c"), waits]);
    },
  },
  {
    name: "says nothing of changes of a session that is not there",
    check: async (trial) => {
      const ofNone = busySession("none").filter(({ kind }) => kind !== "sessionStarted" && kind !== "retained");
      await trial.commit(...ofNone, changes.ended("none"), transaction(...flat(ofNone)));
      await trial.keeps([]);
      await trial.commit(started("none"), changes.ended("none"), ...ofNone);
      await trial.keeps([]);
      await trial.commit(started("none"));
      await trial.keeps([started("none")]);
    },
  },
  {
    name: "forgets all of a session that ended, and only of that",
    check: async (trial) => {
      await trial.commit(...busySession("a"), ...busySession("b"));
      await trial.commit(changes.ended("a"));
      await trial.keeps(busySessionKept("b"));
      if ((await Array.fromAsync(trial.storage.restoreSession("a"))).length > 0) {
        throw new Error("restoreSession() gives something of a session that ended");
      }
      await trial.commit(...busySession("c"), changes.ended("b"), changes.ended("c"));
      await trial.keeps(KEPT.slice(-1));
    },
  },
  {
    name: "forgets all of a session that begins anew",
    check: async (trial) => {
      await trial.commit(...BUSY);
      await trial.commit(started("c"));
      await trial.keeps([started("c"), ...KEPT.slice(-1)]);
      const first = queued("c", 1, message("first of the new one"));
      await trial.commit(first);
      await trial.keeps([started("c"), first, ...KEPT.slice(-1)]);
      await trial.commit(...BUSY, started("c", "other"), first);
      await trial.keeps([started("c", "other"), first, ...KEPT.slice(-1)]);
    },
  },
  {
    name: "continues where it was when it is opened again",
    needs: "isDurable",
    check: async (trial) => {
      await trial.commit(...BUSY);
      await trial.reopen();
      await trial.commit(
        completed("c", 2),
        changes.sent("c", 3, 4),
        changes.released("c", 8),
        queued("c", 4, message("four")),
      );
      await trial.reopen();
      await trial.commit(changes.unsubscribed("c", "b/#"), changes.will("c", undefined), retained("r", undefined));
      await trial.keeps([
        started("c", "user"),
        changes.expiry("c", 60, changes.LATER_MS),
        queued("c", 3, message("three"), { packetIdentifier: 4 }),
        queued("c", 4, message("four")),
      ]);
      await trial.commit(changes.ended("c"));
      await trial.keeps([]);
    },
  },
  {
    name: "says that it is lost, with the reason, and keeps nothing from then on",
    needs: "lose",
    check: async (trial) => {
      const { lost } = trial.storage;
      if (lost === undefined) throw new Error("it cannot say that it is lost");
      let isLost = false;
      lost.then(() => isLost = true);
      for (const change of BUSY) await trial.commit(change);
      if (isLost) throw new Error("it says that it is lost, and it is not");
      await trial.lose();
      const reason = await withinSeconds(lost, "`lost` does not resolve");
      if (!(reason instanceof Error)) throw new Error(`\`lost\` gives ${reason}, which is no Error`);
      for (let times = 0; times < 2; times++) {
        const isKept = await trial.commit(started("d")).then(() => true, () => false);
        if (isKept) throw new Error("a commit resolves after it was lost");
      }
    },
  },
];

async function withinSeconds<T>(promise: Promise<T>, failure: string): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(failure)), LOST_WITHIN_MS);
  try {
    return await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
  }
}

/** Changes without their `transaction`s. */
function flat(changes: readonly CommitItem[]) {
  return changes.flatMap((change) => change.kind === "transaction" ? change.changes : [change]);
}
