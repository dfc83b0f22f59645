import type { Data, SubscribeOptions } from "../codec/message.ts";
import type { ProtocolVersion, QoS } from "../codec/packet.ts";
import type { Properties } from "../codec/property.ts";
import type { TlsClientOptions } from "../transport/tls/connect_tls.ts";

/** Options of {@linkcode Client.connect}; all are optional. */
export interface ConnectOptions {
  /**
   * Version to speak: 5, 4 for 3.1.1, or 3 for 3.1. Without it the client tries 5 first, and then 3.1.1 if the server
   * refuses 5, or closes without an answer.
   */
  readonly protocolVersion?: ProtocolVersion;
  /** Client Identifier; an empty one lets the server assign one. @default a random one that begins with `brooklet-` */
  readonly clientId?: string;
  /** User Name. @default the one in the URL */
  readonly userName?: string;
  /** Password. @default the one in the URL */
  readonly password?: Data;
  /**
   * Whether to begin without the session that the server may have (MQTT 5, section 3.1.2.4). After losing the
   * connection the client resumes its session in any case, as far as the server still has it.
   *
   * @default {true}
   */
  readonly cleanStart?: boolean;
  /**
   * Time for which the server keeps the session after the connection ends, in seconds (MQTT 5, section 3.1.2.11.2).
   * Without it, the session survives losses of the connection and ends with {@linkcode Client.close}. With 3.1.1 only
   * `cleanStart` counts.
   *
   * @default {300} and 0 from `close()` on; 0 without `reconnect`
   */
  readonly sessionExpirySeconds?: number;
  /**
   * Longest silence towards the server (section 3.1.2.10); 0 turns it off. The server may set another. @default {60}
   */
  readonly keepAliveSeconds?: number;
  /** Message that the server publishes if the client disappears without DISCONNECT. */
  readonly will?: WillOptions;
  /** Further properties of CONNECT, such as `userProperties` and `requestResponseInformation`. MQTT 5 only. */
  readonly properties?: Properties;
  /** QoS 1 and 2 messages that the server may send before they are acknowledged (section 3.1.2.11.3). @default {1_000} */
  readonly receiveMaximum?: number;
  /** Largest packet that is accepted, in bytes (section 3.1.2.11.4). @default {268_435_460} the largest possible */
  readonly maximumPacketBytes?: number;
  /** Topic Aliases that the server may use (section 3.1.2.11.5). @default {10} */
  readonly topicAliasMaximum?: number;
  /** Whether to send Topic Aliases if the server accepts them: fewer bytes, more work. @default {false} */
  readonly sendsTopicAliases?: boolean;
  /** QoS 1 and 2 messages that are sent and not acknowledged, at most; the server may allow fewer. @default {100} */
  readonly maximumInflight?: number;
  /** Messages that wait for the connection or for a place in flight. @default {10_000} */
  readonly maximumQueuedMessages?: number;
  /** Bytes of payload and topic of these messages. @default {16_777_216} */
  readonly maximumQueuedBytes?: number;
  /**
   * Time from the first connection for which messages that no subscription wants wait unacknowledged for one to be
   * made: those that the session has kept come before a program can subscribe. Later ones are acknowledged, dropped and
   * counted.
   *
   * @default {10_000}
   */
  readonly unclaimedTimeoutMs?: number;
  /** Time from the beginning until the server has accepted. @default {30_000} */
  readonly connectTimeoutMs?: number;
  /** Reconnection after a lost connection; `false`: the client is closed then. */
  readonly reconnect?: ReconnectOptions | false;
  /** Trusted and own certificates for TLS. */
  readonly tls?: TlsClientOptions;
  /** Enhanced authentication (section 4.12). MQTT 5 only, so the client does not fall back to 3.1.1. */
  readonly authentication?: ClientAuthentication;
  /** Ends the attempt to connect; a connected client is closed by {@linkcode Client.close}. */
  readonly signal?: AbortSignal;
}

/** The Will (MQTT 5, section 3.1.2.5). */
export interface WillOptions {
  /** Topic Name that it is published to. */
  readonly topic: string;
  /** Payload. @default empty */
  readonly payload?: Data;
  /** QoS that it is published with. @default {0} */
  readonly qos?: QoS;
  /** Whether it is published as a retained message. @default {false} */
  readonly retain?: boolean;
  /** Properties, such as `willDelayInterval`. */
  readonly properties?: Properties;
}

/** Reconnecting: each delay is random between half of its value and all of it, and doubles up to the longest. */
export interface ReconnectOptions {
  /** Delay before the first attempt. @default {500} */
  readonly minimumDelayMs?: number;
  /** Longest delay. @default {30_000} */
  readonly maximumDelayMs?: number;
  /** Attempts in a row before the client gives up. @default {Infinity} */
  readonly maximumAttempts?: number;
}

/** One side of an exchange that proves who the client is (MQTT 5, section 4.12). */
export interface ClientAuthentication {
  /** Name of the Authentication Method, such as `SCRAM-SHA-256`. */
  readonly method: string;
  /** Authentication Data for CONNECT. */
  start?(): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** Answers the server's data; also called with the data of CONNACK, and that answer is ignored. */
  answer(data: Uint8Array | undefined): Uint8Array | undefined | Promise<Uint8Array | undefined>;
}

/** Options of {@linkcode Client.subscribe} (MQTT 5, section 3.8.3.1). */
export interface ClientSubscribeOptions extends SubscribeOptions {
  /** Whether to leave out messages that this client publishes itself. @default {false} */
  readonly noLocal?: boolean;
  /** Whether `retain` of a message says how it was published, and not only that it was retained. @default {false} */
  readonly retainAsPublished?: boolean;
  /** Properties of SUBSCRIBE; the client assigns the Subscription Identifier. */
  readonly properties?: Properties;
  /**
   * Acknowledgement of messages with QoS 1 and 2: as soon as they have a place in the buffer, or only when they are
   * read, so that messages in the buffer when the program ends still belong to the server.
   *
   * @default {"buffered"}
   */
  readonly acknowledges?: "buffered" | "read";
  /**
   * Whether this subscription gets the messages that no subscription of this client wants: those that the session is
   * still subscribed to from an earlier client. @default {false}
   */
  readonly takesUnclaimed?: boolean;
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
  /** QoS of the request; the responder chooses that of the response. @default {0} */
  readonly qos?: QoS;
  /** Whether the request is published as a retained message. @default {false} */
  readonly retain?: boolean;
  /** Further properties of the request. */
  readonly properties?: Properties;
  /** Topic for the response. @default a topic of this client alone */
  readonly responseTopic?: string;
  /** Time limit for the response, from the call on. @default {10_000} */
  readonly timeoutMs?: number;
  /** Ends the wait with the reason of the signal. */
  readonly signal?: AbortSignal;
}

/** Options of {@linkcode Client.close}. */
export interface CloseOptions {
  /** 0x04 lets the server publish the Will (MQTT 5, section 3.14.2.1). @default {0x00} */
  readonly reasonCode?: 0x00 | 0x04;
  /** Changes how long the server keeps the session. @default as requested in {@linkcode ConnectOptions} */
  readonly sessionExpirySeconds?: number;
  /** Properties of DISCONNECT. */
  readonly properties?: Properties;
}

/** Options with their defaults. */
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

/** Adds the defaults; throws RangeError for a value out of its range. */
export function completeOptions(options: ConnectOptions): CompleteOptions {
  for (const [name, [least, most]] of Object.entries(RANGES)) {
    checkInteger(name, options[name as keyof typeof RANGES], least, most); // The name comes from this object.
  }
  if (options.reconnect) {
    checkInteger("minimumDelayMs", options.reconnect.minimumDelayMs, 0, LONGEST_TIMER_MS);
    checkInteger("maximumDelayMs", options.reconnect.maximumDelayMs, 0, LONGEST_TIMER_MS);
    checkInteger("maximumAttempts", options.reconnect.maximumAttempts, 1, Infinity);
  }
  return { ...DEFAULTS, ...options };
}

/** Throws RangeError for a value that is not an integer between the two. */
export function checkInteger(name: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (Number.isInteger(value) || value === Infinity) && value >= least && value <= most) return;
  throw new RangeError(`Cannot set ${name}: "${value}" is not an integer between ${least} and ${most}`);
}
