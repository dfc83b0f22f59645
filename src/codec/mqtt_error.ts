import { ReasonCode, reasonCodeName } from "./reason_code.ts";

/** What a peer did against the specification: it ends that peer's Network Connection, never the process. */
export class MqttError extends Error {
  override readonly name = "MqttError";

  /**
   * @param message what is wrong, without a full stop
   * @param reasonCode sent to an MQTT 5 peer in CONNACK or DISCONNECT (section 4.13)
   * @param clause identifier of the statement that was broken, or the section where there is none, such as `MQTT-3.3.1-4`
   */
  constructor(
    message: string,
    readonly reasonCode: ReasonCode,
    readonly clause: string,
    options?: ErrorOptions,
  ) {
    super(`${message} (${reasonCodeName(reasonCode)}) [${clause}]`, options);
  }
}

/** A packet that cannot be parsed according to the specification (MQTT 5, section 1.2 and 4.13). */
export function malformed(message: string, clause: string): MqttError {
  return new MqttError(message, ReasonCode.MalformedPacket, clause);
}

/** A packet that parses and says what is not allowed (MQTT 5, section 1.2 and 4.13). */
export function protocolError(message: string, clause: string): MqttError {
  return new MqttError(message, ReasonCode.ProtocolError, clause);
}
