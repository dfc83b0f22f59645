import { isThenable } from "../auth/hook_answers.ts";
import type { ConnectPacket, Packet, ProtocolVersion, QoS } from "../codec/packet.ts";
import type { ReasonCode } from "../codec/reason_code.ts";
import type { Limits } from "../protocol/limits.ts";
import type { Peer } from "../transport/transport.ts";
import type { RefusalHelp } from "../transport/listener.ts";

/** Event of a broker, for logs. Logs must not show passwords, nor payloads. */
export type BrokerEvent =
  | { readonly kind: "connectionOpened"; readonly peer: Peer }
  /** A client is accepted: CONNACK with Success is about to be sent. */
  | {
    readonly kind: "clientConnected";
    readonly peer: Peer;
    readonly clientId: string;
    /** Name that the authenticator gave. Show it in place of the User Name, which may be a token. */
    readonly principal: string | undefined;
    readonly connect: ConnectPacket;
    /** Keep Alive in force, in seconds; 0: off. */
    readonly keepAliveSeconds: number;
  }
  | { readonly kind: "clientTakenOver"; readonly peer: Peer; readonly clientId: string }
  | {
    readonly kind: "connectionClosed";
    readonly peer: Peer;
    /** Client Identifier; empty if no CONNECT came. */
    readonly clientId: string;
    /** Name that the authenticator gave. */
    readonly principal: string | undefined;
    /** Whether its client was connected: it got CONNACK with Success. */
    readonly wasConnected: boolean;
    readonly reasonCode: ReasonCode;
    readonly reason: string;
    /** `client`: it sent DISCONNECT; `network`: the Network Connection was lost; `server`: this broker ended it. */
    readonly by: "client" | "network" | "server";
    /** Clause of the specification that the client violated, such as `MQTT-3.3.1-4`; missing: none. */
    readonly clause?: string;
    /** The first bytes, at most 16, of a packet that could not be decoded. */
    readonly firstBytes?: Uint8Array;
  }
  | {
    readonly kind: "connectionRefused";
    readonly peer: Peer;
    readonly reason: string;
    /** Entry of docs/troubleshooting.md about it. */
    readonly help?: RefusalHelp;
    /** HTTP status of the answer to a WebSocket request. */
    readonly status?: number;
  }
  /**
   * A client may not do what it asked for: a PUBLISH, also one to a topic of the server, the Will of its CONNECT, or one Topic
   * Filter of a SUBSCRIBE.
   */
  | {
    readonly kind: "accessDenied";
    readonly peer: Peer;
    readonly clientId: string;
    /** Name that the authenticator gave. */
    readonly principal: string | undefined;
    readonly action: "publish" | "subscribe";
    /** Topic Name or Topic Filter. */
    readonly topic: string;
    readonly qos: QoS;
    readonly retain: boolean;
  }
  /** A Will was not published when it was due, because its client is no longer allowed to. */
  | {
    readonly kind: "willDenied";
    readonly clientId: string;
    readonly principal: string | undefined;
    readonly topic: string;
    readonly qos: QoS;
    readonly retain: boolean;
  }
  /** A retained message was withheld from a new subscription: its publisher is no longer allowed to publish it. */
  | {
    readonly kind: "retainedWithheld";
    /** Client Identifier of the publisher. */
    readonly clientId: string;
    readonly principal: string | undefined;
    readonly topic: string;
    readonly qos: QoS;
  }
  /** A message with RETAIN could not be retained; at most one event per client and hour. */
  | {
    readonly kind: "retainedRefused";
    /** Client Identifier of the publisher. */
    readonly clientId: string;
    readonly principal: string | undefined;
    readonly topic: string;
    readonly qos: QoS;
    /** Limit that it exceeds; `storage`: the storage is too busy. */
    readonly obstacle: "maximumRetainedMessages" | "maximumRetainedBytes" | "storage";
    /** Whether current subscribers got it; `false`: it was refused with 0x97. */
    readonly isDelivered: boolean;
  }
  /** A limit refused a subscription; at most one event per client and hour. */
  | {
    readonly kind: "subscriptionRefused";
    readonly clientId: string;
    readonly principal: string | undefined;
    readonly topicFilter: string;
    /** Limit that it exceeds. */
    readonly limit: keyof Limits;
    /** Value of that limit. */
    readonly value: number;
  }
  /** A subscription has ended because the rules no longer allow it; the client is connected, or is resuming its session. */
  | {
    readonly kind: "subscriptionLost";
    readonly peer: Peer;
    readonly clientId: string;
    readonly principal: string | undefined;
    readonly topicFilter: string;
  }
  /** A peer violated the rules of its transport, such as by a text frame of WebSocket. */
  | { readonly kind: "transportViolation"; readonly peer: Peer; readonly reason: string }
  /** Numbers of messages that were not delivered since the last such event, by reason; at most one event per 10 s. */
  | {
    readonly kind: "messagesDropped";
    readonly qos0: number;
    readonly queueFull: number;
    readonly tooLarge: number;
    readonly expired: number;
  }
  /**
   * Messages for a client begin to be dropped, because it reads too slowly or has been away for too long. At most one event
   * until it connects again.
   */
  | {
    readonly kind: "clientBehind";
    readonly clientId: string;
    readonly isConnected: boolean;
    /** Limit that was reached. */
    readonly limit: keyof Limits;
    /** Value of that limit. */
    readonly value: number;
  }
  /**
   * Numbers of clients, and of subscriptions and messages of sessions without a connection, that were refused since the last
   * such event because of the limits of durable sessions; at most one event per 10 s, with the last client.
   */
  | {
    readonly kind: "sessionsFull";
    readonly clients: number;
    readonly subscriptions: number;
    readonly messages: number;
    /** Limit that was reached, such as `maximumSessionsPerAddress`. */
    readonly limit: keyof Limits;
    readonly clientId: string;
    readonly principal: string | undefined;
    /** Address of a client without a principal, of IPv6 its network; `undefined`: not known. */
    readonly network: string | undefined;
  }
  /** The storage works again after `commitFailed`. */
  | { readonly kind: "commitRecovered" }
  /**
   * Changes could not be stored. Clients that waited for them are disconnected without an acknowledgement. At most one event
   * per minute.
   */
  | { readonly kind: "commitFailed"; readonly error: unknown }
  /**
   * The storage is lost for good: another broker has taken it over, or it no longer exists. The broker closes itself and
   * writes nothing more; `await broker.close()` waits until it is closed.
   */
  | { readonly kind: "storageLost"; readonly error: Error }
  /** A session could not be read from the storage: its client is disconnected, or the session ends a little later. */
  | { readonly kind: "readFailed"; readonly clientId: string; readonly error: unknown }
  /**
   * The wall clock of the machine was set (back if `byMs` is negative), or the machine has slept. Sessions, messages and Wills
   * keep their lifetimes; tokens and bans end by the new time.
   */
  | { readonly kind: "wallClockSet"; readonly byMs: number }
  /**
   * The process stood still for so many milliseconds: it was stopped, its machine was suspended or overloaded, or something
   * in it took that long. Clients are given a second before any is judged to have been silent.
   */
  | { readonly kind: "stoodStill"; readonly ms: number }
  /** Defect of the broker; it ended one connection or one task only. */
  | { readonly kind: "unexpectedError"; readonly error: unknown };

/** Packet that a client sent or is about to get. */
export interface PacketEvent {
  /** `received`: it came from the client; `sent`: it goes to the client. */
  readonly direction: "received" | "sent";
  /** Other end of the connection. */
  readonly peer: Peer;
  /** Client Identifier; empty before CONNECT. */
  readonly clientId: string;
  /** Version that the connection speaks. */
  readonly protocolVersion: ProtocolVersion;
  /** The packet. Its payload is a view on shared bytes: copy it to keep it. */
  readonly packet: Packet;
}

/** Watchers of something, each of which hears of all that is told while it watches. */
export class Watchers<Told> {
  #watchers: readonly ((told: Told) => void)[] = [];

  /** Whether anybody watches. */
  get isWatched(): boolean {
    return this.#watchers.length > 0;
  }

  /** Adds a watcher, whose errors are ignored; gives the function that takes it away, which is safe to call again. */
  add(watch: (told: Told) => unknown): () => void {
    const watcher = quiet(watch);
    this.#watchers = [...this.#watchers, watcher];
    return () => {
      this.#watchers = this.#watchers.filter((other) => other !== watcher);
    };
  }

  // Bound: all parts of a broker hold it as a function.
  readonly tell = (told: Told): void => {
    for (const watcher of this.#watchers) watcher(told);
  };
}

/** Wraps a listener so that what it throws or rejects with is ignored. */
export function quiet<Event>(tell: (event: Event) => unknown): (event: Event) => void {
  return (event) => {
    try {
      const told = tell(event);
      if (isThenable(told)) Promise.resolve(told).then(undefined, () => {}); // It would end the process.
    } catch {
      // There is nobody left to tell.
    }
  };
}
