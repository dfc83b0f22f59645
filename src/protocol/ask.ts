/**
 * Questions that the rules cannot answer alone. While one is open, the loop reads no further packet of the connection,
 * so what is pipelined behind it stays in order.
 */

import type { ConnectPacket, QoS } from "../codec/packet.ts";
import type { ReasonCode } from "../codec/reason_code.ts";
import type { ConnectionTerms } from "./connect_negotiation.ts";
import type { Session } from "./session.ts";

/** What a connection needs to know before it goes on. */
export type Ask =
  | { readonly kind: "authenticate"; readonly connect: ConnectPacket; readonly clientId: string }
  | { readonly kind: "authorize"; readonly request: AccessRequest }
  /** The storage keeps nothing now: is answered when it does again, or when that took too long. */
  | { readonly kind: "storage" }
  /** A subscriber is behind: is answered when it is not any more, or has had its time. */
  | { readonly kind: "subscriber"; readonly subscriber: BehindSubscriber }
  /** Much of a packet was done: others may have their turn before the rest. */
  | { readonly kind: "turn" }
  /** Enhanced authentication: the first data of an exchange, or more for one that goes on. */
  | {
    readonly kind: "exchange";
    readonly clientId: string;
    readonly method: string;
    readonly exchange: ExchangeHandle | undefined;
    readonly data: Uint8Array | undefined;
  }
  | { readonly kind: "openSession"; readonly connect: ConnectPacket; readonly terms: ConnectionTerms };

/** The answer to an {@linkcode Ask}, of the same kind. */
export type Answer =
  | { readonly kind: "authenticate"; readonly result: Authentication }
  | { readonly kind: "authorize"; readonly isAllowed: boolean }
  | { readonly kind: "storage"; readonly isKeeping: boolean }
  | { readonly kind: "subscriber"; readonly isOver: boolean }
  | { readonly kind: "turn" }
  | { readonly kind: "exchange"; readonly exchange: ExchangeHandle; readonly step: AuthenticationStep }
  | { readonly kind: "openSession"; readonly session: Session; readonly isPresent: boolean }
  /** The broker does not take the client, whatever was asked. */
  | { readonly kind: "refused"; readonly reasonCode: ReasonCode; readonly reason: string };

/** A subscriber that is so far behind that those who publish to it should wait. */
export interface BehindSubscriber {
  /** Whether it still is, and has not had its time yet: publishers wait for it so long and no longer. */
  isFarBehind(nowMs: number): boolean;
}

/** Who a client is, or why it is refused. */
export type Authentication =
  | ({ readonly isAccepted: true } & Acceptance)
  | {
    readonly isAccepted: false;
    readonly reasonCode: ReasonCode;
    readonly reason?: string;
    /** Whether nothing is known of such a user: another authenticator may be asked. */
    readonly isUnknownUser?: boolean;
  };

/** What holds for a client that was let in; all may be left out. */
export interface Acceptance {
  /** Who it is: its session belongs to this name, and access rules speak of it. */
  readonly principal?: string;
  /** Names that access rules may give rights to. */
  readonly roles?: readonly string[];
  /** Rights of this client alone, such as those of a token. */
  readonly grants?: readonly Grant[];
  /** When it ends, in epoch milliseconds: the client is then disconnected, unless it has authenticated again. */
  readonly expiresAtMs?: number;
  /** The same as a duration from now on, in milliseconds, however the wall clock is set. The earlier of both counts. */
  readonly expiresInMs?: number;
  /** With which Reason Code it is then disconnected. @default {0x87} Not authorized */
  readonly expiryReasonCode?: ReasonCode;
}

/** What {@linkcode Grant.access} may be, in the order in which storages number it. */
export const GRANT_ACCESS = ["read", "write", "readwrite", "deny"] as const;

/** A right to a Topic Filter. `deny` takes away what others give. */
export interface Grant {
  readonly access: typeof GRANT_ACCESS[number];
  readonly topicFilter: string;
}

/** An exchange between a client and a hook; the rules pass it on, and only the broker looks into it. */
export type ExchangeHandle = object;

/** What an exchange says to the data of the client. */
export type AuthenticationStep =
  /** Goes to the client, which answers. */
  | { readonly kind: "continue"; readonly data?: Uint8Array }
  | ({ readonly kind: "accepted"; readonly data?: Uint8Array } & Acceptance)
  /** Not authorized, unless it says another Reason Code. */
  | { readonly kind: "refused"; readonly reasonCode?: ReasonCode; readonly reason: string };

/** Who asks to be let in. */
export interface AuthenticationRequest {
  readonly connect: ConnectPacket;
  /** Of CONNECT, or the one that was assigned. */
  readonly clientId: string;
  /** Where the client comes from, such as `127.0.0.1:40312`. */
  readonly address: string;
  /** Where it came in, such as `mqtts://0.0.0.0:8883`. */
  readonly listener: string;
  /** Common name of the client's certificate, where one was asked for and verified. */
  readonly certificateName: string | undefined;
  /** Subject of the same certificate (RFC 2253), such as `CN=sensor-1,O=Plant`; empty where it has none. */
  readonly certificateSubject: string | undefined;
  /** What opened a WebSocket connection: its headers have cookies, `Authorization` and `Origin`. */
  readonly request: { readonly method: string; readonly url: string; readonly headers: Headers } | undefined;
}

/** Whom access rules speak of. */
export interface ClientIdentity extends AccessAttributes {
  readonly clientId: string;
}

/** What access rules know of a client beside its Client Identifier. */
export interface AccessAttributes {
  /** As the authenticator gave it; `undefined` for an anonymous client. */
  readonly principal: string | undefined;
  /** As the authenticator gave them. */
  readonly roles: readonly string[];
  readonly grants: readonly Grant[];
  /** Where the client came in, such as `mqtts://0.0.0.0:8883`; `undefined` for a session that was restored. */
  readonly listener: string | undefined;
}

/** What a client wants to do, or is about to get. */
export interface AccessRequest extends ClientIdentity {
  /** `receive`: a message is about to be delivered to it. */
  readonly action: "publish" | "subscribe" | "receive";
  /**
   * Topic Filter for `subscribe`, that of a Shared Subscription without `$share` and ShareName; else Topic Name.
   */
  readonly topic: string;
  /** 0 for `receive`, where the answer holds for all messages of the topic. */
  readonly qos: QoS;
  /** `false` for `receive`. */
  readonly retain: boolean;
}
