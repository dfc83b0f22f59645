import type { AccessRequest, Authentication, AuthenticationRequest, AuthenticationStep } from "../protocol/access.ts";

/** What every client hears that is not known or not who it says: nobody learns which users there are. */
export const WRONG_CREDENTIALS = "the user name or the password is wrong";

/** Says who a client is. One that throws, rejects or answers anything else refuses the client. */
export interface Authenticator {
  authenticate(request: AuthenticationRequest): Authentication | Promise<Authentication>;
}

/** Says what a client may do. One that throws, rejects or answers anything else refuses the request. */
export interface Authorizer {
  /** Asked for each PUBLISH, each Topic Filter of SUBSCRIBE, and for a Will at CONNECT and again when it is published. */
  authorize(request: AccessRequest): boolean | Promise<boolean>;
  /**
   * Asked for each message that is about to be delivered, retained and queued ones included, once for each client and
   * topic: the answer is remembered while {@linkcode Authorizer.version} stays the same. Without it, whoever may subscribe
   * gets what the subscription matches.
   */
  mayReceive?(request: AccessRequest): boolean;
  /**
   * Asked for each retained message that is about to go to a new subscription: whether the client that published it, as it
   * was then, may still do so. Without it, what was published stays for all who may receive it.
   */
  mayStillPublish?(request: AccessRequest): boolean;
  /** Grows when the rules have changed. @default {0} */
  readonly version?: number;
}

/** An Authentication Method (MQTT 5, section 4.12). One whose exchange throws, rejects or answers anything else refuses the client. */
export interface EnhancedAuthenticator {
  /** Such as `SCRAM-SHA-256`. */
  readonly method: string;
  /** Begins an exchange with one client, at CONNECT or when it authenticates again. */
  begin(request: { readonly clientId: string; readonly address: string }): AuthenticationExchange;
}

/** One exchange of data with one client. */
export interface AuthenticationExchange {
  /** Takes Authentication Data of the client, the first of which come with CONNECT; `undefined`: there are none. */
  next(data: Uint8Array | undefined): AuthenticationStep | Promise<AuthenticationStep>;
}
