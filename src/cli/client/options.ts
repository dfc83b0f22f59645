/** Options of the client commands, which are those of mosquitto's clients. Light: `brooklet --help` loads no client. */

import { listOfSchemes } from "../../transport/schemes.ts";
import type { CommandDescription, Options } from "../command.ts";

// Complaints about a missing value ("-h argument given but no host specified.") have mosquitto's word for it in `needs`.

const QOS = ["0", "1", "2"];

const MESSAGE = {
  message: { letter: "m", value: "TEXT", needs: "message", text: "send this text" },
  file: { letter: "f", value: "FILE", needs: "file", text: "send the contents of a file" },
  "stdin-file": { letter: "s", text: "send all of standard input" },
  "null-message": { letter: "n", text: "send an empty message: with --retain it removes the retained message" },
} as const satisfies Options;

const PRINTING = {
  verbose: { letter: "v", text: "print the topic before the payload" },
  F: {
    value: "FORMAT",
    needs: "format",
    text: "print what the format asks for: %t topic, %p payload, %x and %X payload in hex, %l its length, %q QoS, " +
      "%r retain, %m Packet Identifier, %I and %U time, %j JSON, %J JSON of a JSON payload, " +
      "%A %C %D %E %F %P %R %S properties, each like %-10.10t; @Y of strftime(3), @N nanoseconds; \\n \\t \\0 \\e",
  },
  pretty: { text: "print JSON over several lines" },
  N: { text: "print no line end after a message" },
  R: { text: "leave retained messages out" },
  W: { value: "SECONDS", needs: "timeout", text: "end after this time, with exit code 27" },
} as const satisfies Options;

const CONNECTION = {
  help: { text: "print this" },
  url: {
    letter: "L",
    value: "URL",
    needs: "URL",
    heading: "Connecting",
    text: "server and topic, also without -L: mqtt://user:password@host:port/topic, or with another of " +
      `${listOfSchemes()}; URLs of a Unix socket have no topic`,
  },
  host: { letter: "h", value: "HOST", needs: "host", text: "server, if there is no URL; localhost by default" },
  port: { letter: "p", value: "PORT", needs: "port", text: "port; 1883 by default, 8883 over TLS" },
  unix: { value: "PATH", needs: "socket path", text: "Unix socket of the server" },
  "ws-path": {
    value: "PATH",
    needs: "path",
    text: "path of a WebSocket, in whose URL the path is the topic; /mqtt by default",
  },
  "protocol-version": {
    letter: "V",
    value: "VERSION",
    needs: "version",
    words: ["mqttv5", "mqttv311", "mqttv31"],
    text: "mqttv5 or 5, mqttv311 or 311, mqttv31 or 31",
  },
  id: { letter: "i", value: "ID", needs: "id", text: "Client Identifier; random by default" },
  "id-prefix": {
    letter: "I",
    value: "TEXT",
    needs: "id prefix",
    text: "Client Identifier of this text and the process id",
  },
  username: { letter: "u", value: "NAME", needs: "username", text: "User Name" },
  pw: {
    letter: "P",
    value: "PASSWORD",
    needs: "password",
    text: "Password, which other users see in the list of processes; they do not see the next two",
  },
  "password-file": {
    value: "FILE",
    needs: "file",
    text: "Password in the first line of a file; with a User Name, it may also be in the variable BROOKLET_PASSWORD",
  },
  keepalive: { letter: "k", value: "SECONDS", needs: "keepalive", text: "Keep Alive; 60 by default" },
  "disable-clean-session": {
    letter: "c",
    text: "resume the session of this client, and let the server keep it",
  },
  x: {
    value: "SECONDS",
    needs: "session expiry interval",
    text: "time for which the server keeps the session (MQTT 5); -1: for ever",
  },
  property: {
    letter: "D",
    value: "PACKET NAME VALUE",
    isRepeatable: true,
    text: 'property of MQTT 5, such as "-D publish content-type text/plain"; PACKET is connect, publish, subscribe, ' +
      'unsubscribe, disconnect or will; the value of "user-property" is a name and a value',
  },
  "will-topic": { value: "TOPIC", needs: "will topic", text: "topic to which the server publishes for a lost client" },
  "will-payload": { value: "TEXT", needs: "will payload", text: "payload of that message" },
  "will-qos": { value: "QOS", needs: "will QoS", words: QOS, text: "its QoS" },
  "will-retain": { text: "retain it" },
  cafile: {
    value: "FILE",
    needs: "file",
    text:
      "connect over TLS, and trust servers with a certificate of this authority, in addition to those of the system",
  },
  capath: { value: "DIRECTORY", needs: "directory", text: "the same with all certificates of a folder" },
  "tls-use-os-certs": { text: "connect over TLS, and trust only the authorities of the system" },
  cert: { value: "FILE", needs: "file", text: "certificate of this client" },
  key: { value: "FILE", needs: "file", text: "its key" },
  insecure: { text: "take the certificate of another host; only for tests" },
  "tls-alpn": { value: "NAME", needs: "protocol", text: "protocol to negotiate (ALPN)" },
  "tls-version": {
    value: "VERSION",
    needs: "version",
    words: ["tlsv1.2"],
    text: "tlsv1.2, which offers TLS 1.2 and 1.3; others are not supported",
  },
  o: {
    value: "FILE",
    needs: "options file",
    text: "read options from a file, one with its value on a line; those of the command line take precedence",
  },
  debug: { letter: "d", text: "tell on standard error what happens" },
  quiet: { text: "print no errors" },
  nodelay: { text: "has no effect: a packet is never delayed" },
} as const satisfies Options;

const qos = { letter: "q", value: "QOS", needs: "QoS", words: QOS, text: "0, 1 or 2; 0 by default" } as const;

export const PUBLISH = {
  name: "pub",
  usage: ["pub [URL] -t TOPIC -m TEXT|-f FILE|-s|-l|-n [options]"],
  text: "Publishes messages, with the options of mosquitto_pub.",
  options: {
    topic: { letter: "t", value: "TOPIC", needs: "topic", text: "Topic Name" },
    ...MESSAGE,
    "stdin-line": { letter: "l", text: "send each line of standard input as a message" },
    qos,
    retain: { letter: "r", text: "let the server keep it for later subscribers" },
    repeat: { value: "COUNT", needs: "count", text: "publish it this many times" },
    "repeat-delay": { value: "SECONDS", needs: "time", text: "time between two of them" },
    M: {
      value: "COUNT",
      needs: "maximum",
      text: "most messages of QoS 1 and 2 that are not acknowledged yet; 100 by default",
    },
    ...CONNECTION,
  },
} as const satisfies CommandDescription;

export const SUBSCRIBE = {
  name: "sub",
  usage: ["sub [URL] -t FILTER [options]"],
  text: "Subscribes and prints messages, with the options of mosquitto_sub.",
  options: {
    topic: { letter: "t", value: "FILTER", needs: "topic", isRepeatable: true, text: "Topic Filter" },
    "filter-out": {
      letter: "T",
      value: "FILTER",
      needs: "topic filter",
      isRepeatable: true,
      text: "leave messages with such topics out",
    },
    unsubscribe: {
      letter: "U",
      value: "FILTER",
      needs: "unsubscribe topic",
      isRepeatable: true,
      text: "unsubscribe from this Topic Filter",
    },
    qos,
    ...PRINTING,
    C: { value: "COUNT", needs: "count", text: "end after this many messages" },
    E: { text: "end as soon as it is subscribed" },
    "retained-only": { text: "end with the first message that is not retained" },
    "remove-retained": { text: "remove retained messages from the server as they come" },
    "retain-as-published": { text: "get the retain flag as it was published (MQTT 5)" },
    "random-filter": { value: "PERCENT", needs: "chance", text: "print only this part of the messages" },
    ...CONNECTION,
  },
} as const satisfies CommandDescription;

export const REQUEST = {
  name: "request",
  usage: ["request [URL] -t TOPIC -e TOPIC -m TEXT|-f FILE|-s|-n [options]"],
  text: "Publishes a request and prints the response, with the options of mosquitto_rr.",
  options: {
    topic: { letter: "t", value: "TOPIC", needs: "topic", text: "Topic Name of the request" },
    e: { value: "TOPIC", needs: "response topic", text: "Topic Name of the response" },
    ...MESSAGE,
    qos,
    ...PRINTING,
    ...CONNECTION,
  },
} as const satisfies CommandDescription;

/** Options of mosquitto's clients that nothing here can do. */
export const UNSUPPORTED: readonly string[] = [
  "-A",
  "-S",
  "--ciphers",
  "--keyform",
  "--proxy",
  "--psk",
  "--psk-identity",
  "--tls-engine",
  "--tls-engine-kpass-sha1",
];

/** Client command, with its table. */
export type ClientCommand = typeof PUBLISH | typeof SUBSCRIBE | typeof REQUEST;

/** Name of an option of some client command. */
export type OptionName =
  | keyof typeof PUBLISH.options
  | keyof typeof SUBSCRIBE.options
  | keyof typeof REQUEST.options;
