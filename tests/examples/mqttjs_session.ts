import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { within } from "../deadline.ts";

/** An MQTT.js client at a URL, which keeps what it receives and does not come back by itself. */
export class MqttJsSession implements AsyncDisposable {
  readonly mqtt: MqttClient;
  readonly #messages: string[] = [];
  #wake = Promise.withResolvers<void>();

  private constructor(mqtt: MqttClient) {
    this.mqtt = mqtt;
    mqtt.on("message", (topic, payload) => {
      this.#messages.push(`${topic}: ${payload}`);
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    });
  }

  /** Rejects, as MQTT.js does, when it is refused. */
  static async open(url: string, options: IClientOptions = {}): Promise<MqttJsSession> {
    const session = new MqttJsSession(connect(url, { ...options, reconnectPeriod: 0 }));
    const connected = Promise.withResolvers<void>();
    session.mqtt.on("connect", () => connected.resolve());
    // Later errors are ends of connections that a test wants, or show in what is not received.
    session.mqtt.on("error", connected.reject);
    session.mqtt.on("close", () => connected.reject(new Error("closed before CONNACK")));
    try {
      await within(connected.promise, "CONNACK");
    } catch (error) {
      await session.mqtt.endAsync(true);
      throw error;
    }
    return session;
  }

  /** The next message, as `topic: payload`. */
  async message(): Promise<string> {
    while (this.#messages.length === 0) await within(this.#wake.promise, "a message");
    return this.#messages.shift() ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Without a connection it would wait for acknowledgements that do not come.
    await within(this.mqtt.endAsync(!this.mqtt.connected), "MQTT.js to end");
  }
}
