import type { BrokerEvent } from "../../broker/events.ts";
import { ReasonCode } from "../../codec/reason_code.ts";
import { foreignToMqtt } from "../../transport/first_bytes.ts";
import type { HandshakeHelp } from "../../transport/web_socket/upgrade.ts";

/** Events that need no explanation, or have their entry from a field. */
type WithoutEntry =
  | "connectionOpened"
  | "clientConnected"
  | "clientTakenOver"
  | "connectionClosed"
  | "connectionRefused"
  | "commitRecovered";

/** Entries of docs/troubleshooting.md by the events that they explain. */
export const EVENT_HELP: Readonly<Record<Exclude<BrokerEvent["kind"], WithoutEntry>, string>> = {
  accessDenied: "access-denied",
  willDenied: "access-denied",
  subscriptionLost: "access-denied",
  retainedWithheld: "retained-message-withheld",
  retainedRefused: "retained-message-refused",
  subscriptionRefused: "subscription-refused",
  messagesDropped: "dropped-messages",
  clientBehind: "dropped-messages",
  sessionsFull: "session-limits",
  transportViolation: "websocket-frames",
  commitFailed: "storage-fails",
  readFailed: "storage-fails",
  storageLost: "storage-lost",
  wallClockSet: "wall-clock",
  stoodStill: "stood-still",
  unexpectedError: "errors-of-hooks",
};

/** Entries by the Reason Code with which this broker ends a connection. */
export const REASON_HELP: ReadonlyMap<ReasonCode, string> = new Map([
  [ReasonCode.MalformedPacket, "malformed-packet"],
  [ReasonCode.ProtocolError, "malformed-packet"],
  [ReasonCode.ImplementationSpecificError, "errors-of-hooks"],
  [ReasonCode.UnsupportedProtocolVersion, "protocol-version"],
  [ReasonCode.ClientIdentifierNotValid, "client-identifier"],
  [ReasonCode.BadUserNameOrPassword, "not-authorized"],
  [ReasonCode.NotAuthorized, "not-authorized"],
  [ReasonCode.ServerUnavailable, "storage-fails"],
  [ReasonCode.Banned, "banned-or-disconnected-by-the-operator"],
  [ReasonCode.AdministrativeAction, "banned-or-disconnected-by-the-operator"],
  [ReasonCode.BadAuthenticationMethod, "authentication-method"],
  [ReasonCode.TopicFilterInvalid, "topics"],
  [ReasonCode.TopicNameInvalid, "topics"],
  [ReasonCode.TopicAliasInvalid, "topics"],
  [ReasonCode.ReceiveMaximumExceeded, "receive-maximum"],
  [ReasonCode.KeepAliveTimeout, "keep-alive"],
  [ReasonCode.PacketTooLarge, "packet-too-large"],
  [ReasonCode.QuotaExceeded, "quota-exceeded"],
  [ReasonCode.PayloadFormatInvalid, "payload-format"],
  [ReasonCode.RetainNotSupported, "qos-or-retain-not-supported"],
  [ReasonCode.QosNotSupported, "qos-or-retain-not-supported"],
  [ReasonCode.ConnectionRateExceeded, "too-many-failed-logins"],
]);

/** Entries about refusals of the program: connections that the broker does not get, and configurations. */
export const PROGRAM_HELP = {
  tooManyConnections: "too-many-connections",
  tlsHandshake: "tls-handshake",
  proxyProtocol: "proxy-protocol",
  ipv6Only: "ipv6-only",
  reload: "reload",
} as const;

const WRONG_PROTOCOL: HandshakeHelp = "wrong-protocol";

/** Entry of docs/troubleshooting.md that explains an event; `undefined` for one that needs no explanation. */
export function helpOf(event: BrokerEvent): string | undefined {
  switch (event.kind) {
    case "connectionRefused":
      return event.help;
    case "connectionClosed": {
      const { by, clientId, firstBytes, reasonCode } = event;
      if (by !== "server") return undefined;
      const isForeign = clientId === "" && firstBytes !== undefined && foreignToMqtt(firstBytes) !== undefined;
      return isForeign ? WRONG_PROTOCOL : REASON_HELP.get(reasonCode);
    }
    case "connectionOpened":
    case "clientConnected":
    case "clientTakenOver":
    case "commitRecovered":
      return undefined;
    default:
      return EVENT_HELP[event.kind];
  }
}
