import type { ProtocolVersion, QoS } from "../codec/packet.ts";
import type { TlsClientOptions } from "../transport/tls/connect_tls.ts";

export const SCENARIOS = ["pairs", "fan-in", "fan-out", "subscriptions", "retained", "connect", "idle"] as const;
export type Scenario = typeof SCENARIOS[number];

/** Load that a run makes. */
export interface BenchOptions {
  readonly scenario: Scenario;
  readonly url: string;
  readonly tls: TlsClientOptions | undefined;
  readonly protocolVersion: ProtocolVersion;
  readonly qos: QoS;
  readonly payloadBytes: number;
  readonly seconds: number | undefined;
  readonly messages: number | undefined;
  readonly warmUpSeconds: number;
  readonly window: number;
  readonly rate: number | undefined;
  readonly threads: number;
  readonly publishers: number;
  readonly subscribers: number;
  readonly stuck: number;
  readonly subscriptions: number;
  readonly connections: number;
  readonly concurrency: number;
  readonly pid: number | undefined;
  readonly isJson: boolean;
}
