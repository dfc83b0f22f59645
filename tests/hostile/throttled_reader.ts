import type { QoS } from "../../mod.ts";
import { encodePacket, type Packet, PacketDecoder, type ProtocolVersion } from "../../src/codec/mod.ts";
import type { ByteChannel } from "../../src/transport/transport.ts";
import { channelOf } from "../../src/transport/channel_transport.ts";
import { connectTo } from "../../src/transport/schemes.ts";
import { within } from "../deadline.ts";
import { pause } from "./sockets.ts";

/** A client with one subscription that takes its bytes no faster than its network carries them. */
export interface ThrottledReaderOptions {
  readonly clientId: string;
  /** Such as `mqtt://127.0.0.1:1883` or `ws://127.0.0.1:8080/mqtt`. */
  readonly url: URL;
  readonly version: ProtocolVersion;
  readonly qos: QoS;
  readonly isDurable?: boolean;
  readonly topicFilter: string;
}

// A timer takes as long as that.
const AHEAD_MS = 2;

export class ThrottledReader {
  /** Messages that came, each once. */
  readonly numbers: number[] = [];
  readonly #channel: ByteChannel;
  readonly #version: ProtocolVersion;
  readonly #decoder: PacketDecoder;

  private constructor(channel: ByteChannel, version: ProtocolVersion) {
    this.#channel = channel;
    this.#version = version;
    this.#decoder = new PacketDecoder({ protocolVersion: version });
  }

  static async connect(options: ThrottledReaderOptions): Promise<ThrottledReader> {
    const { clientId, url, version, qos, isDurable = false, topicFilter } = options;
    const channel = channelOf(await connectTo(url, { tls: undefined, signal: new AbortController().signal }));
    const reader = new ThrottledReader(channel, version);
    await reader.#send({
      type: "connect",
      protocolVersion: version,
      isBridge: false,
      cleanStart: !isDurable,
      keepAliveSeconds: 0,
      properties: isDurable && version === 5 ? { sessionExpiryInterval: 60 } : {},
      clientId,
      will: undefined,
      userName: undefined,
      password: undefined,
    });
    await reader.#received("connack");
    const subscription = { topicFilter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    await reader.#send({ type: "subscribe", packetIdentifier: 1, subscriptions: [subscription], properties: {} });
    await reader.#received("suback");
    return reader;
  }

  /** Reads as many messages, or until none has come for a while; each has its number in its first four bytes. */
  async readMessages(count: number, bytesPerSecond: number, silenceMs: number): Promise<void> {
    const startedMs = performance.now();
    let bytes = 0;
    while (this.numbers.length < count) {
      const chunk = await within(this.#channel.read(), "a message", silenceMs).catch(() => undefined);
      if (chunk === undefined) return; // The numbers tell.
      bytes += chunk.length;
      for (const packet of this.#decoder.decode(chunk)) {
        if (packet.type === "malformed") throw packet.error;
        await this.#receive(packet);
      }
      const aheadMs = bytes * 1_000 / bytesPerSecond - (performance.now() - startedMs);
      if (aheadMs > AHEAD_MS) await pause(aheadMs);
    }
  }

  /** Publishes, and gives whether all of it was acknowledged; QoS 0 counts as it is. */
  async publish(count: number, payloadBytes: number, qos: QoS, topic: string): Promise<number> {
    let acknowledged = 0;
    const sending = (async () => {
      for (let number = 0; number < count; number++) {
        const payload = new Uint8Array(payloadBytes);
        new DataView(payload.buffer).setUint32(0, number);
        const flags = { dup: false, qos, retain: false, packetIdentifier: qos === 0 ? 0 : number + 1 } as const;
        await this.#send({ type: "publish", ...flags, topic, properties: {}, payload });
      }
    })();
    while (qos > 0 && acknowledged < count) {
      const chunk = await within(this.#channel.read(), "acknowledgements");
      if (chunk === undefined) break;
      for (const packet of this.#decoder.decode(chunk)) {
        if (packet.type === "puback" || packet.type === "pubcomp") acknowledged += 1;
        if (packet.type !== "pubrec") continue;
        const { packetIdentifier } = packet;
        await this.#send({ type: "pubrel", packetIdentifier, reasonCode: 0, properties: {} });
      }
    }
    await sending;
    return qos === 0 ? count : acknowledged;
  }

  close(): void {
    this.#channel.close();
  }

  async #receive(packet: Packet): Promise<void> {
    if (packet.type === "publish") {
      const { payload, qos, packetIdentifier } = packet;
      this.numbers.push(new DataView(payload.buffer, payload.byteOffset).getUint32(0));
      const type = qos === 1 ? "puback" : "pubrec";
      if (qos > 0) await this.#send({ type, packetIdentifier, reasonCode: 0, properties: {} });
    } else if (packet.type === "pubrel") {
      const { packetIdentifier } = packet;
      await this.#send({ type: "pubcomp", packetIdentifier, reasonCode: 0, properties: {} });
    }
  }

  async #received(type: Packet["type"]): Promise<void> {
    for (;;) {
      const chunk = await within(this.#channel.read(), type);
      if (chunk === undefined) throw new Error(`The connection ended before ${type}`);
      for (const packet of this.#decoder.decode(chunk)) if (packet.type === type) return;
    }
  }

  #send(packet: Packet): Promise<void> {
    return this.#channel.write(encodePacket(packet, this.#version));
  }
}
