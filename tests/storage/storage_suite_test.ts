import { assertExists, assertRejects } from "@std/assert";
import type { Change, CommitItem } from "../../src/storage/mod.ts";
import { storageSuite } from "../../src/testing/storage_suite.ts";
import { type Log, logHarness, LogStorage } from "./log_storage.ts";

/** Mistake of a storage. */
interface Breakage {
  readonly commit?: (changes: readonly CommitItem[]) => readonly CommitItem[];
  readonly restore?: (changes: readonly Change[]) => readonly Change[];
  readonly restoreSession?: (changes: readonly Change[]) => readonly Change[];
}

/** A storage that is right but for one thing. */
class BrokenStorage extends LogStorage {
  readonly #breakage: Breakage;

  constructor(log: Log, breakage: Breakage) {
    super(log);
    this.#breakage = breakage;
  }

  override async *restore(): AsyncIterable<Change> {
    const { restore } = this.#breakage;
    yield* restore === undefined ? super.restore() : restore(await Array.fromAsync(super.restore()));
  }

  override async *restoreSession(clientId: string, afterSequence?: number): AsyncIterable<Change> {
    const { restoreSession } = this.#breakage;
    const changes = super.restoreSession(clientId, afterSequence);
    yield* restoreSession === undefined ? changes : restoreSession(await Array.fromAsync(changes));
  }

  override commit(changes: readonly CommitItem[]): Promise<void> {
    return super.commit(this.#breakage.commit?.(changes) ?? changes);
  }
}

class EarlyStorage extends LogStorage {
  readonly #underWay: Promise<void>[];

  constructor(log: Log, underWay: Promise<void>[]) {
    super(log);
    this.#underWay = underWay;
  }

  override commit(changes: readonly CommitItem[]): Promise<void> {
    this.#underWay.push(super.commit(changes).catch(() => {})); // Its failure is not reported: that is the mistake.
    return Promise.resolve();
  }
}

class RestartingStorage extends LogStorage {
  override restoreSession(clientId: string): AsyncIterable<Change> {
    return super.restoreSession(clientId);
  }
}

class SnapshotStorage extends LogStorage {
  override async *restoreSession(clientId: string, afterSequence?: number): AsyncIterable<Change> {
    if (afterSequence !== undefined) return;
    yield* await Array.fromAsync(super.restoreSession(clientId));
  }
}

/** A read ends when a commit fails, as if the session had ended. */
class ForgettingStorage extends LogStorage {
  #failures = 0;

  override async *restoreSession(clientId: string, afterSequence?: number): AsyncIterable<Change> {
    const before = this.#failures;
    for await (const change of super.restoreSession(clientId, afterSequence)) {
      if (this.#failures !== before) return;
      yield change;
    }
  }

  override async commit(changes: readonly CommitItem[]): Promise<void> {
    try {
      await super.commit(changes);
    } catch (error) {
      this.#failures += 1;
      throw error;
    }
  }
}

interface Row {
  /** Text after "a storage that". */
  readonly name: string;
  readonly make: Breakage | ((log: Log, underWay: Promise<void>[]) => LogStorage);
  /** How the name of the case begins that finds it. */
  readonly found: string;
}

const ROWS: readonly Row[] = [
  {
    name: "applies a list from its end",
    make: { commit: (list) => list.toReversed() },
    found: "applies the changes of a list",
  },
  {
    name: "resolves before it has kept anything",
    make: (log, underWay) => new EarlyStorage(log, underWay),
    found: "keeps what a commit resolved for",
  },
  {
    name: "resolves a commit that failed",
    make: (log, underWay) => new EarlyStorage(log, underWay),
    found: "keeps a prefix of a list whose commit fails",
  },
  {
    name: "takes a `transaction` apart",
    make: { commit: (list) => list.flatMap((change) => change.kind === "transaction" ? change.changes : [change]) },
    found: "keeps a large `transaction` whole",
  },
  {
    name: "keeps retained messages before the rest of a list",
    make: { commit: (list) => list.toSorted((a, b) => Number(b.kind === "retained") - Number(a.kind === "retained")) },
    found: "keeps what a commit resolved for",
  },
  {
    name: "does not know the clock",
    make: { restore: (changes) => changes.filter(({ kind }) => kind !== "clock") },
    found: "keeps the clock",
  },
  {
    name: "gives the clock after sessions",
    make: { restore: (changes) => changes.toSorted((a, b) => Number(a.kind === "clock") - Number(b.kind === "clock")) },
    found: "keeps the clock",
  },
  {
    name: "keeps nothing when it is closed",
    make: (log) => new LogStorage({ ...log, lines: [] }),
    found: "continues where it was",
  },
  {
    name: "gives a session before it says that it begins",
    make: {
      restore: (changes) =>
        changes.toSorted((a, b) => Number(b.kind === "subscribed") - Number(a.kind === "subscribed")),
    },
    found: "applies changes that come one by one",
  },
  {
    name: "makes a session of changes for none",
    make: (log) => startingSessions(log),
    found: "says nothing of changes of a session that is not there",
  },
  {
    name: "does not forget a session that ended",
    make: { commit: (list) => list.filter(({ kind }) => kind !== "sessionEnded") },
    found: "forgets all of a session that ended",
  },
  {
    name: "counts a message that comes again once more",
    make: (log) => countingTwice(log),
    found: "takes a change twice as once",
  },
  {
    name: "does not forget the Packet Identifiers that were released",
    make: { commit: (list) => list.filter(({ kind }) => kind !== "released") },
    found: "gives Packet Identifiers that were accepted until",
  },
  {
    name: "does not know which messages were received",
    make: { restoreSession: (changes) => changes.filter(({ kind }) => kind !== "received") },
    found: "gives messages in the order",
  },
  {
    name: "says which messages were received after all of them",
    make: {
      restoreSession: (changes) =>
        changes.toSorted((a, b) => Number(a.kind === "received") - Number(b.kind === "received")),
    },
    found: "applies the changes of a list",
  },
  {
    name: "begins anew for a reader that resumes",
    make: (log) => new RestartingStorage(log),
    found: "gives only what comes after a sequence",
  },
  {
    name: "reads a session as it was at the beginning",
    make: (log) => new SnapshotStorage(log),
    found: "gives messages that come while a session is read",
  },
  {
    name: "ends a read when a commit fails",
    make: (log) => new ForgettingStorage(log),
    found: "gives all that was kept to a read under way",
  },
  {
    name: "gives the sequence of a message that was sent again",
    make: {
      restore: (changes) =>
        changes.map((change) => change.kind === "backlog" ? { ...change, lastSequence: 0 } : change),
    },
    found: "says how many messages wait",
  },
  {
    name: "has names as keys of an object",
    make: { commit: (list) => list.filter((change) => nameOf(change) !== "__proto__") },
    found: "keeps sessions apart",
  },
  {
    name: "decodes names without their U+FEFF",
    make: { commit: (list) => list.map((change) => renamed(change, (name) => name.replace(/^\u{feff}/u, ""))) },
    found: "keeps sessions apart",
  },
  {
    name: "cuts names at 2 KiB",
    make: { commit: (list) => list.map((change) => renamed(change, (name) => name.slice(0, 2_048))) },
    found: "keeps Topic Names and Topic Filters apart",
  },
  {
    name: "takes an empty payload for none",
    make: {
      commit: (list) =>
        list.map((change) =>
          change.kind === "retained" && change.message?.payload.length === 0
            ? { ...change, message: undefined }
            : change
        ),
    },
    found: "keeps payloads up to 1 MiB",
  },
  {
    name: "takes an end that never comes for none",
    make: {
      restore: (changes) =>
        changes.map((change) =>
          change.kind === "sessionExpiry" && change.expiresAtMs === Infinity
            ? { ...change, expiresAtMs: undefined }
            : change
        ),
    },
    found: "keeps the Session Expiry Interval",
  },
  {
    name: "forgets when a Will is due",
    make: {
      restore: (changes) =>
        changes.map((change) => change.kind === "will" ? { ...change, publishAtMs: undefined } : change),
    },
    found: "keeps the Will of a session",
  },
  {
    name: "takes an empty principal for none",
    make: {
      restore: (changes) =>
        changes.map((change) =>
          change.kind === "sessionStarted" ? { ...change, principal: change.principal || undefined } : change
        ),
    },
    found: "keeps whether there is a principal",
  },
  {
    name: "forgets of which Shared Subscription a message is",
    make: {
      restoreSession: (changes) =>
        changes.map((change) => change.kind === "queued" ? { ...change, sharedFilter: undefined } : change),
    },
    found: "keeps how a message goes to its subscriber",
  },
  {
    name: "forgets the options of subscriptions",
    make: {
      restore: (changes) =>
        changes.map((change) =>
          change.kind === "subscribed"
            ? { ...change, subscription: { ...change.subscription, noLocal: false } }
            : change
        ),
    },
    found: "keeps what random changes mean",
  },
  {
    name: "forgets which retained messages a subscription still has to get",
    make: {
      restore: (changes) =>
        changes.map((change) => change.kind === "subscribed" ? { ...change, retainedDue: undefined } : change),
    },
    found: "keeps which retained messages a subscription still has to get",
  },
  {
    name: "forgets the sequence of retained messages",
    make: {
      restore: (changes) =>
        changes.map((change) => change.kind === "retained" ? { ...change, sequence: undefined } : change),
    },
    found: "keeps the sequence of retained messages",
  },
];

for (const { name, make, found } of ROWS) {
  Deno.test(`storageSuite() fails for a storage that ${name}`, async () => {
    const underWay: Promise<void>[] = [];
    const harness = logHarness((log) =>
      typeof make === "function" ? make(log, underWay) : new BrokenStorage(log, make)
    );
    const suiteCase = storageSuite(harness).find(({ name }) => name.startsWith(found));
    assertExists(suiteCase, found);
    await assertRejects(suiteCase.run, Error);
    await Promise.all(underWay);
  });
}

Deno.test("storageSuite() fails for a storage that does not say that it is lost, or keeps changes then", async () => {
  const harness = { ...logHarness((log) => new LogStorage(log)), lose: () => {} };
  const suiteCase = storageSuite(harness).find(({ name }) => name.startsWith("says that it is lost"));
  assertExists(suiteCase);
  await assertRejects(suiteCase.run, Error, "it cannot say that it is lost");
  const keeping = { ...harness, ...logHarness((log) => Object.assign(new LogStorage(log), { lost: lostLater() })) };
  const second = storageSuite(keeping).find(({ name }) => name.startsWith("says that it is lost"));
  assertExists(second);
  await assertRejects(second.run, Error, "a commit resolves after it was lost");
});

Deno.test("storageSuite() fails for a storage that says it is durable and is not", async () => {
  const harness = { ...logHarness((log) => new LogStorage(log)), isDurable: false };
  const suiteCase = storageSuite(harness).find(({ name }) => name.startsWith("says whether it is durable"));
  assertExists(suiteCase);
  await assertRejects(suiteCase.run, Error, "isDurable is true");
});

function nameOf(change: CommitItem): string | undefined {
  if (change.kind === "transaction" || change.kind === "clock") return undefined;
  return change.kind === "retained" ? change.topic : change.clientId;
}

function renamed(change: CommitItem, rename: (name: string) => string): CommitItem {
  if (change.kind === "transaction" || change.kind === "clock") return change;
  if (change.kind === "retained") return { ...change, topic: rename(change.topic) };
  return { ...change, clientId: rename(change.clientId) };
}

function startingSessions(log: Log): LogStorage {
  const sessions = new Set<string>();
  const commit = (list: readonly CommitItem[]) =>
    list.flatMap((change): CommitItem[] => {
      if (!("clientId" in change)) return [change];
      const { kind, clientId } = change;
      const isThere = sessions.has(clientId);
      if (kind === "sessionEnded") sessions.delete(clientId);
      else sessions.add(clientId);
      return isThere || kind === "sessionStarted" || kind === "sessionEnded"
        ? [change]
        : [{ kind: "sessionStarted", clientId, principal: undefined }, change];
    });
  return new BrokenStorage(log, { commit });
}

function countingTwice(log: Log): LogStorage {
  let messages = 0;
  return new BrokenStorage(log, {
    commit: (list) => {
      for (const { kind } of list) messages += kind === "queued" ? 1 : kind === "completed" ? -1 : 0;
      return list;
    },
    restore: (changes) => changes.map((change) => change.kind === "backlog" ? { ...change, messages } : change),
  });
}

/** Long after the case has begun. */
function lostLater(): Promise<Error> {
  return new Promise((resolve) => setTimeout(() => resolve(new Error("another one has it")), 200));
}
