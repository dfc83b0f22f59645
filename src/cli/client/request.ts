import { RefusedError } from "../../client/refused_error.ts";
import type { ProgramIo } from "../program_io.ts";
import { ArgumentError, type ClientArguments } from "./arguments.ts";
import { checkTopicName, parseClientOptions } from "./client_options.ts";
import { ExitCode, reasonText } from "./failure.ts";
import { MessageReader, parsePrintOptions, type ReaderOptions } from "./message_reader.ts";
import { REQUEST } from "./options.ts";
import { payloadSource } from "./payloads.ts";
import { type ClientCommandContext, runClientCommand } from "./program.ts";

interface RequestCommandOptions extends ReaderOptions {
  readonly topic: string;
  readonly responseTopic: string;
  readonly payload: Uint8Array;
  readonly skipsRetained: boolean;
}

/** Runs `request`; gives the exit code. Any message to the response topic is the response, as in mosquitto_rr. */
export function request(args: readonly string[], io: ProgramIo): Promise<number> {
  return runClientCommand({ command: REQUEST, parse: parseRequestCommand, run }, args, io);
}

/** Parses its options; throws {@linkcode ArgumentError} and ClientFailure. */
export async function parseRequestCommand(given: ClientArguments, io: ProgramIo): Promise<RequestCommandOptions> {
  const options = parseClientOptions(given, io.environment);
  const topic = options.topics.at(-1);
  const responseTopic = given.last("e");
  if (topic !== undefined) checkTopicName(topic, "publish");
  if (responseTopic !== undefined) checkTopicName(responseTopic, "response");
  const print = parsePrintOptions(given);
  const source = await payloadSource(given, io.stdin);
  if (topic === undefined || responseTopic === undefined || source?.kind !== "one") {
    throw new ArgumentError("All of topic, message, and response topic must be supplied.");
  }
  if (options.properties.publish.responseTopic !== undefined) {
    throw new ArgumentError("in PUBLISH properties: Duplicate response topic.");
  }
  return { ...options, ...print, topic, responseTopic, payload: source.payload, skipsRetained: given.has("R") };
}

async function run(session: ClientCommandContext<RequestCommandOptions>): Promise<number> {
  const { client, console, options } = session;
  const { topic, payload, responseTopic, qos, skipsRetained, properties: { publish } } = options;
  await using reader = new MessageReader(session);
  const subscription = await reader.subscribe([responseTopic], {});
  const { topicAlias: _, ...others } = publish; // The client assigns it.
  const published = client.publish(topic, payload, { qos, properties: { ...others, responseTopic } }).catch((error) => {
    if (!(error instanceof RefusedError)) throw error;
    console.say(`Warning: Publish 1 failed: ${reasonText(error)}.`);
  });
  const answered = reader.each(subscription, (message) => {
    if (skipsRetained && message.retain) return false;
    reader.print(message);
    return true;
  });
  await Promise.race([answered, published.then(() => answered)]);
  return ExitCode.Success;
}
