import { type MqttError, protocolError } from "../codec/mqtt_error.ts";
import type { AuthPacket, Packet } from "../codec/packet.ts";
import type { Properties } from "../codec/property.ts";
import { isReasonCodeOf, ReasonCode } from "../codec/reason_code.ts";
import type { AuthenticationStep, ExchangeHandle } from "./access.ts";
import type { Ask } from "./connection_host.ts";
import type { Refusal } from "./connect_negotiation.ts";

/**
 * Enhanced authentication of one connection (MQTT 5, section 4.12): which AUTH may come when, and what goes back.
 * The meaning of the data is the business of the exchange.
 */
export class EnhancedAuthentication {
  readonly #clientId: string;
  /** Exchange that waits for data of the client. */
  #exchange: ExchangeHandle | undefined;
  /** Authentication Data for CONNACK. */
  #finalData: Uint8Array | undefined;

  /** @param method Authentication Method of CONNECT; it stays the same for the connection. [MQTT-4.12.0-5] */
  constructor(readonly method: string, clientId: string) {
    this.#clientId = clientId;
  }

  /** Begins an exchange, for CONNECT or to authenticate again. */
  begin(data: Uint8Array | undefined): Ask {
    return this.#ask(undefined, data);
  }

  /** Takes AUTH of the client: the question to the exchange, or an error of the client. `isConnected`: CONNACK was sent. */
  receive({ reasonCode, properties }: AuthPacket, isConnected: boolean): Ask | MqttError {
    if (properties.authenticationMethod !== this.method) {
      const message = `AUTH has another Authentication Method than CONNECT, which said "${this.method}"`;
      return protocolError(message, "MQTT-4.12.1-1");
    }
    const data = properties.authenticationData;
    if (this.#exchange !== undefined) {
      if (reasonCode === ReasonCode.ContinueAuthentication) return this.#ask(this.#exchange, data);
      return protocolError("AUTH within an exchange has not the Reason Code 0x18", "MQTT-4.12.0-3");
    }
    if (isConnected && reasonCode === ReasonCode.ReAuthenticate) return this.begin(data);
    const message = "AUTH came outside of an exchange and does not begin one with Reason Code 0x19";
    return protocolError(message, "MQTT-4.12.1-1");
  }

  /** Packet that a step of the exchange sends; `undefined`: CONNACK says it, or the connection ends. */
  take(exchange: ExchangeHandle, step: AuthenticationStep, isConnected: boolean): Packet | undefined {
    this.#exchange = step.kind === "continue" ? exchange : undefined;
    if (step.kind === "refused") return undefined;
    if (step.kind === "accepted" && !isConnected) {
      this.#finalData = step.data;
      return undefined;
    }
    // [MQTT-4.12.0-2]
    const reasonCode = step.kind === "continue" ? ReasonCode.ContinueAuthentication : ReasonCode.Success;
    return { type: "auth", reasonCode, properties: this.#properties(step.data) };
  }

  /** Authentication Method and Authentication Data for CONNACK with Success. [MQTT-4.12.0-5] */
  get connackProperties(): Properties {
    return this.#properties(this.#finalData);
  }

  #properties(authenticationData: Uint8Array | undefined): Properties {
    const { method: authenticationMethod } = this;
    return { authenticationMethod, ...authenticationData === undefined ? {} : { authenticationData } };
  }

  #ask(exchange: ExchangeHandle | undefined, data: Uint8Array | undefined): Ask {
    return { kind: "exchange", clientId: this.#clientId, method: this.method, exchange, data };
  }
}

/**
 * Refusal of the client by a step; `undefined`: the step does not end the connection. A client that authenticates again
 * stays who it was, because its session belongs to that name.
 */
export function refusalOf(
  step: AuthenticationStep,
  isConnected: boolean,
  principal: string | undefined,
): Refusal | undefined {
  if (step.kind === "refused") { // [MQTT-4.12.0-4] [MQTT-4.12.1-2]
    const { reasonCode = ReasonCode.NotAuthorized, reason } = step;
    const isSayable = isReasonCodeOf(isConnected ? "disconnect" : "connack", reasonCode);
    return { reasonCode: isSayable ? reasonCode : ReasonCode.NotAuthorized, reason };
  }
  if (step.kind === "accepted" && isConnected && (step.principal ?? principal) !== principal) {
    return { reasonCode: ReasonCode.NotAuthorized, reason: "the session belongs to somebody else" };
  }
  return undefined;
}
