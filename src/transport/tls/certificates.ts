import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext, type TLSSocket } from "node:tls";
import { isPathValid, wrongDate } from "./certification_path.ts";
import { signedFields, subjectOf } from "./x509.ts";

/** Certificate and key of a server. */
export interface ServerCertificate {
  /** PEM text: the certificate of the server, then those of the authorities between it and the root. */
  readonly certificate: string;
  /** PEM text, not encrypted. */
  readonly key: string;
}

const LEAST_RSA_BITS = 2_048;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Throws TypeError for what a handshake could not use: `node:tls` itself would only report it at the first client. */
export function checkServerCertificate({ certificate, key }: ServerCertificate): void {
  const [own] = certificates(certificate, "certificate");
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(key);
  } catch (cause) {
    throw new TypeError("Cannot use key: it is not a private key in PEM, or it is encrypted", { cause });
  }
  if (!own.checkPrivateKey(privateKey)) throw new TypeError("Cannot use key: it does not belong to certificate");
  try {
    createSecureContext({ cert: certificate, key });
  } catch (cause) {
    const { modulusLength = Infinity } = own.publicKey.asymmetricKeyDetails ?? {};
    const why = modulusLength < LEAST_RSA_BITS
      ? `its RSA key has ${modulusLength} bits, and TLS needs ${LEAST_RSA_BITS}`
      : cause instanceof Error
      ? cause.message
      : String(cause);
    throw new TypeError(`Cannot use certificate: ${why}`, { cause });
  }
}

/**
 * Completes a certificate or a partial chain with the given authorities between it and the root: a client that knows
 * only the root needs them (RFC 8446, section 4.4.2). Throws TypeError.
 */
export function completedChain(certificate: string, authorities: string): string {
  const [own, ...others] = certificates(certificate, "certificate");
  let last = others.at(-1) ?? own;
  let left: X509Certificate[] = certificates(authorities, "chain");
  const added: string[] = [];
  for (;;) {
    const issuer = left.find((authority) => last.checkIssued(authority) && last.verify(authority.publicKey));
    if (issuer === undefined || issuer.checkIssued(issuer)) break; // The root is not part of the chain.
    left = left.filter((authority) => authority !== issuer); // Authorities may have signed each other.
    added.push(issuer.toString());
    last = issuer;
  }
  return [certificate, ...added].join("\n");
}

/** Parses certificates in PEM. Throws TypeError that names the option. */
export function certificates(pem: string, option: string): [X509Certificate, ...X509Certificate[]] {
  try {
    const [first, ...others] = pem.match(PEM_CERTIFICATE) ?? [];
    if (first === undefined) throw new TypeError("There is no certificate");
    return [new X509Certificate(first), ...others.map((block) => new X509Certificate(block))];
  } catch (cause) {
    throw new TypeError(`Cannot use ${option}: it is not a list of certificates in PEM`, { cause });
  }
}

/** Certificate of the client after the handshake. */
export type ClientCertificate =
  | { readonly kind: "none" }
  | { readonly kind: "verified"; readonly name: string | undefined; readonly subject: string | undefined }
  | { readonly kind: "refused"; readonly reason: string };

// deno-lint-ignore no-control-regex -- It matches control characters on purpose.
const NOT_TEXT = /[\u0000-\u001f\u007f-\u009f\ufffd]/; // U+FFFD: it was not UTF-8.
const MOST_REMEMBERED = 10_000;
const MOST_SENT = 10;

/**
 * Judges client certificates by one list of authorities.
 *
 * The runtime verifies a full handshake, but not a resumed session: it says `authorized` for whatever certificate the
 * session was made with, even one that was refused then, because all listeners of a process accept each other's tickets
 * and a ticket is issued before the refusal (Deno 2.9.6). So the certificate of a resumed session is verified again by
 * {@linkcode isPathValid}, or has passed a full handshake with these authorities, which covers what that cannot verify.
 */
export class ClientCertificates {
  /** The authorities as they were given. */
  readonly pem: string;
  readonly #authorities: readonly X509Certificate[];
  /** Fingerprints of certificates that a full handshake has verified. */
  readonly #verified = new Set<string>();

  /** Throws TypeError for text that is not a list of certificates. */
  constructor(pem: string) {
    this.pem = pem;
    this.#authorities = certificates(pem, "clientAuthority");
  }

  /** Outcome for the certificate that the client was asked for. */
  of(socket: TLSSocket, nowMs = Date.now()): ClientCertificate {
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) return { kind: "none" };
    const reason = this.#refusalOf(certificate, socket, nowMs);
    if (reason !== undefined) return { kind: "refused", reason };
    const subject = subjectText(certificate);
    const name: unknown = socket.getPeerCertificate().subject.CN;
    if (name === undefined) return { kind: "verified", name, subject };
    // The name is a user's, also in logs. Several common names come as an array.
    if (typeof name === "string" && !NOT_TEXT.test(name) && name.isWellFormed()) {
      return { kind: "verified", name, subject };
    }
    return { kind: "refused", reason: "the common name of the client certificate is not one name in plain text" };
  }

  #refusalOf(certificate: X509Certificate, socket: TLSSocket, nowMs: number): string | undefined {
    // Versions before 3 are refused: the runtime does not verify that the client has their key. (Deno 2.9.6)
    if (!isVersion3(certificate)) return "the client certificate is not of version 3 of X.509";
    const date = wrongDate(certificate, nowMs);
    if (date !== undefined) return date;
    if (!socket.authorized) return this.#whyNotVerified(certificate);
    if (!socket.isSessionReused()) {
      this.#remember(certificate);
      return undefined;
    }
    const sent = sentWith(socket);
    const isKnown = this.#verified.has(certificate.fingerprint256) &&
      sent.every((one) => wrongDate(one, nowMs) === undefined);
    if (isKnown || isPathValid(certificate, sent, this.#authorities, nowMs)) return undefined;
    return `${this.#whyNotVerified(certificate)}; its TLS session was resumed`;
  }

  #remember({ fingerprint256 }: X509Certificate): void {
    this.#verified.delete(fingerprint256);
    this.#verified.add(fingerprint256);
    const [oldest] = this.#verified;
    if (oldest !== undefined && this.#verified.size > MOST_REMEMBERED) this.#verified.delete(oldest);
  }

  /** Reason for the log only: no decision depends on it. */
  #whyNotVerified(certificate: X509Certificate): string {
    // Not verified although signed by this authority: then its allowed use must be wrong.
    return this.#authorities.some((authority) => isSignedBy(certificate, authority))
      ? "the client certificate is not for client authentication"
      : "the client certificate does not lead to the authority that is asked for";
  }
}

/** Other certificates of its chain, as the client sent them, and some that the runtime added from the authorities. */
function sentWith(socket: TLSSocket): X509Certificate[] {
  const sent: X509Certificate[] = [];
  let current = socket.getPeerCertificate(true);
  while (current.issuerCertificate !== undefined && current.issuerCertificate !== current && sent.length < MOST_SENT) {
    current = current.issuerCertificate;
    sent.push(new X509Certificate(current.raw));
  }
  return sent;
}

function isVersion3({ raw }: X509Certificate): boolean {
  try {
    return signedFields(raw).version === 3;
  } catch {
    return false;
  }
}

function isSignedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  try {
    return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
  } catch {
    return false; // The runtime does not know this kind of key or signature.
  }
}

/** Subject as text; `undefined`: it cannot be read and gives no name. */
function subjectText({ raw }: X509Certificate): string | undefined {
  try {
    return subjectOf(raw);
  } catch {
    return undefined; // The runtime has verified it: it only deviates from the standard's encoding.
  }
}
