import type { TopicInterner } from "../codec/topic_interner.ts";
import type { ReasonCode } from "../codec/reason_code.ts";
import type { BehindSubscriber } from "./ask.ts";
import type { ChangeLog } from "./change.ts";
import type { Limits } from "./limits.ts";
import type { ApplicationMessage } from "./message.ts";
import type { Session } from "./session.ts";
import type { Subscription } from "./subscription.ts";

/** Broker as its connections see it; those with the same limits share one. */
export interface ConnectionHost {
  readonly limits: Limits;
  readonly log: ChangeLog;
  readonly topics: TopicInterner;
  readonly asksAuthenticator: boolean;
  readonly asksAuthorizer: boolean;
  /** Whether the storage keeps changes; false: it failed, and is tried again. */
  readonly isKeeping: boolean;
  /** Whether a session that lives on without its connection would get a message of the topic. */
  isToBeKept(topic: string): boolean;
  /** Treatment of a PUBLISH that is not authorized, where PUBACK and PUBREC cannot say so: before MQTT 5. */
  readonly deniedPublish: "acknowledge" | "close";
  /** Treatment of a Will that is not authorized: CONNECT is refused, or the Will is not published when its time comes. */
  readonly deniedWill: "refuse" | "drop";
  /** Whether a payload has to be what its Payload Format Indicator says. */
  readonly checksPayloadFormat: boolean;
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
  subscribe(session: Session, subscription: Subscription): void;
  unsubscribe(session: Session, subscription: Subscription): void;
}
