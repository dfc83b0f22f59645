/**
 * Settings of a connection as commands and programs that do the same. A password is never in them: they read it from the
 * environment.
 */

import { exactText } from "./payload_bytes.ts";
import {
  type CommandSubject,
  DEFAULT_PORTS,
  mqttJsProgram,
  pahoProgram,
  PASSWORD_VARIABLE,
  userPropertiesOf,
  willPayload,
} from "./tool_programs.ts";

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
      exactText(willPayload(will)) ?? "",
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
