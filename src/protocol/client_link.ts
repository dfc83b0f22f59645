import { UnsupportedProtocolVersionError } from "../codec/connect_body.ts";
import type { Malformed } from "../codec/decoder.ts";
import { encodePacket } from "../codec/encoder.ts";
import type { MqttError } from "../codec/mqtt_error.ts";
import type { ConnectPacket, Packet, ProtocolVersion } from "../codec/packet.ts";
import { NO_PROPERTIES, type Properties } from "../codec/property.ts";
import { connackReturnCode, isReasonCodeOf, ReasonCode } from "../codec/reason_code.ts";
import type { TopicInterner } from "../codec/topic_interner.ts";
import type { Acceptance, AccessRequest, ClientAction, ClientIdentity } from "./access.ts";
import type { ConnectionTerms, Refusal } from "./connect_negotiation.ts";
import type { ConnectionPort } from "./connection_port.ts";
import type { Limits } from "./limits.ts";
import { Outbox, type OutboxTotal } from "./outbox.ts";
import { OutgoingTopicAliases } from "./publish_rules.ts";

const LONGEST_REASON = 256;
const NONE: readonly never[] = [];

/** Loop that serves one connection, as the rules see it: it reads and writes bytes, and knows how long that takes. */
export interface ConnectionLoop
  extends Pick<ConnectionPort, "wake" | "pumpLater" | "isPumpLater" | "writingSinceMs" | "onSent"> {
  /** Listener that the connection came in at, such as `mqtt://0.0.0.0:1883`. */
  readonly listener: string;
  /** Reports that the client may not do what it asked for, without a question to the authorizer. */
  denied(request: AccessRequest): void;
  /** Reports that the client is authenticated, for the first time or again. */
  accepted(acceptance: Acceptance): void;
  /** Begins to write what waits before the turn ends, if nothing is being written. */
  flushNow(): void;
  /** Called for each packet that comes from the client; `undefined`: no listener. */
  readonly onReceived: ((packet: Packet) => void) | undefined;
}

/** Reason for which a connection ends. */
export interface Closing {
  readonly reasonCode: ReasonCode;
  readonly reason: string;
  /** `client`: it said DISCONNECT; `network`: the Network Connection was lost; `server`: this broker ended it. */
  readonly by: "client" | "network" | "server";
  /** Clause of the specification that the client violated, such as `MQTT-3.3.1-4`. */
  readonly clause?: string;
  /** First bytes of a packet that could not be decoded. */
  readonly firstBytes?: Uint8Array;
}

/** `connecting`: CONNECT was taken and is not answered yet. `connected`: CONNACK with Success was sent. */
export type Phase = "awaitingConnect" | "connecting" | "connected" | "closing";

/**
 * Client of one Network Connection, as sessions and the rules for packets reach it: what was agreed with it, packets that go
 * to it within that, and the end of the connection. What comes from it is the matter of `Connection`.
 */
export class ClientLink implements ConnectionPort {
  readonly outbox: Outbox;
  /** Client Identifier, from CONNECT on. */
  clientId = "";
  version: ProtocolVersion = 4;
  /** Whether CONNECT had the bridge bit, which MQTT 5 does not need. */
  isBridge = false;
  receiveMaximum = 65_535;
  maximumPacketBytes = Infinity;
  aliases = new OutgoingTopicAliases(0);
  protected phase: Phase = "awaitingConnect";
  protected readonly loop: ConnectionLoop;
  readonly #limits: Limits;
  readonly #outboxTotal: OutboxTotal;
  #requestsProblemInformation = true;
  #closing: Closing | undefined;
  #acceptance: Acceptance = {};
  #identity: ClientIdentity | undefined;

  constructor({ limits, topics, outboxTotal }: {
    readonly limits: Limits;
    readonly topics: TopicInterner;
    readonly outboxTotal: OutboxTotal;
  }, loop: ConnectionLoop) {
    this.outbox = new Outbox(topics);
    this.loop = loop;
    this.#limits = limits;
    this.#outboxTotal = outboxTotal;
  }

  /** Whether CONNACK with Success was sent and nothing has ended the connection since. */
  get isConnected(): boolean {
    return this.phase === "connected";
  }

  /** Reason for which the connection ends; `undefined` until it does. */
  get closing(): Closing | undefined {
    return this.#closing;
  }

  /** Name that the client was authenticated with. */
  get principal(): string | undefined {
    return this.#acceptance.principal;
  }

  /** Client as access rules see it, from CONNECT on. */
  get identity(): ClientIdentity {
    if (this.#identity !== undefined) return this.#identity;
    const { principal, roles = NONE, grants = NONE } = this.#acceptance;
    return this.#identity = { clientId: this.clientId, principal, roles, grants, listener: this.loop.listener };
  }

  get onSent(): ((packet: Packet) => void) | undefined {
    return this.loop.onSent;
  }

  get isFull(): boolean {
    const mostBytes = this.#outboxTotal.most(this.#limits.maximumOutboxBytes);
    if (this.outbox.bytes < mostBytes) return false;
    this.loop.flushNow(); // Many publishers can fill it within one turn, though the client reads fast enough.
    return this.outbox.bytes >= mostBytes;
  }

  get writingSinceMs(): number {
    return this.loop.writingSinceMs;
  }

  wake(): void {
    this.loop.wake();
  }

  get isPumpLater(): boolean {
    return this.loop.isPumpLater;
  }

  pumpLater(): void {
    this.loop.pumpLater();
  }

  /** Reports that the client may not do what it asked for, whatever the authorizer says. */
  tellDenied(action: ClientAction): void {
    this.loop.denied({ ...action, ...this.identity });
  }

  /**
   * Appends a packet, with a Topic Alias where there is one; what depends on a change leaves when it is durable. False: it is
   * larger than the client accepts, or the connection is closing.
   *
   * @param heldUntil sequence of the change; 0: none
   */
  send(packet: Packet, heldUntil = 0): boolean {
    if (this.outbox.isClosed) return false;
    const sent = this.#withoutProblemInformation(this.#withAlias(packet));
    const fitting = this.maximumPacketBytes === Infinity ? sent : this.#fitting(sent);
    if (fitting === undefined) {
      // A PUBLISH is left out [MQTT-3.1.2-25]; without any other packet the client could not continue.
      if (packet.type !== "publish") {
        this.disconnect(ReasonCode.PacketTooLarge, `${packet.type.toUpperCase()} is larger than the client accepts`);
      }
      return false;
    }
    this.outbox.push(fitting, heldUntil);
    this.loop.onSent?.(fitting);
    this.loop.wake();
    return true;
  }

  /** Ends the connection for what the peer did; a client of MQTT 5 is told why (section 4.13). */
  fail(error: MqttError, firstBytes?: Uint8Array): void {
    if (this.phase === "awaitingConnect" && error instanceof UnsupportedProtocolVersionError) {
      // In the form of a version that the client may know. [MQTT-3.1.2-2]
      this.version = this.outbox.version = error.level > 5 && !error.isMqisdp ? 5 : 4;
      this.#sendRefusal(error.reasonCode, error.message);
    }
    // DISCONNECT lacks some codes of CONNACK, and what is wrong with a second CONNECT is that it came. [MQTT-3.14.2-1]
    const isSayable = !this.isConnected || isReasonCodeOf("disconnect", error.reasonCode);
    this.disconnect(isSayable ? error.reasonCode : ReasonCode.ProtocolError, error.message, {
      clause: error.clause,
      ...(firstBytes === undefined ? {} : { firstBytes }),
    });
  }

  /** Ends the connection for bytes that are no packet. */
  failMalformed({ error, protocolVersion, firstBytes }: Malformed): void {
    if (this.phase === "awaitingConnect" && protocolVersion === 5) {
      // A CONNECT that could be read as far as its version is answered; 3.1.1 gets no answer. [MQTT-3.1.4-1]
      this.version = this.outbox.version = protocolVersion;
      this.#sendRefusal(error.reasonCode, error.message);
    }
    this.fail(error, firstBytes);
  }

  /** Ends the connection. A client of MQTT 5 that is connected gets DISCONNECT; before that CONNACK says it where one can. */
  disconnect(reasonCode: ReasonCode, fullReason: string, why: Pick<Closing, "clause" | "firstBytes"> = {}): void {
    if (this.phase === "closing") return;
    const { phase } = this;
    const reason = sayable(fullReason);
    // First: a DISCONNECT that is too large for the client would end it again.
    this.phase = "closing";
    this.#closing = { reasonCode, reason, by: "server", ...why };
    if (phase === "connected") {
      // 3.1.1 closes without a word; 5 says why first. [MQTT-4.13.1-1] [MQTT-3.14.0-1]
      if (this.version === 5) this.send({ type: "disconnect", reasonCode, properties: { reasonString: reason } });
    } else if (phase === "connecting") {
      this.#sendRefusal(reasonCode, reason);
    }
    this.close(this.#closing);
  }

  /** Ends the connection without a word: the client cannot hear it. */
  end(closing: Closing): void {
    if (this.phase !== "closing") this.#beginClosing(closing);
  }

  /** Ends the connection after the last packet, and has that written. */
  protected close(closing: Closing): void {
    this.#beginClosing(closing);
    this.loop.wake();
  }

  /** Refuses a CONNECT, in CONNACK where it can say so. */
  protected refuse({ reasonCode, reason }: Refusal): void {
    this.#sendRefusal(reasonCode, reason);
    this.close({ reasonCode, reason, by: "server" });
  }

  /** Takes over what every answer to a CONNECT has to respect. */
  protected hear({ clientId, protocolVersion, isBridge, properties }: ConnectPacket): void {
    this.clientId = clientId;
    this.version = this.outbox.version = protocolVersion;
    this.isBridge = isBridge && protocolVersion < 5;
    this.maximumPacketBytes = properties.maximumPacketSize ?? Infinity;
  }

  /** Takes over the terms of the connection. */
  protected agree(terms: ConnectionTerms): void {
    this.clientId = terms.clientId;
    this.receiveMaximum = terms.receiveMaximum;
    this.aliases = new OutgoingTopicAliases(terms.topicAliasMaximum);
    this.#requestsProblemInformation = terms.requestsProblemInformation;
  }

  /** Takes over what authentication has said of the client. */
  protected accept(acceptance: Acceptance): void {
    this.#acceptance = acceptance;
    this.#identity = undefined;
    this.loop.accepted(acceptance);
  }

  /** Called when the last packet is in the outbox. */
  protected onClosing(): void {}

  /** The last packet is in the outbox: from now on messages wait in the session. [MQTT-3.14.4-1] */
  #beginClosing(closing: Closing): void {
    this.phase = "closing";
    this.#closing = closing;
    this.outbox.close();
    this.onClosing();
  }

  #sendRefusal(why: ReasonCode, fullReason: string): void {
    const reason = sayable(fullReason);
    const isV5 = this.outbox.version === 5;
    const reasonCode = isReasonCodeOf("connack", why) ? why : ReasonCode.ServerUnavailable; // [MQTT-3.2.2-8]
    if (!isV5 && connackReturnCode(reasonCode) === undefined) return; // [MQTT-3.2.2-6] of 3.1.1
    const properties = isV5 ? { reasonString: reason } : NO_PROPERTIES;
    this.send({ type: "connack", sessionPresent: false, reasonCode, properties }); // [MQTT-3.2.2-6]
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

  /** The packet, without what explains it where the client does not want that. [MQTT-3.1.2-29] */
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
