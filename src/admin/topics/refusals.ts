/** Answers of the broker to an MQTT client, as answers of HTTP. */

import { MqttError } from "../../codec/mqtt_error.ts";
import { ReasonCode, reasonCodeName } from "../../codec/reason_code.ts";
import { RefusedError } from "../../client/refused_error.ts";
import { Problem } from "../problems.ts";
import { unauthorized } from "./topic_request.ts";

/** Step that failed: a refusal means something else when a client connects. */
export type RefusedStep = "connect" | "publish" | "subscribe";

interface Row {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}

const RETRY = { "retry-after": "1" };
const FORBIDDEN = 403;
const WHO =
  "The broker does not accept this client: send its user name and password with Basic, or its token with Bearer";
/** Reason Codes that mean the storage while it fails. */
const UNSTORED: readonly ReasonCode[] = [
  ReasonCode.UnspecifiedError,
  ReasonCode.ImplementationSpecificError,
  ReasonCode.QuotaExceeded,
  ReasonCode.ServerUnavailable,
];
const NOT_STORED: Row = {
  status: 503,
  title: "Storage failing",
  detail: "The broker cannot store what must be kept now: try again, and look at its log if this lasts",
};
const UNAVAILABLE: Row = {
  status: 503,
  title: "Unavailable",
  detail:
    "The broker ended the connection before it answered: try again; a message may have been published all the same",
};
const UNDECIDED: Row = {
  status: 503,
  title: "Failed",
  detail: "The broker could not do this or could not decide whether it may: its log says why; try again",
};
const LATE: Row = {
  status: 503,
  title: "Too slow",
  detail: "The broker did not answer in time: try again; a message may have been published all the same",
};

/** Rows by Reason Code; all others are {@linkcode UNAVAILABLE}. */
// deno-fmt-ignore
const ROWS: ReadonlyMap<number, Row> = new Map<number, Row>([
  [ReasonCode.NotAuthorized, { status: FORBIDDEN, title: "Not authorized",
    detail: "The access rules of the broker do not let this client do this: they name the topics that it may use" }],
  [ReasonCode.Banned, { status: FORBIDDEN, title: "Banned",
    detail: "The operator has banned this client, its user or its address: only the operator can lift that" }],
  [ReasonCode.AdministrativeAction, { status: FORBIDDEN, title: "Disconnected",
    detail: "The operator has disconnected this client: a further request connects it again, unless it is banned" }],
  [ReasonCode.QuotaExceeded, { status: 429, title: "Quota exceeded",
    detail: "A limit of the broker is reached, of its rate, sessions or retained messages: send less, or later" }],
  [ReasonCode.MessageRateTooHigh, { status: 429, title: "Too many messages",
    detail: "This client publishes faster than the broker allows: send less, or later" }],
  [ReasonCode.ConnectionRateExceeded, { status: 429, title: "Too many failures",
    detail: "Too many wrong credentials came from this address: wait, and send the right ones" }],
  [ReasonCode.UnspecifiedError, UNDECIDED],
  [ReasonCode.ImplementationSpecificError, UNDECIDED],
  [ReasonCode.ServerShuttingDown, { status: 503, title: "Shutting down",
    detail: "The broker is shutting down: try again when it is there" }],
  [ReasonCode.ServerBusy, { status: 503, title: "Busy", detail: "The broker has too much to do: try again" }],
  [ReasonCode.PacketTooLarge, { status: 413, title: "Too large",
    detail: "The message, with its topic and properties, is larger than the largest packet of the broker: send a smaller one" }],
  [ReasonCode.TopicNameInvalid, { status: 400, title: "Topic refused",
    detail: "The broker does not take this topic: it may have too many levels or characters" }],
  [ReasonCode.TopicFilterInvalid, { status: 400, title: "Topic Filter refused",
    detail: "The broker does not take this Topic Filter: it may have too many levels or characters" }],
  [ReasonCode.PayloadFormatInvalid, { status: 400, title: "Payload refused",
    detail: "The payload is not of the format that the broker wants" }],
  [ReasonCode.QosNotSupported, { status: 400, title: "QoS refused", detail: "The broker does not take this QoS: use a lower one" }],
  [ReasonCode.RetainNotSupported, { status: 400, title: "Retain refused",
    detail: "The broker has no retained messages: leave out retain" }],
]);

/** Circumstances of a refusal. */
interface Circumstances {
  readonly step: RefusedStep;
  /** Whether the storage of the broker fails. */
  readonly isStorageFailing: boolean;
  /** Whether the client that was to do it is closed. */
  readonly isClosed?: boolean;
}

/** Refusal as a problem; `undefined`: the error is a defect. */
export function refusalOf(error: unknown, circumstances: Circumstances): Problem | undefined {
  if (error instanceof Problem) return error;
  if (error instanceof RefusedError) return problemOf(error.reasonCode, circumstances, error.properties.reasonString);
  if (error instanceof MqttError) {
    const isLost = error.reasonCode === ReasonCode.UnspecifiedError; // By the connection, without a word of the broker.
    return isLost ? problemOfRow(UNAVAILABLE) : problemOf(error.reasonCode, circumstances, undefined);
  }
  if (error instanceof DOMException && error.name === "TimeoutError") return problemOfRow(LATE);
  // No packet can hold the value, such as a User Property of 64 KiB.
  if (error instanceof RangeError) return problemOfRow({ status: 400, title: "Bad request", detail: error.message });
  return circumstances.isClosed ? problemOfRow(UNAVAILABLE) : undefined;
}

/** Answer where the server itself is wrong. */
export function defect(): Problem {
  return new Problem(500, "Defect", "The server has failed at this; its log says more");
}

/** Problem of a Reason Code, which is one of its members. */
export function problemOf(
  reasonCode: ReasonCode,
  { step, isStorageFailing }: Circumstances,
  reasonString: string | undefined,
  further: Readonly<Record<string, unknown>> = {},
): Problem {
  const members = {
    ...further,
    reasonCode,
    reason: reasonCodeName(reasonCode),
    ...reasonString === undefined ? {} : { reasonString },
  };
  const isWrong = reasonCode === ReasonCode.BadUserNameOrPassword || reasonCode === ReasonCode.NotAuthorized;
  if (step === "connect" && isWrong) return unauthorized(WHO, members);
  const isUnstored = isStorageFailing && UNSTORED.includes(reasonCode);
  return problemOfRow(isUnstored ? NOT_STORED : ROWS.get(reasonCode) ?? UNAVAILABLE, members);
}

function problemOfRow({ status, title, detail }: Row, members: Readonly<Record<string, unknown>> = {}): Problem {
  return new Problem(status, title, detail, { members, headers: status === 429 || status === 503 ? RETRY : {} });
}
