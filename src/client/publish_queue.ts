import { MqttError, protocolError } from "../codec/mqtt_error.ts";
import type { PubackPacket, PubcompPacket, PublishPacket, PubrecPacket, QoS } from "../codec/packet.ts";
import { NO_PROPERTIES, type Properties } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import { Queue } from "../protocol/queue.ts";
import { orAborted } from "../transport/abort.ts";
import type { NetworkConnection } from "./network_connection.ts";
import type { PacketIdentifiers } from "./packet_identifiers.ts";
import { PublishFraming } from "./publish_framing.ts";
import { quotaExceeded, RefusedError } from "./refused_error.ts";
import type { ServerTerms } from "./server_terms.ts";

/** Server's answer to a PUBLISH with QoS 1 or 2. */
export interface PublishResult {
  /** Success, or `NoMatchingSubscribers`: it reached no subscriber. Always Success before MQTT 5. */
  readonly reasonCode: ReasonCode;
  /** Properties of the answer, such as a Reason String. */
  readonly properties: Properties;
}

/** Limits of waiting messages and of those in flight. */
export interface OutgoingLimits {
  readonly maximumInflight: number;
  readonly maximumQueuedMessages: number;
  readonly maximumQueuedBytes: number;
  readonly sendsTopicAliases: boolean;
}

/** A message until the promise of its QoS is met. */
interface Entry {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties: Properties;
  readonly resolve: (result: PublishResult | undefined) => void;
  readonly reject: (error: unknown) => void;
  state: "waiting" | "sent" | "takenBack";
  /** Packet Identifier; 0 until it is sent. */
  packetIdentifier: number;
  /** Whether the server may have it from an earlier connection. */
  dup: boolean;
  /** Result of PUBREC: from then on PUBREL is repeated, not PUBLISH (QoS 2). */
  received: PublishResult | undefined;
}

/** Sends messages and repeats them on the next connection, until the server has them (MQTT 5, sections 4.3 and 4.4). */
export class PublishQueue {
  readonly #limits: OutgoingLimits;
  readonly #identifiers: PacketIdentifiers;
  readonly #onAwaiting: () => void;
  readonly #inflight = new Map<number, Entry>();
  /** Messages of an earlier connection, to be sent again before anything else. */
  readonly #repeated = new Queue<Entry>();
  readonly #waiting = new Queue<Entry>();
  #waitingMessages = 0;
  #waitingBytes = 0;
  #connection: NetworkConnection | undefined;
  #encoder: PublishFraming | undefined;
  #window = 0;
  #sendQuota = 0;
  /** Shared promise for everything that need not wait. */
  readonly #done = Promise.resolve(undefined);

  /** @param onAwaiting called when the first message waits for the server's acknowledgement */
  constructor(limits: OutgoingLimits, identifiers: PacketIdentifiers, onAwaiting: () => void) {
    this.#limits = limits;
    this.#identifiers = identifiers;
    this.#onAwaiting = onAwaiting;
  }

  /** Whether an acknowledgement is awaited. */
  get isAwaiting(): boolean {
    return this.#inflight.size > 0;
  }

  /** Resolves when the QoS is met; with QoS 0, when the message is handed over and there is room for the next one. */
  publish(
    topic: string,
    payload: Uint8Array,
    qos: QoS,
    retain: boolean,
    properties: Properties,
    signal: AbortSignal | undefined,
  ): Promise<PublishResult | undefined> {
    if (qos === 0 && this.#connection !== undefined && this.#waitingMessages === 0) {
      return this.#sendAtOnce(this.#connection, topic, payload, retain, properties);
    }
    const { promise, resolve, reject } = Promise.withResolvers<PublishResult | undefined>();
    const sending = { state: "waiting", packetIdentifier: 0, dup: false, received: undefined } as const;
    const entry: Entry = { topic, payload, qos, retain, properties, resolve, reject, ...sending };
    this.#add(entry);
    return signal === undefined ? promise : orAborted(promise, signal, () => this.#takeBack(entry));
  }

  /** Continues over a new connection, with everything unfinished on the last one. */
  attach(connection: NetworkConnection, terms: ServerTerms, sessionPresent: boolean): void {
    this.#connection = connection;
    this.#encoder = new PublishFraming(connection, terms, this.#limits.sendsTopicAliases);
    this.#window = this.#sendQuota = Math.min(terms.receiveMaximum, this.#limits.maximumInflight); // [MQTT-3.3.4-7]
    if (!sessionPresent) this.#beginAnew();
    this.#repeated.clear();
    for (const entry of this.#inflight.values()) {
      if (entry.received !== undefined) this.#sendPubrel(entry.packetIdentifier); // [MQTT-4.4.0-1]
      else this.#repeated.push(entry);
    }
    this.#pump();
  }

  detach(): void {
    this.#connection = undefined;
    this.#encoder = undefined;
  }

  /** Takes an acknowledgement; throws MqttError for one that does not belong there. */
  receive(packet: PubackPacket | PubrecPacket | PubcompPacket): void {
    const entry = this.#inflight.get(packet.packetIdentifier);
    if (packet.type === "pubrec") {
      this.#receivePubrec(packet, entry);
    } else if (entry !== undefined) { // Otherwise it is of an earlier session.
      const isExpected = packet.type === "puback" ? entry.qos === 1 : entry.received !== undefined;
      if (!isExpected) {
        throw protocolError(`${packet.type.toUpperCase()} for a message that waits for another`, "MQTT 4.3");
      }
      this.#settle(entry, entry.received ?? packet);
    }
  }

  /** Rejects everything unfinished. */
  fail(error: Error): void {
    for (const entry of this.#inflight.values()) entry.reject(error);
    for (const entry of this.#waiting.values()) entry.reject(error);
    this.#inflight.clear();
    this.#waiting.clear();
    this.#repeated.clear();
    this.#waitingMessages = this.#waitingBytes = 0;
  }

  #sendAtOnce(
    connection: NetworkConnection,
    topic: string,
    payload: Uint8Array,
    retain: boolean,
    properties: Properties,
  ): Promise<undefined> {
    try {
      this.#checkBytes(connection.waitingBytes, payload);
      const packet = {
        type: "publish",
        dup: false,
        qos: 0,
        retain,
        topic,
        packetIdentifier: 0,
        properties,
        payload,
      } as const;
      connection.sendFrame(this.#encode(packet));
      return connection.room() ?? this.#done;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #add(entry: Entry): void {
    if (this.#canSend(entry) && this.#waitingMessages === 0 && this.#repeated.length === 0) {
      this.#send(entry);
      return;
    }
    try {
      if (this.#waitingMessages >= this.#limits.maximumQueuedMessages) {
        throw quotaExceeded(`Cannot publish: ${this.#waitingMessages} messages wait already`);
      }
      this.#checkBytes(this.#waitingBytes, entry.payload);
    } catch (error) {
      entry.reject(error);
      return;
    }
    this.#waiting.push(entry);
    this.#waitingMessages += 1;
    this.#waitingBytes += waitingBytes(entry);
  }

  #checkBytes(bytes: number, payload: Uint8Array): void {
    if (bytes > 0 && bytes + payload.length > this.#limits.maximumQueuedBytes) {
      throw quotaExceeded(`Cannot publish: ${bytes} bytes wait already`);
    }
  }

  #takeBack(entry: Entry): void {
    if (entry.state !== "waiting") return; // It continues; only its caller has stopped waiting.
    entry.state = "takenBack";
    this.#waitingMessages -= 1;
    this.#waitingBytes -= waitingBytes(entry);
  }

  #canSend({ qos }: Entry): boolean {
    return this.#connection !== undefined && (qos === 0 || this.#sendQuota > 0);
  }

  /** Sends what may be sent: first repeated messages, then waiting ones, each in their order. [MQTT-4.6.0-1] */
  #pump(): void {
    while (this.#repeated.length > 0 && this.#sendQuota > 0 && this.#connection !== undefined) {
      const entry = this.#repeated.shift();
      if (entry !== undefined && this.#inflight.get(entry.packetIdentifier) === entry) this.#send(entry);
    }
    if (this.#repeated.length > 0) return;
    for (let entry = this.#waiting.peek(); entry !== undefined; entry = this.#waiting.peek()) {
      if (entry.state === "waiting") {
        if (!this.#canSend(entry)) return;
        this.#waitingMessages -= 1;
        this.#waitingBytes -= waitingBytes(entry);
        this.#send(entry);
      }
      this.#waiting.shift();
    }
  }

  /** Sends a message; one that cannot be sent is rejected, without effect on others. */
  #send(entry: Entry): void {
    const isRepeated = entry.packetIdentifier !== 0;
    const { topic, payload, qos, retain, properties, dup } = entry;
    entry.state = "sent";
    try {
      if (qos > 0 && !isRepeated) entry.packetIdentifier = this.#identifiers.take();
      const { packetIdentifier } = entry;
      const frame = this.#encode({ type: "publish", dup, qos, retain, topic, packetIdentifier, properties, payload });
      this.#connection?.sendFrame(frame);
    } catch (error) {
      this.#forget(entry);
      entry.reject(error);
      return;
    }
    if (qos === 0) {
      entry.resolve(undefined);
      return;
    }
    entry.dup = true; // From the next time on. [MQTT-3.3.1-1]
    this.#sendQuota -= 1;
    if (!isRepeated) this.#inflight.set(entry.packetIdentifier, entry);
    if (this.#inflight.size === 1) this.#onAwaiting();
  }

  #encode(packet: PublishPacket): Uint8Array {
    if (this.#encoder === undefined) throw new TypeError("Cannot encode publish: there is no connection");
    return this.#encoder.encode(packet);
  }

  #receivePubrec(packet: PubrecPacket, entry: Entry | undefined): void {
    if (entry === undefined) {
      this.#sendPubrel(packet.packetIdentifier, ReasonCode.PacketIdentifierNotFound);
    } else if (entry.qos !== 2) {
      throw protocolError("PUBREC for a message with QoS 1", "MQTT 4.3.2");
    } else if (packet.reasonCode >= 0x80) {
      this.#settle(entry, packet);
    } else {
      entry.received ??= packet;
      this.#sendPubrel(packet.packetIdentifier); // [MQTT-4.3.3-4]
    }
  }

  #sendPubrel(packetIdentifier: number, reasonCode: ReasonCode = ReasonCode.Success): void {
    this.#connection?.send({ type: "pubrel", packetIdentifier, reasonCode, properties: NO_PROPERTIES });
  }

  #settle(entry: Entry, result: PublishResult): void {
    this.#forget(entry);
    this.#sendQuota = Math.min(this.#sendQuota + 1, this.#window); // [MQTT-4.9.0-2]
    if (result.reasonCode < 0x80) entry.resolve(result);
    else {entry.reject(
        new RefusedError(`Cannot publish to "${entry.topic}"`, result.reasonCode, "MQTT-3.4.2-1", result.properties),
      );}
    this.#pump();
  }

  #forget({ packetIdentifier }: Entry): void {
    if (packetIdentifier === 0) return;
    this.#inflight.delete(packetIdentifier);
    this.#identifiers.free(packetIdentifier);
  }

  /** Handles the loss of the session: QoS 2 messages that the server may have taken cannot be repeated. */
  #beginAnew(): void {
    for (const entry of [...this.#inflight.values()]) {
      entry.dup = false;
      if (entry.qos === 1) continue; // At least once.
      this.#forget(entry);
      if (entry.received !== undefined) {
        entry.resolve(entry.received); // The server owned it from PUBREC on (section 4.3.3).
      } else {
        const message = `Cannot say whether the message to "${entry.topic}" arrived: the server has lost the session`;
        entry.reject(new MqttError(message, ReasonCode.UnspecifiedError, "MQTT 4.4"));
      }
    }
  }
}

function waitingBytes({ topic, payload }: Entry): number {
  return topic.length + payload.length;
}
