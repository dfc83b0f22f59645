import type { Authenticator } from "../../auth/authentication.ts";
import {
  allowAnonymous,
  certificateNames,
  certificateSubjects,
  firstAuthenticator,
  trustUserNames,
} from "../../auth/combined.ts";
import { jwtAuthenticator, type JwtKeys } from "../../auth/jwt.ts";
import { LineError } from "../../auth/line_error.ts";
import { PasswordAuthenticator } from "../../auth/password_authenticator.ts";
import { parsePasswordFile, type PasswordHashes, passwordHashes } from "../../auth/password_file.ts";
import { formatPasswordHash, type PasswordHash } from "../../auth/password_hash.ts";
import { webhookAuthenticator } from "../../auth/webhook.ts";
import { ReasonCode } from "../../codec/reason_code.ts";
import type { Authentication, AuthenticationRequest } from "../../protocol/access.ts";
import { isOpen, isWayIn } from "../config/checks.ts";
import type { AuthenticationConfiguration, Configuration, ListenerConfiguration } from "../config/settings.ts";
import { ConfigError } from "../config_error.ts";
import { readText } from "../files.ts";
import { isLocal, listenUrlOf } from "./listen_url.ts";

const VERSIONS = { 3: "3.1", 4: "3.1.1", 5: "5" } as const;
const EVERYBODY: Authenticator = { authenticate: () => ({ isAccepted: true }) };
const NOBODY: Authenticator = {
  authenticate: () => refused(ReasonCode.NotAuthorized, "no authentication is set"),
};

/** Authenticator of one listener. */
export interface ListenerAuthenticator extends Authenticator {
  /** Users with passwords; `undefined`: there is no list of them. */
  readonly users: PasswordHashes | undefined;
  /**
   * Whether a client with this principal could come in; a principal that only a token or another server knows is
   * accepted.
   *
   * @param before users of before: a user whose password has changed is not welcome
   */
  isStillWelcome(principal: string | undefined, before: PasswordHashes | undefined): boolean;
}

/** Authenticator for one listener of the configuration; rejects with {@linkcode ConfigError}. */
export async function authenticatorFor(
  listener: ListenerConfiguration,
  { authentication, access, clientIds: { prefixes } }: Configuration,
): Promise<ListenerAuthenticator> {
  const ways = listener.authentication ?? authentication;
  const isAnonymous = isOpen(ways, isLocal(listenUrlOf(listener.url), listener));
  const users = usersOf(ways);
  const hasRules = (listener.access ?? access) !== undefined;
  const authenticator = await combined(ways, users, isAnonymous, hasRules);
  return {
    authenticate: (request) => refusalOf(request, listener, prefixes) ?? authenticator.authenticate(request),
    users,
    isStillWelcome(principal, before) {
      if (principal === undefined) return isAnonymous;
      const hash = before?.get(principal);
      // By another way it can still come in.
      if (hash !== undefined && !isSameHash(hash, users?.get(principal))) return users === undefined && isAnonymous;
      if (ways.jwt !== undefined || ways.webhook !== undefined) return true;
      if (ways.certificateNames || ways.certificateSubjects) return true;
      return users === undefined ? isAnonymous : users.has(principal);
    },
  };
}

async function combined(
  ways: AuthenticationConfiguration,
  users: PasswordHashes | undefined,
  isAnonymous: boolean,
  hasRules: boolean,
): Promise<Authenticator> {
  const parts: Authenticator[] = [];
  if (ways.certificateNames) parts.push(certificateNames);
  if (ways.certificateSubjects) parts.push(certificateSubjects);
  if (ways.jwt !== undefined) parts.push(await tokens(ways.jwt));
  // A user that only the webhook knows must not count as one with a wrong password.
  const leavesUnknownUsers = ways.webhook !== undefined;
  if (users !== undefined) parts.push(new PasswordAuthenticator(users, { leavesUnknownUsers }));
  if (ways.webhook !== undefined) parts.push(webhookAuthenticator(ways.webhook));
  if (isAnonymous) {
    // Without passwords a user name is taken as given; only rules use it.
    if (!isWayIn(ways)) parts.push(hasRules ? trustUserNames : EVERYBODY);
    parts.push(allowAnonymous);
  }
  return parts.length === 0 ? NOBODY : firstAuthenticator(...parts);
}

/** Refusal by the listener, regardless of who the client is. */
function refusalOf(
  { connect, clientId }: AuthenticationRequest,
  { versions, allowEmptyClientId }: ListenerConfiguration,
  prefixes: readonly string[],
): Authentication | undefined {
  const version = VERSIONS[connect.protocolVersion];
  if (!versions.includes(version)) {
    return refused(ReasonCode.UnsupportedProtocolVersion, `MQTT ${version} is not spoken here`);
  }
  if (connect.clientId === "" && !allowEmptyClientId) {
    return refused(ReasonCode.ClientIdentifierNotValid, "a Client Identifier is needed here");
  }
  if (prefixes.length > 0 && !prefixes.some((prefix) => clientId.startsWith(prefix))) {
    return refused(ReasonCode.NotAuthorized, "the Client Identifier does not begin as it has to"); // mosquitto's words.
  }
  return undefined;
}

/** Users of the file and of the list; `undefined` if neither is set. */
function usersOf({ passwordFile, users }: AuthenticationConfiguration): PasswordHashes | undefined {
  if (passwordFile === undefined && users.length === 0) return undefined;
  const own = asConfigError("authentication.users", () => passwordHashes(users));
  if (passwordFile === undefined) return own;
  const text = readText("password file", passwordFile);
  const ofFile = asConfigError(passwordFile, () => parsePasswordFile(text));
  const twice = [...own.keys()].find((name) => ofFile.has(name));
  if (twice !== undefined) {
    throw new ConfigError(`authentication.users: "${twice}" is in the password file "${passwordFile}" too`);
  }
  return new Map([...ofFile, ...own]);
}

function isSameHash(one: PasswordHash, other: PasswordHash | undefined): boolean {
  return other !== undefined && formatPasswordHash(one) === formatPasswordHash(other);
}

async function tokens(configuration: NonNullable<AuthenticationConfiguration["jwt"]>): Promise<Authenticator> {
  const { issuer, audience, clockToleranceSeconds, requiresExpiry, from, claims, onExpiry } = configuration;
  const keys = keysOf(configuration);
  try {
    return await jwtAuthenticator({
      keys,
      clockToleranceSeconds,
      requiresExpiry,
      from,
      claims,
      onExpiry,
      ...issuer === undefined ? {} : { issuer },
      ...audience === undefined ? {} : { audience },
    });
  } catch (error) {
    throw ofOperator("authentication.jwt", error);
  }
}

function keysOf(
  { secret, publicKeyFile, algorithm, jwksFile, jwksUrl }: NonNullable<AuthenticationConfiguration["jwt"]>,
): JwtKeys {
  if (secret !== undefined) return { secret };
  if (publicKeyFile !== undefined && algorithm !== undefined) {
    return { publicKey: readText("public key", publicKeyFile), algorithm };
  }
  if (jwksUrl !== undefined) return { jwksUrl };
  const path = jwksFile ?? ""; // One of them is set.
  const text = readText("JWKS file", path);
  try {
    const jwks: unknown = JSON.parse(text);
    if (typeof jwks === "object" && jwks !== null && "keys" in jwks && Array.isArray(jwks.keys)) {
      return { jwks: { keys: jwks.keys } };
    }
  } catch {
    // Reported below.
  }
  throw new ConfigError(`Cannot use the JWKS file "${path}": it is not JSON with a list of "keys"`);
}

function asConfigError<Result>(from: string, make: () => Result): Result {
  try {
    return make();
  } catch (error) {
    throw ofOperator(from, error);
  }
}

/** Turns an error about written values into one of the configuration. */
function ofOperator(from: string, error: unknown): unknown {
  if (error instanceof LineError) return ofLines(from, error);
  const isOfOperator = error instanceof RangeError || error instanceof TypeError;
  return isOfOperator ? new ConfigError(`${from}: ${error.message}`) : error;
}

/** Turns an error about lines of a file into one of the configuration. */
export function ofLines(file: string, { message, others }: LineError): ConfigError {
  return new ConfigError(`${file}: ${message}`, others.map(({ message }) => `${file}: ${message}`));
}

function refused(reasonCode: ReasonCode, reason: string): Authentication {
  return { isAccepted: false, reasonCode, reason };
}
