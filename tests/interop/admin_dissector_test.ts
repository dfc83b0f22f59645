/**
 * The dissector and the captures against tshark: every row of the decoder's tests is exported as pcapng and read by one
 * tshark, and each of its fields must be the same here: name, text, bytes and order.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dissect, type Field, treeText } from "../../src/admin/dissect/dissector.ts";
import { fieldLine } from "../../src/admin/dissect/dissector_fields.ts";
import { Opcode, PacketAssembler } from "../../src/admin/dissect/frames.ts";
import { Capture, type CapturedConnection } from "../../src/admin/dissect/pcapng.ts";
import type { ProtocolVersion } from "../../src/codec/packet.ts";
import { fromHex, toHex } from "../codec/hex.ts";
import { collectRows, type Row } from "../codec/rows/row.ts";
import { programTests } from "./interop_tests.ts";
import vectors from "../vectors.json" with { type: "json" };
import { capturedFields, tshark, valueText } from "./tshark.ts";

const test = programTests(["tshark"]);
// Here and not in the test: the files of rows may register tests of their own.
const ROWS = await collectRows();
const CONNECTS: Readonly<Record<ProtocolVersion, string>> = {
  3: "10 [ 'MQIsdp' 03 02 003c 'a' ]",
  4: "10 [ 'MQTT' 04 02 003c 'a' ]",
  5: "10 [ 'MQTT' 05 02 003c 00 'a' ]",
};

interface Sample {
  readonly row: Row;
  readonly version: ProtocolVersion;
  readonly address: string;
}

/** Differences that are known: the reason, the rows that have them, and their lines there and here. */
const DIFFERENCES: readonly {
  readonly reason: string;
  readonly rows?: RegExp;
  readonly theirs?: RegExp;
  readonly ours?: RegExp;
}[] = [
  {
    reason: "Wireshark lacks these Reason Codes in its table of the packet; here every failure has its name",
    theirs: /Reason Code: Unknown/,
    ours: /Reason Code: [A-Z]/,
  },
  {
    reason: "Wireshark does not know the bit by which bridges mark the Protocol Level",
    rows: /bridge/,
    theirs: /Version: Unknown/,
  },
  {
    reason: "Wireshark ends a text at U+0000; here it is shown as \\000, because it is what ends the connection",
    ours: /\\000/,
  },
  {
    reason: "Wireshark reads a Property Length that is longer than needed in another order of its bytes",
    rows: /over-long Property Length|Property Length of five bytes/,
    theirs: /Total Length: /,
  },
  {
    reason: "Wireshark keeps 32 bits of a Subscription Identifier of 35",
    rows: /Subscription Identifier of five bytes/,
    theirs: /Value: /,
  },
];

test("every decoder row in tshark: no good row is malformed, and each field is equal to ours", async () => {
  const samples = ROWS.flatMap((row) => row.versions.map((version) => ({ row, version })))
    .map((sample, index): Sample => ({ ...sample, address: `10.0.${index >> 8}.${index & 0xff}` }));
  const read = await capturedFields(capture(samples));
  const complaints: string[] = [];
  let fields = 0;
  const known = new Map<string, number>();
  for (const sample of samples) {
    const theirs = read.get(sample.address) ?? [];
    const isGood = sample.row.packet !== undefined;
    if (isGood && theirs.some(({ isMalformed }) => isMalformed)) complaints.push(`${nameOf(sample)}: malformed`);
    const ours = dissected(sample);
    for (const [number, { lines }] of theirs.entries()) {
      const mine = ours[number] ?? [];
      if (isGood && mine.length !== lines.length) {
        complaints.push(`${nameOf(sample)}: ${mine.length} fields, tshark ${lines.length}`);
      }
      for (const [index, line] of lines.entries()) {
        fields += 1;
        const own = mine[index] ?? "nothing";
        if (own === line) continue;
        const difference = differenceOf(sample.row.name, line, own);
        if (difference !== undefined) known.set(difference, (known.get(difference) ?? 0) + 1);
        else complaints.push(`${nameOf(sample)}\n  tshark ${line}\n  ours   ${own}`);
      }
    }
    if (isGood && theirs.length !== ours.length) {
      complaints.push(`${nameOf(sample)}: ${theirs.length} packets in tshark`);
    }
  }
  if (complaints.length > 0) throw new Error(complaints.slice(0, 20).join("\n"));
  const differences = [...known.values()].reduce((total, count) => total + count, 0);
  const figures = `${samples.length} rows, ${fields} fields, ${JSON.stringify([...known])}`;
  assert(samples.length > 1_800 && fields > 50_000 && differences < fields / 100, figures);
  assertEquals(known.size, DIFFERENCES.length, figures); // None that is no more.
});

test("captures of every kind in tshark: no complaint, right checksums, names of listeners and clients", async () => {
  const file = new Capture();
  const broker = { address: "127.0.0.1", port: 8883 };
  const connections = ["10.0.0.7", "2001:db8::7"].map((address): CapturedConnection => ({
    listener: `mqtts://${address}:8883`,
    client: { address, port: 4431 },
    broker,
    clientId: "a",
  }));
  const lines = await tshark([
    file.begin(),
    ...connections.flatMap((connection) => [
      ...[
        "10 [ 'MQTT' 05 c2 003c [ 11 00000001 21 000a 26 'k' 'v' ] 'a' 'user' '******' ]",
        `30 c69a0c 'big' 00 ${"61".repeat(200_000)}`,
        "c000 c000",
      ].map((hex) => file.add({ timeMs: 1_796_000_000_000, connection, isSent: false, bytes: fromHex(hex) })),
      file.add({ timeMs: 1_796_000_000_000.5, connection, isSent: true, bytes: fromHex("20 [ 00 00 00 ] d000") }),
      file.end(connection, 1_796_000_000_001, true),
    ]),
  ], [
    ...["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields"],
    ...["mqtt.msgtype", "_ws.malformed", "tcp.checksum.status", "ip.checksum.status", "tcp.analysis.flags"]
      .flatMap((field) => ["-e", field]),
    ...["frame.interface_name", "frame.comment"].flatMap((field) => ["-e", field]),
  ]);
  const [types = [], malformed, tcp, ip, analysis, names, comments = []] = columns(lines);
  assertEquals(types.filter((type) => type !== "").join(" "), "1 3 12,12 2,13 1 3 12,12 2,13");
  assertEquals(new Set(malformed), new Set([""]));
  assertEquals(new Set(tcp), new Set(["1"]));
  assertEquals(new Set(ip), new Set(["1", ""]));
  assertEquals(new Set(analysis), new Set([""]));
  assertEquals(new Set(names), new Set(["mqtts://10.0.0.7:8883", "mqtts://2001:db8::7:8883"]));
  assertEquals(comments.filter((comment) => comment !== ""), ['client "a"', 'client "a"']);
});

test("a capture as on the wire has the upgrade and 13 frames of an article; without them Wireshark knows the CONNECT", async () => {
  const { frames, hex } = vectors.vectors["002-connect"];
  const { key, accept } = vectors.vectors["001-accept"];
  const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: mqtt\r\n";
  const connection: CapturedConnection = {
    listener: "ws://127.0.0.1:8083/mqtt",
    client: { address: "10.0.0.7", port: 4431 },
    broker: { address: "127.0.0.1", port: 8083 },
    upgrade: {
      request: `GET /mqtt HTTP/1.1\r\nHost: a\r\n${upgrade}Sec-WebSocket-Key: ${key}\r\n\r\n`,
      response: `HTTP/1.1 101 Switching Protocols\r\n${upgrade}Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
    },
  };
  const record = { timeMs: 0, connection, isSent: false, bytes: fromHex(hex) };
  const wire = new Capture({ isWire: true });
  const shown = await tshark([
    wire.begin(),
    wire.add({
      ...record,
      frames: frames.map(({ length }) => ({ opcode: Opcode.Binary, isFinal: true, payloadBytes: length / 2 })),
    }),
  ], ["-T", "fields", "-e", "http.response.code", "-e", "websocket.opcode", "-e", "_ws.malformed"]);
  const [codes = [], opcodes = [], malformed] = columns(shown);
  assertEquals(codes.filter((code) => code !== ""), ["101"]);
  assertEquals(opcodes.filter((opcode) => opcode !== ""), Array.from({ length: 13 }, () => "2"));
  assertEquals(new Set(malformed), new Set([""]));
  const plain = new Capture();
  const tree = await tshark(
    [plain.begin(), plain.add(record)],
    ["-O", "mqtt", "-Y", "mqtt"],
  );
  assertStringIncludes(tree, treeText(dissect(fromHex(hex))));
});

/** Columns of `-T fields`. */
function columns(lines: string): string[][] {
  const rows = lines.replace(/\n$/, "").split("\n").map((line) => line.split("\t"));
  return Array.from(rows[0] ?? [], (_, column) => rows.map((row) => row[column] ?? ""));
}

function capture(samples: readonly Sample[]): Uint8Array[] {
  const file = new Capture();
  return [
    file.begin(),
    ...samples.flatMap(({ row, version, address }, index) => {
      const client = { address, port: 50_000 };
      const connection = { listener: "mqtt://127.0.0.1:1883", client, broker: { address: "127.0.0.1", port: 1883 } };
      const chunks = row.isFirst ? [row.hex] : [CONNECTS[version], row.hex];
      return [
        ...chunks.map((hex) => file.add({ timeMs: index, connection, isSent: false, bytes: fromHex(hex) })),
        file.end(connection, index, false),
      ];
    }),
  ];
}

/** Lines of all packets of a connection, as `capturedFields` gives them. */
function dissected({ row, version }: Sample): string[][] {
  const assembler = new PacketAssembler();
  const hex = row.isFirst ? [row.hex] : [CONNECTS[version], row.hex];
  let protocolVersion: number | undefined;
  return hex.flatMap((part) => assembler.add(fromHex(part))).map(({ bytes }) => {
    const dissection = dissect(bytes, { protocolVersion });
    protocolVersion = dissection.protocolVersion;
    return linesOf(dissection.fields);
  });
}

function linesOf(fields: readonly Field[]): string[] {
  return fields.flatMap((field) => {
    const { abbreviation, start, end, children } = field;
    const line = fieldLine({ ...field, isGenerated: false });
    return [
      `${abbreviation} | ${line} | ${start}+${end - start} | ${valueText(valueOf(field))}`,
      ...linesOf(children),
    ];
  });
}

function valueOf({ value }: Field): string {
  if (value instanceof Uint8Array) return value.length > 100 ? "" : toHex(value).replace(/..(?!$)/g, "$&:");
  return value === undefined ? "" : `${typeof value === "boolean" ? Number(value) : value}`;
}

function differenceOf(row: string, theirs: string, ours: string): string | undefined {
  return DIFFERENCES.find((known) =>
    known.rows?.test(row) !== false && known.theirs?.test(theirs) !== false && known.ours?.test(ours) !== false
  )?.reason;
}

function nameOf({ row, version }: Sample): string {
  return `${row.name} v${version}`;
}
