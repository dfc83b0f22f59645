import type { ProtocolVersion, QoS, RetainHandling } from "../codec/packet.ts";
import type { Properties } from "../codec/property.ts";
import type { TlsClientOptions } from "../transport/connect_tls.ts";
import type { Data } from "./message.ts";

/** Options of {@linkcode Client.connect}; all may be left out. */
export interface ConnectOptions {
  /**
   * Version to speak: 5, 4 for 3.1.1, or 3 for 3.1. Without it the client begins with 5, and goes on with 3.1.1 when the
   * server refuses 5, or closes without a word.
   */
  readonly protocolVersion?: ProtocolVersion;
  /** Empty lets the server assign one. @default a random one that begins with `brooklet-` */
  readonly clientId?: string;
  /** @default what the URL says */
  readonly userName?: string;
  /** @default what the URL says */
  readonly password?: Data;
  /**
   * Whether to begin without the session that the server may have (MQTT 5, section 3.1.2.4). After a loss of the connection
   * the client goes on with its session in any case, as far as the server still has it.
   *
   * @default {true}
   */
  readonly cleanStart?: boolean;
  /**
   * How long the server keeps the session after the connection ends, in seconds (MQTT 5, section 3.1.2.11.2). Without it,
   * the session lives through losses of the connection and ends with {@linkcode Client.close}. With 3.1.1 `cleanStart`
   * says it all.
   *
   * @default {300} and 0 from `close()` on; 0 without `reconnect`
   */
  readonly sessionExpirySeconds?: number;
  /** Longest silence towards the server (section 3.1.2.10); 0 turns it off. The server may say otherwise. @default {60} */
  readonly keepAliveSeconds?: number;
  /** What the server publishes when the client is gone without DISCONNECT. */
  readonly will?: WillOptions;
  /** Further properties of CONNECT, such as `userProperties` and `requestResponseInformation`. MQTT 5 only. */
  readonly properties?: Properties;
  /** QoS 1 and 2 messages that the server may send before they are acknowledged (section 3.1.2.11.3). @default {1_000} */
  readonly receiveMaximum?: number;
  /** Largest packet that is accepted, in bytes (section 3.1.2.11.4). @default {268_435_460} the largest there is */
  readonly maximumPacketBytes?: number;
  /** Topic Aliases that the server may use (section 3.1.2.11.5). @default {10} */
  readonly topicAliasMaximum?: number;
  /** Whether to send Topic Aliases where the server takes them: less on the wire, more work. @default {false} */
  readonly sendsTopicAliases?: boolean;
  /** QoS 1 and 2 messages that are sent and not acknowledged, at most; the server may allow fewer. @default {100} */
  readonly maximumInflight?: number;
  /** Messages that wait for the connection or for a place among those in flight. @default {10_000} */
  readonly maximumQueuedMessages?: number;
  /** The same in bytes of payload and topic. @default {16_777_216} */
  readonly maximumQueuedBytes?: number;
  /**
   * How long, from the first connection on, messages that no subscription wants wait unacknowledged for one to be made:
   * what the session has kept comes before a program can subscribe. Later they are acknowledged, dropped and counted.
   *
   * @default {10_000}
   */
  readonly unclaimedTimeoutMs?: number;
  /** Time from the beginning until the server has accepted. @default {30_000} */
  readonly connectTimeoutMs?: number;
  /** What to do when the connection is lost; `false`: the client is closed then. */
  readonly reconnect?: ReconnectOptions | false;
  /** What to trust and to show over TLS. */
  readonly tls?: TlsClientOptions;
  /** Enhanced authentication (section 4.12). MQTT 5 only, so without falling back. */
  readonly authentication?: ClientAuthentication;
  /** Ends the attempt to connect; a client that is connected is closed by {@linkcode Client.close}. */
  readonly signal?: AbortSignal;
}

/** The Will (MQTT 5, section 3.1.2.5). */
export interface WillOptions {
  readonly topic: string;
  /** @default empty */
  readonly payload?: Data;
  /** @default {0} */
  readonly qos?: QoS;
  /** @default {false} */
  readonly retain?: boolean;
  /** Such as `willDelayInterval`. */
  readonly properties?: Properties;
}

/** Reconnecting: each delay is random between half of its value and all of it, and doubles up to the longest. */
export interface ReconnectOptions {
  /** @default {500} */
  readonly minimumDelayMs?: number;
  /** @default {30_000} */
  readonly maximumDelayMs?: number;
  /** Attempts in a row before the client gives up. @default {Infinity} */
  readonly maximumAttempts?: number;
}

/** One side of an exchange that proves who the client is (MQTT 5, section 4.12). */
export interface ClientAuthentication {
  readonly method: string;
  /** What CONNECT says. */
  start?(): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** Answers what the server sent; what it sends with CONNACK is given too, and its answer then goes nowhere. */
  answer(data: Uint8Array | undefined): Uint8Array | undefined | Promise<Uint8Array | undefined>;
}

/** Options of {@linkcode Client.publish}. */
export interface PublishOptions {
  /** @default {0} */
  readonly qos?: QoS;
  /** @default {false} */
  readonly retain?: boolean;
  /** All but `topicAlias`, which the client gives out itself. MQTT 5 only. */
  readonly properties?: Properties;
  /** Ends the wait, and takes the message back as long as it was not sent. */
  readonly signal?: AbortSignal;
}

/** Options of {@linkcode Client.subscribe} (MQTT 5, section 3.8.3.1). */
export interface SubscriptionOptions {
  /** @default {2} */
  readonly qos?: QoS;
  /** Whether to leave out what this client publishes itself. @default {false} */
  readonly noLocal?: boolean;
  /** @default {false} */
  readonly retainAsPublished?: boolean;
  /** @default {0} */
  readonly retainHandling?: RetainHandling;
  /** Properties of SUBSCRIBE; the Subscription Identifier is given out by the client. */
  readonly properties?: Properties;
  /** Messages that may wait for the reader. @default {1_000} */
  readonly maximumMessages?: number;
  /**
   * When messages with QoS 1 and 2 are acknowledged: as soon as they have a place in the buffer, or not before they are
   * read, so that what is in the buffer when the program ends is still the server's.
   *
   * @default {"buffered"}
   */
  readonly acknowledges?: "buffered" | "read";
  /**
   * Whether messages that no subscription of this client wants come to this one: what a session from an earlier client is
   * still subscribed to. @default {false}
   */
  readonly takesUnclaimed?: boolean;
  /** Ends the subscription, also while it is being made. */
  readonly signal?: AbortSignal;
}

/** Options of {@linkcode Client.unsubscribe}. */
export interface UnsubscribeOptions {
  /** User Properties of UNSUBSCRIBE. MQTT 5 only. */
  readonly properties?: Properties;
  /** Ends the wait. */
  readonly signal?: AbortSignal;
}

/** Options of {@linkcode Client.request}. */
export interface RequestOptions {
  /** Of the request; that of the response is for the responder to say. @default {0} */
  readonly qos?: QoS;
  /** @default {false} */
  readonly retain?: boolean;
  /** Further properties of the request. */
  readonly properties?: Properties;
  /** Where the response is wanted. @default a topic of this client alone */
  readonly responseTopic?: string;
  /** @default {10_000} */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Options of {@linkcode Client.close}. */
export interface CloseOptions {
  /** 0x04 lets the server publish the Will (MQTT 5, section 3.14.2.1). @default {0x00} */
  readonly reasonCode?: 0x00 | 0x04;
  /** Changes how long the server keeps the session. @default as it was asked for in {@linkcode ConnectOptions} */
  readonly sessionExpirySeconds?: number;
  /** Properties of DISCONNECT. */
  readonly properties?: Properties;
}

/** The options that have a default, with it. */
export interface CompleteOptions extends ConnectOptions {
  readonly cleanStart: boolean;
  readonly keepAliveSeconds: number;
  readonly receiveMaximum: number;
  readonly maximumPacketBytes: number;
  readonly topicAliasMaximum: number;
  readonly sendsTopicAliases: boolean;
  readonly maximumInflight: number;
  readonly maximumQueuedMessages: number;
  readonly maximumQueuedBytes: number;
  readonly unclaimedTimeoutMs: number;
  readonly connectTimeoutMs: number;
}

const DEFAULTS = {
  cleanStart: true,
  keepAliveSeconds: 60,
  receiveMaximum: 1_000,
  maximumPacketBytes: 268_435_460,
  topicAliasMaximum: 10,
  sendsTopicAliases: false,
  maximumInflight: 100,
  maximumQueuedMessages: 10_000,
  maximumQueuedBytes: 16_777_216,
  unclaimedTimeoutMs: 10_000,
  connectTimeoutMs: 30_000,
} as const;

const LONGEST_TIMER_MS = 2_147_483_647;
const RANGES = {
  keepAliveSeconds: [0, 65_535],
  sessionExpirySeconds: [0, 0xffff_ffff],
  receiveMaximum: [1, 65_535],
  maximumPacketBytes: [2, 268_435_460],
  topicAliasMaximum: [0, 65_535],
  maximumInflight: [1, 65_535],
  maximumQueuedMessages: [0, Infinity],
  maximumQueuedBytes: [0, Infinity],
  unclaimedTimeoutMs: [0, LONGEST_TIMER_MS],
  connectTimeoutMs: [1, LONGEST_TIMER_MS],
} as const;

/** The options with their defaults; throws RangeError for a value out of its range. */
export function completeOptions(options: ConnectOptions): CompleteOptions {
  for (const [name, [least, most]] of Object.entries(RANGES)) {
    checkInteger(name, options[name as keyof typeof RANGES], least, most); // It is its own key.
  }
  if (options.reconnect) {
    checkInteger("minimumDelayMs", options.reconnect.minimumDelayMs, 0, LONGEST_TIMER_MS);
    checkInteger("maximumDelayMs", options.reconnect.maximumDelayMs, 0, LONGEST_TIMER_MS);
    checkInteger("maximumAttempts", options.reconnect.maximumAttempts, 1, Infinity);
  }
  return { ...DEFAULTS, ...options };
}

/** Throws RangeError for what is not an integer between the two. */
export function checkInteger(name: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (Number.isInteger(value) || value === Infinity) && value >= least && value <= most) return;
  throw new RangeError(`Cannot set ${name}: "${value}" is not an integer between ${least} and ${most}`);
}
