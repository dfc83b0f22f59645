/**
 * Authentication and authorization of clients: password files, JSON Web Tokens, webhooks, SCRAM, certificates, access
 * rules, and functions that combine them. What they make goes into `authenticator`, `enhancedAuthenticators` and `authorizer` of
 * `Broker.open`.
 *
 * @example
 * ```ts
 * import { Broker } from "@brooklet/brooklet";
 * import { AccessControl, hashPassword, PasswordAuthenticator } from "@brooklet/brooklet/auth";
 *
 * const users = new Map([["ann", await hashPassword("secret")]]);
 * await using broker = await Broker.open({
 *   authenticator: new PasswordAuthenticator(users),
 *   authorizer: new AccessControl({ everyone: [{ access: "readwrite", pattern: "%u/#" }] }),
 * });
 * ```
 *
 * @module
 */

export type { ConnectPacket, ProtocolVersion, QoS, Will } from "../codec/packet.ts";
export type { Properties, UserProperty } from "../codec/property.ts";
export { ReasonCode } from "../codec/reason_code.ts";
export type {
  Acceptance,
  AccessAttributes,
  AccessRequest,
  Authentication,
  AuthenticationRequest,
  AuthenticationStep,
  ClientIdentity,
  Grant,
} from "../protocol/access.ts";
export { parseAclFile } from "./acl_file.ts";
export {
  AccessControl,
  type AccessRule,
  type AccessRules,
  type GroupRules,
  type RoleRules,
  type UserRules,
} from "./acl_rules.ts";
export type { AuthenticationExchange, Authenticator, Authorizer, EnhancedAuthenticator } from "./authentication.ts";
export {
  allowAnonymous,
  anyAuthorizer,
  certificateNames,
  certificateSubjects,
  everyAuthenticator,
  everyAuthorizer,
  firstAuthenticator,
  trustUserNames,
} from "./combined.ts";
export type { FailureLimitOptions } from "./throttle.ts";
export { type JwtAlgorithm, jwtAuthenticator, type JwtKeys, type JwtOptions } from "./jwt.ts";
export { LineError } from "./line_error.ts";
export { PasswordAuthenticator, type PasswordAuthenticatorOptions } from "./password_authenticator.ts";
export { parsePasswordFile, type PasswordHashes, passwordHashes } from "./password_file.ts";
export {
  formatPasswordHash,
  hashPassword,
  type IteratedHash,
  parsePasswordHash,
  type PasswordHash,
} from "./password_hash.ts";
export {
  type Argon2Cost,
  type Argon2Hash,
  hashPasswordByArgon2id,
  hashPasswordByScrypt,
  type ScryptCost,
  type ScryptHash,
} from "./phc_hash.ts";
export { type ScramCredential, scramCredential, type ScramOptions, scramSha256 } from "./scram_sha_256.ts";
export { webhookAuthenticator, type WebhookOptions } from "./webhook.ts";
