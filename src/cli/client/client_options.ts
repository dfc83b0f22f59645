import type { CloseOptions, ConnectOptions, WillOptions } from "../../client/client_options.ts";
import { isQoS, type ProtocolVersion, type QoS } from "../../codec/packet.ts";
import { isTopicName } from "../../codec/topic_name.ts";
import { parseTopicFilter } from "../../protocol/topic_filter.ts";
import { SCHEMES } from "../../transport/schemes.ts";
import { hostPort } from "../../transport/tcp.ts";
import type { TlsClientOptions } from "../../transport/tls/connect_tls.ts";
import type { ProgramEnvironment } from "../program_io.ts";
import { ArgumentError, type ClientArguments } from "./arguments.ts";
import { type ConnectionUrl, parseConnectionUrl, parsePort } from "./connection_url.ts";
import { ClientFailure } from "./failure.ts";
import { parseProperties, type PropertiesByPacket } from "./properties.ts";

/** Options of all client commands. */
export interface ClientOptions {
  /** URL for the client; without a topic and without a password. */
  readonly address: string;
  readonly protocolVersion: ProtocolVersion;
  readonly connect: ConnectOptions;
  readonly close: CloseOptions;
  readonly properties: PropertiesByPacket;
  /** Topics of `-t` and of the URLs. */
  readonly topics: readonly string[];
  readonly qos: QoS;
  readonly isDebug: boolean;
}

const NEVER = 0xffff_ffff;
const VERSIONS: Readonly<Record<string, ProtocolVersion>> = {
  mqttv31: 3,
  "31": 3,
  mqttv311: 4,
  "311": 4,
  mqttv5: 5,
  "5": 5,
};
const CERTIFICATE = "-----BEGIN CERTIFICATE-----";
const PASSWORD_VARIABLE = "BROOKLET_PASSWORD";

/** Parses the options that all commands have; throws {@linkcode ArgumentError} and {@linkcode ClientFailure}. */
export function parseClientOptions(given: ClientArguments, environment: ProgramEnvironment): ClientOptions {
  const protocolVersion = versionOf(given);
  const properties = parseProperties(given.properties);
  const urls = [...given.urls, ...given.all("url")].map(parseConnectionUrl);
  for (const [index, url] of urls.entries()) {
    if (url.topic !== undefined || index < given.urls.length) continue;
    throw new ArgumentError("Invalid URL for -L argument specified - topic missing.");
  }
  const url = urls.at(-1);
  const will = willOf(given, properties);
  const id = clientIdOf(given);
  return {
    address: addressOf(given, url),
    protocolVersion,
    connect: {
      protocolVersion,
      ...id !== undefined && { clientId: id },
      ...credentialsOf(given, url, protocolVersion, environment),
      ...sessionOf(given, properties, protocolVersion, id),
      ...will !== undefined && { will },
      ...connectProperties(properties),
      keepAliveSeconds: keepAliveOf(given),
      tls: tlsClientOptions(given),
      reconnect: false,
    },
    close: closeOptions(properties),
    properties,
    topics: [...given.all("topic"), ...urls.flatMap(({ topic }) => topic ?? [])],
    qos: qosOf(given.last("qos") ?? "0", (text) => `Invalid QoS given: ${text}`),
    isDebug: given.has("debug"),
  };
}

/** Parses a whole number; otherwise throws {@linkcode ArgumentError} with this message. */
export function integerOf(text: string, least: number, most: number, message: string): number {
  const value = Number(text);
  if (/^[+-]?\d+$/.test(text) && value >= least && value <= most) return value;
  throw new ArgumentError(message);
}

export function checkTopicName(topic: string, what: "publish" | "response" | "will"): string {
  if (isTopicName(topic)) return topic;
  throw new ArgumentError(`Invalid ${what} topic '${topic}', does it contain '+' or '#'?`);
}

export function checkTopicFilter(topicFilter: string, what: "subscription" | "filter" | "unsubscribe"): string {
  if (parseTopicFilter(topicFilter) !== undefined) return topicFilter;
  throw new ArgumentError(`Invalid ${what} topic '${topicFilter}', are all '+' and '#' wildcards correct?`);
}

function versionOf(given: ClientArguments): ProtocolVersion {
  const written = given.last("protocol-version");
  if (written !== undefined && !Object.hasOwn(VERSIONS, written)) {
    throw new ArgumentError("Invalid protocol version argument given.");
  }
  if (given.properties.length > 0 || (written === undefined && given.command === "request")) return 5;
  return VERSIONS[written ?? "311"] ?? 4; // The version is one of its keys.
}

function addressOf(given: ClientArguments, url: ConnectionUrl | undefined): string {
  const path = given.last("unix") ?? (url?.scheme === "unix" ? url.host : undefined);
  if (path !== undefined) return `unix:${path.split("/").map(encodeURIComponent).join("/")}`;
  if (url !== undefined && SCHEMES[url.scheme].socket === "unix") return `${url.scheme}:${url.host}`;
  const port = given.has("port") ? parsePort(given.last("port") ?? "") : url?.port;
  const isTls = asksForTls(given) || port === 8883;
  const scheme = securedScheme(url?.scheme ?? "mqtt", isTls);
  const host = given.last("host") ?? url?.host ?? "localhost";
  const authority = port !== undefined ? hostPort(host, port) : host.includes(":") ? `[${host}]` : host;
  const wsPath = given.last("ws-path") ?? "/mqtt";
  const address = `${scheme}://${authority}${scheme.startsWith("ws") ? `/${wsPath.replace(/^\//, "")}` : ""}`;
  const isAddress = URL.canParse(address) && new URL(address).hostname !== "";
  if (!isAddress || /[\s/?#@\\]/.test(host)) throw new ArgumentError(`Invalid host given: ${host}`);
  return address;
}

function securedScheme(scheme: string, isTls: boolean): string {
  return isTls && Object.hasOwn(SCHEMES, `${scheme}s`) ? `${scheme}s` : scheme;
}

function clientIdOf(given: ClientArguments): string | undefined {
  const prefix = given.last("id-prefix");
  if (prefix === undefined) return given.last("id");
  if (given.has("id")) throw new ArgumentError("-i and -I argument cannot be used together.");
  return `${prefix}${Deno.pid}`;
}

/** Credentials, also from a file or a variable: a password on the command line shows in the list of processes. */
function credentialsOf(
  given: ClientArguments,
  url: ConnectionUrl | undefined,
  version: ProtocolVersion,
  environment: ProgramEnvironment,
) {
  const userName = given.last("username") ?? url?.userName;
  const file = given.last("password-file");
  const variable = userName === undefined ? undefined : environment.get(PASSWORD_VARIABLE);
  const password = given.last("pw") ?? (file === undefined ? url?.password ?? variable : readPassword(file));
  if (password !== undefined && userName === undefined && version < 5) { // [MQTT-3.1.2-22]
    throw new ClientFailure("Error: Problem setting username and/or password.", 1);
  }
  return { ...userName !== undefined && { userName }, ...password !== undefined && { password } };
}

function readPassword(path: string): string {
  try {
    return Deno.readTextFileSync(path).split(/\r?\n/, 1)[0] ?? "";
  } catch (cause) {
    throw new ClientFailure(`Error: Unable to open file "${path}".`, 1, { cause });
  }
}

/** Session options: only `-c` keeps the session; one that never expires needs a Client Identifier to return to. */
function sessionOf(
  given: ClientArguments,
  { connect }: PropertiesByPacket,
  version: ProtocolVersion,
  id: string | undefined,
): Pick<ConnectOptions, "cleanStart" | "sessionExpirySeconds"> {
  const isKept = given.has("disable-clean-session");
  const isNamed = id !== undefined && !given.has("id-prefix");
  if (version < 5) {
    if (isKept && !isNamed) throw new ArgumentError("You must provide a client id if you are using the -c option.");
    return { cleanStart: !isKept, sessionExpirySeconds: 0 };
  }
  const sessionExpirySeconds = expiryOf(given.last("x")) ?? connect.sessionExpiryInterval ?? (isKept ? NEVER : 0);
  if (sessionExpirySeconds === NEVER && !isNamed) {
    throw new ArgumentError(
      "You must provide a client id if you are using an infinite session expiry interval.",
    );
  }
  return { cleanStart: !isKept, sessionExpirySeconds };
}

function expiryOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (text === "∞") return NEVER;
  if (!/^-?\d+$/.test(text)) throw new ArgumentError("session-expiry-interval not a number.");
  const seconds = integerOf(text, -1, NEVER, "session-expiry-interval out of range.");
  return seconds === -1 ? NEVER : seconds;
}

function keepAliveOf(given: ClientArguments): number {
  return integerOf(
    given.last("keepalive") ?? "60",
    5,
    65_535,
    "Invalid keepalive given, it must be between 5 and 65535 inclusive.",
  );
}

function qosOf(text: string, complaint: (text: string) => string): QoS {
  const qos = Number(text);
  if (/^\d$/.test(text) && isQoS(qos)) return qos;
  throw new ArgumentError(complaint(text));
}

function willOf(given: ClientArguments, properties: PropertiesByPacket): WillOptions | undefined {
  const topic = given.last("will-topic");
  const payload = given.last("will-payload");
  const qos = qosOf(given.last("will-qos") ?? "0", (text) => `Invalid will QoS ${text}.`);
  if (topic === undefined) {
    if (payload !== undefined) throw new ArgumentError("Will payload given, but no will topic given.");
    if (given.has("will-retain")) throw new ArgumentError("Will retain given, but no will topic given.");
    return undefined;
  }
  checkTopicName(topic, "will");
  return { topic, payload: payload ?? "", qos, retain: given.has("will-retain"), properties: properties.will };
}

/** Properties of CONNECT; those for which the client has its own options are separated from the rest. */
function connectProperties({ connect, publish }: PropertiesByPacket): ConnectOptions {
  const { receiveMaximum, maximumPacketSize, topicAliasMaximum = 0, sessionExpiryInterval: _, ...others } = connect;
  return {
    ...receiveMaximum !== undefined && { receiveMaximum },
    ...maximumPacketSize !== undefined && { maximumPacketBytes: Math.min(maximumPacketSize, 268_435_460) },
    topicAliasMaximum,
    sendsTopicAliases: publish.topicAlias !== undefined, // The client chooses the alias.
    properties: others,
  };
}

function closeOptions({ disconnect }: PropertiesByPacket): CloseOptions {
  const { sessionExpiryInterval, ...properties } = disconnect;
  return { properties, ...sessionExpiryInterval !== undefined && { sessionExpirySeconds: sessionExpiryInterval } };
}

/** Whether the options ask for TLS, as in mosquitto's clients. */
function asksForTls(given: ClientArguments): boolean {
  return given.has("cafile") || given.has("capath") || given.has("tls-use-os-certs");
}

/** Reads the files of the options; throws {@linkcode ArgumentError} and {@linkcode ClientFailure}. */
function tlsClientOptions(given: ClientArguments): TlsClientOptions {
  checkVersion(given.last("tls-version"));
  const [cert, key] = [given.last("cert"), given.last("key")];
  if ((cert === undefined) !== (key === undefined)) {
    throw new ArgumentError("Both certfile and keyfile must be provided if one of them is set.");
  }
  const alpn = given.last("tls-alpn");
  const [caFile, caPath] = [given.last("cafile"), given.last("capath")];
  const caCerts = [
    ...caFile === undefined ? [] : [readCertificate(caFile)],
    ...caPath === undefined ? [] : readDirectory(caPath),
  ];
  return {
    caCerts,
    ...cert !== undefined && key !== undefined && { cert: readCertificate(cert), key: readText(key) },
    ...given.has("insecure") && { unsafelyDisableHostnameVerification: true },
    ...alpn !== undefined && { alpnProtocols: [alpn] },
  };
}

/** Refuses any `--tls-version` but 1.2: the runtime cannot leave out 1.2, and to claim that it did would be worse. */
function checkVersion(version: string | undefined): void {
  if (version === undefined || version === "tlsv1.2") return;
  throw new ClientFailure(`Error: --tls-version ${version} is not supported: TLS 1.2 and 1.3 are offered.`, 1);
}

function readDirectory(path: string): string[] {
  try {
    const names = [...Deno.readDirSync(path)].filter(({ isDirectory }) => !isDirectory).map(({ name }) => name);
    const texts = names.toSorted().map((name) => Deno.readTextFileSync(`${path}/${name}`));
    const certificates = texts.filter((text) => text.includes(CERTIFICATE));
    if (certificates.length > 0) return certificates;
  } catch (error) {
    throw unreadable(path, error);
  }
  throw new ClientFailure(`Error: Problem setting TLS options: no certificate in "${path}".`, 1);
}

function readCertificate(path: string): string {
  const text = readText(path);
  if (text.includes(CERTIFICATE)) return text;
  throw new ClientFailure(`Error: Problem setting TLS options: no certificate in "${path}".`, 1);
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): ClientFailure {
  const isMissing = cause instanceof Deno.errors.NotFound;
  const why = isMissing ? "File not found" : `"${path}" cannot be read`;
  return new ClientFailure(`Error: Problem setting TLS options: ${why}.`, 1, { cause });
}
