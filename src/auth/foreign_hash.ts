/**
 * Recognises password hashes of other software, which cannot be verified here. As a plain password such a hash would be
 * taken for the password itself, and anyone who has seen it in a file could log in with it.
 *
 * ```text
 * foreign    $2y$05$…   $apr1$…$…   $6$salt$… of crypt(5)   {SSHA}…   PBKDF2$sha512$100000$…$…
 * not        secret   pa$$word   $100   {a}   0123456789abcdef0123456789abcdef, which may be a password
 * ```
 */

const CRYPT = "[./0-9A-Za-z]";

/** Patterns of hashes, with the name of each. The first row that matches counts. */
const FOREIGN: readonly (readonly [notation: RegExp, name: string])[] = [
  [/^\$argon2(?:id|i|d)\$/, "argon2"], // mosquitto_passwd of mosquitto 2.1 writes it by default.
  [/^\$2[abxy]?\$/, "bcrypt"],
  [/^\$apr1\$/, "apr1, as htpasswd makes it,"],
  [/^\$1\$/, "md5-crypt"],
  [/^\$md5[$,]/, "SunMD5"],
  [/^\$3\$/, "NT-Hash"],
  [/^\$5\$/, "sha256-crypt"],
  // With padded base64 after the salt it is mosquitto's own.
  [new RegExp(`^\\$6\\$(?:rounds=\\d+\\$)?[^$]*\\$${CRYPT}{86}(?::|$)`), "sha512-crypt"],
  [new RegExp(`^\\$7\\$${CRYPT}{11,}\\$${CRYPT}{43}$`), "scrypt of crypt(5)"],
  [/^\$g?y\$/, "yescrypt"],
  [/^\$sha1\$/, "sha1-crypt"],
  [/^\$[PHS]\$/, "phpass"],
  [/^\$pbkdf2\b/i, "PBKDF2 in this notation"],
  [/^\$(?![67]\$)[A-Za-z0-9][\w.,=-]*\$\S{16,}$/, "this kind of hash"],
  [/^pbkdf2[-_:$]\S*\$\S{8,}$/i, "PBKDF2 in this notation"],
  [/^(?:argon2|bcrypt|md5|phpass|scram|scrypt|sha\d*)\b\S*\$\S{16,}$|^bcrypt_sha256\$\S{16,}$/i, "this kind of hash"],
  [/^(?:md5|sha\d*|hmac)[\w-]*:\S*[0-9A-Za-z+/=]{24,}$/i, "this kind of hash"],
  [/^md5[0-9a-f]{32}$|^\*[0-9A-F]{40}$/, "a hash of a database"],
  [/^[^:]*:[0-9a-f]{32}$/, "a hash of htdigest"],
  [/^(?:!!|\*LK\*|\*NP\*)$|^[!*]+:\d*:\d*:/, "a locked account"], // From /etc/shadow; as a password it would unlock the account.
];

/** Scheme in front of a hash of LDAP, Dovecot or Spring: in capitals, or a known one. */
const SCHEME = /^\{([A-Z0-9][A-Z0-9.@+/_-]*)\}./;
const KNOWN_SCHEME = /^\{((?:x-|xor|s?sha|s?md[45]|crypt|bcrypt|pbkdf2|scrypt|argon2|noop|ldap)[\w.@+/, -]*)\}./i;

/** Name of a hash that cannot be verified here; `undefined`: it does not look like one. */
export function foreignHashName(text: string): string | undefined {
  const unlocked = text.replace(/^[!*]+(?=\$)/, ""); // Prefix of a locked account in /etc/shadow.
  const scheme = (SCHEME.exec(unlocked) ?? KNOWN_SCHEME.exec(unlocked))?.[1];
  if (scheme !== undefined) return `{${scheme}}`;
  return FOREIGN.find(([notation]) => notation.test(unlocked))?.[1];
}
