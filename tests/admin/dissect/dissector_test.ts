import { assert, assertEquals } from "@std/assert";
import { dissect, type Field, fieldAt, treeText, withoutSecrets } from "../../../src/admin/dissect/dissector.ts";
import { fromHex, toHex } from "../../codec/hex.ts";
import { collectRows } from "../../codec/rows/row.ts";
import { seededTest } from "../../seeded.ts";
import vectors from "../../vectors.json" with { type: "json" };

const ROWS = await collectRows();
const ARTICLE = fromHex(vectors.vectors["002-connect"].hex);

Deno.test("CONNECT of an article is the tree that Wireshark copies", () => {
  assertEquals(
    treeText(dissect(ARTICLE)),
    `MQ Telemetry Transport Protocol, Connect Command
    Header Flags: 0x10, Message Type: Connect Command
        0001 .... = Message Type: Connect Command (1)
        .... 0000 = Reserved: 0
    Msg Len: 51
    Protocol Name Length: 4
    Protocol Name: MQTT
    Version: MQTT v3.1.1 (4)
    Connect Flags: 0xc2, User Name Flag, Password Flag, QoS Level: At most once delivery (Fire and Forget), Clean Session Flag
        1... .... = User Name Flag: Set
        .1.. .... = Password Flag: Set
        ..0. .... = Will Retain: Not set
        ...0 0... = QoS Level: At most once delivery (Fire and Forget) (0)
        .... .0.. = Will Flag: Not set
        .... ..1. = Clean Session Flag: Set
        .... ...0 = (Reserved): Not set
    Keep Alive: 60
    Client ID Length: 15
    Client ID: 861694030142473
    User Name Length: 12
    User Name: libaineu2004
    Password Length: 8
    Password: 12345678
`,
  );
});

Deno.test("fieldAt() gives the field of a byte, with its section", () => {
  const { fields } = dissect(ARTICLE);
  const clientId = fieldAt(fields, 20);
  assertEquals([clientId?.abbreviation, clientId?.start, clientId?.end], ["mqtt.clientid", 14, 29]);
  assertEquals(clientId?.section, "MQTT 3.1.1 3.1.3.1");
  assertEquals(fieldAt(fields, 53), undefined);
});

Deno.test("fields of every good row take each byte once, and have no flaw", () => {
  let rows = 0;
  for (const { row, version } of versions()) {
    if (row.packet === undefined || Array.isArray(row.packet)) continue;
    rows += 1;
    const bytes = fromHex(row.hex);
    const { fields, flaw } = dissect(bytes, row.isFirst ? { isFirst: true } : { protocolVersion: version });
    const ranges = leaves(fields).map(({ start, end }) => [start, end] as const);
    const isWhole = ranges.every(([start], index) => start === (ranges[index - 1]?.[1] ?? 0)) &&
      ranges.at(-1)?.[1] === bytes.length;
    assert(isWhole, `${row.name} v${version}: ${ranges.join(" ")} of ${bytes.length}`);
    assertEquals(flaw, undefined, row.name);
  }
  assert(rows > 400, `${rows} rows`);
});

Deno.test("flaws of every bad row have its Reason Code and clause, and bytes of the packet", () => {
  let rows = 0;
  for (const { row, version } of versions()) {
    if (row.packet !== undefined) continue;
    const bytes = fromHex(row.hex);
    const { flaw } = dissect(bytes, row.isFirst ? { isFirst: true } : { protocolVersion: version });
    rows += 1;
    assert(flaw !== undefined, row.name);
    assertEquals<unknown>(flaw.reasonCode, row.reasonCode, row.name);
    assert(row.name.includes(`[${flaw.clause}]`), `${row.name}: ${flaw.clause}`);
    assert(
      0 <= flaw.start && flaw.start < flaw.end && flaw.end <= bytes.length,
      `${row.name}: ${flaw.start}-${flaw.end}`,
    );
    assert(flaw.answer !== undefined);
  }
  assert(rows > 700, `${rows} rows`);
});

/** Packets that are refused, the bytes that are marked, and the answer. */
const FLAWS: readonly [name: string, hex: string, version: number | undefined, marked: string, answer: string][] = [
  ["QoS 3", "36 [ 'a' 0001 ]", 4, "36", "the connection closes without an answer"],
  ["QoS 3", "36 [ 'a' 0001 00 ]", 5, "36", "DISCONNECT 0x81 (Malformed Packet), then the connection closes"],
  ["Packet Identifier 0", "32 [ 'a' 0000 ]", 4, "0000", "the connection closes without an answer"],
  ["U+0000 in a topic", "30 [ 0003 610062 ]", 4, "00", "the connection closes without an answer"],
  ["ill-formed UTF-8", "30 [ 0004 c3a961ff ]", 4, "ff", "the connection closes without an answer"],
  ["topic beyond the packet", "30 [ 0009 61 ]", 4, "0009", "the connection closes without an answer"],
  ["bytes after DISCONNECT", "e0 [ 0102 ]", 4, "0102", "the connection closes without an answer"],
  ["flags of SUBSCRIBE", "80 [ 0001 'a' 00 ]", 4, "80", "the connection closes without an answer"],
  [
    "reserved Subscription Options",
    "82 [ 0001 00 'a' c1 ]",
    5,
    "c1",
    "DISCONNECT 0x81 (Malformed Packet), then the connection closes",
  ],
  [
    "unknown property",
    "30 [ 'a' [ 7f 00 ] ]",
    5,
    "7f",
    "DISCONNECT 0x81 (Malformed Packet), then the connection closes",
  ],
  [
    "Receive Maximum 0",
    "10 [ 'MQTT' 05 02 003c [ 21 0000 ] 'a' ]",
    undefined,
    "0000",
    "CONNACK 0x82 (Protocol Error), then the connection closes",
  ],
  ["reserved Connect Flag", "10 [ 'MQTT' 04 03 003c 'a' ]", undefined, "03", "the connection closes without an answer"],
  [
    "Protocol Level 6",
    "10 [ 'MQTT' 06 02 003c 00 'a' ]",
    undefined,
    "06",
    "CONNACK 0x84 (Unsupported Protocol Version), then the connection closes",
  ],
  [
    "Protocol Level 2",
    "10 [ 'MQTT' 02 02 003c 'a' ]",
    undefined,
    "02",
    "CONNACK 0x01 (unacceptable protocol version), then the connection closes",
  ],
  ["Remaining Length of five bytes", "30 80 80 80 80 01", 4, "8080808001", "the connection closes without an answer"],
];

for (const [name, hex, protocolVersion, marked, answer] of FLAWS) {
  Deno.test(`flaw of ${name}, version ${protocolVersion ?? "of its own"}: its bytes and the answer`, () => {
    const bytes = fromHex(hex);
    const { flaw } = dissect(bytes, { protocolVersion, isFirst: protocolVersion === undefined });
    assertEquals(flaw && toHex(bytes.subarray(flaw.start, flaw.end)), marked);
    assertEquals(flaw?.answer, answer);
    assertEquals(dissect(bytes, { protocolVersion: protocolVersion ?? 4, isSent: true }).flaw?.answer, undefined);
  });
}

seededTest("withoutSecrets() hides the secrets of a packet that is damaged", (random) => {
  const [, hex, protocolVersion] = random.pick(SECRETS);
  const bytes = fromHex(hex);
  const damaged = random.integer(0, bytes.length - 1);
  if (bytes[damaged] === undefined || /[SECRET]/.test(String.fromCharCode(bytes[damaged]))) return;
  if (bytes[damaged] === 0x16) return; // Another identifier says that the value is not Authentication Data.
  bytes[damaged] = random.integer(0, 255);
  // A packet that is read in another way, without a fault, has another password; one of another type has none.
  const { flaw, type } = dissect(bytes, { protocolVersion });
  if (flaw === undefined || ![1, 2, 15].includes(type)) return;
  const hidden = new TextDecoder().decode(withoutSecrets(bytes, { protocolVersion }).bytes);
  assert(!hidden.includes("SECRET"), `${toHex(bytes)} ${flaw.message}`);
});

Deno.test("withoutSecrets() keeps all else, and each length", () => {
  const hidden = dissect(withoutSecrets(ARTICLE).bytes);
  assertEquals(treeText(hidden), treeText(dissect(ARTICLE)).replace("Password: 12345678", "Password: ********"));
});

Deno.test("withoutSecrets() gives the fault that its copy does not have", () => {
  const bytes = fromHex("10 [ 'MQTT' 04 c2 003c 'a' 00ff 'SECRET' ]");
  const hidden = withoutSecrets(bytes);
  assertEquals(hidden.flaw?.clause, "MQTT 2.1.4");
  assertEquals(dissect(hidden.bytes, { flaw: hidden.flaw }).flaw, dissect(bytes).flaw);
});

Deno.test("a PUBLISH with a Topic Alias alone shows the topic that it stands for", () => {
  const { fields, topicAlias } = dissect(fromHex("30 [ '' [ 23 0001 ] 61 ]"), {
    protocolVersion: 5,
    topicOfAlias: (alias) => alias === 1 ? "test/hello" : undefined,
  });
  assertEquals(topicAlias, 1);
  assert(
    treeText(dissect(fromHex("30 [ '' [ 23 0001 ] 61 ]"), { protocolVersion: 5, topicOfAlias: () => "a/b" }))
      .includes("    [Topic: a/b]\n"),
  );
  assertEquals(fields.find(({ isGenerated }) => isGenerated)?.value, "test/hello");
});

/** CONNECT and AUTH, and what must not be left of them. */
const SECRETS: readonly [name: string, hex: string, version?: number][] = [
  ["password", "10 [ 'MQTT' 04 c2 003c 'a' 'user' 'SECRET' ]"],
  ["password of MQTT 5", "10 [ 'MQTT' 05 c2 003c [ 15 'm' 16 'SECRET' ] 'a' 'user' 'SECRET' ]"],
  ["password without a User Name", "10 [ 'MQTT' 05 42 003c 00 'a' 'SECRET' ]"],
  ["password after a Will", "10 [ 'MQTT' 05 c6 003c 00 'a' [ 18 00000001 ] 'w' 'bye' 'user' 'SECRET' ]"],
  ["password without its flag", "10 [ 'MQTT' 04 82 003c 'a' 'user' 'SECRET' ]"],
  ["password whose length is too long", "10 [ 'MQTT' 04 c2 003c 'a' 'user' 00ff \"SECRET\" ]"],
  ["User Name whose length is too long", "10 [ 'MQTT' 04 c2 003c 'a' 00ff 'SECRET' ]"],
  ["properties that do not fit", "10 [ 'MQTT' 05 c2 003c ff01 'a' 'user' 'SECRET' ]"],
  ["unknown property", "10 [ 'MQTT' 05 c2 003c [ 7f 'SECRET' ] 'a' 'user' 'SECRET' ]"],
  ["level that is unknown", "10 [ 'MQTT' 06 c2 003c [ 15 'm' 16 'SECRET' ] 'a' 'user' 'SECRET' ]"],
  ["Authentication Data of AUTH", "f0 [ 18 [ 15 'm' 16 'SECRET' ] ]", 5],
  ["Authentication Data that is cut", "f0 [ 18 [ 15 'm' 16 00ff \"SECRET\" ] ]", 5],
  ["Authentication Data of CONNACK", "20 [ 00 00 [ 15 'm' 16 'SECRET' ] ]", 5],
];

for (const [name, hex, protocolVersion] of SECRETS) {
  Deno.test(`withoutSecrets() hides ${name}, whole and cut at every byte`, () => {
    const bytes = fromHex(hex);
    for (let length = 0; length <= bytes.length; length++) {
      const { bytes: hidden } = withoutSecrets(bytes.subarray(0, length), { protocolVersion });
      assertEquals(hidden.length, length);
      assert(!/S|E|C|R/.test(new TextDecoder().decode(hidden).replace("MQTT", "")), `${length}: ${toHex(hidden)}`);
    }
  });
}

seededTest("dissect() takes any bytes: fields are within them, and nothing is thrown", (random) => {
  const bytes = random.bytes(random.integer(0, 40));
  if (random.oneIn(2) && bytes.length > 1) bytes[1] = bytes.length - 2;
  for (const protocolVersion of [undefined, 3, 4, 5]) {
    const { fields, flaw } = dissect(bytes, { protocolVersion });
    for (const { start, end } of [...leaves(fields), ...flaw === undefined ? [] : [flaw]]) {
      assert(0 <= start && start <= end && end <= bytes.length, `${toHex(bytes)} ${start} ${end}`);
    }
  }
});

function versions() {
  return ROWS.flatMap((row) => row.versions.map((version) => ({ row, version })));
}

function leaves(fields: readonly Field[]): Field[] {
  return fields.flatMap((field) => {
    const { children } = field;
    const isGroup = children.length > 0 && children.at(-1)?.end === field.end && children[0]?.end !== field.end;
    return field.isGenerated ? [] : isGroup || field.abbreviation.endsWith("properties") ? leaves(children) : [field];
  });
}
