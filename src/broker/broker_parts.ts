import { TopicInterner } from "../codec/topic_interner.ts";
import { Backlog } from "../protocol/backlog.ts";
import { limitsWith } from "../protocol/limit_table.ts";
import type { Limits } from "../protocol/limits.ts";
import { FrameEncoders } from "../protocol/message.ts";
import type { SessionContext } from "../protocol/session_context.ts";
import { MemoryStorage } from "../storage/memory.ts";
import type { Storage } from "../storage/storage.ts";
import { Hooks } from "./access/hooks.ts";
import { Admission } from "./access/admission.ts";
import type { BrokerOptions } from "./options.ts";
import { CommitQueue, StorageWait } from "./commits.ts";
import { ConnectionHosts } from "./connection_hosts.ts";
import { Connections } from "./connection/connections.ts";
import { Deadlines } from "./deadlines.ts";
import { DroppedMessages, EventLoopStalls, RetentionRefusals, Traffic } from "./counters.ts";
import { type BrokerEvent, quiet } from "./events.ts";
import { Evictions } from "./access/bans.ts";
import { SubscriptionReview } from "./access/review.ts";
import { LocalClient } from "./local_client.ts";
import { BacklogWait, Publishing, Router } from "./router.ts";
import { Retention } from "./retained.ts";
import type { ServedConnection } from "./connection/served_connection.ts";
import { SessionQuota } from "./session_quota.ts";
import { SessionPages } from "./session_pages.ts";
import { Sessions } from "./sessions.ts";
import { sysInterval, SysTopics } from "./sys_topics.ts";
import { Timeline } from "./timeline.ts";
import { Turn, TurnBudget } from "./turn.ts";
import { Wills } from "./wills.ts";

// Half of the longest time for which one message to 10,000 clients may hold the event loop.
const FAN_OUT_MS = 25;
const REMEMBERED_TOPICS = 4_096;
const MOST_REMEMBERED_TOPICS = 262_144;

/**
 * The parts of a broker, put together. Each says what it needs of others in an interface of its own, and gets them all: those
 * that it needs at once are made before it, the others are there when it needs them.
 */
export class BrokerParts {
  readonly limits: Limits;
  readonly storage: Storage;
  readonly timeline: Timeline;
  /** The broker's own time, see {@linkcode Timeline}. */
  readonly clock: () => number;
  readonly onEvent: (event: BrokerEvent) => void;
  readonly unexpectedError = (error: unknown): void => this.onEvent({ kind: "unexpectedError", error });
  /** What a Client Identifier begins with that the broker makes. */
  readonly clientIdPrefix: string;
  readonly deadlines = new Deadlines();
  readonly router: Router;
  readonly topics = new TopicInterner(REMEMBERED_TOPICS, MOST_REMEMBERED_TOPICS);
  readonly connections = new Connections<ServedConnection>();
  readonly traffic = new Traffic();
  readonly budget = new TurnBudget();
  /** For messages to many, which take longer for each pause: a pause is not worth it for 1,000 writes. */
  readonly fanOutBudget = new TurnBudget(FAN_OUT_MS);
  readonly stalls = new EventLoopStalls();
  readonly hooks: Hooks;
  readonly commits: CommitQueue;
  readonly turn: Turn;
  readonly storageWait: StorageWait;
  readonly backlog: Backlog;
  readonly backlogWait: BacklogWait;
  readonly retention: Retention;
  readonly retentionRefusals: RetentionRefusals;
  readonly publishing: Publishing;
  readonly dropped: DroppedMessages;
  readonly sessionQuota: SessionQuota;
  readonly pages: SessionPages;
  readonly wills: Wills;
  readonly sessions: Sessions;
  readonly evictions: Evictions;
  readonly admission: Admission;
  readonly sysTopics: SysTopics;
  readonly localClient: LocalClient;
  readonly review: SubscriptionReview;
  readonly hosts: ConnectionHosts;

  /** @param isClosing whether the broker ends */
  constructor(options: BrokerOptions, readonly isClosing: () => boolean) {
    this.limits = limitsWith(options.limits ?? {});
    this.storage = options.storage ?? new MemoryStorage();
    this.timeline = new Timeline(options.clock, options.machine);
    this.clock = this.timeline.now;
    this.onEvent = quiet(options.onEvent ?? (() => {}));
    this.clientIdPrefix = options.assignedClientIdPrefix ?? "auto-";
    this.router = new Router(options.overlappingSubscriptions);
    const { hookTimeoutMs, maximumPendingBytes } = this.limits;
    const { deadlines, connections, stalls, fanOutBudget, clock, onEvent, unexpectedError, timeline } = this;
    this.hooks = new Hooks({ ...options, timeoutMs: hookTimeoutMs, onEvent, unexpectedError });
    this.storageWait = new StorageWait(deadlines, connections, clock, onEvent);
    this.commits = new CommitQueue(
      this.storage,
      this.storageWait,
      maximumPendingBytes,
      () => timeline.momentToKeep(),
    );
    this.turn = new Turn({ commits: this.commits, deadlines, stalls, fanOutBudget, clock, unexpectedError });
    this.backlog = new Backlog(this.limits);
    this.backlogWait = new BacklogWait(this.router, this.backlog);
    const mayStillPublish = options.checksRetainedPublisher === false ? undefined : this.hooks.mayStillPublish;
    this.retention = new Retention(this.limits, this.commits, this.deadlines, mayStillPublish);
    this.retentionRefusals = new RetentionRefusals(this.onEvent);
    this.publishing = new Publishing(
      this.router,
      this.retention,
      this.retentionRefusals,
      this.commits,
      this.fanOutBudget,
    );
    this.dropped = new DroppedMessages(this.onEvent);
    this.sessionQuota = new SessionQuota(this.limits, this.onEvent);
    this.pages = new SessionPages(this);
    this.review = new SubscriptionReview({ ...this, lostSubscription: options.lostSubscription });
    this.wills = new Wills(this);
    this.sessions = new Sessions({ ...this, context: this.#sessionContext(options) });
    this.evictions = new Evictions(this.connections, this.timeline.wallMs);
    this.admission = new Admission(this);
    this.sysTopics = new SysTopics({
      ...this,
      refusals: this.retentionRefusals,
      intervalMs: sysInterval(options.sysIntervalMs),
      heapBytes: options.heapBytes,
    });
    this.localClient = new LocalClient(this);
    this.hosts = new ConnectionHosts(this, options);
  }

  #sessionContext({ queuesQos0Messages = false, upgradesOutgoingQos = false }: BrokerOptions): SessionContext {
    return {
      limits: this.limits,
      log: this.commits,
      encoders: new FrameEncoders(this.topics),
      retained: this.retention,
      backlog: this.backlog,
      dropped: this.dropped.counts,
      dropsBegin: (clientId, isConnected, limit) =>
        this.onEvent({ kind: "clientBehind", clientId, isConnected, limit, value: this.limits[limit] }),
      deliveryRules: this.hooks.deliveryRules,
      queuesQos0: queuesQos0Messages,
      upgradesQos: upgradesOutgoingQos,
      budget: this.budget,
    };
  }
}
