import type { TopicInterner } from "../codec/topic_interner.ts";
import type { ReasonCode } from "../codec/reason_code.ts";
import type { MqttError } from "../codec/mqtt_error.ts";
import type { Packet } from "../codec/packet.ts";
import type { Acceptance, AccessRequest } from "./access.ts";
import type { Ask, BehindSubscriber } from "./ask.ts";
import type { ChangeLog } from "./change.ts";
import type { ConnectionPort } from "./connection_port.ts";
import type { Limits } from "./limits.ts";
import type { ApplicationMessage } from "./message.ts";
import type { Session } from "./session.ts";
import type { Subscription } from "./subscription.ts";

/** What a connection needs of its broker. */
export interface ConnectionHost {
  readonly limits: Limits;
  readonly log: ChangeLog;
  readonly topics: TopicInterner;
  readonly asksAuthenticator: boolean;
  readonly asksAuthorizer: boolean;
  /** Whether the storage keeps what it is given: it failed, and is tried again. */
  readonly isKeeping: boolean;
  /** Whether a session that lives on without its connection would get a message of the topic. */
  isToBeKept(topic: string): boolean;
  /** What becomes of a PUBLISH that is not authorized, where PUBACK and PUBREC cannot say so: before MQTT 5. */
  readonly deniedPublish: "acknowledge" | "close";
  /** What becomes of a Will that is not authorized: CONNECT is refused, or the Will is not published when its time comes. */
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
  /**
   * Finds a subscriber of a topic that is so far behind that a client which publishes to it should wait; `undefined`: none is.
   */
  behind(topic: string, clientId: string, nowMs: number): BehindSubscriber | undefined;
  subscribe(session: Session, subscription: Subscription): void;
  unsubscribe(session: Session, subscription: Subscription): void;
}

/** What a connection tells the loop that serves it. */
export interface ConnectionEvents {
  /** Where the connection came in, such as `mqtt://0.0.0.0:1883`. */
  readonly listener: string;
  /** The client may not do what it asked for, without anybody being asked. */
  denied(request: AccessRequest): void;
  /** The client is authenticated, for the first time or again. */
  accepted(acceptance: Acceptance): void;
  /** Something waits in the outbox, or the connection is to be closed. */
  wake(): void;
  /** Lets the session go on with what it could not finish in this turn. */
  pumpLater(): void;
  /** Whether it is about to. */
  readonly isPumpLater: boolean;
  /** Has more of what the session left in the storage come back. */
  loadPage(): void;
  /** Since when the piece that is being written has been; Infinity: none is. */
  readonly writingSinceMs: number;
  /** Begins to write what waits before the turn ends, if nothing is being written. */
  flushNow(): void;
  readonly onReceived: ((packet: Packet) => void) | undefined;
  readonly onSent: ((packet: Packet) => void) | undefined;
}

/** A connection, as the rules for single packets see it. */
export interface PacketPort extends ConnectionPort {
  /** Whether CONNECT had the bridge bit, which MQTT 5 does not need. */
  readonly isBridge: boolean;
  readonly session: Session | undefined;
  fail(error: MqttError): void;
  disconnect(reasonCode: ReasonCode, reason: string): void;
  /** The client may not do what it asked for, whatever the authorizer says. */
  tellDenied(request: Pick<AccessRequest, "action" | "topic" | "qos" | "retain">): void;
  /** Asks to be told when the storage keeps again, or that it took too long. */
  waitForStorage(goOn: (isKeeping: boolean, nowMs: number) => Ask | undefined): Ask;
  /** Asks to be told when a subscriber is not behind any more; `isOver`: nobody is to wait for anyone. */
  waitForSubscriber(subscriber: BehindSubscriber, goOn: (isOver: boolean, nowMs: number) => Ask | undefined): Ask;
  /** Lets others have their turn, where this one has lasted long enough. */
  waitForTurn(goOn: (isOn: boolean, nowMs: number) => Ask | undefined): Ask;
  authorize(
    request: Pick<AccessRequest, "action" | "topic" | "qos" | "retain">,
    goOn: (isAllowed: boolean, nowMs: number) => Ask | undefined,
    nowMs: number,
  ): Ask | undefined;
}
