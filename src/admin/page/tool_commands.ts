/**
 * Settings of a connection as commands and programs that do the same. A password is never in them: they read it from the
 * environment.
 */

import type { QoS } from "../../codec/packet.ts";
import { exactText } from "./payload_bytes.ts";
import { parseUserProperties, type ToolSettings } from "./tool_settings.ts";

/** What a command is to do. */
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

/** Programs in whose words settings are copied. */
export const COMMANDS: Readonly<
  Record<string, (subject: CommandSubject) => string>
> = {
  "brooklet pub": (subject) => brookletCommand("pub", subject),
  "brooklet sub": (subject) => brookletCommand("sub", subject),
  mosquitto_pub: (subject) => mosquittoCommand("pub", subject),
  mosquitto_sub: (subject) => mosquittoCommand("sub", subject),
  "MQTT.js": mqttJsProgram,
  "paho for Python": pahoProgram,
};

const PASSWORD_VARIABLE = "MQTT_PASSWORD";
const DEFAULT_PORTS: Readonly<Record<string, string>> = {
  "ws:": "80",
  "wss:": "443",
  "mqtt:": "1883",
  "mqtts:": "8883",
};
const VERSION_WORDS = { 3: "mqttv31", 4: "mqttv311", 5: "mqttv5" } as const;

function brookletCommand(
  command: "pub" | "sub",
  subject: CommandSubject,
): string {
  const { settings: { address }, hasPassword } = subject;
  const url = new URL(address);
  const where = [
    `${url.protocol}//${url.host}`,
    ...url.pathname === "/mqtt" ? [] : ["--ws-path", url.pathname],
  ];
  const line = commandLine([
    `brooklet`,
    command,
    ...where,
    ...whatOf(command, subject),
    ...connectionOf(subject),
  ], subject);
  return hasPassword ? `# BROOKLET_PASSWORD in the environment is the password.\n${line}` : line;
}

function mosquittoCommand(
  command: "pub" | "sub",
  subject: CommandSubject,
): string {
  const { listeners, settings: { address }, hasPassword } = subject;
  const listener = listeners.find((url) => url.startsWith("mqtt:")) ??
    listeners.find((url) => url.startsWith("mqtts:"));
  const url = new URL(listener ?? `mqtt://${new URL(address).hostname}`);
  // A listener at all addresses is reached by the name in the address bar.
  const host = /^(?:0\.0\.0\.0|\[::\]|\*)?$/.test(url.hostname) ? new URL(address).hostname : url.hostname;
  const port = url.port || DEFAULT_PORTS[url.protocol] || "1883";
  const where = [
    "-h",
    host,
    "-p",
    port,
    ...url.protocol === "mqtts:" ? ["--tls-use-os-certs"] : [],
  ];
  const password = hasPassword ? ["-P", `$${PASSWORD_VARIABLE}`] : [];
  const words = [
    `mosquitto_${command}`,
    ...where,
    ...whatOf(command, subject),
    ...connectionOf(subject),
    ...password,
  ];
  const note = listener === undefined
    ? "# mosquitto's clients speak no WebSocket before 2.1: give them a TCP listener.\n"
    : "";
  return note + commandLine(words, subject);
}

function whatOf(
  command: "pub" | "sub",
  { publication, subscription }: CommandSubject,
): string[] {
  if (command === "sub") {
    return ["-t", subscription.topicFilter, "-q", `${subscription.qos}`, "-v"];
  }
  const { topic, payload, qos, retain } = publication;
  const text = exactText(payload);
  const message = text === undefined || text.includes("\0") ? ["-s"] : text === "" ? ["-n"] : ["-m", text];
  return ["-t", topic, ...message, "-q", `${qos}`, ...retain ? ["-r"] : []];
}

function connectionOf({ settings }: CommandSubject): string[] {
  const {
    clientId,
    protocolVersion,
    userName,
    keepAliveSeconds,
    cleanStart,
    will,
  } = settings;
  const words = [
    "-V",
    VERSION_WORDS[protocolVersion],
    "-i",
    clientId,
    "-k",
    keepAliveSeconds.trim() || "60",
  ];
  if (userName !== "") words.push("-u", userName);
  if (!cleanStart) words.push("-c");
  if (will.isOn) {
    words.push(
      "--will-topic",
      will.topic,
      "--will-payload",
      will.payload,
      "--will-qos",
      `${will.qos}`,
    );
    if (will.retain) words.push("--will-retain");
  }
  if (protocolVersion !== 5) return words;
  const expiry = settings.sessionExpirySeconds.trim();
  if (expiry !== "" && expiry !== "0") words.push("-x", expiry);
  for (const [name, value] of userPropertiesOf(settings)) {
    words.push("-D", "connect", "user-property", name, value);
  }
  return words;
}

/** Line for a shell; a payload that is no text comes from printf, in octal digits that each shell knows. */
function commandLine(
  words: readonly string[],
  { publication: { payload } }: CommandSubject,
): string {
  const line = words.map((word) => word === `$${PASSWORD_VARIABLE}` ? `"${word}"` : shellWord(word)).join(" ");
  if (!words.includes("-s")) return line;
  const octal = Array.from(
    payload,
    (byte) => `\\${byte.toString(8).padStart(3, "0")}`,
  ).join("");
  return `printf '${octal}' | ${line}`;
}

/** Word for a shell, quoted if it needs to be. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function mqttJsProgram(
  { settings, hasPassword, publication, subscription }: CommandSubject,
): string {
  const {
    address,
    clientId,
    protocolVersion,
    userName,
    keepAliveSeconds,
    cleanStart,
    will,
  } = settings;
  const isNew = protocolVersion === 5;
  const userProperties = isNew ? userPropertiesOf(settings) : [];
  const expiry = isNew ? Number(settings.sessionExpirySeconds) : 0;
  const properties = {
    ...expiry > 0 && { sessionExpiryInterval: expiry },
    ...userProperties.length > 0 &&
      { userProperties: Object.fromEntries(userProperties) },
  };
  const options = {
    clientId,
    protocolVersion,
    ...protocolVersion === 3 && { protocolId: "MQIsdp" },
    ...userName !== "" && { username: userName },
    keepalive: Number(keepAliveSeconds),
    clean: cleanStart,
    ...Object.keys(properties).length > 0 && { properties },
    ...will.isOn &&
      {
        will: {
          topic: will.topic,
          payload: will.payload,
          qos: will.qos,
          retain: will.retain,
        },
      },
  };
  const text = exactText(publication.payload);
  const payload = text === undefined
    ? `Buffer.from(${JSON.stringify(Array.from(publication.payload))})`
    : JSON.stringify(text);
  const { topic, qos, retain } = publication;
  return [
    'import mqtt from "mqtt";',
    "",
    `const client = await mqtt.connectAsync(${JSON.stringify(address)}, {`,
    ...JSON.stringify(options, null, 2).split("\n").slice(1, -1).map((
      line,
      index,
      lines,
    ) => index === lines.length - 1 ? `${line},` : line),
    ...hasPassword ? [`  "password": process.env.${PASSWORD_VARIABLE},`] : [],
    "});",
    'client.on("message", (topic, payload) => console.log(topic, payload.toString()));',
    `await client.subscribeAsync(${JSON.stringify(subscription.topicFilter)}, { qos: ${subscription.qos} });`,
    `await client.publishAsync(${JSON.stringify(topic)}, ${payload}, { qos: ${qos}, retain: ${retain} });`,
    "",
  ].join("\n");
}

function pahoProgram(
  { settings, hasPassword, publication, subscription }: CommandSubject,
): string {
  const {
    address,
    clientId,
    protocolVersion,
    userName,
    keepAliveSeconds,
    cleanStart,
    will,
  } = settings;
  const url = new URL(address);
  const isNew = protocolVersion === 5;
  const version = {
    3: "mqtt.MQTTv31",
    4: "mqtt.MQTTv311",
    5: "mqtt.MQTTv5",
  }[protocolVersion];
  const expiry = isNew ? Number(settings.sessionExpirySeconds) : 0;
  const userProperties = isNew ? userPropertiesOf(settings) : [];
  const hasProperties = expiry > 0 || userProperties.length > 0;
  const port = url.port || DEFAULT_PORTS[url.protocol];
  const clean = isNew ? `, clean_start=${python(cleanStart)}` : "";
  return [
    ...hasPassword ? ["import os", ""] : [],
    "import paho.mqtt.client as mqtt  # pip install paho-mqtt",
    ...hasProperties
      ? [
        "from paho.mqtt.packettypes import PacketTypes",
        "from paho.mqtt.properties import Properties",
      ]
      : [],
    "",
    "",
    "def on_connect(client, userdata, flags, reason_code, properties):",
    "    print(reason_code)",
    `    client.subscribe(${python(subscription.topicFilter)}, qos=${subscription.qos})`,
    `    client.publish(${python(publication.topic)}, ${
      pythonBytes(publication.payload)
    }, qos=${publication.qos}, retain=${python(publication.retain)})`,
    "",
    "",
    "client = mqtt.Client(",
    `    mqtt.CallbackAPIVersion.VERSION2, client_id=${python(clientId)}, protocol=${version}, transport="websockets"${
      isNew ? "" : `, clean_session=${python(cleanStart)}`
    }`,
    ")",
    `client.ws_set_options(path=${python(url.pathname)})`,
    ...url.protocol === "wss:" ? ["client.tls_set()"] : [],
    ...userName !== "" || hasPassword
      ? [
        `client.username_pw_set(${python(userName)}${hasPassword ? `, os.environ["${PASSWORD_VARIABLE}"]` : ""})`,
      ]
      : [],
    ...will.isOn
      ? [
        `client.will_set(${python(will.topic)}, ${python(will.payload)}, qos=${will.qos}, retain=${
          python(will.retain)
        })`,
      ]
      : [],
    ...hasProperties ? ["properties = Properties(PacketTypes.CONNECT)"] : [],
    ...expiry > 0 ? [`properties.SessionExpiryInterval = ${expiry}`] : [],
    ...userProperties.length > 0
      ? [
        `properties.UserProperty = [${
          userProperties.map(([name, value]) => `(${python(name)}, ${python(value)})`).join(", ")
        }]`,
      ]
      : [],
    "client.on_connect = on_connect",
    "client.on_message = lambda client, userdata, message: print(message.topic, message.payload)",
    `client.connect(${python(url.hostname)}, ${port}, keepalive=${Number(keepAliveSeconds)}${clean}${
      hasProperties ? ", properties=properties" : ""
    })`,
    "client.loop_forever()",
    "",
  ].join("\n");
}

function userPropertiesOf(
  settings: ToolSettings,
): readonly (readonly [string, string])[] {
  const properties = parseUserProperties(settings.userProperties);
  return "mistake" in properties ? [] : properties;
}

/** Literal of Python; the escapes of JSON are its escapes too, but for pairs of surrogates. */
function python(value: string | boolean): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  return JSON.stringify(value);
}

function pythonBytes(bytes: Uint8Array): string {
  const text = exactText(bytes);
  if (text !== undefined) return python(text);
  return `bytes.fromhex("${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}")`;
}
