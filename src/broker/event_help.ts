import { ReasonCode } from "../codec/reason_code.ts";
import { foreignToMqtt } from "../transport/first_bytes.ts";
import type { HandshakeHelp } from "../transport/web_socket/upgrade.ts";
import type { BrokerEvent } from "./events.ts";

/** Remedies by the entries of docs/troubleshooting.md, in the words of their "Do:". A test compares both. */
export const REMEDIES = {
  "wrong-protocol":
    "Compare the URL of the client with the lines `Brooklet is listening on …` at the start. The scheme " +
    "of the client has to be that of the line: `mqtt://`, `mqtts://`, `ws://` or `wss://`.",
  "tls-handshake": "Give the client the scheme and the port of a TLS listener, and the authority that signed the " +
    "certificate of the broker.",
  "proxy-protocol":
    "Connect to the proxy. In HAProxy the server needs `send-proxy-v2`, in nginx `proxy_protocol on`. " +
    "Without a proxy, leave `proxyProtocol` out.",
  "ipv6-only": "Write `*` in place of `[::]` for both, or add a listener at `0.0.0.0` with the same port.",
  "too-many-connections": "Raise the bound, or tell the broker the addresses of clients behind a proxy, with " +
    "`proxyProtocol` or `trustedProxies`.",
  "host": "Add the name to the list `hosts` of the listener (in an app, to the option `hosts` of `broker.upgrade`).",
  "origin":
    "Add the origin of the page to `origins`, exactly as the browser sends it in the header `Origin`, with its " +
    "port and without a path.",
  "scheme-of-the-origin": "Have the proxy send `X-Forwarded-Proto: https`, and add the address of the proxy to " +
    "`trustedProxies`.",
  "path": "Use a path that the log and the answer name. `paths` lists others; `paths: any` accepts all.",
  "upgrade": "Behind nginx, set `proxy_http_version 1.1`, `proxy_set_header Upgrade $http_upgrade` and " +
    '`proxy_set_header Connection upgrade`. In a browser use `new WebSocket("ws://host:8083/mqtt", "mqtt")` or MQTT.js.',
  "subprotocol": 'Pass it as second argument, `new WebSocket(url, "mqtt")`.',
  "http-request": "Look for large cookies, and remove them from the path of the broker, or raise " +
    "`maximumRequestHeadBytes` of the listener. Have a proxy use HTTP/1.1 towards the broker.",
  "websocket-frames": 'Set `socket.binaryType = "arraybuffer"` and send a `Uint8Array`, never a string.',
  "protocol-version": "Set the version of the client, such as `mosquitto_sub -V 311`, or change `versions`.",
  "client-identifier": "Give the client an identifier of its own.",
  "not-authorized":
    "Give the client a user name and a password that the broker knows; `brooklet passwd FILE USER` sets " +
    "the password again, then `kill -HUP` the broker.",
  "too-many-failed-logins":
    "Find the client with the wrong password in the lines before, and wait two seconds for each " +
    "further attempt.",
  "authentication-method": "Use user name and password, or give `Broker.open` the method in `enhancedAuthenticators`.",
  "banned-or-disconnected-by-the-operator": "Remove the entry from `bans`, then `kill -HUP`.",
  "keep-alive":
    "Nothing, if the device is out of reach at times: it connects again. Otherwise set a longer Keep Alive in " +
    "the client, or let it send PINGREQ more often.",
  "malformed-packet": "This is a defect of the client, or bytes of another protocol.",
  "packet-too-large": "Raise it, such as `--limit maximumPacketBytes=67108864`.",
  "receive-maximum": "Leave it at its default; the client does not look at it.",
  "topics": "Correct the topic, or raise the limit.",
  "payload-format": "Have the client leave the indicator out for binary payloads.",
  "qos-or-retain-not-supported": "Raise the limit, or publish with a lower QoS or without RETAIN.",
  "quota-exceeded":
    "Raise the limit that the reason names, such as `--limit maximumConnections=20000`; end a client that " +
    "does not read.",
  "access-denied": "Add a rule, then `kill -HUP`.",
  "retained-message-withheld":
    "Delete the message with an empty retained one (`mosquitto_pub -r -n -t TOPIC`), give its " +
    "publisher the right again, or set `checksRetainedPublisher: false`.",
  "retained-message-refused": "Raise the limit.",
  "subscription-refused": "The line names the limit and its value; raise it, such as `--limit " +
    "maximumSubscriptions=200000`.",
  "dropped-messages": "The line names the limit that was reached, and its value; raise it with `--limit NAME=VALUE`.",
  "session-limits": "Raise `maximumSessions` or `maximumSessionBytes`, each with `…PerPrincipal` and `…PerAddress`.",
  "storage-fails": "Free space. The broker continues by itself, and logs `The storage keeps changes again.`",
  "storage-lost": "Let one broker run with one storage.",
  "errors-of-hooks": "Read the message of the line; ask the webhook yourself.",
  "wall-clock": "Nothing, if it happens once. If it repeats, look at the time service: `timedatectl timesync-status`.",
  "stood-still": "If it repeats, look who takes the processor: `top`, and for containers the CPU limit.",
} as const;
/** Entry of docs/troubleshooting.md about an event, by its anchor. */
export type EventHelp = keyof typeof REMEDIES;

/** Events that need no explanation, or have their entry from a field. */
type WithoutEntry =
  | "connectionOpened"
  | "clientConnected"
  | "clientTakenOver"
  | "connectionClosed"
  | "connectionRefused"
  | "commitRecovered";

/** Entries of docs/troubleshooting.md by the events that they explain. */
export const EVENT_HELP: Readonly<Record<Exclude<BrokerEvent["kind"], WithoutEntry>, EventHelp>> = {
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
export const REASON_HELP: ReadonlyMap<ReasonCode, EventHelp> = new Map<ReasonCode, EventHelp>([
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

/** Clauses by which the broker ends a connection, where the violation of a packet does not name one of its own. */
const REASON_CLAUSES: ReadonlyMap<ReasonCode, string> = new Map<ReasonCode, string>([
  [ReasonCode.UnsupportedProtocolVersion, "MQTT-3.1.2-2"],
  [ReasonCode.ClientIdentifierNotValid, "MQTT-3.1.3-8"],
  [ReasonCode.BadUserNameOrPassword, "MQTT-3.1.4-2"],
  [ReasonCode.NotAuthorized, "MQTT-3.1.4-2"],
  [ReasonCode.Banned, "MQTT-3.1.4-2"],
  [ReasonCode.BadAuthenticationMethod, "MQTT-4.12.0-1"],
  [ReasonCode.KeepAliveTimeout, "MQTT-3.1.2-22"],
  [ReasonCode.SessionTakenOver, "MQTT-3.1.4-3"],
  [ReasonCode.ReceiveMaximumExceeded, "MQTT-3.3.4-7"],
  [ReasonCode.PacketTooLarge, "MQTT-3.2.2-15"],
  [ReasonCode.RetainNotSupported, "MQTT-3.2.2-14"],
  [ReasonCode.QosNotSupported, "MQTT-3.2.2-11"],
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
export function helpOf(event: BrokerEvent): EventHelp | undefined {
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

/** Clause of the specification that an event is about, such as `MQTT-3.1.4-2`; `undefined`: there is none. */
export function clauseOf(event: BrokerEvent): string | undefined {
  switch (event.kind) {
    case "connectionClosed":
      if (event.by !== "server") return undefined;
      return event.clause ?? REASON_CLAUSES.get(event.reasonCode);
    case "clientTakenOver":
      return REASON_CLAUSES.get(ReasonCode.SessionTakenOver);
    case "connectionRefused":
      return event.help === "subprotocol" ? "MQTT-6.0.0-3" : undefined;
    case "transportViolation":
      return "MQTT-6.0.0-1";
    case "accessDenied":
      return event.action === "publish" ? "MQTT 5, section 3.4.2.1" : "MQTT 5, section 3.9.3";
    case "subscriptionRefused":
      return "MQTT 5, section 3.9.3";
    case "retainedRefused":
      return event.isDelivered ? undefined : "MQTT 5, section 3.4.2.1";
    default:
      return undefined;
  }
}
