import type { Connection } from "../../protocol/connection.ts";
import type { Transport } from "../../transport/transport.ts";

/** A Network Connection that is served, as the other parts of the broker see it: they know nothing of its bytes. */
export interface ConnectionHandle {
  readonly connection: Connection;
  readonly transport: Transport;
  /** Whether it has a place among `maximumConnections`. */
  isAdmitted: boolean;
  /** Whether its client was let in, and it has not ended. */
  isWelcome: boolean;
  /** Time when it began, in epoch milliseconds. */
  readonly connectedAtMs: number;
  /** Bytes and packets of MQTT since then. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  receivedPackets: number;
  readonly sentPackets: number;
  /** Watches Keep Alive from now on. */
  watchKeepAlive(): void;
  /** Has it written when the turn ends, see {@linkcode flush}. */
  wake(): void;
  /** Writes what may leave. */
  flush(): void;
  /** Ends it because what it waits for cannot be kept: what waits is never sent. */
  refuseHeld(): void;
  /** Closes the transport at once. */
  close(): void;
}

interface Place<Served> {
  readonly served: Served;
  /** Index in the list. */
  index: number;
  readonly ended: Promise<void>;
}

/**
 * List of the connections that are served, in no order. Not a Map: many that come and go have it make its table anew again
 * and again, and whatever a former table held stays alive until all of the heap is collected. (Deno 2.9, 2026-11)
 */
export class Connections<Served> {
  readonly #places: Place<Served>[] = [];

  get size(): number {
    return this.#places.length;
  }

  /** Holds one until `running` resolves, which must not reject; gives a promise for that. */
  add(served: Served, running: Promise<void>): Promise<void> {
    const place: Place<Served> = { served, index: this.size, ended: running.then(() => this.#remove(place)) };
    this.#places.push(place);
    return place.ended;
  }

  /** Resolves when all that are there now have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#places.map(({ ended }) => ended));
  }

  /** Connections that are there now. */
  [Symbol.iterator](): Iterator<Served> {
    return this.#places.map(({ served }) => served).values();
  }

  /** Puts the last one in its place. */
  #remove(place: Place<Served>): void {
    const last = this.#places.pop();
    if (last === undefined || last === place) return;
    this.#places[place.index] = last;
    last.index = place.index;
  }
}
