import { RefusedError } from "../../client/refused_error.ts";
import { MqttError } from "../../codec/mqtt_error.ts";
import { connackReturnCode, ReasonCode, reasonCodeName } from "../../codec/reason_code.ts";
import { printable } from "../../codec/printable.ts";

/** Exit codes of mosquitto's clients, in addition to the server's codes in CONNACK. */
export const ExitCode = {
  Success: 0,
  Failed: 1,
  ProtocolError: 2,
  ConnectionLost: 7,
  TlsFailed: 8,
  TimedOut: 27,
  /** Signal before there was a connection. */
  InterruptedEarly: 255,
} as const;

// mosquitto's texts for the return codes of MQTT 3.1.1.
const RETURN_CODE_TEXTS: Readonly<Record<number, string>> = {
  1: "unacceptable protocol version.",
  2: "identifier rejected.",
  3: "broker unavailable.",
  4: "bad user name or password.",
  5: "not authorised.",
};

/** Ends a client command with a text, in mosquitto's words, and an exit code. */
export class ClientFailure extends Error {
  override readonly name = "ClientFailure";
  readonly exitCode: number;

  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** Failure to connect. */
export function connectFailure(error: unknown, protocolVersion: number, isTls: boolean): ClientFailure {
  if (error instanceof RefusedError) return refusedFailure(error, protocolVersion);
  if (error instanceof MqttError) return failureOf(error);
  const isUnreachable = [Deno.errors.ConnectionRefused, Deno.errors.NotFound, Deno.errors.TimedOut].some((kind) =>
    error instanceof kind
  );
  if (isTls && !isUnreachable && !isLookup(error)) {
    return new ClientFailure(`Error: A TLS error occurred. (${textOf(error)})`, ExitCode.TlsFailed);
  }
  const isOfSystem = error instanceof Error && "code" in error && typeof error.code === "string";
  const message = isOfSystem ? `Error: ${textOf(error)}` : `Unable to connect (${textOf(error)}).`;
  return new ClientFailure(message, ExitCode.Failed);
}

/** Failure of a connection, or of an action on it. */
export function failureOf(error: unknown): ClientFailure {
  if (error instanceof ClientFailure) return error;
  if (error instanceof MqttError && error.reasonCode === ReasonCode.UnspecifiedError) {
    const why = error.cause === undefined ? "" : ` (${textOf(error.cause)})`;
    return new ClientFailure(`Error: The connection was lost.${why}`, ExitCode.ConnectionLost);
  }
  if (error instanceof MqttError) {
    const message = "A network protocol error occurred when communicating with the broker.";
    return new ClientFailure(`Error: ${message} (${textOf(error)})`, ExitCode.ProtocolError);
  }
  return new ClientFailure(`Error: ${textOf(error)}`, ExitCode.Failed);
}

/** Reason Code as words, with the Reason String of the server. */
export function reasonText({ reasonCode, properties: { reasonString } }: RefusedError): string {
  const words = reasonWords(reasonCode);
  return reasonString === undefined ? words : `${words}: ${printable(reasonString)}`;
}

/** Words of a Reason Code, such as "Not authorized". */
export function reasonWords(reasonCode: number): string {
  return reasonCodeName(reasonCode).replace(/(?<=.)[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function refusedFailure(error: RefusedError, protocolVersion: number): ClientFailure {
  const { reasonCode } = error;
  if (protocolVersion < 5) {
    const code = connackReturnCode(reasonCode) ?? ExitCode.ConnectionLost;
    const text = RETURN_CODE_TEXTS[code] ?? "unknown reason.";
    return new ClientFailure(`Connection error: Connection Refused: ${text}`, code);
  }
  const advice = reasonCode === ReasonCode.UnsupportedProtocolVersion
    ? ". Try connecting to an MQTT v5 broker, or use MQTT v3.x mode."
    : "";
  return new ClientFailure(`Connection error: ${reasonText(error)}${advice}`, reasonCode);
}

/** Whether the error is of a name lookup: the runtime gives it no class and no code, and it is the only plain Error. */
function isLookup(error: unknown): boolean {
  return error instanceof Error && error.constructor === Error && !("code" in error);
}

function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return printable(text.replace(/ \(os error \d+\)/, ""));
}
