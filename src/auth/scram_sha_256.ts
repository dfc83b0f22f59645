/**
 * SCRAM-SHA-256 (RFC 5802 and RFC 7677) as an Authentication Method: the client proves that it knows the password
 * without sending it, and the broker proves that it knows the keys derived from it.
 *
 * ```text
 * CONNECT  n,,n=user,r=<nonce of the client>
 * AUTH     r=<both nonces>,s=<salt>,i=<iterations>
 * AUTH     c=biws,r=<both nonces>,p=<proof of the client>
 * CONNACK  v=<signature of the server>
 * ```
 */

import { ReasonCode } from "../codec/reason_code.ts";
import type { AuthenticationStep } from "../protocol/access.ts";
import { type AuthenticationExchange, type EnhancedAuthenticator, WRONG_CREDENTIALS } from "./authentication.ts";
import { FailureLimit, type FailureLimitOptions } from "./throttle.ts";

const METHOD = "SCRAM-SHA-256";
const SALT_BYTES = 16;
const NONCE_BYTES = 18;
const DEFAULT_ITERATIONS = 600_000;
const LEAST_ITERATIONS = 4_096; // RFC 7677, section 4
const LONGEST_MESSAGE_BYTES = 4_096;
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Stored credential of a password, with which no client can log in. */
export interface ScramCredential {
  /** Salt, which the client gets to hear. */
  readonly salt: Uint8Array<ArrayBuffer>;
  /** Iterations of PBKDF2, which the client gets to hear. */
  readonly iterations: number;
  /** StoredKey of RFC 5802, which verifies the proof of the client. */
  readonly storedKey: Uint8Array<ArrayBuffer>;
  /** ServerKey of RFC 5802, which proves the broker to the client. */
  readonly serverKey: Uint8Array<ArrayBuffer>;
}

/** Options of {@linkcode scramSha256}. */
export interface ScramOptions {
  /** Credential of a user; `undefined`: there is no such user. */
  readonly credential: (userName: string) => ScramCredential | undefined | Promise<ScramCredential | undefined>;
  /** Iterations shown for unknown users: as many as known users have. @default {600_000} */
  readonly iterations?: number;
  /**
   * Limit of wrong proofs per address (of IPv6: a /64); beyond it the address is refused with 0x9F, without checking
   * its proof.
   *
   * @default {20} at once and 30 each minute
   */
  readonly failures?: FailureLimitOptions;
}

/**
 * SCRAM-SHA-256 for `BrokerOptions.enhancedAuthenticators`; the user name becomes the principal. Channel binding is not
 * offered. An unknown user gets the same answer in the same time as a wrong password.
 *
 * @example
 * ```ts
 * import { Broker } from "@brooklet/brooklet";
 * import { scramCredential, scramSha256 } from "@brooklet/brooklet/auth";
 *
 * const users = new Map([["kitchen", await scramCredential("pepper", { iterations: 4096 })]]);
 * const scram = scramSha256({ credential: (userName) => users.get(userName) });
 * await using broker = await Broker.open({ enhancedAuthenticators: [scram] });
 * ```
 */
export function scramSha256(
  { credential, iterations = DEFAULT_ITERATIONS, failures: failureOptions }: ScramOptions,
): EnhancedAuthenticator {
  const failures = new FailureLimit(failureOptions);
  // Key of the salts of unknown users, which must be the same each time.
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const find = async (userName: string): Promise<{ credential: ScramCredential; isKnown: boolean }> => {
    const known = await credential(userName) ?? undefined; // A database may give null.
    if (known !== undefined) return { credential: known, isKnown: true };
    const salt = (await hmac(secret, utf8(userName))).slice(0, SALT_BYTES);
    const nothing = new Uint8Array(32);
    return {
      credential: { salt, iterations, storedKey: nothing, serverKey: nothing },
      isKnown: false,
    };
  };
  return { method: METHOD, begin: ({ address }) => new ScramExchange(find, failures, address) };
}

/**
 * Makes the credential of a password.
 *
 * @param options `iterations`, at least 4,096. Default: 600,000
 * @throws RangeError for fewer iterations, TypeError for a password with control characters
 */
export async function scramCredential(
  password: string,
  options: { readonly iterations?: number; readonly salt?: Uint8Array<ArrayBuffer> } = {},
): Promise<ScramCredential> {
  const { iterations = DEFAULT_ITERATIONS, salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES)) } = options;
  if (!(Number.isInteger(iterations) && iterations >= LEAST_ITERATIONS)) {
    throw new RangeError(`Cannot derive a credential: "${iterations}" iterations are less than ${LEAST_ITERATIONS}`);
  }
  if (/\p{Cc}/u.test(password)) throw new TypeError("Cannot derive a credential: the password has control characters");
  const key = await crypto.subtle.importKey("raw", utf8(password.normalize("NFKC")), "PBKDF2", false, ["deriveBits"]);
  const algorithm = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  const salted = new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, 256));
  const storedKey = await sha256(await hmac(salted, utf8("Client Key")));
  return { salt, iterations, storedKey, serverKey: await hmac(salted, utf8("Server Key")) };
}

/** One exchange: the first message of the client, and then its proof. */
class ScramExchange implements AuthenticationExchange {
  readonly #find: (userName: string) => Promise<{ credential: ScramCredential; isKnown: boolean }>;
  readonly #failures: FailureLimit;
  readonly #address: string;
  #challenge: { userName: string; header: string; first: string; server: string; nonce: string } | undefined;
  #found: { credential: ScramCredential; isKnown: boolean } | undefined;

  constructor(
    find: (userName: string) => Promise<{ credential: ScramCredential; isKnown: boolean }>,
    failures: FailureLimit,
    address: string,
  ) {
    this.#find = find;
    this.#failures = failures;
    this.#address = address;
  }

  async next(data: Uint8Array | undefined): Promise<AuthenticationStep> {
    if (data === undefined || data.length > LONGEST_MESSAGE_BYTES) return refused("there are no data, or too many");
    let message: string;
    try {
      message = DECODER.decode(data);
    } catch {
      return refused("the data are not UTF-8");
    }
    return this.#challenge === undefined ? await this.#first(message) : await this.#final(message);
  }

  async #first(message: string): Promise<AuthenticationStep> {
    const parts = /^([yn],(?:a=[^,]*)?,)(n=([^,]+),r=([!-+\--~]+)(?:,.*)?)$/u.exec(message);
    if (parts === null) return refused("the first message is not one of a client without channel binding");
    const [, header = "", first = "", saslName = "", clientNonce = ""] = parts;
    const userName = unescapedName(saslName);
    if (userName === undefined) return refused("the user name is not escaped as it must be");
    const authorized = /,a=([^,]*),/.exec(header)?.[1];
    if (authorized !== undefined && unescapedName(authorized) !== userName) {
      return refused("nobody may act for somebody else");
    }
    this.#found = await this.#find(userName);
    const nonce = clientNonce + base64(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
    const { salt, iterations } = this.#found.credential;
    const server = `r=${nonce},s=${base64(salt)},i=${iterations}`;
    this.#challenge = { userName, header, first, server, nonce };
    return { kind: "continue", data: utf8(server) };
  }

  async #final(message: string): Promise<AuthenticationStep> {
    const parts = /^(c=([^,]+),r=([^,]+)(?:,.*)?),p=([^,]+)$/u.exec(message);
    const challenge = this.#challenge;
    const found = this.#found;
    if (parts === null || challenge === undefined || found === undefined) {
      return refused("the last message is not a proof");
    }
    if (!this.#failures.take(this.#address)) {
      const reason = "too many wrong passwords came from this address";
      return { kind: "refused", reasonCode: ReasonCode.ConnectionRateExceeded, reason };
    }
    const [, withoutProof = "", binding = "", nonce = "", proofText = ""] = parts;
    const proof = fromBase64(proofText);
    const { storedKey, serverKey } = found.credential;
    const signed = utf8(`${challenge.first},${challenge.server},${withoutProof}`);
    const clientSignature = await hmac(storedKey, signed);
    const clientKey = clientSignature.map((byte, index) => byte ^ (proof?.[index] ?? 0));
    const isProven = isEqual(await sha256(clientKey), storedKey) && proof?.length === clientSignature.length;
    const isBound = binding === base64(utf8(challenge.header)) && nonce === challenge.nonce;
    if (!found.isKnown || !isProven || !isBound) return refused(WRONG_CREDENTIALS);
    this.#failures.giveBack(this.#address);
    const data = utf8(`v=${base64(await hmac(serverKey, signed))}`);
    return { kind: "accepted", principal: challenge.userName, data };
  }
}

function refused(reason: string): AuthenticationStep {
  return { kind: "refused", reason };
}

/** Decodes a name of SCRAM: "=2C" is a comma and "=3D" an equals sign (RFC 5802, section 5.1). */
function unescapedName(name: string): string | undefined {
  if (/=(?!2C|3D)/.test(name)) return undefined;
  return name.replaceAll("=2C", ",").replaceAll("=3D", "=").normalize("NFKC");
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined; // Not base64: as wrong as any other proof.
  }
}

async function hmac(key: Uint8Array<ArrayBuffer>, data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}

async function sha256(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

/** Compares in constant time. */
function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (const [index, byte] of one.entries()) difference |= byte ^ (other[index] ?? 0);
  return difference === 0;
}
