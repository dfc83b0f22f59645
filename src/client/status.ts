import type { ConnackPacket, ProtocolVersion } from "../codec/packet.ts";
import { Queue } from "../protocol/queue.ts";

/** Status of a client. */
export type ClientStatus =
  | {
    readonly kind: "connected";
    readonly protocolVersion: ProtocolVersion;
    readonly clientId: string;
    /** CONNACK, with Session Present and the properties of the server. */
    readonly connack: ConnackPacket;
  }
  | {
    readonly kind: "reconnecting";
    /** Number of the attempt from 1, counted anew after each connection. */
    readonly attempt: number;
    /** Delay until the attempt. */
    readonly delayMs: number;
    /** Reason why the connection, or the last attempt, failed. */
    readonly error: Error;
  }
  | {
    readonly kind: "closed";
    /** Error that closed it; `undefined` after {@linkcode Client.close}. */
    readonly error: Error | undefined;
  };

const MOST_UNREAD = 100;

/** Status of a client, and its watchers. */
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

  /**
   * Stream of the current status and all that follow, up to `closed`; if too many are unread, the oldest are left out.
   */
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
