import type { Client } from "../../client/client.ts";
import { pause } from "../../client/reconnecting.ts";
import { RefusedError } from "../../client/refused_error.ts";
import { MqttError } from "../../codec/mqtt_error.ts";
import { ReasonCode } from "../../codec/reason_code.ts";
import { Queue } from "../../protocol/queue.ts";
import type { ProgramIo } from "../program_io.ts";
import { ArgumentError, type ClientArguments } from "./arguments.ts";
import { checkTopicName, type ClientOptions, integerOf, parseClientOptions } from "./client_options.ts";
import { ClientFailure, ExitCode, reasonText } from "./failure.ts";
import { PUBLISH } from "./options.ts";
import { inputLines, type PayloadSource, payloadSource } from "./payloads.ts";
import { type ClientCommandContext, type ClientConsole, runClientCommand } from "./program.ts";

interface PublishCommandOptions extends ClientOptions {
  readonly topic: string;
  readonly retain: boolean;
  readonly source: PayloadSource;
  readonly repeat: number;
  readonly repeatDelayMs: number;
}

// Publications of QoS 1 and 2 in the client at once: enough to keep all places in flight busy.
const MOST_HANDED_OVER = 1_000;
const MOST_BYTES_HANDED_OVER = 8_388_608;
const LONGEST_DELAY_SECONDS = 2_147_483;

/** Runs `pub`; gives the exit code. */
export function publish(args: readonly string[], io: ProgramIo): Promise<number> {
  return runClientCommand({ command: PUBLISH, parse: parsePublishCommand, run }, args, io);
}

/** Reads its options; throws {@linkcode ArgumentError} and ClientFailure. */
export async function parsePublishCommand(given: ClientArguments, io: ProgramIo): Promise<PublishCommandOptions> {
  const options = parseClientOptions(given, io.environment);
  for (const topic of options.topics) checkTopicName(topic, "publish");
  const maximum = given.last("M");
  const repeat = integerOf(given.last("repeat") ?? "1", 1, 2 ** 31 - 1, "--repeat argument must be >0.");
  const repeatDelayMs = delayOf(given.last("repeat-delay") ?? "0") * 1_000;
  const source = await payloadSource(given, io.stdin);
  const topic = options.topics.at(-1);
  if (topic === undefined || source === undefined) {
    throw new ArgumentError("Both topic and message must be supplied.");
  }
  const maximumInflight = maximum === undefined
    ? {}
    : { maximumInflight: integerOf(maximum, 1, 65_535, "Maximum inflight messages must be greater than 0.") };
  // A command that publishes lines resumes with them when the server is back.
  const reconnect = source.kind === "lines" ? {} : options.connect.reconnect ?? {};
  const connect = { ...options.connect, ...maximumInflight, reconnect };
  return { ...options, connect, topic, retain: given.has("retain"), source, repeat, repeatDelayMs };
}

async function run(
  { client, options, console, io, stopped }: ClientCommandContext<PublishCommandOptions>,
): Promise<number> {
  const { source, repeat, repeatDelayMs } = options;
  const publisher = new Publisher(client, options, console);
  if (source.kind === "one") {
    for (let count = 1; count <= repeat && !stopped.aborted; count++) {
      await publisher.publish(source.payload);
      if (count < repeat && repeatDelayMs > 0) await pause(repeatDelayMs, stopped);
    }
    return ExitCode.Success;
  }
  const closed = client.closed.then(() => {
    if (client.status.kind === "closed" && client.status.error !== undefined) throw client.status.error;
  });
  await Promise.race([publishLines(publisher, inputLines(io.stdin), options), closed]); // Standard input may be silent for long.
  return ExitCode.Success;
}

async function publishLines(
  publisher: Publisher,
  lines: AsyncIterable<Uint8Array>,
  { qos }: PublishCommandOptions,
): Promise<void> {
  const underWay = new Queue<{ published: Promise<void>; bytes: number }>();
  let bytes = 0;
  for await (const line of lines) {
    const published = publisher.publish(line);
    if (qos === 0) {
      await published;
      continue;
    }
    published.catch(() => {}); // It is awaited below, in its turn.
    underWay.push({ published, bytes: line.length });
    bytes += line.length;
    while (underWay.length > MOST_HANDED_OVER || bytes > MOST_BYTES_HANDED_OVER) {
      const oldest = underWay.shift();
      bytes -= oldest?.bytes ?? 0;
      await oldest?.published;
    }
  }
  for (const { published } of underWay.values()) await published;
}

/** Publishes, and prints refusals of the server, as mosquitto_pub does: they are not failures. */
class Publisher {
  readonly #client: Client;
  readonly #options: PublishCommandOptions;
  readonly #console: ClientConsole;
  #count = 0;

  constructor(client: Client, options: PublishCommandOptions, console: ClientConsole) {
    this.#client = client;
    this.#options = options;
    this.#console = console;
  }

  async publish(payload: Uint8Array): Promise<void> {
    const { topic, qos, retain, properties: { publish: { topicAlias: _, ...properties } } } = this.#options;
    const number = ++this.#count;
    const flags = `d0, q${qos}, r${retain ? 1 : 0}, m${number}`;
    this.#console.debug(
      `Client ${this.#client.clientId} sending PUBLISH (${flags}, '${topic}', ... (${payload.length} bytes))`,
    );
    try {
      await this.#client.publish(topic, payload, { qos, retain, properties });
    } catch (error) {
      if (!(error instanceof RefusedError)) throw publishFailure(error);
      this.#console.say(`Warning: Publish ${number} failed: ${reasonText(error)}.`);
    }
  }
}

/** Failure for a message that cannot be sent at all. */
function publishFailure(error: unknown): unknown {
  if (!(error instanceof MqttError)) return error;
  switch (error.reasonCode) {
    case ReasonCode.QosNotSupported:
      return new ClientFailure("Error: Message QoS not supported on broker, try a lower QoS.", ExitCode.Failed);
    case ReasonCode.PacketTooLarge:
      return new ClientFailure("Error: Message payload is too large.", ExitCode.Failed);
    default:
      return error;
  }
}

function delayOf(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== "" && seconds >= 0 && seconds <= LONGEST_DELAY_SECONDS) return seconds;
  throw new ArgumentError("--repeat-delay argument must be >=0.0.");
}
