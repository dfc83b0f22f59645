import { encodePacket } from "../codec/encoder.ts";
import {
  type AuthPacket,
  type ConnectPacket,
  type DisconnectPacket,
  type Packet,
  type ProtocolVersion,
  unreachable,
  type Will,
} from "../codec/packet.ts";
import { UnsupportedProtocolVersionError } from "../codec/connect_body.ts";
import type { Malformed } from "../codec/decoder.ts";
import { type MqttError, protocolError } from "../codec/mqtt_error.ts";
import { NO_PROPERTIES, type Properties } from "../codec/property.ts";
import { connackReturnCode, isReasonCodeOf, ReasonCode } from "../codec/reason_code.ts";
import type {
  Acceptance,
  AccessRequest,
  Authentication,
  AuthenticationStep,
  ClientIdentity,
  ExchangeHandle,
} from "./access.ts";
import type { Answer, Ask, BehindSubscriber } from "./ask.ts";
import { connackProperties, type ConnectionTerms, negotiate } from "./connect_negotiation.ts";
import type { ConnectionEvents, ConnectionHost, PacketPort } from "./connection_host.ts";
import { EnhancedAuthentication } from "./enhanced_authentication.ts";
import { isOfItsFormat, OutgoingTopicAliases } from "./publish_rules.ts";
import { Outbox } from "./outbox.ts";
import { IncomingPublishes } from "./incoming_publishes.ts";
import type { Session } from "./session.ts";
import { receiveSubscribe, receiveUnsubscribe } from "./subscription.ts";

const LONGEST_REASON = 256;
const NONE: readonly never[] = [];

/** Why a connection ends. */
export interface Closing {
  readonly reasonCode: ReasonCode;
  readonly reason: string;
  /** `client`: it said DISCONNECT; `network`: the Network Connection was lost; `server`: this broker ended it. */
  readonly by: "client" | "network" | "server";
  /** The first bytes of a packet that could not be decoded. */
  readonly firstBytes?: Uint8Array;
}

type Phase =
  | { readonly kind: "awaitingConnect" }
  | { readonly kind: "connecting"; readonly connect: ConnectPacket; readonly terms: ConnectionTerms }
  | { readonly kind: "connected" }
  | { readonly kind: "closing"; readonly closing: Closing };

const AWAITING_CONNECT: Phase = { kind: "awaitingConnect" };
const TURN: Ask = { kind: "turn" };
const CONNECTED: Phase = { kind: "connected" };

/**
 * One Network Connection: packets in, packets into its outbox, changes into the log. It knows neither clock nor stream.
 */
export class Connection implements PacketPort {
  readonly outbox: Outbox;
  /** What is published when it ends without DISCONNECT (MQTT 5, section 3.1.2.5). */
  will: Will | undefined;
  session: Session | undefined;
  clientId = "";
  version: ProtocolVersion = 4;
  receiveMaximum = 65_535;
  maximumPacketBytes = Infinity;
  aliases = new OutgoingTopicAliases(0);
  keepAliveSeconds = 0;
  isBridge = false;
  readonly #host: ConnectionHost;
  readonly #events: ConnectionEvents;
  readonly #publishes: IncomingPublishes;
  #phase: Phase = AWAITING_CONNECT;
  /** What its authentication came to. */
  #acceptance: Acceptance = {};
  #identity: ClientIdentity | undefined;
  #requestsProblemInformation = true;
  /** Where CONNECT has an Authentication Method. */
  #authentication: EnhancedAuthentication | undefined;
  /** Authentication Data for CONNACK. */
  #finalData: Uint8Array | undefined;
  /** Goes on when the open {@linkcode Ask} about access, the storage, a subscriber or the turn of others is answered. */
  #whenAnswered: ((answer: boolean, nowMs: number) => Ask | undefined) | undefined;

  constructor(host: ConnectionHost, events: ConnectionEvents) {
    this.#host = host;
    this.#events = events;
    this.outbox = new Outbox(host.topics);
    this.#publishes = new IncomingPublishes(this, host);
  }

  /** Why it ends; `undefined` while it goes on. */
  get closing(): Closing | undefined {
    return this.#phase.kind === "closing" ? this.#phase.closing : undefined;
  }

  /** Whether CONNACK with Success was sent and nothing has ended it since. */
  get isConnected(): boolean {
    return this.#phase.kind === "connected";
  }

  get principal(): string | undefined {
    return this.#acceptance.principal;
  }

  /** Whom access rules speak of, from CONNECT on. */
  get identity(): ClientIdentity {
    if (this.#identity !== undefined) return this.#identity;
    const { principal, roles = NONE, grants = NONE } = this.#acceptance;
    return this.#identity = { clientId: this.clientId, principal, roles, grants, listener: this.#events.listener };
  }

  get onSent(): ((packet: Packet) => void) | undefined {
    return this.#events.onSent;
  }

  get isFull(): boolean {
    const { maximumOutboxBytes } = this.#host.limits;
    if (this.outbox.bytes < maximumOutboxBytes) return false;
    this.#events.flushNow(); // Many publishers can fill it within one turn, though the client reads fast enough.
    return this.outbox.bytes >= maximumOutboxBytes;
  }

  get writingSinceMs(): number {
    return this.#events.writingSinceMs;
  }

  wake(): void {
    this.#events.wake();
  }

  get isPumpLater(): boolean {
    return this.#events.isPumpLater;
  }

  pumpLater(): void {
    this.#events.pumpLater();
  }

  loadPage(): void {
    this.#events.loadPage();
  }

  /** Takes a packet of the client. An {@linkcode Ask} must be answered before the next one. */
  receive(packet: Packet, nowMs: number): Ask | undefined {
    if (this.#phase.kind === "closing") return undefined;
    this.#events.onReceived?.(packet);
    if (this.#phase.kind === "connecting") return this.#receiveWhileConnecting(packet);
    if (this.#phase.kind !== "connected") return this.#receiveConnect(packet);
    const session = this.session as Session; // Set before it is connected.
    switch (packet.type) {
      case "publish":
        return this.#publishes.receive(packet, nowMs);
      case "puback":
        return this.#checkAcknowledgement(packet, session.outgoing.puback(packet.packetIdentifier, nowMs));
      case "pubrec": {
        const isFitting = session.outgoing.pubrec(packet.packetIdentifier, packet.reasonCode, nowMs);
        return this.#checkAcknowledgement(packet, isFitting);
      }
      case "pubrel":
        this.#publishes.release(packet.packetIdentifier);
        return undefined;
      case "pubcomp":
        return this.#checkAcknowledgement(packet, session.outgoing.pubcomp(packet.packetIdentifier, nowMs));
      case "subscribe":
        return receiveSubscribe(packet, this, session, this.#host, nowMs);
      case "unsubscribe":
        return receiveUnsubscribe(packet, this, session, this.#host);
      case "pingreq":
        this.send({ type: "pingresp" }); // [MQTT-3.12.4-1]
        return undefined;
      case "disconnect":
        return this.#receiveDisconnect(packet);
      case "auth":
        return this.#receiveAuth(packet);
      case "connect":
        return this.#refuse(protocolError("A second CONNECT came", "MQTT-3.1.0-2"));
      case "connack":
      case "suback":
      case "unsuback":
      case "pingresp":
        return this.#refuse(protocolError(`A client sent ${packet.type.toUpperCase()}`, "MQTT 4.13.1"));
      default:
        return unreachable(packet);
    }
  }

  /** Takes the answer to the last {@linkcode Ask}. */
  answer(answer: Answer, nowMs: number): Ask | undefined {
    if (this.#phase.kind === "closing") return undefined;
    switch (answer.kind) {
      case "authenticate":
        return this.#authenticated(answer.result);
      case "authorize":
        return this.#goOn(answer.isAllowed, nowMs);
      case "storage":
        return this.#goOn(answer.isKeeping, nowMs);
      case "subscriber":
        return this.#goOn(answer.isOver, nowMs);
      case "turn":
        return this.#goOn(true, nowMs);
      case "exchange":
        return this.#exchanged(answer.exchange, answer.step);
      case "openSession":
        this.#opened(answer.session, answer.isPresent, nowMs);
        return undefined;
      case "refused":
        this.disconnect(answer.reasonCode, answer.reason);
        return undefined;
      default:
        return unreachable(answer);
    }
  }

  /** Asks whether the client may do something, when there is somebody to ask. */
  authorize(
    request: Pick<AccessRequest, "action" | "topic" | "qos" | "retain">,
    goOn: (isAllowed: boolean, nowMs: number) => Ask | undefined,
    nowMs: number,
  ): Ask | undefined {
    if (!this.#host.asksAuthorizer) return goOn(true, nowMs);
    this.#whenAnswered = goOn;
    return { kind: "authorize", request: { ...request, ...this.identity } };
  }

  tellDenied(request: Pick<AccessRequest, "action" | "topic" | "qos" | "retain">): void {
    this.#events.denied({ ...request, ...this.identity });
  }

  waitForStorage(goOn: (isKeeping: boolean, nowMs: number) => Ask | undefined): Ask {
    this.#whenAnswered = goOn;
    return { kind: "storage" };
  }

  waitForSubscriber(subscriber: BehindSubscriber, goOn: (isOver: boolean, nowMs: number) => Ask | undefined): Ask {
    this.#whenAnswered = goOn;
    return { kind: "subscriber", subscriber };
  }

  waitForTurn(goOn: (isOn: boolean, nowMs: number) => Ask | undefined): Ask {
    this.#whenAnswered = goOn;
    return TURN;
  }

  /** Ends it for what the peer did; a client of MQTT 5 is told why (section 4.13). */
  fail(error: MqttError): void {
    this.#refuse(error);
  }

  /** Ends it for bytes that are no packet. */
  failMalformed({ error, protocolVersion, firstBytes }: Malformed): void {
    if (this.#phase.kind === "awaitingConnect" && protocolVersion === 5) {
      // A CONNECT that could be read far enough to know who hears the answer; 3.1.1 gets none. [MQTT-3.1.4-1]
      this.version = this.outbox.version = protocolVersion;
      this.#sendRefusal(error.reasonCode, error.message);
    }
    this.#refuse(error, firstBytes);
  }

  /** Ends it. A client of MQTT 5 that is connected gets DISCONNECT; before that CONNACK says it where one can. */
  disconnect(reasonCode: ReasonCode, fullReason: string, firstBytes?: Uint8Array): void {
    const reason = sayable(fullReason);
    const phase = this.#phase;
    if (phase.kind === "closing") return;
    // First: a DISCONNECT that is too large for the client would end it again.
    const closing: Closing = { reasonCode, reason, by: "server", ...(firstBytes === undefined ? {} : { firstBytes }) };
    this.#phase = { kind: "closing", closing };
    if (phase.kind === "connected") {
      // 3.1.1 closes without a word; 5 says why first. [MQTT-4.13.1-1] [MQTT-3.14.0-1]
      if (this.version === 5) this.send({ type: "disconnect", reasonCode, properties: { reasonString: reason } });
    } else if (phase.kind === "connecting") {
      this.#sendRefusal(reasonCode, reason);
    }
    this.#close(closing);
  }

  /** Ends it without a word: there is nobody to hear it. */
  end(closing: Closing): void {
    if (this.#phase.kind !== "closing") this.#beginClosing(closing);
  }

  send(packet: Packet, heldUntil = 0): boolean {
    if (this.outbox.isClosed) return false;
    const sent = this.#withoutProblemInformation(this.#withAlias(packet));
    const fitting = this.maximumPacketBytes === Infinity ? sent : this.#fitting(sent);
    if (fitting === undefined) {
      // A PUBLISH is left out [MQTT-3.1.2-25]; without any other packet the client could not go on.
      if (packet.type !== "publish") {
        this.disconnect(ReasonCode.PacketTooLarge, `${packet.type.toUpperCase()} is larger than the client accepts`);
      }
      return false;
    }
    this.outbox.push(fitting, heldUntil);
    this.#events.onSent?.(fitting);
    this.#events.wake();
    return true;
  }

  #goOn(answer: boolean, nowMs: number): Ask | undefined {
    const goOn = this.#whenAnswered;
    this.#whenAnswered = undefined;
    return goOn?.(answer, nowMs);
  }

  #receiveConnect(packet: Packet): Ask | undefined {
    if (packet.type !== "connect" || this.#phase.kind !== "awaitingConnect") {
      return this.#refuse(protocolError("The first packet is not CONNECT", "MQTT-3.1.0-1"));
    }
    this.version = packet.protocolVersion;
    this.outbox.version = packet.protocolVersion;
    this.isBridge = packet.isBridge && packet.protocolVersion < 5;
    this.maximumPacketBytes = packet.properties.maximumPacketSize ?? Infinity;
    const terms = negotiate(packet, this.#host.limits, () => this.#host.newClientId());
    if ("reasonCode" in terms) {
      this.clientId = packet.clientId;
      this.#sendRefusal(terms.reasonCode, terms.reason);
      return this.#close({ ...terms, by: "server" });
    }
    if (this.#host.checksPayloadFormat && packet.will && !isOfItsFormat(packet.will.payload, packet.will.properties)) {
      const reason = "Will Payload is not UTF-8 as its indicator says";
      this.#sendRefusal(ReasonCode.PayloadFormatInvalid, reason);
      return this.#close({ reasonCode: ReasonCode.PayloadFormatInvalid, reason, by: "server" });
    }
    this.#phase = { kind: "connecting", connect: packet, terms };
    this.clientId = terms.clientId;
    this.receiveMaximum = terms.receiveMaximum;
    this.aliases = new OutgoingTopicAliases(terms.topicAliasMaximum);
    this.keepAliveSeconds = terms.keepAliveSeconds;
    this.#requestsProblemInformation = terms.requestsProblemInformation;
    const { authenticationMethod: method, authenticationData: data } = packet.properties;
    if (method !== undefined) return this.#beginExchange(method, data);
    if (this.#host.asksAuthenticator) return { kind: "authenticate", connect: packet, clientId: terms.clientId };
    return this.#authorizeWill(packet, terms);
  }

  #authenticated(result: Authentication): Ask | undefined {
    if (this.#phase.kind !== "connecting") return undefined;
    if (!result.isAccepted) {
      const { reasonCode, reason = "the client is not accepted" } = result;
      this.disconnect(reasonCode, reason); // [MQTT-3.1.4-2]
      return undefined;
    }
    this.#accept(result);
    return this.#authorizeWill(this.#phase.connect, this.#phase.terms);
  }

  /** Between CONNECT and CONNACK a client may only go on with an exchange, or leave. [MQTT-3.1.2-30] */
  #receiveWhileConnecting(packet: Packet): Ask | undefined {
    if (packet.type === "auth") return this.#receiveAuth(packet);
    if (packet.type === "disconnect") {
      return this.#close({ reasonCode: packet.reasonCode, reason: "the client disconnected", by: "client" });
    }
    return this.#refuse(protocolError(`${packet.type.toUpperCase()} came before CONNACK`, "MQTT-3.1.2-30"));
  }

  #beginExchange(method: string, data: Uint8Array | undefined): Ask | undefined {
    if (!this.#host.hasAuthenticationMethod(method)) {
      this.disconnect(ReasonCode.BadAuthenticationMethod, "there is no such Authentication Method"); // [MQTT-4.12.0-1]
      return undefined;
    }
    this.#authentication ??= new EnhancedAuthentication(method);
    return { kind: "exchange", clientId: this.clientId, method, exchange: undefined, data };
  }

  #receiveAuth(packet: AuthPacket): Ask | undefined {
    const authentication = this.#authentication;
    if (authentication === undefined) {
      return this.#refuse(protocolError("AUTH came without an Authentication Method in CONNECT", "MQTT-4.12.0-7"));
    }
    const outcome = authentication.receive(packet, this.isConnected);
    if (outcome.kind === "wrong") return this.#refuse(outcome.error);
    const { method } = authentication;
    if (outcome.kind === "begin") return this.#beginExchange(method, outcome.data);
    const { exchange, data } = outcome;
    return { kind: "exchange", clientId: this.clientId, method, exchange, data };
  }

  #exchanged(exchange: ExchangeHandle, step: AuthenticationStep): Ask | undefined {
    if (step.kind === "refused") { // [MQTT-4.12.0-4] [MQTT-4.12.1-2]
      const { reasonCode = ReasonCode.NotAuthorized, reason } = step;
      const isSayable = isReasonCodeOf(this.isConnected ? "disconnect" : "connack", reasonCode);
      this.disconnect(isSayable ? reasonCode : ReasonCode.NotAuthorized, reason);
      return undefined;
    }
    if (step.kind === "accepted" && this.isConnected && (step.principal ?? this.principal) !== this.principal) {
      this.disconnect(ReasonCode.NotAuthorized, "the session belongs to somebody else");
      return undefined;
    }
    const packet = this.#authentication?.take(exchange, step, this.isConnected);
    if (packet !== undefined) this.send(packet);
    if (step.kind === "continue") return undefined;
    const { principal = this.principal } = step;
    this.#accept(principal === undefined ? step : { ...step, principal });
    if (this.#phase.kind !== "connecting") return undefined;
    this.#finalData = step.data;
    return this.#authorizeWill(this.#phase.connect, this.#phase.terms);
  }

  #accept(acceptance: Acceptance): void {
    this.#acceptance = acceptance;
    this.#identity = undefined;
    if (this.session !== undefined) this.session.identity = this.identity; // It has authenticated again.
    this.#events.accepted(acceptance);
  }

  #authorizeWill(connect: ConnectPacket, terms: ConnectionTerms): Ask | undefined {
    const openSession: Ask = { kind: "openSession", connect, terms };
    const { will } = connect;
    if (will === undefined || !this.#host.asksAuthorizer) return openSession;
    const { topic, qos, retain } = will;
    return this.authorize({ action: "publish", topic, qos, retain }, (isAllowed) => {
      if (isAllowed || this.#host.deniedWill === "drop") return openSession;
      this.disconnect(ReasonCode.NotAuthorized, `not authorized to publish the Will to "${topic}"`);
      return undefined;
    }, 0);
  }

  #opened(session: Session, isPresent: boolean, nowMs: number): void {
    if (this.#phase.kind !== "connecting") return;
    const { connect, terms } = this.#phase;
    this.session = session;
    // [MQTT-3.1.2-7] Kept beyond the batch: copy.
    this.will = connect.will === undefined ? undefined : { ...connect.will, payload: connect.will.payload.slice() };
    const properties = this.version === 5 ? this.#connackProperties(connect, terms) : NO_PROPERTIES;
    const heldUntil = session.isDurable ? this.#host.log.writtenSequence : 0;
    session.attach(this);
    const connack = { type: "connack", sessionPresent: isPresent, reasonCode: ReasonCode.Success, properties } as const;
    if (!this.send(connack, heldUntil)) return; // Too large for the client: it was refused.
    this.#phase = CONNECTED;
    session.outgoing.resume(nowMs); // Behind CONNACK. [MQTT-3.2.0-1]
  }

  #connackProperties(connect: ConnectPacket, terms: ConnectionTerms): Properties {
    const properties = {
      ...connackProperties(connect, terms, this.#host.limits),
      ...this.#authentication?.properties(this.#finalData),
    };
    if (connect.properties.requestResponseInformation !== 1) return properties; // [MQTT-3.1.2-28]
    const responseInformation = this.#host.responseInformation(terms.clientId);
    return responseInformation === undefined ? properties : { ...properties, responseInformation };
  }

  #receiveDisconnect(packet: DisconnectPacket): undefined {
    const { reasonCode, properties } = packet;
    const expiry = properties.sessionExpiryInterval;
    const session = this.session as Session; // It is connected.
    if (expiry !== undefined) {
      if (!session.livesOn && expiry > 0) {
        this.#refuse(
          protocolError("DISCONNECT sets a Session Expiry Interval that was 0 in CONNECT", "MQTT 3.14.2.2.2"),
        );
        return;
      }
      session.sessionExpirySeconds = Math.min(expiry, this.#host.limits.maximumSessionExpirySeconds);
    }
    if (reasonCode === ReasonCode.Success) this.will = undefined; // [MQTT-3.14.4-3]
    this.#close({ reasonCode, reason: "the client disconnected", by: "client" });
  }

  /** A message of QoS 2 that PUBACK came for would count against the Receive Maximum for good. */
  #checkAcknowledgement(
    { type, packetIdentifier }: Packet & { packetIdentifier: number },
    isFitting: boolean,
  ): undefined {
    if (isFitting) return undefined;
    const what = `${type.toUpperCase()} came for message ${packetIdentifier}, which waits for another packet`;
    return this.#refuse(protocolError(what, "MQTT 4.3"));
  }

  #refuse(error: MqttError, firstBytes?: Uint8Array): undefined {
    if (this.#phase.kind === "awaitingConnect" && error instanceof UnsupportedProtocolVersionError) {
      // In the form of a version that the client may know. [MQTT-3.1.2-2]
      this.version = this.outbox.version = error.level > 5 ? 5 : 4;
      this.#sendRefusal(error.reasonCode, error.message);
    }
    // Some codes are of CONNACK alone, and what is wrong with a second CONNECT is that it came. [MQTT-3.14.2-1]
    const isSayable = !this.isConnected || isReasonCodeOf("disconnect", error.reasonCode);
    this.disconnect(isSayable ? error.reasonCode : ReasonCode.ProtocolError, error.message, firstBytes);
  }

  #sendRefusal(why: ReasonCode, fullReason: string): void {
    const reason = sayable(fullReason);
    const isV5 = this.outbox.version === 5;
    const reasonCode = isReasonCodeOf("connack", why) ? why : ReasonCode.ServerUnavailable; // [MQTT-3.2.2-8]
    if (!isV5 && connackReturnCode(reasonCode) === undefined) return; // [MQTT-3.2.2-6] of 3.1.1
    const properties = isV5 ? { reasonString: reason } : NO_PROPERTIES;
    this.send({ type: "connack", sessionPresent: false, reasonCode, properties }); // [MQTT-3.2.2-6]
  }

  #close(closing: Closing): undefined {
    this.#beginClosing(closing);
    this.#events.wake();
  }

  /** The last packet is in the outbox: from now on messages wait in the session. [MQTT-3.14.4-1] */
  #beginClosing(closing: Closing): void {
    this.#phase = { kind: "closing", closing };
    this.outbox.close();
    this.session?.outgoing.unlink(this);
  }

  /** A Topic Alias for a PUBLISH, with the topic at its first use (MQTT 5, section 3.3.2.3.4). */
  #withAlias(packet: Packet): Packet {
    if (packet.type !== "publish" || this.aliases.maximum === 0) return packet;
    const known = this.aliases.known(packet.topic);
    if (known !== undefined) return { ...packet, topic: "", properties: { ...packet.properties, topicAlias: known } };
    if (this.maximumPacketBytes !== Infinity) return packet; // It might be too large to be sent, and the alias be lost.
    const topicAlias = this.aliases.assign(packet.topic);
    return topicAlias === undefined ? packet : { ...packet, properties: { ...packet.properties, topicAlias } };
  }

  /** [MQTT-3.1.2-29] */
  #withoutProblemInformation(packet: Packet): Packet {
    if (this.#requestsProblemInformation || !("properties" in packet)) return packet;
    if (packet.type === "publish" || packet.type === "connack" || packet.type === "disconnect") return packet;
    return { ...packet, properties: withoutReason(packet.properties) };
  }

  /** The packet, without what explains it if only that makes it too large; `undefined`: it is too large anyway. */
  #fitting(packet: Packet): Packet | undefined {
    const fits = (candidate: Packet) => encodePacket(candidate, this.outbox.version).length <= this.maximumPacketBytes;
    if (fits(packet)) return packet; // [MQTT-3.1.2-24]
    if (packet.type === "publish" || !("properties" in packet)) return undefined;
    // [MQTT-3.2.2-19] [MQTT-3.4.2-2] [MQTT-3.14.2-3] and their like
    const shorter = { ...packet, properties: withoutReason(packet.properties) };
    return fits(shorter) ? shorter : undefined;
  }
}

function withoutReason(properties: Properties): Properties {
  const { reasonString: _, userProperties: __, ...rest } = properties;
  return rest;
}

/** A reason may quote what the client sent, or come from a hook: as much of it as a Reason String should have. */
function sayable(reason: string): string {
  return reason.slice(0, LONGEST_REASON).toWellFormed().replaceAll("\0", "");
}
