import { MqttError } from "../codec/mqtt_error.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { ReconnectOptions } from "./client_options.ts";

const DEFAULT_MINIMUM_MS = 500;
const DEFAULT_MAXIMUM_MS = 30_000;

/**
 * Reason Codes that the server would repeat at each attempt, and that only its operator or this client's can change.
 */
const FINAL: ReadonlySet<ReasonCode> = new Set([
  ReasonCode.MalformedPacket,
  ReasonCode.ProtocolError,
  ReasonCode.UnsupportedProtocolVersion,
  ReasonCode.ClientIdentifierNotValid,
  ReasonCode.BadUserNameOrPassword,
  ReasonCode.NotAuthorized,
  ReasonCode.Banned,
  ReasonCode.BadAuthenticationMethod,
  ReasonCode.SessionTakenOver, // Otherwise two clients of one name would take over from each other forever.
  ReasonCode.TopicFilterInvalid,
  ReasonCode.TopicNameInvalid,
  ReasonCode.ReceiveMaximumExceeded,
  ReasonCode.TopicAliasInvalid,
  ReasonCode.PacketTooLarge,
  ReasonCode.UseAnotherServer,
  ReasonCode.ServerMoved,
]);

/** Whether another attempt is useless. */
export function isFinal(error: Error): boolean {
  return error instanceof MqttError && FINAL.has(error.reasonCode);
}

/**
 * Delay before an attempt, which counts from 1; random, so that the clients of a server do not all reconnect at once.
 */
export function reconnectDelayMs(
  { minimumDelayMs = DEFAULT_MINIMUM_MS, maximumDelayMs = DEFAULT_MAXIMUM_MS }: ReconnectOptions,
  attempt: number,
  random: () => number = Math.random,
): number {
  const fullMs = Math.min(maximumDelayMs, minimumDelayMs * 2 ** Math.min(attempt - 1, 30));
  return fullMs / 2 + random() * fullMs / 2;
}

/** Waits for a time, or until the signal. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
