import { STAMP_BYTES } from "../load/publish_block.ts";
import { listOfSchemes } from "../transport/schemes.ts";

export const DEFAULT_URL = "mqtt://127.0.0.1:1883";
/** Messages of a publisher in flight. */
export const DEFAULT_WINDOW = 256;

export const BENCH_HELP = `Usage: brooklet bench [SCENARIO] [URL] [options]

Puts load on an MQTT broker and says what it did. URL begins with ${listOfSchemes()}; without one it is
${DEFAULT_URL}.

  pairs                  publishers with a subscriber each; --pairs N (10). The default
  fan-in                 --pubs N (50) to --subs N (1), which get everything
  fan-out                --pubs N (1) to --subs N (100) with the same topic; --stuck N more subscribe and then read nothing
  subscriptions          --subscriptions N (10000), a third with + and a third with #, over --subs N (100); each message of
                         --pubs N (10) goes to one of them
  retained               --messages N (10000) retained, each with a topic of its own; then --subs N (1) subscribe to all
  connect                --connections N (1000) connect and disconnect, --concurrency N (50) at the same time
  idle                   --connections N (1000) connect and stay for --seconds

  -q, --qos QOS          0, 1 or 2; 0 by default
  -s, --size BYTES       of each payload; 64 by default, ${STAMP_BYTES} at least
  --seconds S            how long it is measured; 5 by default
  --messages N           of each publisher, instead of a time
  --warmup S             seconds before, which are not measured; 0 by default
  --window N             messages of a publisher that may be on their way: not acknowledged, or not with all subscribers
                         yet; ${DEFAULT_WINDOW} by default, fewer with large payloads
  --rate N               messages a second, of all publishers together, instead of the window; latency then counts from
                         the moment at which a message was due
  -V, --protocol-version 3.1.1 or 5; 5 by default
  --threads N            of this program; 1 by default
  --pid PID              process of the broker, to report its CPU time and memory (Linux)
  --cafile FILE, --cert FILE, --key FILE
                         for mqtts and wss: who signs certificates of brokers, and the client's own certificate and key
  --json                 print the result as one line of JSON
  -h, --help             print this

Exit code: 0; 1 when a message was lost or came twice, or a connection was lost; 2 for wrong options.
`;
