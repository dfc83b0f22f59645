import { ReasonCode } from "../codec/reason_code.ts";
import type { AccessRequest, Authentication, AuthenticationRequest, AuthenticationStep } from "../protocol/access.ts";

/** Reason for every client that is unknown or has wrong credentials: it does not reveal which users exist. */
export const WRONG_CREDENTIALS = "the user name or the password is wrong";

/** Authenticates clients. If it throws, rejects or answers anything else, the client is refused. */
export interface Authenticator {
  /** Called for each CONNECT without an Authentication Method; the client waits for the answer. */
  authenticate(request: AuthenticationRequest): Authentication | Promise<Authentication>;
}

/** Authorizes requests of clients. If it throws, rejects or answers anything else, the request is refused. */
export interface Authorizer {
  /**
   * Called for each PUBLISH, each Topic Filter of SUBSCRIBE, and for a Will at CONNECT and again when it is published.
   */
  authorize(request: AccessRequest): boolean | Promise<boolean>;
  /**
   * Called before each delivery of a message, also a retained or queued one, once per client and topic: the answer is
   * remembered while {@linkcode Authorizer.version} stays the same. Without it, a client that may subscribe gets
   * everything that the subscription matches.
   */
  mayReceive?(request: AccessRequest): boolean;
  /**
   * Called before each delivery of a retained message to a new subscription: whether the client that published it, with
   * its access attributes of that time, may still publish it. Without it, a retained message stays for all who may
   * receive it.
   */
  mayStillPublish?(request: AccessRequest): boolean;
  /** Says in words which rule decides a request, for operators; `undefined`: none does. */
  explain?(request: AccessRequest): string | undefined;
  /** Increases when the rules have changed. @default {0} */
  readonly version?: number;
}

/** Authentication Method (MQTT 5, section 4.12). An exchange that fails or answers anything else refuses the client. */
export interface EnhancedAuthenticator {
  /** Name of the method, such as `SCRAM-SHA-256`. */
  readonly method: string;
  /** Begins an exchange with one client, at CONNECT or when it authenticates again. */
  begin(request: { readonly clientId: string; readonly address: string }): AuthenticationExchange;
}

/** Exchange of Authentication Data with one client. */
export interface AuthenticationExchange {
  /** Takes Authentication Data of the client, at first those of CONNECT; `undefined`: there are none. */
  next(data: Uint8Array | undefined): AuthenticationStep | Promise<AuthenticationStep>;
}

/** Refusal of a client; an unknown user is left to the next authenticator. */
export function refused(
  reason: string,
  { reasonCode = ReasonCode.NotAuthorized, isUnknownUser = false }: {
    readonly reasonCode?: ReasonCode;
    readonly isUnknownUser?: boolean;
  } = {},
): Authentication {
  return { isAccepted: false, reasonCode, reason, isUnknownUser };
}
