// Types of what jwt.ts uses of jose.js.

/** Header of a token, before it is verified. */
export interface JWTHeader {
  readonly alg?: string;
  readonly kid?: string;
}

/** Claims of a verified token. */
export interface JWTPayload {
  readonly exp?: number;
  readonly [claim: string]: unknown;
}

/** Finds the key that verifies a token. */
export type KeyGetter = (header: JWTHeader, token: object) => CryptoKey | Uint8Array | Promise<CryptoKey | Uint8Array>;

/** Function that gets a JWKS. */
export type FetchImplementation = (
  url: string,
  options: { headers: Headers; method: "GET"; redirect: "manual"; signal: AbortSignal },
) => Promise<Response>;

export interface VerifyOptions {
  readonly algorithms: readonly string[];
  readonly clockTolerance: number;
  readonly requiredClaims: readonly string[];
  readonly issuer?: string | string[];
  readonly audience?: string | string[];
}

/** Option of {@linkcode createRemoteJWKSet} with the function that gets the JWKS. */
export const customFetch: unique symbol;

/** @throws JOSEError if the token is not valid, or its key cannot be had */
export function jwtVerify(token: string, key: KeyGetter, options: VerifyOptions): Promise<{ payload: JWTPayload }>;
/** Reads a public key in PEM. */
export function importSPKI(pem: string, algorithm: string): Promise<CryptoKey>;
/** @throws JOSEError if the value is no JWKS */
export function createLocalJWKSet(jwks: object): KeyGetter;
export function createRemoteJWKSet(url: URL, options: {
  timeoutDuration: number;
  cooldownDuration: number;
  cacheMaxAge: number;
  [customFetch]: FetchImplementation;
}): KeyGetter;

export namespace errors {
  class JOSEError extends Error {
    readonly code: string;
  }
  class JWTClaimValidationFailed extends JOSEError {}
  class JWTExpired extends JOSEError {}
}
