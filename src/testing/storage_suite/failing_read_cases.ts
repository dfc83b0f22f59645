import * as changes from "./changes.ts";
import type { CommitItem } from "../../protocol/change.ts";
import { completed, message, pattern, queued, sent, started } from "./changes.ts";
import { named } from "./kept.ts";
import { type Case, modelOf, type Trial } from "./trial.ts";

/** Cases of reads in progress while a commit fails: a read that ends has given everything that is stored. */

const MESSAGES = 20;
/** Size at which a few messages fill a page; together they exceed one record of any storage. */
const MESSAGE_BYTES = 12_000;

/** Moment at which the commit fails: before the read, before its next message, or during the read. */
type Moment = "before" | "between" | "meanwhile";
const MOMENTS: readonly Moment[] = ["before", "between", "meanwhile"];
/** Messages read before the commit begins. */
const READ_BEFORE = [0, 3, 8, MESSAGES - 1];

interface FailingList {
  /** Changes of the commit that fails. */
  readonly changes: (clientId: string) => readonly CommitItem[];
  /** Whether the commit may end the session. */
  readonly isEnd: boolean;
}

const LISTS: readonly FailingList[] = [
  { changes: (id) => [queued(id, MESSAGES + 1, message("one more"))], isEnd: false },
  { changes: (id) => [sent(id, 1, 1), sent(id, 2, 2), completed(id, 1), changes.accepted(id, 1)], isEnd: false },
  { changes: (id) => [changes.expiry(id, 5, changes.LATER_MS), changes.subscribed(id, "a")], isEnd: false },
  { changes: (id) => [changes.ended(id)], isEnd: true },
  { changes: (id) => [started(id), queued(id, 1, message("of the new session"))], isEnd: true },
];

export const FAILING_READ_CASES: readonly Case[] = MOMENTS.map((moment) => ({
  name: `gives all that was kept to a read under way when a commit fails, or rejects it (the commit fails ${moment})`,
  needs: "failNextCommit",
  check: async (trial) => {
    const history: CommitItem[] = [];
    for (const [index, list] of LISTS.entries()) {
      for (const readBefore of moment === "before" ? [0] : READ_BEFORE) {
        const clientId = `${index} ${readBefore}`;
        const all = Array.from({ length: MESSAGES }, (_, index) => waiting(clientId, index + 1));
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
  const missing = Array.from({ length: MESSAGES }, (_, index) => index + 1).filter((one) => !sequences.includes(one));
  if (missing.length === 0 || (isEnd && await isGone(trial, clientId))) return;
  // The second list completes the first message.
  if (!isEnd && missing.every((sequence) => sequence === 1)) return;
  throw new Error(`A read of ${named(clientId)} ends without message ${missing.join(", ")}, which is kept`);
}

/** Whether nothing is left of the session: it was ended, though the commit failed. */
async function isGone({ storage }: Trial, clientId: string): Promise<boolean> {
  for await (const change of storage.restoreSession(clientId)) {
    if (change.kind === "queued" && change.message.payload.length === MESSAGE_BYTES) return false;
  }
  return true;
}

function waiting(clientId: string, sequence: number) {
  return queued(clientId, sequence, message(pattern(MESSAGE_BYTES, sequence)));
}
