import type { ConnackPacket, ProtocolVersion } from "../codec/packet.ts";

/** Limits and abilities that a server gives in CONNACK, with the protocol's defaults (MQTT 5, section 3.2.2.3). */
export interface ServerTerms {
  readonly protocolVersion: ProtocolVersion;
  readonly receiveMaximum: number;
  readonly maximumPacketBytes: number;
  readonly maximumQos: number;
  readonly retainAvailable: boolean;
  readonly topicAliasMaximum: number;
  readonly keepAliveSeconds: number;
  readonly subscriptionIdentifiersAvailable: boolean;
}

/** Reads the terms of a CONNACK. */
export function serverTerms(
  { properties }: ConnackPacket,
  protocolVersion: ProtocolVersion,
  askedKeepAliveSeconds: number,
): ServerTerms {
  return {
    protocolVersion,
    receiveMaximum: properties.receiveMaximum ?? 65_535,
    maximumPacketBytes: properties.maximumPacketSize ?? Infinity,
    maximumQos: properties.maximumQos ?? 2,
    retainAvailable: properties.retainAvailable !== 0,
    topicAliasMaximum: properties.topicAliasMaximum ?? 0,
    keepAliveSeconds: properties.serverKeepAlive ?? askedKeepAliveSeconds, // [MQTT-3.1.2-21]
    subscriptionIdentifiersAvailable: protocolVersion === 5 && properties.subscriptionIdentifiersAvailable !== 0,
  };
}
