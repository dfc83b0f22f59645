import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { subjectOf } from "./distinguished_name.ts";

/** What a server shows of itself. */
export interface ServerCertificate {
  /** PEM text: the certificate of the server, then those of the authorities between it and the root. */
  readonly certificate: string;
  /** PEM text, not encrypted. */
  readonly key: string;
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
// deno-lint-ignore no-control-regex -- Control characters are what it looks for.
const NOT_TEXT = /[\u0000-\u001f\u007f-\u009f\ufffd]/; // U+FFFD: it was not UTF-8.

/** Throws TypeError for what a handshake could not use: `node:tls` itself would say so to the first client. */
export function checkServerCertificate({ certificate, key }: ServerCertificate): void {
  const [own] = certificates(certificate, "certificate");
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(key);
  } catch (cause) {
    throw new TypeError("Cannot use key: it is not a private key in PEM, or it is encrypted", { cause });
  }
  if (!own.checkPrivateKey(privateKey)) throw new TypeError("Cannot use key: it does not belong to certificate");
}

/** Throws TypeError for what is no list of certificates. */
export function checkAuthority(clientAuthority: string): void {
  certificates(clientAuthority, "clientAuthority");
}

/**
 * A certificate, or what there is of its chain, with those of the authorities between it and the root that are among the
 * given ones: a client that knows the root alone needs them (RFC 8446, section 4.4.2). Throws TypeError.
 */
export function completedChain(certificate: string, authorities: string): string {
  const [own, ...others] = certificates(certificate, "certificate");
  let last = others.at(-1) ?? own;
  let left: X509Certificate[] = certificates(authorities, "chain");
  const added: string[] = [];
  for (;;) {
    const issuer = left.find((authority) => last.checkIssued(authority) && last.verify(authority.publicKey));
    if (issuer === undefined || issuer.checkIssued(issuer)) break; // A root is no part of it.
    left = left.filter((authority) => authority !== issuer); // Authorities may have signed each other.
    added.push(issuer.toString());
    last = issuer;
  }
  return [certificate, ...added].join("\n");
}

/** The certificate of the client, when the handshake is over. */
export type ClientCertificate =
  | { readonly kind: "none" }
  | { readonly kind: "verified"; readonly name: string | undefined; readonly subject: string | undefined }
  | { readonly kind: "refused"; readonly reason: string };

/** What became of the certificate that the client was asked for. */
export function clientCertificate(socket: TLSSocket, clientAuthority: string): ClientCertificate {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return { kind: "none" };
  if (!socket.authorized) return { kind: "refused", reason: whyRefused(certificate, clientAuthority) };
  const subject = subjectText(certificate);
  const name: unknown = socket.getPeerCertificate().subject.CN;
  if (name === undefined) return { kind: "verified", name, subject };
  // It names a user, in logs too. Several are a list.
  if (typeof name === "string" && !NOT_TEXT.test(name) && name.isWellFormed()) {
    return { kind: "verified", name, subject };
  }
  return { kind: "refused", reason: "the common name of the client certificate is not one name in plain text" };
}

/** `undefined`: it cannot be read, and names nobody. */
function subjectText({ raw }: X509Certificate): string | undefined {
  try {
    return subjectOf(raw);
  } catch {
    return undefined; // The runtime has verified it: it is only spelled in another way than the standard says.
  }
}

/** The runtime says only that it did not verify: this is for the log, and decides nothing. */
function whyRefused(certificate: X509Certificate, clientAuthority: string): string {
  const nowMs = Date.now();
  if (Date.parse(certificate.validTo) < nowMs) return `the client certificate has expired: ${certificate.validTo}`;
  if (Date.parse(certificate.validFrom) > nowMs) {
    return `the client certificate is not valid yet: ${certificate.validFrom}`;
  }
  // Verified it is not, and this authority signed it: what is left is what it may be used for.
  const isSigned = certificates(clientAuthority, "clientAuthority").some((authority) =>
    certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
  );
  return isSigned
    ? "the client certificate is not for client authentication"
    : "the client certificate does not lead to the authority that is asked for";
}

function certificates(pem: string, option: string): [X509Certificate, ...X509Certificate[]] {
  try {
    const [first, ...others] = pem.match(PEM_CERTIFICATE) ?? [];
    if (first === undefined) throw new TypeError("There is no certificate");
    return [new X509Certificate(first), ...others.map((block) => new X509Certificate(block))];
  } catch (cause) {
    throw new TypeError(`Cannot use ${option}: it is not a list of certificates in PEM`, { cause });
  }
}
