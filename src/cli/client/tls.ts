import type { TlsClientOptions } from "../../transport/tls/connect_tls.ts";
import { ArgumentError, type ClientArguments } from "./arguments.ts";
import { ClientFailure } from "./failure.ts";

const CERTIFICATE = "-----BEGIN CERTIFICATE-----";

/** Whether the options ask for TLS, as in mosquitto's clients. */
export function asksForTls(given: ClientArguments): boolean {
  return given.has("--cafile") || given.has("--capath") || given.has("--tls-use-os-certs");
}

/** Reads the files of the options; throws {@linkcode ArgumentError} and {@linkcode ClientFailure}. */
export function tlsClientOptions(given: ClientArguments): TlsClientOptions {
  checkVersion(given.last("--tls-version"));
  const [cert, key] = [given.last("--cert"), given.last("--key")];
  if ((cert === undefined) !== (key === undefined)) {
    throw new ArgumentError("Both certfile and keyfile must be provided if one of them is set.");
  }
  const alpn = given.last("--tls-alpn");
  const [caFile, caPath] = [given.last("--cafile"), given.last("--capath")];
  const caCerts = [
    ...caFile === undefined ? [] : [readCertificate(caFile)],
    ...caPath === undefined ? [] : readDirectory(caPath),
  ];
  return {
    caCerts,
    ...cert !== undefined && key !== undefined && { cert: readCertificate(cert), key: readText(key) },
    ...given.has("--insecure") && { unsafelyDisableHostnameVerification: true },
    ...alpn !== undefined && { alpnProtocols: [alpn] },
  };
}

/** Refuses any `--tls-version` but 1.2: the runtime cannot leave out 1.2, and to claim that it did would be worse. */
function checkVersion(version: string | undefined): void {
  if (version === undefined || version === "tlsv1.2") return;
  throw new ClientFailure(`Error: --tls-version ${version} is not supported: TLS 1.2 and 1.3 are offered.`, 1);
}

function readDirectory(path: string): string[] {
  try {
    const names = [...Deno.readDirSync(path)].filter(({ isDirectory }) => !isDirectory).map(({ name }) => name);
    const texts = names.toSorted().map((name) => Deno.readTextFileSync(`${path}/${name}`));
    const certificates = texts.filter((text) => text.includes(CERTIFICATE));
    if (certificates.length > 0) return certificates;
  } catch (error) {
    throw unreadable(path, error);
  }
  throw new ClientFailure(`Error: Problem setting TLS options: no certificate in "${path}".`, 1);
}

function readCertificate(path: string): string {
  const text = readText(path);
  if (text.includes(CERTIFICATE)) return text;
  throw new ClientFailure(`Error: Problem setting TLS options: no certificate in "${path}".`, 1);
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): ClientFailure {
  const isMissing = cause instanceof Deno.errors.NotFound;
  const why = isMissing ? "File not found" : `"${path}" cannot be read`;
  return new ClientFailure(`Error: Problem setting TLS options: ${why}.`, 1, { cause });
}
