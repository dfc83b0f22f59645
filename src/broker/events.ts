import { isThenable } from "../auth/hook_answers.ts";
import type { ConnectPacket, Packet, ProtocolVersion, QoS } from "../codec/packet.ts";
import type { ReasonCode } from "../codec/reason_code.ts";
import type { Limits } from "../protocol/limits.ts";
import type { Peer } from "../transport/transport.ts";
import type { HandshakeHelp } from "../transport/web_socket/upgrade.ts";

/** Something that happens in a broker, for logs. Neither payloads nor passwords are to be shown. */
export type BrokerEvent =
  | { readonly kind: "connectionOpened"; readonly peer: Peer }
  /** Shortly before CONNACK with Success is sent. */
  | {
    readonly kind: "clientConnected";
    readonly peer: Peer;
    readonly clientId: string;
    /** Name that the authenticator gave. The user name may be a token: it is not to be shown where there is a principal. */
    readonly principal: string | undefined;
    readonly connect: ConnectPacket;
    /** Keep Alive that holds, in seconds; 0: off. */
    readonly keepAliveSeconds: number;
  }
  | { readonly kind: "clientTakenOver"; readonly peer: Peer; readonly clientId: string }
  | {
    readonly kind: "connectionClosed";
    readonly peer: Peer;
    /** Empty when no CONNECT came. */
    readonly clientId: string;
    readonly reasonCode: ReasonCode;
    readonly reason: string;
    /** `client`: it said DISCONNECT; `network`: the Network Connection was lost; `server`: this broker ended it. */
    readonly by: "client" | "network" | "server";
    /** The first bytes, at most 16, of a packet that could not be decoded. */
    readonly firstBytes?: Uint8Array;
  }
  | {
    readonly kind: "connectionRefused";
    readonly peer: Peer;
    readonly reason: string;
    /** Entry of docs/troubleshooting.md about it. */
    readonly help?: HandshakeHelp;
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
  /** A Will was not published when it was due, as its client may not publish it any more. */
  | {
    readonly kind: "willDenied";
    readonly clientId: string;
    readonly principal: string | undefined;
    readonly topic: string;
    readonly qos: QoS;
    readonly retain: boolean;
  }
  /** A retained message did not go to a new subscription, as the client that published it may not do so any more. */
  | {
    readonly kind: "retainedWithheld";
    /** Client Identifier of the publisher. */
    readonly clientId: string;
    readonly principal: string | undefined;
    readonly topic: string;
    readonly qos: QoS;
  }
  /** A message with RETAIN could not be retained; told once an hour for each client. */
  | {
    readonly kind: "retainedRefused";
    /** Client Identifier of the publisher. */
    readonly clientId: string;
    readonly principal: string | undefined;
    readonly topic: string;
    readonly qos: QoS;
    /** The limit that it is above; `storage`: the storage has too much to do. */
    readonly obstacle: "maximumRetainedMessages" | "maximumRetainedBytes" | "storage";
    /** Whether it went to those who have subscribed; `false`: it was refused with 0x97. */
    readonly isDelivered: boolean;
  }
  /** A subscription has ended that the rules do not allow any more, of a client that is connected or comes back. */
  | {
    readonly kind: "subscriptionLost";
    readonly peer: Peer;
    readonly clientId: string;
    readonly principal: string | undefined;
    readonly topicFilter: string;
  }
  /** A peer did what its transport forbids, such as a text frame of WebSocket. */
  | { readonly kind: "transportViolation"; readonly peer: Peer; readonly reason: string }
  /** Messages that were not delivered since this was told last, by reason; told every 10 s at most. */
  | {
    readonly kind: "messagesDropped";
    readonly qos0: number;
    readonly queueFull: number;
    readonly tooLarge: number;
    readonly expired: number;
  }
  /**
   * Messages for a client begin to be dropped, because it does not take them as fast as they come, or is away for too long.
   * Told once until it connects again.
   */
  | {
    readonly kind: "clientBehind";
    readonly clientId: string;
    readonly isConnected: boolean;
    /** The limit that was reached, and what it is. */
    readonly limit: keyof Limits;
    readonly value: number;
  }
  /**
   * Clients that were refused, and subscriptions and messages of sessions without connection, since this was told last, for
   * the bounds of what outlives connections; told every 10 s at most, with the last one.
   */
  | {
    readonly kind: "sessionsFull";
    readonly clients: number;
    readonly subscriptions: number;
    readonly messages: number;
    /** The limit that was reached, such as `maximumSessionsPerAddress`. */
    readonly limit: keyof Limits;
    readonly clientId: string;
    readonly principal: string | undefined;
    /** Address of a client without a principal, of IPv6 its network; `undefined`: not known. */
    readonly network: string | undefined;
  }
  /** The storage keeps again what it is given. */
  | { readonly kind: "commitRecovered" }
  /**
   * Changes could not be kept, told once a minute at most; the clients that waited for them are disconnected, without an
   * acknowledgement.
   */
  | { readonly kind: "commitFailed"; readonly error: unknown }
  /**
   * The storage is lost for good: another broker has taken it over, or it is not there any more. The broker closes itself:
   * it writes nothing more and serves nobody. `await broker.close()` waits until that is done.
   */
  | { readonly kind: "storageLost"; readonly error: Error }
  /** A session could not be read from the storage: its client is disconnected, or it ends a little later. */
  | { readonly kind: "readFailed"; readonly clientId: string; readonly error: unknown }
  /**
   * The wall clock of the machine was set, back where `byMs` is below 0, or the machine has slept. Sessions, messages and Wills
   * live as long as they were to; tokens and bans end by the new time.
   */
  | { readonly kind: "wallClockSet"; readonly byMs: number }
  /**
   * The process stood still for so many milliseconds: it was stopped, its machine was suspended or overloaded, or something
   * in it took that long. Clients are given a second before any is judged to have been silent.
   */
  | { readonly kind: "stoodStill"; readonly ms: number }
  /** A defect: whatever it was, it ended one connection or one task only. */
  | { readonly kind: "unexpectedError"; readonly error: unknown };

/** A packet that came from a client or goes to one. */
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

/** A hook that is only told something: what it throws, or rejects with, is its own affair, and ends nothing here. */
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
