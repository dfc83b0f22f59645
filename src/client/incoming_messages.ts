import { Message } from "../codec/message.ts";
import { MqttError, protocolError } from "../codec/mqtt_error.ts";
import type { PublishPacket } from "../codec/packet.ts";
import { NO_PROPERTIES } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import { type Recipient, UnacknowledgedMessage } from "./unacknowledged_message.ts";
import type { NetworkConnection } from "./network_connection.ts";
import type { ServerTerms } from "./server_terms.ts";

/** Interface to the rest of the client. */
export interface IncomingHost {
  readonly receiveMaximum: number;
  readonly topicAliasMaximum: number;
  /** Recipients of a copy of a message; `undefined`: no subscription matches. */
  recipients(topic: string, packet: PublishPacket): readonly Recipient[] | undefined;
  /** Recipient of messages without a subscription. */
  readonly unclaimed: Recipient;
  /** Whether the client waits for an answer of the server, so that reading must not stop. */
  isAwaiting(): boolean;
}

/**
 * Receives messages, each with QoS 2 once, and acknowledges them when there is room for them (MQTT 5, sections 4.3 and
 * 4.9).
 *
 * A message without room stops reading where Receive Maximum does not limit the server, that is with QoS 0 and before
 * MQTT 5, unless the client waits for an answer of the server, which would come after that message. Where reading
 * cannot stop, QoS 0 is dropped and counted, and QoS 1 and 2 wait unacknowledged.
 */
export class IncomingMessages {
  readonly #host: IncomingHost;
  /** Unacknowledged messages by Packet Identifier. */
  readonly #deliveries = new Map<number, UnacknowledgedMessage>();
  /** Packet Identifiers between PUBREC and PUBREL. [MQTT-4.3.3-10] */
  readonly #received = new Set<number>();
  readonly #aliases = new Map<number, string>();
  #connection: NetworkConnection | undefined;
  #version = 5;
  /** QoS 1 and 2 messages of this connection that are not completed. */
  #unacknowledged = 0;
  #resume: (() => void) | undefined;

  constructor(host: IncomingHost) {
    this.#host = host;
  }

  /** Whether it reads, and does not wait for room. */
  get isReading(): boolean {
    return this.#resume === undefined;
  }

  attach(connection: NetworkConnection, { protocolVersion }: ServerTerms, sessionPresent: boolean): void {
    this.#connection = connection;
    this.#version = protocolVersion;
    this.#unacknowledged = 0;
    this.#aliases.clear(); // [MQTT-3.3.2-7]
    if (!sessionPresent) {
      this.#deliveries.clear();
      this.#received.clear();
    }
    for (const delivery of this.#deliveries.values()) delivery.isHere = false; // The server will send it again.
  }

  detach(): void {
    this.#connection = undefined;
    this.wake();
  }

  /** Resumes reading: there is room, or an answer is awaited, or the connection is gone. */
  wake(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  /** Takes a PUBLISH; if it returns a promise, await it before reading on. */
  receive(packet: PublishPacket): Promise<void> | undefined {
    const topic = this.#topicOf(packet);
    if (packet.qos > 0 && this.#isRepeated(packet)) return undefined;
    return this.#deliver(packet, topic);
  }

  /** Takes PUBREL: the Packet Identifier is free. [MQTT-4.3.3-11] */
  receivePubrel(packetIdentifier: number): void {
    const isKnown = this.#received.delete(packetIdentifier);
    if (isKnown && this.#unacknowledged > 0) this.#unacknowledged -= 1;
    const reasonCode = isKnown ? ReasonCode.Success : ReasonCode.PacketIdentifierNotFound;
    this.#connection?.send({ type: "pubcomp", packetIdentifier, reasonCode, properties: NO_PROPERTIES });
  }

  #deliver(packet: PublishPacket, topic: string): Promise<void> | undefined {
    const recipients = this.#host.recipients(topic, packet);
    for (const recipient of recipients ?? []) {
      if (recipient.isFull && this.#stopsReading(packet)) return this.#deliverLater(packet, topic);
    }
    const { qos, retain, dup, packetIdentifier, properties } = packet;
    const payload = owned(packet.payload);
    const message = new Message({ topic, payload, qos, retain, dup, packetIdentifier, properties });
    const delivery = qos === 0 ? undefined : this.#begin(packetIdentifier, qos);
    delivery?.hold(); // Until all recipients have seen it.
    if (recipients === undefined) this.#host.unclaimed.take(message, delivery);
    for (const recipient of recipients ?? []) recipient.take(message, delivery);
    delivery?.release();
    return undefined;
  }

  #stopsReading({ qos }: PublishPacket): boolean {
    const canStop = this.#connection?.canPause === true && !this.#host.isAwaiting();
    return canStop && (qos === 0 || this.#version < 5);
  }

  async #deliverLater(packet: PublishPacket, topic: string): Promise<void> {
    await new Promise<void>((resolve) => this.#resume = resolve);
    if (this.#connection !== undefined) await this.#deliver(packet, topic);
  }

  #begin(packetIdentifier: number, qos: 1 | 2): UnacknowledgedMessage {
    if (this.#version === 5 && this.#unacknowledged >= this.#host.receiveMaximum) {
      const message = `The server sent more than ${this.#host.receiveMaximum} messages at once`;
      throw new MqttError(message, ReasonCode.ReceiveMaximumExceeded, "MQTT-3.3.4-9");
    }
    this.#unacknowledged += 1;
    const delivery = new UnacknowledgedMessage(packetIdentifier, qos, (taken) => this.#acknowledge(taken));
    this.#deliveries.set(packetIdentifier, delivery);
    return delivery;
  }

  /** Whether the message was taken before. It is acknowledged like the first one, now or later. */
  #isRepeated({ packetIdentifier, qos, dup }: PublishPacket): boolean {
    if (qos === 2 && this.#received.has(packetIdentifier)) {
      this.#sendPubrec(packetIdentifier);
      return true;
    }
    const delivery = this.#deliveries.get(packetIdentifier);
    if (delivery === undefined || !dup || delivery.qos !== qos) return false;
    if (!delivery.isHere) this.#unacknowledged += 1;
    delivery.isHere = true;
    if (delivery.isTaken) this.#acknowledge(delivery);
    return true;
  }

  #acknowledge(delivery: UnacknowledgedMessage): void {
    const { packetIdentifier } = delivery;
    // Acknowledged later if it is of an earlier connection: when the server repeats it. Never if of an earlier session.
    if (!delivery.isHere || this.#deliveries.get(packetIdentifier) !== delivery) return;
    if (this.#connection === undefined) return;
    this.#deliveries.delete(packetIdentifier);
    if (delivery.qos === 2) {
      this.#received.add(packetIdentifier);
      this.#sendPubrec(packetIdentifier);
      return;
    }
    this.#unacknowledged -= 1;
    const properties = NO_PROPERTIES;
    this.#connection.send({ type: "puback", packetIdentifier, reasonCode: ReasonCode.Success, properties });
  }

  #sendPubrec(packetIdentifier: number): void {
    const properties = NO_PROPERTIES;
    this.#connection?.send({ type: "pubrec", packetIdentifier, reasonCode: ReasonCode.Success, properties });
  }

  /** Topic of a PUBLISH, resolved if it has a Topic Alias (MQTT 5, section 3.3.2.3.4). */
  #topicOf({ topic, properties: { topicAlias } }: PublishPacket): string {
    if (topicAlias === undefined) return topic;
    if (topicAlias === 0 || topicAlias > this.#host.topicAliasMaximum) { // [MQTT-3.3.2-8] [MQTT-3.1.2-26]
      throw new MqttError(`The server sent Topic Alias ${topicAlias}`, ReasonCode.TopicAliasInvalid, "MQTT-3.1.2-26");
    }
    if (topic !== "") this.#aliases.set(topicAlias, topic);
    const known = this.#aliases.get(topicAlias);
    if (known === undefined) throw protocolError(`Topic Alias ${topicAlias} stands for nothing`, "MQTT-3.3.2-7");
    return known;
  }
}

/** Keeps a view only if its chunk, which it keeps alive, is mostly this payload; otherwise copies it. */
function owned(payload: Uint8Array): Uint8Array {
  return payload.length * 2 >= payload.buffer.byteLength ? payload : payload.slice();
}
