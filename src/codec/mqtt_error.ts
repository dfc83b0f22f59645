import { ReasonCode, reasonCodeName } from "./reason_code.ts";

/** Violation of the specification by a peer: it ends that peer's Network Connection, never the process. */
export class MqttError extends Error {
  /** Name of the class, for logs. */
  override readonly name = "MqttError";

  /**
   * Names the violation, its Reason Code and its clause.
   *
   * @param message violation, without a full stop
   * @param reasonCode sent to an MQTT 5 peer in CONNACK or DISCONNECT (section 4.13)
   * @param clause identifier of the violated statement, or the section if it has none, such as `MQTT-3.3.1-4`
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

/** Reports a packet that cannot be parsed according to the specification (MQTT 5, section 1.2 and 4.13). */
export function malformed(message: string, clause: string): MqttError {
  return new MqttError(message, ReasonCode.MalformedPacket, clause);
}

/** Reports a packet that can be parsed and has contents that are not allowed (MQTT 5, section 1.2 and 4.13). */
export function protocolError(message: string, clause: string): MqttError {
  return new MqttError(message, ReasonCode.ProtocolError, clause);
}
