import type { ByteReader } from "../../codec/byte_reader.ts";
import { ByteWriter } from "../../codec/byte_writer.ts";
import { PacketIdentifierSet } from "../../protocol/inflight.ts";
import { readNumber, writeNumber } from "./record_fields.ts";
import { readerOf, written } from "./records.ts";

/**
 * Progress of a session's messages in both directions, small enough to be written with each commit that changes it:
 *
 * ```text
 * sequence   1 2 3 4 5 6 | 7 8 9 10        nextUnsent is 7
 *            . . 3 . 5 . |     g           3 and 5 are in flight; the others below 7 are completed;
 *                                          9 was completed without being sent; 7, 8 and 10 wait
 * ```
 */

/** A message that was sent and is not completed. */
export interface SentMessage {
  packetIdentifier: number;
  /** Whether PUBREC has arrived. */
  isReceived: boolean;
}

/** Progress, see the picture. */
export class SessionProgress {
  /** No message with this sequence or a larger one has been sent. */
  nextUnsent = 1;
  /** Sequence that no stored message exceeded when this was written. */
  lastSequence = 0;
  /** Messages in flight by sequence, in order. */
  readonly inflight = new Map<number, SentMessage>();
  /** Sequences that were completed without being sent. */
  readonly gone = new Set<number>();
  /** Packet Identifiers of messages from the client that are not released. */
  readonly accepted = new PacketIdentifierSet();

  /** Whether a message that was stored is completed. */
  isCompleted(sequence: number): boolean {
    return sequence < this.nextUnsent ? !this.inflight.has(sequence) : this.gone.has(sequence);
  }

  /**
   * Notes that a message was sent, and with it all earlier ones: a skipped message counts as sent without a Packet
   * Identifier.
   *
   * @param kept sequences of messages that are stored and not completed
   */
  send(sequence: number, packetIdentifier: number | undefined, kept: ReadonlySetLike<number>): SentMessage {
    if (sequence > this.nextUnsent) this.#passOver(sequence, kept);
    if (sequence >= this.nextUnsent) {
      this.inflight.set(sequence, { packetIdentifier: 0, isReceived: false });
      this.nextUnsent = sequence + 1;
    }
    const sent = this.inflight.get(sequence) ?? { packetIdentifier: 0, isReceived: false };
    if (packetIdentifier !== undefined) sent.packetIdentifier = packetIdentifier;
    return sent;
  }

  complete(sequence: number): void {
    if (!this.inflight.delete(sequence) && sequence >= this.nextUnsent) this.gone.add(sequence);
  }

  /** Skips to a sequence. Those between were completed, count as sent, or never existed: sequences may have gaps. */
  #passOver(sequence: number, kept: ReadonlySetLike<number>): void {
    for (const one of this.gone) if (one < sequence) this.gone.delete(one);
    for (const one of between(this.nextUnsent, sequence, kept)) {
      this.inflight.set(one, { packetIdentifier: 0, isReceived: false });
    }
  }

  /** Upper estimate of the bytes of {@linkcode SessionProgress.encode}. */
  get encodedBytes(): number {
    return 32 + this.inflight.size * 5 + this.gone.size * 3 + this.accepted.size * 2;
  }

  encode(): Uint8Array {
    const writer = new ByteWriter(this.encodedBytes);
    writeNumber(writer, this.nextUnsent);
    writeNumber(writer, this.lastSequence);
    writeNumber(writer, this.accepted.size);
    for (const packetIdentifier of this.accepted) writer.uint16(packetIdentifier);
    writeNumber(writer, this.inflight.size);
    let before = 0;
    for (const [sequence, { packetIdentifier, isReceived }] of this.inflight) {
      writeNumber(writer, (sequence - before) * 2 + (isReceived ? 1 : 0));
      writer.uint16(packetIdentifier);
      before = sequence;
    }
    const gone = [...this.gone].sort((a, b) => a - b);
    writeNumber(writer, gone.length);
    before = 0;
    for (const sequence of gone) {
      writeNumber(writer, sequence - before);
      before = sequence;
    }
    return written(writer);
  }

  static decode(bytes: Uint8Array): SessionProgress {
    const reader = readerOf(bytes);
    const progress = new SessionProgress();
    progress.nextUnsent = readNumber(reader);
    progress.lastSequence = readNumber(reader);
    for (let left = readNumber(reader); left > 0; left--) progress.accepted.add(reader.uint16("Packet Identifier"));
    readInflight(reader, progress);
    let sequence = 0;
    for (let left = readNumber(reader); left > 0; left--) progress.gone.add(sequence += readNumber(reader));
    return progress;
  }
}

function readInflight(reader: ByteReader, { inflight }: SessionProgress): void {
  let sequence = 0;
  for (let left = readNumber(reader); left > 0; left--) {
    const step = readNumber(reader);
    sequence += Math.floor(step / 2);
    inflight.set(sequence, { packetIdentifier: reader.uint16("Packet Identifier"), isReceived: step % 2 === 1 });
  }
}

/** Members of a set from `start` to below `end`, in order, found in the shorter of two ways. */
function between(start: number, end: number, set: ReadonlySetLike<number>): number[] {
  const members: number[] = [];
  if (end - start < set.size) {
    for (let one = start; one < end; one++) if (set.has(one)) members.push(one);
    return members;
  }
  const keys = set.keys();
  for (let next = keys.next(); !next.done; next = keys.next()) {
    if (next.value >= start && next.value < end) members.push(next.value);
  }
  return members.sort((a, b) => a - b);
}
