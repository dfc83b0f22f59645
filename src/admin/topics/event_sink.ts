// Bytes that wait in the stream before it counts as full; the runtime has some MiB more in the socket.
const FULL_BYTES = 65_536;

/** Response body that events are written to: it says when its reader is behind. */
export class EventSink {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Monotonic time since which it is full; `undefined`: it is not. */
  fullSinceMs: number | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  readonly #onEnd: (sink: EventSink) => void;

  /** @param onEnd called when its reader is gone, or {@linkcode end} was called */
  constructor(onEnd: (sink: EventSink) => void) {
    this.#onEnd = onEnd;
    this.body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#pulled(),
      cancel: () => this.#ended(),
    }, new ByteLengthQueuingStrategy({ highWaterMark: FULL_BYTES }));
  }

  /** Whether nothing more should be written, as its reader is behind; {@linkcode room} waits for it. */
  get isFull(): boolean {
    return (this.#controller?.desiredSize ?? 1) <= 0;
  }

  /** Bytes that wait for the reader. */
  get waitingBytes(): number {
    return FULL_BYTES - (this.#controller?.desiredSize ?? FULL_BYTES);
  }

  /** Writes bytes, full or not: in pieces, as the runtime takes each as a whole, however slow the reader is. */
  write(bytes: Uint8Array<ArrayBuffer>): void {
    for (let offset = 0; offset < bytes.length; offset += FULL_BYTES) {
      this.#controller?.enqueue(bytes.subarray(offset, offset + FULL_BYTES));
    }
    if (this.isFull) this.fullSinceMs ??= performance.now();
  }

  /** Resolves when it is not full, or has ended. */
  room(): Promise<void> {
    if (!this.isFull) return Promise.resolve();
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** Ends it after what was written. */
  end(): void {
    this.#controller?.close();
    this.#ended();
  }

  #pulled(): void {
    this.fullSinceMs = undefined;
    this.#room?.resolve();
    this.#room = undefined;
  }

  #ended(): void {
    if (this.#controller === undefined) return;
    this.#controller = undefined;
    this.#pulled();
    this.#onEnd(this);
  }
}
