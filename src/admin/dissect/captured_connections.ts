/**
 * Conversations of a capture: TCP segments in order, WebSocket taken off, packets put together.
 *
 * ```text
 * segments  → bytes of each side, in order and once → frames, if the client began with an HTTP head → packets → entries
 * ```
 */

import type { Segment } from "./capture_reader.ts";
import { Conversation, type Entry } from "./conversation.ts";
import { withoutSecrets } from "./dissector.ts";
import {
  type AssembledPacket,
  type Frame,
  frameText,
  headWithoutSecrets,
  Opcode,
  PacketAssembler,
  WebSocketReader,
} from "./frames.ts";

/** Connection of a capture. */
export interface CapturedConnection {
  readonly client: string;
  readonly broker: string;
  /** Client Identifier, as far as the capture has it. */
  readonly clientId: string | undefined;
  /** Carrier of MQTT. `tls` cannot be read, `other` is no MQTT. */
  readonly carrier: "tcp" | "webSocket" | "tls" | "other" | undefined;
}

/** Item of a capture: a packet, or a line about what carries it. */
export interface CapturedItem {
  readonly timeMs: number;
  readonly connection: CapturedConnection;
  readonly isSent: boolean;
  readonly entry?: Entry;
  /** The head of an upgrade, a control frame, or why the connection cannot be read. */
  readonly note?: string;
}

const TLS_HANDSHAKE = 0x16;
const CONNECT = 0x1;
const GET = [0x47, 0x45, 0x54, 0x20];
/** Bytes that arrived before those that they follow, at most. */
const MOST_WAITING_SEGMENTS = 1_000;

/** Items of the segments of a capture, in its order. Passwords are overwritten. */
export function capturedItems(segments: readonly Segment[]): CapturedItem[] {
  const connections = new Map<string, ConnectionReader>();
  const items: CapturedItem[] = [];
  for (const segment of segments) {
    const { from, to, isSyn, isAcknowledged } = segment;
    const isOpening = isSyn && !isAcknowledged;
    const key = [from, to].sort().join(" ");
    let connection = connections.get(key);
    if (connection === undefined || (isOpening && connection.hasBytes)) {
      // Without its handshake the client has the higher port, nearly always.
      const isFromClient = isSyn ? isOpening : segment.fromPort > segment.toPort;
      connections.set(
        key,
        connection = new ConnectionReader(isFromClient ? from : to, isFromClient ? to : from, isSyn),
      );
    }
    connection.add(segment, items);
  }
  for (const connection of connections.values()) connection.finish(items);
  return items;
}

class ConnectionReader implements CapturedConnection {
  carrier: CapturedConnection["carrier"];
  hasBytes = false;
  readonly #isFromStart: boolean;
  readonly #conversation: Conversation;
  readonly #client = new Side();
  readonly #broker = new Side();

  constructor(readonly client: string, readonly broker: string, isFromStart: boolean) {
    this.#isFromStart = isFromStart;
    this.#conversation = new Conversation(isFromStart);
  }

  get clientId(): string | undefined {
    return this.#conversation.clientId;
  }

  add(segment: Segment, items: CapturedItem[]): void {
    const isSent = segment.from === this.broker;
    const side = isSent ? this.#broker : this.#client;
    for (const { bytes, wireBytes } of side.inOrder(segment)) {
      this.hasBytes = true;
      const carrier = this.carrier ??= this.#carrierOf(bytes, isSent, segment.timeMs, items);
      const item = { timeMs: segment.timeMs, connection: this, isSent };
      if (carrier === "tcp") {
        this.#addPackets(item, side.assembler.add(bytes, wireBytes), items);
      } else if (carrier === "webSocket" && wireBytes > bytes.length) {
        this.carrier = "other";
        items.push({ ...item, note: "the capture has only the first bytes of packets: frames cannot be read" });
      } else if (carrier === "webSocket") {
        for (const part of side.webSocket.add(bytes)) {
          if (part.type === "head") {
            items.push({ ...item, note: headWithoutSecrets(part.text).split("\r\n", 1)[0] ?? "" });
          } else this.#addFrame(item, part.frame, side, items);
        }
      }
    }
  }

  /** Says what could not be read. */
  finish(items: CapturedItem[]): void {
    for (const [side, isSent] of [[this.#client, false], [this.#broker, true]] as const) {
      const timeMs = side.firstWaitingMs;
      if (timeMs === undefined) continue;
      items.push({ timeMs, connection: this, isSent, note: "bytes are missing in the capture; the rest is not read" });
    }
  }

  #addFrame(item: CapturedItem, frame: Frame, side: Side, items: CapturedItem[]): void {
    if (frame.opcode === Opcode.Binary || frame.opcode === Opcode.Continuation) {
      this.#addPackets(item, side.assembler.add(frame.payload), items);
    } else {
      items.push({ ...item, note: frameText(frame) });
    }
  }

  #addPackets(item: CapturedItem, packets: readonly AssembledPacket[], items: CapturedItem[]): void {
    for (const { bytes, wireBytes, pieces } of packets) {
      const { timeMs, isSent } = item;
      const hidden = withoutSecrets(bytes, { protocolVersion: this.#conversation.protocolVersion, isSent });
      items.push({ ...item, entry: this.#conversation.add({ timeMs, isSent, wireBytes, pieces, ...hidden }) });
    }
  }

  #carrierOf(bytes: Uint8Array, isSent: boolean, timeMs: number, items: CapturedItem[]): CapturedConnection["carrier"] {
    const [first = 0] = bytes;
    if (!isSent && GET.every((byte, index) => bytes[index] === byte)) return "webSocket";
    if (first === TLS_HANDSHAKE && bytes[1] === 3) {
      items.push({ timeMs, connection: this, isSent, note: "TLS, which cannot be read without its keys" });
      return "tls";
    }
    if (!isSent && this.#isFromStart && first >> 4 !== CONNECT) return "other";
    return "tcp";
  }
}

/** One side of a connection. */
class Side {
  readonly assembler = new PacketAssembler();
  readonly webSocket = new WebSocketReader();
  /** Sequence number that comes next. */
  #next: number | undefined;
  readonly #waiting = new Map<number, Segment>();

  /** Time of the first segment whose bytes have no place yet. */
  get firstWaitingMs(): number | undefined {
    return this.#waiting.values().next().value?.timeMs;
  }

  /** Bytes that are next with this segment, each once. */
  *inOrder(segment: Segment): Iterable<{ readonly bytes: Uint8Array; readonly wireBytes: number }> {
    if (segment.isSyn) {
      this.#next = segment.sequence + 1 >>> 0;
      return;
    }
    if (segment.wireBytes === 0) return; // After a FIN it would have to wait for the number that this takes.
    this.#next ??= segment.sequence;
    for (let current: Segment | undefined = segment; current !== undefined; current = this.#follower()) {
      const ahead: number = current.sequence - this.#next | 0; // Sequence numbers begin again after 32 bits.
      if (ahead > 0) {
        if (this.#waiting.size < MOST_WAITING_SEGMENTS) this.#waiting.set(current.sequence, current);
        return;
      }
      if (-ahead >= current.wireBytes) continue; // It was seen before.
      this.#next = this.#next + current.wireBytes + ahead >>> 0;
      yield { bytes: current.payload.subarray(-ahead), wireBytes: current.wireBytes + ahead };
    }
  }

  /** Waiting segment that is next. */
  #follower(): Segment | undefined {
    for (const [sequence, segment] of this.#waiting) {
      if ((sequence - (this.#next ?? 0) | 0) > 0) continue;
      this.#waiting.delete(sequence);
      return segment;
    }
    return undefined;
  }
}
