import type { PublishPacket, QoS } from "../codec/packet.ts";
import type { Properties } from "../codec/property.ts";

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const ENCODER = new TextEncoder();

/** Payload to publish: bytes, or a text that is sent as UTF-8. */
export type Data = Uint8Array | string;

/** A message as a subscription gives it, with all fields of its PUBLISH (MQTT 5, section 3.3). */
export class ReceivedMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  /** Whether it is a retained message; with `retainAsPublished`, whether it was published with RETAIN. */
  readonly retain: boolean;
  /** Whether the server may have sent it before. */
  readonly dup: boolean;
  /** Packet Identifier; 0 with QoS 0. */
  readonly packetIdentifier: number;
  readonly properties: Properties;

  /** @param topic resolved if the packet has a Topic Alias */
  constructor(packet: PublishPacket, topic: string) {
    this.topic = topic;
    this.payload = owned(packet.payload);
    this.qos = packet.qos;
    this.retain = packet.retain;
    this.dup = packet.dup;
    this.packetIdentifier = packet.packetIdentifier;
    this.properties = packet.properties;
  }

  /** Payload decoded as UTF-8; ill-formed bytes become U+FFFD. */
  text(): string {
    return DECODER.decode(this.payload);
  }
}

/** Bytes of the data. */
export function bytesOf(data: Data): Uint8Array {
  return typeof data === "string" ? ENCODER.encode(data) : data;
}

/** Keeps a view only if its chunk, which it keeps alive, is mostly this payload; otherwise copies it. */
function owned(payload: Uint8Array): Uint8Array {
  return payload.length * 2 >= payload.buffer.byteLength ? payload : payload.slice();
}
