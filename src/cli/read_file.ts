import { ConfigError } from "./config_error.ts";

/** Text of a file; throws {@linkcode ConfigError} that says what it is for. */
export function readText(purpose: string, path: string): string {
  return new TextDecoder().decode(readBytes(purpose, path));
}

/** Bytes of a file; throws {@linkcode ConfigError} that says what it is for. */
export function readBytes(purpose: string, path: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    throw new ConfigError(`Cannot read the ${purpose} "${path}": ${whyNot(error)}`);
  }
}

/** Text of a PEM file, or of all in a folder; throws {@linkcode ConfigError} that says what it is for. */
export function readPem(purpose: string, path: string): string {
  try {
    if (!Deno.statSync(path).isDirectory) return Deno.readTextFileSync(path);
    const names = Array.from(Deno.readDirSync(path), ({ name }) => name).filter((name) => /\.(?:pem|crt)$/.test(name));
    return names.toSorted().map((name) => Deno.readTextFileSync(`${path}/${name}`)).join("\n");
  } catch (error) {
    throw new ConfigError(`Cannot read the ${purpose} "${path}": ${whyNot(error)}`);
  }
}

/** Why the system does not give a file. */
export function whyNot(error: unknown): string {
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "not permitted";
  if (error instanceof Deno.errors.NotCapable) return "not permitted; Deno needs a flag such as --allow-read for it";
  return error instanceof Error ? error.message : String(error);
}
