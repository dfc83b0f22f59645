import { wrongAnswer } from "../../auth/hook_answers.ts";
import type { ReasonCode } from "../../codec/reason_code.ts";
import type { TopicInterner } from "../../codec/topic_interner.ts";
import type { ClientIdentity } from "../../protocol/access.ts";
import type { BehindSubscriber, ConnectionHost } from "../../protocol/connection_host.ts";
import type { Limits } from "../../protocol/limits.ts";
import type { ApplicationMessage } from "../../protocol/message.ts";
import type { OutboxTotal } from "../../protocol/outbox.ts";
import type { Session } from "../../protocol/session.ts";
import type { BrokerSettings } from "../../protocol/settings.ts";
import type { Subscription } from "../../protocol/subscription.ts";
import type { Admission } from "../access/admission.ts";
import type { Hooks } from "../access/hooks.ts";
import type { CommitQueue, StorageWait } from "../commits.ts";
import type { SubscriptionRefusals, Traffic } from "../counters.ts";
import type { Deadlines } from "../deadlines.ts";
import type { BrokerOptions } from "../options.ts";
import type { BacklogWait, Publishing, Router } from "../router.ts";
import type { SessionPages } from "../session_pages.ts";
import type { Turn } from "../turn.ts";
import type { IncompletePackets } from "./incomplete_packets.ts";

/**
 * The broker as host of connections that have the same limits: the parts that serve them, and the answers that the rules of
 * MQTT need. The limits hold as long as a connection lasts: they are what its client was told in CONNACK.
 */
export class BrokerHost implements ConnectionHost {
  readonly limits: Limits;
  readonly topics: TopicInterner;
  readonly deadlines: Deadlines;
  readonly traffic: Traffic;
  readonly turn: Turn;
  readonly log: CommitQueue;
  readonly storageWait: StorageWait;
  readonly backlogWait: BacklogWait;
  readonly hooks: Hooks;
  readonly admission: Admission;
  readonly pages: SessionPages;
  readonly incompletePackets: IncompletePackets;
  readonly outboxTotal: OutboxTotal;
  readonly wallMs: () => number;
  readonly unexpectedError: (error: unknown) => void;
  readonly asksAuthenticator: boolean;
  readonly asksAuthorizer: boolean;
  readonly reviewsMessages: boolean;
  readonly settings: BrokerSettings;
  readonly #router: Router;
  readonly #publishing: Publishing;
  readonly #subscriptionRefusals: SubscriptionRefusals;
  readonly #responseInformation: BrokerOptions["responseInformation"];

  constructor(limits: Limits, responseInformation: BrokerOptions["responseInformation"], parts: {
    readonly settings: BrokerSettings;
    readonly topics: TopicInterner;
    readonly deadlines: Deadlines;
    readonly traffic: Traffic;
    readonly turn: Turn;
    readonly commits: CommitQueue;
    readonly storageWait: StorageWait;
    readonly backlogWait: BacklogWait;
    readonly hooks: Hooks;
    readonly admission: Admission;
    readonly pages: SessionPages;
    readonly incompletePackets: IncompletePackets;
    readonly outboxTotal: OutboxTotal;
    readonly router: Router;
    readonly publishing: Publishing;
    readonly subscriptionRefusals: SubscriptionRefusals;
    readonly wallMs: () => number;
    readonly unexpectedError: (error: unknown) => void;
  }) {
    this.limits = limits;
    this.topics = parts.topics;
    this.deadlines = parts.deadlines;
    this.traffic = parts.traffic;
    this.turn = parts.turn;
    this.log = parts.commits;
    this.storageWait = parts.storageWait;
    this.backlogWait = parts.backlogWait;
    this.hooks = parts.hooks;
    this.admission = parts.admission;
    this.pages = parts.pages;
    this.incompletePackets = parts.incompletePackets;
    this.outboxTotal = parts.outboxTotal;
    this.wallMs = parts.wallMs;
    this.unexpectedError = parts.unexpectedError;
    this.asksAuthenticator = parts.hooks.hasAuthenticator;
    this.asksAuthorizer = parts.hooks.hasAuthorizer;
    this.reviewsMessages = parts.hooks.reviewsMessages;
    this.settings = parts.settings;
    this.#router = parts.router;
    this.#publishing = parts.publishing;
    this.#subscriptionRefusals = parts.subscriptionRefusals;
    this.#responseInformation = responseInformation;
  }

  publish(message: ApplicationMessage, session: Session, nowMs: number, isTold: boolean): ReasonCode {
    const { traffic } = this;
    traffic.receivedPublishesByQos[message.qos] += 1;
    traffic.receivedPayloadBytes += message.payload.length;
    const source = message.retain ? session.identity : undefined;
    return this.#publishing.publish(message, source, nowMs, isTold, message.qos > 0);
  }

  behind(topic: string, clientId: string, nowMs: number): BehindSubscriber | undefined {
    return this.backlogWait.subscriberBehind(topic, clientId, nowMs);
  }

  subscriptionRefused(client: ClientIdentity, topicFilter: string, limit: keyof Limits): void {
    this.#subscriptionRefusals.tell(client, topicFilter, limit, this.limits[limit], this.turn.now());
  }

  subscribe(session: Session, subscription: Subscription): void {
    this.#router.subscribe(session, subscription);
  }

  unsubscribe(session: Session, subscription: Subscription): void {
    this.#router.unsubscribe(session, subscription);
  }

  isToBeKept(topic: string): boolean {
    return this.#router.isToBeKept(topic);
  }

  get isKeeping(): boolean {
    return !this.log.isFailing;
  }

  hasAuthenticationMethod(method: string): boolean {
    return this.hooks.hasAuthenticationMethod(method);
  }

  newClientId(): string {
    return this.admission.newClientId();
  }

  responseInformation(clientId: string): string | undefined {
    const answer: unknown = this.#responseInformation?.(clientId);
    if (answer === undefined || typeof answer === "string") return answer;
    this.unexpectedError(wrongAnswer("responseInformation", answer, "a text or nothing"));
    return undefined;
  }
}
