import type { HttpAnswer, HttpRequest } from "../../transport/transport.ts";
import { ConfigError } from "../config_error.ts";
import { whyNot } from "../files.ts";

const CHUNK_BYTES = 65_536;
const INDEX = "index.html";
/** Forbidden part of a path: hidden, empty, the folder above, or more than one part after decoding. */
// deno-lint-ignore no-control-regex -- It matches control characters on purpose.
const REFUSED_PART = /^\.|^$|[\x00-\x1f\x7f/\\:]/;

/**
 * Answers requests with the files below a folder; `undefined`: there is no such file. Folders are not listed. Throws
 * {@linkcode ConfigError} for a folder that cannot be read.
 */
export function staticFiles(folder: string): (request: HttpRequest) => Promise<HttpAnswer | undefined> {
  const root = realFolder(folder);
  return async ({ url }) => {
    const path = pathOf(new URL(url).pathname);
    if (path === undefined) return undefined;
    try {
      return await answerOf(root, path);
    } catch {
      return undefined; // Missing or unreadable: the answer does not reveal which.
    }
  };
}

/** Path of the folder after resolving all links. */
export function realFolder(folder: string): string {
  try {
    if (Deno.statSync(folder).isDirectory) return Deno.realPathSync(folder);
  } catch (error) {
    throw new ConfigError(`Cannot read the folder "${folder}": ${whyNot(error)}`);
  }
  throw new ConfigError(`Cannot read the folder "${folder}": it is a file`);
}

/** Path of the file for a request; `undefined`: it names nothing that may be shown. */
function pathOf(pathname: string): string | undefined {
  const [, ...encoded] = pathname.split("/");
  if (encoded.at(-1) === "") encoded[encoded.length - 1] = INDEX;
  try {
    const parts = encoded.map(decodeURIComponent);
    return parts.some((part) => REFUSED_PART.test(part)) ? undefined : parts.join("/");
  } catch {
    return undefined; // A "%" is not followed by UTF-8 in hex.
  }
}

async function answerOf(root: string, path: string): Promise<HttpAnswer | undefined> {
  const real = await Deno.realPath(`${root}/${path}`); // A link may lead anywhere.
  if (!real.startsWith(root) || !/^[/\\]/.test(real.slice(root.length))) return undefined;
  const { isFile, size } = await Deno.stat(real);
  if (!isFile) return undefined; // A pipe would never end.
  const { contentType } = await import("npm:deno-std@1.4.0/media_types/content_type.js");
  const ending = /\.[^./]+$/.exec(real)?.[0] ?? "";
  return {
    length: size,
    headers: {
      "content-type": contentType(ending) ?? "application/octet-stream",
      "x-content-type-options": "nosniff",
      "cache-control": "no-cache",
    },
    body: () => chunksOf(real, size),
  };
}

/** Exactly `size` bytes of a file, however it grows. */
async function* chunksOf(path: string, size: number): AsyncGenerator<Uint8Array, void> {
  using file = await Deno.open(path);
  for (let left = size; left > 0;) {
    const chunk = new Uint8Array(Math.min(left, CHUNK_BYTES));
    const count = await file.read(chunk);
    if (count === null) throw new Error(`Cannot read "${path}": it has become shorter`);
    left -= count;
    yield chunk.subarray(0, count);
  }
}
