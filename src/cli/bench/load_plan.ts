import type { ProtocolVersion, QoS } from "../../codec/packet.ts";
import type { TlsClientOptions } from "../../transport/connect_tls.ts";

/** Where the load goes to and what is the same for all its connections. It can be handed to a thread. */
export interface LoadTarget {
  readonly url: string;
  readonly tls: TlsClientOptions | undefined;
  readonly protocolVersion: ProtocolVersion;
  /** Part of all Client Identifiers and topics, so that runs do not meet. */
  readonly run: string;
}

/** One publisher. */
export interface PublisherPlan {
  /** Counted over all threads. */
  readonly index: number;
  /** One of them for each message; all have the same length. */
  readonly topics: readonly string[];
  /** Whether chance picks the topic; otherwise they take turns. */
  readonly isRandom: boolean;
  readonly retain: boolean;
  /** How many subscribers receive each message. */
  readonly receivers: number;
}

/** One subscriber. */
export interface SubscriberPlan {
  readonly index: number;
  readonly topicFilters: readonly string[];
  /** Whether it reads nothing any more when it has subscribed. */
  readonly isStuck: boolean;
}

/** How the publishers publish. */
export interface Pace {
  readonly qos: QoS;
  readonly payloadBytes: number;
  /** Messages of each publisher; `undefined`: as many as the time allows. */
  readonly messages: number | undefined;
  /** How long it is measured; `undefined`: until all messages are there. */
  readonly seconds: number | undefined;
  /** Not measured, before what is. */
  readonly warmUpSeconds: number;
  /** Messages of a publisher that may be on their way. */
  readonly window: number;
  /** Messages a second, of all publishers together; `undefined`: the next one when there is room in the window. */
  readonly rate: number | undefined;
}

/** What a thread has to do, and it can be handed to it. */
export type Job = FlowJob | ConnectJob | IdleJob | RetainedJob;

/** Publishers, subscribers, and messages from one to the other. */
export interface FlowJob {
  readonly kind: "flow";
  readonly target: LoadTarget;
  readonly pace: Pace;
  readonly publishers: readonly PublisherPlan[];
  readonly subscribers: readonly SubscriberPlan[];
  /** Of all threads. */
  readonly publisherCount: number;
  readonly shared: SharedCounters;
}

/** Connects and disconnects, over and over. */
export interface ConnectJob {
  readonly kind: "connect";
  readonly target: LoadTarget;
  readonly thread: number;
  readonly connections: number;
  /** Connections that are under way at the same time. */
  readonly concurrency: number;
}

/** Connects, stays, and looks whether all are still served. */
export interface IdleJob extends Omit<ConnectJob, "kind"> {
  readonly kind: "idle";
  readonly seconds: number;
}

/** Leaves retained messages and then subscribes to all of them. */
export interface RetainedJob {
  readonly kind: "retained";
  readonly target: LoadTarget;
  readonly payloadBytes: number;
  readonly messages: number;
  readonly subscribers: number;
  readonly shared: SharedCounters;
}

/** What the threads of one run share. */
export interface SharedCounters {
  readonly thread: number;
  readonly threads: number;
  /** Epoch milliseconds of the run's start. */
  readonly startMs: number;
  /** Of each publisher: how many deliveries of its messages were seen. Modulo 2^32. */
  readonly delivered: Int32Array<SharedArrayBuffer>;
  /** Of each thread: changes when its publishers have to look. */
  readonly wake: Int32Array<SharedArrayBuffer>;
  /** Of each thread: messages sent, and messages delivered, for whoever looks at the progress. */
  readonly progress: Float64Array<SharedArrayBuffer>;
}

/** What a thread has done. Times are milliseconds since the start of the run. */
export interface JobResult {
  readonly sent: number;
  /** Deliveries that had to come. */
  readonly expected: number;
  readonly delivered: number;
  /** Messages whose handshake is through. */
  readonly acknowledged: number;
  /** Messages that the broker refused with a Reason Code. */
  readonly refused: number;
  /** Deliveries that came again, or behind later ones of their publisher. */
  readonly outOfOrder: number;
  /** Deliveries that are none of this run or do not have its form. */
  readonly foreign: number;
  /** How often a publisher went on because what it waited for did not come. */
  readonly stalls: number;
  /** Messages that were due at the given rate and could not be sent. */
  readonly unsent: number;
  /** Connections that were made. */
  readonly connections: number;
  /** The part that is measured. */
  readonly measured: {
    readonly fromMs: number;
    readonly toMs: number;
    readonly sent: number;
    readonly delivered: number;
  };
  /** Counts of {@linkcode Histogram}, in microseconds: from sending to delivery, to the acknowledgement, to CONNACK. */
  readonly latency: Float64Array;
  readonly acknowledgement: Float64Array;
  readonly connect: Float64Array;
}

/** A load in one thread. */
export interface Load {
  /** Connects and subscribes. */
  open(): Promise<void>;
  /** Runs to the end of its own part. */
  run(): Promise<void>;
  /** What was done; to be asked when all threads have run. */
  result(): JobResult;
  /** Closes what is open; safe to call again. */
  close(): void;
}
