import { ReasonCode } from "../codec/reason_code.ts";
import type { Authentication, AuthenticationRequest, Grant } from "../protocol/access.ts";
import { isTopicFilter } from "./acl_rules.ts";
import { type Authenticator, refused } from "./authentication.ts";
import type { errors, FetchImplementation, JWTPayload, KeyGetter } from "./jose.js";
import { FailureLimit, type FailureLimitOptions, limitedText } from "./throttle.ts";

const LONGEST_TOKEN_BYTES = 16_384;
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]*$/;
const LEAST_SECRET_BYTES = 32; // RFC 7518, section 3.2
const JWKS_TIMEOUT_MS = 5_000;
const JWKS_COOLDOWN_MS = 30_000;
/** Difference to the monotonic clock above which the wall clock was set; less does not matter here. */
const CLOCK_SET_MS = 5_000;
const JWKS_RETRY_MS = 1_000;
const JWKS_KEPT_MS = 600_000;
const MOST_JWKS_BYTES = 1_048_576;
const DEFAULT_FAILURES: FailureLimitOptions = { burst: 100, perMinute: 60 };

/** Signature algorithms of tokens. `none` is not among them. */
export type JwtAlgorithm = "HS256" | "RS256" | "ES256" | "EdDSA";

/** Keys that verify tokens. */
export type JwtKeys =
  /** Secret shared with the issuer of the tokens: HS256, at least 32 bytes. */
  | { readonly secret: Uint8Array | string }
  /** Public key in PEM (`BEGIN PUBLIC KEY`); its algorithm must be given. */
  | { readonly publicKey: string; readonly algorithm: Exclude<JwtAlgorithm, "HS256"> }
  /** Content of a JWKS file (RFC 7517). */
  | { readonly jwks: { readonly keys: readonly object[] } }
  /**
   * URL of a JWKS, fetched with limits of 5 s and 1 MiB, kept for 10 minutes, and fetched again when a key is missing,
   * at most every 30 s, or every second while that fails.
   */
  | { readonly jwksUrl: string | URL; readonly fetch?: typeof fetch };

/** Options of {@linkcode jwtAuthenticator}. */
export interface JwtOptions {
  /** Keys of the issuer of the tokens. */
  readonly keys: JwtKeys;
  /** Accepted algorithms. @default HS256 for a secret, the one of a public key, and RS256, ES256, EdDSA for a JWKS */
  readonly algorithms?: readonly JwtAlgorithm[];
  /** Issuers: `iss` must be one of these. @default anything */
  readonly issuer?: string | readonly string[];
  /** Audiences: `aud` must contain one of these. @default anything */
  readonly audience?: string | readonly string[];
  /** Tolerated clock difference. @default {0} */
  readonly clockToleranceSeconds?: number;
  /** Whether a token without `exp` is refused. @default {true} */
  readonly requiresExpiry?: boolean;
  /** Field of CONNECT that contains the token. @default {"password"} */
  readonly from?: "password" | "userName";
  /** Names of claims; a name with dots may be a path, as in `realm_access.roles`. */
  readonly claims?: {
    /** Claim that becomes the principal; a token without it is refused. @default {"sub"} */
    readonly principal?: string;
    /** Claim with a list of role names. @default {"roles"} */
    readonly roles?: string;
    /** Claim with a list of Topic Filters that the client may publish to. @default {"publ"} */
    readonly publish?: string;
    /** Claim with a list of Topic Filters of which the client gets messages. @default {"subs"} */
    readonly subscribe?: string;
  };
  /** Action when the token of a connected client expires. @default {"disconnect"} */
  readonly onExpiry?: "disconnect" | "ignore";
  /** Reason Code of that disconnection. @default {0x87} Not authorized */
  readonly expiryReasonCode?: ReasonCode;
  /**
   * Limit of tokens with a wrong or missing signature per address (of IPv6: a /64); beyond it the address is refused
   * with 0x9F, without checking its token. A well signed token that has expired does not count.
   * @default {100} at once and 60 each minute
   */
  readonly failures?: FailureLimitOptions;
}

/**
 * Authenticates clients by JSON Web Token (RFC 7519). A password that does not have the form of a token is left to the
 * next authenticator. The roles and Topic Filters of a token are enforced by `AccessControl`.
 *
 * @throws RangeError for a secret that is too short; TypeError for an algorithm that does not fit the keys, and for
 * unreadable keys
 * @example
 * ```ts
 * import { Broker } from "@brooklet/brooklet";
 * import { AccessControl, jwtAuthenticator } from "@brooklet/brooklet/auth";
 *
 * await using broker = await Broker.open({
 *   authenticator: await jwtAuthenticator({
 *     keys: { jwksUrl: "https://login.example.com/jwks.json" },
 *     issuer: "https://login.example.com/",
 *     audience: "mqtt",
 *   }),
 *   authorizer: new AccessControl({}),
 * });
 * ```
 */
export async function jwtAuthenticator(options: JwtOptions): Promise<Authenticator> {
  const { issuer, audience, clockToleranceSeconds = 0, requiresExpiry = true, from = "password" } = options;
  const algorithms = algorithmsFor(options);
  const jose = await import("./jose.js"); // Loaded on first use.
  const keyOf = await keyGetter(jose, options.keys);
  const failures = new FailureLimit(options.failures ?? DEFAULT_FAILURES);
  const verifyOptions = {
    algorithms,
    clockTolerance: clockToleranceSeconds,
    requiredClaims: requiresExpiry ? ["exp"] : [],
    ...issuer === undefined ? {} : { issuer: typeof issuer === "string" ? issuer : [...issuer] },
    ...audience === undefined ? {} : { audience: typeof audience === "string" ? audience : [...audience] },
  };
  return {
    async authenticate(request) {
      const token = tokenOf(request, from);
      if (token === undefined) return refused("there is no token", { isUnknownUser: true });
      const { address } = request;
      if (!failures.take(address)) {
        return refused("too many tokens of this address were not valid", {
          reasonCode: ReasonCode.ConnectionRateExceeded,
        });
      }
      let isGuess = false;
      try {
        const { payload } = await jose.jwtVerify(token, keyOf, verifyOptions);
        return acceptance(payload, options);
      } catch (error) {
        // The keys could not be fetched: the client is refused, and the operator must hear why.
        if (!(error instanceof jose.errors.JOSEError) || isAboutKeySet(error)) throw error;
        isGuess = !(error instanceof jose.errors.JWTExpired || error instanceof jose.errors.JWTClaimValidationFailed);
        return refused(error instanceof jose.errors.JWTExpired ? "the token has expired" : "the token is not valid");
      } finally {
        if (!isGuess) failures.giveBack(address);
      }
    },
  };
}

function algorithmsFor({ keys, algorithms }: JwtOptions): JwtAlgorithm[] {
  const possible: JwtAlgorithm[] = "secret" in keys
    ? ["HS256"]
    : "publicKey" in keys
    ? [keys.algorithm]
    : ["RS256", "ES256", "EdDSA"];
  // A public key is not secret: with HS256 anyone who knows it could make tokens.
  const wrong = algorithms?.find((algorithm) => !possible.includes(algorithm));
  if (wrong !== undefined) throw new TypeError(`Cannot verify tokens: the keys are not made for "${wrong}"`);
  if (algorithms?.length === 0) throw new TypeError("Cannot verify tokens: there is no algorithm");
  return algorithms === undefined ? possible : [...algorithms];
}

async function keyGetter(jose: typeof import("./jose.js"), keys: JwtKeys): Promise<KeyGetter> {
  if ("secret" in keys) {
    const secret = typeof keys.secret === "string" ? new TextEncoder().encode(keys.secret) : keys.secret.slice();
    if (secret.length < LEAST_SECRET_BYTES) {
      throw new RangeError(`Cannot verify tokens: the secret has less than ${LEAST_SECRET_BYTES} bytes`);
    }
    return () => secret;
  }
  if ("publicKey" in keys) {
    const imported = await orTypeError(() => jose.importSPKI(keys.publicKey, keys.algorithm));
    return () => imported;
  }
  // It checks the shape itself, and throws for any other.
  if ("jwks" in keys) return await orTypeError(() => jose.createLocalJWKSet(keys.jwks));
  const { jwksUrl, fetch: get = fetch } = keys;
  const bounded = boundedFetch(get);
  return renewedByClock(() =>
    jose.createRemoteJWKSet(new URL(jwksUrl), {
      timeoutDuration: JWKS_TIMEOUT_MS,
      cooldownDuration: JWKS_COOLDOWN_MS,
      cacheMaxAge: JWKS_KEPT_MS,
      [jose.customFetch]: bounded,
    })
  );
}

/** Recreates the keys when the wall clock was set back: jose ages them by it, and would keep old ones for too long. */
function renewedByClock(make: () => KeyGetter): KeyGetter {
  let get = make();
  let aheadMs = Date.now() - performance.now();
  return (header, token) => {
    const nowAheadMs = Date.now() - performance.now();
    if (nowAheadMs < aheadMs - CLOCK_SET_MS) get = make();
    aheadMs = nowAheadMs;
    return get(header, token);
  };
}

/** Limits requests to one per second, whatever the outcome of the last: anyone can make tokens with an unknown key. */
function boundedFetch(get: typeof fetch): FetchImplementation {
  let askedAtMs = -Infinity;
  return async (url, options) => {
    const nowMs = Date.now(); // The clock that jose uses, but it may go back.
    if (Math.abs(nowMs - askedAtMs) < JWKS_RETRY_MS) throw new Error("Cannot get the JWKS: that failed a moment ago");
    askedAtMs = nowMs;
    const response = await get(url, options);
    const text = await limitedText(response, MOST_JWKS_BYTES);
    if (text === undefined) throw new Error(`Cannot get the JWKS: it is longer than ${MOST_JWKS_BYTES} bytes`);
    return new Response(text, { status: response.status });
  };
}

async function orTypeError<Key>(make: () => Key | Promise<Key>): Promise<Key> {
  try {
    return await make();
  } catch (cause) {
    throw new TypeError("Cannot verify tokens: the keys cannot be read", { cause });
  }
}

function isAboutKeySet({ code }: errors.JOSEError): boolean {
  return ["ERR_JWKS_TIMEOUT", "ERR_JWKS_INVALID", "ERR_JWK_INVALID", "ERR_JOSE_GENERIC"].includes(code);
}

function tokenOf({ connect }: AuthenticationRequest, from: "password" | "userName"): string | undefined {
  const { userName, password } = connect;
  if (from === "userName") return userName !== undefined && isToken(userName) ? userName : undefined;
  if (password === undefined || password.length > LONGEST_TOKEN_BYTES) return undefined;
  const text = new TextDecoder().decode(password);
  return isToken(text) ? text : undefined;
}

function isToken(text: string): boolean {
  return text.length <= LONGEST_TOKEN_BYTES && TOKEN.test(text);
}

function acceptance(payload: JWTPayload, options: JwtOptions): Authentication {
  const { claims = {}, clockToleranceSeconds = 0, onExpiry = "disconnect", expiryReasonCode } = options;
  const principal = claim(payload, claims.principal ?? "sub");
  const roles = texts(claim(payload, claims.roles ?? "roles"));
  const publish = texts(claim(payload, claims.publish ?? "publ"));
  const subscribe = texts(claim(payload, claims.subscribe ?? "subs"));
  if (typeof principal !== "string" || principal === "") {
    return refused("the token does not say whose it is");
  }
  if (roles === undefined || publish === undefined || subscribe === undefined) {
    return refused("a claim of the token is not a list of texts");
  }
  if (![...publish, ...subscribe].every(isTopicFilter)) {
    return refused("the token has what is not a Topic Filter");
  }
  const grants: Grant[] = [
    ...publish.map((topicFilter) => ({ access: "write", topicFilter } as const)),
    ...subscribe.map((topicFilter) => ({ access: "read", topicFilter } as const)),
  ];
  const accepted = { isAccepted: true, principal, roles, grants } as const;
  if (payload.exp === undefined || onExpiry === "ignore") return accepted;
  return {
    ...accepted,
    expiresAtMs: (payload.exp + clockToleranceSeconds) * 1_000,
    ...expiryReasonCode === undefined ? {} : { expiryReasonCode },
  };
}

/** Claim of this name, or at this path; `undefined`: it is missing. */
function claim(payload: JWTPayload, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name];
  let value: unknown = payload;
  for (const part of name.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = Reflect.get(value, part);
  }
  return value;
}

/** List of texts, empty if missing; `undefined`: it is something else. */
function texts(value: unknown): readonly string[] | undefined {
  if (value === undefined) return [];
  return Array.isArray(value) && value.every((text) => typeof text === "string") ? value : undefined;
}
