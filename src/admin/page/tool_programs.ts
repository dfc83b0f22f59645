/** Settings of a connection as programs for MQTT.js and for paho. */

import type { QoS } from "../../codec/packet.ts";
import { exactText, hexOfBytes, parsePayload } from "./payload_bytes.ts";
import { parseUserProperties, type ToolSettings, type WillSettings } from "./tool_settings.ts";

/** Connection with what it is to do. */
export interface CommandSubject {
  readonly settings: ToolSettings;
  readonly hasPassword: boolean;
  readonly publication: {
    readonly topic: string;
    readonly payload: Uint8Array;
    readonly qos: QoS;
    readonly retain: boolean;
  };
  readonly subscription: { readonly topicFilter: string; readonly qos: QoS };
  /** URLs of the listeners of the broker: mosquitto's clients speak no WebSocket before 2.1. */
  readonly listeners: readonly string[];
}

/** Variable of the environment that has the password. */
export const PASSWORD_VARIABLE = "MQTT_PASSWORD";
export const DEFAULT_PORTS: Readonly<Record<string, string>> = {
  "ws:": "80",
  "wss:": "443",
  "mqtt:": "1883",
  "mqtts:": "8883",
};
const PYTHON_VERSIONS = { 3: "mqtt.MQTTv31", 4: "mqtt.MQTTv311", 5: "mqtt.MQTTv5" } as const;

/** Program for MQTT.js. */
export function mqttJsProgram({ settings, hasPassword, publication, subscription }: CommandSubject): string {
  const { topic, payload, qos, retain } = publication;
  return [
    'import mqtt from "mqtt";',
    "",
    `const client = await mqtt.connectAsync(${JSON.stringify(settings.address)}, {`,
    ...mqttJsOptions(settings).map(([name, value]) => `  ${name}: ${value},`),
    ...hasPassword ? [`  password: process.env.${PASSWORD_VARIABLE},`] : [],
    "});",
    'client.on("message", (topic, payload) => console.log(topic, payload.toString()));',
    `await client.subscribeAsync(${JSON.stringify(subscription.topicFilter)}, { qos: ${subscription.qos} });`,
    `await client.publishAsync(${JSON.stringify(topic)}, ${
      javaScriptBytes(payload)
    }, { qos: ${qos}, retain: ${retain} });`,
    "",
  ].join("\n");
}

function mqttJsOptions(settings: ToolSettings): (readonly [string, string])[] {
  const { protocolVersion, userName, will } = settings;
  const { expiry, userProperties } = newProperties(settings);
  const properties = [
    ...expiry > 0 ? [`sessionExpiryInterval: ${expiry}`] : [],
    ...userProperties.length > 0 ? [`userProperties: ${JSON.stringify(Object.fromEntries(userProperties))}`] : [],
  ];
  const willParts = [
    `topic: ${JSON.stringify(will.topic)}`,
    `payload: ${javaScriptBytes(willPayload(will))}`,
    `qos: ${will.qos}`,
    `retain: ${will.retain}`,
  ];
  return [
    ["clientId", JSON.stringify(settings.clientId)],
    ["protocolVersion", `${protocolVersion}`],
    ...protocolVersion === 3 ? [["protocolId", '"MQIsdp"'] as const] : [],
    ...userName === "" ? [] : [["username", JSON.stringify(userName)] as const],
    ["keepalive", `${Number(settings.keepAliveSeconds)}`],
    ["clean", `${settings.cleanStart}`],
    ...properties.length === 0 ? [] : [["properties", `{ ${properties.join(", ")} }`] as const],
    ...will.isOn ? [["will", `{ ${willParts.join(", ")} }`] as const] : [],
  ];
}

/** Program for paho, version 2, for Python. */
export function pahoProgram(subject: CommandSubject): string {
  const { hasPassword, publication, subscription, settings } = subject;
  const { topic, payload, qos, retain } = publication;
  const hasProperties = propertyLines(settings).length > 0;
  return [
    ...hasPassword ? ["import os", ""] : [],
    "import paho.mqtt.client as mqtt  # pip install paho-mqtt",
    ...hasProperties
      ? ["from paho.mqtt.packettypes import PacketTypes", "from paho.mqtt.properties import Properties"]
      : [],
    "",
    "",
    "def on_connect(client, userdata, flags, reason_code, properties):",
    "    print(reason_code)",
    `    client.subscribe(${python(subscription.topicFilter)}, qos=${subscription.qos})`,
    `    client.publish(${python(topic)}, ${pythonBytes(payload)}, qos=${qos}, retain=${python(retain)})`,
    "",
    "",
    ...connectionLines(subject),
    "client.loop_forever()",
    "",
  ].join("\n");
}

function connectionLines({ settings, hasPassword }: CommandSubject): string[] {
  const { address, clientId, protocolVersion, userName, keepAliveSeconds, cleanStart, will } = settings;
  const url = new URL(address);
  const isNew = protocolVersion === 5;
  const properties = propertyLines(settings);
  const clean = isNew ? "" : `, clean_session=${python(cleanStart)}`;
  const password = hasPassword ? `, os.environ["${PASSWORD_VARIABLE}"]` : "";
  const connect = [
    python(url.hostname),
    url.port || DEFAULT_PORTS[url.protocol],
    `keepalive=${Number(keepAliveSeconds)}`,
    ...isNew ? [`clean_start=${python(cleanStart)}`] : [],
    ...properties.length > 0 ? ["properties=properties"] : [],
  ];
  return [
    "client = mqtt.Client(",
    `    mqtt.CallbackAPIVersion.VERSION2, client_id=${python(clientId)}, ` +
    `protocol=${PYTHON_VERSIONS[protocolVersion]}, transport="websockets"${clean}`,
    ")",
    `client.ws_set_options(path=${python(url.pathname)})`,
    ...url.protocol === "wss:" ? ["client.tls_set()"] : [],
    ...userName !== "" || hasPassword ? [`client.username_pw_set(${python(userName)}${password})`] : [],
    ...will.isOn ? [willLine(will)] : [],
    ...properties,
    "client.on_connect = on_connect",
    "client.on_message = lambda client, userdata, message: print(message.topic, message.payload)",
    `client.connect(${connect.join(", ")})`,
  ];
}

function willLine(will: WillSettings): string {
  const { topic, qos, retain } = will;
  return `client.will_set(${python(topic)}, ${pythonBytes(willPayload(will))}, qos=${qos}, retain=${python(retain)})`;
}

/** Lines for the properties of CONNECT; none where there are none. */
function propertyLines(settings: ToolSettings): string[] {
  const { expiry, userProperties } = newProperties(settings);
  const pairs = userProperties.map(([name, value]) => `(${python(name)}, ${python(value)})`);
  const lines = [
    ...expiry > 0 ? [`properties.SessionExpiryInterval = ${expiry}`] : [],
    ...pairs.length > 0 ? [`properties.UserProperty = [${pairs.join(", ")}]`] : [],
  ];
  return lines.length === 0 ? [] : ["properties = Properties(PacketTypes.CONNECT)", ...lines];
}

/** Properties of CONNECT that the form has; none before MQTT 5. */
function newProperties(settings: ToolSettings) {
  const isNew = settings.protocolVersion === 5;
  return {
    expiry: isNew ? Number(settings.sessionExpirySeconds) : 0,
    userProperties: isNew ? userPropertiesOf(settings) : [],
  };
}

/** User properties of the form; none while there is a mistake in them. */
export function userPropertiesOf(settings: ToolSettings): readonly (readonly [string, string])[] {
  const properties = parseUserProperties(settings.userProperties);
  return "mistake" in properties ? [] : properties;
}

/** Bytes of the payload of a Will; none while there is a mistake in it. */
export function willPayload({ form, payload }: WillSettings): Uint8Array {
  const parsed = parsePayload(form, payload);
  return "bytes" in parsed ? parsed.bytes : new Uint8Array();
}

function javaScriptBytes(bytes: Uint8Array): string {
  const text = exactText(bytes);
  return text === undefined ? `Buffer.from("${hexOfBytes(bytes)}", "hex")` : JSON.stringify(text);
}

function pythonBytes(bytes: Uint8Array): string {
  const text = exactText(bytes);
  return text === undefined ? `bytes.fromhex("${hexOfBytes(bytes)}")` : python(text);
}

/** Literal of Python: JSON.stringify escapes as Python does, and leaves whole characters as they are. */
function python(value: string | boolean): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  return JSON.stringify(value);
}
