import type { ConnackPacket, ProtocolVersion } from "../codec/packet.ts";
import { Queue } from "../protocol/queue.ts";

/** What a client is doing. */
export type ClientStatus =
  | {
    readonly kind: "connected";
    readonly protocolVersion: ProtocolVersion;
    readonly clientId: string;
    /** Session Present and all that the server said of itself. */
    readonly connack: ConnackPacket;
  }
  | {
    readonly kind: "reconnecting";
    /** Counts from 1, again after each connection. */
    readonly attempt: number;
    /** Until the attempt. */
    readonly delayMs: number;
    /** Why the connection, or the last attempt, failed. */
    readonly error: Error;
  }
  | {
    readonly kind: "closed";
    /** `undefined` when {@linkcode Client.close} did it. */
    readonly error: Error | undefined;
  };

const MOST_UNREAD = 100;

/** The status of a client, and those who watch it. */
export class StatusChanges {
  #current: ClientStatus;
  readonly #watchers = new Set<StatusWatcher>();

  constructor(first: ClientStatus) {
    this.#current = first;
  }

  get current(): ClientStatus {
    return this.#current;
  }

  set(status: ClientStatus): void {
    this.#current = status;
    for (const watcher of this.#watchers) watcher.tell(status);
    if (status.kind === "closed") this.#watchers.clear();
  }

  /** The current status and all that follow, up to `closed`; of too many that nobody reads the oldest are left out. */
  watch(): ReadableStream<ClientStatus> {
    const watcher = new StatusWatcher(() => this.#watchers.delete(watcher));
    if (this.#current.kind !== "closed") this.#watchers.add(watcher);
    const stream = new ReadableStream(watcher, { highWaterMark: 0 });
    watcher.tell(this.#current);
    return stream;
  }
}

class StatusWatcher implements UnderlyingDefaultSource<ClientStatus> {
  readonly #unread = new Queue<ClientStatus>();
  readonly #onCancel: () => void;
  #wanting: ReadableStreamDefaultController<ClientStatus> | undefined;

  constructor(onCancel: () => void) {
    this.#onCancel = onCancel;
  }

  tell(status: ClientStatus): void {
    this.#unread.push(status);
    if (this.#unread.length > MOST_UNREAD) this.#unread.shift();
    if (this.#wanting !== undefined) this.pull(this.#wanting);
  }

  pull(controller: ReadableStreamDefaultController<ClientStatus>): void {
    const status = this.#unread.shift();
    this.#wanting = status === undefined ? controller : undefined;
    if (status === undefined) return;
    controller.enqueue(status);
    if (status.kind === "closed") controller.close();
  }

  cancel(): void {
    this.#onCancel();
  }
}
