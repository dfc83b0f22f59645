import { assertEquals } from "@std/assert";
import type { BrokerEvent } from "../../src/broker/events.ts";
import { loggingSchema } from "../../src/cli/config/logging_settings.ts";
import { eventLog } from "../../src/cli/log/event_log.ts";
import { clauseOf, EVENT_HELP, PROGRAM_HELP, REASON_HELP, REMEDIES } from "../../src/broker/event_help.ts";
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
const CLOSED = {
  kind: "connectionClosed",
  peer: PEER,
  principal: undefined,
  wasConnected: true,
  by: "server",
  reason: "why",
} as const;
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

Deno.test("Each remedy that the broker names is what its entry says to do", () => {
  const [, ...entries] = GUIDE.split(/^### /m);
  const said = new Map(entries.map((entry) => {
    const [heading = ""] = entry.split("\n");
    return [anchorOf(heading), entry.split(/^Do: /m).slice(1).join(" ").replace(/\s+/g, " ")] as const;
  }));
  for (const [entry, remedy] of Object.entries(REMEDIES)) {
    const words = remedy.replace(/^[A-Z]/, (letter) => letter.toLowerCase()).replace(/\.$/, "");
    assertEquals([entry, said.get(entry)?.slice(0, words.length)], [entry, words]);
  }
  const left = [...said.keys()].filter((entry) => !(entry in REMEDIES));
  assertEquals(left, [PROGRAM_HELP.reload]); // An event says nothing of it.
});

Deno.test("An event names the clause that it is about", () => {
  assertEquals(clauseOf({ ...MALFORMED, clientId: "c", clause: "MQTT-3.3.1-4" }), "MQTT-3.3.1-4");
  assertEquals(clauseOf({ ...CLOSED, clientId: "c", reasonCode: ReasonCode.NotAuthorized }), "MQTT-3.1.4-2");
  assertEquals(clauseOf({ ...CLOSED, clientId: "c", reasonCode: ReasonCode.Success, by: "client" }), undefined);
  assertEquals(
    clauseOf({ kind: "connectionRefused", peer: PEER, reason: "why", help: "subprotocol" }),
    "MQTT-6.0.0-3",
  );
  assertEquals(clauseOf({ kind: "stoodStill", ms: 2_000 }), undefined);
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
