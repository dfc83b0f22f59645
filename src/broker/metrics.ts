import type { BrokerParts } from "./assembly.ts";
import type { HistogramSnapshot, Load } from "./counters.ts";
import { type LoadName, VERSION } from "./sys_topics.ts";

/** Counters and sizes of a broker at one moment. */
export interface BrokerMetrics {
  /** Connections that are open, also those before CONNECT. */
  readonly connections: number;
  /** Sessions, with a connection or without. */
  readonly sessions: number;
  /** Sessions that outlive their connections. */
  readonly durableSessions: number;
  /** Bytes of these sessions, as `maximumSessionBytes` counts them. */
  readonly durableSessionBytes: number;
  /** Refusals by their bounds since the broker was opened, see the event `sessionsFull`. */
  readonly durableSessionsRefused: {
    /** Clients that were refused. */
    readonly clients: number;
    /** Subscriptions of sessions without connection. */
    readonly subscriptions: number;
    /** Messages for sessions without connection. */
    readonly messages: number;
  };
  /** Retained messages. */
  readonly retainedMessages: number;
  /** Bytes of the retained messages: topics, payloads and properties. */
  readonly retainedBytes: number;
  /** Messages with RETAIN that could not be retained since the broker was opened, see the event `retainedRefused`. */
  readonly retainedRefused: number;
  /** Bytes that wait in memory for clients that are connected; a message that waits for many counts once. */
  readonly backlogBytes: number;
  /** Messages that were not delivered, by reason, since the broker was opened. */
  readonly dropped: {
    /** With QoS 0: the client did not take them as fast as they came. */
    readonly qos0: number;
    /** With QoS 1 and 2: the queue of the session was full. */
    readonly queueFull: number;
    /** Larger than the Maximum Packet Size of the client. */
    readonly tooLarge: number;
    /** Older than their Message Expiry Interval. */
    readonly expired: number;
  };
  /** Requests of clients that were denied, since the broker was opened. */
  readonly denied: {
    /** PUBLISH packets, those to topics of the server too, and Wills, at CONNECT and when they are due. */
    readonly publish: number;
    /** Topic Filters of SUBSCRIBE. */
    readonly subscribe: number;
  };
  /** Longest time in milliseconds for which the event loop was blocked, since the broker was opened. */
  readonly longestStallMs: number;
  /** Work of the storage since the broker was opened. */
  readonly storage: {
    /** Commits that succeeded. */
    readonly commits: number;
    /** Changes of these commits. */
    readonly changes: number;
    /** Commits that failed; their changes are committed again. */
    readonly failedCommits: number;
    /** Bytes of the changes that are not committed yet. */
    readonly pendingBytes: number;
    /** Bytes of its file; missing: it has none. */
    readonly bytes?: number;
    /** Bytes of its file that are free for later changes; `brooklet storage compact` gives them back. */
    readonly freeBytes?: number;
  };
  /** Whether {@linkcode Broker.close} was called: no connection is served any more. */
  readonly isClosing: boolean;
  /** Whether what the storage has kept outlasts the process. */
  readonly isStorageDurable: boolean;
  /** Whether the storage did not keep what it was given last, which is tried again each second. */
  readonly isStorageFailing: boolean;
  /** Version of Brooklet. */
  readonly version: string;
  /** Time since the broker was opened, in milliseconds. */
  readonly uptimeMs: number;
  /** Clients that are connected: they got CONNACK with Success. */
  readonly connectedClients: number;
  /** Most sessions that there were at once. */
  readonly mostSessions: number;
  /** Sessions that have expired. */
  readonly expiredSessions: number;
  /** Subscriptions of all sessions and of the own process, shared ones too. */
  readonly subscriptions: number;
  /** Shared Subscriptions among them. */
  readonly sharedSubscriptions: number;
  /** Bytes of the payloads of retained messages. */
  readonly retainedPayloadBytes: number;
  /** Messages that wait for sessions or are in flight, as they were counted last: each reading begins to count again. */
  readonly queuedMessages: number;
  /** Bytes of those that wait: payloads, topics and properties. */
  readonly queuedBytes: number;
  /** Network Connections since the broker was opened. */
  readonly connectionsOpened: number;
  /** CONNECT packets, also those that were refused. */
  readonly connectPackets: number;
  /** Connections that were refused. */
  readonly refusedConnections: {
    /** Before MQTT began: by routes, and by listeners that are told to {@linkcode Broker.noteRefusal}. */
    readonly beforeMqtt: number;
    /** These by the entry of docs/troubleshooting.md that helps, such as `{ "path": 2 }`; `other`: there is none. */
    readonly beforeMqttByHelp: Readonly<Record<string, number>>;
    /** Between the beginning of MQTT and CONNACK, by Reason Code, such as `{ "135": 2 }`. */
    readonly byReasonCode: Readonly<Record<string, number>>;
  };
  /** Received from clients since the broker was opened. */
  readonly received: {
    /** Bytes of MQTT, without those of WebSocket and TLS. */
    readonly bytes: number;
    /** Packets of all kinds. */
    readonly packets: number;
    /** PUBLISH packets that were routed. */
    readonly publishes: number;
    /** These by QoS. */
    readonly publishesByQos: readonly [qos0: number, qos1: number, qos2: number];
    /** Bytes of their payloads. */
    readonly payloadBytes: number;
  };
  /** Sent to clients since the broker was opened. */
  readonly sent: {
    /** Bytes of MQTT, without those of WebSocket and TLS. */
    readonly bytes: number;
    /** Packets of all kinds. */
    readonly packets: number;
    /** PUBLISH packets. */
    readonly publishes: number;
    /** These by QoS. */
    readonly publishesByQos: readonly [qos0: number, qos1: number, qos2: number];
    /** Bytes of their payloads. */
    readonly payloadBytes: number;
  };
  /** Growth of counters in a minute, as means of the last 1, 5 and 15 minutes. */
  readonly loads: Readonly<Record<LoadName, Load>>;
  /** Memory, where {@linkcode BrokerOptions.heapBytes} says it. */
  readonly heapBytes?: number;
  /** Most memory that was seen. */
  readonly mostHeapBytes?: number;
  /** Durations, counted by size. */
  readonly histograms: {
    /**
     * Commits that a storage did not keep at once. Those of {@linkcode MemoryStorage} are not among them: they take no time,
     * and would make every quantile 0.
     */
    readonly commits: HistogramSnapshot;
    /** Turns of the broker: from the first read to the last write of what came together. */
    readonly turns: HistogramSnapshot;
    /** Lateness of a timer that fires every 100 ms. */
    readonly eventLoopDelays: HistogramSnapshot;
  };
}

/** Reads the counters of all parts. */
export function metricsOf(parts: BrokerParts): BrokerMetrics {
  const { connections, sessions, sessionQuota, retention, refusals, backlog, dropped, hooks, commits, stalls } = parts;
  const { storage, sysTopics, admission, router, traffic, clock } = parts;
  const { backlogs, loads } = sysTopics;
  const { subscriptions, shared } = router.counts;
  backlogs.begin();
  return {
    version: VERSION,
    uptimeMs: sysTopics.uptimeMs(clock()),
    connections: connections.size,
    connectedClients: admission.connected,
    connectionsOpened: traffic.sockets,
    connectPackets: traffic.connections,
    refusedConnections: {
      beforeMqtt: traffic.refusedConnections.values().reduce((sum, count) => sum + count, 0),
      beforeMqttByHelp: Object.fromEntries(traffic.refusedConnections),
      byReasonCode: Object.fromEntries(admission.refused),
    },
    sessions: sessions.size,
    mostSessions: sessions.most,
    expiredSessions: sessions.expiredCount,
    durableSessions: sessionQuota.total.sessions,
    durableSessionBytes: sessionQuota.total.bytes,
    durableSessionsRefused: { ...sessionQuota.refusals },
    subscriptions,
    sharedSubscriptions: shared,
    retainedMessages: retention.messages.count,
    retainedBytes: retention.messages.bytes,
    retainedPayloadBytes: retention.messages.payloadBytes,
    retainedRefused: refusals.count,
    queuedMessages: backlogs.messages,
    queuedBytes: backlogs.bytes,
    backlogBytes: backlog.bytes,
    received: {
      bytes: traffic.receivedBytes,
      packets: traffic.receivedPackets,
      publishes: traffic.receivedPublishes,
      publishesByQos: [...traffic.receivedPublishesByQos],
      payloadBytes: traffic.receivedPayloadBytes,
    },
    sent: {
      bytes: traffic.sentBytes,
      packets: traffic.sentPackets,
      publishes: traffic.sentPublishes,
      publishesByQos: [
        traffic.sentPublishes - traffic.sentPublishesQos1 - traffic.sentPublishesQos2,
        traffic.sentPublishesQos1,
        traffic.sentPublishesQos2,
      ],
      payloadBytes: traffic.sentPayloadBytes,
    },
    loads: {
      receivedPackets: loads.of("receivedPackets"),
      sentPackets: loads.of("sentPackets"),
      droppedPublishes: loads.of("droppedPublishes"),
      receivedPublishes: loads.of("receivedPublishes"),
      sentPublishes: loads.of("sentPublishes"),
      receivedBytes: loads.of("receivedBytes"),
      sentBytes: loads.of("sentBytes"),
      connectionsOpened: loads.of("connectionsOpened"),
      connectPackets: loads.of("connectPackets"),
    },
    dropped: { ...dropped.counts },
    denied: { ...hooks.denied },
    longestStallMs: stalls.longestMs,
    ...sysTopics.heap(),
    histograms: {
      commits: commits.times.snapshot,
      turns: stalls.turns.snapshot,
      eventLoopDelays: stalls.delays.snapshot,
    },
    isClosing: parts.isClosing(),
    isStorageDurable: storage.isDurable,
    isStorageFailing: commits.isFailing,
    storage: {
      commits: commits.commits,
      changes: commits.changes,
      failedCommits: commits.failedCommits,
      pendingBytes: commits.pendingBytes,
      ...storage.size?.(),
    },
  };
}
