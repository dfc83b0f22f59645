import type { MosquittoRow } from "./limit_table.ts";
import type { BrokerSettings } from "./settings.ts";

/** Setting of a broker: true or false, one of several words, or a text where no `choices` are given. */
interface SettingRow<Value> {
  readonly default: Value;
  readonly choices?: readonly Value[];
  readonly mosquitto?: MosquittoRow<Value>;
  /** Meaning, cut into lines. */
  readonly text: string;
}

/**
 * Settings of a broker that are plain values and no limits. A new one is a row here: `deno task configuration` writes
 * settings.ts from it, which makes it an option of `Broker.open`, a key of configuration files and, with a `mosquitto`
 * key, of mosquitto.conf.
 */
// deno-fmt-ignore
export const SETTINGS: { readonly [Name in keyof BrokerSettings]: SettingRow<BrokerSettings[Name]> } = {
  deniedPublish: { default: "acknowledge", choices: ["acknowledge", "close"], text: `
    Answer to a PUBLISH of MQTT 3.1 or 3.1.1 that is not authorized: it is acknowledged and dropped, as these versions
    cannot report it, or it ends the connection. In MQTT 5 it is acknowledged with 0x87.` },
  deniedWill: { default: "refuse", choices: ["refuse", "drop"], text: `
    Answer to a client whose Will is not authorized: CONNECT is refused with 0x87, or with \`drop\` the client is
    accepted, as in mosquitto, and its Will is dropped if it is still not authorized when it would be published.` },
  lostSubscription: { default: "disconnect", choices: ["disconnect", "unsubscribe"], text: `
    Consequence for a connected client when other rules take away what it has subscribed to. The subscription ends in
    both cases, and the log reports it. \`disconnect\`: the client is disconnected with 0x87 and a Reason String that
    names the Topic Filters, before MQTT 5 without a word; a session that lives on waits for it without them.
    \`unsubscribe\`: it stays connected, and is not told, because MQTT has no packet for that. A client that resumes its
    session is never refused for it.` },
  // mosquitto 2.0.11 checks publishers only if its file says so, although its manual says otherwise.
  checksRetainedPublisher: { default: true, mosquitto: { key: "check_retain_source", default: false }, text: `
    Whether a retained message goes to a new subscription only where the client that published it, as it was then, may
    still publish it by the access rules of now. Messages of the broker's own process, and those that an earlier
    version has stored, have no such client.` },
  queuesQos0Messages: { default: false, mosquitto: { key: "queue_qos0_messages" }, text: `
    Whether messages with QoS 0 wait, within the limits of those with QoS 1 and 2, for a session that lives on without
    its connection; otherwise they are not delivered to it.` },
  upgradesOutgoingQos: { default: false, mosquitto: { key: "upgrade_outgoing_qos" }, text: `
    Whether a message goes out with the QoS that its subscription was granted even where that is higher than the QoS it
    was published with. This is not what the standard says (MQTT 5, section 3.8.4).` },
  overlappingSubscriptions: { default: "each", choices: ["each", "once"], text: `
    Copies of a message for a client of which several subscriptions match it (MQTT 5, section 3.3.4). \`each\`: one for
    each Subscription Identifier, and one for the subscriptions that have none, with what these subscriptions say of
    QoS, Retain As Published and No Local; a client that tells its subscriptions apart by one identifier, such as
    Node-RED, needs this. \`once\`: one copy, with the highest QoS and all identifiers. Without identifiers, as always
    before MQTT 5, both are the same.` },
  checksPayloadFormat: { default: false, text: `
    Whether a payload has to be what its Payload Format Indicator says (MQTT 5, section 3.3.2.3.2); one that is not is
    refused with 0x99.` },
  assignedClientIdPrefix: { default: "auto-", mosquitto: { key: "auto_id_prefix" }, text: `
    Beginning of a Client Identifier that the broker makes for a client that gives none.` },
};

/** Names of all settings. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly (keyof BrokerSettings)[]; // It has these keys and no other.

/** The defaults with what is given in their place; other options are left out. */
export function settingsWith(given: Partial<BrokerSettings>): BrokerSettings {
  return Object.fromEntries(
    SETTING_NAMES.map((name) => [name, given[name] ?? SETTINGS[name].default]),
  ) as unknown as BrokerSettings; // Made of just its names.
}
