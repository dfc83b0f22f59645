import type { ClientSubscribeOptions } from "../../client/client_options.ts";
import type { ClientSubscription } from "../../client/client_subscription.ts";
import type { Message } from "../../codec/message.ts";
import { RefusedError } from "../../client/refused_error.ts";
import { printable } from "../log/log.ts";
import type { ClientCommandContext } from "./command.ts";
import type { ClientOptions } from "./command_options.ts";
import { ClientFailure, ExitCode, reasonWords } from "./failure.ts";
import { messagePrinter, type PrintOptions } from "./message_format.ts";
import { MessageOutput } from "./message_output.ts";

/** Options of a command that prints messages. */
export interface ReaderOptions extends ClientOptions, PrintOptions {
  /** Time limit from the connection on. */
  readonly timeoutMs: number | undefined;
}

// Retained messages may be many before SUBACK, when reading cannot stop; those with QoS 0 beyond this are lost.
const MOST_BUFFERED = 10_000;

/** Passes the messages of a subscription to standard output. */
export class MessageReader implements AsyncDisposable {
  readonly #session: ClientCommandContext<ReaderOptions>;
  readonly #output: MessageOutput;
  readonly #print: (message: Message) => Uint8Array;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  /** Promise that the next message must wait for. */
  #waiting: Promise<void> | undefined;

  constructor(session: ClientCommandContext<ReaderOptions>) {
    const { options, console, io } = session;
    this.#session = session;
    this.#output = new MessageOutput(io.stdout, (error) => session.stop(outputFailure(error)));
    this.#print = messagePrinter(options, (line) => console.say(line));
    const late = () => session.stop(new ClientFailure("Timed out", ExitCode.TimedOut));
    if (options.timeoutMs !== undefined) this.#timer = setTimeout(late, options.timeoutMs);
  }

  /** Subscribes; rejects if the server refuses all of the Topic Filters, and prints a line if it refuses some. */
  async subscribe(topicFilters: readonly string[], options: ClientSubscribeOptions): Promise<ClientSubscription> {
    const { client, console, options: { qos, properties: { subscribe } } } = this.#session;
    try {
      const { subscriptionIdentifiers: _, ...properties } = subscribe; // The client assigns its own.
      const subscription = await client.subscribe(topicFilters, {
        maximumMessages: MOST_BUFFERED,
        acknowledges: "read",
        takesUnclaimed: true, // Messages of a kept session.
        qos,
        properties,
        ...options,
      });
      const { reasonCodes } = subscription.suback;
      console.debug(`Subscribed (mid: 1): ${reasonCodes.join(", ")}`);
      for (const [index, code] of reasonCodes.entries()) {
        if (code >= 0x80) console.say(`Warning: Subscription to ${topicFilters[index]} failed: ${reasonWords(code)}.`);
      }
      return subscription;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      throw new ClientFailure("All subscription requests were denied.", error.reasonCode);
    }
  }

  /** Gives each message to `take` until that returns `true`, or the command is stopped. */
  async each(subscription: ClientSubscription, take: (message: Message) => boolean): Promise<void> {
    const { client, console, stopped, options } = this.#session;
    for (;;) { // Leaving a loop over the subscription would unsubscribe, even in a session that is kept.
      const { value: message } = await subscription.next();
      if (message === undefined || stopped.aborted) break;
      if (options.isDebug) console.debug(received(client.clientId, message));
      if (take(withIdentifiers(message, options))) break;
      const waiting = this.#waiting;
      if (waiting !== undefined) await waiting;
    }
    if (subscription.dropped > 0) console.say(`Warning: ${subscription.dropped} messages did not fit into memory.`);
  }

  print(message: Message): void {
    this.#waiting = this.#output.write(this.#print(message));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await this.#output.flushed();
  }
}

/** Message with the Subscription Identifier that `-D` asked for instead of the one that the client uses. */
function withIdentifiers(message: Message, { properties: { subscribe } }: ClientOptions): Message {
  const { subscriptionIdentifiers, ...others } = message.properties;
  if (subscriptionIdentifiers === undefined) return message;
  const wanted = subscribe.subscriptionIdentifiers;
  const properties = wanted === undefined ? others : { ...others, subscriptionIdentifiers: wanted };
  return Object.create(message, { properties: { value: properties, enumerable: true } });
}

function received(clientId: string, { dup, qos, retain, packetIdentifier, topic, payload }: Message): string {
  const flags = `d${dup ? 1 : 0}, q${qos}, r${retain ? 1 : 0}, m${packetIdentifier}`;
  return `Client ${clientId} received PUBLISH (${flags}, '${printable(topic)}', ... (${payload.length} bytes))`;
}

/** Failure of the output; a closed pipe is none: that is how `| head -1` ends. */
function outputFailure(error: unknown): ClientFailure {
  if (error instanceof Deno.errors.BrokenPipe) return new ClientFailure("", ExitCode.Success);
  const why = error instanceof Error ? error.message : String(error);
  return new ClientFailure(`Error: Cannot write to standard output: ${why}`, ExitCode.Failed);
}
