import { MqttError } from "../codec/mqtt_error.ts";
import type { Properties } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";

/** What the server refused or ended, with its Reason Code and all that it said of it. */
export class RefusedError extends MqttError {
  /** Of the packet that said so: Reason String, Server Reference, User Properties. */
  readonly properties: Properties;

  /** @param message what was refused, such as `Cannot publish to "a"` */
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

/** Says that the network failed, or that the server closed without a word. */
export function lostConnection(cause?: unknown): MqttError {
  const options = cause === undefined ? undefined : { cause };
  return new MqttError("The connection was lost", ReasonCode.UnspecifiedError, "MQTT 4.13", options);
}

/** A limit of this client that is reached. */
export function quotaExceeded(message: string): MqttError {
  return new MqttError(message, ReasonCode.QuotaExceeded, "MQTT 4.9");
}

/** What everything gets that is asked of a client that is closed, or that it did not finish. */
export function closedError(action: string): TypeError {
  return new TypeError(`Cannot ${action}: the client is closed`);
}
