import { PacketDecoder } from "../codec/decoder.ts";
import { encodePacket } from "../codec/encoder.ts";
import { fixedHeaderBytes, remainingLengthOf } from "../codec/fixed_header.ts";
import type { ConnackPacket, Packet } from "../codec/packet.ts";
import { NO_PROPERTIES } from "../codec/property.ts";
import { ReasonCode, reasonCodeName } from "../codec/reason_code.ts";
import { channelOf } from "../transport/channel_transport.ts";
import { ReadFairness } from "../transport/read_fairness.ts";
import { connectTo } from "../transport/schemes.ts";
import type { ByteChannel, Transport } from "../transport/transport.ts";
import type { LoadTarget } from "./load_plan.ts";

/** Bytes kept of a packet that comes in several chunks: enough for all that is read of it. */
const HEAD_BYTES = 1_024;
const LONGEST_FIXED_HEADER = 5;
const FIRST_BUFFER_BYTES = 128;
const FIRST_READ_BYTES = 1_024;
const LARGEST_READ_BYTES = 65_536;
const CONNECT_WITHIN_MS = 30_000;
/** Keep Alive that is long enough for a load to send no PINGREQ. */
const KEEP_ALIVE_SECONDS = 65_535;

/** Reports something unexpected in a load to the user. */
export class LoadError extends Error {
  override readonly name = "LoadError";
}

/** Connection that the broker has accepted. */
export interface OpenConnection {
  readonly connection: LoadConnection;
  readonly connack: ConnackPacket;
}

/** Handler of the packets of a connection. */
export interface PacketHandler {
  /**
   * Takes a packet: its start, the start of its body, and the length of the body. Of a large packet `bytes` may contain
   * only the first kilobyte.
   */
  packet(bytes: Uint8Array, start: number, body: number, remainingLength: number): void;
  /** Called after all packets of a chunk; packets appended now leave in one write. */
  turnEnded(): void;
  /** Called when the appended packets have been written. */
  written(): void;
  /** Called when the connection ended, unless by `close`. */
  lost(error: Error): void;
}

/** Connects as an MQTT client; `handler` gets all packets after CONNACK. Throws {@linkcode LoadError}. */
export async function openConnection(
  target: LoadTarget,
  clientId: string,
  handler: PacketHandler,
): Promise<OpenConnection> {
  let transport: Transport | undefined;
  const controller = new AbortController();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error("the broker did not answer"));
    controller.abort();
  }, CONNECT_WITHIN_MS);
  const opening = (async () => {
    // Reads do not pause for other connections: that takes 50 pairs a third more processor time. (Deno 2.9, 2026-11-30)
    const turns = new ReadFairness(Infinity);
    transport = await connectTo(new URL(target.url), { tls: target.tls, signal: controller.signal, turns });
    return await handshake(target, clientId, handler, transport);
  })();
  try {
    return await Promise.race([opening, late]);
  } catch (error) {
    opening.catch(() => {}); // The timeout is reported instead.
    if (transport !== undefined) closeAtOnce(transport);
    throw new LoadError(`Cannot connect to ${withoutPassword(target.url)}: ${messageOf(error)}`);
  } finally {
    clearTimeout(timer);
  }
}

/** Decodes the packet between two positions. Throws for one that is malformed, or too large to be complete here. */
export function decodeBetween(bytes: Uint8Array, start: number, end: number, { protocolVersion }: LoadTarget): Packet {
  const [packet] = new PacketDecoder({ protocolVersion }).decode(bytes.slice(start, end));
  if (packet === undefined) throw new LoadError("the broker has sent a packet that is too large");
  if (packet.type === "malformed") throw packet.error;
  return packet;
}

/** Removes the credentials of a URL, so that it may be printed. */
export function withoutPassword(text: string): string {
  const url = URL.parse(text);
  if (url === null) return text;
  url.username = url.password = "";
  return url.href.replace(/^(mqtts?:.*)\/$/, "$1");
}

/** Runs all functions, up to `most` at the same time. Rejects with the first rejection, and then starts no more. */
export async function inLanes(runs: readonly (() => Promise<void>)[], most: number): Promise<void> {
  let next = 0;
  const lane = async () => {
    try {
      for (let run = runs[next++]; run !== undefined; run = runs[next++]) await run();
    } catch (error) {
      next = runs.length;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, runs.length) }, lane));
}

/**
 * One connection of a load. Packets are not decoded: their handler reads the few bytes that it needs, because
 * `PacketDecoder` takes four times as long (85 ns a PUBLISH of 64 bytes against 20; Deno 2.9.6, 2026-11-30), and a load
 * has to outrun the broker. Packets appended within a turn leave in one write.
 */
export class LoadConnection {
  isWriting = false;
  readonly #transport: Transport;
  readonly #channel: ByteChannel;
  readonly #handler: PacketHandler;
  #out = new Uint8Array(FIRST_BUFFER_BYTES);
  #used = 0;
  /** Buffer for packets that are appended while the other one is written. */
  #spare = new Uint8Array(FIRST_BUFFER_BYTES);
  /** Beginning of an incomplete packet. */
  #head: Uint8Array | undefined;
  /** Bytes of that packet so far. */
  #seen = 0;
  #isClosed = false;
  #isPaused = false;

  constructor(transport: Transport, handler: PacketHandler) {
    this.#transport = transport;
    this.#channel = channelOf(transport);
    this.#handler = handler;
  }

  /** Reads until the end, or until `pause`, into one buffer, which grows while reads fill it. Never rejects. */
  async read(): Promise<void> {
    let room = new Uint8Array(FIRST_READ_BYTES);
    try {
      for (let bytes = await this.#channel.read(room); bytes !== undefined; bytes = await this.#channel.read(room)) {
        if (this.#isPaused) return;
        this.#receive(bytes);
        // Headers of WebSocket frames were read too, so what is given never fills the buffer.
        if (bytes.length * 2 > room.length && room.length < LARGEST_READ_BYTES) room = new Uint8Array(room.length * 4);
      }
      throw new Error("the server has closed the connection");
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Appends bytes to the write of this turn: they are copied. */
  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#out.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** Appends a packet that consists of a Packet Identifier to the write of this turn. */
  appendAcknowledgement(first: number, packetIdentifier: number): void {
    this.#reserve(4);
    const out = this.#out;
    out[this.#used++] = first;
    out[this.#used++] = 2;
    out[this.#used++] = packetIdentifier >>> 8;
    out[this.#used++] = packetIdentifier;
  }

  /** Writes the appended packets, after a write in progress if there is one. */
  flush(): void {
    if (this.isWriting || this.#used === 0 || this.#isClosed) return;
    const bytes = this.#out.subarray(0, this.#used);
    [this.#out, this.#spare] = [this.#spare, this.#out];
    this.#used = 0;
    this.isWriting = true;
    this.#channel.write(bytes).then(this.#written, this.#fail);
  }

  /** Stops reading, like a stuck client; the result of a read in progress is ignored. */
  pause(): void {
    this.#isPaused = true;
  }

  close(): void {
    this.#isClosed = true;
    closeAtOnce(this.#transport);
  }

  readonly #written = () => {
    this.isWriting = false;
    this.#handler.written();
    this.flush();
  };

  readonly #fail = (error: unknown) => {
    if (this.#isClosed) return;
    this.close();
    this.#handler.lost(error instanceof Error ? error : new Error(String(error)));
  };

  #reserve(count: number): void {
    const needed = this.#used + count;
    if (needed <= this.#out.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#out.length * 2));
    grown.set(this.#out.subarray(0, this.#used));
    this.#out = grown;
  }

  #receive(bytes: Uint8Array): void {
    let position = this.#seen > 0 ? this.#resume(bytes) : 0;
    while (position < bytes.length) {
      const headerBytes = fixedHeaderBytes(bytes, position, bytes.length);
      if (headerBytes === undefined) {
        this.#keep(bytes.subarray(position));
        break;
      }
      const remainingLength = remainingLengthOf(bytes, position, headerBytes);
      const body = position + headerBytes;
      if (body + remainingLength > bytes.length) {
        this.#keep(bytes.subarray(position));
        break;
      }
      this.#handler.packet(bytes, position, body, remainingLength);
      position = body + remainingLength;
    }
    this.#handler.turnEnded();
    this.flush();
  }

  /** Resumes an incomplete packet; gives the start of the next one. */
  #resume(bytes: Uint8Array): number {
    const head = this.#head ??= new Uint8Array(HEAD_BYTES);
    let position = 0;
    let headerBytes = fixedHeaderBytes(head, 0, Math.min(this.#seen, LONGEST_FIXED_HEADER));
    while (headerBytes === undefined) {
      if (position === bytes.length) return position;
      head[this.#seen++] = bytes[position++] as number; // Below the length.
      headerBytes = fixedHeaderBytes(head, 0, this.#seen);
    }
    const remainingLength = remainingLengthOf(head, 0, headerBytes);
    const missing = headerBytes + remainingLength - this.#seen;
    const taken = bytes.subarray(position, position + missing);
    this.#keep(taken);
    if (taken.length < missing) return bytes.length;
    this.#seen = 0;
    this.#handler.packet(head, 0, headerBytes, remainingLength);
    return position + missing;
  }

  #keep(bytes: Uint8Array): void {
    const head = this.#head ??= new Uint8Array(HEAD_BYTES);
    if (this.#seen < HEAD_BYTES) head.set(bytes.subarray(0, HEAD_BYTES - this.#seen), this.#seen);
    this.#seen += bytes.length;
  }
}

function handshake(
  target: LoadTarget,
  clientId: string,
  handler: PacketHandler,
  transport: Transport,
): Promise<OpenConnection> {
  const { promise, resolve, reject } = Promise.withResolvers<OpenConnection>();
  let isAccepted = false;
  const connection = new LoadConnection(transport, {
    packet(bytes, start, body, remainingLength) {
      if (isAccepted) return handler.packet(bytes, start, body, remainingLength);
      isAccepted = true;
      const connack = decodeBetween(bytes, start, body + remainingLength, target);
      if (connack.type !== "connack") return reject(new Error(`${connack.type} came before CONNACK`));
      if (connack.reasonCode === ReasonCode.Success) return resolve({ connection, connack });
      reject(new Error(`the broker said "${reasonCodeName(connack.reasonCode)}"`));
    },
    turnEnded: () => handler.turnEnded(),
    written: () => handler.written(),
    lost(error) {
      if (isAccepted) handler.lost(error);
      reject(error); // For a caller that still waits.
    },
  });
  connection.append(connectPacket(target, clientId));
  connection.flush();
  connection.read(); // Never rejects.
  return promise;
}

function connectPacket({ url, protocolVersion }: LoadTarget, clientId: string): Uint8Array {
  const { username, password } = new URL(url);
  return encodePacket({
    type: "connect",
    protocolVersion,
    isBridge: false,
    cleanStart: true,
    keepAliveSeconds: KEEP_ALIVE_SECONDS,
    clientId,
    will: undefined,
    userName: username === "" ? undefined : decodeURIComponent(username),
    password: password === "" ? undefined : new TextEncoder().encode(decodeURIComponent(password)),
    properties: NO_PROPERTIES,
  }, protocolVersion);
}

/** Closes twice, so that a WebSocket does not wait for the answer to its Close frame. */
function closeAtOnce(transport: Transport): void {
  transport.close();
  transport.close();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
