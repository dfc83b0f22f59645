import { acceptConnections, AcceptPauses, type Listener, type OnAcceptFailed } from "./listener.ts";
import { ReadFairness } from "./read_fairness.ts";
import { connTransport } from "./tcp.ts";
import type { Transport } from "./transport.ts";

/** Options of {@linkcode listenUnix}. */
export interface UnixListenOptions {
  /** Path of the socket file. It may have 101 bytes on Linux, 97 on other systems. */
  readonly path: string;
  /** Permissions: a client needs the right to write. @default {0o660}, the user and the group of the broker */
  readonly mode?: number;
  /** Called when a connection cannot be accepted, for logs. */
  readonly onAcceptFailed?: OnAcceptFailed | undefined;
}

/** Connections over a Unix socket as they arrive; its URL is such as `unix:/run/brooklet.sock`. */
export interface UnixListener extends Listener {
  /** Path of the socket file. */
  readonly path: string;
  /** Closes it; removes the socket file too, unless it has been replaced. */
  close(): void;
}

const DEFAULT_MODE = 0o660;

/**
 * Listens for MQTT over a Unix socket. The file of a server that died is replaced; one that is in use, or is not a
 * socket, is left alone. Starting needs the name `PATH.new` beside it for a moment.
 *
 * @throws Deno.errors.AddrInUse if a server listens there or the file is not a socket, RangeError if the path is too
 * long, and other errors of `Deno.listen`
 */
export async function listenUnix(options: UnixListenOptions): Promise<UnixListener> {
  const { path, mode = DEFAULT_MODE } = options;
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o777) {
    throw new RangeError(`Cannot listen on unix:${path}: mode "${mode}" is not between 0 and 0o777`);
  }
  checkUnixPath(path);
  await refuseLive(path);
  const listener = listenAt(path, mode);
  const { ino, dev } = Deno.lstatSync(path);
  const turns = new ReadFairness();
  const pauses = new AcceptPauses();
  let isClosed = false;
  const url = `unix:${path}`;
  return {
    path,
    url,
    close() {
      if (isClosed) return;
      isClosed = true;
      const file = lstat(path);
      if (file?.ino === ino && file.dev === dev) remove(path);
      listener.close();
      pauses.close();
    },
    [Symbol.asyncIterator]: () =>
      acceptConnections(
        listener,
        pauses,
        () => isClosed,
        (conn) => connTransport(conn, { transport: "unix", address: "unix", listener: url }, turns),
        options.onAcceptFailed,
      ),
  };
}

/** Checks a path before a socket is made there; throws the errors of {@linkcode listenUnix}. */
export function checkUnixPath(path: string): void {
  checkUnixSockets();
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  const possible = longestSocketPath() - bytes(madeAt(""));
  if (bytes(path) > possible) {
    throw new RangeError(`Cannot listen on unix:${path}: the path has ${bytes(path)} bytes, ${possible} are possible`);
  }
  if (lstat(path)?.isSocket === false) {
    throw new Deno.errors.AddrInUse(`Cannot listen on unix:${path}: the file is no socket`);
  }
}

/** Bytes of `sun_path` without its NUL: unix(7) of Linux, and unix(4) of the BSDs and macOS. */
function longestSocketPath(): number {
  return Deno.build.os === "linux" ? 107 : 103;
}

/** Connects to a Unix socket. Throws the errors of `Deno.connect`. */
export async function connectUnix(path: string, turns?: ReadFairness): Promise<Transport> {
  checkUnixSockets();
  const conn = await Deno.connect({ transport: "unix", path });
  return connTransport(conn, { transport: "unix", address: "unix", listener: `unix:${path}` }, turns);
}

/**
 * Makes the file in a folder beside its path, where no other process can reach it before its mode is set, and moves it
 * to the path, replacing a stale file: some time after the close the runtime removes whatever is then at the path where
 * it made the file, and that could be the file of the next server. The names are always the same, because `--allow-net`
 * must list them, and a umask would need `--allow-sys`.
 */
function listenAt(path: string, mode: number): Deno.UnixListener {
  const folder = `${path}.new`;
  const made = madeAt(path);
  remove(made); // Left by a server that died here; a folder with other contents is not ours, and stays.
  remove(folder);
  Deno.mkdirSync(folder, { mode: 0o700 });
  let listener: Deno.UnixListener | undefined;
  try {
    listener = Deno.listen({ transport: "unix", path: made });
    if (Deno.build.os !== "windows") Deno.chmodSync(made, mode);
    Deno.renameSync(made, path);
    remove(folder);
    return listener;
  } catch (error) {
    listener?.close();
    attempt(() => remove(made));
    attempt(() => remove(folder));
    throw error;
  }
}

function madeAt(path: string): string {
  return `${path}.new/s`;
}

async function refuseLive(path: string): Promise<void> {
  if (lstat(path) === undefined) return;
  try {
    const conn = await Deno.connect({ transport: "unix", path });
    conn.close();
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.NotFound) return; // No server listens.
    // Access denied or queue full: a server may be listening.
  }
  throw new Deno.errors.AddrInUse(`Cannot listen on unix:${path}: another server is listening there`);
}

/** Refuses systems whose runtime has no Unix sockets; throws Deno.errors.NotSupported. */
export function checkUnixSockets(os: typeof Deno.build.os = Deno.build.os): void {
  if (os === "windows") throw new Deno.errors.NotSupported("Unix sockets are not supported on Windows");
}

/** Cleans up after another error, which is the one to report. */
function attempt(act: () => void): void {
  try {
    act();
  } catch {
    // It stays.
  }
}

function lstat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // It is gone already.
  }
}
