/** Gives 256 random bits as 43 characters that a URL may have. */
export function newSecret(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true });
}

/**
 * SHA-256 of a secret in hexadecimal digits. Secrets are kept and looked up by it, so that the time of a comparison says
 * nothing about them.
 */
export async function secretHash(secret: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret))).toHex();
}
