import type { Message } from "../../codec/message.ts";
import { matchesTopic } from "../../protocol/topic_filter.ts";
import type { ProgramIo } from "../program_io.ts";
import { ArgumentError, type ClientArguments } from "./arguments.ts";
import { checkTopicFilter, integerOf, parseClientOptions } from "./client_options.ts";
import { ExitCode } from "./failure.ts";
import { MessageReader, parsePrintOptions, type ReaderOptions } from "./message_reader.ts";
import { SUBSCRIBE } from "./options.ts";
import { type ClientCommandContext, runClientCommand } from "./program.ts";

interface SubscribeCommandOptions extends ReaderOptions {
  readonly topicFilters: readonly string[];
  readonly unsubscribed: readonly string[];
  /** Levels of the Topic Filters whose messages are left out. */
  readonly filteredOut: readonly (readonly string[])[];
  readonly count: number;
  /** Messages that are wanted, by whether they are retained. */
  readonly retained: "all" | "only" | "none";
  readonly removesRetained: boolean;
  readonly retainAsPublished: boolean;
  readonly endsWithSuback: boolean;
  /** Part of the messages that is printed. */
  readonly chance: number;
}

// Delay before mosquitto_sub reconnects.
const RECONNECT_DELAY_MS = 1_000;

/** Runs `sub`; gives the exit code. */
export function subscribe(args: readonly string[], io: ProgramIo): Promise<number> {
  return runClientCommand({ command: SUBSCRIBE, parse: parseSubscribeCommand, run }, args, io);
}

/** Parses its options; throws {@linkcode ArgumentError} and ClientFailure. */
export function parseSubscribeCommand(given: ClientArguments, { environment }: ProgramIo): SubscribeCommandOptions {
  const options = parseClientOptions(given, environment);
  const topicFilters = options.topics.map((topic) => checkTopicFilter(topic, "subscription"));
  const unsubscribed = given.all("unsubscribe").map((topic) => checkTopicFilter(topic, "unsubscribe"));
  const filteredOut = given.all("filter-out").map((topic) => checkTopicFilter(topic, "filter").split("/"));
  const count = given.last("C");
  const print = parsePrintOptions(given);
  if (topicFilters.length === 0) throw new ArgumentError("You must specify a topic to subscribe to.");
  if (given.has("R") && given.has("retained-only")) {
    throw new ArgumentError("Combining '-R' and '--retained-only' makes no sense.");
  }
  return {
    ...options,
    ...print,
    connect: { ...options.connect, reconnect: { minimumDelayMs: RECONNECT_DELAY_MS } },
    topicFilters,
    unsubscribed,
    filteredOut,
    count: count === undefined ? Infinity : integerOf(count, 1, 2 ** 31 - 1, `Invalid message count "${count}".`),
    retained: given.has("R") ? "none" : given.has("retained-only") ? "only" : "all",
    removesRetained: given.has("remove-retained"),
    retainAsPublished: given.has("retain-as-published"),
    endsWithSuback: given.has("E"),
    chance: chanceOf(given.last("random-filter") ?? "100"),
  };
}

async function run(session: ClientCommandContext<SubscribeCommandOptions>): Promise<number> {
  const { client, options, console } = session;
  await using reader = new MessageReader(session);
  const subscription = await reader.subscribe(options.topicFilters, { retainAsPublished: options.retainAsPublished });
  if (options.unsubscribed.length > 0) {
    await client.unsubscribe(options.unsubscribed, { properties: options.properties.unsubscribe });
  }
  if (options.endsWithSuback) return ExitCode.Success;
  const removals = new Set<Promise<void>>();
  let left = options.count;
  await reader.each(subscription, (message) => {
    if (options.retained === "only" && !message.retain) return true;
    if (isFilteredOut(message, options)) return false;
    if (options.removesRetained && message.retain) {
      const removal = client.publish(message.topic, "", { qos: 1, retain: true }).then(() => {}, (error) => {
        if (!session.stopped.aborted) console.say(`Warning: ${error.message}`);
      }).finally(() => removals.delete(removal));
      removals.add(removal);
    }
    if (options.retained === "none" && message.retain) return false;
    if (options.chance === 1 || Math.random() < options.chance) reader.print(message);
    left -= 1;
    return left === 0;
  });
  await Promise.all(removals);
  return ExitCode.Success;
}

function isFilteredOut({ topic }: Message, { filteredOut }: SubscribeCommandOptions): boolean {
  if (filteredOut.length === 0) return false;
  const levels = topic.split("/");
  return filteredOut.some((filter) => matchesTopic(filter, levels));
}

function chanceOf(text: string): number {
  const percent = Number(text);
  if (percent >= 0.1 && percent <= 100) return percent / 100;
  throw new ArgumentError("--random-filter chance must be between 0.1-100.0");
}
