import type { AccessRequest, Authentication, AuthenticationRequest } from "../protocol/ask.ts";

/** Says who a client is. One that throws or rejects refuses the client. */
export interface Authenticator {
  authenticate(request: AuthenticationRequest): Authentication | Promise<Authentication>;
}

/** Says what a client may do. One that throws or rejects refuses the request. */
export interface Authorizer {
  authorize(request: AccessRequest): boolean | Promise<boolean>;
}
