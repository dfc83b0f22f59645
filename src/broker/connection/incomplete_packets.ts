import type { Limits } from "../../protocol/limits.ts";
import type { Deadline, Deadlines } from "../deadlines.ts";

/** Bytes of an incomplete packet that are not counted: packets of most clients are whole sooner. */
export const UNCOUNTED_BYTES = 65_536;
// A connection that resumes may add so much before it is asked again.
const RESUMED_BYTES = 262_144;

/**
 * Bounds the memory of large packets that are not whole yet, of all connections together. Beyond the bound:
 *
 * ```text
 * the oldest of them              is read on, so that one becomes whole at any time
 * any other                       is not read until there is room, for twice writeTimeoutMs at most
 * read on, but not whole in time  its connection ends after writeTimeoutMs, as it keeps the room that others wait for
 * ```
 */
export class IncompletePackets {
  /** Memory that they take. */
  bytes = 0;
  readonly #limits: Limits;
  readonly #deadlines: Deadlines;
  /** Packets that are counted, the oldest first. */
  readonly #all = new Set<IncompletePacket>();
  /** Packets that wait, in the order in which they came. */
  readonly #waiting = new Set<IncompletePacket>();
  #judgement: Deadline | undefined;
  #crowdedSinceMs = 0;

  constructor(limits: Limits, deadlines: Deadlines) {
    this.#limits = limits;
    this.#deadlines = deadlines;
  }

  /** @param tooSlow ends the connection */
  begin(tooSlow: () => void): IncompletePacket {
    return new IncompletePacket(this, tooSlow);
  }

  /**
   * Counts a packet of which so many bytes have come; 0: it is whole, or will never be. Gives a promise where no more is to
   * be read until it resolves, which {@linkcode IncompletePacket.tooSlow} may follow.
   */
  count(packet: IncompletePacket, bytes: number, maximumPacketBytes: number, nowMs: number): Promise<void> | undefined {
    // Its buffer doubles as it grows.
    const counted = bytes > UNCOUNTED_BYTES ? Math.min(bytes * 2, Math.max(bytes, maximumPacketBytes)) : 0;
    const grown = counted - packet.bytes;
    packet.bytes = counted;
    this.bytes += grown;
    if (bytes < packet.arrivedBytes) this.#all.delete(packet); // That one is whole, and another one has begun.
    packet.arrivedBytes = bytes;
    if (counted === 0) {
      this.#all.delete(packet);
      this.#waiting.delete(packet);
      packet.resume();
    } else if (!this.#all.has(packet)) {
      packet.sinceMs = nowMs;
      this.#all.add(packet);
    }
    if (grown <= 0) this.#resume();
    if (counted === 0 || this.bytes <= this.#limits.maximumIncompletePacketBytes || packet === this.#oldest) {
      return undefined;
    }
    return this.#wait(packet, nowMs);
  }

  get #oldest(): IncompletePacket | undefined {
    return this.#all.values().next().value;
  }

  #wait(packet: IncompletePacket, nowMs: number): Promise<void> {
    const timeoutMs = this.#limits.writeTimeoutMs;
    if (this.#judgement === undefined) {
      this.#crowdedSinceMs = nowMs;
      this.#judgement = this.#deadlines.add(nowMs + timeoutMs, (laterMs) => this.#judge(laterMs));
    }
    this.#waiting.add(packet);
    return new Promise((resolve) => {
      const deadline = this.#deadlines.add(nowMs + 2 * timeoutMs, () => packet.tooSlow());
      packet.resume = () => {
        packet.resume = () => {};
        this.#deadlines.cancel(deadline);
        resolve();
      };
    });
  }

  /** Lets those go on for which there is room, and the oldest in any case. */
  #resume(): void {
    let bytes = this.bytes;
    const oldest = this.#oldest;
    for (const packet of this.#waiting) {
      bytes += RESUMED_BYTES;
      if (bytes > this.#limits.maximumIncompletePacketBytes) break;
      this.#waiting.delete(packet);
      packet.resume();
    }
    if (oldest !== undefined && this.#waiting.delete(oldest)) oldest.resume();
    if (this.#waiting.size > 0) return;
    this.#deadlines.cancel(this.#judgement);
    this.#judgement = undefined;
  }

  /** Ends connections that were read all the time that others waited, and whose packet is not whole. */
  #judge(nowMs: number): void {
    this.#judgement = undefined;
    const slow = [...this.#all].filter((one) => one.sinceMs <= this.#crowdedSinceMs && !this.#waiting.has(one));
    for (const packet of slow) packet.tooSlow();
    if (this.#waiting.size === 0) return;
    this.#crowdedSinceMs = nowMs;
    this.#judgement ??= this.#deadlines.add(nowMs + this.#limits.writeTimeoutMs, (laterMs) => this.#judge(laterMs));
  }
}

/** Packet of one connection that is not whole: the same object for all of them, one after the other. */
export class IncompletePacket {
  /** Memory that is counted for it. */
  bytes = 0;
  arrivedBytes = 0;
  /** Time when it began to be counted. */
  sinceMs = 0;
  /** Ends its wait. */
  resume: () => void = () => {};
  readonly #packets: IncompletePackets;

  constructor(packets: IncompletePackets, readonly tooSlow: () => void) {
    this.#packets = packets;
  }

  count(bytes: number, maximumPacketBytes: number, nowMs: number): Promise<void> | undefined {
    return this.#packets.count(this, bytes, maximumPacketBytes, nowMs);
  }
}
