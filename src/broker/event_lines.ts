import { PacketType, unreachable } from "../codec/packet.ts";
import { printable } from "../codec/printable.ts";
import { ReasonCode, reasonCodeName } from "../codec/reason_code.ts";
import { foreignToMqtt } from "../transport/first_bytes.ts";
import type { BrokerEvent } from "./events.ts";

/**
 * Lines for an event, in the words of `mosquitto -v`, which people search for. Without `isVerbose` only those that an
 * operator should see.
 */
export function eventLines(event: BrokerEvent, isVerbose: boolean): string[] {
  switch (event.kind) {
    case "connectionOpened":
      return isVerbose ? [`New connection from ${event.peer.address} on port ${portOf(event.peer.listener)}.`] : [];
    case "clientConnected":
      return isVerbose ? clientConnectedLines(event) : [];
    case "clientTakenOver":
      return isVerbose ? [`Client ${printable(event.clientId)} already connected, closing old connection.`] : [];
    case "connectionClosed":
      return connectionClosedLines(event, isVerbose);
    case "connectionRefused":
      return [`Connection from ${event.peer.address} refused: ${printable(event.reason)}.`];
    case "accessDenied": {
      const { action, retain } = event;
      return [`Denied ${action.toUpperCase()} from ${whatAndWhose(event, action === "publish" ? retain : undefined)}.`];
    }
    case "willDenied":
      return [`Denied the Will of ${whatAndWhose(event, event.retain)}.`];
    case "retainedWithheld": {
      const whose = whatAndWhose(event, undefined);
      return [`Withheld the retained message of ${whose}: its publisher may not publish it any more.`];
    }
    case "retainedRefused": {
      const { obstacle, isDelivered } = event;
      const why = obstacle === "storage" ? "the storage has too much to do" : `the limit ${obstacle} is reached`;
      const what = isDelivered ? "Delivered but did not retain" : "Refused";
      return [`${what} the message of ${whatAndWhose(event, true)}: ${why}. Others of this client are only counted.`];
    }
    case "subscriptionRefused": {
      const { topicFilter, limit, value } = event;
      return [
        `Refused the subscription of ${whose(event)} to '${printable(topicFilter)}': it exceeds ${limit}, which is ` +
        `${value} and may be raised. Others of this client are not logged.`,
      ];
    }
    case "subscriptionLost": {
      const { topicFilter } = event;
      return [
        `Ended the subscription of ${whose(event)} to '${printable(topicFilter)}': the rules do not allow it any more.`,
      ];
    }
    case "messagesDropped": {
      const { qos0, queueFull, tooLarge } = event;
      return [
        `Messages were dropped: ${qos0} of QoS 0 for clients that do not read fast enough, ${queueFull} of QoS 1 and 2 for ` +
        `sessions whose queue is full, ${tooLarge} larger than their client accepts.`,
      ];
    }
    case "clientBehind": {
      const { clientId, isConnected, limit, value } = event;
      const why = isConnected ? "does not take its messages as fast as they come" : "is away, and its queue is full";
      return [`Client ${printable(clientId)} ${why}: some are dropped (${limit}, which is ${value}, may be raised).`];
    }
    case "sessionsFull": {
      const { clients, subscriptions, messages, limit, clientId, principal, network } = event;
      const whose = principal === undefined ? network ?? "an unknown address" : userFact(principal);
      return [
        `Sessions are at their bound: ${clients} clients, ${subscriptions} subscriptions and ${messages} messages were ` +
        `refused, the last one of ${printable(clientId)} (${whose}), for the limit ${limit} is reached.`,
      ];
    }
    case "transportViolation":
      return [`Connection from ${event.peer.address} broke the rules of its transport: ${printable(event.reason)}.`];
    case "commitFailed":
      return [
        `Error: changes could not be stored, clients that waited for them are disconnected: ${errorText(event.error)}`,
      ];
    case "commitRecovered":
      return ["The storage keeps changes again."];
    case "storageLost":
      return [`Error: the storage is lost, the broker ends: ${printable(event.error.message)}`];
    case "readFailed":
      return [`Error: the session of ${printable(event.clientId)} could not be read: ${errorText(event.error)}`];
    case "wallClockSet": {
      const seconds = Math.abs(event.byMs / 1_000).toFixed(1);
      if (event.byMs < 0) return [`The wall clock was set back by ${seconds} s.`];
      return [`The wall clock was set forward by ${seconds} s, or the machine slept.`];
    }
    case "stoodStill":
      return [
        `The broker stood still for ${(event.ms / 1_000).toFixed(1)} s: it was stopped, or the machine is overloaded.`,
      ];
    case "unexpectedError":
      return [`Error: ${errorText(event.error)}`];
    default:
      return unreachable(event);
  }
}

/**
 * User name for the log; a JSON Web Token, with which some clients log in there, is hidden: its reader could use it.
 */
export function shownUserName(userName: string): string {
  return /^eyJ[\w-]*\.[\w-]*\.[\w-]*$/.test(userName) ? "(token)" : userName; // It begins with `{"`.
}

function userFact(userName: string): string {
  return `u'${printable(shownUserName(userName))}'`;
}

/** Client Identifier, and the principal where there is one. */
function whose({ clientId, principal }: { readonly clientId: string; readonly principal: string | undefined }): string {
  return printable(clientId) + (principal === undefined ? "" : ` (${userFact(principal)})`);
}

/** Description such as `c (q0, r1, u'ann', 'a/b')`, without unknown parts. */
function whatAndWhose(
  { clientId, principal, topic, qos }: {
    readonly clientId: string;
    readonly principal: string | undefined;
    readonly topic: string;
    readonly qos: number;
  },
  retain: boolean | undefined,
): string {
  const facts = [`q${qos}`];
  if (retain !== undefined) facts.push(`r${retain ? 1 : 0}`);
  if (principal !== undefined) facts.push(userFact(principal));
  return `${printable(clientId)} (${[...facts, `'${printable(topic)}'`].join(", ")})`;
}

function clientConnectedLines(
  { peer, clientId, principal, connect, keepAliveSeconds }: Extract<BrokerEvent, { kind: "clientConnected" }>,
): string[] {
  const { protocolVersion, cleanStart, will } = connect;
  const facts = [`p${protocolVersion}`, `c${cleanStart ? 1 : 0}`, `k${keepAliveSeconds}`];
  // A name that a certificate or token proves takes precedence over the given user name.
  const user = principal ?? connect.userName;
  if (user !== undefined) facts.push(userFact(user));
  const lines = [`New client connected from ${peer.address} as ${printable(clientId)} (${facts.join(", ")}).`];
  if (will === undefined) return [...lines, "No will message specified."];
  lines.push(`Will message specified (${will.payload.length} bytes) (r${will.retain ? 1 : 0}, q${will.qos}).`);
  return [...lines, `\t${printable(will.topic)}`];
}

function connectionClosedLines(
  { peer, clientId, by, reasonCode, reason, firstBytes }: Extract<BrokerEvent, { kind: "connectionClosed" }>,
  isVerbose: boolean,
): string[] {
  if (by !== "server" && !isVerbose) return [];
  const where = ` [${peer.address}]`;
  const who = clientId === "" ? `Client <unknown>${where}` : `Client ${printable(clientId)}`;
  switch (by) {
    case "client": {
      const why = reasonCode === ReasonCode.Success ? "" : ` (${reasonCodeName(reasonCode)})`;
      return [`${who} disconnected${why}.`];
    }
    case "network":
      return [`${who} closed its connection.`];
    case "server":
      break;
    default:
      return unreachable(by);
  }
  switch (reasonCode) {
    case ReasonCode.KeepAliveTimeout:
      return [`${who} has exceeded timeout, disconnecting.`];
    case ReasonCode.SessionTakenOver:
      return []; // Logged when it happened.
    case ReasonCode.UnspecifiedError:
    case ReasonCode.ServerShuttingDown:
      return isVerbose ? [`${who} disconnected: ${printable(reason)}.`] : [];
    default: {
      const foreign = firstBytes === undefined || clientId !== "" ? undefined : foreignToMqtt(firstBytes);
      if (foreign !== undefined) return [`${who} refused: ${foreign}.`];
      const bytes = firstBytes === undefined ? "" : ` (it begins with ${withoutSecrets(firstBytes).toHex()})`;
      const whoAndWhere = clientId === "" ? who : who + where;
      return [`${whoAndWhere} disconnected due to ${inWords(reasonCode)}: ${printable(reason)}${bytes}.`];
    }
  }
}

/** First bytes that cannot be payload, password, or Authentication Data, however short the fields before those are. */
function withoutSecrets(firstBytes: Uint8Array): Uint8Array {
  switch ((firstBytes[0] ?? 0) >> 4) {
    case PacketType.publish:
    case PacketType.auth:
      return firstBytes.subarray(0, 4);
    case PacketType.connect: // Up to Keep Alive, if the Protocol Name is right.
      return firstBytes.subarray(0, 12);
    default:
      return firstBytes;
  }
}

/** Words of a Reason Code: `malformed packet` for 0x81. */
function inWords(reasonCode: ReasonCode): string {
  return reasonCodeName(reasonCode).replace(/(?<=[a-z])[A-Z]/g, " $&").toLowerCase();
}

function portOf(listener: string): string {
  return /:(\d+)(?:\/.*)?$/.exec(listener)?.[1] ?? listener;
}

function errorText(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${printable(error.message)}` : printable(String(error));
}
