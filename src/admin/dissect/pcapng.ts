/**
 * Captures of MQTT in the format pcapng (draft-ietf-opsawg-pcapng), written piece by piece, so that they can be saved or
 * read while they grow: `brooklet trace --pcapng - | wireshark -k -i -`.
 *
 * ```text
 * Section Header | Interface Description, one for a listener | Enhanced Packet … | Interface Description | Enhanced Packet …
 * ```
 *
 * TLS and WebSocket are taken off before, so packets are plain MQTT for Wireshark: the port of the broker is written as
 * 1883, and the real one stands in the name of the interface.
 */

import { concatenated } from "../../transport/concatenated.ts";
import { frameBytes, Opcode } from "./frames.ts";
import { type Endpoint, type IpPacket, TcpPackets } from "./tcp_packets.ts";

/** Connection of a capture. Records of one connection share one object. */
export interface CapturedConnection {
  /** Address of the listener as users write it, such as `wss://[::]:8084/mqtt`: name of the interface. */
  readonly listener: string;
  readonly client: Endpoint;
  readonly broker: Endpoint;
  /** Written as a comment at the first packet after it is known. */
  readonly clientId?: string | undefined;
  /** Heads of HTTP that began a WebSocket connection. */
  readonly upgrade?: { readonly request: string; readonly response: string } | undefined;
}

/** Bytes that one side sent. */
export interface CapturedBytes {
  /** Epoch milliseconds; fractions are kept to the microsecond. */
  readonly timeMs: number;
  readonly connection: CapturedConnection;
  /** Whether the broker sent them. */
  readonly isSent: boolean;
  readonly bytes: Uint8Array;
  /** Number of bytes on the wire, if only the first were kept. */
  readonly wireBytes?: number | undefined;
  /** Note in Wireshark's column of comments. */
  readonly comment?: string | undefined;
  /**
   * WebSocket frames that the bytes came in, in their order. A control frame has a record of its own, which is left out
   * where the capture is plain MQTT.
   *
   * @default {one binary frame}
   */
  readonly frames?: readonly CapturedFrame[] | undefined;
}

/** Frame of a record. */
export interface CapturedFrame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly payloadBytes: number;
}

/** Options of {@linkcode Capture}. */
export interface CaptureOptions {
  /**
   * Whether WebSocket connections have their upgrade and their frames, at port 80 of the broker, in place of plain MQTT.
   * The masks of a client are written as 0, so that the bytes can be read in the capture.
   *
   * @default {false}
   */
  readonly isWire?: boolean;
}

/** Ports of the broker in packets, by which Wireshark chooses its dissector. */
const MQTT_PORT = 1883;
const HTTP_PORT = 80;
const FIRST_CONTROL_OPCODE = 8;
/** Byte order of blocks. Programs that read a capture while it is written take none but that of their own machine. */
const LITTLE_ENDIAN = true;
const BLOCK_BYTES = 12;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const LINK_TYPE_RAW_IP = 101;
const SNAPSHOT_BYTES = 0x1_0000;
const FIRST_FREE_PORT = 49_152;
const BlockType = { sectionHeader: 0x0a0d0d0a, interface: 1, packet: 6 } as const;
const Option = { end: 0, comment: 1, name: 2, flags: 2, application: 4 } as const;
const UTF8_ENCODER = new TextEncoder();

interface OpenConnection {
  readonly interfaceNumber: number;
  readonly tcp: TcpPackets;
  hasComment: boolean;
}

/** Writes one capture: every method gives the bytes to append. */
export class Capture {
  readonly #isWire: boolean;
  readonly #interfaces = new Map<string, number>();
  readonly #connections = new Map<CapturedConnection, OpenConnection>();
  readonly #usedPorts = new Set<string>();

  constructor(options: CaptureOptions = {}) {
    this.#isWire = options.isWire ?? false;
  }

  /** Header, which a capture begins with. */
  begin(): Uint8Array {
    const version = new Uint8Array(16).fill(0xff, 8); // The length of the section is unknown.
    const view = new DataView(version.buffer);
    view.setUint32(0, BYTE_ORDER_MAGIC, LITTLE_ENDIAN);
    view.setUint16(4, 1, LITTLE_ENDIAN);
    return block(BlockType.sectionHeader, version, [[Option.application, UTF8_ENCODER.encode("Brooklet")]]);
  }

  /** Bytes of a connection, after its handshake if they are the first. */
  add(record: CapturedBytes): Uint8Array {
    const { connection, timeMs, isSent, bytes, wireBytes = bytes.length, frames } = record;
    const hasFrames = this.#hasFrames(connection);
    if (!hasFrames && frames?.some(({ opcode }) => opcode >= FIRST_CONTROL_OPCODE)) return new Uint8Array(0);
    const blocks: Uint8Array[] = [];
    const open = this.#connections.get(connection) ?? this.#open(connection, timeMs, blocks);
    let comment = record.comment;
    if (!open.hasComment && connection.clientId !== undefined) {
      open.hasComment = true;
      comment = [`client "${connection.clientId}"`, ...comment === undefined ? [] : [comment]].join("; ");
    }
    const parts = hasFrames
      ? framesOf(bytes, isSent, frames).map((frame) => ({ bytes: frame, wireBytes: frame.length }))
      : [{ bytes, wireBytes }];
    for (const part of parts) {
      for (const packet of open.tcp.data(isSent, part.bytes, part.wireBytes)) {
        blocks.push(packetBlock(open.interfaceNumber, timeMs, packet, comment));
        comment = undefined;
      }
    }
    return concatenated(blocks);
  }

  /** End of a connection; nothing if it has no packet in the capture. */
  end(connection: CapturedConnection, timeMs: number, isSent: boolean): Uint8Array {
    const open = this.#connections.get(connection);
    if (open === undefined) return new Uint8Array(0);
    this.#connections.delete(connection);
    return concatenated(open.tcp.close(isSent).map((packet) => packetBlock(open.interfaceNumber, timeMs, packet)));
  }

  /** Whether a connection is written as WebSocket. */
  #hasFrames({ upgrade }: CapturedConnection): boolean {
    return this.#isWire && upgrade !== undefined;
  }

  #open(connection: CapturedConnection, timeMs: number, blocks: Uint8Array[]): OpenConnection {
    const { listener, client, broker, upgrade } = connection;
    let interfaceNumber = this.#interfaces.get(listener);
    if (interfaceNumber === undefined) {
      interfaceNumber = this.#interfaces.size;
      this.#interfaces.set(listener, interfaceNumber);
      blocks.push(interfaceBlock(listener));
    }
    const port = this.#hasFrames(connection) ? HTTP_PORT : MQTT_PORT;
    const from = { address: client.address, port: this.#freePort(client, broker, port) };
    const tcp = new TcpPackets(from, { address: broker.address, port });
    const open = { interfaceNumber, tcp, hasComment: false };
    this.#connections.set(connection, open);
    const packets = tcp.open();
    if (this.#hasFrames(connection) && upgrade !== undefined) {
      packets.push(...tcp.data(false, UTF8_ENCODER.encode(upgrade.request)));
      packets.push(...tcp.data(true, UTF8_ENCODER.encode(upgrade.response)));
    }
    for (const packet of packets) blocks.push(packetBlock(interfaceNumber, timeMs, packet));
    return open;
  }

  /** The port of the client, or another one if its address and port have had a connection in this capture before. */
  #freePort(client: Endpoint, broker: Endpoint, brokerPort: number): number {
    const key = (port: number) => `${client.address} ${port} ${broker.address} ${brokerPort}`;
    let port = client.port;
    for (let tried = 0; this.#usedPorts.has(key(port)) && tried < 0x1_0000; tried++) {
      port = port === 0xffff || port === 0 ? FIRST_FREE_PORT : port + 1;
    }
    this.#usedPorts.add(key(port));
    return port;
  }
}

/** Bytes of the frames of a record; frames of which the bytes were not kept are left out. */
function framesOf(bytes: Uint8Array, isSent: boolean, frames: CapturedBytes["frames"]): Uint8Array[] {
  const whole = [{ opcode: Opcode.Binary, isFinal: true, payloadBytes: bytes.length }];
  let start = 0;
  return (frames ?? whole).flatMap(({ opcode, isFinal, payloadBytes }) => {
    const payload = bytes.subarray(start, start + payloadBytes);
    start += payloadBytes;
    return payload.length < payloadBytes ? [] : [frameBytes({ opcode, isFinal, isMasked: !isSent, payload })];
  });
}

function interfaceBlock(name: string): Uint8Array {
  const body = new Uint8Array(8);
  const view = new DataView(body.buffer);
  view.setUint16(0, LINK_TYPE_RAW_IP, LITTLE_ENDIAN);
  view.setUint32(4, SNAPSHOT_BYTES, LITTLE_ENDIAN);
  return block(BlockType.interface, body, [[Option.name, UTF8_ENCODER.encode(name)]]);
}

function packetBlock(interfaceNumber: number, timeMs: number, packet: IpPacket, comment?: string): Uint8Array {
  const body = new Uint8Array(20 + padded(packet.bytes.length));
  const view = new DataView(body.buffer);
  const microseconds = Math.round(timeMs * 1000);
  view.setUint32(0, interfaceNumber, LITTLE_ENDIAN);
  view.setUint32(4, Math.floor(microseconds / 0x1_0000_0000), LITTLE_ENDIAN);
  view.setUint32(8, microseconds % 0x1_0000_0000, LITTLE_ENDIAN);
  view.setUint32(12, packet.bytes.length, LITTLE_ENDIAN);
  view.setUint32(16, packet.wireBytes, LITTLE_ENDIAN);
  body.set(packet.bytes, 20);
  return block(BlockType.packet, body, [
    ...comment === undefined ? [] : [[Option.comment, UTF8_ENCODER.encode(comment)] as const],
    [Option.flags, Uint8Array.of(packet.isSent ? 2 : 1, 0, 0, 0)], // Outbound or inbound.
  ]);
}

/** A block: type, length, body, options, length. */
function block(type: number, body: Uint8Array, options: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const optionBytes = options.reduce((total, [, value]) => total + 4 + padded(value.length), 4);
  const bytes = new Uint8Array(BLOCK_BYTES + body.length + optionBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, LITTLE_ENDIAN);
  view.setUint32(4, bytes.length, LITTLE_ENDIAN);
  bytes.set(body, 8);
  let at = 8 + body.length;
  for (const [code, value] of options) {
    view.setUint16(at, code, LITTLE_ENDIAN);
    view.setUint16(at + 2, value.length, LITTLE_ENDIAN);
    bytes.set(value, at + 4);
    at += 4 + padded(value.length);
  }
  view.setUint32(bytes.length - 4, bytes.length, LITTLE_ENDIAN); // After the end of the options, which is four zeros.
  return bytes;
}

function padded(length: number): number {
  return length + 3 & ~3;
}
