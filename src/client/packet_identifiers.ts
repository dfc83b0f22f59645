import { quotaExceeded } from "./refused_error.ts";

const LARGEST = 65_535;

/** Packet Identifiers that this client assigns, to messages and subscriptions alike (MQTT 5, section 2.2.1). */
export class PacketIdentifiers {
  readonly #used = new Set<number>();
  #last = 0;

  /** Takes an identifier that is not in use. [MQTT-2.2.1-4] Throws MqttError if all are. */
  take(): number {
    if (this.#used.size >= LARGEST) throw quotaExceeded(`Cannot send: ${LARGEST} packets are not acknowledged`);
    do {
      this.#last = this.#last === LARGEST ? 1 : this.#last + 1;
    } while (this.#used.has(this.#last));
    this.#used.add(this.#last);
    return this.#last;
  }

  free(packetIdentifier: number): void {
    this.#used.delete(packetIdentifier);
  }
}
