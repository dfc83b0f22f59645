import { assertEquals } from "@std/assert";
import type { BrokerEvent } from "../../src/broker/events.ts";
import { loggingSchema } from "../../src/cli/config/logging_settings.ts";
import { eventLog } from "../../src/cli/log/event_log.ts";
import { EVENT_HELP, PROGRAM_HELP, REASON_HELP } from "../../src/cli/log/help.ts";
import { Log } from "../../src/cli/log/log.ts";
import { SummarizedLog } from "../../src/cli/log/summarized_log.ts";
import { connackReturnCode, isReasonCodeOf, ReasonCode, reasonCodeName } from "../../src/codec/reason_code.ts";
import type { HandshakeHelp } from "../../src/transport/web_socket/upgrade.ts";

/** The compiler holds that none is missing. */
const HANDSHAKES: Readonly<Record<HandshakeHelp, true>> = {
  host: true,
  origin: true,
  "scheme-of-the-origin": true,
  path: true,
  upgrade: true,
  subprotocol: true,
  "http-request": true,
  "wrong-protocol": true,
};

const GUIDE = await Deno.readTextFile(new URL("../../docs/troubleshooting.md", import.meta.url));
const PEER = { transport: "ws", address: "192.0.2.1:4711", listener: "ws://0.0.0.0:8083/mqtt" };
const CLOSED = { kind: "connectionClosed", peer: PEER, by: "server", reason: "why" } as const;
const MALFORMED = { ...CLOSED, reasonCode: ReasonCode.MalformedPacket } as const;
const HTTP = new TextEncoder().encode("GET / HTTP/1.1\r\n");

Deno.test("Each entry of the troubleshooting guide is named by a refusal, and each name is an entry", () => {
  const named = [
    ...Object.keys(HANDSHAKES),
    ...Object.values(EVENT_HELP),
    ...REASON_HELP.values(),
    ...Object.values(PROGRAM_HELP),
  ];
  const entries = [...GUIDE.matchAll(/^### (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading));
  assertEquals(entries.toSorted(), [...new Set<string>(named)].toSorted());
});

Deno.test("The troubleshooting guide lists the Reason Codes that end a connection, each with its entry", () => {
  const rows = [...GUIDE.matchAll(/^\| (0x\w+) +\| (\d?) +\| `(\w+)` +\| \[.*\]\(#(.*)\)/gm)].map((row) =>
    row.slice(1)
  );
  const wanted = REASON_HELP.entries().map(([code, entry]) => {
    const old = isReasonCodeOf("connack", code) ? connackReturnCode(code) : undefined;
    return [`0x${code.toString(16).toUpperCase()}`, `${old ?? ""}`, reasonCodeName(code), entry];
  });
  assertEquals(rows, [...wanted]);
});

const ROWS: readonly { readonly event: BrokerEvent; readonly help: string | undefined; readonly line: string }[] = [
  {
    event: { kind: "connectionRefused", peer: PEER, reason: "the origin is not allowed", help: "origin" },
    help: "docs/troubleshooting.md#origin",
    line: "Connection from 192.0.2.1:4711 refused: the origin is not allowed. See docs/troubleshooting.md#origin",
  },
  {
    event: { ...MALFORMED, clientId: "c" },
    help: "docs/troubleshooting.md#malformed-packet",
    line:
      "Client c [192.0.2.1:4711] disconnected due to malformed packet: why. See docs/troubleshooting.md#malformed-packet",
  },
  {
    event: { ...MALFORMED, clientId: "", firstBytes: HTTP },
    help: "docs/troubleshooting.md#wrong-protocol",
    line: "Client <unknown> [192.0.2.1:4711] refused: client spoke HTTP to a listener for plain MQTT. " +
      "See docs/troubleshooting.md#wrong-protocol",
  },
  {
    event: { kind: "unexpectedError", error: new RangeError("no end") },
    help: "docs/troubleshooting.md#errors-of-hooks",
    line: "Error: RangeError: no end. See docs/troubleshooting.md#errors-of-hooks",
  },
  { event: { kind: "commitRecovered" }, help: undefined, line: "The storage keeps changes again." },
];

for (const { event, help, line } of ROWS) {
  Deno.test(`The log names the entry about it: ${line}`, () => {
    assertEquals(logged(event, "text"), line);
    assertEquals(JSON.parse(logged(event, "json")).help, help);
  });
}

/** Anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replace(/[^\w -]/g, "").replaceAll(" ", "-");
}

/** Line that the log writes for an event. */
function logged(event: BrokerEvent, format: "text" | "json"): string {
  const chunks: Uint8Array[] = [];
  const output = {
    writable: new WritableStream<Uint8Array>(),
    writeSync: (bytes: Uint8Array) => chunks.push(bytes.slice()) && bytes.length,
    isTerminal: () => false,
  };
  const configuration = loggingSchema.parse({ format, timestamps: false });
  const log = new Log(configuration, { stdout: output, stderr: output });
  const unlimited = new SummarizedLog(log.line);
  eventLog({ log, refusals: unlimited, denials: unlimited, errors: unlimited })(event);
  return chunks.map((chunk) => new TextDecoder().decode(chunk)).join("").trimEnd();
}
