import type { X509Certificate } from "node:crypto";
import { BOOLEAN, elements, INTEGER, objectIdentifier, OCTET_STRING, only, SEQUENCE, signedFields } from "./x509.ts";

/**
 * Verifies a client's certificate without a handshake (RFC 5280, section 6). A resumed TLS session has the certificate
 * of an earlier handshake, maybe with another listener, and the runtime does not verify it again (Deno 2.9.6).
 *
 * Stricter than the runtime where that is simpler: name constraints, P-521 and RSA keys below 2,048 bits are not
 * verified here.
 */

const CLIENT_AUTHENTICATION = "1.3.6.1.5.5.7.3.2";
const EXTENSIONS_TAG = 0xa3;
const FEWEST_RSA_BITS = 2_048;
// Limit, because a client chooses its chain, and each signature costs a verification.
const MOST_SIGNATURES = 16;
/** SHA-256 and better: with ECDSA, RSA, RSASSA-PSS and Ed25519. */
const SIGNATURES: ReadonlySet<string> = new Set([
  "1.2.840.10045.4.3.2",
  "1.2.840.10045.4.3.3",
  "1.2.840.10045.4.3.4",
  "1.2.840.113549.1.1.10",
  "1.2.840.113549.1.1.11",
  "1.2.840.113549.1.1.12",
  "1.2.840.113549.1.1.13",
  "1.3.101.112",
]);
const Extension = {
  KeyUsage: "2.5.29.15",
  SubjectAlternativeName: "2.5.29.17",
  BasicConstraints: "2.5.29.19",
  ExtendedKeyUsage: "2.5.29.37",
} as const;
const KNOWN_EXTENSIONS: ReadonlySet<string> = new Set(Object.values(Extension));
const NAME_CONSTRAINTS = "2.5.29.30";

/** Reason why a certificate is not valid at the moment; `undefined`: it is valid. */
export function wrongDate(certificate: X509Certificate, nowMs: number): string | undefined {
  if (Date.parse(certificate.validTo) < nowMs) return `the client certificate has expired: ${certificate.validTo}`;
  if (Date.parse(certificate.validFrom) > nowMs) {
    return `the client certificate is not valid yet: ${certificate.validFrom}`;
  }
  return undefined;
}

/**
 * Whether a certificate is for clients and leads to one of the authorities, through others that the client sent. Does
 * not check the dates of the certificate itself.
 */
export function isPathValid(
  certificate: X509Certificate,
  sent: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  nowMs: number,
): boolean {
  // A certificate that is itself listed as an authority needs no issuer, and is not checked for its use.
  if (authorities.some(({ raw }) => raw.equals(certificate.raw))) return true;
  try {
    const { isAuthority, isForClients, isUnderstood } = traitsOf(certificate);
    if (isAuthority || !isForClients || !isUnderstood) return false;
    return new PathSearch(sent, authorities, nowMs).leadsUp(certificate, 0);
  } catch {
    return false; // Unreadable, or with a key or signature that the runtime cannot verify by itself.
  }
}

/** Searches for a path to an authority, with each certificate at most once on it. */
class PathSearch {
  readonly #sent: readonly X509Certificate[];
  readonly #authorities: readonly X509Certificate[];
  readonly #nowMs: number;
  #signatures = 0;

  constructor(sent: readonly X509Certificate[], authorities: readonly X509Certificate[], nowMs: number) {
    this.#sent = sent;
    this.#authorities = authorities;
    this.#nowMs = nowMs;
  }

  /** Whether a certificate leads to an authority. @param between certificates between the client's and this one */
  leadsUp(certificate: X509Certificate, between: number, used: readonly X509Certificate[] = []): boolean {
    if (this.#authorities.some((authority) => this.#isSigned(certificate, authority))) return true;
    return this.#sent.some((issuer) =>
      !used.includes(issuer) && this.#maySign(issuer, between) && this.#isSigned(certificate, issuer) &&
      this.leadsUp(issuer, between + 1, [...used, issuer])
    );
  }

  #maySign(issuer: X509Certificate, between: number): boolean {
    const { isAuthority, isForClients, isUnderstood, pathLength } = traitsOf(issuer);
    return isAuthority && isForClients && isUnderstood && between <= pathLength &&
      wrongDate(issuer, this.#nowMs) === undefined;
  }

  #isSigned(certificate: X509Certificate, issuer: X509Certificate): boolean {
    if (!certificate.checkIssued(issuer) || !SIGNATURES.has(signedFields(certificate.raw).signatureAlgorithm)) {
      return false;
    }
    if (++this.#signatures > MOST_SIGNATURES) return false;
    const { publicKey } = issuer;
    const { modulusLength = FEWEST_RSA_BITS } = publicKey.asymmetricKeyDetails ?? {};
    return modulusLength >= FEWEST_RSA_BITS && certificate.verify(publicKey);
  }
}

/** Statements of a certificate about its own use. */
interface Traits {
  readonly isAuthority: boolean;
  /** Number of authorities that may stand between it and a client's certificate. */
  readonly pathLength: number;
  /** True also if the certificate does not restrict its use. */
  readonly isForClients: boolean;
  /** Whether all critical parts are understood and verified here. */
  readonly isUnderstood: boolean;
}

function traitsOf({ raw }: X509Certificate): Traits {
  let isAuthority = false;
  let pathLength = Infinity;
  let isForClients = true;
  const { version, fields } = signedFields(raw);
  let isUnderstood = version === 3;
  for (const { name, isCritical, value } of extensionsOf(fields)) {
    if (name === NAME_CONSTRAINTS || (isCritical && !KNOWN_EXTENSIONS.has(name))) isUnderstood = false;
    if (name === Extension.BasicConstraints) {
      const parts = elements(only(value, SEQUENCE));
      isAuthority = parts.some(({ tag, content }) => tag === BOOLEAN && content[0] !== 0);
      const length = parts.find(({ tag }) => tag === INTEGER);
      if (length !== undefined) pathLength = Number(`0x${length.content.toHex()}`);
    } else if (name === Extension.ExtendedKeyUsage) {
      isForClients = elements(only(value, SEQUENCE)).some(({ content }) =>
        objectIdentifier(content) === CLIENT_AUTHENTICATION
      );
    }
  }
  return { isAuthority, pathLength, isForClients, isUnderstood };
}

function extensionsOf(fields: ReturnType<typeof signedFields>["fields"]) {
  const list = fields.find(({ tag }) => tag === EXTENSIONS_TAG);
  if (list === undefined) return [];
  return elements(only(list.content, SEQUENCE)).map(({ content }) => {
    const [name, ...rest] = elements(content);
    const value = rest.at(-1);
    if (name === undefined || value?.tag !== OCTET_STRING) {
      throw new RangeError("Cannot read a certificate: an extension has no value");
    }
    const isCritical = rest.some(({ tag, content }) => tag === BOOLEAN && content[0] !== 0);
    return { name: objectIdentifier(name.content), isCritical, value: value.content };
  });
}
