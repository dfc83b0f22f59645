import type { Packet, PublishPacket } from "../../src/codec/mod.ts";
import type { History, Published } from "./history.ts";

interface Sent {
  readonly packet: PublishPacket;
  readonly published: Published;
  /** Whether PUBREC came. */
  isReceived: boolean;
}

/** Acknowledgements that a publisher gets. */
export type Acknowledgement = Extract<Packet, { readonly type: "puback" | "pubrec" | "pubcomp" }>;

/** Session State of a client, on its own side (MQTT 5, section 4.1): what survives its connection, and its broker. */
export class ClientState {
  readonly #history: History;
  /** QoS 1 and 2 messages of its own that are not through, in the order in which they were sent. */
  readonly #unacknowledged = new Map<number, Sent>();
  /** Packet Identifiers of QoS 2 messages that it has and that are not released. */
  readonly #taken = new Set<number>();
  #lastIdentifier = 0;

  constructor(history: History) {
    this.#history = history;
  }

  get unacknowledged(): number {
    return this.#unacknowledged.size;
  }

  clear(): void {
    this.#unacknowledged.clear();
    this.#taken.clear();
  }

  /** A Packet Identifier that is not in use. */
  newIdentifier(isInUse: (packetIdentifier: number) => boolean): number {
    do this.#lastIdentifier = this.#lastIdentifier % 65_535 + 1; while (
      this.#unacknowledged.has(this.#lastIdentifier) || isInUse(this.#lastIdentifier)
    );
    return this.#lastIdentifier;
  }

  sent(packet: PublishPacket, published: Published): void {
    this.#unacknowledged.set(packet.packetIdentifier, { packet, published, isReceived: false });
  }

  /** What it says first on a new connection (MQTT 5, section 4.4). */
  *repeated(): Iterable<Packet> {
    for (const [packetIdentifier, { packet, isReceived }] of this.#unacknowledged) {
      if (isReceived) yield { type: "pubrel", packetIdentifier, reasonCode: 0, properties: {} };
      else yield { ...packet, dup: true };
    }
  }

  /** Gives what it has to answer. */
  acknowledged({ type, packetIdentifier, reasonCode }: Acknowledgement): Packet | undefined {
    const sent = this.#unacknowledged.get(packetIdentifier);
    if (sent === undefined) throw new Error(`${type} came for the identifier ${packetIdentifier}, which is free`);
    if (type !== "pubcomp" && reasonCode < 0x80 && sent.published.acknowledgedAt === Infinity) {
      sent.published.acknowledgedAt = this.#history.next();
    }
    if (type !== "pubrec" || reasonCode >= 0x80) {
      this.#unacknowledged.delete(packetIdentifier);
      return undefined;
    }
    sent.isReceived = true;
    return { type: "pubrel", packetIdentifier, reasonCode: 0, properties: {} };
  }

  /** Whether a message is a new one. */
  isNew({ qos, packetIdentifier }: PublishPacket): boolean {
    if (qos < 2) return true;
    const isNew = !this.#taken.has(packetIdentifier);
    this.#taken.add(packetIdentifier);
    return isNew;
  }

  /** PUBREL came. */
  released(packetIdentifier: number): void {
    this.#taken.delete(packetIdentifier);
  }
}
