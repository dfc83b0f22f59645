import { bytesOf, checkTopicArgument, type Data, type Message, type PublishOptions } from "../codec/message.ts";
import { isQoS, type UnsubackPacket } from "../codec/packet.ts";
import { NO_PROPERTIES } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import { orAborted } from "../transport/abort.ts";
import {
  checkInteger,
  type ClientSubscribeOptions,
  type CloseOptions,
  type CompleteOptions,
  completeOptions,
  type ConnectOptions,
  type RequestOptions,
  type UnsubscribeOptions,
} from "./client_options.ts";
import { ClientSession } from "./client_session.ts";
import { BufferedSubscription, type ClientSubscription } from "./client_subscription.ts";
import { Connector, type Established } from "./connector.ts";
import { MessageBuffer } from "./message_buffer.ts";
import { parseServerAddress, type ServerAddress } from "./open_transport.ts";
import type { PublishResult } from "./publish_queue.ts";
import { isFinal, pause, reconnectDelayMs } from "./reconnecting.ts";
import { closedError, lostConnection, RefusedError } from "./refused_error.ts";
import { Requests } from "./requests.ts";
import { type ClientStatus, StatusChanges } from "./status.ts";
import type { Subscribed, SubscriptionRequest } from "./subscriptions.ts";

const DEFAULT_BUFFERED_MESSAGES = 1_000;

/**
 * Client of any MQTT 5 or 3.1.1 server. It reconnects by itself when the connection is lost, and resumes everything
 * that was in progress.
 *
 * @example
 * ```ts
 * import { Broker } from "@brooklet/brooklet";
 * import { Client } from "@brooklet/brooklet/client";
 *
 * await using broker = await Broker.open();
 * await using client = await Client.connect(broker); // Or a URL, such as "mqtt://127.0.0.1".
 * await using doors = await client.subscribe("door/+");
 * await client.publish("door/1", "open", { qos: 1 }); // Resolves when the server has it.
 * for await (const message of doors) {
 *   console.log(message.topic, message.text()); // door/1 open
 *   break;
 * }
 * ```
 */
export class Client implements AsyncDisposable {
  /** Resolves when the client is closed for good, by either side; see {@linkcode Client.status} for the reason. */
  readonly closed: Promise<void>;
  readonly #options: CompleteOptions;
  readonly #connector: Connector;
  readonly #session: ClientSession;
  readonly #requests: Requests;
  readonly #status: StatusChanges;
  /** Aborts with `close()`. */
  readonly #stop = new AbortController();
  #established: Established;
  #isConnected = false;
  #isOver = false;
  #closing: Promise<void> | undefined;

  private constructor(options: CompleteOptions, connector: Connector, established: Established) {
    this.#options = options;
    this.#connector = connector;
    this.#established = established;
    this.#requests = new Requests({
      responseTopic: () => this.#responseTopic(),
      subscribe: (topicFilter, subscriber) => this.#session.subscribeToResponses(topicFilter, subscriber),
      publish: (topic, payload, options) => this.publish(topic, payload, options),
      onAwaiting: () => this.#session.incoming.wake(),
    });
    this.#session = new ClientSession(options, () => this.#requests.isAwaiting);
    this.#status = new StatusChanges(this.#connectedStatus());
    this.closed = this.#run();
  }

  /**
   * Connects, and resolves when the server has accepted. Only after that the client reconnects by itself.
   *
   * @param address `mqtt://`, `mqtts://`, `ws://`, `wss://` or `unix:`, with User Name and Password where needed; or a
   * server in the same process, such as a `Broker`
   * @throws RefusedError if the server refuses; TypeError or RangeError for an invalid address or option; other errors
   * of the network
   */
  static async connect(address: ServerAddress, options: ConnectOptions = {}): Promise<Client> {
    const complete = completeOptions(options);
    const connector = new Connector(parseServerAddress(address), complete);
    return new Client(complete, connector, await connector.connect(options.signal));
  }

  /** Current status of the client. */
  get status(): ClientStatus {
    return this.#status.current;
  }

  /** Stream of the current status and all that follow, up to `closed`. */
  statusChanges(): ReadableStream<ClientStatus> {
    return this.#status.watch();
  }

  /** Client Identifier, the one that the server assigned if it did. */
  get clientId(): string {
    return this.#connector.clientId;
  }

  /** Number of messages since the client connected that none of its subscriptions wanted. */
  get unclaimed(): number {
    return this.#session.unclaimed.dropped;
  }

  /**
   * Publishes. With QoS 1 and 2 it resolves with the server's answer when the QoS is met, however many connections that
   * takes; the payload must not be changed until then. With QoS 0 it resolves when the message is handed over to the
   * connection and there is room for the next one. Without a connection, messages wait for the next one.
   *
   * Rejects with RefusedError if the server refuses, with MqttError and 0x97 if too much waits already, with RangeError
   * for what no PUBLISH can say, and with TypeError if the client is closed or an argument is of another type.
   */
  publish(topic: string, payload: Data, options: PublishOptions = {}): Promise<PublishResult | undefined> {
    const { qos = 0, retain = false, properties = NO_PROPERTIES, signal } = options;
    if (this.#isOver || this.#closing !== undefined) return Promise.reject(closedError("publish"));
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (!isQoS(qos)) return Promise.reject(new RangeError(`Cannot publish: "${qos}" is not a QoS`));
    if (properties.topicAlias !== undefined) {
      return Promise.reject(new TypeError("Cannot publish: topicAlias is given out by the client"));
    }
    try {
      checkTopicArgument(topic);
      return this.#session.outgoing.publish(topic, bytesOf(payload), qos, retain, properties, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Subscribes to one or several Topic Filters. Messages wait in a buffer of `maximumMessages`; beyond that, messages
   * with QoS 1 and 2 are not acknowledged until they are read, so that the server holds back further ones.
   *
   * Rejects with RefusedError if the server refuses all of the filters, and with RangeError for an invalid filter.
   *
   * @example
   * ```ts
   * import { Broker } from "@brooklet/brooklet";
   * import { Client } from "@brooklet/brooklet/client";
   *
   * await using broker = await Broker.open();
   * await using client = await Client.connect(broker);
   * const readings = await client.subscribe(["sensor/+/t", "$share/readers/log/#"], { qos: 1, maximumMessages: 100 });
   * await readings.unsubscribe();
   * ```
   */
  async subscribe(
    topicFilters: string | readonly string[],
    options: ClientSubscribeOptions = {},
  ): Promise<ClientSubscription> {
    const { maximumMessages = DEFAULT_BUFFERED_MESSAGES, signal, properties = NO_PROPERTIES } = options;
    const { acknowledges = "buffered", takesUnclaimed = false } = options;
    checkInteger("maximumMessages", maximumMessages, 1, Infinity);
    signal?.throwIfAborted();
    const unsubscribe = async () => {
      signal?.removeEventListener("abort", abort);
      if (takesUnclaimed) this.#session.unclaimed.passTo(undefined);
      await this.#session.subscriptions.remove(subscribed);
    };
    const wake = () => this.#session.incoming.wake();
    const buffer = new MessageBuffer(maximumMessages, acknowledges, wake);
    const abort = () => {
      buffer.fail(signal?.reason);
      void unsubscribe(); // It never rejects.
    };
    const { qos = 2, noLocal = false, retainAsPublished = false, retainHandling = 0 } = options;
    const subscribed = this.#add({
      topicFilters: typeof topicFilters === "string" ? [topicFilters] : [...topicFilters],
      options: { qos, noLocal, retainAsPublished, retainHandling },
      properties,
      recipient: buffer,
    });
    if (takesUnclaimed) this.#session.unclaimed.passTo(buffer);
    try {
      const suback = await orAborted(this.#session.subscriptions.ask(subscribed), signal);
      signal?.addEventListener("abort", abort, { once: true });
      return new BufferedSubscription(subscribed.topicFilters, suback, buffer, unsubscribe);
    } catch (error) {
      buffer.stop();
      if (takesUnclaimed) this.#session.unclaimed.passTo(undefined);
      if (error instanceof RefusedError) this.#session.subscriptions.forget(subscribed);
      else void this.#session.subscriptions.remove(subscribed); // It never rejects.
      throw error;
    }
  }

  /**
   * Unsubscribes Topic Filters that the session has from an earlier client; to end a subscription of this client,
   * unsubscribe that one. Resolves with the server's answer; `undefined` if the session was lost meanwhile, and the subscriptions
   * with it.
   */
  unsubscribe(
    topicFilters: string | readonly string[],
    { properties = NO_PROPERTIES, signal }: UnsubscribeOptions = {},
  ): Promise<UnsubackPacket | undefined> {
    if (this.#isOver || this.#closing !== undefined) return Promise.reject(closedError("unsubscribe"));
    const filters = typeof topicFilters === "string" ? [topicFilters] : [...topicFilters];
    return orAborted(this.#session.subscriptions.unsubscribe(filters, properties), signal);
  }

  /**
   * Publishes a request and resolves with its response (MQTT 5, section 4.10). Needs MQTT 5.
   *
   * Rejects with a DOMException named `TimeoutError` if none comes in time, and with RefusedError if the server reports
   * that the request has no subscriber (QoS 1 and 2).
   */
  request(topic: string, payload: Data, options: RequestOptions = {}): Promise<Message> {
    if (this.#isOver || this.#closing !== undefined) return Promise.reject(closedError("request"));
    if (this.#established.terms.protocolVersion < 5) {
      return Promise.reject(new TypeError("Cannot request: the server speaks MQTT 3.1.1, which knows no response"));
    }
    return this.#requests.request(topic, payload, options);
  }

  /**
   * Sends DISCONNECT and closes. Messages handed over before are sent; publications that are not acknowledged by then
   * are rejected, so await those that matter first. Messages that were received and acknowledged can still be read.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  /** The same as {@linkcode Client.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close({ reasonCode = ReasonCode.Success, sessionExpirySeconds, properties }: CloseOptions): Promise<void> {
    await undefined; // `#closing` is set before anyone is notified.
    this.#stop.abort();
    if (this.#isConnected) {
      const wanted = sessionExpirySeconds ?? this.#options.sessionExpirySeconds ?? 0;
      // The expiry must not be raised from 0 (section 3.14.2.2.2).
      const isChanged = wanted !== this.#connector.sessionExpirySeconds && this.#connector.sessionExpirySeconds > 0;
      const expiry = isChanged ? { sessionExpiryInterval: wanted } : {};
      this.#session.incoming.detach();
      await this.#established.connection.end(
        { type: "disconnect", reasonCode, properties: { ...properties, ...expiry } },
      );
    }
    await this.closed;
  }

  /** Serves one connection after the other; never rejects. */
  async #run(): Promise<void> {
    for (;;) {
      this.#isConnected = true;
      this.#status.set(this.#connectedStatus());
      const lost = await this.#session.serve(this.#established, () => this.#closing !== undefined);
      this.#isConnected = false;
      const next = this.#closing === undefined ? await this.#reconnect(lost) : undefined;
      if (next === undefined || next instanceof Error) return this.#over(next);
      this.#established = next;
    }
  }

  /** Tries until there is a connection again, or a reason to give up; `undefined`: the client was closed meanwhile. */
  async #reconnect(lost: Error): Promise<Established | Error | undefined> {
    const { reconnect = {} } = this.#options;
    if (reconnect === false) return lost;
    let error = lost;
    for (let attempt = 1; attempt <= (reconnect.maximumAttempts ?? Infinity) && !isFinal(error); attempt++) {
      const delayMs = reconnectDelayMs(reconnect, attempt);
      this.#status.set({ kind: "reconnecting", attempt, delayMs, error });
      await pause(delayMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return undefined;
      try {
        return await this.#connector.connect(this.#stop.signal);
      } catch (reason) {
        if (this.#stop.signal.aborted) return undefined;
        error = reason instanceof Error ? reason : lostConnection(reason);
      }
    }
    return error;
  }

  #over(error: Error | undefined): void {
    this.#isOver = true;
    this.#requests.fail(this.#session.close(error));
    this.#status.set({ kind: "closed", error });
  }

  #add(request: SubscriptionRequest): Subscribed {
    if (this.#isOver || this.#closing !== undefined) throw closedError("subscribe");
    return this.#session.add(request);
  }

  #responseTopic(): string {
    const { responseInformation } = this.#established.connack.properties;
    const prefix = responseInformation ?? "response";
    return `${prefix}${prefix.endsWith("/") ? "" : "/"}${encodeURIComponent(this.clientId)}`;
  }

  #connectedStatus(): ClientStatus {
    const { connack, terms: { protocolVersion } } = this.#established;
    return { kind: "connected", protocolVersion, clientId: this.clientId, connack };
  }
}
