import type { Limits } from "./limits.ts";

/** Session Expiry Interval of a session that does not expire (MQTT 5, section 3.1.2.11.2). */
export const NEVER_EXPIRES = 0xffff_ffff;

const COUNTS_ALL = "counts topics and properties too, and not only payloads";
const TOLD_BY_5 = "is not for clients of MQTT 3.1 and 3.1.1: they keep what they ask for";

/** The same setting in a mosquitto.conf. */
export interface MosquittoRow<Value> {
  readonly key?: string;
  /** Its default there, where that differs. */
  readonly default?: Value;
  /** Largest value there, where that is less. */
  readonly most?: number;
  /** Difference of what a value other than 0 means there, for a warning. */
  readonly differs?: string;
}

/** Limit of a broker: an integer between `least` and `most`, or Infinity where that is the most. */
interface LimitRow {
  readonly default: number;
  readonly least: number;
  readonly most: number;
  readonly unit: string;
  /** Whether a listener can set it for its connections: a limit of a connection and not of a session. */
  readonly isOfListener?: true;
  readonly mosquitto?: MosquittoRow<number>;
  /** Meaning, cut into lines, see {@linkcode rowText}. */
  readonly text: string;
}

/**
 * All limits of a broker. A new one is a row here: `deno task configuration` writes limits.ts, and the reference of the
 * configuration, from it.
 */
// deno-fmt-ignore
export const LIMITS: { readonly [Name in keyof Limits]: LimitRow } = {
  maximumPacketBytes: { default: 16_777_216, least: 32, most: 268_435_460, unit: "bytes",
    isOfListener: true, mosquitto: { key: "max_packet_size", default: 268_435_460 }, text: `
    Largest packet accepted, in bytes, counted with its fixed header. Announced as Maximum Packet Size (MQTT 5,
    section 3.2.2.3.6); a larger one ends the connection with 0x95.` },
  maximumIncompletePacketBytes: { default: 67_108_864, least: 0, most: Infinity, unit: "bytes", text: `
    Memory of packets of which only a part has come, of all connections together, without the first 64 KiB of each.
    Beyond that, only the oldest of them is read on, and the others wait, for twice \`writeTimeoutMs\` at most. A packet
    that is read on while others wait, and is not complete after \`writeTimeoutMs\`, ends its connection with 0x97.
    Without a value, \`brooklet\` takes less on a small machine: a 32nd of its memory.` },
  maximumPayloadBytes: { default: Infinity, least: 0, most: Infinity, unit: "bytes",
    isOfListener: true, mosquitto: { key: "message_size_limit", most: 268_435_455 }, text: `
    Largest payload of PUBLISH, in bytes; a larger one is not published. PUBACK and PUBREC of MQTT 5 report 0x83;
    earlier versions cannot report it. A client with a larger Will is refused with 0x95.` },
  maximumConnectBytes: { default: 131_072, least: 32, most: 268_435_460, unit: "bytes", isOfListener: true, text: `
    Largest CONNECT accepted, in bytes, because its client is not authenticated yet; the same holds for AUTH before
    CONNACK. A larger one ends the connection.` },
  maximumConnections: { default: Infinity, least: 1, most: Infinity, unit: "connections",
    mosquitto: { key: "global_max_connections" }, text: `
    Clients that are connected at the same time. One more is refused with 0x97 in CONNACK, unless it takes over its
    own connection. A connection counts as soon as its client has been authenticated.` },
  connectTimeoutMs: { default: 10_000, least: 1, most: Infinity, unit: "milliseconds", isOfListener: true, text: `
    Time from accept until CONNECT is complete, in milliseconds.` },
  maximumKeepAliveSeconds: { default: 0, least: 0, most: 65_535, unit: "seconds",
    isOfListener: true, mosquitto: { key: "max_keepalive", differs: TOLD_BY_5 }, text: `
    Longest Keep Alive, in seconds. A client that asks for more, or for none, gets it as Server Keep Alive (MQTT 5,
    section 3.2.2.3.14). 0 is no limit. Clients of 3.1 and 3.1.1 cannot be told and keep what they asked for.` },
  // [MQTT-3.1.3-5]
  maximumClientIdLength: { default: 65_535, least: 23, most: 65_535, unit: "characters",
    isOfListener: true, mosquitto: { default: 65_535 }, text: `
    Longest Client Identifier, in characters; a longer one is refused with 0x85. All that MQTT allows are accepted by
    default: \`maximumConnectBytes\` bounds it with the rest of CONNECT, and a session counts it with its bytes.` },
  maximumQos: { default: 2, least: 0, most: 2, unit: "", isOfListener: true, mosquitto: { key: "max_qos" }, text: `
    Highest QoS of clients that publish, and of subscriptions. Announced as Maximum QoS (MQTT 5, section 3.2.2.3.4);
    a higher one ends the connection with 0x9B. 0 to 2.` },
  receiveMaximum: { default: 65_535, least: 1, most: 65_535, unit: "messages",
    isOfListener: true, mosquitto: { key: "max_inflight_messages", default: 20 }, text: `
    QoS 1 and 2 messages that a client may send before they are acknowledged. Announced as Receive Maximum (MQTT 5,
    section 3.2.2.3.3); one more ends the connection with 0x93. 1 to 65,535: by default as many as there are Packet
    Identifiers, since some clients do not look at it, and one that is in use takes less than 20 bytes.` },
  maximumInflight: { default: 100, least: 1, most: 65_535, unit: "messages",
    mosquitto: { key: "max_inflight_messages", default: 20 }, text: `
    QoS 1 and 2 messages sent to a client that it has not acknowledged: at most this and the Receive Maximum of the
    client (MQTT 5, section 4.9). 1 to 65,535.` },
  maximumInflightBytes: { default: Infinity, least: 1, most: Infinity, unit: "bytes",
    mosquitto: { key: "max_inflight_bytes", differs: COUNTS_ALL }, text: `
    The same in bytes of payload, topic and properties: no further message is sent while they are reached.` },
  maximumQueuedMessages: { default: 1_000, least: 0, most: Infinity, unit: "messages",
    mosquitto: { key: "max_queued_messages" }, text: `
    Messages with QoS 1 or 2 that wait in a session without connection. In a session with a connection, only bytes
    are counted.` },
  maximumQueuedBytes: { default: 10_000_000, least: 0, most: Infinity, unit: "bytes",
    mosquitto: { key: "max_queued_bytes", default: Infinity, differs: COUNTS_ALL }, text: `
    The same in bytes of payload, topic and properties; in a session with a connection, plus some 200 for each
    message.` },
  maximumOutboxBytes: { default: 4_194_304, least: 1_024, most: Infinity, unit: "bytes", isOfListener: true, text: `
    Bytes that wait to be written to one connection; further messages wait as such, see \`maximumBacklogBytes\`.` },
  maximumTotalOutboxBytes: { default: 268_435_456, least: 0, most: Infinity, unit: "bytes", text: `
    The same for all connections together, of which many may have stopped reading. Beyond that, no more than 64 KiB wait
    to be written to a connection before further messages wait as such. Without a value, \`brooklet\` takes an eighth of
    the memory of the machine, or of its control group, where that is less than the default and Deno may read it.` },
  maximumBacklogBytes: { default: 67_108_864, least: 0, most: Infinity, unit: "bytes", text: `
    Bytes of messages, of any QoS, that wait for one connected client that reads what it gets, plus some 200 for
    each: a burst that its network carries more slowly than it was published. Beyond that, or when the client has
    read nothing for a tenth of \`writeTimeoutMs\`, \`maximumOutboxBytes\` and \`maximumQueuedBytes\` apply, and
    messages that exceed them are dropped and counted. 0: no burst waits.` },
  maximumTotalBacklogBytes: { default: 134_217_728, least: 0, most: Infinity, unit: "bytes", text: `
    The same for all clients together. A message that waits for many of them counts once. Without a value, \`brooklet\`
    takes less on a small machine: a 16th of its memory.` },
  maximumBacklogWaitMs: { default: 10_000, least: 0, most: Infinity, unit: "milliseconds", text: `
    Time that publishers wait for a client, in milliseconds: while more than half of \`maximumBacklogBytes\` waits
    for a client that they publish to, they are not read from, and their messages are not acknowledged. Publishers do
    not wait for a client that has read nothing for a second. After that time, they do not wait for it until it has
    caught up. 0: publishers never wait.` },
  writeTimeoutMs: { default: 30_000, least: 1, most: Infinity, unit: "milliseconds", isOfListener: true, text: `
    Time that a write of at most 128 KiB may take, in milliseconds; a client that reads more slowly is closed.` },
  maximumMessagesPerSecond: { default: Infinity, least: 1, most: Infinity, unit: "messages a second",
    isOfListener: true, text: `
    Messages that a client may publish in a second, and at once after a second of silence. A client that is faster is
    not read from until the rate holds, for \`maximumExcessMs\` at most.` },
  maximumBytesPerSecond: { default: Infinity, least: 1, most: Infinity, unit: "bytes a second",
    isOfListener: true, text: `
    The same for bytes that a client sends, in any packets.` },
  maximumExcessMs: { default: 10_000, least: 0, most: Infinity, unit: "milliseconds", isOfListener: true, text: `
    Time for which a client may exceed \`maximumMessagesPerSecond\` and \`maximumBytesPerSecond\`, in milliseconds;
    then it is disconnected with 0x97.` },
  // A timer beyond that fires at once.
  hookTimeoutMs: { default: 10_000, least: 1, most: 2_147_483_647, unit: "milliseconds", text: `
    Time that a hook may take to answer, in milliseconds; after that, the request of the client is refused.` },
  maximumSubscriptions: { default: 100_000, least: 0, most: Infinity, unit: "subscriptions",
    mosquitto: { default: Infinity }, text: `
    Subscriptions of one session; one more is refused as with \`maximumSubscriptionBytes\`. When as many Topic Filters
    of a SUBSCRIBE are denied, the rest of it is refused as well, without asking the authorizer.` },
  maximumSubscriptionBytes: { default: 134_217_728, least: 0, most: Infinity, unit: "bytes",
    mosquitto: { default: Infinity }, text: `
    Bytes of the subscriptions of one session, connected or not: Topic Filters, with some 300 for each and 150 for each
    level. One more is refused with 0x97 in SUBACK, with 0x80 in 3.1.1. A client of 3.1, where SUBACK can only grant,
    is disconnected. The log names the client once.` },
  // mosquitto counts slashes, up to 200.
  maximumTopicLevels: { default: 128, least: 1, most: 65_535, unit: "levels", mosquitto: { default: 201 }, text: `
    Levels of a Topic Name or Topic Filter; more are refused with 0x90 or 0x8F.` },
  maximumTopicLength: { default: 65_535, least: 1, most: 65_535, unit: "characters", text: `
    Characters of a Topic Name or Topic Filter; more are refused with 0x90 or 0x8F.` },
  topicAliasMaximum: { default: 10, least: 0, most: 65_535, unit: "aliases",
    isOfListener: true, mosquitto: { key: "max_topic_alias" }, text: `
    Topic Aliases that a client may use; announced as Topic Alias Maximum (MQTT 5, section 3.2.2.3.8). The broker
    uses at most as many itself, and no more than the client allows.` },
  maximumRetainedMessages: { default: 100_000, least: 0, most: Infinity, unit: "messages",
    mosquitto: { key: "retain_available", default: Infinity }, text: `
    Retained messages. A message for a further topic is refused with 0x97 if its client can be told: MQTT 5 with QoS
    1 or 2. Any other one, also a Will, is delivered but not retained, and counted in \`$SYS/broker/retained
    messages/refused\`. 0 turns retained messages off: Retain Available announces it (MQTT 5, section 3.2.2.3.5), and
    a PUBLISH with RETAIN ends the connection with 0x9A.` },
  maximumRetainedBytes: { default: 100_000_000, least: 0, most: Infinity, unit: "bytes",
    mosquitto: { default: Infinity }, text: `
    Retained messages in bytes: payloads, topics, properties, and some 280 for each level that no other topic has. A
    message above it is refused or only delivered, as with \`maximumRetainedMessages\`; one that is only delivered
    removes the earlier message of its topic.` },
  maximumPendingBytes: { default: 16_000_000, least: 1, most: Infinity, unit: "bytes", text: `
    Changes that wait for the storage, in bytes. Beyond that, clients whose packets cause further changes are not
    read from until some are stored.` },
  maximumSessions: { default: 250_000, least: 0, most: Infinity, unit: "sessions",
    mosquitto: { key: "global_max_clients" }, text: `
    Sessions that outlive their connections: those with a Session Expiry Interval, and those of 3.1 and 3.1.1 without
    Clean Session, connected or not. A client that would begin one more is refused with 0x97, before MQTT 5 with
    return code 3. No session is ended early to make room, because a client that begins many would end those of
    others.` },
  maximumSessionsPerPrincipal: { default: 25_000, least: 0, most: Infinity, unit: "sessions", text: `
    The same for clients of one principal.` },
  maximumSessionsPerAddress: { default: 25_000, least: 0, most: Infinity, unit: "sessions", text: `
    The same for clients without a principal that began their sessions from one address, for IPv6 from one /64
    network. Clients of a proxy that does not report their addresses share one.` },
  maximumSessionBytes: { default: 1_000_000_000, least: 0, most: Infinity, unit: "bytes", text: `
    Bytes of these sessions: Wills, subscriptions with some 300 for each and 150 for each level, and messages that
    wait while they have no connection, with some 200 for each. A client whose Will exceeds it is refused as above, a
    Topic Filter is refused with 0x97 in SUBACK, and a message is dropped for this session and counted.` },
  maximumSessionBytesPerPrincipal: { default: 100_000_000, least: 0, most: Infinity, unit: "bytes", text: `
    The same for clients of one principal.` },
  maximumSessionBytesPerAddress: { default: 100_000_000, least: 0, most: Infinity, unit: "bytes", text: `
    The same for clients without a principal, by address as above.` },
  maximumSessionExpirySeconds: { default: NEVER_EXPIRES, least: 0, most: NEVER_EXPIRES, unit: "seconds",
    mosquitto: { key: "persistent_client_expiration" }, text: `
    Longest Session Expiry Interval, in seconds, where 4,294,967,295 is never. A longer one is shortened, and CONNACK
    tells the client (MQTT 5, section 3.2.2.3.2).` },
};

/** Names of all limits. */
export const LIMIT_NAMES = Object.keys(LIMITS) as readonly (keyof Limits)[]; // It has these keys and no other.

/** Defaults of all limits. */
export const DEFAULT_LIMITS: Limits = Object.fromEntries(
  LIMIT_NAMES.map((name) => [name, LIMITS[name].default]),
) as unknown as Limits; // Made of just its names.

/** The defaults with what is given in their place; throws RangeError for a value out of its range. */
export function limitsWith(given: Partial<Limits>): Limits {
  for (const [name, value] of Object.entries(given)) {
    const row = Object.hasOwn(LIMITS, name) ? LIMITS[name as keyof Limits] : undefined; // It is its own key.
    if (row === undefined) throw new RangeError(`Cannot set limit "${name}": there is none of this name`);
    const { least, most } = row;
    const isInteger = Number.isInteger(value) || value === Infinity;
    if (!isInteger || value < least || value > most) {
      throw new RangeError(`Cannot set ${name}: "${value}" is not an integer between ${least} and ${most}`);
    }
  }
  return { ...DEFAULT_LIMITS, ...given };
}

/** Meaning of a limit or a setting in one line, for doc comments and the reference of the configuration. */
export function rowText({ text }: { readonly text: string }): string {
  return text.trim().replaceAll(/\s+/g, " ");
}
