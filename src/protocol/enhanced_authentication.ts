import { type MqttError, protocolError } from "../codec/mqtt_error.ts";
import type { AuthPacket, Packet } from "../codec/packet.ts";
import type { Properties } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { AuthenticationStep, ExchangeHandle } from "./access.ts";

/** What an AUTH of the client comes to. */
export type AuthOutcome =
  /** The exchange wants to see its data. */
  | { readonly kind: "continue"; readonly exchange: ExchangeHandle; readonly data: Uint8Array | undefined }
  /** Another exchange begins on a connection that was authenticated before. */
  | { readonly kind: "begin"; readonly data: Uint8Array | undefined }
  | { readonly kind: "wrong"; readonly error: MqttError };

/**
 * Enhanced authentication of one connection (MQTT 5, section 4.12): which AUTH may come when, and what goes back.
 * What the data mean is the business of the exchange.
 */
export class EnhancedAuthentication {
  #exchange: ExchangeHandle | undefined;

  /** @param method Authentication Method of CONNECT; it stays the same for the connection. [MQTT-4.12.0-5] */
  constructor(readonly method: string) {}

  /** AUTH from the client; `isConnected`: CONNACK was sent. */
  receive(packet: AuthPacket, isConnected: boolean): AuthOutcome {
    const { reasonCode, properties } = packet;
    if (properties.authenticationMethod !== this.method) {
      return wrong(`AUTH has another Authentication Method than CONNECT, which said "${this.method}"`, "MQTT-4.12.1-1");
    }
    const data = properties.authenticationData;
    if (this.#exchange !== undefined) {
      if (reasonCode !== ReasonCode.ContinueAuthentication) {
        return wrong("AUTH within an exchange has not the Reason Code 0x18", "MQTT-4.12.0-3");
      }
      return { kind: "continue", exchange: this.#exchange, data };
    }
    if (!isConnected || reasonCode !== ReasonCode.ReAuthenticate) {
      return wrong("AUTH came outside of an exchange and does not begin one with Reason Code 0x19", "MQTT-4.12.1-1");
    }
    return { kind: "begin", data };
  }

  /** What is sent for a step of the exchange; `undefined`: CONNACK says it, or the connection ends. */
  take(exchange: ExchangeHandle, step: AuthenticationStep, isConnected: boolean): Packet | undefined {
    this.#exchange = step.kind === "continue" ? exchange : undefined;
    if (step.kind === "continue") { // [MQTT-4.12.0-2]
      return { type: "auth", reasonCode: ReasonCode.ContinueAuthentication, properties: this.properties(step.data) };
    }
    if (step.kind === "refused" || !isConnected) return undefined;
    return { type: "auth", reasonCode: ReasonCode.Success, properties: this.properties(step.data) };
  }

  /** Authentication Method and Authentication Data, for AUTH and for CONNACK with Success. [MQTT-4.12.0-5] */
  properties(authenticationData: Uint8Array | undefined): Properties {
    const { method: authenticationMethod } = this;
    return { authenticationMethod, ...authenticationData === undefined ? {} : { authenticationData } };
  }
}

function wrong(message: string, clause: string): AuthOutcome {
  return { kind: "wrong", error: protocolError(message, clause) };
}
