import { dirname } from "node:path";
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

/** Reads the text of a file; `undefined`: it does not exist. */
export async function readTextIfThere(path: string): Promise<string | undefined> {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await Deno.readFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Replaces a file atomically: a reader sees the old contents or the new ones, even if this fails. A new file is accessible
 * to its owner only; another one keeps its owner and its mode, unless it is to be private too.
 *
 * A file that is a mount of its own, as in a container, cannot be replaced: it is written in place, after its new
 * contents are safe in a file beside it, which stays if that fails.
 *
 * @returns whether it was replaced, or written in place
 */
export async function replaceFile(
  path: string,
  contents: string | ReadableStream<Uint8Array<ArrayBuffer>>,
  { isPrivate = false }: { readonly isPrivate?: boolean } = {},
): Promise<"replaced" | "written in place"> {
  const old = await statIfThere(path);
  if (old !== undefined && !old.isFile) throw new Error(`Cannot write "${path}": it is not a file`);
  const target = old === undefined ? path : await Deno.realPath(path); // A link stays: its target is replaced.
  const temporary = `${target}.${crypto.randomUUID()}.tmp`;
  try {
    const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents;
    await Deno.writeFile(temporary, bytes, { createNew: true, mode: 0o600 });
    if (old !== undefined && !isPrivate) await keepModeAndOwner(temporary, old);
    using file = await Deno.open(temporary, { write: true });
    await file.sync();
    await Deno.rename(temporary, target);
    return "replaced";
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EBUSY") {
      return await writeInPlace(target, temporary, isPrivate);
    }
    await Deno.remove(temporary).catch(() => {}); // It may not exist.
    throw error;
  }
}

async function writeInPlace(target: string, temporary: string, isPrivate: boolean): Promise<"written in place"> {
  try {
    using file = await Deno.open(target, { write: true, truncate: true });
    if (isPrivate && Deno.build.os !== "windows") await Deno.chmod(target, 0o600);
    using contents = await Deno.open(temporary);
    await contents.readable.pipeTo(file.writable, { preventClose: true });
    await file.sync();
  } catch (error) {
    throw new Error(`${whyNot(error)}; the new contents are in "${temporary}"`, { cause: error });
  }
  await Deno.remove(temporary);
  return "written in place";
}

/**
 * Checks that a file can be written, or made in its folder, and leaves both as they are; throws {@linkcode ConfigError}.
 *
 * @param action what cannot be done otherwise, such as `open the log`
 */
export function checkWritable(action: string, path: string): void {
  try {
    if (isThere(path)) Deno.openSync(path, { append: true }).close();
    else tryMaking(path);
  } catch (error) {
    throw new ConfigError(`Cannot ${action} "${path}": ${whyNot(error)}`);
  }
}

/** Checks that a folder can be made, with those that it is in; makes none. Throws {@linkcode ConfigError}. */
export function checkFolder(action: string, path: string): void {
  let made = path;
  while (!isThere(dirname(made))) made = dirname(made);
  try {
    tryMaking(made);
  } catch (error) {
    throw new ConfigError(`Cannot ${action} "${path}": ${whyNot(error)}`);
  }
}

/** Makes a file beside a path, and deletes it: rights and kinds of file systems tell less. Throws what the system says. */
export function tryMaking(path: string): void {
  const probe = `${path}.${crypto.randomUUID()}.tmp`;
  if (mayWrite(probe)) {
    Deno.openSync(probe, { write: true, createNew: true }).close();
    Deno.removeSync(probe);
  } else if (!mayWrite(path)) {
    throw new Deno.errors.NotCapable(`Requires write access to "${path}"`);
  } else if (!Deno.statSync(dirname(path)).isDirectory) { // More cannot be known by the permission for one path.
    throw new Error(`"${dirname(path)}" is not a folder`);
  }
}

/** Whether Deno lets the process write there; without the question, it asks for the permission at a terminal. */
function mayWrite(path: string): boolean {
  return Deno.permissions.querySync({ name: "write", path }).state === "granted";
}

/** Whether there is something at a path, be it a link to nothing. */
export function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

/** Reason why a file cannot be read or written. */
export function whyNot(error: unknown): string {
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.NotADirectory) return "a part of its path is not a folder";
  if (error instanceof Deno.errors.PermissionDenied) return "not permitted";
  if (error instanceof Deno.errors.NotCapable) return "not permitted; Deno needs a flag such as --allow-read for it";
  return error instanceof Error ? error.message : String(error);
}

async function keepModeAndOwner(path: string, { mode, uid, gid }: Deno.FileInfo): Promise<void> {
  if (Deno.build.os === "windows") return;
  const own = await Deno.stat(path);
  // A broker that runs as another user must be able to read it as before.
  if (own.uid !== uid || own.gid !== gid) await Deno.chown(path, uid, gid);
  if (mode !== null) await Deno.chmod(path, mode & 0o7777);
}

async function statIfThere(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
