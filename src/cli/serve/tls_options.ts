import type { ConfigurationInput } from "../config/schema.ts";
import { ConfigError } from "../config_error.ts";

/** Options as they were given, each `undefined` if it was not. */
export interface GivenTlsOptions {
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly cafile: string | undefined;
  readonly "require-certificate": boolean;
  readonly "tls-version": string | undefined;
}

const MINIMUM_VERSIONS = new Map([["1.2", "1.2"], ["1.3", "1.3"], ["tlsv1.2", "1.2"], ["tlsv1.3", "1.3"]] as const);

/** Checks the options together; `undefined` without a certificate. Throws {@linkcode ConfigError}. */
export function tlsOptions(given: GivenTlsOptions): ConfigurationInput["tls"] {
  const { cert, key, cafile, "require-certificate": requireCertificate, "tls-version": version = "1.2" } = given;
  for (const [name, value] of Object.entries(given)) {
    if (value === "") throw new ConfigError(`Option --${name} needs a value`);
  }
  if (cert === undefined || key === undefined) {
    const lonely = Object.entries(given).find(([, value]) => value !== undefined && value !== false)?.[0];
    if (lonely === undefined) return undefined;
    throw new ConfigError(`Option --${lonely} needs --cert and --key beside it`);
  }
  if (requireCertificate && cafile === undefined) {
    throw new ConfigError("Option --require-certificate needs --cafile: who signs the certificates of clients");
  }
  const minimumVersion = MINIMUM_VERSIONS.get(version as "1.2"); // Any other text gives undefined.
  if (minimumVersion === undefined) throw new ConfigError(`--tls-version "${version}" is not 1.2 or 1.3`);
  return {
    certificate: cert,
    key,
    requireCertificate,
    minimumVersion,
    ...cafile === undefined ? {} : { authority: cafile },
  };
}
