import type { Malformed, PacketBatch, PacketDecoder } from "../../codec/decoder.ts";
import type { Packet } from "../../codec/packet.ts";
import { PacketDecoderStream } from "../../codec/packet_decoder_stream.ts";
import { ReasonCode } from "../../codec/reason_code.ts";
import type { Answer, Ask, ReviewedMessage } from "../../protocol/connection_host.ts";
import type { Connection } from "../../protocol/connection.ts";
import type { Transport } from "../../transport/transport.ts";
import type { TurnBudget } from "../turn.ts";
import type { ConnectionHandle } from "./connections.ts";
import type { BrokerHost } from "./host.ts";
import { type IncompletePacket, UNCOUNTED_BYTES } from "./incomplete_packets.ts";
import { type ConnectionTimers, Due, IncomingRate } from "./timers.ts";

const QUESTIONS_A_LOOK = 16;
const LONG_QUESTIONS_MS = 0.2;

const TURN: Answer = { kind: "turn" };
const NO_WAIT: Answer = { kind: "subscriber", isOver: true };

/**
 * Reads one Network Connection, no faster than what comes can be taken, and has the questions of its packets answered: the
 * only place that waits for its bytes.
 */
export class ConnectionReader {
  readonly #served: ConnectionHandle;
  readonly #connection: Connection;
  readonly #decoder: PacketDecoderStream;
  readonly #batches: ReadableStreamDefaultReader<PacketBatch>;
  readonly #timers: ConnectionTimers;
  readonly #host: BrokerHost;
  /** Whether it waits for bytes of the client. */
  #isReading = true;
  #lastReceivedMs: number;
  #isClosed = false;
  /** Questions to the authorizer for packets that came together. */
  #questions = 0;
  /** Time since a packet with many Topic Filters, or several packets with questions, are worked on. */
  #workSinceMs = 0;
  /** Resumes when a pause is over. */
  #whenPaused: (() => void) | undefined;
  /** Its packet that is not whole, once there was a large one. */
  #incomplete: IncompletePacket | undefined;
  /** Ends the wait for a hook. */
  #stopWaiting: (() => void) | undefined;
  /** Resumes when the outbox has room again. */
  #whenWritten: (() => void) | undefined;
  /** Resumes when the transport is closed. */
  #whenClosed: (() => void) | undefined;

  /** @param timers of the connection: {@linkcode pauseIsOver} is called when `Due.Pause` is due */
  constructor(served: ConnectionHandle, { readable }: Transport, timers: ConnectionTimers, host: BrokerHost) {
    this.#served = served;
    this.#connection = served.connection;
    this.#timers = timers;
    this.#host = host;
    const { topics, limits: { maximumPacketBytes, maximumConnectBytes } } = host;
    const decodeLarge = this.#decodeLarge.bind(this);
    this.#decoder = new PacketDecoderStream({ maximumPacketBytes, maximumConnectBytes, topics, decodeLarge });
    this.#batches = readable.pipeThrough(this.#decoder).getReader(); // Fused, where the transport is one of ours.
    this.#lastReceivedMs = host.turn.now();
  }

  /** Reads until the peer closes. After the end of the connection, what still comes is not looked at. */
  async run(): Promise<void> {
    const connection = this.#connection;
    const { log, traffic, turn } = this.#host;
    const { fanOutBudget } = turn;
    const decoder = this.#decoder;
    const rate = IncomingRate.of(this.#host.limits);
    let countedBytes = 0;
    for (;;) {
      this.#isReading = true;
      const { value: batch } = await this.#batches.read();
      const bytes = decoder.receivedBytes - countedBytes;
      countedBytes += bytes;
      traffic.receivedBytes += bytes;
      if (batch === undefined) return;
      if (connection.closing !== undefined) continue;
      this.#isReading = false;
      this.#lastReceivedMs = this.#host.turn.now();
      if (rate !== undefined && rate.take(0, bytes, this.#lastReceivedMs) > 0) await this.#slowDown(rate);
      const { writtenSequence } = log;
      traffic.receivedPackets += batch.length;
      this.#served.receivedPackets += batch.length;
      this.#questions = 0;
      let writersBefore = turn.writers;
      for (const item of batch) {
        if (rate !== undefined && item.type === "publish") {
          if (rate.take(1, 0, this.#lastReceivedMs) > 0) await this.#slowDown(rate);
        }
        const { spendings } = fanOutBudget;
        const waiting = this.#receive(item);
        if (waiting !== undefined) {
          await this.#orOver(waiting);
          this.#lastReceivedMs = this.#host.turn.now(); // Packets after it are taken only now.
        }
        if (fanOutBudget.isSpent && fanOutBudget.spendings > spendings) {
          // Others have their turn within a batch to many, who are written to when all of it has come for them.
          const held = turn.holdWrites(writersBefore);
          await this.#untilRenewed(fanOutBudget);
          writersBefore = turn.resumeWrites(held);
          this.#lastReceivedMs = this.#host.turn.now();
        }
        if (connection.closing !== undefined) break;
      }
      if (this.#hasClientLeft) return this.#untilClosed();
      // A client that makes changes faster than they are kept waits for that; others do not.
      while (log.writtenSequence > writtenSequence && !log.hasRoom) {
        if (connection.closing !== undefined) break;
        await this.#orOver(this.#waitForRoom());
      }
      // A client that publishes to many is read again when they were written to.
      const fanOutWritten = turn.fanOutWritten();
      if (fanOutWritten !== undefined) await this.#orOver(fanOutWritten);
      // A client that does not read is not read from.
      if (connection.outbox.bytes > this.#host.limits.maximumOutboxBytes && connection.closing === undefined) {
        await new Promise<void>((resolve) => this.#whenWritten = resolve);
      }
      if (decoder.partialBytes > UNCOUNTED_BYTES || this.#incomplete !== undefined) {
        const waiting = this.#countIncomplete(decoder.partialBytes);
        if (waiting !== undefined) await this.#orOver(waiting);
      }
    }
  }

  /** Counts the packet that is not whole; gives what to wait for before more of it is read. */
  #countIncomplete(bytes: number): Promise<void> | undefined {
    const connection = this.#connection;
    if (connection.closing !== undefined) return undefined;
    const { limits: { maximumPacketBytes, maximumConnectBytes }, turn } = this.#host;
    if (!connection.isConnected) { // Such as AUTH of a client that is not authenticated yet.
      if (bytes <= maximumConnectBytes) return undefined;
      connection.disconnect(
        ReasonCode.PacketTooLarge,
        `A packet before CONNACK has more than ${maximumConnectBytes} bytes`,
      );
      return undefined;
    }
    this.#incomplete ??= this.#host.incompletePackets.begin(() =>
      connection.disconnect(ReasonCode.QuotaExceeded, "its packet comes too slowly while others wait for room")
    );
    const waiting = this.#incomplete.count(bytes, maximumPacketBytes, turn.now());
    if (bytes === 0) this.#incomplete = undefined; // An idle connection should hold little.
    return waiting;
  }

  /** Decodes a chunk that may take milliseconds, when the turn has time left for it. */
  #decodeLarge(decoder: PacketDecoder, chunk: Uint8Array): PacketBatch | Promise<PacketBatch> {
    if (this.#connection.closing !== undefined) return [];
    const { budget } = this.#host.turn;
    if (budget.isSpent) {
      this.#isReading = false;
      return this.#untilRenewed(budget).then(() => this.#decodeLarge(decoder, chunk));
    }
    const startMs = performance.now();
    const batch = decoder.decode(chunk);
    budget.spend(performance.now() - startMs);
    return batch;
  }

  /** Time when the client was heard last: while the broker itself does not read, it cannot be called silent. */
  heardMs(nowMs: number): number {
    return this.#isReading ? this.#lastReceivedMs : nowMs;
  }

  /** Has a function called with each chunk of bytes, before it is decoded; `undefined`: none. */
  set onBytes(onBytes: ((bytes: Uint8Array) => void) | undefined) {
    this.#decoder.onBytes = onBytes;
  }

  /** Bytes of the packet that is not whole yet: a view, which the next chunk changes. */
  get partial(): Uint8Array {
    return this.#decoder.partial;
  }

  /** Bytes that have come so far. */
  get receivedBytes(): number {
    return this.#decoder.receivedBytes;
  }

  pauseIsOver(): void {
    this.#whenPaused?.();
  }

  /** Resumes reading: the outbox has room again. */
  written(): void {
    const resume = this.#whenWritten;
    this.#whenWritten = undefined;
    resume?.();
  }

  /** Ends all waits: the connection is over. */
  over(): void {
    this.written();
    this.#incomplete?.count(0, 0, 0);
    this.#incomplete = undefined;
    this.#stopWaiting?.();
  }

  /** Ends the wait for the transport, which is closed. */
  closed(): void {
    this.#isClosed = true;
    this.#whenClosed?.();
  }

  async #waitForRoom(): Promise<void> {
    if (await this.#host.storageWait.kept(this.#host.turn.now())) return;
    this.#connection.disconnect(ReasonCode.QuotaExceeded, "the server cannot store what the client sends");
  }

  /** Waits for a budget: a packet with thousands of properties takes milliseconds, and so do questions of many clients. */
  async #untilRenewed(budget: TurnBudget): Promise<void> {
    while (budget.isSpent) await budget.renewed();
    this.#lastReceivedMs = this.#host.turn.now();
    this.#workSinceMs = performance.now(); // Waiting is no work.
  }

  get #hasClientLeft(): boolean {
    return this.#connection.closing?.by === "client";
  }

  /** Waits where bytes came too fast; ends the connection of a client that has been too fast for too long. */
  async #slowDown(rate: IncomingRate): Promise<void> {
    for (;;) {
      const nowMs = this.#lastReceivedMs = this.#host.turn.now();
      const waitMs = rate.waitMs(nowMs);
      if (waitMs === 0 || this.#connection.closing !== undefined) return;
      const patienceMs = rate.patienceMs(nowMs);
      if (patienceMs === 0) {
        this.#connection.disconnect(ReasonCode.QuotaExceeded, "the client sends more than it may in a second");
        return;
      }
      const passed = new Promise<void>((resolve) => this.#whenPaused = resolve);
      this.#timers.set(Due.Pause, nowMs + Math.min(waitMs, patienceMs));
      await this.#orOver(passed);
    }
  }

  /**
   * Reads nothing more after DISCONNECT: a read that is under way when the connection is closed fails, which takes as long as
   * all the rest of closing it.
   */
  #untilClosed(): Promise<void> | undefined {
    return this.#isClosed ? undefined : new Promise((resolve) => this.#whenClosed = resolve);
  }

  /** Takes one packet; without a promise where there is nothing to wait for. */
  #receive(item: Packet | Malformed): Promise<void> | undefined {
    try {
      if (item.type === "malformed") {
        this.#connection.failMalformed(item);
        return undefined;
      }
      if (item.type === "connect") this.#host.traffic.connections += 1;
      if (item.type === "subscribe" || item.type === "unsubscribe") this.#workSinceMs = performance.now();
      const ask = this.#connection.receive(item, this.#lastReceivedMs);
      if (ask === undefined) return undefined;
      const answer = this.#answer(ask, this.#lastReceivedMs);
      const isOfHook = ask.kind === "authorize" || ask.kind === "review";
      if (answer !== undefined) return this.#answerLater(answer, isOfHook || ask.kind === "turn");
      if (isOfHook) return this.#afterQuestion();
    } catch (error) {
      this.#fail(error);
    }
    return undefined;
  }

  /** Answers questions of the connection; gives the answer that has to be waited for. */
  #answer(first: Ask, nowMs: number): Promise<Answer> | undefined {
    for (let ask: Ask | undefined = first; ask !== undefined;) {
      if (ask.kind === "turn") this.#spendWork();
      const answer = this.#resolve(ask);
      if (answer instanceof Promise) return answer;
      ask = this.#connection.answer(answer, nowMs);
    }
    return undefined;
  }

  /** Resolves a question of the connection; it never rejects. */
  #resolve(ask: Ask): Answer | Promise<Answer> {
    const host = this.#host;
    switch (ask.kind) {
      case "authorize":
        return host.hooks.authorize(ask.request, this.#served.transport.peer);
      case "review": {
        const reviewed = host.hooks.review(ask.message, ask.identity);
        return reviewed instanceof Promise ? reviewed.then(reviewAnswer) : reviewAnswer(reviewed);
      }
      case "storage":
        return host.storageWait.keeping(host.turn.now());
      case "subscriber": // Waiting for a transport that reads ahead would only get it closed.
        return this.#served.transport.readsAhead ? NO_WAIT : host.backlogWait.until(ask.subscriber, host.turn.now());
      case "turn":
        return host.turn.budget.isSpent ? this.#untilRenewed(host.turn.budget).then(() => TURN) : TURN;
      default:
        return host.admission.resolve(ask, this.#served);
    }
  }

  /** Gives others their turn now and then: a chunk has thousands of PUBLISH, and an authorizer may take long for each. */
  #afterQuestion(): Promise<void> | undefined {
    this.#questions += 1;
    if (this.#questions === 2) this.#workSinceMs = performance.now(); // Mostly there is one: asking the clock costs, too.
    if (this.#questions % QUESTIONS_A_LOOK !== 0) return undefined;
    const { budget } = this.#host.turn;
    const nowMs = performance.now();
    const ms = nowMs - this.#workSinceMs;
    this.#workSinceMs = nowMs;
    if (ms < LONG_QUESTIONS_MS) return undefined; // As fast as without questions: pauses would only make it slower.
    budget.spend(ms);
    return budget.isSpent ? this.#untilRenewed(budget) : undefined;
  }

  /**
   * Answers when the first answer is there. `isCounted`: packets of which thousands may come. An authorizer that answers with a
   * promise may have worked long before, and need not have waited.
   */
  async #answerLater(first: Promise<Answer>, isCounted: boolean): Promise<void> {
    try {
      if (isCounted && this.#questions > 0) this.#spendWork();
      if (isCounted) this.#questions += 1;
      for (let later: Promise<Answer> | undefined = first; later !== undefined;) {
        const answer: Answer = await later;
        this.#workSinceMs = performance.now(); // Waiting is no work.
        const nowMs = this.#host.turn.now();
        const ask = this.#connection.answer(answer, nowMs);
        later = ask === undefined ? undefined : this.#answer(ask, nowMs);
        if (isCounted) this.#spendWork();
      }
      const { budget } = this.#host.turn;
      if (isCounted && budget.isSpent) await this.#untilRenewed(budget);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Spends the time that a packet with many Topic Filters took since it was looked at last. */
  #spendWork(): void {
    const nowMs = performance.now();
    this.#host.turn.budget.spend(nowMs - this.#workSinceMs);
    this.#workSinceMs = nowMs;
  }

  /** Waits for a hook, but not beyond the end of the connection: it may never answer. */
  #orOver(answered: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      this.#stopWaiting = resolve;
      answered.then(resolve); // It never rejects.
    });
  }

  /** Ends this connection, and nothing else, for a defect of ours. */
  #fail(error: unknown): void {
    this.#host.unexpectedError(error);
    this.#connection.disconnect(ReasonCode.ImplementationSpecificError, "an error of the server");
  }
}

function reviewAnswer(reviewed: ReviewedMessage): Answer {
  return { kind: "review", reviewed };
}
