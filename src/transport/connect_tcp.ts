import { hostPort, tcpTransport } from "./tcp.ts";
import type { Transport } from "./transport.ts";

/** Options of {@linkcode connectTcp}. */
export interface TcpConnectOptions {
  readonly hostname: string;
  readonly port: number;
  readonly signal?: AbortSignal;
}

/** Connects over TCP, to whichever address of the host answers first. Throws the errors of `Deno.connect`. */
export async function connectTcp({ hostname, port, signal }: TcpConnectOptions): Promise<Transport> {
  const conn = await Deno.connect({ hostname, port, ...signal !== undefined && { signal } });
  const transport = tcpTransport(conn, `mqtt://${hostPort(hostname, port)}`);
  transport.channel.keepAlive?.();
  return transport;
}
