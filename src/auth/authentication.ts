import type { AccessRequest, Authentication, AuthenticationRequest, AuthenticationStep } from "../protocol/ask.ts";

/** Says who a client is. One that throws or rejects refuses the client. */
export interface Authenticator {
  authenticate(request: AuthenticationRequest): Authentication | Promise<Authentication>;
}

/** Says what a client may do. One that throws or rejects refuses the request. */
export interface Authorizer {
  authorize(request: AccessRequest): boolean | Promise<boolean>;
}

/** An Authentication Method (MQTT 5, section 4.12). One whose exchange throws or rejects refuses the client. */
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
