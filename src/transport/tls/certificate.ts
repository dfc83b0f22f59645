import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";

/** Certificate and key of a server. */
export interface ServerCertificate {
  /** PEM text: the certificate of the server, then those of the authorities between it and the root. */
  readonly certificate: string;
  /** PEM text, not encrypted. */
  readonly key: string;
}

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
