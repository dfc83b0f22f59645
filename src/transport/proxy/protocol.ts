import type { ByteChannel } from "../byte_channel.ts";
import { channelOf, ChannelTransport } from "../channel_transport.ts";
import { type Listener, preparedListener } from "../listener.ts";
import type { Transport } from "../transport.ts";
import { parseProxyHeader } from "./header.ts";

/** Options of {@linkcode withProxyProtocol} and {@linkcode listenBehindProxy}. */
export interface ProxyProtocolOptions {
  /** Time limit for the header. @default {10_000} */
  readonly headerTimeoutMs?: number;
}

/** Options of {@linkcode listenBehindProxy}. */
export interface BehindProxyOptions extends ProxyProtocolOptions {
  /** Called with the reason when a connection is closed before it is given out, for logs. It must not throw. */
  readonly onRefused?: (address: string, reason: string) => void;
}

/** Reports a connection that does not begin with a header of the PROXY protocol; it is closed. */
export class ProxyProtocolError extends Error {
  override readonly name = "ProxyProtocolError";
}

const DEFAULT_HEADER_TIMEOUT_MS = 10_000;

/**
 * Reads the header that a proxy writes first (PROXY protocol, version 1 or 2) and gives the connection after it, with
 * the address of the client. Only for listeners that proxies alone can reach: the header is trusted.
 *
 * @throws ProxyProtocolError if no header arrives in time; the transport is closed
 */
export async function withProxyProtocol(transport: Transport, options: ProxyProtocolOptions = {}): Promise<Transport> {
  const { headerTimeoutMs = DEFAULT_HEADER_TIMEOUT_MS } = options;
  const channel = channelOf(transport);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    transport.close(); // Ends the waiting read.
  }, headerTimeoutMs);
  try {
    const { address, rest } = await readHeader(channel);
    const peer = address === undefined ? transport.peer : { ...transport.peer, address };
    return new ChannelTransport(behindHeader(rest, channel), peer);
  } catch (error) {
    transport.close();
    const reason = error instanceof ProxyProtocolError && !isLate
      ? error.message
      : `Cannot read the header of the PROXY protocol: ${isLate ? "it did not come in time" : "the connection broke"}`;
    throw new ProxyProtocolError(reason, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Connections of `below`, each after its header; a slow one does not hold up others. */
export function listenBehindProxy(below: Listener, options: BehindProxyOptions = {}): Listener {
  return preparedListener(
    below,
    (transport) => withProxyProtocol(transport, options),
    ({ peer }, reason) => options.onRefused?.(peer.address, reason),
  );
}

interface Header {
  readonly address: string | undefined;
  /** Bytes that arrived with the header. */
  readonly rest: Uint8Array;
}

async function readHeader(channel: ByteChannel): Promise<Header> {
  let bytes: Uint8Array = new Uint8Array(0);
  for (;;) {
    const chunk = await channel.read();
    if (chunk === undefined) {
      throw new ProxyProtocolError("Cannot read the header of the PROXY protocol: the connection ended");
    }
    bytes = bytes.length === 0 ? chunk : joined(bytes, chunk);
    const header = parseProxyHeader(bytes);
    if (header.kind === "malformed") {
      throw new ProxyProtocolError(`Malformed header of the PROXY protocol: ${header.reason}`);
    }
    if (header.kind === "complete") return { address: header.address, rest: bytes.subarray(header.length) };
  }
}

function behindHeader(rest: Uint8Array, below: ByteChannel): ByteChannel {
  let first = rest.length > 0 ? rest : undefined;
  return {
    read(room) {
      if (first === undefined) return below.read(room);
      const bytes = first;
      first = undefined;
      return Promise.resolve(bytes);
    },
    get usesRoom() {
      return below.usesRoom ?? false;
    },
    write: (bytes) => below.write(bytes),
    get isWriting() {
      return below.isWriting;
    },
    keepAlive: () => below.keepAlive?.(),
    closeWrite: () => below.closeWrite(),
    close: () => below.close(),
  };
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
