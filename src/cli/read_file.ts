import { ConfigError } from "./config_error.ts";

/** Reads the text of a file; throws {@linkcode ConfigError} that names its purpose. */
export function readText(purpose: string, path: string): string {
  return new TextDecoder().decode(readBytes(purpose, path));
}

/** Reads the bytes of a file; throws {@linkcode ConfigError} that names its purpose. */
export function readBytes(purpose: string, path: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    throw new ConfigError(`Cannot read the ${purpose} "${path}": ${whyNot(error)}`);
  }
}

/** Reads the text of a PEM file, or of all in a folder; throws {@linkcode ConfigError} that names its purpose. */
export function readPem(purpose: string, path: string): string {
  try {
    if (!Deno.statSync(path).isDirectory) return Deno.readTextFileSync(path);
    const names = Array.from(Deno.readDirSync(path), ({ name }) => name).filter((name) => /\.(?:pem|crt)$/.test(name));
    return names.toSorted().map((name) => Deno.readTextFileSync(`${path}/${name}`)).join("\n");
  } catch (error) {
    throw new ConfigError(`Cannot read the ${purpose} "${path}": ${whyNot(error)}`);
  }
}

/** Reason why a file cannot be read. */
export function whyNot(error: unknown): string {
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "not permitted";
  if (error instanceof Deno.errors.NotCapable) return "not permitted; Deno needs a flag such as --allow-read for it";
  return error instanceof Error ? error.message : String(error);
}
