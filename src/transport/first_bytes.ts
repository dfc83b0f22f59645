/** Protocol of a connection, as far as its first bytes tell. */
export type SpokenProtocol = "mqtt" | "tls" | "http" | "proxy";

const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR_VERSION = 0x03;
const MQTT_CONNECT = 0x10;
const HTTP_METHOD = /^(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PRI) /; // "PRI" opens HTTP/2.
const LONGEST_METHOD = 8;
const PROXY_V1 = [..."PROXY "].map((character) => character.charCodeAt(0));
const PROXY_V2 = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];

/** Recognises a protocol by the first bytes of a client; `undefined` for any other, or for too few bytes. */
export function spokenProtocol(bytes: Uint8Array): SpokenProtocol | undefined {
  if (bytes[0] === MQTT_CONNECT) return "mqtt";
  if (bytes[0] === TLS_HANDSHAKE && bytes[1] === TLS_MAJOR_VERSION) return "tls";
  if (beginsWith(bytes, PROXY_V1) || beginsWith(bytes, PROXY_V2)) return "proxy";
  if (HTTP_METHOD.test(String.fromCharCode(...bytes.subarray(0, LONGEST_METHOD)))) return "http";
  return undefined;
}

/** Reason for the log if the first packet on a plain MQTT listener is malformed: the protocol that the client spoke. */
export function foreignToMqtt(bytes: Uint8Array): string | undefined {
  switch (spokenProtocol(bytes)) {
    case "tls":
      return "client spoke TLS to a listener for plain MQTT";
    case "http":
      return "client spoke HTTP to a listener for plain MQTT";
    case "proxy":
      return "client spoke the PROXY protocol to a listener that does not expect it";
    default:
      return undefined;
  }
}

/** Reason for the log when a handshake cannot begin: the protocol that the client spoke to a TLS listener. */
export function foreignToTls(bytes: Uint8Array): string | undefined {
  switch (spokenProtocol(bytes)) {
    case "mqtt":
      return "client spoke plain MQTT to a TLS listener";
    case "http":
      return "client spoke plain HTTP to a TLS listener";
    case "proxy":
      return "client spoke the PROXY protocol to a TLS listener that does not expect it";
    case "tls":
      return undefined;
    default:
      return bytes[0] === TLS_HANDSHAKE && bytes.length === 1 ? undefined : "client spoke no TLS to a TLS listener";
  }
}

/** Reason for the log when a request cannot begin: the protocol that the client spoke to a WebSocket listener. */
export function foreignToHttp(firstByte: number): string | undefined {
  if (firstByte === TLS_HANDSHAKE) return "TLS was sent to a WebSocket listener without TLS";
  if (firstByte === MQTT_CONNECT) return "MQTT without WebSocket was sent to a WebSocket listener";
  return firstByte < 0x21 || firstByte > 0x7e ? "what was sent is not HTTP" : undefined;
}

function beginsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, at) => bytes[at] === byte);
}
