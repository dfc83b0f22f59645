import type { Message } from "../codec/message.ts";
import type { ConnectPacket } from "../codec/packet.ts";
import type { ReasonCode } from "../codec/reason_code.ts";
import type { TopicInterner } from "../codec/topic_interner.ts";
import type {
  AccessRequest,
  Authentication,
  AuthenticationStep,
  ClientAction,
  ClientIdentity,
  ExchangeHandle,
} from "./access.ts";
import type { ChangeLog } from "./change.ts";
import type { ConnectionTerms } from "./connect_negotiation.ts";
import type { Limits } from "./limits.ts";
import type { ApplicationMessage } from "./message.ts";
import type { OutboxTotal } from "./outbox.ts";
import type { Session } from "./session.ts";
import type { BrokerSettings } from "./settings.ts";
import type { Subscription } from "./subscription.ts";

/** Broker as its connections see it; those with the same limits share one. */
export interface ConnectionHost {
  readonly limits: Limits;
  readonly settings: BrokerSettings;
  readonly log: ChangeLog;
  readonly topics: TopicInterner;
  readonly outboxTotal: OutboxTotal;
  readonly asksAuthenticator: boolean;
  readonly asksAuthorizer: boolean;
  /** Whether the app looks at each message before it is routed. */
  readonly reviewsMessages: boolean;
  /** Whether the storage keeps changes; false: it failed, and is tried again. */
  readonly isKeeping: boolean;
  /** Whether a session that lives on without its connection would get a message of the topic. */
  isToBeKept(topic: string): boolean;
  /** Response Information for a client that asks for it (MQTT 5, section 3.2.2.3.15); `undefined`: there is none. */
  responseInformation(clientId: string): string | undefined;
  /** Whether there is such an Authentication Method. */
  hasAuthenticationMethod(method: string): boolean;
  /** A Client Identifier that no session has. [MQTT-3.2.2-16] */
  newClientId(): string;
  /**
   * Routes a message and keeps it as retained where it says so; gives Success, No matching subscribers or a refusal.
   *
   * @param isTold whether the client hears it: then a message that cannot be retained is refused, and goes to nobody
   */
  publish(message: ApplicationMessage, session: Session, nowMs: number, isTold: boolean): ReasonCode;
  /** Finds a subscriber of a topic for which a client that publishes to it should wait; `undefined`: there is none. */
  behind(topic: string, clientId: string, nowMs: number): BehindSubscriber | undefined;
  /** Hears that a limit refused a subscription. */
  subscriptionRefused(client: ClientIdentity, topicFilter: string, limit: keyof Limits): void;
  subscribe(session: Session, subscription: Subscription): void;
  unsubscribe(session: Session, subscription: Subscription): void;
}

/**
 * Question that the rules cannot answer alone. While one is open, the loop reads no further packet of the connection, so
 * what is pipelined after it stays in order.
 */
export type Ask =
  | { readonly kind: "authenticate"; readonly connect: ConnectPacket; readonly clientId: string }
  | { readonly kind: "authorize"; readonly request: AccessRequest; readonly resume: Resume }
  /** The app looks at a message before it is routed, and may change or drop it. */
  | {
    readonly kind: "review";
    readonly message: Message;
    readonly identity: ClientIdentity;
    readonly resume: (reviewed: ReviewedMessage, nowMs: number) => Ask | undefined;
  }
  /** The storage keeps nothing now: answered when it does again, or when that took too long. */
  | { readonly kind: "storage"; readonly resume: Resume }
  /** A subscriber is behind: answered when it has caught up, or has had its time. */
  | { readonly kind: "subscriber"; readonly subscriber: BehindSubscriber; readonly resume: Resume }
  /** Part of a large packet is done: answered when other connections have had their turn. */
  | { readonly kind: "turn"; readonly resume: Resume }
  /** Enhanced authentication: the first data of an exchange, or more for one that continues. */
  | {
    readonly kind: "exchange";
    readonly clientId: string;
    readonly method: string;
    readonly exchange: ExchangeHandle | undefined;
    readonly data: Uint8Array | undefined;
  }
  | { readonly kind: "openSession"; readonly connect: ConnectPacket; readonly terms: ConnectionTerms };

/** Continues the work on a packet with the answer; gives the next question, if there is one. */
export type Resume = (answer: boolean, nowMs: number) => Ask | undefined;

/** Answer to an {@linkcode Ask}, of the same kind. */
export type Answer =
  | { readonly kind: "authenticate"; readonly result: Authentication }
  | { readonly kind: "authorize"; readonly isAllowed: boolean }
  | { readonly kind: "review"; readonly reviewed: ReviewedMessage }
  | { readonly kind: "storage"; readonly isKeeping: boolean }
  | { readonly kind: "subscriber"; readonly isOver: boolean }
  | { readonly kind: "turn" }
  | { readonly kind: "exchange"; readonly exchange: ExchangeHandle; readonly step: AuthenticationStep }
  | { readonly kind: "openSession"; readonly session: Session; readonly isPresent: boolean }
  /** Refusal of the client, whatever was asked. */
  | { readonly kind: "refused"; readonly reasonCode: ReasonCode; readonly reason: string };

/** Message to route in place of the one that was asked about, the same where nothing is changed; or why there is none. */
export type ReviewedMessage = Message | "dropped" | "failed";

/** Subscriber so far behind that clients which publish to it should wait. */
export interface BehindSubscriber {
  /** Whether it still is, and has not had its time yet: publishers wait no longer than that. */
  isFarBehind(nowMs: number): boolean;
}

/** Question whether the client may do something, which is asked only where there is an authorizer. */
export function askAuthorizer(action: ClientAction, identity: ClientIdentity, resume: Resume): Ask {
  return { kind: "authorize", request: { ...action, ...identity }, resume };
}
