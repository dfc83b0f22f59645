/** Access: who a client is, what it may do, and the questions that hooks are asked about both. */

import type { ConnectPacket, QoS } from "../codec/packet.ts";
import type { ReasonCode } from "../codec/reason_code.ts";

/** Outcome of authentication: the identity of a client, or why it is refused. */
export type Authentication =
  | ({ readonly isAccepted: true } & Acceptance)
  | {
    readonly isAccepted: false;
    readonly reasonCode: ReasonCode;
    readonly reason?: string;
    /** Whether the user is unknown: another authenticator may be asked. */
    readonly isUnknownUser?: boolean;
  };

/** Identity and rights of a client that was accepted; all may be left out. */
export interface Acceptance {
  /** Name that its session belongs to, and that access rules speak of. */
  readonly principal?: string;
  /** Names that access rules may give rights to. */
  readonly roles?: readonly string[];
  /** Rights of this client alone, such as those of a token. */
  readonly grants?: readonly Grant[];
  /** End of it, in epoch milliseconds: the client is then disconnected, unless it has authenticated again. */
  readonly expiresAtMs?: number;
  /** Duration of it from now on, in milliseconds, however the wall clock is set. The earlier of both ends counts. */
  readonly expiresInMs?: number;
  /** Reason Code with which it is then disconnected. @default {0x87} Not authorized */
  readonly expiryReasonCode?: ReasonCode;
}

/** Values of {@linkcode Grant.access}, in the order in which storages number it. */
export const GRANT_ACCESS: readonly Grant["access"][] = ["read", "write", "readwrite", "deny"];

/** A right to a Topic Filter. `deny` takes away what others give. */
export interface Grant {
  /** Direction of the right; `deny` takes away both. */
  readonly access: "read" | "write" | "readwrite" | "deny";
  /** Topic Filter that the right is for. */
  readonly topicFilter: string;
}

/** Exchange between a client and a hook: the rules pass it on, and only the broker looks into it. */
export type ExchangeHandle = object;

/** Step of an exchange, given for the data of the client. */
export type AuthenticationStep =
  /** Goes to the client, which answers. */
  | { readonly kind: "continue"; readonly data?: Uint8Array }
  | ({ readonly kind: "accepted"; readonly data?: Uint8Array } & Acceptance)
  /** Refused as Not authorized, unless it says another Reason Code. */
  | { readonly kind: "refused"; readonly reasonCode?: ReasonCode; readonly reason: string };

/** Question to an authenticator: a client that asks to be let in. */
export interface AuthenticationRequest {
  /** CONNECT of the client, with User Name and Password. */
  readonly connect: ConnectPacket;
  /** Client Identifier of CONNECT, or the one that was assigned. */
  readonly clientId: string;
  /** Address that the client comes from, such as `127.0.0.1:40312`. */
  readonly address: string;
  /** Listener that it came in at, such as `mqtts://0.0.0.0:8883`. */
  readonly listener: string;
  /** Common name of the client's certificate, where one was asked for and verified. */
  readonly certificateName: string | undefined;
  /** Subject of the same certificate (RFC 2253), such as `CN=sensor-1,O=Plant`; empty where it has none. */
  readonly certificateSubject: string | undefined;
  /** Request that opened a WebSocket connection: its headers have cookies, `Authorization` and `Origin`. */
  readonly request: { readonly method: string; readonly url: string; readonly headers: Headers } | undefined;
}

/** Client as access rules see it. */
export interface ClientIdentity extends AccessAttributes {
  /** Client Identifier, the one that was assigned where the client gave none. */
  readonly clientId: string;
}

/** Attributes of a client that access rules know beside its Client Identifier. */
export interface AccessAttributes {
  /** Name that the authenticator gave; `undefined` for an anonymous client. */
  readonly principal: string | undefined;
  /** Roles that the authenticator gave. */
  readonly roles: readonly string[];
  /** Rights of this client alone that the authenticator gave. */
  readonly grants: readonly Grant[];
  /** Listener that the client came in at, such as `mqtts://0.0.0.0:8883`; `undefined` for a session that was restored. */
  readonly listener: string | undefined;
}

/** Question to an authorizer: what a client wants to do, or is about to get. */
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

/** Part of an {@linkcode AccessRequest} that says what is to be done, without who does it. */
export type ClientAction = Pick<AccessRequest, "action" | "topic" | "qos" | "retain">;
