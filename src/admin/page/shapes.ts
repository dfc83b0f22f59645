/** Answers of the API, as far as the page reads them. */

/** Page of a list. */
export interface ListOf<Row> {
  readonly rows: readonly Row[];
  /** Rows that the query wants, on whatever page. */
  readonly matching: number;
  /** Rows that there are. */
  readonly total: number;
  /** Cursor of the next page; `null`: this is the last one. */
  readonly after: string | null;
}

/** Numbers of one moment. */
export interface Numbers {
  readonly connections: number;
  readonly connectedClients: number;
  readonly sessions: number;
  readonly durableSessions: number;
  readonly subscriptions: number;
  readonly retainedMessages: number;
  readonly retainedBytes: number;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  readonly dropped: Readonly<Record<"qos0" | "queueFull" | "tooLarge" | "expired", number>>;
}

export interface BrokerFacts {
  readonly version: string;
  readonly startedAt: string;
  readonly listeners: readonly { readonly url: string }[];
  readonly storage: {
    readonly name: string;
    readonly isDurable: boolean;
    readonly isFailing: boolean;
    readonly bytes?: number;
    readonly freeBytes?: number;
  };
  readonly limits: Readonly<Record<string, number | "unlimited">>;
  readonly numbers: Numbers;
}

export interface HistoryPoints {
  readonly range: string;
  readonly stepSeconds: number;
  readonly endsAt: string;
  readonly series: Readonly<Record<string, readonly (number | null)[]>>;
}

export interface ClientRow {
  readonly clientId: string;
  /** Client Identifier as a part of a path. */
  readonly segment: string;
  readonly principal: string | null;
  readonly isConnected: boolean;
  readonly address: string | null;
  readonly listener: string | null;
  readonly transport: string | null;
  readonly protocolVersion: number | null;
  readonly connectedAt: string | null;
  readonly keepAliveSeconds: number | null;
  readonly subscriptions: number;
  readonly queued: number;
  readonly queuedBytes: number;
  readonly inflight: number;
  readonly dropped: number;
  readonly receivedBytes: number | null;
  readonly sentBytes: number | null;
  readonly receivedPackets: number | null;
  readonly sentPackets: number | null;
  readonly outboxBytes: number | null;
  readonly isDurable: boolean;
  readonly sessionExpirySeconds: number;
  readonly expiresAt: string | null;
  readonly willTopic: string | null;
}

/** First messages that a session has for its client. */
export interface HeldList {
  readonly messages: readonly {
    readonly state: "inflight" | "queued";
    readonly qos: number;
    /** `null`: it was sent, and memory has it no longer. */
    readonly message: { readonly topic: string; readonly payloadBytes: number } | null;
  }[];
}

export interface SubscriptionRow {
  readonly clientId: string;
  /** Client Identifier as a part of a path. */
  readonly segment: string;
  readonly isConnected: boolean;
  readonly topicFilter: string;
  readonly shareName: string | null;
  readonly qos: number;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: number;
  readonly subscriptionIdentifier: number | null;
}

/** Subscriptions that a message of a topic would go to. */
export interface Receivers {
  readonly subscribers: readonly SubscriberRow[];
  /** Subscriptions that match. */
  readonly total: number;
  /** Deliveries: a Shared Subscription has one. */
  readonly receivers: number;
}

export interface SubscriberRow {
  /** `null`: a reader in the process of the broker. */
  readonly clientId: string | null;
  readonly segment: string | null;
  readonly isConnected: boolean;
  readonly topicFilter: string;
  readonly shareName: string | null;
  readonly qos: number;
  readonly isAllowed: boolean;
  readonly rule: string | null;
}

export interface EventRow {
  /** Number of its last repetition: later ones are larger. */
  readonly id: number;
  /** Number that it got first, which stays the same when it is repeated. */
  readonly firstId: number;
  readonly time: string;
  readonly firstTime: string;
  readonly count: number;
  readonly kind: string;
  readonly name: string;
  readonly message: string;
  readonly clientId: string | null;
  readonly principal: string | null;
  readonly address: string | null;
  readonly listener: string | null;
  readonly topic: string | null;
  readonly reasonCode: number | null;
  readonly reasonName: string | null;
  readonly clause: string | null;
  /** Entry of the troubleshooting guide. */
  readonly help: string | null;
  readonly remedy: string | null;
}

export interface Drops {
  readonly slow: { readonly matching: number };
}

/** Numbers of one second, as the stream has them. */
export interface LiveStats {
  readonly time: string;
  readonly numbers: Numbers;
  /** Last point of the history, by the names of its series. */
  readonly latest: Readonly<Record<string, number | null>>;
}

/** Retained message in a level of the tree. */
export interface RetainedSummary {
  readonly qos: number;
  readonly payloadBytes: number;
  readonly publisher: string | null;
  readonly principal: string | null;
  /** `null`: before the broker was opened. */
  readonly retainedAt: string | null;
  readonly expiresAt: string | null;
}

export interface RetainedChild {
  readonly name: string;
  readonly topic: string;
  /** Retained messages of this topic and of those below it. */
  readonly count: number;
  readonly retained: RetainedSummary | null;
}

export interface RetainedLevel {
  readonly children: readonly RetainedChild[];
  readonly after: string | null;
}

export interface RetainedValue extends RetainedSummary {
  readonly topic: string;
  /** Base64 of the first 64 KiB; missing: a viewer does not see it. */
  readonly payload?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** Answer to a deletion of retained messages. */
export interface Deletion {
  readonly deleted: number;
  /** Way to bring them back; `null`: there is none. */
  readonly restore: { readonly id: string; readonly until: string } | null;
}

export interface BanRow {
  readonly key: string;
  /** Key as a part of a path. */
  readonly segment: string;
  readonly clientId?: string;
  readonly user?: string;
  readonly address?: string;
  /** `null`: it does not end. */
  readonly until: string | null;
}

export interface ConfigurationAnswer {
  /** Configuration in force, secrets hidden. */
  readonly yaml: string;
}

/** Whether a configuration can be used. */
export interface ConfigurationCheck {
  readonly mistakes: readonly ConfigurationMistake[];
  readonly warnings: readonly string[];
}

export interface ConfigurationMistake {
  readonly file: string | null;
  readonly line: number | null;
  readonly key: string | null;
  readonly message: string;
}

export interface TokenRow {
  readonly name: string;
  readonly role: string;
  /** Name as a part of a path. */
  readonly segment: string;
  /** Whether it stands in the configuration, so that it cannot be deleted here. */
  readonly isConfigured: boolean;
}
