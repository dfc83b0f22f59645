import type { ClientSubscribeOptions } from "../../client/client_options.ts";
import type { ClientSubscription } from "../../client/client_subscription.ts";
import type { Message } from "../../codec/message.ts";
import { RefusedError } from "../../client/refused_error.ts";
import { concatenated } from "../../transport/concatenated.ts";
import { printable } from "../../codec/printable.ts";
import type { ProgramOutput } from "../program_io.ts";
import type { ClientArguments } from "./arguments.ts";
import { type ClientOptions, integerOf } from "./client_options.ts";
import { ClientFailure, ExitCode, reasonWords } from "./failure.ts";
import { messagePrinter, type PrintOptions } from "./message_format.ts";
import type { ClientCommandContext } from "./program.ts";

/** Options of a command that prints messages. */
export interface ReaderOptions extends ClientOptions, PrintOptions {
  /** Time limit from the connection on. */
  readonly timeoutMs: number | undefined;
}

// Retained messages may be many before SUBACK, when reading cannot stop; those with QoS 0 beyond this are lost.
const MOST_BUFFERED = 10_000;
const MOST_WAITING_BYTES = 1_048_576;
// Longest timeout of a timer; with a longer one it would fire at once.
const LONGEST_TIMEOUT_SECONDS = 2_147_483;

/** Options for printing messages, and the time limit for them; throws {@linkcode ArgumentError}. */
export function parsePrintOptions(given: ClientArguments): Omit<ReaderOptions, keyof ClientOptions> {
  const options = {
    format: given.last("F"),
    isVerbose: given.has("verbose"),
    endsLines: !given.has("N"),
    isPretty: given.has("pretty"),
  };
  messagePrinter(options, () => {}); // Checks the format before anything else is done.
  const timeout = given.last("W");
  const timeoutMs = timeout === undefined
    ? undefined
    : integerOf(timeout, 1, LONGEST_TIMEOUT_SECONDS, `Invalid timeout "${timeout}".`) * 1_000;
  return { ...options, timeoutMs };
}

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

/** Standard output for messages: messages that arrive during a write leave with the next one. */
class MessageOutput {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #onBroken: (error: unknown) => void;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #writing: Promise<void> | undefined;
  #isBroken = false;

  /** @param onBroken called when nothing can be written any more */
  constructor(stdout: ProgramOutput, onBroken: (error: unknown) => void) {
    this.#writer = stdout.writable.getWriter();
    this.#onBroken = onBroken;
    this.#writer.closed.catch(() => {}); // Each write has its own owner.
  }

  /** Writes; gives a promise to await when too much waits already. It never rejects. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#isBroken || bytes.length === 0) return undefined;
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    this.#writing ??= this.#writeAll();
    return this.#bytes < MOST_WAITING_BYTES ? undefined : this.#writing;
  }

  /** Resolves when everything is written, or cannot be. */
  async flushed(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    await undefined; // Writes all messages of a turn at once.
    try {
      while (this.#bytes > 0) {
        const bytes = concatenated(this.#chunks);
        this.#chunks = [];
        this.#bytes = 0;
        await this.#writer.write(bytes);
      }
    } catch (error) {
      this.#isBroken = true;
      this.#chunks = [];
      this.#onBroken(error);
    }
    this.#writing = undefined;
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
