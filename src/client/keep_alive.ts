import { MqttError } from "../codec/mqtt_error.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { NetworkConnection } from "./network_connection.ts";

// A look finds at most two of its intervals of silence, and a third may pass on the way.
const LOOKS_A_KEEP_ALIVE = 3;

/**
 * Sends PINGREQ when nothing was sent for a while, and ends a connection on which then nothing comes (MQTT 5, section
 * 3.1.2.10). It looks only now and then, so that packets need not ask for the time.
 */
export class KeepAlive {
  readonly #connection: NetworkConnection;
  readonly #isReading: () => boolean;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #looksWithoutAnswer: number | undefined;

  /** @param isReading whether what comes is read: the server cannot be found silent while this side does not listen */
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
