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
 * Replaces a file atomically: a reader sees the old text or the new one, even if this fails. The file keeps its mode
 * and its owner; a new one is accessible to its owner only.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const old = await statIfThere(path);
  // A link stays: its target is replaced.
  const target = old === undefined ? path : await Deno.realPath(path);
  const temporary = `${target}.${crypto.randomUUID()}.tmp`;
  const file = await Deno.open(temporary, { write: true, createNew: true, mode: 0o600 });
  try {
    try {
      if (old !== undefined) await keepModeAndOwner(temporary, old);
      const bytes = new TextEncoder().encode(text);
      for (let offset = 0; offset < bytes.length;) offset += await file.write(bytes.subarray(offset));
      await file.sync();
    } finally {
      file.close();
    }
    await Deno.rename(temporary, target);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {}); // It may be gone.
    throw error;
  }
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
