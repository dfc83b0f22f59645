/** Ends of a broker: in order, and without a storage that it can write to. */

import { ReasonCode } from "../codec/reason_code.ts";
import type { BrokerParts } from "./assembly.ts";
import type { Ticks } from "./ticks.ts";

const CLOSE_TIMEOUT_MS = 4_500;

/** Ends all connections, writes what must be kept, and closes the storage. */
export async function shutDown(parts: BrokerParts, ticks: Ticks): Promise<void> {
  const { connections, evictions, localClient, storageWait, backlogWait, review, hooks } = parts;
  const { turn, commits, storage, timeline } = parts;
  evictions.close();
  for (const served of connections) {
    served.connection.disconnect(ReasonCode.ServerShuttingDown, "the server is shutting down");
  }
  localClient.close();
  const timeout = setTimeout(() => {
    for (const served of connections) served.close();
  }, CLOSE_TIMEOUT_MS);
  await connections.ended();
  clearTimeout(timeout);
  storageWait.close();
  backlogWait.close();
  await localClient.published();
  review.close();
  hooks.close();
  turn.close();
  ticks.stop();
  const moment = timeline.lastMoment();
  if (moment !== undefined) commits.write(moment);
  // An event has told of changes that could not be kept.
  await commits.settled().catch(() => {});
  await storage.close();
}

/** Gives up what waits for a storage that is lost: it is never sent, as another broker may serve its clients by now. */
export function abandonStorage({ connections, commits }: BrokerParts, error: Error): void {
  commits.abandon(error);
  for (const served of connections) {
    served.refuseHeld(ReasonCode.ServerShuttingDown, "the server has lost its storage");
  }
}
