import type { CommitItem } from "../../protocol/change.ts";
import { message, pattern, queued, started, transaction } from "./changes.ts";
import { compareKept, readKept } from "./kept.ts";
import { RandomChanges, Seeded } from "./random_changes.ts";
import { type Case, modelOf, type Trial } from "./trial.ts";

/** Cases of random changes, with failures and crashes, compared with what the changes mean. */

const LISTS = 25;
const MOST_CHANGES = 40;
const MOST_TURNS = 6;

/** Cases with random changes from a seed, which errors name. */
export function randomCases(seed: number): readonly Case[] {
  const cases: readonly (Omit<Case, "check"> & { check: (trial: Trial, random: Seeded) => Promise<void> })[] = [
    { name: "keeps what random changes mean", check: checkRandomChanges },
    { name: "keeps what random changes mean when lists come again", check: checkRepeatedLists },
    {
      name: "keeps a prefix of a list whose commit fails, continues, and takes the list again",
      needs: "failNextCommit",
      check: checkFailures,
    },
    {
      name: "keeps what a commit resolved for when its process ends, and a prefix of the list under way",
      needs: "crash",
      check: checkCrashes,
    },
    {
      name: "keeps a large `transaction` whole or not at all when its process ends",
      needs: "crash",
      check: checkLargeTransaction,
    },
  ];
  return cases.map(({ check, ...rest }) => ({
    ...rest,
    check: async (trial) => {
      try {
        await check(trial, new Seeded(seed));
      } catch (cause) {
        throw new Error(`SEED=${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
      }
    },
  }));
}

async function checkRandomChanges(trial: Trial, random: Seeded): Promise<void> {
  const changes = new RandomChanges(random);
  const history: CommitItem[] = [];
  for (let lists = 0; lists < LISTS; lists++) {
    const list = changes.list(random.integer(0, MOST_CHANGES));
    history.push(...list);
    await trial.commit(...list);
    if (lists % 5 === 4) await trial.keepsAll(await modelOf(history));
  }
}

async function checkRepeatedLists(trial: Trial, random: Seeded): Promise<void> {
  const changes = new RandomChanges(random);
  const history: CommitItem[] = [];
  for (let lists = 0; lists < LISTS; lists++) {
    const list = changes.list(random.integer(1, MOST_CHANGES));
    history.push(...list);
    for (let times = random.integer(1, 3); times > 0; times--) {
      await trial.commit(...list.slice(0, random.integer(0, list.length)));
    }
    await trial.commit(...list);
    if (lists % 5 === 4) await trial.keepsAll(await modelOf(history));
  }
}

async function checkFailures(trial: Trial, random: Seeded): Promise<void> {
  const changes = new RandomChanges(random);
  const history: CommitItem[] = [];
  for (let lists = 0; lists < LISTS; lists++) {
    const list = changes.list(random.integer(1, MOST_CHANGES));
    for (let failures = random.integer(1, 3); failures > 0; failures--) {
      trial.failNextCommit();
      // A list that changes nothing may be kept without a write that could fail.
      const least = await isKept(trial, list) ? list.length : 0;
      if (least > 0 || random.oneIn(3)) await keepsPrefix(trial, history, list, least);
      list.push(...changes.list(random.integer(0, 5)));
    }
    if (!await isKept(trial, list)) await trial.commit(...list); // The failure was still pending.
    history.push(...list);
    if (lists % 5 === 4) await trial.keepsAll(await modelOf(history));
  }
}

async function checkCrashes(trial: Trial, random: Seeded): Promise<void> {
  const changes = new RandomChanges(random);
  const history: CommitItem[] = [];
  for (let lists = 0; lists < LISTS; lists++) {
    const list = changes.list(random.integer(1, MOST_CHANGES));
    await crashDuring(trial, history, list, random);
    await trial.commit(...list); // Including what was not kept: the next list builds upon it.
    history.push(...list);
  }
  await trial.keepsAll(await modelOf(history));
}

/** More than 1,000 changes and 2 MiB: larger than one commit of any storage. */
async function checkLargeTransaction(trial: Trial, random: Seeded): Promise<void> {
  const clientIds = Array.from({ length: 1_100 }, (_, index) => `client ${index}`);
  const history: CommitItem[] = clientIds.map((clientId) => started(clientId));
  await trial.commit(...history);
  for (let sequence = 1; sequence <= 4; sequence++) {
    const large = message(pattern(1_000_000, sequence));
    const own = clientIds.map((clientId, index) =>
      queued(clientId, sequence, index < 3 ? large : message(pattern(900)))
    );
    await crashDuring(trial, history, [transaction(...own)], random);
    await trial.commit(transaction(...own));
    history.push(transaction(...own));
  }
  await trial.keepsAll(await modelOf(history));
}

/** Ends the process during a commit, and checks what is kept. */
async function crashDuring(
  trial: Trial,
  history: readonly CommitItem[],
  list: readonly CommitItem[],
  random: Seeded,
): Promise<void> {
  let kept = 0;
  isKept(trial, list).then((isKept) => kept = isKept ? list.length : 0); // It never rejects.
  for (let turns = random.integer(0, MOST_TURNS); turns > 0; turns--) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const least = kept;
  await trial.crash();
  await keepsPrefix(trial, history, list, least);
}

/** Throws unless the storage keeps the earlier contents and a prefix of the list, of at least `least` changes. */
async function keepsPrefix(
  trial: Trial,
  history: readonly CommitItem[],
  list: readonly CommitItem[],
  least: number,
): Promise<void> {
  const kept = await readKept(trial.storage);
  let first: unknown;
  for (let length = list.length; length >= least; length--) {
    try {
      return compareKept(kept, await modelOf([...history, ...list.slice(0, length)]));
    } catch (error) {
      first ??= error;
    }
  }
  const why = first instanceof Error ? first.message : first;
  throw new Error(`No prefix of ${least} to ${list.length} changes is kept; with all of them: ${why}`);
}

async function isKept(trial: Trial, list: readonly CommitItem[]): Promise<boolean> {
  try {
    await trial.commit(...list);
    return true;
  } catch {
    return false; // The answer is no.
  }
}
