import { encodePacket } from "../codec/encoder.ts";
import { PacketType } from "../codec/packet.ts";
import { NO_PROPERTIES } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import { inLanes, type LoadConnection, LoadError, openConnection, type PacketHandler } from "./load_connection.ts";
import { Histogram } from "./histogram.ts";
import { LoadClock, preciseNowMs } from "./load_clock.ts";
import type { ConnectJob, IdleJob, JobResult, Load } from "./load_plan.ts";

const PINGREQ = new Uint8Array([PacketType.pingreq << 4, 0]);
const ANSWER_WITHIN_MS = 30_000;

/** Connection that only comes and goes, or stays and sends nothing. */
class QuietConnection implements PacketHandler {
  readonly #fail: (error: Error) => void;
  #connection: LoadConnection | undefined;
  #isLeaving = false;
  readonly #left = Promise.withResolvers<void>();
  #pinged = Promise.withResolvers<void>();

  constructor(fail: (error: Error) => void) {
    this.#fail = fail;
  }

  async open(target: ConnectJob["target"], clientId: string): Promise<void> {
    this.#connection = (await openConnection(target, clientId, this)).connection;
  }

  /** Sends DISCONNECT and closes the connection. [MQTT-3.14.4-1] */
  leave(bytes: Uint8Array): Promise<void> {
    this.#isLeaving = true;
    this.#connection?.append(bytes);
    this.#connection?.flush();
    return this.#left.promise;
  }

  /** Sends PINGREQ; resolves when the broker has answered. */
  ping(): Promise<void> {
    this.#connection?.append(PINGREQ);
    this.#connection?.flush();
    return this.#pinged.promise;
  }

  close(): void {
    this.#connection?.close();
  }

  packet(bytes: Uint8Array, start: number): void {
    if ((bytes[start] ?? 0) >> 4 === PacketType.pingresp) this.#pinged.resolve();
  }

  turnEnded(): void {}

  written(): void {
    if (!this.#isLeaving) return;
    this.close();
    this.#left.resolve();
  }

  lost(error: Error): void {
    if (this.#isLeaving) return this.#left.resolve(); // The broker closed first.
    this.#fail(new LoadError(`A connection was lost: ${error.message}`));
  }
}

/** Load of connections that come and go, or that stay: the share of one thread. */
export class ConnectLoad implements Load {
  readonly #job: ConnectJob | IdleJob;
  readonly #clock: LoadClock;
  readonly #connect = new Histogram();
  readonly #failed = Promise.withResolvers<never>();
  readonly #open: QuietConnection[] = [];
  #count = 0;
  #fromMs = 0;
  #toMs = 0;

  constructor(job: ConnectJob | IdleJob) {
    this.#job = job;
    this.#clock = new LoadClock(preciseNowMs());
    this.#failed.promise.catch(() => {}); // Reported to later waiters.
  }

  /** Opens idle connections, all before the run. */
  async open(): Promise<void> {
    if (this.#job.kind === "idle") await this.#connectAll((connection) => void this.#open.push(connection));
  }

  async run(): Promise<void> {
    if (this.#job.kind === "idle") return await this.#stay(this.#job.seconds);
    const { protocolVersion } = this.#job.target;
    const disconnect = encodePacket(
      { type: "disconnect", reasonCode: ReasonCode.Success, properties: NO_PROPERTIES },
      protocolVersion,
    );
    await this.#connectAll((connection) => connection.leave(disconnect));
  }

  result(): JobResult {
    const none = new Histogram().counts;
    return {
      sent: 0,
      expected: 0,
      delivered: 0,
      acknowledged: 0,
      refused: 0,
      outOfOrder: 0,
      foreign: 0,
      stalls: 0,
      unsent: 0,
      connections: this.#count,
      measured: { fromMs: this.#fromMs, toMs: this.#toMs, sent: 0, delivered: 0 },
      latency: none,
      acknowledgement: none,
      connect: this.#connect.counts,
    };
  }

  close(): void {
    for (const connection of this.#open) connection.close();
  }

  async #connectAll(then: (connection: QuietConnection) => void | Promise<void>): Promise<void> {
    const { connections, concurrency, target, thread } = this.#job;
    this.#fromMs = this.#clock.elapsedMs();
    const run = async (index: number) => {
      const connection = new QuietConnection((error) => this.#failed.reject(error));
      const start = this.#clock.microseconds();
      await connection.open(target, `${target.run}-c${thread}-${index}`);
      this.#connect.record((this.#clock.microseconds() - start) >>> 0);
      this.#count += 1;
      await then(connection);
      this.#toMs = this.#clock.elapsedMs();
    };
    const runs = Array.from({ length: connections }, (_, index) => () => run(index));
    await Promise.race([inLanes(runs, concurrency), this.#failed.promise]);
  }

  /** Waits for a time; then each connection must still be served. */
  async #stay(seconds: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const time = new Promise<void>((resolve) => timer = setTimeout(resolve, seconds * 1_000));
    await Promise.race([time, this.#failed.promise]).finally(() => clearTimeout(timer));
    const answers = Promise.all(this.#open.map((connection) => connection.ping()));
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new LoadError("The broker did not answer PINGREQ")), ANSWER_WITHIN_MS);
    });
    await Promise.race([answers, late, this.#failed.promise]).finally(() => clearTimeout(timer));
  }
}
