/** Settings of a connection of the WebSocket tool, as the form has them: texts, so that nothing that is typed is lost. */

import type { ConnectOptions } from "../../client/client_options.ts";
import type { ProtocolVersion, QoS } from "../../codec/packet.ts";
import type { Properties, UserProperty } from "../../codec/property.ts";
import { parsePayload, type PayloadForm } from "./payload_bytes.ts";

/** Will of a connection. */
export interface WillSettings {
  readonly isOn: boolean;
  readonly topic: string;
  readonly payload: string;
  readonly form: PayloadForm;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly delaySeconds: string;
}

/** Settings of a connection. */
export interface ToolSettings {
  readonly address: string;
  readonly clientId: string;
  readonly protocolVersion: ProtocolVersion;
  readonly userName: string;
  readonly keepAliveSeconds: string;
  readonly cleanStart: boolean;
  /** MQTT 5 only, as all that follow. */
  readonly sessionExpirySeconds: string;
  readonly receiveMaximum: string;
  readonly topicAliasMaximum: string;
  /** Lines such as `site = north`. */
  readonly userProperties: string;
  readonly will: WillSettings;
}

/** Mistake in a form. */
export interface Mistake {
  readonly mistake: string;
}

/** Settings of a new connection. */
export function newSettings(address: string, clientId: string): ToolSettings {
  return {
    address,
    clientId,
    protocolVersion: 5,
    userName: "",
    keepAliveSeconds: "60",
    cleanStart: true,
    sessionExpirySeconds: "0",
    receiveMaximum: "",
    topicAliasMaximum: "",
    userProperties: "",
    will: {
      isOn: false,
      topic: "",
      payload: "",
      form: "text",
      qos: 0,
      retain: false,
      delaySeconds: "0",
    },
  };
}

/** Client Identifier of a new connection, which says that it is a page. */
export function newClientId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(3));
  return `page-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/**
 * Options for the client. It does not connect again by itself: the tool shows why a connection ended.
 *
 * @param password empty for none; it is never kept
 */
export function connectOptions(
  settings: ToolSettings,
  password: string,
): ConnectOptions | Mistake {
  const { clientId, protocolVersion, userName, cleanStart, will } = settings;
  const isNew = protocolVersion === 5;
  const address = addressMistake(settings.address);
  if (address !== undefined) return { mistake: address };
  const numbers = {
    keepAliveSeconds: wholeNumber(
      "Keep Alive",
      settings.keepAliveSeconds,
      65_535,
      60,
    ),
    sessionExpirySeconds: wholeNumber(
      "Session expiry",
      isNew ? settings.sessionExpirySeconds : "0",
      4_294_967_295,
      0,
    ),
    receiveMaximum: wholeNumber(
      "Receive Maximum",
      isNew ? settings.receiveMaximum : "",
      65_535,
      undefined,
    ),
    topicAliasMaximum: wholeNumber(
      "Topic Alias Maximum",
      isNew ? settings.topicAliasMaximum : "",
      65_535,
      undefined,
    ),
  };
  for (const value of Object.values(numbers)) {
    if (typeof value === "object") return value;
  }
  const given = Object.entries(numbers).filter(([, value]) => value !== undefined);
  const userProperties = isNew ? parseUserProperties(settings.userProperties) : [];
  if ("mistake" in userProperties) return userProperties;
  const willOptions = will.isOn ? willOf(will, isNew) : undefined;
  if (willOptions !== undefined && "mistake" in willOptions) return willOptions;
  return {
    clientId,
    protocolVersion,
    cleanStart,
    reconnect: false,
    ...Object.fromEntries(given),
    ...userName !== "" && { userName },
    ...password !== "" && { password },
    ...userProperties.length > 0 && { properties: { userProperties } },
    ...willOptions !== undefined && { will: willOptions },
  };
}

/** Pairs of name and value, one a line, such as `site = north`. */
export function parseUserProperties(
  text: string,
): readonly UserProperty[] | Mistake {
  const properties: UserProperty[] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const at = line.indexOf("=");
    if (at === -1) {
      return {
        mistake: `User properties are pairs such as "site = north"; "${line.trim()}" has no "=".`,
      };
    }
    properties.push([line.slice(0, at).trim(), line.slice(at + 1).trim()]);
  }
  return properties;
}

/** Settings that may be kept in the browser: there is no password in them. */
export function storedSettings(settings: ToolSettings): string {
  return JSON.stringify(settings);
}

/** Settings that were kept; what is unknown or of another type is left out. */
export function settingsOf(
  stored: unknown,
  defaults: ToolSettings,
): ToolSettings {
  return merged(stored, defaults) as ToolSettings; // It has the keys and types of the defaults.
}

/** Whole number of a field; empty is the default. */
export function wholeNumber<Default extends number | undefined>(
  name: string,
  text: string,
  most: number,
  whenEmpty: Default,
): number | Default | Mistake {
  const trimmed = text.trim();
  if (trimmed === "") return whenEmpty;
  const number = Number(trimmed);
  if (/^\d+$/.test(trimmed) && number <= most) return number;
  return {
    mistake: `${name} is a whole number from 0 to ${most.toLocaleString("en")}, not "${trimmed}".`,
  };
}

function addressMistake(address: string): string | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !/^wss?:$/.test(url.protocol)) {
    return "Write an address such as ws://host:8083/mqtt or wss://host/mqtt: a page can open a WebSocket, and no TCP.";
  }
  if (url.username !== "" || url.password !== "") {
    return "Write user name and password into their own fields, not into the address.";
  }
  return undefined;
}

function willOf(
  will: WillSettings,
  isNew: boolean,
): NonNullable<ConnectOptions["will"]> | Mistake {
  if (will.topic === "") return { mistake: "The Will needs a topic." };
  const parsed = parsePayload(will.form, will.payload);
  if ("mistake" in parsed) {
    return { mistake: `Payload of the Will: ${parsed.mistake}` };
  }
  const delay = wholeNumber(
    "Will delay",
    isNew ? will.delaySeconds : "0",
    4_294_967_295,
    0,
  );
  if (typeof delay === "object") return delay;
  const properties: Properties = delay > 0 ? { willDelayInterval: delay } : {};
  return {
    topic: will.topic,
    payload: parsed.bytes,
    qos: will.qos,
    retain: will.retain,
    properties,
  };
}

function merged(stored: unknown, defaults: unknown): unknown {
  if (typeof defaults !== "object" || defaults === null) {
    return typeof stored === typeof defaults ? stored : defaults;
  }
  const given: Readonly<Record<string, unknown>> = typeof stored === "object" && stored !== null ? { ...stored } : {};
  return Object.fromEntries(
    Object.entries(defaults).map((
      [key, value],
    ) => [key, Object.hasOwn(given, key) ? merged(given[key], value) : value]),
  );
}
