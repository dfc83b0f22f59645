import { connTransport } from "./tcp.ts";
import type { Transport } from "./transport.ts";

/** Connects to a Unix socket. Throws the errors of `Deno.connect`. */
export async function connectUnix(path: string): Promise<Transport> {
  const conn = await Deno.connect({ transport: "unix", path });
  return connTransport(conn, { transport: "unix", address: "unix", listener: `unix:${path}` });
}
