import { MqttError } from "./mqtt_error.ts";
import { ReasonCode } from "./reason_code.ts";
import { isTopicName } from "./topic_name.ts";
import { decodeUtf8, utf8Length, writeUtf8 } from "./utf8.ts";

const LONGEST_INTERNED_BYTES = 256;
/** Limit of characters in all slots together up to which the slots are doubled. */
const MOST_CHARACTERS_TO_GROW = 4_194_304;
/** Returns of forgotten topics, as a part of the slots, that show that there are too few slots. */
const RETURNS_BEFORE_GROWTH = 1 / 4;
/** Misses of a full memory before it starts afresh, as a multiple of the slots: a few too many do not empty it. */
const MISSES_BEFORE_CLEAR = 4;

interface Entry {
  readonly hash: number;
  readonly topic: string;
  /**
   * Bytes; `undefined` if each character is one byte: then the text itself is compared, because a copy would cost more.
   */
  readonly bytes: Uint8Array | undefined;
}

/**
 * Gives the same string for the same bytes of a Topic Name, and the same bytes for the same string, checked once. It
 * remembers at most `slots` topics of up to 256 bytes in each direction; any other is decoded or encoded anew. Decoded
 * topics get more slots, up to `mostSlots`, when forgotten topics return: a flood of topics that are all new takes no
 * memory. Many decoders and encoders may share one.
 */
export class TopicInterner {
  readonly #size: number;
  #mostSlots: number;
  /** Slots, made by the first decoded topic: an encoder does not need them. */
  #slots: (Entry | undefined)[] | undefined;
  /** Hashes of forgotten topics, as long as the slots can grow. */
  #forgotten: Int32Array | undefined;
  #returns = 0;
  #last: Entry | undefined;
  /** Bytes of a topic that came twice in a row, and will mostly come again: compared before the hash. */
  #repeated: Uint8Array | undefined;
  /** Length of these bytes; -1: the last two topics were different. */
  #repeatedLength = -1;
  readonly #encoded = new Map<string, Uint8Array>();
  #misses = 0;

  /**
   * Remembers no topic yet.
   *
   * @param slots number of topics that it can remember; a power of two, and so is `mostSlots`
   * @throws RangeError for a number that is not
   */
  constructor(slots = 4096, mostSlots = slots) {
    for (const count of [slots, mostSlots]) {
      if (!(Number.isInteger(count) && count >= slots && count >= 1 && (count & count - 1) === 0)) {
        throw new RangeError(`Cannot make a TopicInterner: "${count}" slots is not a power of two from "${slots}" on`);
      }
    }
    this.#size = slots;
    this.#mostSlots = mostSlots;
  }

  /** Topic Name in `bytes[start..end)`, empty for none; throws {@linkcode MqttError} if it is invalid. */
  topic(bytes: Uint8Array, start: number, end: number): string {
    const last = this.#last;
    const repeated = this.#repeated;
    if (
      last !== undefined && repeated !== undefined && isSameBytes(repeated, this.#repeatedLength, bytes, start, end)
    ) {
      return last.topic;
    }
    if (end - start > LONGEST_INTERNED_BYTES) return decodeTopicName(bytes, start, end);
    const hash = hashOf(bytes, start, end);
    const slots = this.#slots ??= new Array<Entry | undefined>(this.#size).fill(undefined);
    const slot = slotOf(hash, slots.length);
    let entry = slots[slot];
    if (entry === undefined || entry.hash !== hash || !isSame(entry, bytes, start, end)) {
      entry = slots[secondSlot(slot, slots.length)];
      if (entry === undefined || entry.hash !== hash || !isSame(entry, bytes, start, end)) {
        entry = entryOf(hash, bytes, start, end);
        const lost = put(slots, entry);
        if (slots.length < this.#mostSlots) this.#countReturn(hash, lost);
      }
    }
    if (entry === last) {
      this.#repeat(bytes, start, end);
    } else {
      this.#repeatedLength = -1;
      this.#last = entry;
    }
    return entry.topic;
  }

  /** Counts the return of a forgotten topic. @param lost entry that was forgotten for the topic with this hash */
  #countReturn(hash: number, lost: Entry | undefined): void {
    const forgotten = this.#forgotten;
    if (forgotten !== undefined && forgotten[hash & this.#mostSlots - 1] === hash) this.#returns += 1;
    if (lost !== undefined) {
      this.#forgotten ??= new Int32Array(this.#mostSlots);
      this.#forgotten[lost.hash & this.#mostSlots - 1] = lost.hash;
    }
    const slots = this.#slots ?? [];
    if (this.#returns > slots.length * RETURNS_BEFORE_GROWTH) this.#grow(slots);
  }

  #grow(slots: readonly (Entry | undefined)[]): void {
    const entries = slots.filter((entry) => entry !== undefined);
    const characters = entries.reduce((sum, { topic }) => sum + topic.length, 0);
    if (characters > MOST_CHARACTERS_TO_GROW) {
      this.#mostSlots = slots.length;
    } else {
      const more = new Array<Entry | undefined>(slots.length * 2).fill(undefined);
      for (const entry of entries) put(more, entry);
      this.#slots = more;
    }
    this.#returns = 0;
    if (this.#slots?.length === this.#mostSlots) this.#forgotten = undefined;
  }

  #repeat(bytes: Uint8Array, start: number, end: number): void {
    this.#repeated ??= new Uint8Array(LONGEST_INTERNED_BYTES);
    for (let index = start; index < end; index++) this.#repeated[index - start] = bytes[index] as number; // Below end.
    this.#repeatedLength = end - start;
  }

  /**
   * Encodes a Topic Name as a UTF-8 Encoded String, including its length; `undefined` if it is not remembered, whether
   * it is valid or not. The bytes must not be written to.
   */
  encoded(topic: string): Uint8Array | undefined {
    return this.#encoded.get(topic) ?? this.#remember(topic);
  }

  #remember(topic: string): Uint8Array | undefined {
    if (topic.length > LONGEST_INTERNED_BYTES || !isTopicName(topic)) return undefined;
    if (this.#encoded.size >= this.#size) {
      if (++this.#misses < this.#size * MISSES_BEFORE_CLEAR) return undefined;
      this.#misses = 0;
      this.#encoded.clear();
    }
    const length = utf8Length(topic);
    const bytes = new Uint8Array(2 + length);
    bytes[0] = length >> 8;
    bytes[1] = length;
    writeUtf8(topic, length, bytes, 2);
    this.#encoded.set(topic, bytes);
    return bytes;
  }
}

/** Hash of bytes; start and end are within the bytes: the caller has checked the length of the field. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  for (let index = start; index < end; index++) {
    hash = (hash << 5) - hash + (bytes[index] as number) | 0;
  }
  return hash;
}

function slotOf(hash: number, size: number): number {
  return (hash ^ hash >>> 13) & size - 1;
}

/** Second slot of a topic, so that two topics of the same slot do not displace each other. */
function secondSlot(slot: number, size: number): number {
  return (slot ^ 1) & size - 1;
}

/** Puts a topic into its slot, and the previous one into its second slot; gives the entry displaced from there. */
function put(slots: (Entry | undefined)[], entry: Entry): Entry | undefined {
  const slot = slotOf(entry.hash, slots.length);
  const moved = slots[slot];
  slots[slot] = entry;
  const second = secondSlot(slot, slots.length);
  if (moved === undefined || second === slot) return moved;
  const lost = slots[second];
  slots[second] = moved;
  return lost;
}

function entryOf(hash: number, bytes: Uint8Array, start: number, end: number): Entry {
  const topic = decodeTopicName(bytes, start, end);
  // Kept beyond the batch: slice copies.
  return { hash, topic, bytes: topic.length === end - start ? undefined : bytes.slice(start, end) };
}

function isSame({ topic, bytes: known }: Entry, bytes: Uint8Array, start: number, end: number): boolean {
  if (known !== undefined) return isSameBytes(known, known.length, bytes, start, end);
  const { length } = topic;
  if (length !== end - start) return false;
  for (let index = 0; index < length; index++) {
    if (topic.charCodeAt(index) !== bytes[start + index]) return false;
  }
  return true;
}

function isSameBytes(known: Uint8Array, length: number, bytes: Uint8Array, start: number, end: number): boolean {
  if (length !== end - start) return false;
  for (let index = 0; index < length; index++) {
    if (known[index] !== bytes[start + index]) return false;
  }
  return true;
}

function decodeTopicName(
  bytes: Uint8Array,
  start: number,
  end: number,
): string {
  const topic = decodeUtf8(bytes, start, end);
  if (topic.includes("+") || topic.includes("#")) {
    throw new MqttError(
      "A Topic Name has a wildcard character",
      ReasonCode.TopicNameInvalid,
      "MQTT-3.3.2-2",
    );
  }
  return topic;
}
