import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from "mqtt";
import type { TestBroker } from "./broker_process.ts";
import { DEADLINE_MS, within } from "../deadline.ts";

export interface Received {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
}

/** An MQTT.js client that keeps what it receives, does not come back by itself, and is gone at the end of its block. */
export class MqttJsClient implements AsyncDisposable {
  readonly mqtt: MqttClient;
  readonly messages: Received[] = [];
  readonly packets: IPublishPacket[] = [];
  sessionPresent = false;
  #wake = Promise.withResolvers<void>();

  private constructor(mqtt: MqttClient) {
    this.mqtt = mqtt;
    // Before CONNACK is read: what a session has queued comes in the same segment.
    mqtt.on("message", (topic, payload, packet) => {
      this.messages.push({ topic, payload: payload.toString(), qos: packet.qos, retain: packet.retain });
      this.packets.push(packet);
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    });
  }

  static async open(broker: TestBroker, options: IClientOptions): Promise<MqttJsClient> {
    const mqtt = connect(`mqtt://127.0.0.1:${broker.port}`, { ...options, reconnectPeriod: 0 });
    const client = new MqttJsClient(mqtt);
    const connected = Promise.withResolvers<void>();
    mqtt.on("connect", (connack) => {
      client.sessionPresent = connack.sessionPresent;
      connected.resolve();
    });
    // Later errors are ends of connections that a test wants, or show in what is not received.
    mqtt.on("error", connected.reject);
    mqtt.on("close", () => connected.reject(new Error("closed before CONNACK")));
    try {
      await within(connected.promise, "CONNACK");
    } catch (error) {
      await mqtt.endAsync(true);
      throw error;
    }
    return client;
  }

  static async subscribed(
    broker: TestBroker,
    options: IClientOptions,
    topicFilter: string,
    qos: 0 | 1 | 2,
  ): Promise<MqttJsClient> {
    const client = await MqttJsClient.open(broker, options);
    await client.mqtt.subscribeAsync(topicFilter, { qos });
    return client;
  }

  /** All messages since the connection began, as soon as there are so many. */
  async received(count: number, deadlineMs = DEADLINE_MS): Promise<readonly Received[]> {
    const untilMs = performance.now() + deadlineMs;
    while (this.messages.length < count) {
      const what = `${count} messages, ${this.messages.length} are here`;
      await within(this.#wake.promise, what, untilMs - performance.now());
    }
    return this.messages;
  }

  payloads(): string[] {
    return this.messages.map(({ payload }) => payload);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Without a connection it would wait for acknowledgements that do not come.
    await within(this.mqtt.endAsync(!this.mqtt.connected), "MQTT.js to end");
    // Its store ends a stream by a timer of 0 ms, which runs before one that is set later.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
