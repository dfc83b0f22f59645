// Made by "deno task configuration" of the table in setting_table.ts.

/** Settings of a broker that are plain values and no limits. */
export interface BrokerSettings {
  /**
   * Answer to a PUBLISH of MQTT 3.1 or 3.1.1 that is not authorized: it is acknowledged and dropped, as these versions
   * cannot report it, or it ends the connection. In MQTT 5 it is acknowledged with 0x87.
   *
   * @default {"acknowledge"}
   */
  readonly deniedPublish: "acknowledge" | "close";
  /**
   * Answer to a client whose Will is not authorized: CONNECT is refused with 0x87, or with `drop` the client is
   * accepted, as in mosquitto, and its Will is dropped if it is still not authorized when it would be published.
   *
   * @default {"refuse"}
   */
  readonly deniedWill: "refuse" | "drop";
  /**
   * Consequence for a connected client when other rules take away what it has subscribed to. The subscription ends in
   * both cases, and the log reports it. `disconnect`: the client is disconnected with 0x87 and a Reason String that
   * names the Topic Filters, before MQTT 5 without a word; a session that lives on waits for it without them.
   * `unsubscribe`: it stays connected, and is not told, because MQTT has no packet for that. A client that resumes its
   * session is never refused for it.
   *
   * @default {"disconnect"}
   */
  readonly lostSubscription: "disconnect" | "unsubscribe";
  /**
   * Whether a retained message goes to a new subscription only where the client that published it, as it was then, may
   * still publish it by the access rules of now. Messages of the broker's own process, and those that an earlier
   * version has stored, have no such client.
   *
   * @default {true}
   */
  readonly checksRetainedPublisher: boolean;
  /**
   * Whether messages with QoS 0 wait, within the limits of those with QoS 1 and 2, for a session that lives on without
   * its connection; otherwise they are not delivered to it.
   *
   * @default {false}
   */
  readonly queuesQos0Messages: boolean;
  /**
   * Whether a message goes out with the QoS that its subscription was granted even where that is higher than the QoS it
   * was published with. This is not what the standard says (MQTT 5, section 3.8.4).
   *
   * @default {false}
   */
  readonly upgradesOutgoingQos: boolean;
  /**
   * Copies of a message for a client of which several subscriptions match it (MQTT 5, section 3.3.4). `each`: one for
   * each Subscription Identifier, and one for the subscriptions that have none, with what these subscriptions say of
   * QoS, Retain As Published and No Local; a client that tells its subscriptions apart by one identifier, such as
   * Node-RED, needs this. `once`: one copy, with the highest QoS and all identifiers. Without identifiers, as always
   * before MQTT 5, both are the same.
   *
   * @default {"each"}
   */
  readonly overlappingSubscriptions: "each" | "once";
  /**
   * Whether a payload has to be what its Payload Format Indicator says (MQTT 5, section 3.3.2.3.2); one that is not is
   * refused with 0x99.
   *
   * @default {false}
   */
  readonly checksPayloadFormat: boolean;
  /**
   * Beginning of a Client Identifier that the broker makes for a client that gives none.
   *
   * @default {"auto-"}
   */
  readonly assignedClientIdPrefix: string;
}
