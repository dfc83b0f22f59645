import { TopicInterner } from "../codec/topic_interner.ts";
import { Backlog } from "../protocol/backlog.ts";
import { limitsWith } from "../protocol/limit_table.ts";
import type { Limits } from "../protocol/limits.ts";
import { FrameEncoders } from "../protocol/message.ts";
import { OutboxTotal } from "../protocol/outbox.ts";
import type { SessionContext } from "../protocol/session_context.ts";
import { settingsWith } from "../protocol/setting_table.ts";
import { MemoryStorage } from "../storage/memory.ts";
import type { Storage } from "../storage/storage.ts";
import { Admission } from "./access/admission.ts";
import { Evictions } from "./access/bans.ts";
import { Hooks } from "./access/hooks.ts";
import { SubscriptionReview } from "./access/review.ts";
import { CommitQueue, StorageWait } from "./commits.ts";
import { Connections } from "./connection/connections.ts";
import { BrokerHost } from "./connection/host.ts";
import { IncompletePackets } from "./connection/incomplete_packets.ts";
import type { ServedConnection } from "./connection/served_connection.ts";
import type { WatchedConnection } from "./connection/watched.ts";
import { DroppedMessages, EventLoopStalls, RetentionRefusals, SubscriptionRefusals, Traffic } from "./counters.ts";
import { Deadlines } from "./deadlines.ts";
import { type BrokerEvent, Watchers } from "./events.ts";
import { Inspection } from "./inspection.ts";
import { Listing } from "./listing.ts";
import { LocalClient } from "./local_client.ts";
import type { BrokerOptions } from "./options.ts";
import { Retention } from "./retained.ts";
import { BacklogWait, Publishing, Router } from "./router.ts";
import { SessionPages } from "./session_pages.ts";
import { SessionQuota } from "./session_quota.ts";
import { Sessions } from "./sessions.ts";
import { sysInterval, SysTopics } from "./sys_topics.ts";
import { Timeline } from "./timeline.ts";
import { Turn } from "./turn.ts";
import { Wills } from "./wills.ts";

const REMEMBERED_TOPICS = 4_096;
const MOST_REMEMBERED_TOPICS = 262_144;

/** Parts of a broker, as {@linkcode assemble} puts them together. */
export type BrokerParts = ReturnType<typeof assemble>;

/**
 * Puts a broker together: each part is made after those that it uses, and gets them by name.
 *
 * @param isClosing whether the broker ends
 */
export function assemble(options: BrokerOptions, isClosing: () => boolean) {
  const limits = limitsWith(options.limits ?? {});
  const settings = settingsWith(options);
  const storage: Storage = options.storage ?? new MemoryStorage();
  const timeline = new Timeline(options.clock, options.machine);
  const { now: clock, wallMs } = timeline;
  const eventWatchers = new Watchers<BrokerEvent>();
  if (options.onEvent !== undefined) eventWatchers.add(options.onEvent);
  const onEvent = eventWatchers.tell;
  const connectionWatchers = new Watchers<WatchedConnection>();
  const unexpectedError = (error: unknown): void => onEvent({ kind: "unexpectedError", error });
  const intervalMs = sysInterval(options.sysIntervalMs);

  // Parts that use no other: deadlines, connections, topics, counters, and the hooks of the app.
  const deadlines = new Deadlines();
  const connections = new Connections<ServedConnection>();
  const outboxTotal = new OutboxTotal(limits);
  const incompletePackets = new IncompletePackets(limits, deadlines);
  const topics = new TopicInterner(REMEMBERED_TOPICS, MOST_REMEMBERED_TOPICS);
  const traffic = new Traffic();
  const stalls = new EventLoopStalls();
  eventWatchers.add((event) => {
    if (event.kind === "connectionRefused") traffic.refused(event.help ?? "other");
  });
  const dropped = new DroppedMessages(onEvent);
  const refusals = new RetentionRefusals(onEvent);
  const subscriptionRefusals = new SubscriptionRefusals(onEvent);
  const sessionQuota = new SessionQuota(limits, onEvent);
  const hooks = new Hooks({ ...options, timeoutMs: limits.hookTimeoutMs, onEvent, unexpectedError });

  // Turns: what is changed in one is committed together, and then written.
  const storageWait = new StorageWait(deadlines, connections, clock, onEvent);
  const commits = new CommitQueue(storage, storageWait, limits.maximumPendingBytes, () => timeline.momentToKeep());
  const turn = new Turn({ commits, deadlines, stalls, clock, unexpectedError });

  // Messages, from publishers to subscribers and to the retained ones.
  const router = new Router(settings.overlappingSubscriptions);
  const backlog = new Backlog(limits);
  const backlogWait = new BacklogWait(router, backlog);
  const mayStillPublish = settings.checksRetainedPublisher ? hooks.mayStillPublish : undefined;
  const retention = new Retention(limits, commits, deadlines, mayStillPublish);
  const publishing = new Publishing(router, retention, refusals, commits, turn.fanOutBudget);
  const localClient = new LocalClient({ limits, hooks, router, retention, publishing, backlogWait, turn, clock });

  // Sessions, and the clients that are let in to them.
  const { budget } = turn;
  const context: SessionContext = {
    limits,
    log: commits,
    encoders: new FrameEncoders(topics),
    retained: retention,
    backlog,
    dropped: dropped.counts,
    dropsBegin: (clientId, isConnected, limit) =>
      onEvent({ kind: "clientBehind", clientId, isConnected, limit, value: limits[limit] }),
    deliveryRules: hooks.deliveryRules,
    settings,
    budget,
  };
  const { lostSubscription, assignedClientIdPrefix } = settings;
  const review = new SubscriptionReview({
    hooks,
    connections,
    commits,
    router,
    turn,
    budget,
    lostSubscription,
    onEvent,
    unexpectedError,
  });
  const pages = new SessionPages({ storage, commits, turn, onEvent });
  const wills = new Wills({ commits, deadlines, hooks, publishing, turn, isClosing });
  const sessions = new Sessions({
    context,
    commits,
    deadlines,
    router,
    sessionQuota,
    pages,
    wills,
    review,
    turn,
    onEvent,
  });
  const inspection = new Inspection({ sessions, retention, router, hooks, commits, storage, turn });
  const listing = new Listing(() => sessions.clients());
  const evictions = new Evictions(connections, wallMs);
  const admission = new Admission({
    limits,
    assignedClientIdPrefix,
    hooks,
    evictions,
    sessions,
    pages,
    commits,
    onEvent,
  });

  const sysTopics = new SysTopics({
    intervalMs,
    traffic,
    stalls,
    dropped,
    refusals,
    router,
    retention,
    sessions,
    sessionQuota,
    admission,
    heapBytes: options.heapBytes,
    storage,
    unexpectedError,
  });

  /** Host of connections that begin now, with limits in place of those of the broker. */
  const hostWith = (ownLimits: Partial<Limits>) =>
    new BrokerHost(limitsWith({ ...limits, ...ownLimits }), options.responseInformation, {
      settings,
      topics,
      deadlines,
      traffic,
      turn,
      commits,
      storageWait,
      backlogWait,
      hooks,
      admission,
      pages,
      incompletePackets,
      outboxTotal,
      router,
      publishing,
      subscriptionRefusals,
      wallMs,
      unexpectedError,
    });

  return {
    isClosing,
    limits,
    storage,
    timeline,
    clock,
    eventWatchers,
    connectionWatchers,
    onEvent,
    unexpectedError,
    deadlines,
    connections,
    traffic,
    stalls,
    dropped,
    refusals,
    sessionQuota,
    hooks,
    storageWait,
    commits,
    turn,
    backlog,
    backlogWait,
    retention,
    publishing,
    localClient,
    review,
    sessions,
    evictions,
    admission,
    router,
    listing,
    inspection,
    sysTopics,
    hostWith,
  };
}
