/** Combinations of authenticators and of authorizers. */

import type { Acceptance, AccessRequest, Authentication, AuthenticationRequest } from "../protocol/access.ts";
import { type Authenticator, type Authorizer, refused, WRONG_CREDENTIALS } from "./authentication.ts";
import { authenticationOf, decisionOf, promptDecisionOf } from "./hook_answers.ts";

/** Accepts clients that give no user name, or an empty one, without a principal. */
export const allowAnonymous: Authenticator = {
  authenticate: ({ connect: { userName = "" } }) => userName === "" ? { isAccepted: true } : UNKNOWN,
};

/** Accepts any user name as the principal, whatever the password, as mosquitto does without a password file. */
export const trustUserNames: Authenticator = {
  authenticate: ({ connect: { userName = "" } }) =>
    userName === "" ? UNKNOWN : { isAccepted: true, principal: userName },
};

/** Accepts clients with a verified certificate; its Common Name becomes the principal. */
export const certificateNames: Authenticator = {
  authenticate: ({ certificateName }) =>
    certificateName === undefined || certificateName === ""
      ? UNKNOWN
      : { isAccepted: true, principal: certificateName },
};

/**
 * Accepts clients with a verified certificate; its whole subject becomes the principal: `CN=sensor-1,O=Plant`, written
 * as in RFC 2253, in ASCII only.
 */
export const certificateSubjects: Authenticator = {
  authenticate: ({ certificateSubject }) =>
    certificateSubject === undefined || certificateSubject === ""
      ? UNKNOWN
      : { isAccepted: true, principal: certificateSubject },
};

/** Lets the first that knows the user decide; an unknown user hears of a wrong password. @throws RangeError for none */
export function firstAuthenticator(...authenticators: readonly Authenticator[]): Authenticator {
  requireSome(authenticators);
  const [only] = authenticators;
  if (authenticators.length === 1 && only !== undefined) return only;
  return { authenticate: (request) => askUntilKnown(authenticators, request, 0) };
}

/**
 * Authenticator that accepts a client if all accept it and agree on its principal, as far as they give one. The client
 * gets the roles and grants of all of them, until the first acceptance ends. @throws RangeError for an empty list
 */
export function everyAuthenticator(...authenticators: readonly Authenticator[]): Authenticator {
  requireSome(authenticators);
  return {
    async authenticate(request) {
      let all: Acceptance = {};
      for (const authenticator of authenticators) {
        const result = await authenticationOf(authenticator.authenticate(request));
        if (!result.isAccepted) return result;
        const { principal = all.principal } = result;
        if (all.principal !== undefined && all.principal !== principal) {
          return refused("the user names are not the same");
        }
        all = bothAcceptances(all, result);
      }
      return { isAccepted: true, ...all };
    },
  };
}

/** Authorizer that allows what all of them allow. @throws RangeError for an empty list */
export function everyAuthorizer(...authorizers: readonly Authorizer[]): Authorizer {
  requireSome(authorizers);
  return {
    get version() {
      return versionOf(authorizers);
    },
    authorize: (request) => ask(authorizers, request, false, 0),
    mayReceive: (request) => authorizers.every((authorizer) => mayReceive(authorizer, request) ?? true),
    mayStillPublish: (request) => authorizers.every((authorizer) => mayStillPublish(authorizer, request) ?? true),
  };
}

/**
 * Authorizer that allows what at least one of them allows.
 *
 * @throws RangeError for an empty list; TypeError for an authorizer without `mayReceive`, because it would let all
 * clients receive whatever it lets one client subscribe to
 */
export function anyAuthorizer(...authorizers: readonly Authorizer[]): Authorizer {
  requireSome(authorizers);
  if (authorizers.some(({ mayReceive }) => mayReceive === undefined)) {
    throw new TypeError("Cannot combine authorizers: one has no mayReceive, and would let all receive everything");
  }
  return {
    get version() {
      return versionOf(authorizers);
    },
    authorize: (request) => ask(authorizers, request, true, 0),
    mayReceive: (request) => authorizers.some((authorizer) => mayReceive(authorizer, request)),
    // Omitted unless one has it. An authorizer without it counts as no: otherwise it would keep forever what all others
    // withhold.
    ...authorizers.every(({ mayStillPublish }) => mayStillPublish === undefined) ? {} : {
      mayStillPublish: (request) => authorizers.some((authorizer) => mayStillPublish(authorizer, request)),
    },
  };
}

const UNKNOWN = refused(WRONG_CREDENTIALS, { isUnknownUser: true });

function bothAcceptances(one: Acceptance, other: Acceptance): Acceptance {
  const principal = one.principal ?? other.principal;
  const { expiryReasonCode } = leftMs(other) < leftMs(one) ? other : one;
  const expiresAtMs = least(one.expiresAtMs, other.expiresAtMs);
  const expiresInMs = least(one.expiresInMs, other.expiresInMs);
  return {
    ...principal === undefined ? {} : { principal },
    roles: [...one.roles ?? [], ...other.roles ?? []],
    grants: [...one.grants ?? [], ...other.grants ?? []],
    ...expiresAtMs === undefined ? {} : { expiresAtMs },
    ...expiresInMs === undefined ? {} : { expiresInMs },
    ...expiryReasonCode === undefined ? {} : { expiryReasonCode },
  };
}

/** Remaining duration of an acceptance. */
function leftMs({ expiresAtMs = Infinity, expiresInMs = Infinity }: Acceptance): number {
  return Math.min(expiresAtMs - Date.now(), expiresInMs);
}

function least(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? one ?? other : Math.min(one, other);
}

/** Asks one after another until one knows the user; without a promise if none of them returns one. */
function askUntilKnown(
  authenticators: readonly Authenticator[],
  request: AuthenticationRequest,
  first: number,
): Authentication | Promise<Authentication> {
  for (let index = first; index < authenticators.length; index++) {
    const answer = authenticationOf(authenticators[index]?.authenticate(request));
    if (answer instanceof Promise) {
      return answer.then((answer) => isKnown(answer) ? answer : askUntilKnown(authenticators, request, index + 1));
    }
    if (isKnown(answer)) return answer;
  }
  return UNKNOWN;
}

function isKnown(result: Authentication): boolean {
  return result.isAccepted || result.isUnknownUser !== true;
}

/** Asks one after another until one gives the deciding answer; without a promise if none of them returns one. */
function ask(
  authorizers: readonly Authorizer[],
  request: AccessRequest,
  deciding: boolean,
  first: number,
): boolean | Promise<boolean> {
  for (let index = first; index < authorizers.length; index++) {
    const answer = decisionOf(authorizers[index]?.authorize(request));
    if (answer instanceof Promise) {
      return answer.then((answer) => answer === deciding ? deciding : ask(authorizers, request, deciding, index + 1));
    }
    if (answer === deciding) return deciding;
  }
  return !deciding;
}

/** Asks about a delivery; `undefined`: the authorizer does not check them. @throws TypeError unless true or false */
function mayReceive(authorizer: Authorizer, request: AccessRequest): boolean | undefined {
  return authorizer.mayReceive && promptDecisionOf("mayReceive", authorizer.mayReceive(request));
}

/** Asks about a retained message's publisher; `undefined`: not checked. @throws TypeError as {@linkcode mayReceive} */
function mayStillPublish(authorizer: Authorizer, request: AccessRequest): boolean | undefined {
  return authorizer.mayStillPublish && promptDecisionOf("mayStillPublish", authorizer.mayStillPublish(request));
}

function versionOf(authorizers: readonly Authorizer[]): number {
  return authorizers.reduce((sum, { version = 0 }) => sum + version, 0);
}

function requireSome(parts: readonly unknown[]): void {
  if (parts.length === 0) throw new RangeError("Cannot combine: there is nothing to combine");
}
