import { Message } from "../codec/message.ts";
import { MqttError, protocolError } from "../codec/mqtt_error.ts";
import type { PublishPacket } from "../codec/packet.ts";
import { NO_PROPERTIES } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import {
  type Ask,
  askAuthorizer,
  type BehindSubscriber,
  type ConnectionHost,
  type ReviewedMessage,
} from "./connection_host.ts";
import type { ClientLink } from "./client_link.ts";
import { ApplicationMessage } from "./message.ts";
import { PacketIdentifierSet } from "./inflight.ts";
import {
  beyondService,
  beyondTopicLimits,
  isBeyondTopicLimits,
  isOfItsFormat,
  isServerTopic,
  reasonOf,
} from "./publish_rules.ts";
import type { Session } from "./session.ts";

/** PUBLISH and PUBREL of the client of one connection (MQTT 5, sections 3.3, 3.6 and 4.3). */
export class IncomingPublishes {
  readonly #link: ClientLink;
  readonly #host: ConnectionHost;
  /** Topics by alias; they end with the connection. [MQTT-3.3.2-7] */
  #aliases: string[] | undefined;
  /** Packet Identifiers of QoS 2 messages that came on this connection and are not released. */
  #unreleased: PacketIdentifierSet | undefined;

  constructor(link: ClientLink, host: ConnectionHost) {
    this.#link = link;
    this.#host = host;
  }

  receive(packet: PublishPacket, session: Session, nowMs: number): Ask | undefined {
    const link = this.#link;
    let topic = packet.topic;
    if (packet.properties !== NO_PROPERTIES) {
      const resolved = this.#resolve(packet);
      if (resolved instanceof MqttError) {
        link.fail(resolved);
        return undefined;
      }
      topic = resolved;
    }
    const { limits } = this.#host;
    if (this.#isBeyondReceiveMaximum(packet)) {
      const reason = `more than ${limits.receiveMaximum} messages are not acknowledged`; // [MQTT-3.3.4-7]
      link.disconnect(ReasonCode.ReceiveMaximumExceeded, reason);
      return undefined;
    }
    if (isBeyondTopicLimits(topic, limits)) {
      link.disconnect(ReasonCode.TopicNameInvalid, beyondTopicLimits(limits));
      return undefined;
    }
    const notOffered = beyondService(packet, limits);
    if (notOffered !== undefined) {
      link.disconnect(notOffered, reasonOf(notOffered, limits));
      return undefined;
    }
    if (packet.payload.length > limits.maximumPayloadBytes) {
      this.#acknowledge(packet, session, ReasonCode.ImplementationSpecificError);
      return undefined;
    }
    if (this.#host.reviewsMessages) return this.#askReviewer(packet, topic, session, nowMs);
    return this.#authorize(packet, topic, session, nowMs);
  }

  /** Has the app look at the message; what it gives is then authorized, not what has come. */
  #askReviewer(packet: PublishPacket, topic: string, session: Session, nowMs: number): Ask | undefined {
    if (packet.qos === 2 && session.received.has(packet.packetIdentifier)) { // Not published again. [MQTT-4.3.3-10]
      return this.#authorize(packet, topic, session, nowMs);
    }
    const { topicAlias: _, ...properties } = packet.properties; // It is between the client and this broker. [MQTT-3.3.2-7]
    const message = new Message({ ...packet, topic, properties });
    const resume = (reviewed: ReviewedMessage, nowMs: number) => {
      if (reviewed === message) return this.#authorize(packet, topic, session, nowMs);
      if (reviewed === "dropped") return this.#drop(packet, session);
      if (reviewed === "failed" || this.#isBeyondLimits(reviewed)) return this.#refuse(packet, session);
      const { payload, retain, properties } = reviewed;
      const { type, dup, qos, packetIdentifier } = packet;
      const changed: PublishPacket = {
        type,
        dup,
        qos,
        retain,
        topic: reviewed.topic,
        packetIdentifier,
        payload,
        properties,
      };
      return this.#authorize(changed, reviewed.topic, session, nowMs);
    };
    return { kind: "review", message, identity: this.#link.identity, resume };
  }

  #isBeyondLimits(message: Message): boolean {
    const { limits } = this.#host;
    return isBeyondTopicLimits(message.topic, limits) || beyondService(message, limits) !== undefined;
  }

  /** Drops a message; its publisher is told that it was published. */
  #drop(packet: PublishPacket, session: Session): undefined {
    const before = this.#host.log.writtenSequence;
    if (packet.qos === 2) this.#remember(packet.packetIdentifier, session);
    this.#acknowledgeKept(packet, session, ReasonCode.Success, before);
  }

  /** Whether it may be published cannot be decided. */
  #refuse(packet: PublishPacket, session: Session): undefined {
    if (this.#link.version === 5) this.#acknowledge(packet, session, ReasonCode.ImplementationSpecificError);
    else this.#link.disconnect(ReasonCode.ImplementationSpecificError, "the server could not look at a message");
  }

  #authorize(packet: PublishPacket, topic: string, session: Session, nowMs: number): Ask | undefined {
    if (!this.#host.asksAuthorizer) return this.#accept(packet, topic, session, nowMs);
    return this.#askAuthorizer(packet, topic, session);
  }

  #askAuthorizer(packet: PublishPacket, topic: string, session: Session): Ask {
    const { qos, retain } = packet;
    return askAuthorizer({ action: "publish", topic, qos, retain }, this.#link.identity, (isAllowed, nowMs) => {
      if (isAllowed) return this.#accept(packet, topic, session, nowMs);
      this.#deny(packet, topic, session);
      return undefined;
    });
  }

  /** Before MQTT 5 it is acknowledged as if it were published, or ends the connection. [MQTT-3.3.5-2] */
  #deny(packet: PublishPacket, topic: string, session: Session): void {
    const link = this.#link;
    if (link.version === 5 || this.#host.settings.deniedPublish === "acknowledge") {
      this.#acknowledge(packet, session, ReasonCode.NotAuthorized);
    } else {
      link.disconnect(ReasonCode.NotAuthorized, `not authorized to publish to "${topic}"`);
    }
  }

  /** PUBREL: the identifier is free again. */
  release(packetIdentifier: number, session: Session): undefined {
    const isKnown = session.received.delete(packetIdentifier);
    this.#unreleased?.delete(packetIdentifier);
    const { log } = this.#host;
    if (isKnown && session.isDurable) log.write({ kind: "released", clientId: session.clientId, packetIdentifier });
    const reasonCode = isKnown ? ReasonCode.Success : ReasonCode.PacketIdentifierNotFound;
    const heldUntil = session.isDurable ? log.writtenSequence : 0;
    // [MQTT-4.3.3-11]
    this.#link.send({ type: "pubcomp", packetIdentifier, reasonCode, properties: NO_PROPERTIES }, heldUntil);
  }

  #accept(packet: PublishPacket, topic: string, session: Session, nowMs: number): Ask | undefined {
    const link = this.#link;
    const { qos, packetIdentifier } = packet;
    if (qos === 2 && session.received.has(packetIdentifier)) {
      // Not delivered again [MQTT-4.3.3-10]; whether its first PUBREC has left is not known.
      this.#acknowledge(packet, session, ReasonCode.Success, this.#host.log.writtenSequence);
    } else if (isServerTopic(topic)) {
      const { retain } = packet;
      link.tellDenied({ action: "publish", topic, qos, retain });
      this.#acknowledge(packet, session, ReasonCode.NotAuthorized);
    } else if (this.#host.settings.checksPayloadFormat && !isOfItsFormat(packet.payload, packet.properties)) {
      if (qos > 0) this.#acknowledge(packet, session, ReasonCode.PayloadFormatInvalid);
      else link.disconnect(ReasonCode.PayloadFormatInvalid, "the payload is not UTF-8 as its indicator says");
    } else if (qos > 0 && !this.#host.isKeeping && this.#isToBeKept(packet, topic, session)) {
      return this.#refuseToKeep(packet, topic, session);
    } else {
      const subscriber = this.#host.behind(topic, session.clientId, nowMs);
      if (subscriber !== undefined) return this.#waitFor(subscriber, packet, topic, session);
      this.#publish(packet, topic, session, nowMs);
    }
    return undefined;
  }

  /** Neither published nor acknowledged before a subscriber has got what waits for it, or has had its time. */
  #waitFor(subscriber: BehindSubscriber, packet: PublishPacket, topic: string, session: Session): Ask {
    const resume = (isOver: boolean, nowMs: number) => {
      if (!isOver) return this.#accept(packet, topic, session, nowMs);
      this.#publish(packet, topic, session, nowMs);
      return undefined;
    };
    return { kind: "subscriber", subscriber, resume };
  }

  #publish(packet: PublishPacket, topic: string, session: Session, nowMs: number): void {
    const { qos } = packet;
    const { log } = this.#host;
    const message = ApplicationMessage.fromPacket(packet, topic, this.#link.version, session.clientId, nowMs);
    if (qos === 0) {
      this.#host.publish(message, session, nowMs, false);
      return;
    }
    const before = log.writtenSequence;
    if (qos === 1) {
      this.#acknowledgeKept(packet, session, this.#host.publish(message, session, nowMs, this.#isTold), before);
    } else {
      // A client that has subscribed to what it publishes gets PUBREC before its copy: some clients expect that order.
      this.#link.outbox.pushAfter(
        () => this.#publishOnce(message, packet.packetIdentifier, session, nowMs),
        (reasonCode) => this.#acknowledgeKept(packet, session, reasonCode, before),
      );
    }
  }

  /** QoS 2: with its Packet Identifier, so that it is not published again. */
  #publishOnce(message: ApplicationMessage, packetIdentifier: number, session: Session, nowMs: number): ReasonCode {
    const { log } = this.#host;
    log.begin(); // A message that only some have got would be lost to the others, or doubled.
    try {
      this.#remember(packetIdentifier, session);
      return this.#host.publish(message, session, nowMs, this.#isTold);
    } finally {
      log.end();
    }
  }

  #remember(packetIdentifier: number, session: Session): void {
    session.received.add(packetIdentifier);
    (this.#unreleased ??= new PacketIdentifierSet()).add(packetIdentifier);
    if (session.isDurable) this.#host.log.write({ kind: "accepted", clientId: session.clientId, packetIdentifier });
  }

  /** Whether PUBACK and PUBREC have a Reason Code. */
  get #isTold(): boolean {
    return this.#link.version === 5;
  }

  /** Acknowledges after the changes that the message has made since `before`, those of its subscribers included. */
  #acknowledgeKept(packet: PublishPacket, session: Session, reasonCode: ReasonCode, before: number): void {
    const { writtenSequence } = this.#host.log;
    // One that removes a retained message which another has just removed makes no change, and waits for that.
    const isHeld = packet.retain || writtenSequence > before;
    this.#acknowledge(packet, session, reasonCode, isHeld ? writtenSequence : 0);
  }

  /** Whether the storage has to have something of it before it is acknowledged. */
  #isToBeKept({ qos, retain }: PublishPacket, topic: string, session: Session): boolean {
    return retain || (qos === 2 && session.isDurable) || this.#host.isToBeKept(topic);
  }

  /** The storage keeps nothing now: MQTT 5 is told so; before that only silence can say it. */
  #refuseToKeep(packet: PublishPacket, topic: string, session: Session): Ask | undefined {
    const link = this.#link;
    if (link.version === 5) {
      this.#acknowledge(packet, session, ReasonCode.QuotaExceeded);
      return undefined;
    }
    const resume = (isKeeping: boolean, nowMs: number) => {
      if (isKeeping) return this.#accept(packet, topic, session, nowMs);
      link.disconnect(ReasonCode.QuotaExceeded, "the server cannot store a message");
      return undefined;
    };
    return { kind: "storage", resume };
  }

  /** PUBACK or PUBREC; QoS 0 has none. [MQTT-4.3.2-4] [MQTT-4.3.3-8] */
  #acknowledge(packet: PublishPacket, session: Session, reasonCode: ReasonCode, heldUntil = 0): void {
    const { qos, packetIdentifier } = packet;
    if (qos === 0) return;
    if (qos === 2 && reasonCode >= 0x80) {
      this.#unreleased?.delete(packetIdentifier);
      // The identifier is free for a new message. [MQTT-4.3.3-9]
      if (session.received.delete(packetIdentifier) && session.isDurable) {
        this.#host.log.write({ kind: "released", clientId: session.clientId, packetIdentifier });
      }
    }
    const type = qos === 1 ? "puback" : "pubrec";
    this.#link.send({ type, packetIdentifier, reasonCode, properties: NO_PROPERTIES }, heldUntil);
  }

  /** QoS 1 does not count: it is acknowledged before the next packet is looked at. */
  #isBeyondReceiveMaximum({ qos, packetIdentifier }: PublishPacket): boolean {
    // Before MQTT 5 the client knows no Receive Maximum, and only Packet Identifiers bound it.
    const unreleased = this.#unreleased;
    if (unreleased === undefined || qos < 2 || this.#link.version < 5) return false;
    return !unreleased.has(packetIdentifier) && unreleased.size >= this.#host.limits.receiveMaximum;
  }

  /** Topic of a PUBLISH with properties, from its alias where it has one (MQTT 5, section 3.3.2.3.4). */
  #resolve(packet: PublishPacket): string | MqttError {
    const { topic, properties } = packet;
    if (properties.subscriptionIdentifiers !== undefined) {
      return protocolError("A client sent a Subscription Identifier in PUBLISH", "MQTT-3.3.4-6");
    }
    const { topicAlias } = properties;
    if (topicAlias === undefined) return topic;
    const { topicAliasMaximum } = this.#host.limits;
    if (topicAlias === 0 || topicAlias > topicAliasMaximum) {
      const message = `Topic Alias ${topicAlias} is not between 1 and ${topicAliasMaximum}`;
      return new MqttError(message, ReasonCode.TopicAliasInvalid, "MQTT-3.3.2-9");
    }
    this.#aliases ??= [];
    if (topic !== "") {
      this.#aliases[topicAlias] = topic;
      return topic;
    }
    return this.#aliases[topicAlias] ?? protocolError(`Topic Alias ${topicAlias} has no topic`, "MQTT 3.3.2.3.4");
  }
}
