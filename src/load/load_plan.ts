import type { ProtocolVersion, QoS } from "../codec/packet.ts";
import type { TlsClientOptions } from "../transport/tls/connect_tls.ts";

/** Target of the load, the same for all its connections. It can be passed to a thread. */
export interface LoadTarget {
  readonly url: string;
  readonly tls: TlsClientOptions | undefined;
  readonly protocolVersion: ProtocolVersion;
  /** Part of all Client Identifiers and topics, so that runs do not interfere. */
  readonly run: string;
}

/** Plan of one publisher. */
export interface PublisherPlan {
  /** Index over all threads. */
  readonly index: number;
  /** Topics, one for each message; all have the same length. */
  readonly topics: readonly string[];
  /** Whether the topic is random; otherwise topics take turns. */
  readonly isRandom: boolean;
  readonly retain: boolean;
  /** Number of subscribers that receive each message. */
  readonly receivers: number;
}

/** Plan of one subscriber. */
export interface SubscriberPlan {
  readonly index: number;
  readonly topicFilters: readonly string[];
  /** Whether it stops reading after it has subscribed. */
  readonly isStuck: boolean;
}

/** Pace of the publishers. */
export interface Pace {
  readonly qos: QoS;
  readonly payloadBytes: number;
  /** Messages of each publisher; `undefined`: as many as the time allows. */
  readonly messages: number | undefined;
  /** Length of the measured part; `undefined`: until all messages have arrived. */
  readonly seconds: number | undefined;
  /** Length of the part before, which is not measured. */
  readonly warmUpSeconds: number;
  /** Messages of a publisher that may be in flight. */
  readonly window: number;
  /** Messages per second of all publishers together; `undefined`: the next one when there is room in the window. */
  readonly rate: number | undefined;
}

/** Job of a thread, which can be passed to it. */
export type Job = FlowJob | ConnectJob | IdleJob | RetainedJob;

/** Messages from publishers to subscribers. */
export interface FlowJob {
  readonly kind: "flow";
  readonly target: LoadTarget;
  readonly pace: Pace;
  readonly publishers: readonly PublisherPlan[];
  readonly subscribers: readonly SubscriberPlan[];
  /** Number of publishers in all threads. */
  readonly publisherCount: number;
  readonly shared: SharedCounters;
}

/** Connecting and disconnecting, over and over. */
export interface ConnectJob {
  readonly kind: "connect";
  readonly target: LoadTarget;
  readonly thread: number;
  readonly connections: number;
  /** Connections in progress at the same time. */
  readonly concurrency: number;
}

/** Connecting, staying, and a check that all are still served. */
export interface IdleJob extends Omit<ConnectJob, "kind"> {
  readonly kind: "idle";
  readonly seconds: number;
}

/** Storing retained messages and then subscribing to all of them. */
export interface RetainedJob {
  readonly kind: "retained";
  readonly target: LoadTarget;
  readonly payloadBytes: number;
  readonly messages: number;
  readonly subscribers: number;
  readonly shared: SharedCounters;
}

/** Counters that the threads of one run share. */
export interface SharedCounters {
  readonly thread: number;
  readonly threads: number;
  /** Epoch milliseconds of the run's start. */
  readonly startMs: number;
  /** Observed deliveries of each publisher. Modulo 2^32. */
  readonly delivered: Int32Array<SharedArrayBuffer>;
  /** Wake-up counter of each thread: changes when its publishers should check for work. */
  readonly wake: Int32Array<SharedArrayBuffer>;
  /** Progress of each thread: messages sent, and messages delivered. */
  readonly progress: Float64Array<SharedArrayBuffer>;
}

/** Result of a thread. Times are milliseconds since the start of the run. */
export interface JobResult {
  readonly sent: number;
  /** Deliveries that should arrive. */
  readonly expected: number;
  readonly delivered: number;
  /** Messages whose handshake is complete. */
  readonly acknowledged: number;
  /** Messages that the broker refused with a Reason Code. */
  readonly refused: number;
  /** Deliveries that were duplicates, or came after later ones of their publisher. */
  readonly outOfOrder: number;
  /** Deliveries that are not of this run or do not have its form. */
  readonly foreign: number;
  /** Number of times that a publisher resumed because deliveries did not arrive. */
  readonly stalls: number;
  /** Messages that were due at the given rate and could not be sent. */
  readonly unsent: number;
  /** Connections that were made. */
  readonly connections: number;
  /** Measured part. */
  readonly measured: {
    readonly fromMs: number;
    readonly toMs: number;
    readonly sent: number;
    readonly delivered: number;
  };
  /** Counts of {@linkcode Histogram} in microseconds: from sending to delivery, to the acknowledgement, to CONNACK. */
  readonly latency: Float64Array;
  readonly acknowledgement: Float64Array;
  readonly connect: Float64Array;
}

/** Load in one thread. */
export interface Load {
  /** Connects and subscribes. */
  open(): Promise<void>;
  /** Runs to the end of its own part. */
  run(): Promise<void>;
  /** Result; to be called when all threads have run. */
  result(): JobResult;
  /** Closes all connections; safe to call again. */
  close(): void;
}
