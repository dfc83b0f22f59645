import type { PublishPacket, QoS } from "../codec/packet.ts";
import type { Properties } from "../codec/property.ts";

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const ENCODER = new TextEncoder();

/** What can be published: bytes, or a text that goes out as UTF-8. */
export type Data = Uint8Array | string;

/** A message as a subscription gives it: everything that its PUBLISH said (MQTT 5, section 3.3). */
export class ReceivedMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  /** Whether it comes from the retained messages; with `retainAsPublished`, whether it was published with RETAIN. */
  readonly retain: boolean;
  /** Whether the server may have sent it before. */
  readonly dup: boolean;
  /** 0 with QoS 0. */
  readonly packetIdentifier: number;
  readonly properties: Properties;

  /** @param topic what a Topic Alias stands for, where there is one */
  constructor(packet: PublishPacket, topic: string) {
    this.topic = topic;
    this.payload = owned(packet.payload);
    this.qos = packet.qos;
    this.retain = packet.retain;
    this.dup = packet.dup;
    this.packetIdentifier = packet.packetIdentifier;
    this.properties = packet.properties;
  }

  /** The payload as UTF-8; what is none becomes U+FFFD. */
  text(): string {
    return DECODER.decode(this.payload);
  }
}

/** Bytes to send. */
export function bytesOf(data: Data): Uint8Array {
  return typeof data === "string" ? ENCODER.encode(data) : data;
}

/** A view keeps the whole chunk that came with it alive, so it is kept only when that is mostly the payload: else copied. */
function owned(payload: Uint8Array): Uint8Array {
  return payload.length * 2 >= payload.buffer.byteLength ? payload : payload.slice();
}
