/**
 * Properties of a PUBLISH as HTTP header fields. Fields are ASCII, and text of MQTT may be anything, line breaks too: values
 * are UTF-8, percent encoded.
 *
 * ```text
 * User Property  k = "a, b"     MQTT-User-Property: k=a%2C b     a comma parts two of them
 * User Property  ü = "1=1"      MQTT-User-Property: %C3%BC=1=1
 * Response Topic r/1            MQTT-Response-Topic: r/1
 * Correlation Data 00 ff        MQTT-Correlation-Data: AP8=
 * User Property  traceparent    traceparent, with tracestate     of W3C Trace Context
 * ```
 */

import type { Message } from "../../codec/message.ts";
import type { Properties, UserProperty } from "../../codec/property.ts";
import { isTopicName } from "../../codec/topic_name.ts";
import { utf8Length } from "../../codec/utf8.ts";
import { parseTraceparent } from "../trace_context.ts";
import { badRequest } from "./topic_request.ts";

/** Media type (RFC 9110, section 8.3.1). */
const MEDIA_TYPE =
  /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?: *; *[\w!#$&^.+-]+=(?:[\w!#$&^.+-]+|"[\x20\x21\x23-\x5b\x5d-\x7e]*"))*$/;
// Clients and proxies take some 8 to 16 KiB of header; the event stream has the properties of any size.
const MOST_FIELD_BYTES = 8_192;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Names of the fields that only this interface has, for CORS. */
export const PROPERTY_FIELDS = [
  "MQTT-Content-Type",
  "MQTT-Correlation-Data",
  "MQTT-Message-Expiry-Interval",
  "MQTT-Payload-Format-Indicator",
  "MQTT-Properties-Left-Out",
  "MQTT-Response-Topic",
  "MQTT-User-Property",
] as const;

/**
 * Properties of a PUBLISH by the fields of its request.
 *
 * @throws Problem 400 for a field that cannot be one
 */
export function propertiesOf(headers: Headers): Properties {
  const properties: Properties = {};
  const contentType = fieldText(headers, "content-type");
  const responseTopic = fieldText(headers, "mqtt-response-topic", true);
  const correlationData = headers.get("mqtt-correlation-data");
  const userProperties = [...userPropertiesOf(headers.get("mqtt-user-property")), ...traceContextOf(headers)];
  if (contentType !== undefined && contentType !== "") properties.contentType = contentType;
  if (responseTopic !== undefined) {
    if (!isTopicName(responseTopic)) {
      throw badRequest("MQTT-Response-Topic is not a Topic Name: leave out wildcards, and do not leave it empty");
    }
    properties.responseTopic = responseTopic;
  }
  if (correlationData !== null) properties.correlationData = base64Of(correlationData);
  if (userProperties.length > 0) properties.userProperties = userProperties;
  return properties;
}

/** Fields of a retained message: its Content-Type, and its properties. */
export function fieldsOf({ properties }: Message): (readonly [name: string, value: string])[] {
  const { contentType, payloadFormatIndicator: format, messageExpiryInterval: expiry } = properties;
  const isMediaType = contentType !== undefined && contentType.length < 1_000 && MEDIA_TYPE.test(contentType);
  const untyped = format === 1 ? "text/plain; charset=utf-8" : "application/octet-stream";
  const fields: [string, string][] = [["Content-Type", isMediaType ? contentType : untyped]];
  const { responseTopic, correlationData, userProperties = [] } = properties;
  if (contentType !== undefined && !isMediaType) fields.push(["MQTT-Content-Type", encodedField(contentType)]);
  if (format !== undefined) fields.push(["MQTT-Payload-Format-Indicator", String(format)]);
  if (expiry !== undefined) fields.push(["MQTT-Message-Expiry-Interval", String(expiry)]);
  if (responseTopic !== undefined) fields.push(["MQTT-Response-Topic", encodedField(responseTopic)]);
  if (correlationData !== undefined) fields.push(["MQTT-Correlation-Data", correlationData.toBase64()]);
  for (const [name, value] of userProperties) {
    fields.push(["MQTT-User-Property", `${encodedField(name).replaceAll("=", "%3D")}=${encodedField(value)}`]);
  }
  return bounded(fields);
}

/** Text as the value of a field: visible ASCII and spaces within, all else percent encoded, and what has a meaning here. */
function encodedField(text: string): string {
  return text.toWellFormed().replaceAll(
    /[^\x20-\x7e]|[%,]|^ | $/gu,
    (character) => character === "," ? "%2C" : encodeURIComponent(character),
  );
}

/** Leaves out the fields beyond the bound, and says how many; Content-Type stays in any case. */
function bounded(fields: readonly (readonly [string, string])[]): (readonly [string, string])[] {
  let bytes = 0;
  const kept = fields.filter(([name, value]) => {
    const length = name.length + value.length;
    if (bytes + length > MOST_FIELD_BYTES) return false;
    bytes += length;
    return true;
  });
  const left = fields.length - kept.length;
  return left === 0 ? kept : [...kept, ["MQTT-Properties-Left-Out", String(left)]];
}

function userPropertiesOf(field: string | null): UserProperty[] {
  if (field === null) return [];
  return field.split(",").map((pair) => pair.trim()).filter((pair) => pair !== "").map((pair) => {
    const end = pair.indexOf("=");
    if (end === -1) {
      throw badRequest(
        'MQTT-User-Property is not "name=value": write a comma within it as %2C, and "=" in a name as %3D',
      );
    }
    const name = "MQTT-User-Property";
    return [decodedField(name, pair.slice(0, end)), decodedField(name, pair.slice(end + 1))];
  });
}

/** Place in a trace, which goes on with the message; nothing of one that is not valid (W3C Trace Context, section 4.3). */
function traceContextOf(headers: Headers): UserProperty[] {
  const traceparent = headers.get("traceparent");
  if (traceparent === null || parseTraceparent(traceparent) === undefined) return [];
  const tracestate = fieldText(headers, "tracestate");
  return [["traceparent", traceparent], ...tracestate === undefined ? [] : [["tracestate", tracestate] as const]];
}

function fieldText(headers: Headers, name: string, isEncoded = false): string | undefined {
  const value = headers.get(name);
  if (value === null) return undefined;
  return isEncoded ? decodedField(name, value) : sendable(name, unicodeOf(name, value));
}

function decodedField(name: string, value: string): string {
  let text: string;
  try {
    text = decodeURIComponent(unicodeOf(name, value));
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw badRequest(`${name} has a "%" that is not followed by UTF-8 in hex: write it as %25`);
  }
  return sendable(name, text);
}

/** Text of a value: bytes above ASCII come as one character each. */
function unicodeOf(name: string, value: string): string {
  if (/^[\0-\x7f]*$/.test(value)) return value;
  try {
    return UTF8.decode(Uint8Array.from(value, (character) => character.charCodeAt(0)));
  } catch {
    throw badRequest(`${name} is not UTF-8: percent encode what is not ASCII`);
  }
}

function sendable(name: string, text: string): string {
  try {
    utf8Length(text);
  } catch (error) {
    throw badRequest(`${name} cannot be sent: ${error instanceof Error ? error.message : error}`);
  }
  return text;
}

function base64Of(value: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(value.trim());
  } catch {
    throw badRequest("MQTT-Correlation-Data is not base64");
  }
  if (bytes.length > 65_535) throw badRequest("MQTT-Correlation-Data has more than 65,535 bytes");
  return bytes;
}
