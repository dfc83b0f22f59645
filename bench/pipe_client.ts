import type { Broker } from "../src/broker/broker.ts";
import { encodePacket } from "../src/codec/encoder.ts";
import type { Packet, QoS } from "../src/codec/packet.ts";
import { NO_PROPERTIES } from "../src/codec/property.ts";
import { memoryTransport } from "../src/transport/memory.ts";
import type { Transport } from "../src/transport/transport.ts";

const VERSION = 4;
const NAMED = { properties: NO_PROPERTIES } as const;

/** A client in the process of its broker that writes bytes and counts bytes: what is measured then is the broker. */
export class PipeClient {
  readonly #transport: Transport;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(transport: Transport) {
    this.#transport = transport;
    this.#reader = transport.readable.getReader();
    this.#writer = transport.writable.getWriter();
  }

  /** Connects with MQTT 3.1.1. */
  static async connect(broker: Broker, clientId: string): Promise<PipeClient> {
    const pair = memoryTransport();
    broker.serve(pair.server); // Never rejects.
    const client = new PipeClient(pair.client);
    await client.write(bytesOf({
      type: "connect",
      protocolVersion: VERSION,
      isBridge: false,
      cleanStart: true,
      keepAliveSeconds: 0,
      clientId,
      will: undefined,
      userName: undefined,
      password: undefined,
      ...NAMED,
    }));
    await client.read(4); // CONNACK
    return client;
  }

  async subscribe(topicFilter: string, qos: QoS): Promise<void> {
    const entry = { topicFilter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    await this.write(bytesOf({ type: "subscribe", packetIdentifier: 1, subscriptions: [entry], ...NAMED }));
    await this.read(5); // SUBACK
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#writer.write(bytes);
  }

  /** Reads so many bytes: gives them in the chunks in which they came. */
  async read(count: number): Promise<Uint8Array[]> {
    const chunks: Uint8Array[] = [];
    for (let seen = 0; seen < count;) {
      const { value } = await this.#reader.read();
      if (value === undefined) throw new Error("Cannot measure: the broker has closed the connection");
      chunks.push(value);
      seen += value.length;
      if (seen > count) throw new Error(`Cannot measure: ${seen} bytes came instead of ${count}`);
    }
    return chunks;
  }

  close(): void {
    this.#transport.close();
  }
}

/** A packet as MQTT 3.1.1 has it. */
export function bytesOf(packet: Packet): Uint8Array {
  return encodePacket(packet, VERSION);
}

/** PUBLISH packets with the Packet Identifiers 1, 2 ..., one after the other, and the bytes of one. */
export function publishBytes(topic: string, qos: QoS, payloadBytes: number, count: number) {
  const common = { type: "publish", dup: false, retain: false, topic, ...NAMED } as const;
  const payload = new Uint8Array(payloadBytes).fill(0x62);
  const frames = Array.from(
    { length: count },
    (_, index) => bytesOf({ ...common, qos, packetIdentifier: qos === 0 ? 0 : index + 1, payload }),
  );
  const frameBytes = frames[0]?.length ?? 0; // All have the same length.
  const bytes = new Uint8Array(frameBytes * count);
  frames.forEach((frame, index) => bytes.set(frame, index * frameBytes));
  return { bytes, frameBytes };
}
