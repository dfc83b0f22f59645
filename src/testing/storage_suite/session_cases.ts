import * as changes from "./changes.ts";
import type { Change, CommitItem } from "../../protocol/change.ts";
import { accepted, completed, message, pattern, queued, received, sent, started } from "./changes.ts";
import { compareKept, keptOf, named, readKept } from "./kept.ts";
import { type Case, modelOf, type Trial } from "./trial.ts";

/**
 * Cases of reading a session, also while a commit fails, and of the sums of its messages that restore() gives. A read that
 * ends has given everything that is stored.
 */

const MANY = 10_000;
const PAGE = 1_000;
const LONG_MESSAGES = 20;
/** Size at which a few messages fill a page; together they exceed one record of any storage. */
const LONG_MESSAGE_BYTES = 12_000;

/** Moment at which the commit fails: before the read, before its next message, or during the read. */
type Moment = "before" | "between" | "meanwhile";
const MOMENTS: readonly Moment[] = ["before", "between", "meanwhile"];
/** Messages read before the commit begins. */
const READ_BEFORE = [0, 3, 8, LONG_MESSAGES - 1];

interface FailingList {
  /** Changes of the commit that fails. */
  readonly changes: (clientId: string) => readonly CommitItem[];
  /** Whether the commit may end the session. */
  readonly isEnd: boolean;
}

const LISTS: readonly FailingList[] = [
  { changes: (id) => [queued(id, LONG_MESSAGES + 1, message("one more"))], isEnd: false },
  { changes: (id) => [sent(id, 1, 1), sent(id, 2, 2), completed(id, 1), changes.accepted(id, 1)], isEnd: false },
  { changes: (id) => [changes.expiry(id, 5, changes.LATER_MS), changes.subscribed(id, "a")], isEnd: false },
  { changes: (id) => [changes.ended(id)], isEnd: true },
  { changes: (id) => [started(id), queued(id, 1, message("of the new session"))], isEnd: true },
];

const FAILING_READ_CASES: readonly Case[] = MOMENTS.map((moment) => ({
  name: `gives all that was kept to a read under way when a commit fails, or rejects it (the commit fails ${moment})`,
  needs: "failNextCommit",
  check: async (trial) => {
    const history: CommitItem[] = [];
    for (const [index, list] of LISTS.entries()) {
      for (const readBefore of moment === "before" ? [0] : READ_BEFORE) {
        const clientId = `${index} ${readBefore}`;
        const all = Array.from({ length: LONG_MESSAGES }, (_, index) => longMessage(clientId, index + 1));
        await trial.commit(started(clientId), ...all);
        await checkRead(trial, clientId, list, { readBefore, moment });
        const changes = list.changes(clientId);
        await trial.commit(...changes); // A broker repeats what was not kept.
        history.push(started(clientId), ...all, ...changes);
      }
    }
    await trial.keepsAll(await modelOf(history));
  },
}));

export const SESSION_CASES: readonly Case[] = [
  ...FAILING_READ_CASES,
  {
    name: "gives messages in the order of their sequence, with what became of them",
    check: async (trial) => {
      const [one, two, three] = [queued("c", 1, message("1"), { packetIdentifier: 5 }), waiting(2), waiting(3)];
      await trial.commit(started("c"), accepted("c", 9), one, two, three, sent("c", 2, 6), received("c", 1));
      await trial.keeps([
        started("c"),
        accepted("c", 9),
        one,
        received("c", 1),
        { ...two, packetIdentifier: 6 },
        three,
      ]);
      await trial.commit(completed("c", 2), sent("c", 3, 6));
      await trial.keeps([started("c"), accepted("c", 9), one, received("c", 1), { ...three, packetIdentifier: 6 }]);
    },
  },
  {
    name: "gives Packet Identifiers that were accepted until they are released, from 1 to 65535",
    check: async (trial) => {
      const all = [1, 2, 255, 256, 257, 32_768, 65_534, 65_535].map((identifier) => accepted("c", identifier));
      await trial.commit(started("c"), ...all, changes.released("c", 256), changes.released("c", 3));
      await trial.keeps([started("c"), ...all.filter((_, index) => index !== 3)]);
      await trial.commit(accepted("c", 256), changes.released("c", 1));
      await trial.keeps([started("c"), ...all.slice(1)]);
    },
  },
  {
    name: "keeps sequences with gaps between them, and large ones",
    check: async (trial) => {
      const all = [3, 4, 100, 70_000, 2 ** 32, 2 ** 32 + 1, 2 ** 48].map(waiting);
      await trial.commit(started("c"), ...all);
      await trial.keeps([started("c"), ...all]);
      await trial.commit(completed("c", 4), completed("c", 5), completed("c", 2 ** 32));
      await trial.keeps([started("c"), ...all.filter(({ sequence }) => sequence !== 4 && sequence !== 2 ** 32)]);
    },
  },
  {
    name: "gives nothing of a session that it does not know",
    check: async ({ storage }) => {
      for (const clientId of ["c", "", "__proto__"]) await reads(storage.restoreSession(clientId), []);
    },
  },
  {
    name: "gives only what comes after a sequence, for a reader that resumes",
    check: async (trial) => {
      const first = queued("c", 1, message("1"), { packetIdentifier: 1 });
      await trial.commit(started("c"), accepted("c", 9), first, received("c", 1), ...numbers(2, 6).map(waiting));
      const { storage } = trial;
      await reads(storage.restoreSession("c", 1), numbers(2, 6).map(waiting));
      await reads(storage.restoreSession("c", 4), [waiting(5), waiting(6)]);
      await reads(storage.restoreSession("c", 6), []);
      await reads(storage.restoreSession("c", 1_000), []);
      await reads(storage.restoreSession("c", 0), [
        accepted("c", 9),
        first,
        received("c", 1),
        ...numbers(2, 6).map(waiting),
      ]);
    },
  },
  {
    name: "gives messages that come while a session is read, also when its reader stops and resumes",
    check: async (trial) => {
      await trial.commit(started("c"), ...numbers(1, PAGE).map(waiting));
      const sequences: number[] = [];
      for (let next = PAGE + 1; sequences.length < 3 * PAGE;) {
        const before = sequences.length;
        for await (const change of trial.storage.restoreSession("c", sequences.at(-1))) {
          if (change.kind === "queued") sequences.push(change.sequence);
          if (next <= 3 * PAGE && sequences.length % 10 === 0) {
            await trial.commit(...numbers(next, next + 19).map(waiting));
            next += 20;
          }
          if (sequences.length % 700 === 0) break; // Writing all would take too long.
        }
        if (sequences.length === before) throw new Error(`Only ${before} of ${3 * PAGE} messages come`);
      }
      sequences.forEach((sequence, index) => {
        if (sequence !== index + 1) throw new Error(`Message ${sequence} comes in the place of ${index + 1}`);
      });
    },
  },
  {
    name: "lets several sessions be read at once",
    check: async (trial) => {
      const clientIds = ["a", "b", "c"];
      for (const id of clientIds) {
        await trial.commit(
          started(id),
          ...numbers(1, 300).map((n) => queued(id, n, message(id))),
        );
      }
      await Promise.all(clientIds.map(async (id) => {
        await reads(trial.storage.restoreSession(id), numbers(1, 300).map((n) => queued(id, n, message(id))));
      }));
    },
  },
  {
    name: "says how many messages wait, how large they are, and a sequence that none has exceeded",
    check: async (trial) => {
      const large = queued("c", 3, message(changes.pattern(100_000), { properties: { contentType: "\u00e9" } }));
      await trial.commit(started("c"), waiting(1), waiting(2), large, sent("c", 1, 1), sent("c", 2, 2));
      await trial.keeps([
        started("c"),
        { ...waiting(1), packetIdentifier: 1 },
        { ...waiting(2), packetIdentifier: 2 },
        large,
      ]);
      await trial.commit(sent("c", 3, 3), completed("c", 1), completed("c", 2), completed("c", 3));
      await trial.keeps([started("c")]); // The sum is 0 again.
      await lastSequenceIsAtLeast(trial, 3);
      if (!trial.harness.isDurable) return;
      await trial.reopen();
      await lastSequenceIsAtLeast(trial, 3);
    },
  },
  {
    name: "knows which sequences were given also after a commit has failed",
    needs: "failNextCommit",
    check: async (trial) => {
      const three = [waiting(1), waiting(2), waiting(3)];
      const through = three.flatMap(({ sequence }) => [sent("c", sequence, sequence), completed("c", sequence)]);
      await trial.commit(started("c"), ...three);
      await failAndRepeat(trial, accepted("c", 5)); // While they wait.
      await trial.commit(...through);
      await failAndRepeat(trial, accepted("c", 6)); // After all are completed.
      const all = [started("c"), accepted("c", 5), accepted("c", 6)];
      await lastSequenceIsAtLeast(trial, 3);
      await trial.keeps(all);
      await lastSequenceIsAtLeast(trial, 3); // Also after reopening: otherwise a later message would count as completed.
      await failAndRepeat(trial, accepted("c", 6));
      await trial.commit(...three); // A repeated list.
      await trial.keeps(all);
      await trial.commit(waiting(4));
      await failAndRepeat(trial, changes.released("c", 6));
      await trial.keeps([started("c"), accepted("c", 5), waiting(4)]);
    },
  },
  {
    name: `keeps ${MANY} messages of a session in order, until each is completed`,
    check: async (trial) => {
      await trial.commit(started("c"));
      for (const page of pages(MANY)) await trial.commit(...page.map(waiting));
      await trial.keeps([started("c"), ...numbers(1, MANY).map(waiting)]);
      for (const page of pages(MANY)) {
        await trial.commit(
          ...page.flatMap((n) => [sent("c", n, identifier(n)), ...n % 100 === 0 ? [] : [completed("c", n)]]),
        );
      }
      const left = numbers(1, MANY).filter((n) => n % 100 === 0);
      await trial.keeps([started("c"), ...left.map((n) => ({ ...waiting(n), packetIdentifier: identifier(n) }))]);
      await trial.commit(...left.toReversed().map((n) => completed("c", n)));
      await trial.keeps([started("c")]);
    },
  },
  {
    name: "keeps 2000 sessions with subscriptions and messages, in few and large lists",
    check: async (trial) => {
      const shared = message("to all");
      const all = numbers(1, 2_000).map((n): readonly Change[] => {
        const clientId = `client ${n}`;
        const filters = [`device/${n}/#`, "all", `+/${n % 7}`].map((filter) => changes.subscribed(clientId, filter));
        return [started(clientId), changes.expiry(clientId, n), ...filters, queued(clientId, n, shared)];
      });
      await trial.commit(...all.flat());
      await trial.keeps(all.flat());
      await trial.commit(...all.flatMap((_, index) => index % 2 === 0 ? [changes.ended(`client ${index + 1}`)] : []));
      await trial.keeps(all.filter((_, index) => index % 2 !== 0).flat());
    },
  },
];

/** Makes a commit fail, and commits its change again. */
async function failAndRepeat(trial: Trial, change: Change): Promise<void> {
  trial.failNextCommit();
  await trial.commit(change).catch(() => {}); // The failure is intended.
  await trial.commit(change);
}

function waiting(sequence: number) {
  return queued("c", sequence, message(`${sequence}`));
}

function identifier(sequence: number): number {
  return (sequence - 1) % 65_535 + 1;
}

function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function pages(count: number): number[][] {
  return Array.from({ length: count / PAGE }, (_, page) => numbers(page * PAGE + 1, (page + 1) * PAGE));
}

/** Compares a read of a session; `expected` contains only changes of that session. */
async function reads(actual: AsyncIterable<Change>, expected: readonly Change[]): Promise<void> {
  const given = await Array.fromAsync(actual);
  const first = given[0] ?? expected[0];
  const begin = started(first !== undefined && "clientId" in first ? first.clientId : "");
  compareKept(keptOf([begin, ...given]), keptOf([begin, ...expected]));
}

async function lastSequenceIsAtLeast({ storage }: Trial, least: number): Promise<void> {
  const { lastSequences } = await readKept(storage);
  const last = lastSequences.get("c") ?? 0;
  if (last < least) throw new Error(`backlog.lastSequence is ${last}, but a message with ${least} was sent`);
}

async function checkRead(
  trial: Trial,
  clientId: string,
  { changes, isEnd }: FailingList,
  { readBefore, moment }: { readonly readBefore: number; readonly moment: Moment },
): Promise<void> {
  let failing: Promise<unknown> | undefined;
  const commit = () => {
    trial.failNextCommit();
    return failing = trial.commit(...changes(clientId)).catch(() => {}); // The failure is intended.
  };
  if (moment === "before") commit();
  const sequences: number[] = [];
  try {
    for await (const change of trial.storage.restoreSession(clientId)) {
      if (change.kind !== "queued") continue;
      sequences.push(change.sequence);
      if (failing !== undefined || sequences.length <= readBefore) continue;
      const committed = commit();
      if (moment === "between") await committed;
    }
  } catch {
    await failing;
    return; // Its reader knows that it does not have all messages.
  }
  await failing;
  const missing = Array.from({ length: LONG_MESSAGES }, (_, index) => index + 1).filter((one) =>
    !sequences.includes(one)
  );
  if (missing.length === 0 || (isEnd && await isGone(trial, clientId))) return;
  // The second list completes the first message.
  if (!isEnd && missing.every((sequence) => sequence === 1)) return;
  throw new Error(`A read of ${named(clientId)} ends without message ${missing.join(", ")}, which is kept`);
}

/** Whether nothing is left of the session: it was ended, though the commit failed. */
async function isGone({ storage }: Trial, clientId: string): Promise<boolean> {
  for await (const change of storage.restoreSession(clientId)) {
    if (change.kind === "queued" && change.message.payload.length === LONG_MESSAGE_BYTES) return false;
  }
  return true;
}

function longMessage(clientId: string, sequence: number) {
  return queued(clientId, sequence, message(pattern(LONG_MESSAGE_BYTES, sequence)));
}
