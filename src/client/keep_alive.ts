import { MqttError } from "../codec/mqtt_error.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { NetworkConnection } from "./network_connection.ts";

// Silence is found after at most two check intervals, and a third may pass on the way.
const LOOKS_A_KEEP_ALIVE = 3;

/**
 * Sends PINGREQ after a time without packets, and ends a connection on which nothing arrives then (MQTT 5, section
 * 3.1.2.10). It checks only at intervals, so that packets need no timestamps.
 */
export class KeepAlive {
  readonly #connection: NetworkConnection;
  readonly #isReading: () => boolean;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #looksWithoutAnswer: number | undefined;

  /**
   * @param isReading whether incoming bytes are read: the server must not count as silent while this side does not read
   */
  constructor(connection: NetworkConnection, keepAliveSeconds: number, isReading: () => boolean) {
    this.#connection = connection;
    this.#isReading = isReading;
    if (keepAliveSeconds === 0) return;
    this.#timer = setInterval(() => this.#look(), keepAliveSeconds * 1000 / LOOKS_A_KEEP_ALIVE);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const connection = this.#connection;
    if (connection.hasReceived || !this.#isReading()) this.#looksWithoutAnswer = undefined;
    else if (this.#looksWithoutAnswer !== undefined) this.#looksWithoutAnswer += 1;
    if ((this.#looksWithoutAnswer ?? 0) >= LOOKS_A_KEEP_ALIVE) {
      const { KeepAliveTimeout } = ReasonCode;
      connection.fail(new MqttError("The server did not answer PINGREQ", KeepAliveTimeout, "MQTT 3.1.2.10"));
      return;
    }
    if (!connection.hasSent && this.#looksWithoutAnswer === undefined) {
      this.#looksWithoutAnswer = 0;
      connection.send({ type: "pingreq" });
    }
    connection.hasSent = false;
    connection.hasReceived = false;
  }
}
