import type { Frame } from "../codec/encoder.ts";
import { MqttError } from "../codec/mqtt_error.ts";
import type { PublishPacket } from "../codec/packet.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import { OutgoingTopicAliases } from "../protocol/publish_rules.ts";
import type { NetworkConnection } from "./network_connection.ts";
import type { ServerTerms } from "./server_terms.ts";

// Bytes of a Topic Alias as a property, and one more that the length of the properties may take with it.
const ALIAS_BYTES = 4;

/** Encodes PUBLISH for one connection, within the terms of its server. */
export class PublishFraming {
  readonly #connection: NetworkConnection;
  readonly #terms: ServerTerms;
  readonly #aliases: OutgoingTopicAliases | undefined;

  constructor(connection: NetworkConnection, terms: ServerTerms, sendsTopicAliases: boolean) {
    this.#connection = connection;
    this.#terms = terms;
    if (sendsTopicAliases && terms.topicAliasMaximum > 0) {
      this.#aliases = new OutgoingTopicAliases(terms.topicAliasMaximum);
    }
  }

  /** Encodes; throws MqttError for a message that the server does not accept, and RangeError for an impossible one. */
  encode(packet: PublishPacket): Frame {
    const { maximumQos, retainAvailable } = this.#terms;
    if (packet.qos > maximumQos) { // [MQTT-3.2.2-11]
      throw refused(packet, `the server takes QoS ${maximumQos} at most`, ReasonCode.QosNotSupported, "MQTT-3.2.2-11");
    }
    if (packet.retain && !retainAvailable) { // [MQTT-3.2.2-14]
      throw refused(packet, "the server retains no messages", ReasonCode.RetainNotSupported, "MQTT-3.2.2-14");
    }
    const aliases = this.#aliases;
    const topicAlias = aliases?.known(packet.topic);
    if (topicAlias !== undefined) return this.#withAlias(packet, "", topicAlias);
    const frame = this.#checked(packet, this.#connection.encode(packet));
    if (aliases === undefined || frame.length + ALIAS_BYTES > this.#terms.maximumPacketBytes) return frame;
    const assigned = aliases.assign(packet.topic); // The packet is valid and will be sent.
    return assigned === undefined ? frame : this.#withAlias(packet, packet.topic, assigned);
  }

  #withAlias(packet: PublishPacket, topic: string, topicAlias: number): Frame {
    const aliased = { ...packet, topic, properties: { ...packet.properties, topicAlias } };
    return this.#checked(packet, this.#connection.encode(aliased));
  }

  #checked(packet: PublishPacket, frame: Frame): Frame {
    const { maximumPacketBytes } = this.#terms;
    if (frame.length <= maximumPacketBytes) return frame;
    const reason = `it has ${frame.length} bytes, the server takes ${maximumPacketBytes}`;
    throw refused(packet, reason, ReasonCode.PacketTooLarge, "MQTT-3.2.2-15");
  }
}

function refused({ topic }: PublishPacket, reason: string, reasonCode: ReasonCode, clause: string): MqttError {
  return new MqttError(`Cannot publish to "${topic}": ${reason}`, reasonCode, clause);
}
