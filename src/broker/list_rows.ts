import type { ProtocolVersion, QoS, RetainHandling } from "../codec/packet.ts";
import type { Subscription } from "../protocol/subscription.ts";
import type { RegisteredClient } from "./registered_client.ts";

/** Session in a list, with its connection if it has one. Numbers are since the connection or the session began. */
export interface SessionRow {
  /** Client Identifier. */
  readonly clientId: string;
  /** Name that the authenticator gave to its client. */
  readonly principal: string | undefined;
  /** Whether its client is connected. */
  readonly isConnected: boolean;
  /** Whether it outlives its connection, so that the storage knows it. */
  readonly isDurable: boolean;
  /** Session Expiry Interval in seconds; 0: it ends with its connection. */
  readonly sessionExpirySeconds: number;
  /** Time when a session without a connection ends, in epoch milliseconds. */
  readonly expiresAtMs: number | undefined;
  /** Topic of its Will, while that may still be published. */
  readonly willTopic: string | undefined;
  /** Number of its subscriptions. */
  readonly subscriptions: number;
  /** Messages that wait for the client. */
  readonly queued: number;
  /** Bytes of these: payloads, topics and properties. */
  readonly queuedBytes: number;
  /** Messages with QoS 1 and 2 that were sent on the connection and are not acknowledged. */
  readonly inflight: number;
  /** Messages that were dropped since the session began or was restored. */
  readonly dropped: number;
  /** Address of the client. */
  readonly address: string | undefined;
  /** Listener that the client came in at. */
  readonly listener: string | undefined;
  /** Kind of its connection, such as `tcp` or `wss`. */
  readonly transport: string | undefined;
  /** MQTT version: 3, 4 (3.1.1) or 5. */
  readonly protocolVersion: ProtocolVersion | undefined;
  /** Time when the connection began, in epoch milliseconds. */
  readonly connectedAtMs: number | undefined;
  /** Keep Alive in force, in seconds; 0: off. */
  readonly keepAliveSeconds: number | undefined;
  /** Bytes of MQTT that the connection has received. */
  readonly receivedBytes: number | undefined;
  /** Bytes of MQTT that it has sent. */
  readonly sentBytes: number | undefined;
  /** Packets that it has received. */
  readonly receivedPackets: number | undefined;
  /** Packets that it has sent. */
  readonly sentPackets: number | undefined;
  /** Bytes that wait for the socket of the client. */
  readonly outboxBytes: number | undefined;
}

/** Client that is connected, in a list: all that a connection has is there. */
export type ClientRow =
  & SessionRow
  & {
    readonly [
      Column in
        | "address"
        | "listener"
        | "transport"
        | "protocolVersion"
        | "connectedAtMs"
        | "keepAliveSeconds"
        | "receivedBytes"
        | "sentBytes"
        | "receivedPackets"
        | "sentPackets"
        | "outboxBytes"
    ]: NonNullable<SessionRow[Column]>;
  };

/** Subscription of a client in a list. */
export interface SubscriptionRow {
  /** Client Identifier. */
  readonly clientId: string;
  /** Name that the authenticator gave to its client. */
  readonly principal: string | undefined;
  /** Whether its client is connected. */
  readonly isConnected: boolean;
  /** Topic Filter as it was subscribed, with `$share/name/` if it is shared. */
  readonly topicFilter: string;
  /** ShareName of a Shared Subscription. */
  readonly shareName: string | undefined;
  /** Highest QoS of the messages. */
  readonly qos: QoS;
  /** No Local. */
  readonly noLocal: boolean;
  /** Retain As Published. */
  readonly retainAsPublished: boolean;
  /** Retain Handling. */
  readonly retainHandling: RetainHandling;
  /** Subscription Identifier. */
  readonly subscriptionIdentifier: number | undefined;
}

/** Rows by the kind of a list. */
export interface ListRows {
  /** Clients that are connected. */
  clients: ClientRow;
  /** Sessions, with a connection or without. */
  sessions: SessionRow;
  /** Subscriptions of clients; those of the own process are not among them. */
  subscriptions: SubscriptionRow;
}

/** A session as its row. */
export function sessionRow(client: RegisteredClient): SessionRow {
  const view = new SessionView();
  view.client = client;
  return snapshot<SessionRow>(view, SESSION_COLUMNS);
}

/** A subscription as its row. */
export function subscriptionRow(client: RegisteredClient, subscription: Subscription): SubscriptionRow {
  const { filter, qos, noLocal, retainAsPublished, retainHandling, subscriptionIdentifier } = subscription;
  return {
    clientId: client.session.clientId,
    principal: client.principal,
    isConnected: client.owner?.isWelcome === true,
    topicFilter: filter.topicFilter,
    shareName: filter.shareName,
    qos,
    noLocal,
    retainAsPublished,
    retainHandling,
    subscriptionIdentifier,
  };
}

/** Copies a row. */
export function snapshot<Row>(row: Row, columns: readonly (keyof Row)[]): Row {
  return Object.fromEntries(columns.map((column) => [column, row[column]])) as Row; // All of its columns.
}

/** Row of one session after the other, read when it is asked for: a pass over 100,000 makes no objects for those left out. */
export class SessionView implements SessionRow {
  declare client: RegisteredClient;

  get clientId(): string {
    return this.client.session.clientId;
  }

  get principal(): string | undefined {
    return this.client.principal;
  }

  get isConnected(): boolean {
    return this.client.owner?.isWelcome === true;
  }

  get isDurable(): boolean {
    return this.client.session.isDurable;
  }

  get sessionExpirySeconds(): number {
    return this.client.session.sessionExpirySeconds;
  }

  get expiresAtMs(): number | undefined {
    const { expiry, owner } = this.client;
    return owner === undefined && expiry !== undefined && expiry.place >= 0 ? expiry.dueMs : undefined;
  }

  get willTopic(): string | undefined {
    return (this.client.owner?.connection.will ?? this.client.will?.will)?.topic;
  }

  get subscriptions(): number {
    return this.client.session.subscriptionCount;
  }

  get queued(): number {
    return this.client.session.queuedCount;
  }

  get queuedBytes(): number {
    return this.client.session.messageBytes;
  }

  get inflight(): number {
    return this.client.session.inflightCount;
  }

  get dropped(): number {
    const dropped = this.client.session.dropped;
    return dropped === undefined ? 0 : dropped.qos0 + dropped.queueFull + dropped.tooLarge + dropped.expired;
  }

  get address(): string | undefined {
    return this.client.owner?.transport.peer.address;
  }

  get listener(): string | undefined {
    return this.client.owner?.transport.peer.listener;
  }

  get transport(): string | undefined {
    return this.client.owner?.transport.peer.transport;
  }

  get protocolVersion(): ProtocolVersion | undefined {
    return this.client.owner?.connection.version;
  }

  get connectedAtMs(): number | undefined {
    return this.client.owner?.connectedAtMs;
  }

  get keepAliveSeconds(): number | undefined {
    return this.client.owner?.connection.keepAliveSeconds;
  }

  get receivedBytes(): number | undefined {
    return this.client.owner?.receivedBytes;
  }

  get sentBytes(): number | undefined {
    return this.client.owner?.sentBytes;
  }

  get receivedPackets(): number | undefined {
    return this.client.owner?.receivedPackets;
  }

  get sentPackets(): number | undefined {
    return this.client.owner?.sentPackets;
  }

  get outboxBytes(): number | undefined {
    return this.client.owner?.connection.outbox.bytes;
  }
}

/** Columns of {@linkcode SessionRow}. */
export const SESSION_COLUMNS: readonly (keyof SessionRow)[] = [
  "clientId",
  "principal",
  "isConnected",
  "isDurable",
  "sessionExpirySeconds",
  "expiresAtMs",
  "willTopic",
  "subscriptions",
  "queued",
  "queuedBytes",
  "inflight",
  "dropped",
  "address",
  "listener",
  "transport",
  "protocolVersion",
  "connectedAtMs",
  "keepAliveSeconds",
  "receivedBytes",
  "sentBytes",
  "receivedPackets",
  "sentPackets",
  "outboxBytes",
];

/** Columns of {@linkcode SubscriptionRow}. */
export const SUBSCRIPTION_COLUMNS: readonly (keyof SubscriptionRow)[] = [
  "clientId",
  "principal",
  "isConnected",
  "topicFilter",
  "shareName",
  "qos",
  "noLocal",
  "retainAsPublished",
  "retainHandling",
  "subscriptionIdentifier",
];
