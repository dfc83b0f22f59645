import {
  type AuthPacket,
  type ConnectPacket,
  type DisconnectPacket,
  type Packet,
  unreachable,
  type Will,
} from "../codec/packet.ts";
import { MqttError, protocolError } from "../codec/mqtt_error.ts";
import { NO_PROPERTIES, type Properties } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { Acceptance, Authentication, AuthenticationStep, ExchangeHandle } from "./access.ts";
import { type Answer, type Ask, askAuthorizer, type ConnectionHost } from "./connection_host.ts";
import { ClientLink, type ConnectionLoop } from "./client_link.ts";
import { connackProperties, type ConnectionTerms, negotiate, type Refusal } from "./connect_negotiation.ts";
import { EnhancedAuthentication, refusalOf } from "./enhanced_authentication.ts";
import { IncomingPublishes } from "./incoming_publishes.ts";
import type { Session } from "./session.ts";
import { receiveSubscribe, receiveUnsubscribe } from "./subscribing.ts";

/**
 * One Network Connection: packets in, packets into its outbox, changes into the log. It knows neither clock nor stream.
 *
 * Here stand the dispatch of packets and the way from CONNECT to CONNACK; what goes out and how a connection ends are those of
 * {@linkcode ClientLink}.
 */
export class Connection extends ClientLink {
  /** Message that is published when the connection ends without DISCONNECT (MQTT 5, section 3.1.2.5). */
  will: Will | undefined;
  session: Session | undefined;
  keepAliveSeconds = 0;
  readonly #host: ConnectionHost;
  readonly #publishes: IncomingPublishes;
  /** CONNECT until it is answered. */
  #connecting: { readonly connect: ConnectPacket; readonly terms: ConnectionTerms } | undefined;
  /** `undefined`: CONNECT has no Authentication Method. */
  #authentication: EnhancedAuthentication | undefined;
  /** Question that is not answered yet. */
  #asked: Ask | undefined;

  constructor(host: ConnectionHost, loop: ConnectionLoop) {
    super(host, loop);
    this.#host = host;
    this.#publishes = new IncomingPublishes(this, host);
  }

  /** Takes a packet of the client. An {@linkcode Ask} must be answered before the next one. */
  receive(packet: Packet, nowMs: number): Ask | undefined {
    if (this.phase === "closing") return undefined;
    this.loop.onReceived?.(packet);
    return this.#asked = this.phase === "connected"
      ? this.#dispatch(packet, this.session as Session, nowMs) // Set before it is connected.
      : this.#receiveConnecting(packet);
  }

  /** Takes the answer to the last {@linkcode Ask}. */
  answer(answer: Answer, nowMs: number): Ask | undefined {
    if (this.phase === "closing") return undefined;
    return this.#asked = this.#answered(this.#asked, answer, nowMs);
  }

  #dispatch(packet: Packet, session: Session, nowMs: number): Ask | undefined {
    switch (packet.type) {
      case "publish":
        return this.#publishes.receive(packet, session, nowMs);
      case "puback":
        return this.#checkAcknowledgement(packet, session.puback(packet.packetIdentifier, nowMs));
      case "pubrec":
        return this.#checkAcknowledgement(packet, session.pubrec(packet.packetIdentifier, packet.reasonCode, nowMs));
      case "pubrel":
        return this.#publishes.release(packet.packetIdentifier, session);
      case "pubcomp":
        return this.#checkAcknowledgement(packet, session.pubcomp(packet.packetIdentifier, nowMs));
      case "subscribe":
        return receiveSubscribe(packet, this, session, this.#host, nowMs);
      case "unsubscribe":
        return receiveUnsubscribe(packet, this, session, this.#host);
      case "pingreq":
        this.send({ type: "pingresp" }); // [MQTT-3.12.4-1]
        return undefined;
      case "disconnect":
        return this.#receiveDisconnect(packet, session);
      case "auth":
        return this.#receiveAuth(packet);
      case "connect":
        return this.#wrong(protocolError("A second CONNECT came", "MQTT-3.1.0-2"));
      case "connack":
      case "suback":
      case "unsuback":
      case "pingresp":
        return this.#wrong(protocolError(`A client sent ${packet.type.toUpperCase()}`, "MQTT 4.13.1"));
      default:
        return unreachable(packet);
    }
  }

  /** From CONNECT to CONNACK a client may only continue its exchange, or leave. [MQTT-3.1.2-30] */
  #receiveConnecting(packet: Packet): Ask | undefined {
    if (this.phase === "awaitingConnect") {
      if (packet.type === "connect") return this.#receiveConnect(packet);
      return this.#wrong(protocolError("The first packet is not CONNECT", "MQTT-3.1.0-1"));
    }
    if (packet.type === "auth") return this.#receiveAuth(packet);
    if (packet.type === "disconnect") return this.#left(packet.reasonCode);
    return this.#wrong(protocolError(`${packet.type.toUpperCase()} came before CONNACK`, "MQTT-3.1.2-30"));
  }

  #answered(asked: Ask | undefined, answer: Answer, nowMs: number): Ask | undefined {
    switch (answer.kind) {
      case "authenticate":
        return this.#authenticated(answer.result);
      case "authorize":
        return resume(asked, answer.isAllowed, nowMs);
      case "review":
        return asked?.kind === "review" ? asked.resume(answer.reviewed, nowMs) : undefined;
      case "storage":
        return resume(asked, answer.isKeeping, nowMs);
      case "subscriber":
        return resume(asked, answer.isOver, nowMs);
      case "turn":
        return resume(asked, true, nowMs);
      case "exchange":
        return this.#exchanged(answer.exchange, answer.step);
      case "openSession":
        return this.#opened(answer.session, answer.isPresent, nowMs);
      case "refused":
        return this.#refused(answer);
      default:
        return unreachable(answer);
    }
  }

  // CONNECT → CONNACK: negotiate, authenticate, authorize the Will, open the session.

  #receiveConnect(connect: ConnectPacket): Ask | undefined {
    this.hear(connect);
    const terms = negotiate(
      connect,
      this.#host.limits,
      this.#host.settings.checksPayloadFormat,
      () => this.#host.newClientId(),
    );
    if ("reasonCode" in terms) {
      this.refuse(terms);
      return undefined;
    }
    this.phase = "connecting";
    this.agree(terms);
    this.keepAliveSeconds = terms.keepAliveSeconds;
    this.#connecting = { connect, terms };
    const { authenticationMethod: method, authenticationData } = connect.properties;
    if (method !== undefined) {
      this.#authentication = new EnhancedAuthentication(method, terms.clientId);
      return this.#beginExchange(this.#authentication, authenticationData);
    }
    if (this.#host.asksAuthenticator) return { kind: "authenticate", connect, clientId: terms.clientId };
    return this.#authorizeWill();
  }

  #authenticated(result: Authentication): Ask | undefined {
    if (!result.isAccepted) {
      const { reasonCode, reason = "the client is not accepted" } = result;
      return this.#refused({ reasonCode, reason }); // [MQTT-3.1.4-2]
    }
    this.accept(result);
    return this.#authorizeWill();
  }

  #authorizeWill(): Ask | undefined {
    if (this.#connecting === undefined) return undefined; // It is connected already.
    const openSession: Ask = { kind: "openSession", ...this.#connecting };
    const { will } = this.#connecting.connect;
    if (will === undefined || !this.#host.asksAuthorizer) return openSession;
    if (this.#host.reviewsMessages) return openSession; // What will be published, and whether it may be, is known when it is due.
    const { topic, qos, retain } = will;
    return askAuthorizer({ action: "publish", topic, qos, retain }, this.identity, (isAllowed) => {
      if (isAllowed || this.#host.settings.deniedWill === "drop") return openSession;
      const reason = `not authorized to publish the Will to "${topic}"`;
      return this.#refused({ reasonCode: ReasonCode.NotAuthorized, reason });
    });
  }

  #opened(session: Session, isPresent: boolean, nowMs: number): undefined {
    if (this.#connecting === undefined) return;
    const { connect, terms } = this.#connecting;
    this.#connecting = undefined;
    this.session = session;
    // [MQTT-3.1.2-7] Kept beyond the batch: copy.
    this.will = connect.will === undefined ? undefined : { ...connect.will, payload: connect.will.payload.slice() };
    const properties = this.version === 5 ? this.#connackProperties(connect, terms) : NO_PROPERTIES;
    const heldUntil = session.isDurable ? this.#host.log.writtenSequence : 0;
    session.attach(this);
    const connack = { type: "connack", sessionPresent: isPresent, reasonCode: ReasonCode.Success, properties } as const;
    if (!this.send(connack, heldUntil) || this.closing !== undefined) return; // Too large for the client, or a hook ended it.
    this.phase = "connected";
    session.resume(nowMs); // After CONNACK. [MQTT-3.2.0-1]
  }

  #connackProperties(connect: ConnectPacket, terms: ConnectionTerms): Properties {
    const properties = {
      ...connackProperties(connect, terms, this.#host.limits),
      ...this.#authentication?.connackProperties,
    };
    if (connect.properties.requestResponseInformation !== 1) return properties; // [MQTT-3.1.2-28]
    const responseInformation = this.#host.responseInformation(terms.clientId);
    return responseInformation === undefined ? properties : { ...properties, responseInformation };
  }

  // Enhanced authentication: within CONNECT → CONNACK, and again when the client wants to.

  #beginExchange(authentication: EnhancedAuthentication, data: Uint8Array | undefined): Ask | undefined {
    if (this.#host.hasAuthenticationMethod(authentication.method)) return authentication.begin(data);
    const reason = "there is no such Authentication Method";
    return this.#refused({ reasonCode: ReasonCode.BadAuthenticationMethod, reason }); // [MQTT-4.12.0-1]
  }

  #receiveAuth(packet: AuthPacket): Ask | undefined {
    const authentication = this.#authentication;
    if (authentication === undefined) {
      return this.#wrong(protocolError("AUTH came without an Authentication Method in CONNECT", "MQTT-4.12.0-7"));
    }
    const next = authentication.receive(packet, this.isConnected);
    return next instanceof MqttError ? this.#wrong(next) : next;
  }

  #exchanged(exchange: ExchangeHandle, step: AuthenticationStep): Ask | undefined {
    const refusal = refusalOf(step, this.isConnected, this.principal);
    if (refusal !== undefined) return this.#refused(refusal);
    const packet = this.#authentication?.take(exchange, step, this.isConnected);
    if (packet !== undefined) this.send(packet);
    if (step.kind !== "accepted") return undefined;
    const { principal = this.principal } = step;
    this.accept(principal === undefined ? step : { ...step, principal });
    return this.#authorizeWill();
  }

  protected override accept(acceptance: Acceptance): void {
    super.accept(acceptance);
    if (this.session !== undefined) this.session.identity = this.identity; // It has authenticated again.
  }

  // The end, see ClientLink.

  #receiveDisconnect({ reasonCode, properties }: DisconnectPacket, session: Session): undefined {
    const expiry = properties.sessionExpiryInterval;
    if (expiry !== undefined) {
      if (!session.livesOn && expiry > 0) {
        const message = "DISCONNECT sets a Session Expiry Interval that was 0 in CONNECT";
        return this.#wrong(protocolError(message, "MQTT 3.14.2.2.2"));
      }
      session.sessionExpirySeconds = Math.min(expiry, this.#host.limits.maximumSessionExpirySeconds);
    }
    if (reasonCode === ReasonCode.Success) this.will = undefined; // [MQTT-3.14.4-3]
    return this.#left(reasonCode);
  }

  #left(reasonCode: ReasonCode): undefined {
    this.close({ reasonCode, reason: "the client disconnected", by: "client" });
  }

  #refused({ reasonCode, reason }: Refusal): undefined {
    this.disconnect(reasonCode, reason);
  }

  #wrong(error: MqttError): undefined {
    this.fail(error);
  }

  /** A message of QoS 2 that PUBACK came for would count against the Receive Maximum for good. */
  #checkAcknowledgement({ type, packetIdentifier }: Acknowledgement, isFitting: boolean): undefined {
    if (isFitting) return undefined;
    const what = `${type.toUpperCase()} came for message ${packetIdentifier}, which waits for another packet`;
    return this.#wrong(protocolError(what, "MQTT 4.3"));
  }

  protected override onClosing(): void {
    this.#connecting = undefined;
    this.session?.unlink(this);
  }
}

type Acknowledgement = Packet & { readonly packetIdentifier: number };

function resume(asked: Ask | undefined, answer: boolean, nowMs: number): Ask | undefined {
  return asked !== undefined && "resume" in asked && asked.kind !== "review" ? asked.resume(answer, nowMs) : undefined;
}
