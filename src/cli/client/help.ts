// Separate from the commands, so that `brooklet --help` and the broker load nothing of the client.

const CONNECTION_HELP = `Connecting:
  URL, -L, --url URL     where to: mqtt://user:password@host:port/topic, mqtts://, ws://, wss://; unix:/path has no topic
  -h, --host HOST        without a URL; localhost without one
  -p, --port PORT        1883, or 8883 over TLS
      --unix PATH        a Unix socket
      --ws-path PATH     of a WebSocket, whose URL has the topic as its path; /mqtt without it
  -V, --protocol-version VERSION  mqttv5 or 5, mqttv311 or 311, mqttv31 or 31
  -i, --id ID            Client Identifier; random without one
  -I, --id-prefix TEXT   Client Identifier of this text and the process id
  -u, --username NAME
  -P, --pw PASSWORD      others can see it in the list of processes: these two cannot be seen
      --password-file FILE  its first line is the password; so is the variable BROOKLET_PASSWORD where there is a user name
  -k, --keepalive SECONDS
  -c, --disable-clean-session  go on with the session of this client, and have the server keep it
  -x SECONDS             how long the server keeps the session (MQTT 5); -1 for ever
  -D, --property PACKET NAME VALUE  a property of MQTT 5, such as "-D publish content-type text/plain"; of
                         connect, publish, subscribe, unsubscribe, disconnect, will; "user-property" has a name and a value
      --will-topic TOPIC, --will-payload TEXT, --will-qos QOS, --will-retain  what the server publishes for a lost client
      --cafile FILE      who signs the certificate of the server, beside those that the system trusts; connects over TLS
      --capath DIRECTORY the same with all certificates there
      --tls-use-os-certs connects over TLS, and trusts only those that the system trusts
      --cert FILE        certificate of this client
      --key FILE         its key
      --insecure         take a certificate of another host; only for tests
      --tls-alpn NAME    protocol to ask for
  -o FILE                options, one with its value on a line; those of the command line go before them
  -d, --debug            tell on standard error what happens
      --quiet            tell nothing of what goes wrong
      --help             print this
`;

const PRINTING_HELP = `  -v, --verbose          print the topic in front of the payload
  -F FORMAT              print what the format asks for: %t topic, %p payload, %x and %X in hex, %l length, %q QoS,
                         %r retain, %m Packet Identifier, %I and %U time, %j JSON, %J JSON of a JSON payload, %A %C %D %E
                         %F %P %R %S properties, each like %-10.10t; @Y of strftime(3), @N nanoseconds; \\n \\t \\0 \\e
      --pretty           JSON over several lines
  -N                     no end of line behind a message
  -R                     leave retained messages out
  -W SECONDS             end after this time, with exit code 27
`;

const QOS_HELP = `  -q, --qos QOS          0, 1 or 2; 0 without it`;

const PAYLOAD_HELP = `  -m, --message TEXT     what to send
  -f, --file FILE        the contents of a file
  -s, --stdin-file       all of standard input
  -n, --null-message     nothing: with --retain it removes the retained message
`;

export const PUBLISH_HELP = `Usage: brooklet pub [URL] -t TOPIC -m TEXT|-f FILE|-s|-l|-n [options]

Publishes, with the options of mosquitto_pub.

  -t, --topic TOPIC
${PAYLOAD_HELP}  -l, --stdin-line       each line of standard input as a message
${QOS_HELP}
  -r, --retain           the server keeps it for those who subscribe later
      --repeat COUNT     publish it so often
      --repeat-delay SECONDS  between two of them
  -M COUNT               messages with QoS 1 and 2 that are not acknowledged, at most; 100 without it

${CONNECTION_HELP}`;

export const SUBSCRIBE_HELP = `Usage: brooklet sub [URL] -t FILTER [options]

Subscribes and prints messages, with the options of mosquitto_sub.

  -t, --topic FILTER     Topic Filter; may be repeated
  -T, --filter-out FILTER  leave messages with such topics out; may be repeated
  -U, --unsubscribe FILTER  unsubscribe this; may be repeated
${QOS_HELP}
${PRINTING_HELP}  -C COUNT               end after so many messages
  -E                     end as soon as it is subscribed
      --retained-only    end with the first message that is not retained
      --remove-retained  remove retained messages from the server as they come
      --retain-as-published  retain as it was published (MQTT 5)
      --random-filter PERCENT  print a part of the messages

${CONNECTION_HELP}`;

export const REQUEST_HELP = `Usage: brooklet request [URL] -t TOPIC -e TOPIC -m TEXT|-f FILE|-s|-n [options]

Publishes a request and prints the response, with the options of mosquitto_rr.

  -t, --topic TOPIC      of the request
  -e TOPIC               of the response
${PAYLOAD_HELP}${QOS_HELP}
${PRINTING_HELP}
${CONNECTION_HELP}`;
