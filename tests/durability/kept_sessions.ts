import { NEVER_EXPIRES, type QoS } from "../../mod.ts";
import { type Change, type CommitItem, DenoKvStorage } from "../../src/storage/mod.ts";
import { ApplicationMessage } from "../../src/protocol/message.ts";
import { parseTopicFilter } from "../../src/protocol/topic_filter.ts";

const CHANGES_A_COMMIT = 5_000;

/** What sessions a database is to hold. */
export interface KeptSessions {
  readonly sessions: number;
  readonly subscriptionsEach: number;
  readonly messagesEach: number;
}

/** Writes them as a broker would have. */
export async function keepSessions(path: string, kept: KeptSessions): Promise<void> {
  const storage = await DenoKvStorage.open(path);
  try {
    let changes: CommitItem[] = [];
    for (const change of changesOf(kept)) {
      changes.push(change);
      if (changes.length < CHANGES_A_COMMIT) continue;
      await storage.commit(changes);
      changes = [];
    }
    await storage.commit(changes);
  } finally {
    await storage.close();
  }
}

export function keptClientId(session: number): string {
  return `session ${session}`;
}

function* changesOf({ sessions, subscriptionsEach, messagesEach }: KeptSessions): Generator<Change> {
  const payload = new Uint8Array(100);
  for (let session = 0; session < sessions; session++) {
    const clientId = keptClientId(session);
    yield { kind: "sessionStarted", clientId, principal: undefined };
    for (let count = 0; count < subscriptionsEach; count++) yield subscribed(clientId, `${session}/${count}/+`);
    for (let sequence = 1; sequence <= messagesEach; sequence++) {
      const topic = `${session}/0/x`;
      const message = new ApplicationMessage({ topic, payload, qos: 1, retain: false, properties: {} }, "publisher", 0);
      yield queued(clientId, sequence, message, 1);
    }
    yield { kind: "sessionExpiry", clientId, sessionExpirySeconds: NEVER_EXPIRES, expiresAtMs: Infinity };
  }
}

function subscribed(clientId: string, topicFilter: string): Change {
  const filter = parseTopicFilter(topicFilter);
  if (filter === undefined) throw new TypeError(`"${topicFilter}" is not a Topic Filter`);
  const options = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
  return { kind: "subscribed", clientId, subscription: { filter, ...options, subscriptionIdentifier: undefined } };
}

function queued(clientId: string, sequence: number, message: ApplicationMessage, qos: QoS): Change {
  return {
    kind: "queued",
    clientId,
    sequence,
    message,
    qos,
    retain: false,
    subscriptionIdentifiers: [],
    sharedFilter: undefined,
    packetIdentifier: 0,
  };
}
