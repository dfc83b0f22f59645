import type { Malformed } from "../codec/decoder.ts";
import { MqttError, protocolError } from "../codec/mqtt_error.ts";
import type { Packet } from "../codec/packet.ts";
import { NO_PROPERTIES } from "../codec/property.ts";
import { isTopicName } from "../codec/topic_name.ts";
import { matchesTopic } from "../protocol/topic_filter.ts";
import type { CompleteOptions } from "./client_options.ts";
import type { Established } from "./connector.ts";
import { IncomingMessages } from "./incoming_messages.ts";
import { KeepAlive } from "./keep_alive.ts";
import { PublishQueue } from "./publish_queue.ts";
import { PacketIdentifiers } from "./packet_identifiers.ts";
import { closedError, lostConnection, RefusedError } from "./refused_error.ts";
import {
  type Subscribed,
  type SubscriptionRecipient,
  type SubscriptionRequest,
  Subscriptions,
} from "./subscriptions.ts";
import { UnclaimedMessages } from "./unclaimed_messages.ts";

/** State that a client keeps from one connection to the next: its publications, incoming messages and subscriptions. */
export class ClientSession {
  readonly outgoing: PublishQueue;
  readonly incoming: IncomingMessages;
  readonly subscriptions: Subscriptions;
  readonly unclaimed: UnclaimedMessages;
  readonly #hasRequests: () => boolean;

  /** @param hasRequests whether a response is awaited */
  constructor(options: CompleteOptions, hasRequests: () => boolean) {
    const wake = () => this.incoming.wake();
    const identifiers = new PacketIdentifiers();
    this.#hasRequests = hasRequests;
    this.unclaimed = new UnclaimedMessages(options.unclaimedTimeoutMs);
    this.outgoing = new PublishQueue(options, identifiers, wake);
    this.subscriptions = new Subscriptions(identifiers, wake);
    this.incoming = new IncomingMessages({
      receiveMaximum: options.receiveMaximum,
      topicAliasMaximum: options.topicAliasMaximum,
      unclaimed: this.unclaimed,
      recipients: (topic, packet) => this.subscriptions.recipients(topic, packet),
      isAwaiting: () => this.outgoing.isAwaiting || this.subscriptions.isAwaiting || this.#hasRequests(),
    });
  }

  /**
   * Serves a connection to its end and resolves with the reason; it never rejects.
   *
   * @param isClosing whether to ignore further packets
   */
  async serve({ connection, connack, terms }: Established, isClosing: () => boolean): Promise<Error> {
    const keepAlive = new KeepAlive(connection, terms.keepAliveSeconds, () => this.incoming.isReading);
    const parts = [this.incoming, this.subscriptions, this.outgoing];
    let reason: Error | undefined;
    try {
      for (const part of parts) part.attach(connection, terms, connack.sessionPresent);
      for (let batch = await connection.read(); batch !== undefined; batch = await connection.read()) {
        for (const packet of batch) {
          if (isClosing()) break;
          const waiting = this.#receive(packet);
          if (waiting !== undefined) await waiting;
        }
      }
    } catch (error) {
      reason = error instanceof Error ? error : lostConnection(error);
      if (reason instanceof MqttError && !(reason instanceof RefusedError)) {
        const { reasonCode } = reason; // 3.1.1 closes without a word; 5 says why first. [MQTT-4.13.1-1]
        const properties = NO_PROPERTIES;
        await connection.end(terms.protocolVersion < 5 ? undefined : { type: "disconnect", reasonCode, properties });
      }
    }
    keepAlive.stop();
    for (const part of parts) part.detach();
    await connection.release();
    return reason ?? (connection.error instanceof MqttError ? connection.error : lostConnection(connection.error));
  }

  /** Adds a subscription, with the messages that came for it before. */
  add(request: SubscriptionRequest): Subscribed {
    const subscribed = this.subscriptions.add(request);
    const isWanted = (topic: string) => {
      const levels = topic.split("/");
      return subscribed.filters.some((filter) => matchesTopic(filter.levels, levels));
    };
    this.unclaimed.claim(isWanted, request.recipient);
    return subscribed;
  }

  /** Subscribes to a response topic for the lifetime of the session. */
  async subscribeToResponses(responseTopic: string, recipient: SubscriptionRecipient): Promise<void> {
    if (!isTopicName(responseTopic)) throw new RangeError(`Cannot request: "${responseTopic}" is not a Topic Name`);
    const options = { qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 2 } as const;
    const subscribed = this.add({ topicFilters: [responseTopic], options, properties: NO_PROPERTIES, recipient });
    try {
      await this.subscriptions.ask(subscribed);
    } catch (error) {
      this.subscriptions.forget(subscribed);
      throw error;
    }
  }

  /** Ends everything unfinished, and the subscriptions. */
  close(error: Error | undefined): Error {
    const unfinished = error ?? closedError("finish");
    this.outgoing.fail(unfinished);
    this.subscriptions.close(error, unfinished);
    this.unclaimed.clear();
    return unfinished;
  }

  #receive(packet: Packet | Malformed): Promise<void> | undefined {
    switch (packet.type) {
      case "publish":
        return this.incoming.receive(packet);
      case "puback":
      case "pubrec":
      case "pubcomp":
        this.outgoing.receive(packet);
        return undefined;
      case "pubrel":
        this.incoming.receivePubrel(packet.packetIdentifier);
        return undefined;
      case "suback":
      case "unsuback":
        this.subscriptions.receive(packet);
        return undefined;
      case "pingresp":
        return undefined;
      case "disconnect":
        throw new RefusedError("Cannot stay connected", packet.reasonCode, "MQTT-3.14.4-1", packet.properties);
      case "malformed":
        throw packet.error;
      default:
        throw protocolError(`A server may not send ${packet.type.toUpperCase()} there`, "MQTT 2.1.2");
    }
  }
}
