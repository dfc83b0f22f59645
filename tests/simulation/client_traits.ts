import type { Properties, QoS } from "../../mod.ts";
import type { ProtocolVersion } from "../../src/codec/mod.ts";
import type { Seeded } from "../seeded.ts";

/** What a client is, for as long as it lives. */
export interface AccessAttributes {
  readonly clientId: string;
  readonly version: ProtocolVersion;
  /** Whether its session outlives its connections. */
  readonly isDurable: boolean;
  /** Of a durable session, with MQTT 5. */
  readonly sessionExpirySeconds: number;
  readonly receiveMaximum: number | undefined;
  /** QoS of the messages that it has retained. */
  readonly retainedQos: QoS;
}

export function randomTraits(clientId: string, isDurable: boolean, random: Seeded): AccessAttributes {
  return {
    clientId,
    version: random.pick([4, 5]),
    isDurable,
    sessionExpirySeconds: random.oneIn(4) ? 60 : 1_000_000,
    receiveMaximum: random.pick([undefined, 1, 3]),
    retainedQos: random.pick([1, 2]),
  };
}

/** Receive Maximum of its next connection: most often the same, also one that is lower. */
export function nextReceiveMaximum({ version, receiveMaximum }: AccessAttributes, random: Seeded): number | undefined {
  if (version < 5) return undefined;
  return random.oneIn(3) ? random.pick([undefined, 1, 2, 10]) : receiveMaximum;
}

/** Properties of its CONNECT. */
export function connectProperties(traits: AccessAttributes, receiveMaximum: number | undefined): Properties {
  const { version, isDurable, sessionExpirySeconds } = traits;
  if (version < 5) return {};
  return {
    ...(isDurable && { sessionExpiryInterval: sessionExpirySeconds }),
    ...(receiveMaximum !== undefined && { receiveMaximum }),
  };
}
