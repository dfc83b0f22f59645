// Made by "deno task configuration" of the table in limit_table.ts.

/** All limits of a broker. Limits below the protocol's own default are announced in CONNACK. */
export interface Limits {
  /**
   * Largest packet accepted, in bytes, counted with its fixed header. Announced as Maximum Packet Size (MQTT 5, section
   * 3.2.2.3.6); a larger one ends the connection with 0x95.
   *
   * @default {16_777_216} bytes
   */
  readonly maximumPacketBytes: number;
  /**
   * Memory of packets of which only a part has come, of all connections together, without the first 64 KiB of each.
   * Beyond that, only the oldest of them is read on, and the others wait, for twice `writeTimeoutMs` at most. A packet
   * that is read on while others wait, and is not complete after `writeTimeoutMs`, ends its connection with 0x97.
   * Without a value, `brooklet` takes less on a small machine: a 32nd of its memory.
   *
   * @default {67_108_864} bytes
   */
  readonly maximumIncompletePacketBytes: number;
  /**
   * Largest payload of PUBLISH, in bytes; a larger one is not published. PUBACK and PUBREC of MQTT 5 report 0x83;
   * earlier versions cannot report it. A client with a larger Will is refused with 0x95.
   *
   * @default {Infinity} bytes
   */
  readonly maximumPayloadBytes: number;
  /**
   * Largest CONNECT accepted, in bytes, because its client is not authenticated yet; the same holds for AUTH before
   * CONNACK. A larger one ends the connection.
   *
   * @default {131_072} bytes
   */
  readonly maximumConnectBytes: number;
  /**
   * Clients that are connected at the same time. One more is refused with 0x97 in CONNACK, unless it takes over its own
   * connection. A connection counts as soon as its client has been authenticated.
   *
   * @default {Infinity} connections
   */
  readonly maximumConnections: number;
  /**
   * Time from accept until CONNECT is complete, in milliseconds.
   *
   * @default {10_000} milliseconds
   */
  readonly connectTimeoutMs: number;
  /**
   * Longest Keep Alive, in seconds. A client that asks for more, or for none, gets it as Server Keep Alive (MQTT 5,
   * section 3.2.2.3.14). 0 is no limit. Clients of 3.1 and 3.1.1 cannot be told and keep what they asked for.
   *
   * @default {0} seconds
   */
  readonly maximumKeepAliveSeconds: number;
  /**
   * Longest Client Identifier, in characters; a longer one is refused with 0x85. All that MQTT allows are accepted by
   * default: `maximumConnectBytes` bounds it with the rest of CONNECT, and a session counts it with its bytes.
   *
   * @default {65_535} characters
   */
  readonly maximumClientIdLength: number;
  /**
   * Highest QoS of clients that publish, and of subscriptions. Announced as Maximum QoS (MQTT 5, section 3.2.2.3.4); a
   * higher one ends the connection with 0x9B. 0 to 2.
   *
   * @default {2}
   */
  readonly maximumQos: number;
  /**
   * QoS 1 and 2 messages that a client may send before they are acknowledged. Announced as Receive Maximum (MQTT 5,
   * section 3.2.2.3.3); one more ends the connection with 0x93. 1 to 65,535: by default as many as there are Packet
   * Identifiers, since some clients do not look at it, and one that is in use takes less than 20 bytes.
   *
   * @default {65_535} messages
   */
  readonly receiveMaximum: number;
  /**
   * QoS 1 and 2 messages sent to a client that it has not acknowledged: at most this and the Receive Maximum of the
   * client (MQTT 5, section 4.9). 1 to 65,535.
   *
   * @default {100} messages
   */
  readonly maximumInflight: number;
  /**
   * The same in bytes of payload, topic and properties: no further message is sent while they are reached.
   *
   * @default {Infinity} bytes
   */
  readonly maximumInflightBytes: number;
  /**
   * Messages with QoS 1 or 2 that wait in a session without connection. In a session with a connection, only bytes are
   * counted.
   *
   * @default {1_000} messages
   */
  readonly maximumQueuedMessages: number;
  /**
   * The same in bytes of payload, topic and properties; in a session with a connection, plus some 200 for each message.
   *
   * @default {10_000_000} bytes
   */
  readonly maximumQueuedBytes: number;
  /**
   * Bytes that wait to be written to one connection; further messages wait as such, see `maximumBacklogBytes`.
   *
   * @default {4_194_304} bytes
   */
  readonly maximumOutboxBytes: number;
  /**
   * The same for all connections together, of which many may have stopped reading. Beyond that, no more than 64 KiB
   * wait to be written to a connection before further messages wait as such. Without a value, `brooklet` takes an
   * eighth of the memory of the machine, or of its control group, where that is less than the default and Deno may read
   * it.
   *
   * @default {268_435_456} bytes
   */
  readonly maximumTotalOutboxBytes: number;
  /**
   * Bytes of messages, of any QoS, that wait for one connected client that reads what it gets, plus some 200 for each:
   * a burst that its network carries more slowly than it was published. Beyond that, or when the client has read
   * nothing for a tenth of `writeTimeoutMs`, `maximumOutboxBytes` and `maximumQueuedBytes` apply, and messages that
   * exceed them are dropped and counted. 0: no burst waits.
   *
   * @default {67_108_864} bytes
   */
  readonly maximumBacklogBytes: number;
  /**
   * The same for all clients together. A message that waits for many of them counts once. Without a value, `brooklet`
   * takes less on a small machine: a 16th of its memory.
   *
   * @default {134_217_728} bytes
   */
  readonly maximumTotalBacklogBytes: number;
  /**
   * Time that publishers wait for a client, in milliseconds: while more than half of `maximumBacklogBytes` waits for a
   * client that they publish to, they are not read from, and their messages are not acknowledged. Publishers do not
   * wait for a client that has read nothing for a second. After that time, they do not wait for it until it has caught
   * up. 0: publishers never wait.
   *
   * @default {10_000} milliseconds
   */
  readonly maximumBacklogWaitMs: number;
  /**
   * Time that a write of at most 128 KiB may take, in milliseconds; a client that reads more slowly is closed.
   *
   * @default {30_000} milliseconds
   */
  readonly writeTimeoutMs: number;
  /**
   * Messages that a client may publish in a second, and at once after a second of silence. A client that is faster is
   * not read from until the rate holds, for `maximumExcessMs` at most.
   *
   * @default {Infinity} messages a second
   */
  readonly maximumMessagesPerSecond: number;
  /**
   * The same for bytes that a client sends, in any packets.
   *
   * @default {Infinity} bytes a second
   */
  readonly maximumBytesPerSecond: number;
  /**
   * Time for which a client may exceed `maximumMessagesPerSecond` and `maximumBytesPerSecond`, in milliseconds; then it
   * is disconnected with 0x97.
   *
   * @default {10_000} milliseconds
   */
  readonly maximumExcessMs: number;
  /**
   * Time that a hook may take to answer, in milliseconds; after that, the request of the client is refused.
   *
   * @default {10_000} milliseconds
   */
  readonly hookTimeoutMs: number;
  /**
   * Subscriptions of one session; one more is refused as with `maximumSubscriptionBytes`. When as many Topic Filters of
   * a SUBSCRIBE are denied, the rest of it is refused as well, without asking the authorizer.
   *
   * @default {100_000} subscriptions
   */
  readonly maximumSubscriptions: number;
  /**
   * Bytes of the subscriptions of one session, connected or not: Topic Filters, with some 300 for each and 150 for each
   * level. One more is refused with 0x97 in SUBACK, with 0x80 in 3.1.1. A client of 3.1, where SUBACK can only grant,
   * is disconnected. The log names the client once.
   *
   * @default {134_217_728} bytes
   */
  readonly maximumSubscriptionBytes: number;
  /**
   * Levels of a Topic Name or Topic Filter; more are refused with 0x90 or 0x8F.
   *
   * @default {128} levels
   */
  readonly maximumTopicLevels: number;
  /**
   * Characters of a Topic Name or Topic Filter; more are refused with 0x90 or 0x8F.
   *
   * @default {65_535} characters
   */
  readonly maximumTopicLength: number;
  /**
   * Topic Aliases that a client may use; announced as Topic Alias Maximum (MQTT 5, section 3.2.2.3.8). The broker uses
   * at most as many itself, and no more than the client allows.
   *
   * @default {10} aliases
   */
  readonly topicAliasMaximum: number;
  /**
   * Retained messages. A message for a further topic is refused with 0x97 if its client can be told: MQTT 5 with QoS 1
   * or 2. Any other one, also a Will, is delivered but not retained, and counted in `$SYS/broker/retained
   * messages/refused`. 0 turns retained messages off: Retain Available announces it (MQTT 5, section 3.2.2.3.5), and a
   * PUBLISH with RETAIN ends the connection with 0x9A.
   *
   * @default {100_000} messages
   */
  readonly maximumRetainedMessages: number;
  /**
   * Retained messages in bytes: payloads, topics, properties, and some 280 for each level that no other topic has. A
   * message above it is refused or only delivered, as with `maximumRetainedMessages`; one that is only delivered
   * removes the earlier message of its topic.
   *
   * @default {100_000_000} bytes
   */
  readonly maximumRetainedBytes: number;
  /**
   * Changes that wait for the storage, in bytes. Beyond that, clients whose packets cause further changes are not read
   * from until some are stored.
   *
   * @default {16_000_000} bytes
   */
  readonly maximumPendingBytes: number;
  /**
   * Sessions that outlive their connections: those with a Session Expiry Interval, and those of 3.1 and 3.1.1 without
   * Clean Session, connected or not. A client that would begin one more is refused with 0x97, before MQTT 5 with return
   * code 3. No session is ended early to make room, because a client that begins many would end those of others.
   *
   * @default {250_000} sessions
   */
  readonly maximumSessions: number;
  /**
   * The same for clients of one principal.
   *
   * @default {25_000} sessions
   */
  readonly maximumSessionsPerPrincipal: number;
  /**
   * The same for clients without a principal that began their sessions from one address, for IPv6 from one /64 network.
   * Clients of a proxy that does not report their addresses share one.
   *
   * @default {25_000} sessions
   */
  readonly maximumSessionsPerAddress: number;
  /**
   * Bytes of these sessions: Wills, subscriptions with some 300 for each and 150 for each level, and messages that wait
   * while they have no connection, with some 200 for each. A client whose Will exceeds it is refused as above, a Topic
   * Filter is refused with 0x97 in SUBACK, and a message is dropped for this session and counted.
   *
   * @default {1_000_000_000} bytes
   */
  readonly maximumSessionBytes: number;
  /**
   * The same for clients of one principal.
   *
   * @default {100_000_000} bytes
   */
  readonly maximumSessionBytesPerPrincipal: number;
  /**
   * The same for clients without a principal, by address as above.
   *
   * @default {100_000_000} bytes
   */
  readonly maximumSessionBytesPerAddress: number;
  /**
   * Longest Session Expiry Interval, in seconds, where 4,294,967,295 is never. A longer one is shortened, and CONNACK
   * tells the client (MQTT 5, section 3.2.2.3.2).
   *
   * @default {4_294_967_295} seconds
   */
  readonly maximumSessionExpirySeconds: number;
}
