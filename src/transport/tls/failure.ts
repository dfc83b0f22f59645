/** Reason of a failed handshake. */
export interface HandshakeFailure {
  /** Reason for the log. */
  readonly reason: string;
  /** Alert for the client (RFC 8446, section 6.2), where one can be sent. */
  readonly alert?: number;
}

const Alert = { HandshakeFailure: 40, DecodeError: 50, ProtocolVersion: 70, NoApplicationProtocol: 120 } as const;
const TLS_1_2 = 0x0303;

// Codes of `node:tls` that a client can cause.
const FAILURES: ReadonlyMap<unknown, HandshakeFailure> = new Map([
  ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", {
    reason: "client and listener have no version or cipher of TLS in common",
    alert: Alert.HandshakeFailure,
  }],
  ["ERR_SSL_NO_APPLICATION_PROTOCOL", {
    reason: "the client asks for other protocols within TLS only (ALPN)",
    alert: Alert.NoApplicationProtocol,
  }],
  ["ERR_SSL_WRONG_VERSION_NUMBER", { reason: "what the client sent is no TLS", alert: Alert.DecodeError }],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", { reason: "the client does not have the key of the certificate that it gave" }],
  ["ECONNRESET", { reason: "the client closed the connection during the handshake" }],
]);

/** Failure by the error of `node:tls` and the first bytes of the client. */
export function handshakeFailure(error: unknown, first: Uint8Array): HandshakeFailure {
  if (!(error instanceof Error)) return { reason: String(error) };
  const failure = FAILURES.get(Reflect.get(error, "code"));
  if (failure === undefined) return { reason: error.message };
  if (failure.alert === Alert.HandshakeFailure && highestVersion(first) < TLS_1_2) {
    return { reason: "the client speaks no TLS 1.2 or newer", alert: Alert.ProtocolVersion };
  }
  return { ...failure, reason: `${failure.reason} (${error.message})` };
}

/** Highest version of a ClientHello that names no newer ones in an extension (RFC 8446, section 4.1.2). */
function highestVersion(clientHello: Uint8Array): number {
  const [major, minor] = clientHello.subarray(9, 11);
  return major === undefined || minor === undefined ? TLS_1_2 : major << 8 | minor;
}
