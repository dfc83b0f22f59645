import { MqttError } from "../codec/mqtt_error.ts";
import type { Properties } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";

/** Reports a refusal or an end by the server, with its Reason Code and properties. */
export class RefusedError extends MqttError {
  /** Properties of that packet: Reason String, Server Reference, User Properties. */
  readonly properties: Properties;

  /**
   * Adds what the server said about it to the message.
   *
   * @param message what was refused, such as `Cannot publish to "a"`
   */
  constructor(message: string, reasonCode: ReasonCode, clause: string, properties: Properties) {
    const { reasonString, serverReference } = properties;
    const said = [reasonString, serverReference === undefined ? undefined : `use "${serverReference}"`];
    super(
      [`${message}: the server refused`, ...said.filter((part) => part !== undefined)].join(", "),
      reasonCode,
      clause,
    );
    this.properties = properties;
  }
}

/** Reports that the network failed, or that the server closed without a reason. */
export function lostConnection(cause?: unknown): MqttError {
  const options = cause === undefined ? undefined : { cause };
  return new MqttError("The connection was lost", ReasonCode.UnspecifiedError, "MQTT 4.13", options);
}

/** Reports that a limit of this client is reached. */
export function quotaExceeded(message: string): MqttError {
  return new MqttError(message, ReasonCode.QuotaExceeded, "MQTT 4.9");
}

/** Error of all calls to a closed client, and of those that it did not finish. */
export function closedError(action: string): TypeError {
  return new TypeError(`Cannot ${action}: the client is closed`);
}
