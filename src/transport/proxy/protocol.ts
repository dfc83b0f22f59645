import { isIPv4, isIPv6 } from "node:net";
import { channelOf, ChannelTransport } from "../channel_transport.ts";
import { concatenated } from "../concatenated.ts";
import { type Listener, type OnRefused, preparedListener } from "../listener.ts";
import { hostPort } from "../tcp.ts";
import type { ByteChannel, Transport } from "../transport.ts";

/** Options of {@linkcode withProxyProtocol} and {@linkcode listenBehindProxy}. */
export interface ProxyProtocolOptions {
  /** Time limit for the header. @default {10_000} */
  readonly headerTimeoutMs?: number;
}

/** Options of {@linkcode listenBehindProxy}. */
export interface BehindProxyOptions extends ProxyProtocolOptions {
  /** Called when a connection is closed before it is given out, for logs; `broker.noteRefusal` makes it an event. */
  readonly onRefused?: OnRefused;
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
    ({ peer }, reason) => options.onRefused?.(peer.address, reason, "proxy-protocol", peer),
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
    bytes = bytes.length === 0 ? chunk : concatenated([bytes, chunk]);
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

/** Result of {@linkcode parseProxyHeader} for the start of a connection. */
export type ParsedProxyHeader =
  | { readonly kind: "incomplete" }
  | { readonly kind: "malformed"; readonly reason: string }
  | {
    readonly kind: "complete";
    /** Offset at which the client's own bytes begin. */
    readonly length: number;
    /**
     * Address of the client; `undefined`: the proxy connects for itself or does not know, so its own address counts.
     */
    readonly address: string | undefined;
  };

const V1_PREFIX = "PROXY ";
const V1_LONGEST = 107; // Including CR LF.
const V2_SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const V2_HEADER_BYTES = 16;
// Addresses take at most 216 bytes; the rest is for the fields after them, which are skipped.
const V2_LONGEST = 2_048;
const PORT = /^(?:0|[1-9]\d{0,4})$/;
const UNPRINTABLE = /[^\x20-\x7e]/;

const INCOMPLETE = { kind: "incomplete" } as const;

/**
 * Reads the header that a proxy writes before the client's bytes, version 1 (a line of text) or 2 (binary). While the
 * header is incomplete, for at most 2,048 bytes, call it again with more bytes.
 */
export function parseProxyHeader(bytes: Uint8Array): ParsedProxyHeader {
  if (bytes.length === 0) return INCOMPLETE;
  if (bytes[0] === V1_PREFIX.charCodeAt(0)) return parseV1(bytes);
  if (bytes[0] === V2_SIGNATURE.charCodeAt(0)) return parseV2(bytes);
  return malformed("it does not begin with a header");
}

function parseV1(bytes: Uint8Array): ParsedProxyHeader {
  const text = String.fromCharCode(...bytes.subarray(0, V1_LONGEST));
  if (!V1_PREFIX.startsWith(text.slice(0, V1_PREFIX.length))) return malformed("it does not begin with a header");
  const lineFeed = text.indexOf("\n");
  if (lineFeed === -1) {
    return text.length < V1_LONGEST ? INCOMPLETE : malformed(`the line is longer than ${V1_LONGEST} bytes`);
  }
  if (text[lineFeed - 1] !== "\r") return malformed("the line does not end in CR LF");
  const length = lineFeed + 1;
  const line = text.slice(0, lineFeed - 1);
  const [, family, source, destination, sourcePort, destinationPort, ...more] = line.split(" ");
  if (family === "UNKNOWN") return { kind: "complete", length, address: undefined };
  if (family !== "TCP4" && family !== "TCP6") return malformed("the family is not TCP4, TCP6 or UNKNOWN");
  const isAddress = family === "TCP4" ? isIPv4 : isPlainIpv6;
  if (source === undefined || destination === undefined || !isAddress(source) || !isAddress(destination)) {
    return malformed(`an address is not one of ${family}`);
  }
  if (!isPort(sourcePort) || !isPort(destinationPort)) return malformed("a port is not between 0 and 65535");
  if (more.length > 0) return malformed("the line continues after the ports");
  return { kind: "complete", length, address: hostPort(canonical(source), Number(sourcePort)) };
}

function parseV2(bytes: Uint8Array): ParsedProxyHeader {
  const signature = String.fromCharCode(...bytes.subarray(0, V2_SIGNATURE.length));
  if (!V2_SIGNATURE.startsWith(signature)) return malformed("it does not begin with a header");
  if (bytes.length < V2_HEADER_BYTES) return INCOMPLETE;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const versionAndCommand = view.getUint8(12);
  const family = view.getUint8(13);
  const length = V2_HEADER_BYTES + view.getUint16(14);
  if (versionAndCommand >> 4 !== 2) return malformed("the version of the binary header is not 2");
  const command = versionAndCommand & 0x0f;
  if (command > 1) return malformed("the command is not LOCAL or PROXY");
  if (length > V2_LONGEST) return malformed(`the header is longer than ${V2_LONGEST} bytes`);
  if (bytes.length < length) return INCOMPLETE;
  const isLocal = command === 0; // For example a health check: its other contents do not count.
  return isLocal
    ? { kind: "complete", length, address: undefined }
    : v2Address(family, bytes.subarray(V2_HEADER_BYTES, length), length);
}

function v2Address(family: number, body: Uint8Array, length: number): ParsedProxyHeader {
  const complete = (address: string | undefined) => ({ kind: "complete", length, address }) as const;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  switch (family) {
    case 0x11: // TCP over IPv4
      if (body.length < 12) return malformed("the header is too short for its addresses");
      return complete(hostPort(body.subarray(0, 4).join("."), view.getUint16(8)));
    case 0x21: { // TCP over IPv6
      if (body.length < 36) return malformed("the header is too short for its addresses");
      const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(index * 2).toString(16));
      return complete(hostPort(canonical(groups.join(":")), view.getUint16(32)));
    }
    case 0x31: { // Unix socket
      if (body.length < 216) return malformed("the header is too short for its addresses");
      const [path = ""] = String.fromCharCode(...body.subarray(0, 108)).split("\0");
      return complete(path === "" || UNPRINTABLE.test(path) ? "unix" : `unix:${path}`);
    }
    case 0x00: // Not specified
    case 0x12: // Datagrams have no place below MQTT: the address of the proxy stands.
    case 0x22:
    case 0x32:
      return complete(undefined);
    default:
      return malformed("the address family is not one of the protocol");
  }
}

function malformed(reason: string): ParsedProxyHeader {
  return { kind: "malformed", reason };
}

/** Whether it is IPv6 without a zone, which would mean nothing on another machine. */
function isPlainIpv6(address: string): boolean {
  return isIPv6(address) && !address.includes("%");
}

function isPort(text: string | undefined): boolean {
  return text !== undefined && PORT.test(text) && Number(text) <= 65_535;
}

/** Canonical form of an IPv6 address (RFC 5952), so that logs and limits can compare addresses. */
function canonical(address: string): string {
  return address.includes(":") ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}
