import { wrongAnswer } from "../auth/hook_answers.ts";
import type { TopicInterner } from "../codec/topic_interner.ts";
import { limitsWith } from "../protocol/limit_table.ts";
import type { Limits } from "../protocol/limits.ts";
import type { Hooks } from "./access/hooks.ts";
import type { Admission } from "./access/admission.ts";
import type { BrokerOptions } from "./options.ts";
import type { CommitQueue, StorageWait } from "./commits.ts";
import type { Deadlines } from "./deadlines.ts";
import { type PacketEvent, quiet } from "./events.ts";
import type { BacklogWait, Publishing, Router } from "./router.ts";
import type { ServedConnectionHost } from "./connection/served_connection.ts";
import type { SessionPages } from "./session_pages.ts";
import type { Timeline } from "./timeline.ts";
import type { Traffic } from "./counters.ts";
import type { Turn, TurnBudget } from "./turn.ts";

/** The parts of a broker that its connections need. */
export interface ConnectionHostsParts {
  readonly limits: Limits;
  readonly clock: () => number;
  readonly timeline: Timeline;
  readonly topics: TopicInterner;
  readonly deadlines: Deadlines;
  readonly traffic: Traffic;
  readonly budget: TurnBudget;
  readonly fanOutBudget: TurnBudget;
  readonly hooks: Hooks;
  readonly commits: CommitQueue;
  readonly storageWait: StorageWait;
  readonly turn: Turn;
  readonly router: Router;
  readonly publishing: Publishing;
  readonly backlogWait: BacklogWait;
  readonly admission: Admission;
  readonly pages: SessionPages;
  readonly unexpectedError: (error: unknown) => void;
}

/** What connections see of their broker, with the limits that were in force when they began. */
export class ConnectionHosts {
  /** Told of each packet. */
  onPacket: ((event: PacketEvent) => void) | undefined;
  readonly #limits: Limits;
  readonly #host: ServedConnectionHost;
  /** For connections that have the same limits of their own. */
  #hosts = new WeakMap<Partial<Limits>, ServedConnectionHost>();

  constructor(parts: ConnectionHostsParts, options: BrokerOptions) {
    this.#limits = parts.limits;
    this.onPacket = options.onPacket === undefined ? undefined : quiet(options.onPacket);
    this.#host = hostOf(parts, options, () => this.onPacket);
  }

  /** What a client was told in CONNACK holds while it is connected. */
  with(limits: Partial<Limits>): ServedConnectionHost {
    const known = this.#hosts.get(limits);
    if (known !== undefined) return known;
    const host: ServedConnectionHost = Object.create(this.#host, {
      limits: { value: limitsWith({ ...this.#limits, ...limits }) },
    });
    this.#hosts.set(limits, host);
    return host;
  }

  /** Other limits are in force: for those that come. */
  limitsChanged(): void {
    this.#hosts = new WeakMap();
  }
}

/** Arrow functions, and getters for what changes: most of it is looked at for each packet. */
function hostOf(
  parts: ConnectionHostsParts,
  options: BrokerOptions,
  onPacket: () => ServedConnectionHost["onPacket"],
): ServedConnectionHost {
  const {
    clock,
    traffic,
    hooks,
    commits,
    storageWait,
    turn,
    router,
    publishing,
    backlogWait,
    admission,
  } = parts;
  const { deniedPublish = "acknowledge", deniedWill = "refuse", checksPayloadFormat = false, responseInformation } =
    options;
  return {
    limits: parts.limits,
    log: commits,
    topics: parts.topics,
    deadlines: parts.deadlines,
    traffic,
    budget: parts.budget,
    fanOutBudget: parts.fanOutBudget,
    asksAuthenticator: hooks.hasAuthenticator,
    asksAuthorizer: hooks.hasAuthorizer,
    deniedPublish,
    deniedWill,
    checksPayloadFormat,
    responseInformation(clientId) {
      const answer: unknown = responseInformation?.(clientId);
      if (answer === undefined || typeof answer === "string") return answer;
      parts.unexpectedError(wrongAnswer("responseInformation", answer, "a text or nothing"));
      return undefined;
    },
    get isKeeping() {
      return !commits.isFailing;
    },
    isToBeKept: (topic) => router.isToBeKept(topic),
    hasAuthenticationMethod: (method) => hooks.hasAuthenticationMethod(method),
    get onPacket() {
      return onPacket();
    },
    now: () => turn.now(),
    wallMs: parts.timeline.wallMs,
    get durableSequence() {
      return commits.durableSequence;
    },
    turn,
    storageWait,
    hooks,
    pages: parts.pages,
    hasRoomToKeep: () => commits.hasRoom,
    whenRoomToKeep: () => storageWait.kept(clock()),
    resolve: (ask, served) => admission.resolve(ask, served),
    ended: (served, closing) => {
      storageWait.ended(served);
      admission.ended(served, closing);
    },
    unexpectedError: parts.unexpectedError,
    newClientId: () => admission.newClientId(),
    publish: (message, session, nowMs, isTold) => {
      traffic.receivedPublishes += 1;
      traffic.receivedPayloadBytes += message.payload.length;
      const source = message.retain ? session.identity : undefined;
      return publishing.publish(message, source, nowMs, isTold, message.qos > 0);
    },
    // Asked for each message.
    behind: (topic, clientId, nowMs) => backlogWait.subscriberBehind(topic, clientId, nowMs),
    subscribe: (session, subscription) => router.subscribe(session, subscription),
    unsubscribe: (session, subscription) => router.unsubscribe(session, subscription),
  };
}
